/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp.h"

#include "realm/realm_metrics.h"
#include "realm/realm_stomp_ack.h"
#include "realm/realm_stomp_inside.h"
#include "realm/realm_stomp_later.h"
#include "realm/realm_stomp_login.h"
#include "realm/realm_stomp_review.h"
#include "realm/realm_stomp_send.h"
#include "realm/realm_stomp_stream.h"
#include "realm/realm_stomp_sub.h"
#include "realm/realm_stomp_tx.h"

#include <stdio.h>
#include <stdlib.h>

struct stomp_limits realm_stomp_limits(size_t event_bytes)
{
    return (struct stomp_limits){
        .line_bytes = REALM_STOMP_LINE_BYTES,
        .header_count = REALM_STOMP_HEADERS_MAX,
        .head_bytes = REALM_STOMP_HEAD_BYTES,
        .body_bytes = event_bytes,
    };
}

/* Between frames a session holds no memory for them. */
static void release_decoder(struct realm_stomp *stomp)
{
    if (stomp->decoder != NULL) {
        stomp_decoder_fini(stomp->decoder);
        free(stomp->decoder);
        stomp->decoder = NULL;
    }
}

static enum err need_decoder(struct realm_stomp *stomp)
{
    const struct stomp_limits limits = realm_stomp_limits(stomp->env->event_bytes);

    if (stomp->decoder != NULL) {
        return OK;
    }
    stomp->decoder = malloc(sizeof *stomp->decoder);
    if (stomp->decoder == NULL) {
        return ERR_NOMEM;
    }
    stomp_decoder_init(stomp->decoder, &limits);
    stomp_decoder_set_version(stomp->decoder, stomp->version);
    return OK;
}

void realm_stomp_init(struct realm_stomp *stomp, const struct realm_stomp_env *env,
                      struct realm_carrier *carrier, uint64_t id, void *owner)
{
    *stomp = (struct realm_stomp){
        .env = env, .carrier = carrier, .id = id, .version = STOMP_VERSION_1_2};
    session_init(&stomp->session, env->subscriptions_max, owner);
    list_init(&stomp->laters);
    list_init(&stomp->transactions);
}

void realm_stomp_fini(struct realm_stomp *stomp)
{
    realm_stomp_later_leave(stomp);
    realm_stomp_stream_end(stomp);
    session_fini(&stomp->session);
    realm_stomp_tx_leave(stomp);
    release_decoder(stomp);
    realm_stomp_login_forget(stomp);
    free(stomp->waits);
    free(stomp->why);
    stomp->why = NULL;
}

/* ---- the session itself ---- */

/* "Protocol Negotiation": without the header only 1.0 is spoken. */
static bool agree(const struct realm_stomp_inside *request, enum stomp_version *ret_version)
{
    struct span accepted = SPAN("1.0");

    realm_stomp_inside_find(request, SPAN("accept-version"), &accepted);
    return stomp_version_agree(accepted, ret_version);
}

static enum err on_connect(struct realm_stomp *stomp, const struct realm_stomp_inside *request)
{
    const struct stomp_heartbeat_offer ours = {stomp->env->heart_beat, stomp->env->heart_beat};
    struct stomp_heartbeat_offer theirs = {0, 0};
    enum stomp_version version;
    struct span value;

    if (stomp->state != REALM_STOMP_CONNECTING) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                         "the session is connected already");
    }
    if (!agree(request, &version)) {
        return realm_stomp_inside_refuse(
            stomp, request, REALM_STOMP_INSIDE_UNSUPPORTED,
            "this realm speaks STOMP 1.2, 1.1 and 1.0 (send accept-version:1.2)");
    }
    if (version != STOMP_VERSION_1_0 &&
        realm_stomp_inside_find(request, SPAN("heart-beat"), &value) &&
        stomp_heartbeat_read(value, &theirs) != OK) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                         "heart-beat must be two numbers, like 0,0");
    }
    stomp->refuses_softly = realm_stomp_inside_find(request, SPAN("errors"), &value) &&
                            span_equals(value, "receipt");
    stomp_heartbeat_init(&stomp->heartbeat, &ours, &theirs, request->now);
    stomp->version = version;
    stomp_decoder_set_version(stomp->decoder, version);
    return realm_stomp_login_begin(stomp, request);
}

