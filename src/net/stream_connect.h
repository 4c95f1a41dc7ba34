/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A tunnel through an explicit HTTP proxy (RFC 9110 section 9.3.6): the handshake is CONNECT.
 */
#pragma once

#include "net/stream.h"

/**
 * Replaces *top. `authority` is "host:port" of the origin, copied. Bytes that came right behind
 * the proxy's 200 are kept for the first read. A refusal is ERR_PROTO, and stream_why() carries
 * the proxy's status, reason and Proxy-Status. *top is as it was on ERR_NOMEM, and on
 * ERR_LIMIT: `authority` is empty, over 300 bytes or has bytes that cannot stand in a request
 * line.
 */
must_check enum err stream_connect_push(struct stream **top, struct span authority);
