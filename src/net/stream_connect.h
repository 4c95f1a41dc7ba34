/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A tunnel through an explicit HTTP proxy (RFC 9110 section 9.3.6): the handshake is CONNECT.
 */
#pragma once

#include "http1/http1_head.h"
#include "net/stream.h"

/**
 * Replaces *top. `authority` is "host:port" of the origin, copied. Bytes that came right behind
 * the proxy's 200 are kept for the first read. A refusal is ERR_PROTO, and stream_why() carries
 * the proxy's status, reason and Proxy-Status. *top is as it was on ERR_NOMEM, and on
 * ERR_LIMIT: `authority` is empty, over 300 bytes or has bytes that cannot stand in a request
 * line.
 */
must_check enum err stream_connect_push(struct stream **top, struct span authority);

/** The same with a Proxy-Authorization field of that value, unless it is empty (RFC
 * 9110 11.7.2). ERR_LIMIT also for a value over 4 KiB or with bytes that would end the line. */
must_check enum err stream_connect_push_login(struct stream **top, struct span authority,
                                              struct span login);

/**
 * Moves the proxy's own answer out when it refused the tunnel: status, reason, fields;
 * http1_head_fini() is then the caller's. False before that, and when there is no answer that
 * could be read. `stream` is what stream_connect_push() put on top; stream_why() goes on to
 * quote the answer.
 */
bool stream_connect_take_refusal(struct stream *stream, struct http1_head *ret_answer);
