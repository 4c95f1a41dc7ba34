/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp_reply.h"

#include "stomp/stomp_encoder.h"

#include <stdio.h>

enum {
    NUMBER_BYTES = 24,
    MESSAGE_BYTES = 512,
};

static enum err put_text(const struct realm_stomp_reply *reply)
{
    enum err e = realm_carrier_put(reply->carrier, buf_span(reply->scratch));

    buf_truncate(reply->scratch, 0);
    return e == ERR_CLOSED ? OK : e;
}

static enum err finish(const struct realm_stomp_reply *reply, struct stomp_encoder *encoder)
{
    TRY(stomp_encoder_end(encoder, span_of(NULL, 0)));
    return put_text(reply);
}

enum err realm_stomp_reply_connected(const struct realm_stomp_reply *reply, uint64_t session_id,
                                     msec heart_beat)
{
    struct stomp_encoder encoder;
    char beat[2 * NUMBER_BYTES];
    char id[NUMBER_BYTES];

    snprintf(beat, sizeof beat, "%llu,%llu", (unsigned long long)heart_beat,
             (unsigned long long)heart_beat);
    snprintf(id, sizeof id, "%llu", (unsigned long long)session_id);
    stomp_encoder_begin_in(&encoder, reply->scratch, reply->version, STOMP_CONNECTED);
    stomp_encoder_header(&encoder, SPAN("version"),
                         span_str(stomp_version_name(reply->version)));
    stomp_encoder_header(&encoder, SPAN("session"), span_str(id));
    stomp_encoder_header(&encoder, SPAN("server"), SPAN("wayleave/" WAYLEAVE_VERSION));
    if (reply->version != STOMP_VERSION_1_0) { /* 1.0 has none */
        stomp_encoder_header(&encoder, SPAN("heart-beat"), span_str(beat));
    }
    return finish(reply, &encoder);
}

/* False when no receipt was asked for. */
static bool begin_receipt(const struct realm_stomp_reply *reply,
                          const struct stomp_frame *request, struct stomp_encoder *encoder)
{
    const struct stomp_header *receipt = stomp_frame_find(request, SPAN("receipt"));

    if (receipt == NULL) {
        return false;
    }
    stomp_encoder_begin_in(encoder, reply->scratch, reply->version, STOMP_RECEIPT);
    stomp_encoder_header(encoder, SPAN("receipt-id"), receipt->value);
    return true;
}

enum err realm_stomp_reply_receipt(const struct realm_stomp_reply *reply,
                                   const struct stomp_frame *request)
{
    struct stomp_encoder encoder;

    return begin_receipt(reply, request, &encoder) ? finish(reply, &encoder) : OK;
}

enum err realm_stomp_reply_published(const struct realm_stomp_reply *reply,
                                     const struct stomp_frame *request, uint64_t eid)
{
    struct stomp_encoder encoder;

    if (!begin_receipt(reply, request, &encoder)) {
        return OK;
    }
    stomp_encoder_header_u64(&encoder, SPAN("eid"), eid);
    return finish(reply, &encoder);
}

void realm_stomp_reply_epoch(uint64_t epoch, char room[REALM_STOMP_REPLY_EPOCH_CHARS + 1])
{
    snprintf(room, REALM_STOMP_REPLY_EPOCH_CHARS + 1, "%016llx", (unsigned long long)epoch);
}

enum err realm_stomp_reply_subscribed(const struct realm_stomp_reply *reply,
                                      const struct stomp_frame *request,
                                      const struct channel *channel, uint64_t next)
{
    char epoch[REALM_STOMP_REPLY_EPOCH_CHARS + 1];
    struct stomp_encoder encoder;

    if (!begin_receipt(reply, request, &encoder)) {
        return OK;
    }
    realm_stomp_reply_epoch(channel->epoch, epoch);
    stomp_encoder_header(&encoder, SPAN("epoch"), span_str(epoch));
    stomp_encoder_header_u64(&encoder, SPAN("next"), next);
    return finish(reply, &encoder);
}

enum err realm_stomp_reply_reading(const struct realm_stomp_reply *reply,
                                   const struct stomp_frame *request, size_t window)
{
    struct stomp_encoder encoder;

    if (!begin_receipt(reply, request, &encoder)) {
        return OK;
    }
    stomp_encoder_header_u64(&encoder, SPAN("window"), window);
    return finish(reply, &encoder);
}

enum err realm_stomp_reply_stream(const struct realm_stomp_reply *reply,
                                  const struct stomp_frame *request, const char *id)
{
    struct stomp_encoder encoder;

    if (!begin_receipt(reply, request, &encoder)) {
        return OK;
    }
    stomp_encoder_header(&encoder, SPAN("stream"), span_str(id));
    return finish(reply, &encoder);
}

enum err realm_stomp_reply_outcome(const struct realm_stomp_reply *reply,
                                   const struct stomp_frame *request, const char *outcome)
{
    struct stomp_encoder encoder;

    if (!begin_receipt(reply, request, &encoder)) {
        return OK;
    }
    stomp_encoder_header(&encoder, SPAN("outcome"), span_str(outcome));
    return finish(reply, &encoder);
}

enum err realm_stomp_reply_refused(const struct realm_stomp_reply *reply,
                                   const struct stomp_frame *request,
                                   const struct realm_stomp_reply_refusal *refusal)
{
    struct stomp_encoder encoder;
    bool is_asked = begin_receipt(reply, request, &encoder);

    assert(is_asked);
    (void)is_asked;
    stomp_encoder_header(&encoder, SPAN("refused"), span_str(refusal->word));
    stomp_encoder_header(&encoder, SPAN("message"), span_str(refusal->sentence));
    return finish(reply, &encoder);
}

enum err realm_stomp_reply_error(const struct realm_stomp_reply *reply,
                                 const struct stomp_frame *request,
                                 const struct realm_stomp_reply_refusal *refusal)
{
    const struct stomp_header *receipt =
        request == NULL ? NULL : stomp_frame_find(request, SPAN("receipt"));
    struct stomp_encoder encoder;
    char message[MESSAGE_BYTES];

    snprintf(message, sizeof message, "%s: %s", refusal->word, refusal->sentence);
    stomp_encoder_begin_in(&encoder, reply->scratch, reply->version, STOMP_ERROR);
    stomp_encoder_header(&encoder, SPAN("version"),
                         reply->is_agreed ? span_str(stomp_version_name(reply->version))
                                          : SPAN("1.0,1.1,1.2"));
    if (receipt != NULL) { /* "ERROR": it should say which frame was to blame */
        stomp_encoder_header(&encoder, SPAN("receipt-id"), receipt->value);
    }
    stomp_encoder_header(&encoder, SPAN("message"), span_str(message));
    return finish(reply, &encoder);
}

enum err realm_stomp_reply_beat(const struct realm_stomp_reply *reply)
{
    TRY(stomp_encoder_eol(reply->scratch));
    return put_text(reply);
}
