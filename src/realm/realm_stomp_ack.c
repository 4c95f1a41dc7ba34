/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp_ack.h"

#include "base/text.h"
#include "realm/realm_stomp_later.h"
#include "realm/realm_stomp_tx.h"

/* What is acknowledged. */
struct subject {
    struct span queue; /* empty: the subscription says it */
    struct span id;    /* of the subscription */
    bool has_id;
    uint64_t eid;
};

struct act {
    uint64_t eid;
    bool rolls_back;
    struct queue_claim *claim; /* NULL: it is rolled back at once */
    bool is_at_once;           /* the claim is sealed, too */
};

/* "<eid>@<subscription>" */
static bool read_ack_id(struct span text, struct subject *subject)
{
    size_t at = span_find(text, '@');

    if (at == text.len || !text_u64(span_head(text, at), UINT64_MAX, &subject->eid)) {
        return false;
    }
    subject->id = span_tail(text, at + 1);
    subject->has_id = true;
    return true;
}

/* "<destination>@<eid>": names may have an @ as well */
static bool read_message_id(struct span text, struct subject *subject)
{
    size_t at = text.len;

    while (at > 0 && text.ptr[at - 1] != '@') {
        at--;
    }
    if (at == 0 || !text_u64(span_tail(text, at), UINT64_MAX, &subject->eid)) {
        return false;
    }
    subject->queue = span_head(text, at - 1);
    return true;
}

/* False: a header is missing, or cannot be meant. */
static bool read_subject(const struct realm_stomp *stomp,
                         const struct realm_stomp_inside *request, struct subject *subject)
{
    struct span value;

    if (stomp->version == STOMP_VERSION_1_2) {
        return realm_stomp_inside_find(request, SPAN("id"), &value) &&
               read_ack_id(value, subject);
    }
    subject->has_id = realm_stomp_inside_find(request, SPAN("subscription"), &subject->id);
    return realm_stomp_inside_find(request, SPAN("message-id"), &value) &&
           read_message_id(value, subject) &&
           (subject->has_id || stomp->version == STOMP_VERSION_1_0);
}

static const char *what_says_it(enum stomp_version version)
{
    switch (version) {
    case STOMP_VERSION_1_0: return "message-id, as the MESSAGE has it";
    case STOMP_VERSION_1_1: return "message-id and subscription, as the MESSAGE has them";
    case STOMP_VERSION_1_2: break;
    }
    return "in id, what the MESSAGE has in ack";
}

/* ACK at once is a transaction of its own: the store must forget the event before it is
 * answered. NACK needs no store. */
static bool perform(struct session_sub *sub, const struct act *act)
{
    struct queue_reader *reader = sub->fed == NULL ? NULL : &sub->fed->feed.reader;
    enum queue_reader_scope scope;

    if (reader == NULL || reader->queue == NULL || reader->is_plain) {
        return false;
    }
    scope = sub->fed->acks_one ? QUEUE_READER_ONE : QUEUE_READER_UP_TO;
    if (act->claim == NULL) {
        return queue_reader_roll_back(reader, act->eid, scope);
    }
    if (!queue_reader_claim(reader, act->eid, scope, act->rolls_back, act->claim)) {
        return false;
    }
    if (act->is_at_once) {
        queue_reader_seal(reader, act->claim);
    }
    return true;
}

/* 1.0, and the client has only one subscription to that queue, or more than one and the event
 * is with one of them. */
struct search {
    const struct subject *subject;
    const struct act *act;
    bool has_found;
};

static void on_reader(void *ctx, struct session_sub *sub)
{
    struct search *search = ctx;

    if (!search->has_found && span_equal(sub->route->channel.name, search->subject->queue)) {
        search->has_found = perform(sub, search->act);
    }
}

static bool find_and_perform(struct realm_stomp *stomp, const struct subject *subject,
                             const struct act *act)
{
    struct search search = {.subject = subject, .act = act};
    struct session_sub *sub;

    if (!subject->has_id) {
        session_visit_readers(&stomp->session, on_reader, &search);
        return search.has_found;
    }
    sub = session_find(&stomp->session, subject->id);
    return sub != NULL &&
           (subject->queue.len == 0 || span_equal(sub->route->channel.name, subject->queue)) &&
           perform(sub, act);
}

static enum err refuse_unknown(struct realm_stomp *stomp,
                               const struct realm_stomp_inside *request)
{
    return realm_stomp_inside_refuse(
        stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
        "%s is for an event that this session does not hold, or no more",
        stomp_command_name(request->frame->command));
}

static enum err commit(struct realm_stomp *stomp, const struct realm_stomp_inside *request,
                       const struct subject *subject)
{
    struct act act = {.eid = subject->eid, .is_at_once = true};
    struct transaction *transaction;

    TRY(transaction_new(stomp->env->hall, span_of(NULL, 0), &transaction));
    act.claim = &transaction->claim;
    if (!find_and_perform(stomp, subject, &act)) {
        transaction_free(transaction);
        return refuse_unknown(stomp, request);
    }
    return realm_stomp_later_commit(stomp, request, transaction, span_of(NULL, 0));
}

/* NACK at once, or either in a transaction. */
static enum err act_on(struct realm_stomp *stomp, const struct realm_stomp_inside *request,
                       const struct subject *subject, struct queue_claim *claim)
{
    struct realm_stomp_reply reply = realm_stomp_inside_reply(stomp);
    const struct act act = {.eid = subject->eid,
                            .claim = claim,
                            .rolls_back = request->frame->command == STOMP_NACK};

    if (!find_and_perform(stomp, subject, &act)) {
        return refuse_unknown(stomp, request);
    }
    return realm_stomp_reply_receipt(&reply, request->frame);
}

/* The reader of a durable subscription has this event and all before. False: it is none. */
static bool move_durable(const struct realm_stomp *stomp, const struct subject *subject)
{
    const struct session_sub *sub =
        subject->has_id ? session_find(&stomp->session, subject->id) : NULL;
    const struct channel *channel = sub == NULL ? NULL : &sub->route->channel;

    /* Of what it has not been sent it cannot say that it has it, and would never get it. */
    if (channel == NULL || !sub->moves_by_ack || subject->eid >= view_position(&sub->cursor)) {
        return false;
    }
    durable_move(sub->durable, channel->epoch, subject->eid + 1);
    return true;
}

enum err realm_stomp_ack(struct realm_stomp *stomp, const struct realm_stomp_inside *request)
{
    bool is_nack = request->frame->command == STOMP_NACK;
    struct subject subject = {.eid = 0};
    struct transaction *transaction;
    struct span name;
    bool has_name;

    if (is_nack && stomp->version == STOMP_VERSION_1_0) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_UNSUPPORTED,
                                         "STOMP 1.0 has no NACK");
    }
    if (!read_subject(stomp, request, &subject)) {
        return realm_stomp_inside_refuse(
            stomp, request, REALM_STOMP_INSIDE_ILLEGAL, "%s must say which event: %s",
            stomp_command_name(request->frame->command), what_says_it(stomp->version));
    }
    has_name = realm_stomp_inside_find(request, SPAN("transaction"), &name);
    if (!is_nack && !has_name && move_durable(stomp, &subject)) {
        struct realm_stomp_reply reply = realm_stomp_inside_reply(stomp);

        return realm_stomp_reply_receipt(&reply, request->frame);
    }
    if (has_name) {
        TRY(realm_stomp_tx_find(stomp, request, &transaction));
        return transaction == NULL ? OK : act_on(stomp, request, &subject, &transaction->claim);
    }
    return is_nack ? act_on(stomp, request, &subject, NULL) : commit(stomp, request, &subject);
}
