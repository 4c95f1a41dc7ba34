/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_worker.h"

#include "daemon/daemon_clock.h"
#include "realm/realm_conn.h"
#include "realm/realm_conn_batch.h"
#include "realm/realm_conn_life.h"
#include "realm/realm_conn_request.h"
#include "realm/realm_metrics.h"
#include "realm/realm_stomp_stream.h"

#include <stdlib.h>
#include <time.h>

enum {
    ANSWER_BYTES_MAX = 128 * 1024, /* one STOMP frame of ours */
    EXPIRY_EVERY_MS = 20,          /* events that expire close together go together */
    EXPIRY_LONGEST_MS = 60000,     /* wall time may jump */
    FORWARD_LINE_EVERY_MS = 60000, /* in the log, on the average */
    FORWARD_LINES_AT_ONCE = 5,
};

void realm_worker_tick(struct realm_worker *worker)
{
    router_set_now(&worker->router, daemon_clock_ms());
}

/* A timer that comes too early costs one look. Without memory for it events that are expired
 * are still not delivered, they only stay longer. */
static void set_expiry(struct realm_worker *worker)
{
    uint64_t routes_at = router_deadline(&worker->router);
    uint64_t queues_at = worker->queues.again_at;
    uint64_t at = routes_at < queues_at ? routes_at : queues_at;
    uint64_t now = worker->router.room.now;
    uint64_t in = at > now ? at - now : 0;

    if (at == EVENT_NEVER) {
        return;
    }
    in = in < EXPIRY_EVERY_MS ? EXPIRY_EVERY_MS : in;
    in = in > EXPIRY_LONGEST_MS ? EXPIRY_LONGEST_MS : in;
    if (!timer_is_set(&worker->expiry) ||
        worker->expiry.node.at > loop_now(worker->loop) + in) {
        enum err e = timer_set(&worker->expiry, loop_now(worker->loop) + in);

        if (e != OK) {
            log_warn(worker->log, "no timer for events that expire: %s", err_text(e));
        }
    }
}

static void on_expiry(void *ctx)
{
    struct realm_worker *worker = ctx;

    realm_worker_tick(worker);
    router_expire(&worker->router);
    queue_set_expire(&worker->queues);
    set_expiry(worker);
    realm_worker_published(worker);
}

/* Finer than the loop's clock, which stands still for a turn: what is measured is the turn. */
static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void on_loss(void *ctx, const struct router_route *queue, const struct queue_gone *gone)
{
    const struct realm_worker *worker = ctx;
    const struct router_rule *rule = queue->rule;
    const struct span grave = rule == NULL ? SPAN("") : rule->dead_events;

    metric_add(worker->metrics, REALM_METRICS_LOST, 1);
    if (gone->end != QUEUE_DEAD) {
        return;
    }
    if (grave.len == 0) {
        log_warn(worker->log,
                 "queue %.*s: event %llu came back %zu times and is dropped (RedeliveryMax; "
                 "DeadEvents would keep it)",
                 SPAN_ARG(queue->channel.name), (unsigned long long)gone->event->eid,
                 gone->returns);
    } else {
        log_warn(
            worker->log,
            "queue %.*s: event %llu came back %zu times and is dropped: %.*s is not there, "
            "or cannot hold it (DeadEvents; see its section)",
            SPAN_ARG(queue->channel.name), (unsigned long long)gone->event->eid, gone->returns,
            SPAN_ARG(grave));
    }
}

/* Every event of a channel may be one: the metric has them all, the log some. */
static void on_uncopied(void *ctx, const struct router_uncopied *uncopied)
{
    struct realm_worker *worker = ctx;
    const msec now = loop_now(worker->loop);

    if (realm_rate_is_over(&worker->forward_lines, now)) {
        return;
    }
    realm_rate_take(&worker->forward_lines, now);
    log_warn(worker->log, "%.*s: an event is not passed on to %.*s (%s): %s; %llu so far",
             SPAN_ARG(uncopied->from->channel.name), SPAN_ARG(uncopied->to),
             uncopied->is_dead ? "DeadEvents" : "Join", uncopied->why,
             (unsigned long long)worker->router.uncopied);
}

