/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/session.h"

#include "pubsub/router_shared.h"

#include <stdlib.h>

void session_init(struct session *session, size_t max_subs, void *owner)
{
    *session = (struct session){.owner = owner};
    map_init(&session->subs, max_subs);
    list_init(&session->ready);
}

static void forget(struct session *session, struct session_sub *sub)
{
    if (!sub->is_unlisted) {
        map_remove(&session->subs, span_of(sub->id, sub->id_len));
    }
    list_remove(&sub->ready);
    list_remove(&sub->of_route);
    if (sub->fed != NULL) {
        queue_feed_end(&sub->fed->feed);
        free(sub->fed);
    }
    view_detach(&sub->cursor);
    durable_close(sub->durable);
    if (!sub->is_unlisted) {
        router_release(sub->route);
    }
    if (session->orphan == sub) {
        session->orphan = NULL;
    }
    if (session->current == sub) {
        session->current = NULL;
        session->offered = 0;
    }
    free(sub);
}

static void on_last_visit(void *ctx, void *value)
{
    forget(ctx, value);
}

static void forget_rest(struct session *session)
{
    if (session->rest != NULL) {
        buf_fini(&session->rest->bytes);
        free(session->rest);
        session->rest = NULL;
    }
}

void session_fini(struct session *session)
{
    map_visit(&session->subs, on_last_visit, session);
    map_fini(&session->subs);
    forget_rest(session);
}

struct session_sub *session_find(const struct session *session, struct span id)
{
    return map_find(&session->subs, id);
}

static void mark_ready(struct session_sub *sub)
{
    if (list_is_empty(&sub->ready)) {
        list_append(&sub->session->ready, &sub->ready);
    }
}

/* It reads nothing yet. NULL: there is no memory. */
static struct session_sub *sub_make(struct session *session, struct span id,
                                    struct router_route *route)
{
    struct session_sub *sub = calloc(1, sizeof *sub + id.len);

    assert(id.len <= VIEW_ID_MAX);
    if (sub == NULL) {
        return NULL;
    }
    sub->session = session;
    sub->route = route;
    list_init(&sub->ready);
    list_init(&sub->of_route);
    sub->id_len = id.len;
    if (id.len > 0) {
        memcpy(sub->id, id.ptr, id.len);
    }
    return sub;
}

/* It is in the map. */
static enum err sub_new(struct session *session, struct span id, struct router_route *route,
                        struct session_sub **ret_sub)
{
    struct session_sub *sub;
    enum err e;

    assert(session_find(session, id) == NULL);
    if (map_count(&session->subs) >= session->subs.max) {
        return ERR_LIMIT;
    }
    sub = sub_make(session, id, route);
    if (sub == NULL) {
        return ERR_NOMEM;
    }
    e = map_insert(&session->subs, span_of(sub->id, sub->id_len), sub);
    if (e != OK) {
        free(sub);
        return e;
    }
    list_append(&route->subs, &sub->of_route);
    router_hold(route);
    *ret_sub = sub;
    return OK;
}

/* Another realm's reader of the durable subscription was faster. */
static void on_lost(void *reader)
{
    struct session_sub *sub = reader;

    list_remove(&sub->of_route);
    list_append(&sub->route->router->orphans, &sub->of_route);
    router_shared_tell(sub->route->router);
}

enum err session_subscribe(struct session *session, const struct session_request *request,
                           uint64_t *ret_next)
{
    const struct channel *channel = &request->route->channel;
    const struct view_kind kind = {request->form, request->selector, request->id};
    struct channel_start start = request->start;
    struct session_sub *sub;
    uint64_t next;
    enum err e;

    if (request->durable != NULL) {
        start = durable_start(request->durable, &request->start);
    }
    next = channel_begin(channel, &start);
    TRY(sub_new(session, request->id, request->route, &sub));
    e = view_attach(&sub->route->views, &kind, next, &sub->cursor);
    if (e != OK) {
        forget(session, sub);
        return e;
    }
    sub->durable = request->durable;
    sub->moves_by_ack = request->moves_by_ack;
    if (sub->durable != NULL) {
        sub->durable->on_lost = on_lost;
        sub->durable->reader = sub;
        durable_move(sub->durable, channel->epoch, next);
    }
    if (next != channel->next_eid) {
        mark_ready(sub);
    }
    *ret_next = next;
    return OK;
}

