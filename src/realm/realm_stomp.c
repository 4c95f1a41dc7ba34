/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp.h"

#include "base/state.h"
#include "base/text.h"
#include "realm/realm_stomp_reply.h"
#include "realm/realm_stomp_view.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    NAME_TEXT_BYTES = 96 /* of a name in a sentence */
};

/* clang-format off */
#define TO(name) STATE_BIT(REALM_STOMP_##name)
static const struct state_rule stomp_rules[REALM_STOMP_STATES] = {
    [REALM_STOMP_CONNECTING] = {"connecting", TO(OPEN) | TO(ENDED)},
    [REALM_STOMP_OPEN]       = {"open",       TO(ENDED)},
    [REALM_STOMP_ENDED]      = {"ended",      0},
};
#undef TO
/* clang-format on */

static void stomp_move(struct realm_stomp *stomp, enum realm_stomp_state next)
{
    assert(state_may_move(stomp_rules, stomp->state, next));
    stomp->state = next;
}

struct stomp_limits realm_stomp_limits(size_t event_bytes)
{
    return (struct stomp_limits){
        .line_bytes = REALM_STOMP_LINE_BYTES,
        .header_count = REALM_STOMP_HEADERS_MAX,
        .head_bytes = REALM_STOMP_HEAD_BYTES,
        .body_bytes = event_bytes,
    };
}

void realm_stomp_init(struct realm_stomp *stomp, const struct realm_stomp_env *env,
                      struct ws_conn *ws, uint64_t id, void *owner)
{
    const struct stomp_limits limits = realm_stomp_limits(env->event_bytes);

    *stomp = (struct realm_stomp){.env = env, .ws = ws, .id = id};
    session_init(&stomp->session, env->subscriptions_max, owner);
    stomp_decoder_init(&stomp->decoder, &limits);
}

void realm_stomp_fini(struct realm_stomp *stomp)
{
    session_fini(&stomp->session);
    stomp_decoder_fini(&stomp->decoder);
    free(stomp->why);
    stomp->why = NULL;
}

static struct realm_stomp_reply reply_to(const struct realm_stomp *stomp)
{
    return (struct realm_stomp_reply){stomp->ws, stomp->env->scratch};
}

/* ---- refusing ---- */

static enum err end(struct realm_stomp *stomp, uint16_t code, msec now)
{
    enum err e = ws_conn_close(stomp->ws, code, span_of(NULL, 0), now);

    stomp_move(stomp, REALM_STOMP_ENDED);
    return e == ERR_CLOSED ? OK : e;
}

/* "ERROR: the server MUST close the connection just after sending the ERROR frame." */
static enum err fail(struct realm_stomp *stomp, const struct stomp_frame *frame,
                     const struct realm_stomp_reply_refusal *refusal, msec now)
{
    struct realm_stomp_reply reply = reply_to(stomp);

    free(stomp->why);
    stomp->why = strdup(refusal->sentence); /* NULL: the log line will be without it */
    stomp->has_failed = true;
    TRY(realm_stomp_reply_error(&reply, frame, refusal));
    return end(stomp, WS_CLOSE_POLICY, now);
}

/* One frame in hand. */
struct request {
    const struct stomp_frame *frame;
    msec now;
};

/* What concerns one request ends the session only if the peer has not asked for gentler ways.
 */
