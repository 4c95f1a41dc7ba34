/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a peer can do wrong once the connection stands: one row each, with the close code that
 * tells the peer and the sentence that tells the operator. The handshake's faults are HTTP
 * answers and live in ws_handshake.h.
 */
#pragma once

#include <stdint.h>

/* clang-format off */
/*    name                  close  specification      what the peer did */
#define WS_FAULTS(X)                                                                                         \
    X(WS_FAULT_NONE,         1000,  "RFC 6455 7.4.1",  "did nothing wrong")                                  \
    X(WS_FAULT_UNMASKED,     1002,  "RFC 6455 5.1",    "sent a frame without a mask")                        \
    X(WS_FAULT_MASKED,       1002,  "RFC 6455 5.1",    "sent a masked frame, though it is the server")       \
    X(WS_FAULT_RSV,          1002,  "RFC 6455 5.2",    "set a reserved bit that no extension owns")          \
    X(WS_FAULT_OPCODE,       1002,  "RFC 6455 5.2",    "used a reserved opcode")                             \
    X(WS_FAULT_LENGTH,       1002,  "RFC 6455 5.2",    "wrote a payload length in more bytes than it needs") \
    X(WS_FAULT_LENGTH_SIGN,  1002,  "RFC 6455 5.2",    "set the highest bit of a payload length")            \
    X(WS_FAULT_ORPHAN,       1002,  "RFC 6455 5.4",    "continued a message that never began")               \
    X(WS_FAULT_INTERLEAVED,  1002,  "RFC 6455 5.4",    "began a message inside another one")                 \
    X(WS_FAULT_CONTROL,      1002,  "RFC 6455 5.5",    "sent a long or a fragmented control frame")          \
    X(WS_FAULT_CLOSE_SHORT,  1002,  "RFC 6455 5.5.1",  "sent half a close code")                             \
    X(WS_FAULT_CLOSE_CODE,   1002,  "RFC 6455 7.4",    "sent a close code that must not travel")             \
    X(WS_FAULT_CLOSE_UTF8,   1007,  "RFC 6455 5.5.1",  "gave a close reason that is not UTF-8")              \
    X(WS_FAULT_UTF8,         1007,  "RFC 6455 8.1",    "sent text that is not UTF-8")                        \
    X(WS_FAULT_TOO_BIG,      1009,  "RFC 6455 7.4.1",  "sent a message over the configured maximum")         \
    X(WS_FAULT_DEFLATE,      1007,  "RFC 7692 7.2.2",  "sent a compressed message that cannot be read")
/* clang-format on */

#define X(name, close, section, did) name,
enum ws_fault {
    WS_FAULTS(X)
};
#undef X

/** The status code for our Close frame. RFC 6455 section 7.4.1. */
uint16_t ws_fault_close_code(enum ws_fault fault);

/** For the log, behind "peer ": "sent a frame without a mask (RFC 6455 5.1)". Static storage;
 *  short enough to be a close reason. */
const char *ws_fault_text(enum ws_fault fault);
