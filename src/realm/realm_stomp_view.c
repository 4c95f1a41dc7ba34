/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp_view.h"

#include "base/digest.h"
#include "base/utf8.h"
#include "pubsub/view.h"
#include "stomp/stomp_encoder.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    MESSAGE_ID_BYTES = 512, /* "<destination>@<eid>" */
    ACK_BYTES = VIEW_ID_MAX + 32,
};

static void put_names(struct stomp_encoder *encoder,
                      const struct realm_stomp_view_message *message)
{
    char message_id[MESSAGE_ID_BYTES];
    int len = snprintf(message_id, sizeof message_id, "%.*s@", SPAN_ARG(message->route));

    assert(len > 0 && (size_t)len < sizeof message_id / 2);
    if (message->event == NULL) {
        len += snprintf(message_id + len, sizeof message_id - (size_t)len, "end");
    } else {
        len += snprintf(message_id + len, sizeof message_id - (size_t)len, "%llu",
                        (unsigned long long)message->event->eid);
    }
    stomp_encoder_header(encoder, SPAN("subscription"), message->id);
    stomp_encoder_header(encoder, SPAN("destination"), message->route);
    stomp_encoder_header(encoder, SPAN("message-id"), span_of(message_id, (size_t)len));
}

/* "<eid>@<subscription>"; only 1.2 has it. "ACK" */
static void put_ack(struct stomp_encoder *encoder,
                    const struct realm_stomp_view_message *message)
{
    char ack[ACK_BYTES];
    int len;

    if (!message->wants_ack || message->version != STOMP_VERSION_1_2) {
        return;
    }
    len = snprintf(ack, sizeof ack, "%llu@", (unsigned long long)message->event->eid);
    assert(len > 0 && (size_t)len + message->id.len <= sizeof ack);
    memcpy(ack + len, message->id.ptr, message->id.len);
    stomp_encoder_header(encoder, SPAN("ack"), span_of(ack, (size_t)len + message->id.len));
}

/* "STOMP is text based but also allows for the transmission of binary messages": headers are
 * UTF-8, but an event that came over HTTP may have others. */
static bool can_carry(const struct realm_stomp_view_message *message,
                      const struct event_header *header)
{
    return stomp_encoder_can_carry(message->version, header->name, header->value) &&
           (!message->is_text_only ||
            (utf8_is_valid(header->name) && utf8_is_valid(header->value)));
}

static void put_event(struct stomp_encoder *encoder,
                      const struct realm_stomp_view_message *message)
{
    struct event_header header;
    size_t at = 0;

    stomp_encoder_header_u64(encoder, SPAN("eid"), message->event->eid);
    if (message->event->time > 0) {
        stomp_encoder_header_u64(encoder, SPAN("timestamp"), message->event->time);
    }
    put_ack(encoder, message);
    if (message->returns > 0) {
        stomp_encoder_header(encoder, SPAN("redelivered"), SPAN("true"));
        stomp_encoder_header_u64(encoder, SPAN("redelivery-count"), message->returns);
    }
    while (event_next_header(message->event, &at, &header)) {
        if (can_carry(message, &header)) {
            stomp_encoder_header(encoder, header.name, header.value);
        }
    }
}

static enum err put_frame(const struct realm_stomp_view_message *message, bool is_base64,
                          struct span body, struct buf *out)
{
    struct stomp_encoder encoder;

    stomp_encoder_begin_in(&encoder, out, message->version, STOMP_MESSAGE);
    put_names(&encoder, message);
    if (message->event == NULL) {
        stomp_encoder_header(&encoder, SPAN("browser"), SPAN("end"));
        return stomp_encoder_end(&encoder, span_of(NULL, 0));
    }
    if (is_base64) { /* before the publisher's own: the first of a name counts */
        stomp_encoder_header(&encoder, SPAN("content-transfer-encoding"), SPAN("base64"));
    }
    put_event(&encoder, message);
    return stomp_encoder_end(&encoder, body);
}

static enum err put_base64(const struct realm_stomp_view_message *message, struct span body,
                           struct buf *out)
{
    size_t len = (body.len + 2) / 3 * 4;
    char *text = malloc(len + 1);
    enum err e;

    if (text == NULL) {
        return ERR_NOMEM;
    }
    digest_base64(body, text);
    e = put_frame(message, true, span_of(text, len), out);
    free(text);
    return e;
}

bool realm_stomp_view_is_text(const struct realm_stomp_view_message *message)
{
    return message->is_text_only || message->event == NULL || message->event->is_text;
}

enum err realm_stomp_view_put(const struct realm_stomp_view_message *message, struct buf *out)
{
    struct span body = message->event == NULL ? span_of(NULL, 0) : event_body(message->event);

    if (message->is_text_only && message->event != NULL && !message->event->is_text &&
        !utf8_is_valid(body)) {
        return put_base64(message, body, out);
    }
    return put_frame(message, false, body, out);
}
