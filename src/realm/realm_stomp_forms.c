/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp_forms.h"

#include "realm/realm_metrics.h"
#include "realm/realm_stomp.h"
#include "realm/realm_stomp_view.h"
#include "sockjs/sockjs_frame.h"
#include "ws/ws_deflate.h"
#include "ws/ws_frame.h"

enum {
    KEEP_BYTES = 64 * 1024, /* of room for frames, between events */
};

/* ---- wrapping ---- */

/* Whatever `put` appends becomes one WebSocket message. Its head's length follows from the
 * payload's, so the payload is written first, behind the longest head there is, and moved up.
 */
struct payload {
    const struct realm_stomp_view_message *message; /* as it is */
    struct span text;                               /* or this, in SockJS's wrapping */
};

static enum err put_payload(const struct payload *payload, struct buf *out)
{
    return payload->message != NULL
               ? realm_stomp_view_put(payload->message, out)
               : sockjs_frame_put_message(SOCKJS_FRAME_WEBSOCKET, payload->text, out);
}

static enum err put_in_ws(const struct payload *payload, bool is_text, struct buf *out)
{
    size_t start = out->len;
    uint8_t head[WS_FRAME_HEAD_MAX] = {0};
    size_t head_len, len;
    enum err e;

    TRY(buf_append(out, span_of(head, sizeof head)));
    e = put_payload(payload, out);
    if (e != OK) {
        buf_truncate(out, start);
        return e;
    }
    len = out->len - start - sizeof head;
    head_len = ws_frame_encode_unmasked(is_text ? WS_OPCODE_TEXT : WS_OPCODE_BINARY, len, head);
    memcpy(out->ptr + start, head, head_len);
    memmove(out->ptr + start + head_len, out->ptr + start + sizeof head, len);
    buf_truncate(out, start + head_len + len);
    return OK;
}

static enum err put_deflated(struct realm_stomp_forms *set, bool is_text, struct buf *out)
{
    size_t before = out->len;

    if (set->deflater == NULL) {
        TRY(ws_deflate_out_new(&set->deflater));
    }
    TRY(ws_deflate_out_put(set->deflater, is_text ? WS_OPCODE_TEXT : WS_OPCODE_BINARY,
                           buf_span(&set->frame), out));
    metric_add(set->metrics, REALM_METRICS_DEFLATE_IN, set->frame.len);
    metric_add(set->metrics, REALM_METRICS_DEFLATE_OUT, out->len - before);
    return OK;
}

/* What is escaped or compressed is written elsewhere first. */
static enum err put_wrapped(struct realm_stomp_forms *set, enum realm_carrier_kind carrier,
                            const struct realm_stomp_view_message *message, struct buf *out)
{
    TRY(realm_stomp_view_put(message, &set->frame));
    switch (carrier) {
    case REALM_CARRIER_WS_DEFLATE:
        return put_deflated(set, realm_stomp_view_is_text(message), out);
    case REALM_CARRIER_SOCKJS_WS:
        return put_in_ws(&(struct payload){.text = buf_span(&set->frame)}, true, out);
    case REALM_CARRIER_XHR:
        return sockjs_frame_put_message(SOCKJS_FRAME_XHR, buf_span(&set->frame), out);
    case REALM_CARRIER_EVENTSOURCE:
        return sockjs_frame_put_message(SOCKJS_FRAME_EVENTSOURCE, buf_span(&set->frame), out);
    case REALM_CARRIER_WS:
    case REALM_CARRIER_KINDS: break;
    }
    assert(false);
    return ERR_CONF;
}

static enum err put(struct realm_stomp_forms *set, enum realm_carrier_kind carrier,
                    struct realm_stomp_view_message *message, struct buf *out)
{
    enum err e;

    message->is_text_only = realm_carrier_kind_is_sockjs(carrier);
    if (carrier == REALM_CARRIER_WS) {
        return put_in_ws(&(struct payload){.message = message},
                         realm_stomp_view_is_text(message), out);
    }
    e = put_wrapped(set, carrier, message, out);
    if (set->frame.cap > KEEP_BYTES) {
        buf_fini(&set->frame);
    } else {
        buf_truncate(&set->frame, 0);
    }
    return e;
}

