/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp_later.h"

#include "pubsub/channel_merge.h"

#include <stdlib.h>

enum {
    ANSWER_BYTES = 256 /* of an answer without its receipt-id, which may be escaped */
};

static size_t answer_bytes(const struct realm_stomp_later *later)
{
    return ANSWER_BYTES + 2 * later->receipt_len;
}

static void later_free(struct realm_stomp_later *later)
{
    router_publish_cancel(&later->ticket);
    if (later->transaction != NULL) {
        transaction_leave(later->transaction);
    }
    later->stomp->owed_bytes -= answer_bytes(later);
    list_remove(&later->node);
    free(later);
}

void realm_stomp_later_leave(struct realm_stomp *stomp)
{
    LIST_FOREACH (node, after, &stomp->laters) {
        later_free(LIST_ENTRY(node, struct realm_stomp_later, node));
    }
}

static enum err later_new(struct realm_stomp *stomp, const struct realm_stomp_inside *request,
                          struct realm_stomp_later **ret_later)
{
    const struct stomp_header *receipt = stomp_frame_find(request->frame, SPAN("receipt"));
    size_t len = receipt == NULL ? 0 : receipt->value.len;
    struct realm_stomp_later *later = calloc(1, sizeof *later + len);

    if (later == NULL) {
        return ERR_NOMEM;
    }
    later->stomp = stomp;
    later->command = request->frame->command;
    later->now = request->now;
    later->is_in_call = true;
    later->receipt_len = len;
    if (len > 0) {
        memcpy(later->receipt, receipt->value.ptr, len);
    }
    list_append(&stomp->laters, &later->node);
    stomp->owed_bytes += answer_bytes(later);
    *ret_later = later;
    return OK;
}

/* How to do again what may have been done. */
static const char *again(enum stomp_command command)
{
    switch ((int)command) {
    case STOMP_SEND: return " (it is safe to send it again with the same publish-id)";
    case STOMP_COMMIT: return " (it is safe to commit it again with the same commit-id)";
    default: return "";
    }
}

/* `receipt` is a SEND's; without one, and of others, it is NULL. */
static enum err answer(struct realm_stomp_later *later, enum err e,
                       const struct router_receipt *receipt)
{
    struct realm_stomp *stomp = later->stomp;
    struct realm_stomp_reply reply = realm_stomp_inside_reply(stomp);
    const struct stomp_header header = {SPAN("receipt"),
                                        span_of(later->receipt, later->receipt_len)};
    const struct stomp_frame frame = {.command = later->command,
                                      .headers = &header,
                                      .header_count = later->receipt_len > 0 ? 1 : 0};
    const struct realm_stomp_inside request = {&frame, later->now};

    if (stomp->state == REALM_STOMP_ENDED) {
        return OK;
    }
    if (e == ERR_LIMIT) {
        return realm_stomp_inside_refuse(stomp, &request, REALM_STOMP_INSIDE_STORE,
                                         "the store is full");
    }
    if (e == ERR_CLOSED) {
        return realm_stomp_inside_refuse(
            stomp, &request, REALM_STOMP_INSIDE_STORE,
            "the store has not answered, and whether it was done is not known%s",
            again(later->command));
    }
    if (e != OK) {
        return realm_stomp_inside_refuse(stomp, &request, REALM_STOMP_INSIDE_STORE,
                                         "the store has failed: %s", err_text(e));
    }
    if (later->command == STOMP_ACK || later->command == STOMP_DISCONNECT) {
        return realm_stomp_reply_receipt(&reply, &frame);
    }
    if (later->command == STOMP_COMMIT) {
        return realm_stomp_reply_outcome(&reply, &frame,
                                         transaction_memory_word(TRANSACTION_MEMORY_COMMITTED));
    }
    stomp->published += !receipt->is_repeat;
    return realm_stomp_reply_published(&reply, &frame, receipt->eid);
}

/* "DISCONNECT: the client is assured that all previous frames have been received": nothing is
 * on its way but the DISCONNECT, which came last. */
static enum err disconnect(struct realm_stomp *stomp)
{
    struct realm_stomp_later *later =
        LIST_ENTRY(stomp->laters.next, struct realm_stomp_later, node);
    msec now = later->now;
    enum err e = answer(later, OK, NULL);

    later_free(later);
    TRY(e);
    return stomp->state == REALM_STOMP_ENDED
               ? OK
               : realm_stomp_inside_end(stomp, WS_CLOSE_NORMAL, now);
}

static bool is_leaving_now(const struct realm_stomp *stomp)
{
    return stomp->is_leaving && !list_is_empty(&stomp->laters) &&
           LIST_ENTRY(stomp->laters.next, struct realm_stomp_later, node)->command ==
               STOMP_DISCONNECT;
}

