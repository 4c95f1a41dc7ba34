/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The client may send frames before the server's answer has passed here, so both sides' frames
 * are read as soon as that side's head is over; what depends on the answer (reserved bits) is
 * looked at when it is there.
 */
#include "ws/ws_follow.h"

#include "base/state.h"
#include "ws/ws_follow_opening.h"

#include <stdlib.h>

enum {
    RSV = 0x70,     /* of a frame's first byte: RFC 6455 section 5.2 */
    CODE_BYTES = 2, /* of a close code: section 5.5.1 */
};

/* clang-format off */
#define TO(name) STATE_BIT(WS_FOLLOW_##name)
static const struct state_rule rules[WS_FOLLOW_STATES] = {
    [WS_FOLLOW_REQUEST] = {"request", TO(ANSWER) | TO(LOST)},
    [WS_FOLLOW_ANSWER]  = {"answer",  TO(FRAMES) | TO(LOST)},
    [WS_FOLLOW_FRAMES]  = {"frames",  TO(LOST)},
    [WS_FOLLOW_LOST]    = {"lost",    0},
};
#undef TO
/* clang-format on */

/* The only assignment to follow->state after init. */
static void follow_move(struct ws_follow *follow, enum ws_follow_state next)
{
    assert(state_may_move(rules, follow->state, next));
    follow->state = (uint8_t)next;
}

static void follow_lose(struct ws_follow *follow, enum ws_follow_loss loss)
{
    ws_follow_opening_free(follow->opening);
    follow->opening = NULL;
    follow->loss = (uint8_t)loss;
    follow_move(follow, WS_FOLLOW_LOST);
}

static void follow_lose_frames(struct ws_follow *follow, enum ws_fault fault)
{
    follow->fault = (uint8_t)fault;
    follow_lose(follow, WS_FOLLOW_LOSS_FRAME);
}

/* ---- frames ---- */

/* How much of the stream is looked at: the head, and the code that begins a Close frame. */
static size_t bytes_to_look_at(struct span head)
{
    size_t bytes = ws_frame_head_bytes(head);
    bool has_code = head.len >= 2 && (head.ptr[0] & 0x0f) == WS_OPCODE_CLOSE &&
                    (head.ptr[1] & 0x7f) >= CODE_BYTES && (head.ptr[1] & 0x7f) < 126;

    return has_code ? bytes + CODE_BYTES : bytes;
}

/* Reserved bits belong to an extension that was negotiated, or are a fault; the length is
 * where it always is. RFC 6455 section 5.2. */
static enum ws_fault decode_head(struct ws_follow *follow, enum ws_role sender,
                                 struct span head, struct ws_frame *ret_frame)
{
    uint8_t plain[WS_FRAME_HEAD_MAX];

    if ((head.ptr[0] & RSV) == 0) {
        return ws_frame_decode(head, sender, ret_frame);
    }
    if (follow->state == WS_FOLLOW_FRAMES && !follow->has_extension) {
        return WS_FAULT_RSV;
    }
    follow->ways[sender].has_rsv = true;
    memcpy(plain, head.ptr, head.len);
    plain[0] &= (uint8_t)~RSV;
    return ws_frame_decode(span_of(plain, head.len), sender, ret_frame);
}

/* RFC 6455 section 5.5.1: the first Close frame tells who closes, and why. */
static enum ws_fault on_close(struct ws_follow *follow, enum ws_role sender,
                              const struct ws_frame *frame, struct span payload)
{
    uint16_t code = WS_CLOSE_NO_STATUS;

    if (frame->payload_len == 1) {
        return WS_FAULT_CLOSE_SHORT;
    }
    if (frame->payload_len >= CODE_BYTES) {
        /* The only bytes of a payload that are ever looked at. An unmasked frame's key is 0. */
        code = (uint16_t)((payload.ptr[0] ^ frame->key[0]) << 8 |
                          (payload.ptr[1] ^ frame->key[1]));
    }
    follow->ways[sender].has_closed = true;
    if (follow->close_code == 0) {
        follow->close_code = code;
        follow->closer = (uint8_t)sender;
        follow->reason_len =
            (uint8_t)(frame->payload_len < CODE_BYTES ? 0 : frame->payload_len - CODE_BYTES);
    }
    return WS_FAULT_NONE;
}

/* RFC 6455 section 5.4: fragments of one message do not mix with another. */
static enum ws_fault on_data(struct ws_follow_way *way, const struct ws_frame *frame)
{
    const bool continues = frame->opcode == WS_OPCODE_CONTINUATION;

    if (continues != way->in_message) {
        return continues ? WS_FAULT_ORPHAN : WS_FAULT_INTERLEAVED;
    }
    way->in_message = true;
    return WS_FAULT_NONE;
}