/* ---- the forms ---- */

static enum err encode_view(void *ctx, struct span channel, struct span id,
                            const struct event *event, struct buf *out)
{
    const struct realm_stomp_forms_form *form = ctx;

    return put(form->set, form->carrier,
               &(struct realm_stomp_view_message){
                   .version = form->version, .route = channel, .id = id, .event = event},
               out);
}

static enum err encode_acked(void *ctx, struct span channel, struct span id,
                             const struct event *event, struct buf *out)
{
    const struct realm_stomp_forms_form *form = ctx;

    return put(form->set, form->carrier,
               &(struct realm_stomp_view_message){.version = form->version,
                                                  .route = channel,
                                                  .id = id,
                                                  .event = event,
                                                  .wants_ack = true},
               out);
}

static enum err encode_feed(void *ctx, struct span queue, struct span id,
                            const struct queue_feed_item *item, struct buf *out)
{
    const struct realm_stomp_forms_form *form = ctx;
    enum realm_carrier_kind carrier =
        form->carrier == REALM_CARRIER_WS_DEFLATE ? REALM_CARRIER_WS : form->carrier;

    return put(form->set, carrier,
               &(struct realm_stomp_view_message){.version = form->version,
                                                  .route = queue,
                                                  .id = id,
                                                  .event = item->event,
                                                  .returns = item->returns,
                                                  .wants_ack = item->wants_ack},
               out);
}

void realm_stomp_forms_init(struct realm_stomp_forms *set, size_t event_bytes,
                            struct metric_sheet *metrics)
{
    char tag = '0'; /* views are told apart by it */

    *set = (struct realm_stomp_forms){.metrics = metrics};
    buf_init(&set->frame, (event_bytes + 2) / 3 * 4 + REALM_STOMP_OVERHEAD_BYTES);
    for (int carrier = 0; carrier < REALM_CARRIER_KINDS; carrier++) {
        for (int version = 0; version < REALM_STOMP_FORMS_VERSIONS; version++) {
            struct realm_stomp_forms_form *form = &set->all[carrier][version];

            *form = (struct realm_stomp_forms_form){
                .set = set,
                .carrier = (enum realm_carrier_kind)carrier,
                .version = (enum stomp_version)version,
                .view = {.tag = tag, .ctx = form, .encode = encode_view},
                .acked = {.tag = (char)(tag + 1), .ctx = form, .encode = encode_acked},
                .changes = {.tag = (char)(tag + 2),
                            .follows_changes = true,
                            .ctx = form,
                            .encode = encode_view},
                .feed = {.ctx = form, .encode = encode_feed},
            };
            tag = (char)(tag + 3);
        }
    }
}

void realm_stomp_forms_fini(struct realm_stomp_forms *set)
{
    buf_fini(&set->frame);
    ws_deflate_out_free(set->deflater);
    set->deflater = NULL;
}

const struct view_form *realm_stomp_forms_view(const struct realm_stomp_forms *set,
                                               enum realm_carrier_kind carrier,
                                               enum stomp_version version)
{
    return &set->all[carrier][version].view;
}

/* Before 1.2 an ACK says the message-id, which every MESSAGE has. */
const struct view_form *realm_stomp_forms_acked(const struct realm_stomp_forms *set,
                                                enum realm_carrier_kind carrier,
                                                enum stomp_version version)
{
    return version == STOMP_VERSION_1_2 ? &set->all[carrier][version].acked
                                        : realm_stomp_forms_view(set, carrier, version);
}

const struct view_form *realm_stomp_forms_changes(const struct realm_stomp_forms *set,
                                                  enum realm_carrier_kind carrier,
                                                  enum stomp_version version)
{
    return &set->all[carrier][version].changes;
}

const struct queue_feed_form *realm_stomp_forms_feed(const struct realm_stomp_forms *set,
                                                     enum realm_carrier_kind carrier,
                                                     enum stomp_version version)
{
    return &set->all[carrier][version].feed;
}

size_t realm_stomp_forms_bytes(size_t event_bytes)
{
    return SOCKJS_FRAME_ESCAPED_MAX * (event_bytes + REALM_STOMP_OVERHEAD_BYTES) +
           SOCKJS_FRAME_WRAP_BYTES;
}
