/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_sockjs.h"

#include "pubsub/channel_merge.h"
#include "realm/realm_conn.h"
#include "realm/realm_conn_life.h"
#include "realm/realm_log.h"
#include "realm/realm_metrics.h"
#include "realm/realm_worker.h"

#include <stdlib.h>

void realm_sockjs_init(struct realm_sockjs *table, size_t sessions_max)
{
    *table = (struct realm_sockjs){.idle = 0};
    map_init(&table->sessions, sessions_max);
    list_init(&table->list);
}

struct realm_sockjs_session *realm_sockjs_find(const struct realm_sockjs *table,
                                               struct span name)
{
    return map_find(&table->sessions, name);
}

static msec now_of(const struct realm_sockjs_session *session)
{
    return loop_now(session->worker->loop);
}

static const struct realm_conf *conf_of(const struct realm_sockjs_session *session)
{
    return session->era->conf;
}

/* ---- the end ---- */

/* Nothing waits for it any more. */
static void release_senders(struct realm_sockjs_session *session, uint64_t taken, bool is_over)
{
    LIST_FOREACH (node, after, &session->senders) {
        struct realm_sockjs_sender *sender = LIST_ENTRY(node, struct realm_sockjs_sender, node);

        if (is_over || sender->end <= taken) {
            list_remove(&sender->node);
            sender->taken(sender, is_over);
        }
    }
}

static struct realm_log_client log_client(const struct realm_sockjs_session *it)
{
    return (struct realm_log_client){it->worker->log, &it->peer, it->id, it->is_tls,
                                     realm_login_subject(&it->login).user};
}

/* The session's subscriptions end here, so nobody may be walking over cursors. */
static void end(struct realm_sockjs_session *it)
{
    struct realm_worker *worker = it->worker;
    const struct realm_log_client client = log_client(it);
    const struct realm_log_totals totals = {now_of(it) - it->began, it->in_bytes,
                                            it->out_bytes};

    if (it->is_over) {
        return;
    }
    it->is_over = true;
    it->left_at = now_of(it);
    realm_login_cancel(&it->login);
    realm_session_fini(&it->session);
    realm_worker_published(worker); /* what it had of queues goes to others */
    realm_log_ended(&client, &it->session, &totals);
    metric_sub(worker->metrics, REALM_METRICS_SESSIONS, 1);
    metric_add(worker->metrics, REALM_METRICS_CLOSED_NOBODY + it->session.closer, 1);
    realm_session_forget(&it->session);
    release_senders(it, 0, true);
}

static void end_why(struct realm_sockjs_session *it, const char *why)
{
    if (!it->is_over && it->session.closer == REALM_SESSION_NOBODY && it->session.why == NULL) {
        it->session.why = strdup(why); /* NULL: the log line will be without it */
    }
    end(it);
}

static void forget(struct realm_sockjs_session *it)
{
    struct realm_sockjs *table = &it->worker->sockjs;

    assert(it->session.sender == NULL);
    end(it);
    map_remove(&table->sessions, span_of(it->name, it->name_len));
    list_remove(&it->node);
    table->idle--;
    realm_worker_left(it->worker);
    timer_cancel(&it->timer);
    loop_undefer(&it->later);
    realm_login_fini(&it->login);
    realm_clients_leave(&it->worker->clients, it->client);
    realm_era_unref(it->era);
    free(it);
}

void realm_sockjs_fini(struct realm_sockjs *table)
{
    if (table->sessions.max == 0) {
        return;
    }
    LIST_FOREACH (node, after, &table->list) {
        forget(LIST_ENTRY(node, struct realm_sockjs_session, node));
    }
    map_fini(&table->sessions);
}

/* ---- time ---- */

/* When it must have said CONNECT, and have been let in; MSEC_NEVER: it has, or is closing. */
static msec opening_deadline(const struct realm_sockjs_session *it)
{
    return realm_session_is_opening(&it->session) && !realm_session_is_closing(&it->session)
               ? it->began + conf_of(it)->handshake_timeout
               : MSEC_NEVER;
}

static msec deadline_of(const struct realm_sockjs_session *it)
{
    msec at = MSEC_NEVER;

    if (!it->is_over) {
        at = msec_min(realm_session_deadline(&it->session), opening_deadline(it));
    }
    if (it->session.sender == NULL) {
        at = msec_min(at, it->left_at + conf_of(it)->sockjs.disconnect_delay);
    }
    return at;
}

/* A timer that comes too early costs one look. */
static void set_timer(struct realm_sockjs_session *it)
{
    msec at = deadline_of(it);

    if (at == MSEC_NEVER || (timer_is_set(&it->timer) && it->timer.node.at <= at)) {
        return;
    }
    if (timer_set(&it->timer, at) != OK) {
        log_warn(it->worker->log, "no timer for session %llu: %s", (unsigned long long)it->id,
                 err_text(ERR_NOMEM));
        end_why(it, err_text(ERR_NOMEM));
    }
}

