/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The proxy as a service of the daemon skeleton: listeners, workers, reload, the end.
 */
#pragma once

#include "base/span.h"
#include "daemon/service.h"
#include "http1/http1_forward.h"

struct proxy_limits;
struct proxy_worker;

extern const struct service proxy_service;

/** `wayleave proxy`: the exit status. */
int proxy_service_main(int argc, char **argv);

/** How many tunnels clients and users hold, for TunnelsPerClient and TunnelsPerUser. */
struct proxy_limits *proxy_service_limits(const struct proxy_worker *state);

struct listen_set;

/** The sockets of TransparentListen, with real ports. Borrowed from the snapshot. */
const struct listen_set *proxy_service_transparents(const struct daemon_snapshot *snapshot);

/** The value of our Via field for connections of that configuration; empty: none. Borrowed from
 *  the snapshot. */
struct span proxy_service_via(const struct daemon_snapshot *snapshot);

/** The same for messages that are passed on. Borrowed from the snapshot. */
struct http1_forward_via proxy_service_forward_via(const struct daemon_snapshot *snapshot);