/* A session over HTTP may have nobody who sends for it: it keeps until somebody comes. */
static void is_due(struct realm_session *session)
{
    if (session->sender != NULL) {
        realm_conn_is_due(session->sender);
    }
}

/* It is to look again at what it may do: answers to send, requests to take in, or an end. */
static void look_later(struct realm_session *session)
{
    struct realm_conn *conn = session->sender;

    if (realm_carrier_is_ws(&session->carrier)) {
        loop_defer(conn->worker->loop, &conn->later);
    } else {
        realm_sockjs_look_later(realm_sockjs_of(session));
    }
}

void realm_worker_wake(struct realm_worker *worker)
{
    while (!list_is_empty(&worker->held) && !router_is_congested(&worker->router)) {
        struct realm_session *session =
            LIST_ENTRY(worker->held.next, struct realm_session, held);

        list_remove(&session->held);
        look_later(session);
    }
}

static void on_room(void *ctx)
{
    realm_worker_wake(ctx);
}

/* Nothing in here takes a cursor out of a list: connections that fail end a little later. */
static void on_fan_out(void *ctx)
{
    struct realm_worker *worker = ctx;
    struct queue_reader *reader;
    struct session *session;
    struct view *view;

    queue_set_tidy(&worker->queues);
    while ((view = router_next_dirty(&worker->router)) != NULL) {
        LIST_FOREACH (node, after, &view->cursors) {
            struct view_cursor *cursor = LIST_ENTRY(node, struct view_cursor, node);

            is_due(session_wake(cursor)->owner);
        }
    }
    while ((reader = queue_set_next_woken(&worker->queues)) != NULL) {
        is_due(session_wake_reader(reader)->owner);
    }
    while ((session = session_next_orphan(&worker->router)) != NULL) {
        look_later(session->owner);
    }
    while (!list_is_empty(&worker->due)) {
        realm_conn_batch_flush(worker);
    }
    realm_worker_wake(worker);
    realm_worker_published(worker); /* who has looked through much in vain comes again */
    if (worker->dirty_at != 0) {
        metric_observe(worker->metrics, REALM_METRICS_FAN_OUT_US, now_us() - worker->dirty_at);
        worker->dirty_at = 0;
    }
}

/* Answers to send; and there may be room for further requests. */
static void on_news(void *owner)
{
    look_later(owner);
}

/* Something was published, here or by another realm: it is sent, and may expire. */
static void on_shared(void *ctx)
{
    realm_worker_tick(ctx);
    realm_worker_published(ctx);
}

static struct router_conf router_conf_of(const struct realm_conf *conf)
{
    return (struct router_conf){
        .rules = conf->rules,
        .rule_count = conf->rule_count,
        .limits =
            {
                .channels = conf->channels_max,
                .durables = conf->durables_max,
                .store_bytes = conf->store_bytes_total,
                .ring_bytes = conf->view_bytes_total,
                .view = {.ring_bytes = conf->view_bytes,
                         /* Not what may be published now: what is stored may be longer. */
                         .frame_bytes = realm_stomp_forms_bytes(REALM_CONF_EVENT_BYTES_MAX)},
            },
    };
}

static enum err begin_era(struct realm_worker *worker, const struct realm_conf *conf,
                          struct daemon_snapshot *snapshot)
{
    const struct realm_era_parts parts = {
        .router = &worker->router,
        .queues = &worker->queues,
        .groups = &worker->groups,
        .hall = &worker->hall,
        .forms = &worker->forms,
        .answers = &worker->answers,
        .rng = &worker->rng,
        .metrics = worker->metrics,
        .on_news = on_news,
        .event_bytes = worker->event_bytes,
    };
    struct realm_era *old = worker->era;

    TRY(realm_era_new(&worker->era, conf, snapshot, &parts));
    worker->login.conf = conf;
    if (old != NULL) {
        realm_conn_review_all(worker, old->conf->access.users);
        realm_sockjs_review_all(&worker->sockjs, old->conf->access.users);
    }
    realm_era_unref(old);
    return OK;
}

