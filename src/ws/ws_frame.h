/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The head of a frame, read and written in one place. RFC 6455 section 5.2:
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-+-+-+-+-------+-+-------------+-------------------------------+
 *    |F|R|R|R| opcode|M| Payload len |    Extended payload length    |
 *    |I|S|S|S|  (4)  |A|     (7)     |             (16/64)           |
 *    |N|V|V|V|       |S|             |   (if payload len==126/127)   |
 *    | |1|2|3|       |K|             |                               |
 *    +-+-+-+-+-------+-+-------------+ - - - - - - - - - - - - - - - +
 *    |     Extended payload length continued, if payload len == 127  |
 *    + - - - - - - - - - - - - - - - +-------------------------------+
 *    |                               |Masking-key, if MASK set to 1  |
 *    +-------------------------------+-------------------------------+
 *    | Masking-key (continued)       |          Payload Data         |
 *    +-------------------------------- - - - - - - - - - - - - - - - +
 */
#pragma once

#include "base/buf.h"
#include "ws/ws.h"
#include "ws/ws_fault.h"
#include "ws/ws_mask.h"

enum {
    WS_FRAME_HEAD_MAX = 14,     /* bytes: 2, a length of 8, a key of 4 */
    WS_FRAME_CONTROL_MAX = 125, /* payload bytes of a control frame, section 5.5 */
};

struct ws_frame {
    bool fin;
    uint8_t opcode;  /* enum ws_opcode */
    bool compressed; /* RSV1 of a message's first frame, RFC 7692 6; see ws_decoder */
    bool masked;
    uint8_t key[WS_MASK_BYTES]; /* when masked */
    uint64_t payload_len;
};

/** How many bytes the head has that begins with `head`; 2 while that cannot be told. */
size_t ws_frame_head_bytes(struct span head);

/**
 * Read a head, or what has arrived of it: members whose bytes are still missing are zero.
 * `head` holds at most ws_frame_head_bytes(head).
 *
 * Returns WS_FAULT_NONE and sets *ret_frame, or the first thing wrong in the bytes so far.
 */
enum ws_fault ws_frame_decode(struct span head, enum ws_role sender,
                              struct ws_frame *ret_frame);

/** Write the head into `room` in its shortest form. Returns its length: 2 to 14 bytes. */
size_t ws_frame_encode(const struct ws_frame *frame, uint8_t room[WS_FRAME_HEAD_MAX]);

/** The head of a whole unmasked message, for a server that sends one payload to many. */
static inline size_t ws_frame_encode_unmasked(uint8_t opcode, uint64_t payload_len,
                                              uint8_t room[WS_FRAME_HEAD_MAX])
{
    const struct ws_frame frame = {.fin = true, .opcode = opcode, .payload_len = payload_len};

    return ws_frame_encode(&frame, room);
}

/** Append the head and the payload, masked when the frame is; payload.len is what counts. On
 *  failure (as buf_append()) the buffer is as it was. */
must_check enum err ws_frame_put(const struct ws_frame *frame, struct span payload,
                                 struct buf *out);