/* The payload has passed. */
static void on_frame_end(struct ws_follow_way *way)
{
    if (way->is_control) {
        way->controls++;
    } else if (way->fin) {
        way->in_message = false;
        way->messages++;
    }
}

/* `head` is complete: what bytes_to_look_at() says. */
static enum ws_fault on_head(struct ws_follow *follow, enum ws_role sender, struct span head)
{
    struct ws_follow_way *way = &follow->ways[sender];
    size_t head_bytes = ws_frame_head_bytes(head);
    struct ws_frame frame;
    enum ws_fault fault = decode_head(follow, sender, span_head(head, head_bytes), &frame);

    if (fault != WS_FAULT_NONE) {
        return fault;
    }
    if (frame.opcode == WS_OPCODE_CLOSE) {
        return on_close(follow, sender, &frame, span_tail(head, head_bytes));
    }
    way->is_control = ws_opcode_is_control(frame.opcode);
    if (!way->is_control) {
        fault = on_data(way, &frame);
    }
    way->fin = frame.fin;
    way->skip = frame.payload_len;
    if (fault == WS_FAULT_NONE && way->skip == 0) {
        on_frame_end(way);
    }
    return fault;
}

/* A head that may have come in pieces. True when it is complete, and *input is behind it. */
static bool collect_head(struct ws_follow_way *way, struct span *input, struct span *ret_head)
{
    struct span head = span_of(way->head, way->head_len);

    if (head.len == 0 && input->len >= 2 && input->len >= bytes_to_look_at(*input)) {
        *ret_head = span_head(*input, bytes_to_look_at(*input)); /* the usual case */
        *input = span_tail(*input, ret_head->len);
        return true;
    }
    while (head.len < bytes_to_look_at(head)) {
        struct span more = span_head(*input, bytes_to_look_at(head) - head.len);

        if (more.len == 0) {
            way->head_len = (uint8_t)head.len;
            return false;
        }
        memcpy(way->head + head.len, more.ptr, more.len);
        head.len += more.len;
        *input = span_tail(*input, more.len);
    }
    way->head_len = 0;
    *ret_head = head;
    return true;
}

static void skip_payload(struct ws_follow_way *way, struct span *input)
{
    size_t len = way->skip < input->len ? (size_t)way->skip : input->len;

    way->skip -= len;
    if (!way->is_control) {
        way->payload_bytes += len;
    }
    *input = span_tail(*input, len);
    if (way->skip == 0) {
        on_frame_end(way);
    }
}

static void on_frame_bytes(struct ws_follow *follow, enum ws_role sender, struct span input)
{
    struct ws_follow_way *way = &follow->ways[sender];

    /* RFC 6455 5.5.1: "The application MUST NOT send any more data frames after sending a Close
     * frame." Nobody will read them. */
    while (input.len > 0 && !way->has_closed) {
        enum ws_fault fault;
        struct span head;

        if (way->skip > 0) {
            skip_payload(way, &input);
            continue;
        }
        if (!collect_head(way, &input, &head)) {
            return;
        }
        fault = on_head(follow, sender, head);
        if (fault != WS_FAULT_NONE) {
            follow_lose_frames(follow, fault);
            return;
        }
    }
}

/* ---- the handshake ---- */

static char *copy_of(struct span bytes, size_t max)
{
    bytes = span_head(bytes, max);
    return bytes.len == 0 ? NULL : strndup((const char *)bytes.ptr, bytes.len);
}

static void on_request(struct ws_follow *follow, struct span *input)
{
    enum ws_follow_loss loss = WS_FOLLOW_LOSS_NONE;
    enum err e = ws_follow_opening_request(follow->opening, input, &loss);

    if (e == ERR_AGAIN) {
        return;
    }
    if (e == OK && loss == WS_FOLLOW_LOSS_NONE) {
        follow->path = copy_of(ws_follow_opening_path(follow->opening), WS_FOLLOW_PATH_MAX);
        e = follow->path == NULL
                ? ERR_NOMEM
                : ws_follow_opening_offered(follow->opening, &follow->protocol);
    }
    if (e != OK) {
        follow_lose(follow, WS_FOLLOW_LOSS_NOMEM);
    } else if (loss != WS_FOLLOW_LOSS_NONE) {
        follow_lose(follow, loss);
    } else {
        follow_move(follow, WS_FOLLOW_ANSWER);
    }
}

static enum err take_answer(struct ws_follow *follow, struct http1_fields fields)
{
    const struct span chosen = ws_follow_opening_chosen(fields);
    const struct ws_follow_opening_extensions extensions = ws_follow_opening_extensions(fields);

