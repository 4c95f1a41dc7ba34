/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "ws/ws_decoder.h"

#include "base/state.h"

enum {
    RSV = 0x70, /* of a frame's first byte: RFC 6455 5.2 */
    RSV1 = 0x40,
    OPCODE = 0x0f,
};

#define TO(name) STATE_BIT(WS_DECODER_##name)

/* clang-format off */
static const struct state_rule decoder_rules[WS_DECODER_STATES] = {
    [WS_DECODER_HEAD]    = {"head",    TO(PAYLOAD) | TO(FAILED)},
    [WS_DECODER_PAYLOAD] = {"payload", TO(HEAD)},
    [WS_DECODER_FAILED]  = {"failed",  0},
};
/* clang-format on */

void ws_decoder_init(struct ws_decoder *decoder, enum ws_role role)
{
    *decoder = (struct ws_decoder){
        .state = WS_DECODER_HEAD,
        .sender = role == WS_SERVER ? WS_CLIENT : WS_SERVER,
    };
}

void ws_decoder_take_compressed(struct ws_decoder *decoder)
{
    decoder->takes_compressed = true;
}

/* The only assignment to decoder->state after ws_decoder_init(). */
static void decoder_move(struct ws_decoder *decoder, enum ws_decoder_state next)
{
    assert(state_may_move(decoder_rules, decoder->state, next));
    decoder->state = next;
}

static struct ws_piece piece_of(const struct ws_decoder *decoder, enum ws_piece_type type)
{
    return (struct ws_piece){
        .type = type,
        .opcode = decoder->frame.opcode,
        .fin = decoder->frame.fin,
        .compressed = decoder->is_compressed,
        .payload_len = decoder->frame.payload_len,
    };
}

/* Up to `len` bytes off the front of *input. */
static struct mspan take(struct mspan *input, uint64_t len)
{
    struct mspan taken = mspan_of(input->ptr, len < input->len ? (size_t)len : input->len);

    *input = mspan_tail(*input, taken.len);
    return taken;
}

/* RFC 7692 6: the bit "MUST NOT" be set on control frames and on frames of a message but the
 * first. Where it stands as agreed it is taken down and off; elsewhere it stays, and is refused
 * like any reserved bit. */
static void note_compressed(struct ws_decoder *decoder)
{
    uint8_t *first = &decoder->head[0];
    uint8_t opcode = *first & OPCODE;

    decoder->is_compressed = decoder->takes_compressed && (*first & RSV) == RSV1 &&
                             (opcode == WS_OPCODE_TEXT || opcode == WS_OPCODE_BINARY);
    if (decoder->is_compressed) {
        *first &= (uint8_t)~RSV1;
    }
}

/* Twice at most while the head comes whole: the first two bytes say how long it is. Judged
 * each time, so that a wrong byte is refused without waiting for those behind it. */
static enum err next_head(struct ws_decoder *decoder, struct mspan *input,
                          struct ws_piece *ret_piece)
{
    struct span head = span_of(decoder->head, decoder->head_len);

    while (head.len < ws_frame_head_bytes(head)) {
        struct mspan more = take(input, ws_frame_head_bytes(head) - head.len);

        if (more.len == 0) {
            return ERR_AGAIN;
        }
        memcpy(decoder->head + head.len, more.ptr, more.len);
        if (head.len == 0) {
            note_compressed(decoder);
        }
        decoder->head_len += more.len;
        head.len = decoder->head_len;

        decoder->fault = ws_frame_decode(head, decoder->sender, &decoder->frame);
        if (decoder->fault != WS_FAULT_NONE) {
            decoder_move(decoder, WS_DECODER_FAILED);
            return ERR_PROTO;
        }
    }

    decoder->head_len = 0;
    decoder->payload_seen = 0;
    decoder_move(decoder, WS_DECODER_PAYLOAD);
    *ret_piece = piece_of(decoder, WS_FRAME_BEGIN);
    return OK;
}

static enum err next_payload(struct ws_decoder *decoder, struct mspan *input,
                             struct ws_piece *ret_piece)
{
    const struct ws_frame *frame = &decoder->frame;
    struct mspan data;

    if (decoder->payload_seen == frame->payload_len) {
        decoder_move(decoder, WS_DECODER_HEAD);
        *ret_piece = piece_of(decoder, WS_FRAME_END);
        return OK;
    }

    data = take(input, frame->payload_len - decoder->payload_seen);
    if (data.len == 0) {
        return ERR_AGAIN;
    }
    if (frame->masked) {
        ws_mask(data, frame->key, decoder->payload_seen);
    }
    decoder->payload_seen += data.len;
    *ret_piece = piece_of(decoder, WS_FRAME_DATA);
    ret_piece->data = span_ro(data);
    return OK;
}

enum err ws_decoder_next(struct ws_decoder *decoder, struct mspan *input,
                         struct ws_piece *ret_piece)
{
    switch (decoder->state) {
    case WS_DECODER_HEAD: return next_head(decoder, input, ret_piece);
    case WS_DECODER_PAYLOAD: return next_payload(decoder, input, ret_piece);
    case WS_DECODER_FAILED:
    case WS_DECODER_STATES: break;
    }
    return ERR_PROTO;
}

enum ws_fault ws_decoder_fault(const struct ws_decoder *decoder)
{
    return decoder->fault;
}
