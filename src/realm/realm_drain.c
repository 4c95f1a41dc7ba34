/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_drain.h"

#include "realm/realm_conn.h"
#include "realm/realm_worker.h"

size_t realm_drain_per_tick(size_t sessions, msec limit)
{
    msec spread =
        limit == 0 ? REALM_DRAIN_SPREAD_MS : msec_min(limit / 2, REALM_DRAIN_SPREAD_MS);
    size_t ticks = (size_t)(spread / REALM_DRAIN_TICK_MS);
    size_t share = ticks == 0 ? sessions : (sessions + ticks - 1) / ticks;

    return share < REALM_DRAIN_TICK_SESSIONS ? REALM_DRAIN_TICK_SESSIONS : share;
}

/* Without memory for the timer nobody is spared the crowd. */
static void on_tick(void *ctx)
{
    struct realm_drain *drain = ctx;
    struct realm_worker *worker = drain->worker;
    msec next = loop_now(worker->loop) + REALM_DRAIN_TICK_MS;

    if (realm_conn_send_away(worker, drain->per_tick) == drain->per_tick &&
        timer_set(&drain->timer, next) != OK) {
        realm_conn_send_away(worker, SIZE_MAX);
    }
}

void realm_drain_begin(struct realm_drain *drain, struct realm_worker *worker, msec limit)
{
    drain->worker = worker;
    drain->per_tick = realm_drain_per_tick(worker->conn_count, limit);
    timer_init(&drain->timer, worker->loop, on_tick, drain);
    worker->is_draining = true;
    on_tick(drain);
}

void realm_drain_end(struct realm_drain *drain)
{
    if (drain->worker != NULL) {
        timer_cancel(&drain->timer);
    }
}