    follow->has_extension = extensions.any;
    follow->has_deflate = extensions.deflate;
    if (chosen.len > 0) {
        char *copy = copy_of(chosen, WS_FOLLOW_PROTOCOL_MAX);

        if (copy == NULL) {
            return ERR_NOMEM;
        }
        free(follow->protocol);
        follow->protocol = copy;
        follow->has_chosen = true;
    }
    return OK;
}

static void on_answer(struct ws_follow *follow, struct span *input)
{
    enum ws_follow_loss loss = WS_FOLLOW_LOSS_NONE;
    enum err e = ws_follow_opening_answer(follow->opening, input, &loss);

    if (e == ERR_AGAIN) {
        return;
    }
    follow->status = ws_follow_opening_status(follow->opening);
    if (e == OK && loss == WS_FOLLOW_LOSS_NONE) {
        e = take_answer(follow, ws_follow_opening_fields(follow->opening));
    }
    if (e != OK) {
        follow_lose(follow, WS_FOLLOW_LOSS_NOMEM);
    } else if (loss != WS_FOLLOW_LOSS_NONE) {
        follow->ways[WS_CLIENT].messages = 0; /* they were none */
        follow->ways[WS_CLIENT].payload_bytes = 0;
        follow->ways[WS_CLIENT].controls = 0;
        follow_lose(follow, loss);
    } else if (follow->ways[WS_CLIENT].has_rsv && !follow->has_extension) {
        follow_lose_frames(follow, WS_FAULT_RSV);
    } else {
        ws_follow_opening_free(follow->opening);
        follow->opening = NULL;
        follow_move(follow, WS_FOLLOW_FRAMES);
    }
}

static void on_head_bytes(struct ws_follow *follow, enum ws_role sender, struct span *input)
{
    if (sender == WS_CLIENT) {
        if (follow->opening == NULL && ws_follow_opening_new(&follow->opening) != OK) {
            follow_lose(follow, WS_FOLLOW_LOSS_NOMEM);
            return;
        }
        on_request(follow, input);
    } else if (follow->state == WS_FOLLOW_REQUEST) {
        follow_lose(follow, WS_FOLLOW_LOSS_NOT_HTTP); /* HTTP's server never speaks first */
    } else {
        on_answer(follow, input);
    }
}

static bool reads_head(const struct ws_follow *follow, enum ws_role sender)
{
    return follow->state == WS_FOLLOW_REQUEST ||
           (follow->state == WS_FOLLOW_ANSWER && sender == WS_SERVER);
}

void ws_follow_bytes(struct ws_follow *follow, enum ws_role sender, struct span bytes)
{
    if (bytes.len > 0 && reads_head(follow, sender)) {
        on_head_bytes(follow, sender, &bytes);
    }
    if (bytes.len > 0 && follow->state != WS_FOLLOW_LOST && !reads_head(follow, sender)) {
        on_frame_bytes(follow, sender, bytes);
    }
}

/* ---- life ---- */

void ws_follow_init(struct ws_follow *follow)
{
    *follow = (struct ws_follow){.state = WS_FOLLOW_REQUEST};
}

void ws_follow_init_open(struct ws_follow *follow, struct span path, struct http1_fields answer)
{
    *follow = (struct ws_follow){.state = WS_FOLLOW_FRAMES, .status = 101};
    follow->path = copy_of(path, WS_FOLLOW_PATH_MAX);
    if (take_answer(follow, answer) != OK) {
        follow_lose(follow, WS_FOLLOW_LOSS_NOMEM);
    }
}

void ws_follow_fini(struct ws_follow *follow)
{
    ws_follow_opening_free(follow->opening);
    free(follow->path);
    free(follow->protocol);
    *follow = (struct ws_follow){.state = WS_FOLLOW_LOST};
}

struct span ws_follow_protocol(const struct ws_follow *follow)
{
    return follow->has_chosen ? span_str(follow->protocol) : SPAN("");
}

const char *ws_follow_why(const struct ws_follow *follow)
{
    switch ((enum ws_follow_loss)follow->loss) {
    case WS_FOLLOW_LOSS_NONE: return "";
    case WS_FOLLOW_LOSS_NOT_HTTP: return "not HTTP";
    case WS_FOLLOW_LOSS_NO_UPGRADE: return "not WebSocket";
    case WS_FOLLOW_LOSS_REFUSED: return "the server refused the handshake";
    case WS_FOLLOW_LOSS_ANSWER: return "the server's answer is no handshake";
    case WS_FOLLOW_LOSS_FRAME: return ws_fault_text((enum ws_fault)follow->fault);
    case WS_FOLLOW_LOSS_NOMEM: return "out of memory";
    }
    return "";
}
