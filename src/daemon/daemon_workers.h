/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The threads of the skeleton: made, started, told and stopped together.
 */
#pragma once

#include "base/err.h"

struct daemon;

/** As many as `Workers` says; none runs yet. ERR_NOMEM. */
must_check enum err daemon_workers_alloc(struct daemon *daemon);

/** Opens and runs all. On failure some may run: daemon_workers_stop(). */
must_check enum err daemon_workers_start(struct daemon *daemon);

/** Each learns that it is to drain. */
void daemon_workers_drain(struct daemon *daemon);

/** Each has the daemon's current snapshot from its next turn on. ERR_NOMEM: none has. */
must_check enum err daemon_workers_adopt(struct daemon *daemon);

/** Stops and frees all, however far they came. */
void daemon_workers_stop(struct daemon *daemon);
