/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Sends every message back as it came: for conformance suites and path probes. A message is
 * gathered first, up to EchoMessageBytesMax.
 */
#pragma once

#include "ws/ws_conn.h"

struct realm_echo {
    struct buf message; /* as far as it has come */
    uint8_t opcode;
    uint64_t count; /* messages sent back */
};

/** Takes no memory. */
void realm_echo_init(struct realm_echo *echo, size_t message_bytes_max);
void realm_echo_fini(struct realm_echo *echo);

/** A piece of a message. ERR_NOMEM, ERR_LIMIT: close the stream. */
must_check enum err realm_echo_take(struct realm_echo *echo, struct ws_conn *ws,
                                    const struct ws_conn_piece *piece);
