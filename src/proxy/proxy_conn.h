/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One client of the proxy, from accept to the end of its tunnel. The only code of the proxy
 * that sees both a codec and a stream.
 */
#pragma once

#include "io/addr.h"

struct proxy_worker;

/** A new client. The socket is the connection's from now on, whatever happens. */
void proxy_conn_accept(struct proxy_worker *worker, int fd, const struct addr *peer);

/** The worker stops: ends every connection, with its log line. */
void proxy_conn_close_all(struct proxy_worker *worker);
