/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The lines of ProxyRemote, NoProxy and the like, as they were read; for proxy_route*.c alone.
 * Everything lives in the configuration's arena.
 */
#pragma once

#include "proxy/proxy_route.h"

enum proxy_route_read_match {
    PROXY_ROUTE_READ_ANY,       /* * */
    PROXY_ROUTE_READ_SCHEME,    /* http */
    PROXY_ROUTE_READ_URL,       /* http://host[:port][/path] */
    PROXY_ROUTE_READ_AUTHORITY, /* host:port, of a tunnel */
    PROXY_ROUTE_READ_REGEX,     /* ProxyRemoteMatch */
};

struct proxy_route_remote {
    enum proxy_route_read_match match;
    struct span scheme; /* SCHEME, URL */
    struct span host;   /* URL, AUTHORITY; without brackets or final dot */
    uint16_t port;      /* the same; 0: any */
    struct span path;   /* URL; what the path begins with; empty: any */
    const struct proxy_regex *regex;
    struct proxy_route_parent parent;
    struct proxy_route_remote *next;
};

enum proxy_route_read_exclude {
    PROXY_ROUTE_READ_NET,
    PROXY_ROUTE_READ_DOMAIN, /* .example.com: the host ends so */
    PROXY_ROUTE_READ_HOST,
};

struct proxy_route_exclude {
    enum proxy_route_read_exclude kind;
    struct addr_net net;
    struct span name; /* DOMAIN with its dot, HOST; without final dot */
    unsigned line;
    struct proxy_route_exclude *next;
};

struct proxy_route_word {
    bool is_any;       /* * */
    bool is_addr;      /* a literal: `addr`, and its text */
    bool is_host_name; /* localhost, or a name with a dot: its addresses are blocked as well */
    struct addr addr;  /* never mapped */
    struct span text;  /* without final dot */
    unsigned line;
    struct proxy_route_word *next;
};

/* Setters of proxy_route_rows. */
must_check enum err proxy_route_read_remote(void *conf, const struct conf_node *node,
                                            const struct conf_apply *apply);
must_check enum err proxy_route_read_remote_match(void *conf, const struct conf_node *node,
                                                  const struct conf_apply *apply);
must_check enum err proxy_route_read_excludes(void *conf, const struct conf_node *node,
                                              const struct conf_apply *apply);
must_check enum err proxy_route_read_domain(void *conf, const struct conf_node *node,
                                            const struct conf_apply *apply);
must_check enum err proxy_route_read_words(void *conf, const struct conf_node *node,
                                           const struct conf_apply *apply);

/** Without its final dot, if it has one. */
struct span proxy_route_read_undotted(struct span name);
