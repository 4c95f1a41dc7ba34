/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A client's requests, as far as their heads: read in time, understood, and passed on to
 * whoever decides about them. What proxy_conn does while it is READING.
 */
#pragma once

#include "proxy/proxy_conn.h"

/** Reads until a head is complete, and begins what it asks for. The connection may be gone
 *  afterwards. */
void proxy_conn_head_read(struct proxy_conn *conn);

/** The client has from now on as long as a head may take. ERR_NOMEM. */
must_check enum err proxy_conn_head_set_timer(struct proxy_conn *conn);

/** That time is over: unless bytes have come at a fair rate the client is told so, or dropped
 * if it has said nothing at all. The connection may be gone afterwards. */
void proxy_conn_head_on_timer(struct proxy_conn *conn);