enum err session_read_queue(struct session *session,
                            const struct session_queue_request *request)
{
    struct queue_feed_names names = {.form = request->form,
                                     .queue = request->route->channel.name,
                                     .frame_bytes = request->route->views.limits.frame_bytes};
    struct session_sub *sub;
    enum err e = OK;

    TRY(sub_new(session, request->id, request->route, &sub));
    names.id = span_of(sub->id, sub->id_len);
    sub->fed = calloc(1, sizeof *sub->fed);
    if (sub->fed == NULL) {
        forget(session, sub);
        return ERR_NOMEM;
    }
    sub->fed->sub = sub;
    sub->fed->acks_one = request->acks_one;
    if (request->is_browser) {
        queue_feed_browse(&sub->fed->feed, &names, request->queue, request->reader.selector);
    } else {
        e = queue_feed_read(&sub->fed->feed, &names, request->queue, &request->reader);
    }
    if (e != OK) {
        forget(session, sub);
        return e;
    }
    mark_ready(sub);
    return OK;
}

enum err session_join(struct session *session, const struct session_request *request,
                      struct session_sub **ret_sub)
{
    const struct view_kind kind = {request->form, NULL, request->id};
    struct session_sub *sub = sub_make(session, request->id, request->route);
    enum err e;

    if (sub == NULL) {
        return ERR_NOMEM;
    }
    sub->is_unlisted = true;
    e = view_attach(&sub->route->views, &kind, sub->route->channel.next_eid, &sub->cursor);
    if (e != OK) {
        forget(session, sub);
        return e;
    }
    *ret_sub = sub;
    return OK;
}

/* ---- either kind ---- */

static enum err sub_peek(struct session_sub *sub, struct span *ret_bytes)
{
    return sub->fed != NULL ? queue_feed_peek(&sub->fed->feed, ret_bytes)
                            : view_peek(&sub->cursor, ret_bytes);
}

static size_t sub_owed(const struct session_sub *sub, size_t offered)
{
    return sub->fed != NULL ? queue_feed_owed(&sub->fed->feed).len
                            : view_owed(&sub->cursor, offered);
}

static enum err sub_copy_owed(struct session_sub *sub, size_t offered, struct buf *out)
{
    return sub->fed != NULL ? buf_append(out, queue_feed_owed(&sub->fed->feed))
                            : view_copy_owed(&sub->cursor, offered, out);
}

static void sub_sent(struct session_sub *sub, size_t len)
{
    if (sub->fed != NULL) {
        queue_feed_sent(&sub->fed->feed, len);
    } else {
        view_sent(&sub->cursor, len);
    }
}

/* Events, since it began. */
static uint64_t sub_delivered(const struct session_sub *sub)
{
    return sub->fed != NULL ? sub->fed->feed.delivered : sub->cursor.delivered;
}

static bool sub_is_inside(const struct session_sub *sub)
{
    return sub->fed != NULL ? queue_feed_is_inside(&sub->fed->feed)
                            : view_is_inside(&sub->cursor);
}

/* ---- sending ---- */

/* Nothing else is owed: while there is a rest, nobody is current. */
static enum err keep_rest(struct session *session, struct session_sub *sub)
{
    enum err e;

    assert(session->rest == NULL);
    session->rest = calloc(1, sizeof *session->rest);
    if (session->rest == NULL) {
        return ERR_NOMEM;
    }
    buf_init(&session->rest->bytes, SIZE_MAX / 2); /* one offer and a frame: views bound both */
    e = sub_copy_owed(sub, session->offered, &session->rest->bytes);
    if (e != OK || session->rest->bytes.len == 0) {
        forget_rest(session);
    }
    return e;
}

enum err session_unsubscribe(struct session *session, struct session_sub *sub)
{
    enum err e = session->current == sub ? keep_rest(session, sub) : OK;

    forget(session, sub);
    return e;
}

void session_part(struct session_sub *sub)
{
    struct session *session = sub->session;
    enum err e = session_unsubscribe(session, sub);

    session->broken = e == OK ? session->broken : e;
}

struct session *session_wake(struct view_cursor *cursor)
{
    struct session_sub *sub = LIST_ENTRY(cursor, struct session_sub, cursor);

    mark_ready(sub);
    return sub->session;
}