static enum err refuse(struct realm_stomp *stomp, const struct request *request,
                       const char *word, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static enum err refuse(struct realm_stomp *stomp, const struct request *request,
                       const char *word, const char *format, ...)
{
    char sentence[REALM_STOMP_WHY_BYTES];
    const struct realm_stomp_reply_refusal refusal = {word, sentence};
    struct realm_stomp_reply reply = reply_to(stomp);
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    if (stomp->refuses_softly && stomp_frame_find(request->frame, SPAN("receipt")) != NULL) {
        return realm_stomp_reply_refused(&reply, request->frame, &refusal);
    }
    return fail(stomp, request->frame, &refusal, request->now);
}

static const char *const missing = "MissingResourceException";
static const char *const over_limit = "LimitException";
static const char *const illegal = "IllegalArgumentException";
static const char *const unsupported = "UnsupportedOperationException";

/* ---- CONNECT ---- */

static bool offers_1_2(struct span versions)
{
    while (versions.len > 0) {
        struct span version = span_head(versions, span_find(versions, ','));

        if (span_equals(span_trim(version), "1.2")) {
            return true;
        }
        versions = span_tail(versions, version.len + (version.len < versions.len));
    }
    return false;
}

static enum err on_connect(struct realm_stomp *stomp, const struct request *request)
{
    const struct stomp_header *versions =
        stomp_frame_find(request->frame, SPAN("accept-version"));
    const struct stomp_header *beat = stomp_frame_find(request->frame, SPAN("heart-beat"));
    const struct stomp_header *errors = stomp_frame_find(request->frame, SPAN("errors"));
    const struct stomp_heartbeat_offer ours = {stomp->env->heart_beat, stomp->env->heart_beat};
    struct stomp_heartbeat_offer theirs = {0, 0};
    struct realm_stomp_reply reply = reply_to(stomp);

    if (stomp->state != REALM_STOMP_CONNECTING) {
        return refuse(stomp, request, illegal, "the session is connected already");
    }
    /* "Protocol Negotiation": without the header only 1.0 is spoken. */
    if (versions == NULL || !offers_1_2(versions->value)) {
        return refuse(stomp, request, unsupported,
                      "this realm speaks STOMP 1.2 (send accept-version:1.2)");
    }
    if (beat != NULL && stomp_heartbeat_read(beat->value, &theirs) != OK) {
        return refuse(stomp, request, illegal, "heart-beat must be two numbers, like 0,0");
    }
    stomp->refuses_softly = errors != NULL && span_equals(errors->value, "receipt");
    stomp_heartbeat_init(&stomp->heartbeat, &ours, &theirs, request->now);
    stomp_move(stomp, REALM_STOMP_OPEN);
    return realm_stomp_reply_connected(&reply, stomp->id, stomp->env->heart_beat);
}

/* ---- channels ---- */

static const char *printable(struct span name, char room[NAME_TEXT_BYTES])
{
    return text_printable(name, room, NAME_TEXT_BYTES);
}

/* *ret_route is NULL when the request was refused. */
static enum err find_route(struct realm_stomp *stomp, const struct request *request,
                           struct router_route **ret_route)
{
    const struct stomp_header *name = stomp_frame_find(request->frame, SPAN("destination"));
    char room[NAME_TEXT_BYTES];

    *ret_route = NULL;
    if (name == NULL) {
        return refuse(stomp, request, illegal, "destination is missing");
    }
    switch (router_open(stomp->env->router, name->value, ret_route)) {
    case ROUTER_FOUND: return OK;
    case ROUTER_MISSING:
        return refuse(stomp, request, missing, "there is no channel %s",
                      printable(name->value, room));
    case ROUTER_BAD_NAME:
        return refuse(stomp, request, illegal,
                      "%s is not a channel's name (1 to %d bytes of printable UTF-8)",
                      printable(name->value, room), ROUTER_NAME_MAX);
    case ROUTER_FULL:
        return refuse(stomp, request, over_limit,
                      "%s would be one channel more than the realm may have",
                      printable(name->value, room));
    case ROUTER_NOMEM: break;
    }
    return ERR_NOMEM;
}

/* Headers that say something about the request, or that only the realm may set. */
static bool travels(struct span name)
{
    static const char *const kept_here[] = {
        "destination",    "receipt",      "transaction", "publish-id",
        "content-length", "subscription", "message-id",  "eid",
    };

    for (size_t i = 0; i < sizeof kept_here / sizeof kept_here[0]; i++) {
        if (span_equals(name, kept_here[i])) {
            return false;
        }
    }
    return true;
}

static enum err on_send(struct realm_stomp *stomp, const struct request *request)
{
    const struct stomp_frame *frame = request->frame;
    const struct stomp_header *id = stomp_frame_find(frame, SPAN("publish-id"));
    struct event_header headers[REALM_STOMP_HEADERS_MAX];
    struct event_parts parts = {.headers = headers, .body = frame->body};
    struct realm_stomp_reply reply = reply_to(stomp);
    struct channel_receipt receipt;
    struct router_route *route;
    enum err e;

    if (stomp_frame_find(frame, SPAN("transaction")) != NULL) {
        return refuse(stomp, request, unsupported, "transactions are not built");
    }
    TRY(find_route(stomp, request, &route));
    if (route == NULL) {
        return OK;
    }
    assert(frame->header_count <= REALM_STOMP_HEADERS_MAX);
    for (size_t i = 0; i < frame->header_count; i++) {
        if (travels(frame->headers[i].name)) {
            headers[parts.header_count++] =
                (struct event_header){frame->headers[i].name, frame->headers[i].value};
        }
    }
    if (id != NULL) {
        parts.publish_id = id->value;
    }
    e = router_publish(stomp->env->router, route, &parts, &receipt);
    if (e == ERR_LIMIT) {
        return refuse(stomp, request, over_limit,
                      "the event is longer than what the channel may store");
    }
    TRY(e);
    stomp->published += !receipt.is_repeat;
    return realm_stomp_reply_published(&reply, frame, receipt.event->eid);
}

/* ---- subscriptions ---- */

/* *ret_id is NULL when the request was refused. */
static enum err find_id(struct realm_stomp *stomp, const struct request *request,
                        const struct stomp_header **ret_id)
{
    const struct stomp_header *id = stomp_frame_find(request->frame, SPAN("id"));

    *ret_id = NULL;
    if (id == NULL) {
        return refuse(stomp, request, illegal, "id is missing");
    }
    if (id->value.len > VIEW_ID_MAX) {
        return refuse(stomp, request, over_limit, "id is longer than %d bytes", VIEW_ID_MAX);
    }
    *ret_id = id;
    return OK;
}

static bool read_start(const struct stomp_frame *frame, const struct channel *channel,
                       struct channel_start *ret_start)
{
    const struct stomp_header *from = stomp_frame_find(frame, SPAN("from"));
    const struct stomp_header *epoch = stomp_frame_find(frame, SPAN("epoch"));
    char own_epoch[REALM_STOMP_REPLY_EPOCH_CHARS + 1];
    struct channel_start start = {.from = CHANNEL_FROM_NOW};

    if (from != NULL && span_equals(from->value, "stored")) {
        start.from = CHANNEL_FROM_STORED;
    } else if (from != NULL && !span_equals(from->value, "now")) {
        start.from = CHANNEL_FROM_EID;
        if (!text_u64(from->value, UINT64_MAX, &start.eid)) {
            return false;
        }
    }
    if (epoch != NULL) { /* opaque: only whether it is ours can be told */
        realm_stomp_reply_epoch(channel->epoch, own_epoch);
        start.has_epoch = true;
        start.epoch = span_equals(epoch->value, own_epoch) ? channel->epoch : ~channel->epoch;
    }
    *ret_start = start;
    return true;
}

static enum err on_subscribe(struct realm_stomp *stomp, const struct request *request)
{
    const struct stomp_header *ack = stomp_frame_find(request->frame, SPAN("ack"));
    struct session_request wanted = {.form = &realm_stomp_view_form};
    struct realm_stomp_reply reply = reply_to(stomp);
    const struct stomp_header *id;
    uint64_t next;
    enum err e;

    TRY(find_id(stomp, request, &id));
    if (id == NULL) {
        return OK;
    }
    if (ack != NULL && !span_equals(ack->value, "auto")) {
        return refuse(stomp, request, unsupported, "ack must be auto: others are not built");
    }
    if (session_find(&stomp->session, id->value) != NULL) {
        return refuse(stomp, request, illegal, "a subscription with this id exists already");
    }
    TRY(find_route(stomp, request, &wanted.route));
    if (wanted.route == NULL) {
        return OK;
    }
    wanted.id = id->value;
    if (!read_start(request->frame, &wanted.route->channel, &wanted.start)) {
        return refuse(stomp, request, illegal, "from must be now, stored or an EID");
    }
    e = session_subscribe(&stomp->session, &wanted, &next);
    if (e == ERR_LIMIT) {
        return refuse(stomp, request, over_limit, "a session may have %zu subscriptions",
                      stomp->env->subscriptions_max);
    }
    TRY(e);
    return realm_stomp_reply_subscribed(&reply, request->frame, &wanted.route->channel, next);
}

static enum err on_unsubscribe(struct realm_stomp *stomp, const struct request *request)
{
    struct realm_stomp_reply reply = reply_to(stomp);
    const struct stomp_header *id;
    struct session_sub *sub;

    TRY(find_id(stomp, request, &id));
    if (id == NULL) {
        return OK;
    }
    sub = session_find(&stomp->session, id->value);
    if (sub !=
        NULL) { /* without one there is nothing to do: so a client may ask for a round trip */
        TRY(session_unsubscribe(&stomp->session, sub));
    }
    return realm_stomp_reply_receipt(&reply, request->frame);
}

static enum err on_disconnect(struct realm_stomp *stomp, const struct request *request)
{
    struct realm_stomp_reply reply = reply_to(stomp);

    TRY(realm_stomp_reply_receipt(&reply, request->frame));
    return end(stomp, WS_CLOSE_NORMAL, request->now);
}

/* ---- frames ---- */

static enum err on_frame(struct realm_stomp *stomp, const struct request *request)
{
    enum stomp_command command = request->frame->command;

    if (stomp->state == REALM_STOMP_CONNECTING && command != STOMP_CONNECT &&
        command != STOMP_STOMP) {
        return refuse(stomp, request, illegal, "the first frame must be CONNECT, not %s",
                      stomp_command_name(command));
    }
    switch (command) {
    case STOMP_CONNECT:
    case STOMP_STOMP: return on_connect(stomp, request);
    case STOMP_SEND: return on_send(stomp, request);
    case STOMP_SUBSCRIBE: return on_subscribe(stomp, request);
    case STOMP_UNSUBSCRIBE: return on_unsubscribe(stomp, request);
    case STOMP_DISCONNECT: return on_disconnect(stomp, request);
    case STOMP_ACK:
    case STOMP_NACK:
    case STOMP_BEGIN:
    case STOMP_COMMIT:
    case STOMP_ABORT:
        return refuse(stomp, request, unsupported, "%s is not built",
                      stomp_command_name(command));
    case STOMP_CONNECTED:
    case STOMP_MESSAGE:
    case STOMP_RECEIPT:
    case STOMP_ERROR: break;
    }
    return refuse(stomp, request, illegal, "%s is for servers to send",
                  stomp_command_name(command));
}

static enum err on_fault(struct realm_stomp *stomp, enum stomp_fault fault, msec now)
{
    char sentence[REALM_STOMP_WHY_BYTES];
    const struct realm_stomp_reply_refusal refusal = {stomp_fault_word(fault), sentence};

    snprintf(sentence, sizeof sentence, "the client %s", stomp_fault_text(fault));
    return fail(stomp, NULL, &refusal, now);
}

/* Between frames a session holds no memory for them. */
static void release_decoder(struct realm_stomp *stomp)
{
    const struct stomp_limits limits = stomp->decoder.limits;

    stomp_decoder_fini(&stomp->decoder);
    stomp_decoder_init(&stomp->decoder, &limits);
}

enum err realm_stomp_take(struct realm_stomp *stomp, struct span payload, msec now)
{
    bool is_between = false; /* nothing came behind the last piece */

    while (stomp->state != REALM_STOMP_ENDED) {
        struct stomp_piece piece;
        enum err e = stomp_decoder_next(&stomp->decoder, &payload, &piece);

        if (e == ERR_AGAIN && is_between) {
            release_decoder(stomp);
        }
        if (e == ERR_AGAIN) {
            return OK;
        }
        is_between = payload.len == 0;
        if (e == ERR_NOMEM) {
            return e;
        }
        if (e != OK) {
            return on_fault(stomp, stomp_decoder_fault(&stomp->decoder), now);
        }
        if (piece.type == STOMP_PIECE_FRAME) {
            TRY(on_frame(stomp, &(struct request){&piece.frame, now}));
        }
    }
    return OK;
}

/* ---- time ---- */

void realm_stomp_heard(struct realm_stomp *stomp, msec now)
{
    stomp_heartbeat_heard(&stomp->heartbeat, now);
}

void realm_stomp_sent(struct realm_stomp *stomp, msec now)
{
    stomp_heartbeat_sent(&stomp->heartbeat, now);
}

msec realm_stomp_deadline(const struct realm_stomp *stomp)
{
    return stomp->state == REALM_STOMP_OPEN ? stomp_heartbeat_deadline(&stomp->heartbeat)
                                            : MSEC_NEVER;
}

enum err realm_stomp_expire(struct realm_stomp *stomp, msec now)
{
    struct realm_stomp_reply reply = reply_to(stomp);
    bool must_send;

    if (stomp->state != REALM_STOMP_OPEN) {
        return OK;
    }
    TRY(stomp_heartbeat_expire(&stomp->heartbeat, now, &must_send));
    if (must_send) {
        TRY(realm_stomp_reply_beat(&reply));
        stomp_heartbeat_sent(&stomp->heartbeat, now);
    }
    return OK;
}
