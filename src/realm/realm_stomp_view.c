/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp_view.h"

#include "stomp/stomp_encoder.h"
#include "ws/ws_frame.h"

#include <stdio.h>

enum {
    MESSAGE_ID_BYTES = 512, /* "<destination>@<eid>" */
    ACK_BYTES = VIEW_ID_MAX + 32,
};

/* One MESSAGE. */
struct message {
    enum stomp_version version;
    struct span route;
    struct span id;            /* of the subscription */
    const struct event *event; /* NULL: a browser has seen all */
    size_t returns;
    bool wants_ack;
};

static void put_names(struct stomp_encoder *encoder, const struct message *message)
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
static void put_ack(struct stomp_encoder *encoder, const struct message *message)
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

static void put_event(struct stomp_encoder *encoder, const struct message *message)
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
        if (stomp_encoder_can_carry(message->version, header.name, header.value)) {
            stomp_encoder_header(encoder, header.name, header.value);
        }
    }
}

static enum err put_frame(const struct message *message, struct buf *out)
{
    struct stomp_encoder encoder;

    stomp_encoder_begin_in(&encoder, out, message->version, STOMP_MESSAGE);
    put_names(&encoder, message);
    if (message->event == NULL) {
        stomp_encoder_header(&encoder, SPAN("browser"), SPAN("end"));
        return stomp_encoder_end(&encoder, span_of(NULL, 0));
    }
    put_event(&encoder, message);
    return stomp_encoder_end(&encoder, event_body(message->event));
}

/* The head's length follows from the frame's, so the frame is written first, behind the longest
 * head there is, and moved up. */
static enum err encode(const struct message *message, struct buf *out)
{
    bool is_text = message->event == NULL || message->event->is_text;
    size_t start = out->len;
    uint8_t head[WS_FRAME_HEAD_MAX] = {0};
    size_t head_len, frame_len;
    enum err e;

    TRY(buf_append(out, span_of(head, sizeof head)));
    e = put_frame(message, out);
    if (e != OK) {
        buf_truncate(out, start);
        return e;
    }
    frame_len = out->len - start - sizeof head;
    head_len =
        ws_frame_encode_unmasked(is_text ? WS_OPCODE_TEXT : WS_OPCODE_BINARY, frame_len, head);
    memcpy(out->ptr + start, head, head_len);
    memmove(out->ptr + start + head_len, out->ptr + start + sizeof head, frame_len);
    buf_truncate(out, start + head_len + frame_len);
    return OK;
}

/* Forms are told apart by address and tag, so there is a function for each version. */
#define FORMS(spoken)                                                                          \
    static enum err encode_##spoken(struct span channel, struct span id,                       \
                                    const struct event *event, struct buf *out)                \
    {                                                                                          \
        return encode(                                                                         \
            &(struct message){                                                                 \
                .version = (spoken), .route = channel, .id = id, .event = event},              \
            out);                                                                              \
    }                                                                                          \
    static enum err encode_queue_##spoken(struct span queue, struct span id,                   \
                                          const struct queue_feed_item *item, struct buf *out) \
    {                                                                                          \
        return encode(&(struct message){.version = (spoken),                                   \
                                        .route = queue,                                        \
                                        .id = id,                                              \
                                        .event = item->event,                                  \
                                        .returns = item->returns,                              \
                                        .wants_ack = item->wants_ack},                         \
                      out);                                                                    \
    }

/* Before 1.2 an ACK says the message-id, which every MESSAGE has. */
static enum err encode_acked(struct span channel, struct span id, const struct event *event,
                             struct buf *out)
{
    return encode(&(struct message){.version = STOMP_VERSION_1_2,
                                    .route = channel,
                                    .id = id,
                                    .event = event,
                                    .wants_ack = true},
                  out);
}

FORMS(STOMP_VERSION_1_0)
FORMS(STOMP_VERSION_1_1)
FORMS(STOMP_VERSION_1_2)
#undef FORMS

const struct view_form *realm_stomp_view_form(enum stomp_version version)
{
    static const struct view_form forms[] = {
        [STOMP_VERSION_1_0] = {.tag = '0', .encode = encode_STOMP_VERSION_1_0},
        [STOMP_VERSION_1_1] = {.tag = '1', .encode = encode_STOMP_VERSION_1_1},
        [STOMP_VERSION_1_2] = {.tag = 's', .encode = encode_STOMP_VERSION_1_2},
    };

    return &forms[version];
}

const struct view_form *realm_stomp_view_acked_form(enum stomp_version version)
{
    static const struct view_form form = {.tag = 'a', .encode = encode_acked};

    return version == STOMP_VERSION_1_2 ? &form : realm_stomp_view_form(version);
}

const struct queue_feed_form *realm_stomp_view_queue_form(enum stomp_version version)
{
    static const struct queue_feed_form forms[] = {
        [STOMP_VERSION_1_0] = {.encode = encode_queue_STOMP_VERSION_1_0},
        [STOMP_VERSION_1_1] = {.encode = encode_queue_STOMP_VERSION_1_1},
        [STOMP_VERSION_1_2] = {.encode = encode_queue_STOMP_VERSION_1_2},
    };

    return &forms[version];
}
