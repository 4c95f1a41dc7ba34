/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a peer can do wrong in STOMP framing, one row each: the word that our ERROR begins with
 * (doc/wire.md), the heading of the specification and the sentence.
 */
#pragma once

/* clang-format off */
/*    name                        word                        heading                  what the peer did */
#define STOMP_FAULTS(X)                                                                            \
    X(STOMP_FAULT_NONE,           "",                         "",                      "did nothing wrong") \
    X(STOMP_FAULT_COMMAND,        "IllegalArgumentException", "STOMP Frames",          "sent a command that STOMP does not have") \
    X(STOMP_FAULT_CR,             "IllegalArgumentException", "Augmented BNF",         "sent a CR that no LF follows") \
    X(STOMP_FAULT_NUL,            "IllegalArgumentException", "Augmented BNF",         "ended a frame before the empty line behind its headers") \
    X(STOMP_FAULT_NO_COLON,       "IllegalArgumentException", "Augmented BNF",         "sent a header without a colon") \
    X(STOMP_FAULT_NO_NAME,        "IllegalArgumentException", "Augmented BNF",         "sent a header without a name") \
    X(STOMP_FAULT_ESCAPE,         "IllegalArgumentException", "Value Encoding",        "sent an escape that its version of STOMP does not have") \
    X(STOMP_FAULT_UTF8,           "IllegalArgumentException", "Value Encoding",        "sent a header that is not UTF-8") \
    X(STOMP_FAULT_CONTENT_LENGTH, "IllegalArgumentException", "Header content-length", "sent a content-length that is not a plain decimal number") \
    X(STOMP_FAULT_NO_NUL,         "IllegalArgumentException", "Header content-length", "sent more body than its content-length says, or no NUL behind it") \
    X(STOMP_FAULT_BODY,           "IllegalArgumentException", "Body",                  "sent a body with a command that has none") \
    X(STOMP_FAULT_LINE_LENGTH,    "LimitException",           "Size Limits",           "sent a header over the configured maximum") \
    X(STOMP_FAULT_HEADER_COUNT,   "LimitException",           "Size Limits",           "sent more headers than configured") \
    X(STOMP_FAULT_HEAD_LENGTH,    "LimitException",           "Size Limits",           "sent headers over the configured maximum") \
    X(STOMP_FAULT_BODY_LENGTH,    "LimitException",           "Size Limits",           "sent a body over the configured maximum")
/* clang-format on */

#define X(name, word, heading, did) name,
enum stomp_fault {
    STOMP_FAULTS(X)
};
#undef X

/** "LimitException", for the message header of an ERROR. Static storage; "" for no fault. */
const char *stomp_fault_word(enum stomp_fault fault);

/** To go behind "the client": "sent a header without a colon (STOMP 1.2, Augmented BNF)".
 * Static storage. */
const char *stomp_fault_text(enum stomp_fault fault);
