/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp_tx.h"

#include "realm/realm_stomp_later.h"

enum {
    ID_BYTES_MAX = 512
};

/* ---- which ---- */

static struct transaction *find(const struct realm_stomp *stomp, struct span id)
{
    LIST_FOREACH (node, after, &stomp->transactions) {
        struct transaction *transaction = LIST_ENTRY(node, struct transaction, node);

        if (span_equal(span_of(transaction->id, transaction->id_len), id)) {
            return transaction;
        }
    }
    return NULL;
}

/* ret_id->ptr is NULL when the request was refused. */
static enum err find_id(struct realm_stomp *stomp, const struct realm_stomp_inside *request,
                        struct span *ret_id)
{
    struct span id;

    *ret_id = span_of(NULL, 0);
    if (!realm_stomp_inside_find(request, SPAN("transaction"), &id) || id.len == 0) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                         "transaction is missing");
    }
    if (id.len > ID_BYTES_MAX) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_LIMIT,
                                         "transaction is longer than %d bytes", ID_BYTES_MAX);
    }
    *ret_id = id;
    return OK;
}

enum err realm_stomp_tx_find(struct realm_stomp *stomp,
                             const struct realm_stomp_inside *request,
                             struct transaction **ret_transaction)
{
    char room[REALM_STOMP_INSIDE_NAME_BYTES];
    struct span id;

    *ret_transaction = NULL;
    TRY(find_id(stomp, request, &id));
    if (id.ptr == NULL) {
        return OK;
    }
    *ret_transaction = find(stomp, id);
    if (*ret_transaction != NULL) {
        return OK;
    }
    return realm_stomp_inside_refuse(
        stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
        "there is no transaction %s: it was not begun, or has ended",
        realm_stomp_inside_text(id, room));
}

/* ---- what is in it ---- */

enum err realm_stomp_tx_begin(struct realm_stomp *stomp,
                              const struct realm_stomp_inside *request)
{
    struct realm_stomp_reply reply = realm_stomp_inside_reply(stomp);
    struct transaction *transaction;
    struct span id;

    TRY(find_id(stomp, request, &id));
    if (id.ptr == NULL) {
        return OK;
    }
    if (find(stomp, id) != NULL) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                         "this transaction has begun already");
    }
    if (stomp->transaction_count >= stomp->env->transactions_max) {
        return realm_stomp_inside_refuse(
            stomp, request, REALM_STOMP_INSIDE_LIMIT,
            "a session may have %zu transactions open (TransactionsMax)",
            stomp->env->transactions_max);
    }
    TRY(transaction_new(stomp->env->hall, id, &transaction));
    list_append(&stomp->transactions, &transaction->node);
    stomp->transaction_count++;
    return realm_stomp_reply_receipt(&reply, request->frame);
}

enum err realm_stomp_tx_send(struct realm_stomp *stomp,
                             const struct realm_stomp_inside *request,
                             struct router_route *route, const struct event_parts *parts)
{
    struct realm_stomp_reply reply = realm_stomp_inside_reply(stomp);
    struct transaction *transaction;
    enum err e;

    TRY(realm_stomp_tx_find(stomp, request, &transaction));
    if (transaction == NULL) {
        return OK;
    }
    e = transaction_add(transaction, route, parts);
    if (e == ERR_LIMIT) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_LIMIT,
                                         "a transaction may hold %zu events and %zu bytes "
                                         "(TransactionEventsMax, TransactionBytesMax)",
                                         stomp->env->hall->items_max,
                                         stomp->env->hall->bytes_max);
    }
    TRY(e);
    return realm_stomp_reply_receipt(&reply, request->frame);
}

/* ---- its end ---- */

static void take_out(struct realm_stomp *stomp, struct transaction *transaction)
{
    list_remove(&transaction->node);
    stomp->transaction_count--;
}

static void on_unclaim(void *ctx, struct session_sub *sub)
{
    queue_reader_unclaim(&sub->fed->feed.reader, ctx);
}

static void drop(struct realm_stomp *stomp, struct transaction *transaction)
{
    session_visit_readers(&stomp->session, on_unclaim, &transaction->claim);
    take_out(stomp, transaction);
    transaction_free(transaction);
}

static void on_seal(void *ctx, struct session_sub *sub)
{
    queue_reader_seal(&sub->fed->feed.reader, ctx);
}

void realm_stomp_tx_leave(struct realm_stomp *stomp)
{
    LIST_FOREACH (node, after, &stomp->transactions) {
        struct transaction *transaction = LIST_ENTRY(node, struct transaction, node);

        take_out(stomp, transaction);
        transaction_free(transaction);
    }
}