/* ---- what it does by itself ---- */

static void count_events(struct realm_sockjs_session *it)
{
    uint64_t count = realm_session_count_in(&it->session);

    metric_add(it->worker->metrics, REALM_METRICS_EVENTS_IN, count - it->counted_in);
    it->counted_in = count;
}

static bool may_take(const struct realm_sockjs_session *it)
{
    return realm_session_is_waiting(&it->session) && !realm_session_is_paused(&it->session);
}

static enum err settle(struct realm_sockjs_session *it, enum err e)
{
    count_events(it);
    realm_worker_published(it->worker);
    metric_add(it->worker->metrics, REALM_METRICS_SLOW, e == ERR_LIMIT);
    return e;
}

/* What comes of taking `text` in, or of what waits. */
static enum err take(struct realm_sockjs_session *it, struct mspan text)
{
    realm_worker_tick(it->worker);
    return settle(it, realm_session_take(&it->session, text, now_of(it)));
}

static enum err go_on_with_frame(struct realm_sockjs_session *it)
{
    realm_worker_tick(it->worker);
    return settle(it, realm_session_go_on(&it->session, now_of(it)));
}

/* Who has ended it from here, with a receiver that could still hear why. */
static void end_receiver(struct realm_sockjs_session *it)
{
    struct realm_conn *conn = it->session.sender;

    if (conn != NULL) {
        realm_conn_life_end(conn); /* detaches */
    }
}

static void tell_senders(struct realm_sockjs_session *it)
{
    release_senders(it, it->said - it->session.waiting.len, false);
}

static void wake_receiver(struct realm_sockjs_session *it)
{
    if (it->session.sender != NULL) {
        realm_conn_is_due(it->session.sender);
        loop_defer(it->worker->loop, &it->worker->fan_out);
    }
}

/* A channel that it subscribes to may have been removed; what waits may be taken in by now. */
static enum err look(struct realm_sockjs_session *it)
{
    TRY(realm_session_part(&it->session, now_of(it)));
    if (realm_session_awaits_route(&it->session)) {
        TRY(go_on_with_frame(it));
    }
    return may_take(it) ? take(it, mspan_of(NULL, 0)) : OK;
}

/* False when it is over. */
static bool go_on(struct realm_sockjs_session *it)
{
    if (it->is_broken) {
        end_why(it, "the client's stream broke while it was sent to");
    } else if (!it->is_over && look(it) != OK) {
        end_receiver(it);
        end(it);
    } else if (!it->is_over && realm_session_is_finished(&it->session) &&
               it->session.sender == NULL) {
        end(it);
    }
    return !it->is_over;
}

/* What is owed wakes it, too; but the room that others have taken is for the worker to tell. */
static void wait_for_room(struct realm_sockjs_session *it)
{
    list_remove(&it->session.held);
    if (!it->is_over && realm_session_awaits_route(&it->session)) {
        loop_defer(it->worker->loop, &it->later);
        return;
    }
    if (!may_take(it) || realm_session_is_owed(&it->session)) {
        return;
    }
    if (router_is_congested(&it->worker->router)) {
        list_append(&it->worker->held, &it->session.held);
    } else if (!realm_session_is_held(&it->session) ||
               channel_merge_has_enough(&it->worker->router.budget)) {
        loop_defer(it->worker->loop, &it->later);
    }
}

static void on_later(void *ctx)
{
    struct realm_sockjs_session *it = ctx;

    if (go_on(it)) {
        tell_senders(it);
        wake_receiver(it);
        wait_for_room(it);
    }
    set_timer(it);
}

void realm_sockjs_look_later(struct realm_sockjs_session *session)
{
    loop_defer(session->worker->loop, &session->later);
}

static bool is_abandoned(const struct realm_sockjs_session *it)
{
    return it->session.sender == NULL &&
           now_of(it) >= it->left_at + conf_of(it)->sockjs.disconnect_delay;
}

static void on_time(void *ctx)
{
    struct realm_sockjs_session *it = ctx;
    msec now = now_of(it);

    if (is_abandoned(it)) {
        end_why(it, "the client did not come back for what it is told");
        forget(it);
        return;
    }
    if (!it->is_over &&
        ((now >= opening_deadline(it) &&
          realm_session_dismiss(&it->session,
                                "no CONNECT came, or was verified, within HandshakeTimeout",
                                now) != OK) ||
         realm_session_expire(&it->session, now) != OK)) {
        end_receiver(it);
        end(it);
    }
    on_later(it);
}

static void on_login(void *ctx, enum realm_login_verdict verdict)
{
    struct realm_sockjs_session *it = ctx;

    realm_worker_tick(it->worker);
    if (realm_session_logged_in(&it->session, verdict, now_of(it)) != OK) {
        end_receiver(it);
        end(it);
    }
    realm_worker_published(it->worker);
    realm_sockjs_look_later(it);
}

