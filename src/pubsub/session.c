/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/session.h"

#include <stdlib.h>

void session_init(struct session *session, size_t max_subs, void *owner)
{
    *session = (struct session){.owner = owner};
    map_init(&session->subs, max_subs);
    list_init(&session->ready);
    buf_init(&session->rest, SIZE_MAX / 2); /* one offer and one frame: views bound both */
}

static void forget(struct session *session, struct session_sub *sub)
{
    map_remove(&session->subs, span_of(sub->id, sub->id_len));
    list_remove(&sub->ready);
    view_detach(&sub->cursor);
    if (session->current == sub) {
        session->current = NULL;
        session->offered = 0;
    }
    session->delivered += sub->cursor.place.eid - sub->begin;
    free(sub);
}

static void on_last_visit(void *ctx, void *value)
{
    forget(ctx, value);
}

void session_fini(struct session *session)
{
    map_visit(&session->subs, on_last_visit, session);
    map_fini(&session->subs);
    buf_fini(&session->rest);
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

enum err session_subscribe(struct session *session, const struct session_request *request,
                           uint64_t *ret_next)
{
    uint64_t next = channel_begin(&request->route->channel, &request->start);
    struct session_sub *sub;
    enum err e;

    assert(session_find(session, request->id) == NULL && request->id.len <= VIEW_ID_MAX);
    if (map_count(&session->subs) >= session->subs.max) {
        return ERR_LIMIT;
    }
    sub = calloc(1, sizeof *sub + request->id.len);
    if (sub == NULL) {
        return ERR_NOMEM;
    }
    sub->session = session;
    sub->route = request->route;
    list_init(&sub->ready);
    sub->id_len = request->id.len;
    if (request->id.len > 0) {
        memcpy(sub->id, request->id.ptr, request->id.len);
    }
    e = map_insert(&session->subs, span_of(sub->id, sub->id_len), sub);
    if (e == OK) {
        e = view_attach(&sub->route->views, request->form, request->id, next, &sub->cursor);
    }
    if (e != OK) {
        map_remove(&session->subs, span_of(sub->id, sub->id_len));
        free(sub);
        return e;
    }
    sub->begin = next;
    if (next != sub->route->channel.next_eid) {
        mark_ready(sub);
    }
    *ret_next = next;
    return OK;
}

enum err session_unsubscribe(struct session *session, struct session_sub *sub)
{
    enum err e = OK;

    if (session->current == sub) {
        e = view_copy_owed(&sub->cursor, session->offered, &session->rest);
    }
    forget(session, sub);
    return e;
}

struct session *session_wake(struct view_cursor *cursor)
{
    struct session_sub *sub = LIST_ENTRY(cursor, struct session_sub, cursor);

    mark_ready(sub);
    return sub->session;
}

/* What is left of what ended subscriptions owed. */
static struct span rest_of(const struct session *session)
{
    return span_tail(buf_span(&session->rest), session->rest_sent);
}

/* Whose turn it is; those who have nothing leave the line. */
static enum err peek_next(struct session *session, struct span *ret_bytes)
{
    while (!list_is_empty(&session->ready)) {
        struct session_sub *sub = LIST_ENTRY(session->ready.next, struct session_sub, ready);
        enum err e = view_peek(&sub->cursor, ret_bytes);

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

    if (session->rest.len > 0) {
        *ret_bytes = rest_of(session);
        return OK;
    }
    if (session->current != NULL) {
        TRY(view_peek(&session->current->cursor, &bytes));
    } else if (only_owed) {
        return ERR_AGAIN;
    } else {
        TRY(peek_next(session, &bytes));
    }
    if (only_owed) {
        bytes = span_head(bytes, view_owed(&session->current->cursor, offered));
    }
    session->offered = bytes.len;
    *ret_bytes = bytes;
    return OK;
}

void session_sent(struct session *session, size_t len)
{
    struct session_sub *sub = session->current;

    if (session->rest.len > 0) {
        session->rest_sent += len;
        assert(session->rest_sent <= session->rest.len);
        if (session->rest_sent == session->rest.len) {
            session->rest_sent = 0;
            buf_fini(&session->rest);
        }
        return;
    }
    assert(sub != NULL && len > 0 && len <= session->offered);
    view_sent(&sub->cursor, len);
    session->offered = 0;
    if (!view_is_inside(&sub->cursor)) {
        list_remove(&sub->ready); /* to the end of the line */
        mark_ready(sub);
        session->current = NULL;
    }
}