/* ---- frames ---- */

static enum err on_frame(struct realm_stomp *stomp, const struct realm_stomp_inside *request)
{
    enum stomp_command command = request->frame->command;

    if (stomp->state == REALM_STOMP_CONNECTING && command != STOMP_CONNECT &&
        command != STOMP_STOMP) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                         "the first frame must be CONNECT, not %s",
                                         stomp_command_name(command));
    }
    switch (command) {
    case STOMP_CONNECT:
    case STOMP_STOMP: return on_connect(stomp, request);
    case STOMP_SEND: return realm_stomp_send(stomp, request);
    case STOMP_SUBSCRIBE: return realm_stomp_sub_begin(stomp, request);
    case STOMP_UNSUBSCRIBE: return realm_stomp_sub_end(stomp, request);
    case STOMP_DISCONNECT: return realm_stomp_later_disconnect(stomp, request);
    case STOMP_ACK:
    case STOMP_NACK: return realm_stomp_ack(stomp, request);
    case STOMP_BEGIN: return realm_stomp_tx_begin(stomp, request);
    case STOMP_COMMIT: return realm_stomp_tx_commit(stomp, request);
    case STOMP_ABORT: return realm_stomp_tx_abort(stomp, request);
    case STOMP_CONNECTED:
    case STOMP_MESSAGE:
    case STOMP_RECEIPT:
    case STOMP_ERROR: break;
    }
    return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                     "%s is for servers to send", stomp_command_name(command));
}

static void describe(const struct stomp_decoder *decoder, char room[REALM_STOMP_WHY_BYTES])
{
    const struct stomp_limits *limits = &decoder->limits;

    const enum stomp_fault fault = stomp_decoder_fault(decoder);

    if (fault == STOMP_FAULT_BODY_LENGTH) {
        snprintf(room, REALM_STOMP_WHY_BYTES,
                 "an event's body has at most %zu bytes here (EventBytesMax)",
                 limits->body_bytes);
    } else if (fault == STOMP_FAULT_LINE_LENGTH) {
        snprintf(room, REALM_STOMP_WHY_BYTES, "a header has at most %zu bytes here",
                 limits->line_bytes);
    } else if (fault == STOMP_FAULT_HEADER_COUNT) {
        snprintf(room, REALM_STOMP_WHY_BYTES, "a frame has at most %zu headers here",
                 limits->header_count);
    } else if (fault == STOMP_FAULT_HEAD_LENGTH) {
        snprintf(room, REALM_STOMP_WHY_BYTES,
                 "the headers of a frame have at most %zu bytes here, all together",
                 limits->head_bytes);
    } else {
        snprintf(room, REALM_STOMP_WHY_BYTES, "the client %s", stomp_fault_text(fault));
    }
}

static enum err on_fault(struct realm_stomp *stomp, msec now)
{
    char sentence[REALM_STOMP_WHY_BYTES];
    const struct realm_stomp_reply_refusal refusal = {
        stomp_fault_word(stomp_decoder_fault(stomp->decoder)), sentence};

    describe(stomp->decoder, sentence);
    realm_metrics_refused(stomp->env->metrics, span_str(refusal.word));
    return realm_stomp_inside_fail(stomp, stomp_decoder_refused(stomp->decoder), &refusal, now);
}

/* What the frame names is being read; `behind` comes when it is done. */
static enum err wait_with(struct realm_stomp *stomp, const struct stomp_frame *frame,
                          struct span behind)
{
    stomp->waits = malloc(sizeof *stomp->waits);
    if (stomp->waits == NULL) {
        return ERR_NOMEM;
    }
    *stomp->waits = *frame;
    return realm_stomp_login_keep(stomp, behind);
}