static enum err explain(enum err e, const struct realm_worker_parts *parts, const char *why)
{
    if (e == ERR_LIMIT && parts->diag != NULL) {
        diag_error(parts->diag, parts->file, 0, "%s", why);
    }
    return e;
}

/* What was stored, and what the sections name. */
static enum err restore(struct realm_worker *worker, const struct realm_worker_parts *parts)
{
    TRY(explain(durable_set_restore(&worker->router.durables), parts,
                "DurablesMax: the store has more durable subscriptions than that (raise it)"));
    TRY(transaction_hall_load(&worker->hall));
    TRY(realm_made_load(&worker->made, parts->conf));
    return explain(
        router_declare(&worker->router), parts,
        "ChannelsMax: there are more <Channel>, <Queue> and <DataGroup> sections of a single name "
        "than that (raise it)");
}

enum err realm_worker_init(struct realm_worker *worker, const struct realm_worker_parts *parts)
{
    struct router_conf router_conf = router_conf_of(parts->conf);
    const struct realm_store_parts store_parts = {.conf = parts->conf,
                                                  .loop = parts->loop,
                                                  .log = parts->log,
                                                  .rng = &worker->rng,
                                                  .file = parts->file,
                                                  .diag = parts->diag};
    enum err e;

    *worker = (struct realm_worker){
        .loop = parts->loop,
        .log = parts->log,
        .metrics = parts->metrics,
        .login = {.desk = parts->desk, .log = parts->log, .metrics = parts->metrics},
        .emptied = parts->emptied,
        .emptied_ctx = parts->emptied_ctx,
        .event_bytes = parts->conf->event_bytes,
        .rng = parts->rng};
    e = realm_store_open(&worker->store, &store_parts);
    router_conf.store = worker->store.store;
    if (router_conf.store != NULL) {
        router_conf.store->on_room = on_room;
        router_conf.store->on_room_ctx = worker;
    }
    router_init(&worker->router, &router_conf, &worker->rng);
    worker->router.on_uncopied = on_uncopied;
    worker->router.on_uncopied_ctx = worker;
    realm_rate_init(&worker->forward_lines, 1, FORWARD_LINE_EVERY_MS, FORWARD_LINES_AT_ONCE,
                    loop_now(worker->loop));
    datagroup_set_init(&worker->groups, &worker->router, realm_stomp_stream_may);
    queue_set_init(&worker->queues,
                   &(struct queue_set_conf){.router = &worker->router,
                                            .ids_max = parts->conf->publish_ids_max,
                                            .on_loss = on_loss,
                                            .ctx = worker});
    realm_stomp_forms_init(&worker->forms, REALM_CONF_EVENT_BYTES_MAX, worker->metrics);
    transaction_hall_init(&worker->hall, &worker->router, &parts->conf->transactions);
    buf_init(&worker->answers, ANSWER_BYTES_MAX);
    realm_clients_init(&worker->clients);
    realm_publishers_init(&worker->publishers);
    realm_sockjs_init(&worker->sockjs, parts->conf->sessions_max);
    realm_seats_set(&worker->seats, parts->conf->sessions_max, parts->descriptors);
    list_init(&worker->conns);
    list_init(&worker->spare_requests);
    list_init(&worker->due);
    list_init(&worker->held);
    realm_made_init(&worker->made, &worker->router, worker->log);
    loop_later_init(&worker->fan_out, on_fan_out, worker);
    timer_init(&worker->expiry, worker->loop, on_expiry, worker);
    TRY(e);
    TRY(crew_new(&worker->crew, parts->hands));
    worker->room = malloc(REALM_WORKER_ROOM_BYTES);
    if (worker->room == NULL) {
        return ERR_NOMEM;
    }
    TRY(begin_era(worker, parts->conf, parts->snapshot));
    realm_worker_tick(worker);
    TRY(restore(worker, parts));
    realm_made_open(&worker->made);
    worker->shared = (struct realm_shared){.router = &worker->router,
                                           .hall = &worker->hall,
                                           .made = &worker->made,
                                           .queues = &worker->queues,
                                           .loop = worker->loop,
                                           .on_news = on_shared,
                                           .ctx = worker};
    realm_shared_begin(&worker->shared);
    return OK;
}

