/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The end of a worker in peace: sessions are told to go (1012: come back in a moment), some in
 * each tick, so that those who come back do not come all at once.
 */
#pragma once

#include "io/timer.h"

struct realm_worker;

enum {
    REALM_DRAIN_SPREAD_MS = 10000, /* the most that telling all of them takes */
    REALM_DRAIN_TICK_MS = 100,
    REALM_DRAIN_TICK_SESSIONS = 100, /* so many in a tick are no crowd */
};

/* Zeroed before it begins; all of it is realm_drain.c's own. */
struct realm_drain {
    struct realm_worker *worker; /* borrowed; NULL: not begun */
    struct timer timer;
    size_t per_tick;
};

/** How many to tell in each tick, for all of `sessions` to be told within `limit` (0: there is
 *  none), and with half of it left to go in. */
size_t realm_drain_per_tick(size_t sessions, msec limit);

/** `limit`: what GracefulShutdownTimeout leaves; 0: no limit. */
void realm_drain_begin(struct realm_drain *drain, struct realm_worker *worker, msec limit);

/** Takes one that has not begun. */
void realm_drain_end(struct realm_drain *drain);
