/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Frames of WebSocket as a client needs them, the least that will do: one frame a message.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    LOAD_FRAME_HEAD_BYTES = 8, /* with a length of 16 bits and a key */
    LOAD_FRAME_TEXT = 1,
    LOAD_FRAME_BINARY = 2,
    LOAD_FRAME_CLOSE = 8,
    LOAD_FRAME_PING = 9,
    LOAD_FRAME_PONG = 10,
};

struct load_frame {
    uint8_t opcode;
    const uint8_t *payload; /* borrowed from what it was taken from */
    size_t len;
};

/** Writes a frame, masked with zeros, which change nothing; its length. `payload` has less than
 *  64 KiB, `out` has room for it and a head. */
size_t load_frame_put(uint8_t *out, uint8_t opcode, const void *payload, size_t len);

/** The frame in front, and its length; 0: it is not all there. */
size_t load_frame_take(const uint8_t *bytes, size_t len, struct load_frame *ret_frame);