enum err realm_worker_adopt(struct realm_worker *worker, const struct realm_conf *conf,
                            struct daemon_snapshot *snapshot)
{
    const struct router_conf router_conf = router_conf_of(conf);

    TRY(begin_era(worker, conf, snapshot));
    realm_seats_set(&worker->seats, conf->sessions_max, worker->seats.descriptors);
    queue_set_adopt(&worker->queues, conf->publish_ids_max);
    transaction_hall_adopt(&worker->hall, &conf->transactions);
    /* Before anything else looks for a channel. */
    realm_made_adopt(&worker->made, conf);
    TRY(router_adopt(&worker->router, &router_conf));
    TRY(router_declare(&worker->router));
    realm_made_open(&worker->made);
    return OK;
}

void realm_worker_fini(struct realm_worker *worker)
{
    if (worker->loop == NULL) {
        return;
    }
    assert(list_is_empty(&worker->conns));
    realm_sockjs_fini(&worker->sockjs);
    realm_conn_request_forget_spares(worker);
    loop_undefer(&worker->fan_out);
    timer_cancel(&worker->expiry);
    queue_set_finish(&worker->queues);
    realm_shared_end(&worker->shared);
    realm_store_close(&worker->store);
    transaction_hall_fini(&worker->hall);
    queue_set_fini(&worker->queues);
    realm_made_fini(&worker->made);
    router_fini(&worker->router);
    datagroup_set_fini(&worker->groups);
    realm_stomp_forms_fini(&worker->forms);
    buf_fini(&worker->answers);
    realm_clients_fini(&worker->clients);
    realm_publishers_fini(&worker->publishers);
    free(worker->room);
    crew_free(worker->crew);
    realm_era_unref(worker->era);
}

bool realm_worker_is_full(const struct realm_worker *worker)
{
    return worker->conn_count >= worker->seats.sessions ||
           worker->conn_count + worker->sockjs.idle >= worker->era->conf->sessions_max;
}

void realm_worker_left(struct realm_worker *worker)
{
    realm_seats_left(&worker->seats, worker->conn_count + worker->sockjs.idle);
}

/* What has grown since it was counted last. */
static void count(struct realm_worker *worker, enum realm_metrics row, uint64_t *counted,
                  uint64_t now)
{
    metric_add(worker->metrics, row, now - *counted);
    *counted = now;
}

static void count_store(struct realm_worker *worker)
{
    const struct store *store = worker->store.store;

    count(worker, REALM_METRICS_UNCOPIED, &worker->uncopied, worker->router.uncopied);
    metric_set(worker->metrics, REALM_METRICS_DURABLES,
               map_count(&worker->router.durables.map));
    if (store != NULL) {
        count(worker, REALM_METRICS_STORE_REFUSED, &worker->refused, store->refused_count);
        count(worker, REALM_METRICS_STORE_CORRUPT, &worker->corrupt, store->corrupt_count);
        metric_set(worker->metrics, REALM_METRICS_STORE_PENDING, store->pending_bytes);
    }
}

void realm_worker_published(struct realm_worker *worker)
{
    set_expiry(worker);
    count_store(worker);
    metric_set(worker->metrics, REALM_METRICS_CHANNELS, map_count(&worker->router.routes));
    metric_set(worker->metrics, REALM_METRICS_DATA_STREAMS, map_count(&worker->groups.map));
    metric_set(worker->metrics, REALM_METRICS_STORED_BYTES, worker->router.budget.used);
    if (queue_set_is_busy(&worker->queues) || !list_is_empty(&worker->router.orphans)) {
        loop_defer(worker->loop, &worker->fan_out);
    }
    if (router_is_dirty(&worker->router)) {
        worker->dirty_at = worker->dirty_at == 0 ? now_us() : worker->dirty_at;
        loop_defer(worker->loop, &worker->fan_out);
    }
}