enum err realm_stomp_later_disconnect(struct realm_stomp *stomp,
                                      const struct realm_stomp_inside *request)
{
    struct realm_stomp_later *later;

    TRY(later_new(stomp, request, &later));
    stomp->is_leaving = true;
    return is_leaving_now(stomp) ? disconnect(stomp) : OK;
}

static void finish(struct realm_stomp_later *later, enum err e)
{
    struct realm_stomp *stomp = later->stomp;

    if (later->is_in_call) {
        later->e = e;
        return;
    }
    later_free(later);
    if (e == OK && is_leaving_now(stomp)) {
        e = disconnect(stomp);
    }
    if (e != OK) {
        stomp->late = e;
    }
    stomp->env->on_news(stomp->session.owner);
}

static const char *why_later(const struct realm_stomp *stomp)
{
    return channel_merge_is_over(&stomp->env->router->budget)
               ? "the changes that came at once change more than 32 MiB of events: publish fewer "
                 "of them in one go, or whole events"
               : "the store is behind: try again";
}

/* What could not be read, of the store. */
static const char *unread(enum stomp_command command)
{
    return command == STOMP_SEND ? "the event that this one changes could not be read from the "
                                   "store: try again, or publish the whole event"
                                 : "what it builds on could not be read from the store: try "
                                   "again";
}

/* What the request comes to when it was not even begun. */
static enum err refuse(struct realm_stomp *stomp, const struct realm_stomp_inside *request,
                       enum err e)
{
    switch (e) {
    case ERR_LIMIT:
        return realm_stomp_inside_refuse(
            stomp, request, REALM_STOMP_INSIDE_LIMIT,
            "an event, or what it is merged into, is longer than EventBytesMax or than what its "
            "channel may store%s",
            request->frame->command == STOMP_SEND ? "" : ", or there are too many at once");
    case ERR_AGAIN:
    case ERR_CLOSED:
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_STORE, "%s",
                                         why_later(stomp));
    case ERR_IO:
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_STORE, "%s",
                                         unread(request->frame->command));
    case ERR_CONF:
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_MISSING,
                                         "a channel or queue of it was removed");
    case OK:
    case ERR_NOMEM:
    case ERR_PROTO:
    case ERR_TIMEOUT: break;
    }
    return e;
}

/* ---- SEND ---- */

static void on_published(struct router_ticket *ticket, enum err e,
                         const struct router_receipt *receipts, size_t count)
{
    struct realm_stomp_later *later = LIST_ENTRY(ticket, struct realm_stomp_later, ticket);

    assert(count == 1);
    (void)count;
    finish(later, answer(later, e, receipts));
}

enum err realm_stomp_later_publish(struct realm_stomp *stomp,
                                   const struct realm_stomp_inside *request,
                                   struct router_route *route, const struct event_parts *parts)
{
    struct realm_stomp_later *later;
    enum err e;

    TRY(later_new(stomp, request, &later));
    later->ticket.done = on_published;
    e = router_publish(route, parts, &later->ticket);
    if (e == OK && later->ticket.batch != NULL) {
        later->is_in_call = false;
        return OK;
    }
    e = e == OK ? later->e : refuse(stomp, request, e);
    later_free(later);
    return e;
}

/* ---- COMMIT ---- */

static void on_committed(void *ctx, enum err e)
{
    struct realm_stomp_later *later = ctx;

    later->transaction = NULL;
    finish(later, answer(later, e, NULL));
}

/* It could not even be begun. */
static void drop(struct transaction *transaction)
{
    queue_reader_settle(&transaction->claim, false);
    transaction_free(transaction);
}

enum err realm_stomp_later_commit(struct realm_stomp *stomp,
                                  const struct realm_stomp_inside *request,
                                  struct transaction *transaction, struct span commit_id)
{
    uint8_t room[REALM_LOGIN_KEY_BYTES];
    struct transaction_commit_parts parts = {.owner = realm_login_key(stomp->login, room),
                                             .commit_id = commit_id,
                                             .done = on_committed};
    struct realm_stomp_later *later;
    enum err e = later_new(stomp, request, &later);

    if (e != OK) {
        drop(transaction);
        return e;
    }
    parts.ctx = later;
    later->transaction = transaction;
    e = transaction_commit(transaction, &parts);
    if (e == OK && later->transaction != NULL) {
        later->is_in_call = false;
        return OK;
    }
    if (e == OK) {
        e = later->e;
    } else {
        later->transaction = NULL;
        drop(transaction);
        e = refuse(stomp, request, e);
    }
    later_free(later);
    return e;
}
