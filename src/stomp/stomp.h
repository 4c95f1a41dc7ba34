/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The words of STOMP that every file of this directory uses: its commands.
 *
 * Citations in this directory, where no version stands beside them, are headings of
 * https://stomp.github.io/stomp-specification-1.2.html
 */
#pragma once

#include "base/span.h"

/* clang-format off */
/*    name               word           who sends it       body                                   */
#define STOMP_COMMANDS(X)                                                                          \
    X(STOMP_CONNECT,     "CONNECT",     STOMP_FROM_CLIENT, false)                                  \
    X(STOMP_STOMP,       "STOMP",       STOMP_FROM_CLIENT, false)                                  \
    X(STOMP_SEND,        "SEND",        STOMP_FROM_CLIENT, true)                                   \
    X(STOMP_SUBSCRIBE,   "SUBSCRIBE",   STOMP_FROM_CLIENT, false)                                  \
    X(STOMP_UNSUBSCRIBE, "UNSUBSCRIBE", STOMP_FROM_CLIENT, false)                                  \
    X(STOMP_ACK,         "ACK",         STOMP_FROM_CLIENT, false)                                  \
    X(STOMP_NACK,        "NACK",        STOMP_FROM_CLIENT, false)                                  \
    X(STOMP_BEGIN,       "BEGIN",       STOMP_FROM_CLIENT, false)                                  \
    X(STOMP_COMMIT,      "COMMIT",      STOMP_FROM_CLIENT, false)                                  \
    X(STOMP_ABORT,       "ABORT",       STOMP_FROM_CLIENT, false)                                  \
    X(STOMP_DISCONNECT,  "DISCONNECT",  STOMP_FROM_CLIENT, false)                                  \
    X(STOMP_CONNECTED,   "CONNECTED",   STOMP_FROM_SERVER, false)                                  \
    X(STOMP_MESSAGE,     "MESSAGE",     STOMP_FROM_SERVER, true)                                   \
    X(STOMP_RECEIPT,     "RECEIPT",     STOMP_FROM_SERVER, false)                                  \
    X(STOMP_ERROR,       "ERROR",       STOMP_FROM_SERVER, true)
/* clang-format on */

#define X(name, word, sender, has_body) name,
enum stomp_command {
    STOMP_COMMANDS(X)
};
#undef X

enum stomp_sender {
    STOMP_FROM_CLIENT,
    STOMP_FROM_SERVER,
};

/** "SUBSCRIBE". Static storage. */
const char *stomp_command_name(enum stomp_command command);

/** Which side may send it. "Client Frames", "Server Frames". */
enum stomp_sender stomp_command_sender(enum stomp_command command);

/** SEND, MESSAGE and ERROR alone. "Body". */
bool stomp_command_has_body(enum stomp_command command);

/** CONNECT and CONNECTED alone are sent without escapes, for the sake of 1.0. "Value Encoding".
 */
bool stomp_command_has_escapes(enum stomp_command command);

/** False when no version of STOMP has such a command; capitals count. */
bool stomp_command_find(struct span word, enum stomp_command *ret_command);