struct session *session_wake_reader(struct queue_reader *reader)
{
    struct queue_feed *feed = LIST_ENTRY(reader, struct queue_feed, reader);
    struct session_sub *sub = LIST_ENTRY(feed, struct session_fed, feed)->sub;

    mark_ready(sub);
    return sub->session;
}

struct session *session_next_orphan(struct router *router)
{
    struct session_sub *sub;

    if (list_is_empty(&router->orphans)) {
        return NULL;
    }
    sub = LIST_ENTRY(router->orphans.next, struct session_sub, of_route);
    list_remove(&sub->of_route);
    sub->session->orphan = sub;
    return sub->session;
}

struct visit {
    void (*visit)(void *ctx, struct session_sub *sub);
    void *ctx;
};

static void on_visit(void *ctx, void *value)
{
    const struct visit *visit = ctx;

    visit->visit(visit->ctx, value);
}

void session_visit(struct session *session, void (*visit)(void *ctx, struct session_sub *sub),
                   void *ctx)
{
    struct visit all = {visit, ctx};

    map_visit(&session->subs, on_visit, &all);
}

static void on_visit_reader(void *ctx, void *value)
{
    const struct visit *visit = ctx;
    struct session_sub *sub = value;

    if (sub->fed != NULL && sub->fed->feed.reader.queue != NULL) {
        visit->visit(visit->ctx, sub);
    }
}

void session_visit_readers(struct session *session,
                           void (*visit)(void *ctx, struct session_sub *sub), void *ctx)
{
    struct visit all = {visit, ctx};

    map_visit(&session->subs, on_visit_reader, &all);
}

/* What is left of what ended subscriptions owed. */
static struct span rest_of(const struct session *session)
{
    return span_tail(buf_span(&session->rest->bytes), session->rest->sent);
}

/* Whose turn it is; those who have nothing leave the line. */
static enum err peek_next(struct session *session, struct span *ret_bytes)
{
    while (!list_is_empty(&session->ready)) {
        struct session_sub *sub = LIST_ENTRY(session->ready.next, struct session_sub, ready);
        enum err e = sub_peek(sub, ret_bytes);

        if (e != ERR_AGAIN) {
            session->current = sub;
            return e;
        }
        list_remove(&sub->ready);
    }
    return ERR_AGAIN;
}

enum err session_peek(struct session *session, bool only_owed, struct span *ret_bytes)
{
    size_t offered = session->offered;
    struct span bytes;

    TRY(session->broken);
    if (session->rest != NULL) {
        *ret_bytes = rest_of(session);
        return OK;
    }
    if (session->current != NULL) {
        TRY(sub_peek(session->current, &bytes));
    } else if (only_owed) {
        return ERR_AGAIN;
    } else {
        TRY(peek_next(session, &bytes));
    }
    if (only_owed) {
        bytes = span_head(bytes, sub_owed(session->current, offered));
    }
    session->offered = bytes.len;
    *ret_bytes = bytes;
    return OK;
}

uint64_t session_take_skipped(struct session *session, struct span *ret_channel)
{
    struct session_sub *sub = session->current;
    uint64_t skipped = sub == NULL || sub->fed != NULL ? 0 : sub->cursor.skipped;

    if (skipped > 0) {
        sub->cursor.skipped = 0;
        *ret_channel = sub->route->channel.name;
    }
    return skipped;
}

struct span session_failed_channel(const struct session *session)
{
    return session->current == NULL ? span_of(NULL, 0) : session->current->route->channel.name;
}

void session_sent(struct session *session, size_t len)
{
    struct session_sub *sub = session->current;

    if (session->rest != NULL) {
        session->rest->sent += len;
        assert(session->rest->sent <= session->rest->bytes.len);
        if (session->rest->sent == session->rest->bytes.len) {
            forget_rest(session);
        }
        return;
    }
    assert(sub != NULL && len > 0 && len <= session->offered);
    sub_sent(sub, len);
    if (sub->durable != NULL && !sub->moves_by_ack) {
        durable_move(sub->durable, sub->route->channel.epoch, view_position(&sub->cursor));
    }
    session->delivered += sub_delivered(sub) - sub->counted;
    sub->counted = sub_delivered(sub);
    session->offered = 0;
    if (!sub_is_inside(sub)) {
        list_remove(&sub->ready); /* to the end of the line */
        mark_ready(sub);
        session->current = NULL;
    }
}
