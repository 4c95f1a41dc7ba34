/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The words of RFC 6455 that every file here uses: who we are, opcodes, close codes.
 *
 * The layer, from the bottom up; each file knows only the ones above it in this list:
 *
 *    ws_fault      what a peer can do wrong, one row each
 *    ws_mask       exclusive-or with four bytes, quickly                   section 5.3
 *    ws_frame      the head of a frame, both ways                          section 5.2
 *    ws_decoder    bytes -> pieces of frames                               section 5
 *    ws_message    pieces of frames -> pieces of messages                  sections 5.4 to 8
 *    ws_conn       a whole connection after the handshake, both roles      sections 5.5 and 7
 *    ws_handshake  what comes before, over HTTP fields that were parsed    section 4
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum ws_role {
    WS_CLIENT,
    WS_SERVER,
};

/** RFC 6455 section 5.2; all others are reserved. */
enum ws_opcode {
    WS_OPCODE_CONTINUATION = 0x0,
    WS_OPCODE_TEXT = 0x1,
    WS_OPCODE_BINARY = 0x2,
    WS_OPCODE_CLOSE = 0x8,
    WS_OPCODE_PING = 0x9,
    WS_OPCODE_PONG = 0xa,
};

/** RFC 6455 section 7.4.1; the last three came later, through IANA (section 11.7). */
enum ws_close {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_PROTOCOL = 1002,
    WS_CLOSE_UNSUPPORTED = 1003,
    WS_CLOSE_NO_STATUS = 1005, /* never on the wire: the Close frame had no code */
    WS_CLOSE_ABNORMAL = 1006,  /* never on the wire: there was no Close frame */
    WS_CLOSE_INVALID_DATA = 1007,
    WS_CLOSE_POLICY = 1008,
    WS_CLOSE_TOO_BIG = 1009,
    WS_CLOSE_EXTENSION = 1010,
    WS_CLOSE_INTERNAL = 1011,
    WS_CLOSE_RESTART = 1012,
    WS_CLOSE_TRY_LATER = 1013,
    WS_CLOSE_BAD_GATEWAY = 1014,
};

/** RFC 6455 section 5.5: "Control frames are identified by opcodes where the most significant
 *  bit of the opcode is 1." */
static inline bool ws_opcode_is_control(uint8_t opcode)
{
    return (opcode & 0x8) != 0;
}

/** RFC 6455 section 5.2: "%x3-7 are reserved for further non-control frames", "%xB-F are
 *  reserved for further control frames". */
static inline bool ws_opcode_is_known(uint8_t opcode)
{
    return opcode <= WS_OPCODE_BINARY ||
           (opcode >= WS_OPCODE_CLOSE && opcode <= WS_OPCODE_PONG);
}

/** Whether a Close frame may carry the code. RFC 6455 section 7.4. */
static inline bool ws_close_may_travel(uint16_t code)
{
    /* 7.4.2: "Status codes in the range 3000-3999 are reserved for use by libraries,
     * frameworks, and applications", "4000-4999 are reserved for private use". 0-999 are not
     * used; 1016-2999 are for future revisions. */
    if (code >= 3000) {
        return code <= 4999;
    }
    /* 7.4.1: 1004 is reserved; 1005, 1006 and 1015 "MUST NOT be set as a status code in a Close
     * control frame by an endpoint". */
    return (code >= WS_CLOSE_NORMAL && code <= WS_CLOSE_UNSUPPORTED) ||
           (code >= WS_CLOSE_INVALID_DATA && code <= WS_CLOSE_BAD_GATEWAY);
}
