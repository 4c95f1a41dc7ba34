/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * From "ready" to the end: what the main thread does while the workers serve. It waits for
 * signals, looks at the memory once a second where there is a ceiling, and watches the drain.
 */
#pragma once

#include <signal.h>

struct daemon;

/** The signals that it waits for; to be blocked before the first thread. */
void daemon_life_signals(sigset_t *ret_awaited);

/** Returns when the daemon is to stop. */
void daemon_life_run(struct daemon *daemon, const sigset_t *awaited);
