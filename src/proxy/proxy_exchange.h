/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The way to the destination: the port rule, limits, the route, a connection out of the pool or
 * a new one; then the 200 of a tunnel, or proxy_forward for everything else.
 */
#pragma once

struct proxy_conn;

/** Access was granted. Ends in a tunnel, a forwarded answer or a refusal, now or later; the
 *  connection may be gone afterwards. */
void proxy_exchange_begin(struct proxy_conn *conn);

/** CONFIRMING: writes on, and begins the tunnel when all has left. */
void proxy_exchange_confirm(struct proxy_conn *conn);
