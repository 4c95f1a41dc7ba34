/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The proxy auto-configuration script, made from the configuration: served as /proxy.pac and
 * /wpad.dat on the proxy's own port. Browsers call FindProxyForURL() with the literal scheme,
 * "ws://host:port/path" and "wss://host:port/" too, which scripts in the field send DIRECT by
 * mistake; this one treats the four schemes alike. It asks no name server: a script that does
 * stops the browser until the answer comes.
 */
#pragma once

#include "base/buf.h"
#include "io/addr.h"

struct proxy_route_conf;

#define PROXY_PAC_CONTENT_TYPE "application/x-ns-proxy-autoconfig"

enum {
    PROXY_PAC_BYTES_MAX = 64 * 1024 /* for the buffer that it is written into */
};

struct proxy_pac {
    struct span server_name; /* ServerName, perhaps with a port; empty: `reached` */
    struct addr reached;     /* the address and port that the client has reached us by */
    const struct proxy_route_conf *route; /* NoProxy and ProxyDomain; NULL: neither */
};

/** Whether a request's path is one of the two. */
bool proxy_pac_is_path(struct span path);

/** The script. Errors as buf_append(); then `out` is as it was. */
must_check enum err proxy_pac_write(const struct proxy_pac *pac, struct buf *out);