enum err realm_stomp_take(struct realm_stomp *stomp, struct span payload, msec now)
{
    bool is_between = false; /* a piece has come whole, and none has begun since */

    assert(!stomp->awaits_route);
    while (stomp->state != REALM_STOMP_ENDED && !stomp->is_leaving) {
        struct stomp_piece piece;
        enum err e;

        if (is_between && payload.len == 0) {
            release_decoder(stomp);
            return OK;
        }
        if (stomp->state == REALM_STOMP_VERIFYING) {
            return realm_stomp_login_keep(stomp, payload);
        }
        TRY(need_decoder(stomp));
        e = stomp_decoder_next(stomp->decoder, &payload, &piece);
        if (e == ERR_AGAIN) {
            return OK;
        }
        is_between = true;
        if (e == ERR_NOMEM) {
            return e;
        }
        if (e != OK) {
            return on_fault(stomp, now);
        }
        if (piece.type == STOMP_PIECE_FRAME) {
            stomp->sends += piece.frame.command == STOMP_SEND;
            stomp->may_wait = payload.len <= REALM_STOMP_BEHIND_BYTES;
            TRY(on_frame(stomp, &(struct realm_stomp_inside){&piece.frame, now}));
        }
        if (stomp->awaits_route) {
            return wait_with(stomp, &piece.frame, payload);
        }
    }
    return OK;
}

/* The frame was answered. */
static enum err take_behind(struct realm_stomp *stomp, msec now)
{
    struct buf *behind = stomp->behind;
    enum err e = OK;

    stomp->behind = NULL;
    free(stomp->waits);
    stomp->waits = NULL;
    if (behind->len == 0) {
        release_decoder(stomp);
    } else {
        e = realm_stomp_take(stomp, buf_span(behind), now);
    }
    buf_fini(behind);
    free(behind);
    return e;
}

enum err realm_stomp_go_on(struct realm_stomp *stomp, msec now)
{
    assert(stomp->awaits_route && stomp->waits != NULL);
    stomp->awaits_route = false;
    TRY(on_frame(stomp, &(struct realm_stomp_inside){stomp->waits, now}));
    return stomp->awaits_route ? OK : take_behind(stomp, now);
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

enum err realm_stomp_part(struct realm_stomp *stomp, msec now)
{
    const struct session_sub *sub = stomp->session.orphan;
    char sentence[REALM_STOMP_WHY_BYTES];
    char room[REALM_STOMP_INSIDE_NAME_BYTES];
    struct realm_stomp_reply_refusal refusal = {REALM_STOMP_INSIDE_MISSING, sentence};

    if (stomp->must_review && stomp->state == REALM_STOMP_OPEN) {
        stomp->must_review = false;
        TRY(realm_stomp_review(stomp, now));
    }
    if (sub == NULL || stomp->state != REALM_STOMP_OPEN) {
        return OK;
    }
    stomp->session.orphan = NULL;
    realm_stomp_inside_text(sub->route->channel.name, room);
    if (sub->route->is_gone) {
        snprintf(sentence, sizeof sentence, "an administrator has removed %s", room);
    } else {
        refusal.word = REALM_STOMP_INSIDE_ILLEGAL;
        snprintf(sentence, sizeof sentence,
                 "the durable subscription to %s has a reader in another realm", room);
    }
    realm_metrics_refused(stomp->env->metrics, span_str(refusal.word));
    return realm_stomp_inside_fail(stomp, NULL, &refusal, now);
}

msec realm_stomp_deadline(const struct realm_stomp *stomp)
{
    return stomp->state == REALM_STOMP_OPEN ? stomp_heartbeat_deadline(&stomp->heartbeat)
                                            : MSEC_NEVER;
}

enum err realm_stomp_expire(struct realm_stomp *stomp, msec now)
{
    struct realm_stomp_reply reply = realm_stomp_inside_reply(stomp);
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
