/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "ws/ws_message.h"

#include "base/state.h"

#include <stdlib.h>

#define TO(name) STATE_BIT(WS_MESSAGE_STATE_##name)

/* clang-format off */
static const struct state_rule message_rules[WS_MESSAGE_STATES] = {
    [WS_MESSAGE_STATE_BETWEEN] = {"between", TO(INSIDE)  | TO(CLOSED) | TO(FAILED)},
    [WS_MESSAGE_STATE_INSIDE]  = {"inside",  TO(BETWEEN) | TO(CLOSED) | TO(FAILED)},
    [WS_MESSAGE_STATE_CLOSED]  = {"closed",  0},
    [WS_MESSAGE_STATE_FAILED]  = {"failed",  0},
};
/* clang-format on */

void ws_message_init(struct ws_message *message, enum ws_role role, uint64_t max_bytes)
{
    *message = (struct ws_message){.state = WS_MESSAGE_STATE_BETWEEN, .max_bytes = max_bytes};
    ws_decoder_init(&message->decoder, role);
}

void ws_message_take_compressed(struct ws_message *message, uint64_t max_bytes)
{
    assert(max_bytes > 0);
    message->max_inflated = max_bytes;
    ws_decoder_take_compressed(&message->decoder);
}

static void release_control(struct ws_message *message)
{
    free(message->control);
    message->control = NULL;
    message->control_len = 0;
    message->control_is_told = false;
}

void ws_message_fini(struct ws_message *message)
{
    release_control(message);
    ws_deflate_in_free(message->inflater);
    message->inflater = NULL;
}

/* The only assignment to message->state after ws_message_init(). */
static void message_move(struct ws_message *message, enum ws_message_state next)
{
    assert(state_may_move(message_rules, message->state, next));
    message->state = next;
}

static enum err fail(struct ws_message *message, enum ws_fault fault)
{
    message->fault = fault;
    message_move(message, WS_MESSAGE_STATE_FAILED);
    return ERR_PROTO;
}

static enum err yield_piece(const struct ws_message *message, enum ws_message_piece_type type,
                            struct span data, struct ws_message_piece *ret_piece)
{
    *ret_piece = (struct ws_message_piece){
        .type = type,
        .opcode = message->opcode,
        .data = data,
    };
    return OK;
}

/*
 * Data frames. The three functions below and on_control() return OK when *ret_piece is set,
 * and ERR_AGAIN when there is nothing to tell yet.
 */

/* What cannot be compressed gets longer by it: five bytes for each stored block, RFC
 * 1951 3.2.4, and blocks are no shorter than zlib's smallest memory makes them. */
static uint64_t max_as_it_comes(const struct ws_message *message, bool is_compressed)
{
    return is_compressed ? message->max_bytes + message->max_bytes / 8 + 64
                         : message->max_bytes;
}

static enum err on_data_begin(struct ws_message *message, const struct ws_piece *piece,
                              struct ws_message_piece *ret_piece)
{
    bool inside = message->state == WS_MESSAGE_STATE_INSIDE;

    /* RFC 6455 5.4: a message is "a single frame with the FIN bit clear and an opcode other
     * than 0, followed by zero or more frames with the FIN bit clear and the opcode set to 0,
     * and terminated by a single frame with the FIN bit set and an opcode of 0". */
    if (piece->opcode == WS_OPCODE_CONTINUATION && !inside) {
        return fail(message, WS_FAULT_ORPHAN);
    }
    /* RFC 6455 5.4: "The fragments of one message MUST NOT be interleaved between the fragments
     * of another message". */
    if (piece->opcode != WS_OPCODE_CONTINUATION && inside) {
        return fail(message, WS_FAULT_INTERLEAVED);
    }

    if (!inside) {
        message->len = 0;
    }
    /* RFC 6455 10.4: with limits on "the frame size or total message size after reassembly from
     * multiple frames", implementations "MUST protect themselves against exceeding those
     * limits". The head says it all: nothing of a frame that is too long is taken. */
    if (piece->payload_len >
        max_as_it_comes(message, inside ? message->is_compressed : piece->compressed) -
            message->len) {
        return fail(message, WS_FAULT_TOO_BIG);
    }
    message->len += piece->payload_len;
    if (inside) {
        return ERR_AGAIN;
    }

