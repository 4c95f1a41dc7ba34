/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_worker.h"

#include "realm/realm_conn.h"

#include <stdlib.h>

enum {
    ANSWER_BYTES_MAX = 128 * 1024 /* one STOMP frame of ours */
};

/* Nothing in here takes a cursor out of a list: connections that fail end a little later. */
static void on_fan_out(void *ctx)
{
    struct realm_worker *worker = ctx;
    struct view *view;

    while ((view = router_next_dirty(&worker->router)) != NULL) {
        LIST_FOREACH (node, after, &view->cursors) {
            struct view_cursor *cursor = LIST_ENTRY(node, struct view_cursor, node);

            realm_conn_is_due(session_wake(cursor)->owner);
        }
    }
    while (!list_is_empty(&worker->due)) {
        realm_conn_flush_first_due(worker);
    }
}

enum err realm_worker_init(struct realm_worker *worker, const struct realm_worker_parts *parts)
{
    const struct realm_conf *conf = parts->conf;
    const struct router_conf router_conf = {
        .rules = conf->rules,
        .rule_count = conf->rule_count,
        .limits =
            {
                .channels = conf->channels_max,
                .store_bytes = conf->store_bytes_total,
                .ring_bytes = conf->view_bytes_total,
                .view = {.ring_bytes = conf->view_bytes,
                         .frame_bytes = conf->event_bytes + REALM_STOMP_OVERHEAD_BYTES},
            },
    };

    *worker = (struct realm_worker){
        .conf = conf, .loop = parts->loop, .log = parts->log, .rng = parts->rng};
    worker->env = (struct realm_session_env){
        .stomp = {.router = &worker->router,
                  .scratch = &worker->answers,
                  .subscriptions_max = conf->subscriptions_max,
                  .event_bytes = conf->event_bytes,
                  .heart_beat = conf->heart_beat},
        .rng = &worker->rng,
        .outbox_bytes = conf->outbox_bytes,
        .echo_bytes = conf->echo_bytes,
        .heart_beat = conf->heart_beat,
    };
    router_init(&worker->router, &router_conf, &worker->rng);
    buf_init(&worker->answers, ANSWER_BYTES_MAX);
    list_init(&worker->conns);
    list_init(&worker->due);
    loop_later_init(&worker->fan_out, on_fan_out, worker);
    worker->room = malloc(REALM_WORKER_ROOM_BYTES);
    return worker->room == NULL ? ERR_NOMEM : OK;
}

void realm_worker_fini(struct realm_worker *worker)
{
    if (worker->conf == NULL) {
        return;
    }
    assert(list_is_empty(&worker->conns));
    loop_undefer(&worker->fan_out);
    router_fini(&worker->router);
    buf_fini(&worker->answers);
    free(worker->room);
}

void realm_worker_published(struct realm_worker *worker)
{
    if (router_is_dirty(&worker->router)) {
        loop_defer(worker->loop, &worker->fan_out);
    }
}