void realm_sockjs_review_all(struct realm_sockjs *table, const struct htpasswd *before)
{
    LIST_FOREACH (node, after, &table->list) {
        struct realm_sockjs_session *it = LIST_ENTRY(node, struct realm_sockjs_session, node);

        if (!it->is_over) {
            realm_login_review(&it->login, before);
            realm_session_review(&it->session);
            realm_sockjs_look_later(it);
        }
    }
}

/* ---- the beginning ---- */

static enum err enter(struct realm_sockjs_session *it, struct realm_conn *conn)
{
    struct realm_worker *worker = it->worker;
    size_t max = conn->era->conf->access.connections_per_client;
    enum err e;

    if (worker->conn_count + worker->sockjs.idle > conn->era->conf->sessions_max) {
        return ERR_LIMIT;
    }
    TRY(realm_clients_enter(&worker->clients, &conn->peer, max, &it->client));
    e = map_insert(&worker->sockjs.sessions, span_of(it->name, it->name_len), it);
    if (e != OK) {
        realm_clients_leave(&worker->clients, it->client);
    }
    return e;
}

enum err realm_sockjs_open(struct realm_conn *conn, const struct realm_http_verdict *verdict,
                           struct realm_sockjs_session **ret_session)
{
    struct realm_worker *worker = conn->worker;
    struct realm_sockjs_session *it = calloc(1, sizeof *it);
    const struct realm_session_birth birth = {.carrier = verdict->carrier,
                                              .id = worker->last_id + 1};
    struct realm_log_client client;
    enum err e, inited;

    if (it == NULL) {
        return ERR_NOMEM;
    }
    it->worker = worker;
    it->name_len = verdict->sockjs.session.len;
    assert(it->name_len <= sizeof it->name);
    memcpy(it->name, verdict->sockjs.session.ptr, it->name_len);
    e = enter(it, conn);
    if (e != OK) {
        free(it);
        return e;
    }
    it->id = ++worker->last_id;
    it->era = realm_era_ref(conn->era);
    it->peer = conn->peer;
    it->is_tls = conn->way == REALM_HOST_OVER_TLS;
    it->began = it->left_at = now_of(it);
    list_init(&it->senders);
    list_append(&worker->sockjs.list, &it->node);
    worker->sockjs.idle++;
    timer_init(&it->timer, worker->loop, on_time, it);
    loop_later_init(&it->later, on_later, it);
    realm_login_init(&it->login, &worker->login, &it->peer, it->client, on_login, it);
    e = realm_login_copy(&it->login, &conn->login);
    metric_add(worker->metrics, REALM_METRICS_SESSIONS_TOTAL, 1);
    metric_add(worker->metrics, REALM_METRICS_SESSIONS, 1);
    metric_add(worker->metrics, REALM_METRICS_SESSIONS_SOCKJS, 1);
    client = log_client(it);
    realm_log_began(&client, verdict);
    inited = realm_session_init(&it->session, &it->era->env, &birth, it->began);
    e = e == OK ? inited : e;
    realm_session_set_login(&it->session, &it->login);
    if (e != OK) {
        forget(it);
        return e;
    }
    set_timer(it);
    *ret_session = it;
    return OK;
}

/* ---- receivers and senders ---- */

void realm_sockjs_attach(struct realm_sockjs_session *session, struct realm_conn *conn)
{
    assert(!session->is_over && session->session.sender == NULL);
    session->session.sender = conn;
    session->worker->sockjs.idle--;
    realm_carrier_set_received(&session->session.carrier, true, now_of(session));
    set_timer(session);
}

void realm_sockjs_detach(struct realm_sockjs_session *session, bool is_broken)
{
    assert(session->session.sender != NULL);
    session->session.sender = NULL;
    session->session.is_pausing = false;
    session->worker->sockjs.idle++;
    session->left_at = now_of(session);
    session->is_broken = is_broken && !session->is_over;
    if (!session->is_over) {
        realm_carrier_set_received(&session->session.carrier, false, session->left_at);
    }
    realm_sockjs_look_later(session);
}

enum err realm_sockjs_say(struct realm_sockjs_session *session, struct mspan text,
                          struct realm_sockjs_sender *sender)
{
    const struct buf *waiting = &session->session.waiting;
    enum err e;

    if (text.len > waiting->max - waiting->len) {
        return ERR_LIMIT;
    }
    session->said += text.len;
    session->in_bytes += text.len;
    e = take(session, text);
    if (e != OK) {
        end_receiver(session);
        session->is_broken = true; /* over in a moment */
        realm_sockjs_look_later(session);
        return e == ERR_LIMIT ? ERR_CLOSED : e;
    }
    realm_sockjs_look_later(session);
    if (waiting->len == 0) {
        return OK;
    }
    sender->end = session->said;
    list_append(&session->senders, &sender->node);
    return ERR_AGAIN;
}
