/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * How much of this proxy a request may take: MaxTunnels, TunnelsPerClient, TunnelsPerUser; and
 * the 503 of one that may not. For the proxy_exchange files.
 */
#pragma once

#include "proxy/proxy_metrics.h"

#include <stdbool.h>

struct proxy_conn;

/** A tunnel is counted, until the request ends. False: it was refused. */
bool proxy_exchange_limits_take(struct proxy_conn *conn);

/** 503, counted as `which`. The connection may be gone afterwards; so below. */
void proxy_exchange_limits_refuse(struct proxy_conn *conn, enum proxy_metrics which,
                                  const char *sentence);

void proxy_exchange_limits_nomem(struct proxy_conn *conn);
