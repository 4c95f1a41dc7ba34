/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp_view.h"

#include "stomp/stomp_encoder.h"
#include "ws/ws_frame.h"

#include <stdio.h>

enum {
    MESSAGE_ID_BYTES = 512 /* "<destination>@<eid>" */
};

static enum err put_frame(struct span channel, struct span id, const struct event *event,
                          struct buf *out)
{
    char message_id[MESSAGE_ID_BYTES];
    struct stomp_encoder encoder;
    struct event_header header;
    size_t at = 0;
    int len = snprintf(message_id, sizeof message_id, "%.*s@%llu", SPAN_ARG(channel),
                       (unsigned long long)event->eid);

    assert(len > 0 && (size_t)len < sizeof message_id);
    stomp_encoder_begin(&encoder, out, STOMP_MESSAGE);
    stomp_encoder_header(&encoder, SPAN("subscription"), id);
    stomp_encoder_header(&encoder, SPAN("destination"), channel);
    stomp_encoder_header(&encoder, SPAN("message-id"), span_of(message_id, (size_t)len));
    stomp_encoder_header_u64(&encoder, SPAN("eid"), event->eid);
    while (event_next_header(event, &at, &header)) {
        stomp_encoder_header(&encoder, header.name, header.value);
    }
    return stomp_encoder_end(&encoder, event_body(event));
}

/* The head's length follows from the frame's, so the frame is written first, behind the longest
 * head there is, and moved up. */
static enum err encode(struct span channel, struct span id, const struct event *event,
                       struct buf *out)
{
    size_t start = out->len;
    uint8_t head[WS_FRAME_HEAD_MAX] = {0};
    size_t head_len, frame_len;
    enum err e;

    TRY(buf_append(out, span_of(head, sizeof head)));
    e = put_frame(channel, id, event, out);
    if (e != OK) {
        buf_truncate(out, start);
        return e;
    }
    frame_len = out->len - start - sizeof head;
    head_len = ws_frame_encode_unmasked(event->is_text ? WS_OPCODE_TEXT : WS_OPCODE_BINARY,
                                        frame_len, head);
    memcpy(out->ptr + start, head, head_len);
    memmove(out->ptr + start + head_len, out->ptr + start + sizeof head, frame_len);
    buf_truncate(out, start + head_len + frame_len);
    return OK;
}

const struct view_form realm_stomp_view_form = {.tag = 's', .encode = encode};