    if (piece->compressed) {
        TRY(ws_deflate_in_new(&message->inflater));
    }
    message->is_compressed = piece->compressed;
    message->inflated = 0;
    message->opcode = piece->opcode;
    utf8_init(&message->utf8);
    message_move(message, WS_MESSAGE_STATE_INSIDE);
    return yield_piece(message, WS_MESSAGE_BEGIN, SPAN(""), ret_piece);
}

/* How much of `text` was right, once it is known that not all is. */
static size_t valid_bytes(struct utf8 utf8, struct span text)
{
    size_t len = 0;

    while (len < text.len && utf8_feed(&utf8, span_of(text.ptr + len, 1))) {
        len++;
    }
    return len;
}

static enum err on_data(struct ws_message *message, struct span data,
                        struct ws_message_piece *ret_piece)
{
    struct utf8 before = message->utf8;

    /* RFC 6455 8.1: "When an endpoint is to interpret a byte stream as UTF-8 but finds that the
     * byte stream is not, in fact, a valid UTF-8 stream, that endpoint MUST _Fail the WebSocket
     * Connection_." The bytes before the wrong one are yielded, as they would be if the stream
     * had been cut there; the call after this one says ERR_PROTO. */
    if (message->opcode == WS_OPCODE_TEXT && !utf8_feed(&message->utf8, data)) {
        enum err e = fail(message, WS_FAULT_UTF8);

        data.len = valid_bytes(before, data);
        if (data.len == 0) {
            return e;
        }
    }
    return yield_piece(message, WS_MESSAGE_DATA, data, ret_piece);
}

static enum err on_message_end(struct ws_message *message, struct ws_message_piece *ret_piece)
{
    /* RFC 6455 5.6: "a particular text frame might include a partial UTF-8 sequence; however,
     * the whole message MUST contain valid UTF-8". */
    if (message->opcode == WS_OPCODE_TEXT && !utf8_is_complete(&message->utf8)) {
        return fail(message, WS_FAULT_UTF8);
    }
    message_move(message, WS_MESSAGE_STATE_BETWEEN);
    return yield_piece(message, WS_MESSAGE_END, SPAN(""), ret_piece);
}

/* What came out of the inflater: RFC 6455 10.4 is about this length, too. The bytes up to the
 * maximum are yielded, as they would be in a stream that is cut there. */
static enum err on_inflated(struct ws_message *message, struct span data,
                            struct ws_message_piece *ret_piece)
{
    uint64_t allowed = message->max_inflated - message->inflated;
    bool is_over = data.len > allowed;
    enum err e;

    if (is_over && allowed == 0) {
        return fail(message, WS_FAULT_TOO_BIG);
    }
    data = span_head(data, is_over ? (size_t)allowed : data.len);
    message->inflated += data.len;
    e = on_data(message, data, ret_piece);
    if (is_over && message->state != WS_MESSAGE_STATE_FAILED) {
        (void)fail(message, WS_FAULT_TOO_BIG); /* for the next call to say */
    }
    return e;
}

/* The next of what the frames so far were before they were compressed. */
static enum err next_inflated(struct ws_message *message, struct ws_message_piece *ret_piece)
{
    struct span data;
    enum err e = ws_deflate_in_next(message->inflater, &message->deflated, &data);

    if (e == ERR_AGAIN && message->is_finishing) {
        e = ws_deflate_in_finish(message->inflater, &data);
        if (e == ERR_AGAIN) {
            message->is_finishing = false;
            ws_message_fini(message);
            return on_message_end(message, ret_piece);
        }
    }
    if (e == ERR_PROTO) {
        return fail(message, WS_FAULT_DEFLATE);
    }
    return e == OK ? on_inflated(message, data, ret_piece) : e;
}

static enum err on_data_piece(struct ws_message *message, const struct ws_piece *piece,
                              struct ws_message_piece *ret_piece)
{
    if (!message->is_compressed) {
        return on_data(message, piece->data, ret_piece);
    }
    message->deflated = piece->data;
    return next_inflated(message, ret_piece);
}

static enum err on_data_end(struct ws_message *message, const struct ws_piece *piece,
                            struct ws_message_piece *ret_piece)
{
    if (!piece->fin) {
        return ERR_AGAIN;
    }
    if (!message->is_compressed) {
        return on_message_end(message, ret_piece);
    }
    message->is_finishing = true;
    return next_inflated(message, ret_piece);
}