/* The outcome is known, or asked for: whatever is in the transaction is not needed. */
static enum err tell(struct realm_stomp *stomp, const struct realm_stomp_inside *request,
                     enum transaction_memory_outcome outcome)
{
    struct realm_stomp_reply reply = realm_stomp_inside_reply(stomp);
    struct transaction *transaction = NULL;
    struct span id;

    if (realm_stomp_inside_find(request, SPAN("transaction"), &id)) {
        transaction = find(stomp, id);
    }
    if (transaction != NULL) {
        drop(stomp, transaction);
    }
    return realm_stomp_reply_outcome(&reply, request->frame, transaction_memory_word(outcome));
}

static enum err ask(struct realm_stomp *stomp, const struct realm_stomp_inside *request,
                    struct span commit_id, enum transaction_memory_outcome outcome)
{
    struct realm_stomp_reply reply = realm_stomp_inside_reply(stomp);

    if (commit_id.len == 0) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                         "query needs a commit-id to ask for");
    }
    return realm_stomp_reply_outcome(&reply, request->frame, transaction_memory_word(outcome));
}

/* False: it is too long. */
static bool read_commit_id(const struct realm_stomp_inside *request, struct span *ret_id)
{
    *ret_id = span_of(NULL, 0);
    return !realm_stomp_inside_find(request, SPAN("commit-id"), ret_id) ||
           ret_id->len <= TRANSACTION_ID_MAX;
}

static enum err commit(struct realm_stomp *stomp, const struct realm_stomp_inside *request,
                       struct span commit_id)
{
    struct transaction *transaction;

    TRY(realm_stomp_tx_find(stomp, request, &transaction));
    if (transaction == NULL) {
        return OK;
    }
    if (transaction->claim.is_lost) {
        drop(stomp, transaction);
        return realm_stomp_inside_refuse(
            stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
            "nothing was committed: a subscription whose events it acknowledges has ended");
    }
    session_visit_readers(&stomp->session, on_seal, &transaction->claim);
    take_out(stomp, transaction);
    return realm_stomp_later_commit(stomp, request, transaction, commit_id);
}

enum err realm_stomp_tx_commit(struct realm_stomp *stomp,
                               const struct realm_stomp_inside *request)
{
    enum transaction_memory_outcome outcome = TRANSACTION_MEMORY_UNKNOWN;
    struct span commit_id, query;

    if (!read_commit_id(request, &commit_id)) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_LIMIT,
                                         "commit-id is longer than %d bytes",
                                         TRANSACTION_ID_MAX);
    }
    if (commit_id.len > 0) {
        outcome = transaction_hall_find(stomp->env->hall, commit_id);
    }
    if (realm_stomp_inside_find(request, SPAN("query"), &query) && span_equals(query, "true")) {
        return ask(stomp, request, commit_id, outcome);
    }
    switch (outcome) {
    case TRANSACTION_MEMORY_COMMITTED:
    case TRANSACTION_MEMORY_ABORTED: return tell(stomp, request, outcome);
    case TRANSACTION_MEMORY_PENDING:
        return realm_stomp_inside_refuse(
            stomp, request, REALM_STOMP_INSIDE_STORE,
            "this commit-id is being committed just now: ask again with query:true");
    case TRANSACTION_MEMORY_UNKNOWN: break;
    }
    return commit(stomp, request, commit_id);
}

enum err realm_stomp_tx_abort(struct realm_stomp *stomp,
                              const struct realm_stomp_inside *request)
{
    uint64_t now = stomp->env->router->room.now;
    struct realm_stomp_reply reply = realm_stomp_inside_reply(stomp);
    uint8_t room[REALM_LOGIN_KEY_BYTES];
    struct transaction *transaction;
    struct span commit_id;

    TRY(realm_stomp_tx_find(stomp, request, &transaction));
    if (transaction == NULL) {
        return OK;
    }
    drop(stomp, transaction);
    if (read_commit_id(request, &commit_id) && commit_id.len > 0 &&
        transaction_hall_find(stomp->env->hall, commit_id) == TRANSACTION_MEMORY_UNKNOWN) {
        TRY(transaction_memory_put_for(&stomp->env->hall->memory,
                                       realm_login_key(stomp->login, room), commit_id,
                                       TRANSACTION_MEMORY_ABORTED, now));
    }
    return realm_stomp_reply_receipt(&reply, request->frame);
}
