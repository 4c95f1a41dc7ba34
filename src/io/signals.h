/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * SIGINT and SIGTERM as calls on a loop, for programs of one thread. (The daemons wait for
 * theirs in a thread of its own.)
 */
#pragma once

#include "io/loop.h"

struct signals;

typedef void signals_received(void *ctx, int number);

/** From now on the two signals no longer end the process; SIGPIPE is ignored. ERR_NOMEM, ERR_IO
 *  with errno. */
must_check enum err signals_new(struct signals **ret_signals, struct loop *loop,
                                signals_received *received, void *ctx);

/** The signals stay blocked. Takes NULL. */
void signals_free(struct signals *signals);