/* RFC 6455 5.5.1: the body of a Close frame is nothing, or a code and a reason. */
static enum err on_close(struct ws_message *message, struct ws_message_piece *ret_piece)
{
    struct span body = span_of(message->control, message->control_len);
    uint16_t code = WS_CLOSE_NO_STATUS; /* 7.1.5: "If this Close control frame contains no
                                           status code, ... 1005" */

    /* RFC 6455 5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte
     * unsigned integer (in network byte order)". */
    if (body.len == 1) {
        return fail(message, WS_FAULT_CLOSE_SHORT);
    }
    if (body.len >= 2) {
        code = (uint16_t)(body.ptr[0] << 8 | body.ptr[1]);
        body = span_tail(body, 2);
        if (!ws_close_may_travel(code)) { /* RFC 6455 7.4 */
            return fail(message, WS_FAULT_CLOSE_CODE);
        }
    }
    /* RFC 6455 5.5.1: "the body MAY contain UTF-8-encoded data". */
    if (!utf8_is_valid(body)) {
        return fail(message, WS_FAULT_CLOSE_UTF8);
    }

    message_move(message, WS_MESSAGE_STATE_CLOSED);
    *ret_piece = (struct ws_message_piece){
        .type = WS_MESSAGE_CLOSE,
        .opcode = WS_OPCODE_CLOSE,
        .close_code = code,
        .data = body,
    };
    return OK;
}

/* RFC 6455 5.4: "Control frames ... MAY be injected in the middle of a fragmented message."
 * Nothing of the message is touched here. */
static enum err on_control(struct ws_message *message, const struct ws_piece *piece,
                           struct ws_message_piece *ret_piece)
{
    switch (piece->type) {
    case WS_FRAME_BEGIN: release_control(message); return ERR_AGAIN;
    case WS_FRAME_DATA:
        message->control =
            message->control == NULL ? malloc(WS_FRAME_CONTROL_MAX) : message->control;
        if (message->control == NULL) {
            return ERR_NOMEM;
        }
        /* There is room: the decoder refuses longer ones (5.5). */
        assert(piece->data.len <= (size_t)(WS_FRAME_CONTROL_MAX - message->control_len));
        memcpy(message->control + message->control_len, piece->data.ptr, piece->data.len);
        message->control_len = (uint8_t)(message->control_len + piece->data.len);
        return ERR_AGAIN;
    case WS_FRAME_END: break;
    }

    message->control_is_told = true;
    if (piece->opcode == WS_OPCODE_CLOSE) {
        return on_close(message, ret_piece);
    }
    *ret_piece = (struct ws_message_piece){
        .type = piece->opcode == WS_OPCODE_PING ? WS_MESSAGE_PING : WS_MESSAGE_PONG,
        .opcode = piece->opcode,
        .data = span_of(message->control, message->control_len),
    };
    return OK;
}

static enum err on_piece(struct ws_message *message, const struct ws_piece *piece,
                         struct ws_message_piece *ret_piece)
{
    if (ws_opcode_is_control(piece->opcode)) {
        return on_control(message, piece, ret_piece);
    }
    switch (piece->type) {
    case WS_FRAME_BEGIN: return on_data_begin(message, piece, ret_piece);
    case WS_FRAME_DATA: return on_data_piece(message, piece, ret_piece);
    case WS_FRAME_END: break;
    }
    return on_data_end(message, piece, ret_piece);
}

enum err ws_message_next(struct ws_message *message, struct mspan *input,
                         struct ws_message_piece *ret_piece)
{
    struct ws_piece piece;
    enum err e;

    if (message->control_is_told) {
        release_control(message);
    }
    if (message->state == WS_MESSAGE_STATE_CLOSED) {
        *input = mspan_tail(*input,
                            input->len); /* RFC 6455 1.4: "a peer discards any further data" */
        return ERR_CLOSED;
    }
    if (message->state == WS_MESSAGE_STATE_FAILED) {
        return ERR_PROTO;
    }
    if (message->inflater != NULL) {
        e = next_inflated(message, ret_piece);
        if (e != ERR_AGAIN) {
            return e;
        }
    }
    do {
        e = ws_decoder_next(&message->decoder, input, &piece);
        if (e == ERR_PROTO) {
            return fail(message, ws_decoder_fault(&message->decoder));
        }
        if (e != OK) {
            return e;
        }
        e = on_piece(message, &piece, ret_piece);
    } while (e == ERR_AGAIN);
    return e;
}

enum ws_fault ws_message_fault(const struct ws_message *message)
{
    return message->fault;
}
