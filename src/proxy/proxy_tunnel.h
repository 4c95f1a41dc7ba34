/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A tunnel at work: bytes both ways through net/relay, looked at by proxy_follow, until both
 * ways have ended; then its line in the access log. Holds no buffer while it is idle.
 */
#pragma once

#include "base/span.h"

struct admin_tunnel;
struct proxy_conn;

/** The request in hand has become a tunnel: takes over what it holds. conn->early and
 *  `server_early` are bytes that came before. The connection may be gone afterwards. */
void proxy_tunnel_begin(struct proxy_conn *conn, struct span server_early);

/** The timer of a connection that relays. */
void proxy_tunnel_on_timer(struct proxy_conn *conn);

/** Ends it from our side, with a line that says why. The connection is gone. */
void proxy_tunnel_end(struct proxy_conn *conn, struct span why);

/** Gives back what a tunnel holds, without a log line; conn->tunnel is NULL then. */
void proxy_tunnel_free(struct proxy_conn *conn);

/** For the admin listener's list. */
void proxy_tunnel_describe(const struct proxy_conn *conn, struct admin_tunnel *ret_tunnel);
