/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_carrier.h"

#include "sockjs/sockjs_frame.h"

enum {
    CONTROL_BYTES = 256 /* of "o", "h" and "c", which go out whatever waits */
};

static const char go_away[] = "Go away!";

static enum sockjs_frame_carrier wrapping_of(enum realm_carrier_kind kind)
{
    switch (kind) {
    case REALM_CARRIER_XHR: return SOCKJS_FRAME_XHR;
    case REALM_CARRIER_EVENTSOURCE: return SOCKJS_FRAME_EVENTSOURCE;
    case REALM_CARRIER_SOCKJS_WS:
    case REALM_CARRIER_WS:
    case REALM_CARRIER_WS_DEFLATE:
    case REALM_CARRIER_KINDS: break;
    }
    return SOCKJS_FRAME_WEBSOCKET;
}

/* ---- SockJS's frames ---- */

enum frame {
    FRAME_OPEN,
    FRAME_HEARTBEAT,
    FRAME_CLOSE,
    FRAME_MESSAGE,
};

static enum err write_frame(enum sockjs_frame_carrier wrapping, enum frame frame,
                            struct span text, struct buf *out)
{
    switch (frame) {
    case FRAME_OPEN: return sockjs_frame_put_open(wrapping, out);
    case FRAME_HEARTBEAT: return sockjs_frame_put_heartbeat(wrapping, out);
    case FRAME_CLOSE:
        return sockjs_frame_put_close(wrapping, SOCKJS_FRAME_GO_AWAY, go_away, out);
    case FRAME_MESSAGE: break;
    }
    return sockjs_frame_put_message(wrapping, text, out);
}

static enum err put_frame(struct realm_carrier *carrier, enum frame frame, struct span text)
{
    enum sockjs_frame_carrier wrapping = wrapping_of(carrier->kind);
    struct buf message;
    enum err e;

    if (!realm_carrier_is_ws(carrier)) {
        struct buf *out = &carrier->out;
        size_t max = out->max;

        out->max -= frame == FRAME_MESSAGE ? CONTROL_BYTES : 0;
        e = write_frame(wrapping, frame, text, out);
        out->max = max;
        return e;
    }
    buf_init(&message, text.len * SOCKJS_FRAME_ESCAPED_MAX + CONTROL_BYTES);
    e = write_frame(wrapping, frame, text, &message);
    if (e == OK) {
        e = ws_conn_put_message(&carrier->ws, WS_OPCODE_TEXT, buf_span(&message));
    }
    buf_fini(&message);
    return e;
}

/* ---- the session's side ---- */

enum err realm_carrier_init(struct realm_carrier *carrier, enum realm_carrier_kind kind,
                            const struct realm_carrier_limits *limits, struct rng *rng,
                            msec now)
{
    *carrier =
        (struct realm_carrier){.kind = kind, .heart_beat = limits->heart_beat, .sent_at = now};
    if (realm_carrier_kind_is_ws(kind)) {
        ws_conn_init(&carrier->ws, WS_SERVER, &limits->ws, rng, now);
    } else {
        buf_init(&carrier->out, limits->ws.max_output_bytes + CONTROL_BYTES);
    }
    return realm_carrier_kind_is_sockjs(kind) ? put_frame(carrier, FRAME_OPEN, SPAN("")) : OK;
}

void realm_carrier_fini(struct realm_carrier *carrier)
{
    if (realm_carrier_is_ws(carrier)) {
        ws_conn_fini(&carrier->ws);
    } else {
        buf_fini(&carrier->out);
    }
}

void realm_carrier_heard(struct realm_carrier *carrier, msec now)
{
    if (realm_carrier_is_ws(carrier)) {
        ws_conn_saw_bytes(&carrier->ws, now);
    }
}

void realm_carrier_sent(struct realm_carrier *carrier, msec now)
{
    carrier->sent_at = now;
}

void realm_carrier_set_received(struct realm_carrier *carrier, bool is_received, msec now)
{
    carrier->is_received = is_received;
    carrier->sent_at = now;
}

enum err realm_carrier_put(struct realm_carrier *carrier, struct span text)
{
    if (!realm_carrier_is_open(carrier)) {
        return ERR_CLOSED;
    }
    return realm_carrier_kind_is_sockjs(carrier->kind)
               ? put_frame(carrier, FRAME_MESSAGE, text)
               : ws_conn_put_message(&carrier->ws, WS_OPCODE_TEXT, text);
}

/* "This may happen multiple times": on WebSocket once, and then its own Close. */
enum err realm_carrier_close(struct realm_carrier *carrier, uint16_t code, struct span reason,
                             msec now)
{
    if (!realm_carrier_is_open(carrier)) {
        return ERR_CLOSED;
    }
    if (realm_carrier_kind_is_sockjs(carrier->kind)) {
        enum err e = put_frame(carrier, FRAME_CLOSE, SPAN(""));

        if (e != OK && e != ERR_LIMIT) { /* who does not read is not told twice */
            return e;
        }
    }
    if (realm_carrier_is_ws(carrier)) {
        return ws_conn_close(&carrier->ws, code, reason, now);
    }
    carrier->is_closed = true;
    return OK;
}

struct span realm_carrier_output(const struct realm_carrier *carrier)
{
    return realm_carrier_is_ws(carrier) ? ws_conn_output(&carrier->ws)
                                        : buf_span(&carrier->out);
}

void realm_carrier_consume(struct realm_carrier *carrier, size_t len)
{
    if (realm_carrier_is_ws(carrier)) {
        ws_conn_output_consume(&carrier->ws, len);
        return;
    }
    buf_consume(&carrier->out, len);
    if (carrier->out.len == 0) {
        buf_fini(&carrier->out);
    }
}

/* ---- time ---- */

static bool may_beat(const struct realm_carrier *carrier)
{
    return carrier->heart_beat > 0 && realm_carrier_kind_is_sockjs(carrier->kind) &&
           realm_carrier_is_open(carrier) &&
           (realm_carrier_is_ws(carrier) || carrier->is_received);
}

msec realm_carrier_deadline(const struct realm_carrier *carrier)
{
    msec at = realm_carrier_is_ws(carrier) ? ws_conn_deadline(&carrier->ws) : MSEC_NEVER;

    return may_beat(carrier) ? msec_min(at, carrier->sent_at + carrier->heart_beat) : at;
}

enum err realm_carrier_expire(struct realm_carrier *carrier, msec now)
{
    if (may_beat(carrier) && now >= carrier->sent_at + carrier->heart_beat) {
        if (realm_carrier_output(carrier).len == 0) { /* else there is something to send */
            TRY(put_frame(carrier, FRAME_HEARTBEAT, SPAN("")));
        }
        carrier->sent_at = now;
    }
    return realm_carrier_is_ws(carrier) ? ws_conn_expire(&carrier->ws, now) : OK;
}

bool realm_carrier_is_open(const struct realm_carrier *carrier)
{
    return realm_carrier_is_ws(carrier) ? ws_conn_is_open(&carrier->ws) : !carrier->is_closed;
}

bool realm_carrier_is_finished(const struct realm_carrier *carrier)
{
    return realm_carrier_is_ws(carrier) ? ws_conn_is_finished(&carrier->ws)
                                        : carrier->is_closed && carrier->out.len == 0;
}
