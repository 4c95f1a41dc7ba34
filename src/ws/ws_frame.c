/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "ws/ws_frame.h"

enum {
    /* the first byte */
    FIN = 0x80,
    RSV1 = 0x40,
    RSV = 0x70,
    OPCODE = 0x0f,
    /* the second */
    MASK = 0x80,
    LEN7 = 0x7f,
    LEN7_16 = 126, /* the length is in the next 2 bytes */
    LEN7_64 = 127, /* the length is in the next 8 bytes */
};

/* The bytes of the extended payload length. */
static size_t extended_bytes(uint8_t len7)
{
    return len7 == LEN7_16 ? 2 : len7 == LEN7_64 ? 8 : 0;
}

size_t ws_frame_head_bytes(struct span head)
{
    if (head.len < 2) {
        return 2;
    }
    return 2 + extended_bytes(head.ptr[1] & LEN7) +
           ((head.ptr[1] & MASK) != 0 ? WS_MASK_BYTES : 0);
}

static enum ws_fault read_first_byte(uint8_t byte, struct ws_frame *frame)
{
    frame->fin = (byte & FIN) != 0;
    frame->opcode = byte & OPCODE;

    /* RFC 6455 5.2: RSV1, RSV2, RSV3 "MUST be 0 unless an extension is negotiated that defines
     * meanings for non-zero values". */
    if ((byte & RSV) != 0) {
        return WS_FAULT_RSV;
    }
    /* RFC 6455 5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the
     * WebSocket Connection_." */
    if (!ws_opcode_is_known(frame->opcode)) {
        return WS_FAULT_OPCODE;
    }
    /* RFC 6455 5.5: "All control frames ... MUST NOT be fragmented." */
    if (ws_opcode_is_control(frame->opcode) && !frame->fin) {
        return WS_FAULT_CONTROL;
    }
    return WS_FAULT_NONE;
}

static enum ws_fault read_second_byte(uint8_t byte, enum ws_role sender, struct ws_frame *frame)
{
    frame->masked = (byte & MASK) != 0;
    frame->payload_len = byte & LEN7;

    /* RFC 6455 5.1: "The server MUST close the connection upon receiving a frame that is not
     * masked." */
    if (sender == WS_CLIENT && !frame->masked) {
        return WS_FAULT_UNMASKED;
    }
    /* RFC 6455 5.1: "A client MUST close a connection if it detects a masked frame." */
    if (sender == WS_SERVER && frame->masked) {
        return WS_FAULT_MASKED;
    }
    /* RFC 6455 5.5: "All control frames MUST have a payload length of 125 bytes or less". */
    if (ws_opcode_is_control(frame->opcode) && frame->payload_len > WS_FRAME_CONTROL_MAX) {
        return WS_FAULT_CONTROL;
    }
    return WS_FAULT_NONE;
}

/* What follows the first two bytes, complete. */
static enum ws_fault read_rest(struct span rest, struct ws_frame *frame)
{
    size_t extended = extended_bytes((uint8_t)frame->payload_len);

    if (extended > 0) {
        uint64_t len = 0;

        /* RFC 6455 5.2: "Multibyte length quantities are expressed in network byte order." */
        for (size_t i = 0; i < extended; i++) {
            len = len << 8 | rest.ptr[i];
        }
        /* RFC 6455 5.2: "(the most significant bit MUST be 0)". */
        if (len > INT64_MAX) {
            return WS_FAULT_LENGTH_SIGN;
        }
        /* RFC 6455 5.2: "in all cases, the minimal number of bytes MUST be used to encode the
         * length". */
        if (len < LEN7_16 || (extended == 8 && len <= UINT16_MAX)) {
            return WS_FAULT_LENGTH;
        }
        frame->payload_len = len;
    }
    if (frame->masked) {
        memcpy(frame->key, rest.ptr + extended, WS_MASK_BYTES);
    }
    return WS_FAULT_NONE;
}

enum ws_fault ws_frame_decode(struct span head, enum ws_role sender, struct ws_frame *ret_frame)
{
    struct ws_frame frame = {0};
    enum ws_fault fault = WS_FAULT_NONE;

    assert(head.len <= ws_frame_head_bytes(head));
    if (head.len >= 1) {
        fault = read_first_byte(head.ptr[0], &frame);
    }
    if (fault == WS_FAULT_NONE && head.len >= 2) {
        fault = read_second_byte(head.ptr[1], sender, &frame);
    }
    if (fault == WS_FAULT_NONE && head.len == ws_frame_head_bytes(head)) {
        fault = read_rest(span_tail(head, 2), &frame);
    }
    if (fault == WS_FAULT_NONE) {
        *ret_frame = frame;
    }
    return fault;
}

size_t ws_frame_encode(const struct ws_frame *frame, uint8_t room[WS_FRAME_HEAD_MAX])
{
    uint64_t len = frame->payload_len;
    uint8_t len7 = len < LEN7_16 ? (uint8_t)len : len <= UINT16_MAX ? LEN7_16 : LEN7_64;
    size_t extended = extended_bytes(len7);
    size_t at = 2;

    assert(len <= INT64_MAX && ws_opcode_is_known(frame->opcode));
    assert(!frame->compressed || frame->opcode == WS_OPCODE_TEXT ||
           frame->opcode == WS_OPCODE_BINARY); /* RFC 7692 6 */
    assert(!ws_opcode_is_control(frame->opcode) ||
           (frame->fin && len <= WS_FRAME_CONTROL_MAX)); /* 5.5 */

    room[0] =
        (uint8_t)((frame->fin ? FIN : 0) | (frame->compressed ? RSV1 : 0) | frame->opcode);
    room[1] = (uint8_t)((frame->masked ? MASK : 0) | len7);
    for (size_t i = extended; i > 0; i--) {
        room[at++] = (uint8_t)(len >> (8 * (i - 1)));
    }
    if (frame->masked) {
        memcpy(room + at, frame->key, WS_MASK_BYTES);
        at += WS_MASK_BYTES;
    }
    return at;
}

enum err ws_frame_put(const struct ws_frame *frame, struct span payload, struct buf *out)
{
    struct ws_frame whole = *frame;
    uint8_t head[WS_FRAME_HEAD_MAX];
    size_t head_len;
    struct mspan room;

    whole.payload_len = payload.len;
    head_len = ws_frame_encode(&whole, head);
    TRY(buf_reserve(out, head_len + payload.len, &room));

    memcpy(room.ptr, head, head_len);
    if (payload.len > 0) {
        memcpy(room.ptr + head_len, payload.ptr, payload.len);
    }
    if (frame->masked) {
        ws_mask(mspan_of(room.ptr + head_len, payload.len), frame->key, 0);
    }
    buf_commit(out, head_len + payload.len);
    return OK;
}
