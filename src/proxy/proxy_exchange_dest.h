/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Where a request may lead: each address is judged before it is dialled (proxy_dest,
 * ProxyBlock), and who may not, or could not be reached, is answered. For the proxy_exchange
 * files.
 */
#pragma once

#include "io/addr.h"

#include <stdbool.h>

struct proxy_conn;
struct proxy_connect_result;

/** Whether `ctx`, a struct proxy_conn, may be connected to it; why not is kept in its request.
 */
bool proxy_exchange_dest_may(void *ctx, const struct addr *dest);

/** The same for a parent, which may stand anywhere but at our own door. */
bool proxy_exchange_dest_may_parent(void *ctx, const struct addr *dest);

/** 403 for ProxyBlock in that line. The connection may be gone afterwards; so below. */
void proxy_exchange_dest_block(struct proxy_conn *conn, unsigned line);

/** No connection came of it: the answer says why. */
void proxy_exchange_dest_refuse(struct proxy_conn *conn,
                                const struct proxy_connect_result *result);
