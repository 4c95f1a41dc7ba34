/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Which way a request goes: to its destination, to a parent proxy, nowhere. The rules of
 * ProxyRemote, ProxyRemoteMatch, NoProxy, ProxyDomain and ProxyBlock, judged without I/O.
 *
 * The order: ProxyBlock, ProxyDomain, NoProxy, then the ProxyRemote and ProxyRemoteMatch lines
 * as they stand in the file, the first that matches. A parent that fails is a failure: nothing
 * falls back to a direct connection (httpd does, after a 502).
 *
 * A tunnel (CONNECT) goes by "host:port", as in httpd, and besides as https://host:port/, so
 * that `ProxyRemote https ...` has the meaning that people expect. ws:// counts as http:// and
 * wss:// as https:// where the rule does not name them. Matching is on scheme, host and port as
 * they were understood, not on the bytes that were sent.
 */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "conf/conf_schema.h"
#include "io/addr.h"
#include "proxy/proxy_regex.h"

/** A parent proxy: one ProxyRemote or ProxyRemoteMatch line. */
struct proxy_route_parent {
    struct span
        host; /* a name or a literal without brackets; in the arena, as all spans here */
    uint16_t port;
    bool is_tls;
    struct span login; /* the value of Proxy-Authorization, "Basic ..."; empty: none. Never to
                          be logged */
    struct span text;  /* "https://host:port", without the login: for sentences and logs */
    unsigned line;
};

struct proxy_route_remote;  /* a match and its parent: proxy_route_read.h, as the next two */
struct proxy_route_exclude; /* a word of NoProxy */
struct proxy_route_word;    /* a word of ProxyBlock */

struct proxy_route_conf {
    struct proxy_route_remote *remotes; /* lists in the arena, in the order of the file */
    struct proxy_route_exclude *excludes;
    struct proxy_route_word *words;
    struct span domain; /* ProxyDomain, with its leading dot; empty: none */
    unsigned domain_line;
    struct span ca_file; /* SSLProxyCACertificateFile: trusted besides the system's */
    bool has_tls_parent; /* a client's TLS context is needed */
    msec dns_cache_max;  /* for resolver_use_cache() */
    size_t dns_cache_entries;
};

/** ProxyRemote, ProxyRemoteMatch, NoProxy, ProxyDomain, ProxyBlock, SSLProxyCACertificateFile,
 * DNSCacheMax, DNSCacheEntries; they write to a struct proxy_route_conf. */
extern const struct directive proxy_route_rows[];

/** What is asked for. All spans are borrowed for the call. */
struct proxy_route_request {
    bool is_tunnel;     /* CONNECT; scheme and path do not count then */
    bool is_get;        /* GET: ProxyDomain answers with a redirection */
    struct span scheme; /* "http", "ws", ... in any case */
    struct span host;   /* a name or a literal without brackets */
    uint16_t port;      /* never 0 */
    struct span path;   /* as it was sent, with query; empty counts as "/" */

    /* The host's addresses when they were looked up: NoProxy by address. Not for a literal. */
    const struct addr *addrs;
    size_t addr_count;
};

enum proxy_route_way {
    PROXY_ROUTE_DIRECT,
    PROXY_ROUTE_PARENT,
    PROXY_ROUTE_BLOCKED,  /* ProxyBlock: 403 */
    PROXY_ROUTE_REDIRECT, /* ProxyDomain: 301, see proxy_route_write_location() */
};

struct proxy_route {
    enum proxy_route_way way;
    const struct proxy_route_parent *parent; /* PARENT; borrowed from the configuration */
    unsigned line; /* that decided: ProxyRemote, ProxyBlock, NoProxy ...; 0: no rule did */
    /* PARENT: a NoProxy rule by address could still make it direct. Look the name up and ask
     * again with its addresses; proxy_route_ask() does all that. */
    bool needs_addrs;
};

/** OK and *ret_route. ERR_NOMEM, ERR_LIMIT: an expression could not be judged (answer 503). */
must_check enum err proxy_route_find(const struct proxy_route_conf *conf,
                                     const struct proxy_route_request *request,
                                     struct proxy_route *ret_route);

/**
 * The same for a diverted connection, which goes to `origin` whatever the request's host says.
 * No name is looked up, and ProxyDomain does not hold: the client has looked its name up
 * already. Unless the name was verified, it can narrow and never open: ProxyBlock is asked
 * about the address as well, and who would go to a parent by the address does not go direct by
 * the name.
 */
must_check enum err proxy_route_find_diverted(const struct proxy_route_conf *conf,
                                              const struct proxy_route_request *request,
                                              const struct addr *origin, bool is_verified,
                                              struct proxy_route *ret_route);

/** Whether ProxyBlock names this very address (a literal among its words). For the address that
 * is dialled; host names among the words are proxy_route_block's. *ret_line is set when so. */
bool proxy_route_blocks_addr(const struct proxy_route_conf *conf, const struct addr *addr,
                             unsigned *ret_line);

/** REDIRECT: the value of Location, "http://host.domain:port/path". Errors as buf_append(). */
must_check enum err proxy_route_write_location(const struct proxy_route_conf *conf,
                                               const struct proxy_route_request *request,
                                               struct buf *out);
