/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The proxy's configuration: Apache httpd's directives, with httpd 2.4's meaning, and a few of
 * our own. Immutable once read.
 */
#pragma once

#include "base/clock.h"
#include "conf/conf_ports.h"
#include "conf/conf_schema.h"
#include "daemon/service.h"
#include "http1/http1_head.h"
#include "proxy/proxy_accesslog_conf.h"
#include "proxy/proxy_divert_conf.h"
#include "proxy/proxy_follow.h"
#include "proxy/proxy_listen.h"
#include "proxy/proxy_policy.h"
#include "proxy/proxy_readtime.h"
#include "proxy/proxy_route.h"

enum proxy_conf_place {
    PROXY_CONF_IN_PROXY = SERVICE_IN_SERVER << 1,   /* inside <Proxy> and <ProxyMatch> */
    PROXY_CONF_IN_REQUIRE = SERVICE_IN_SERVER << 2, /* inside <RequireAll> and its like */
};

struct tls_ctx;

enum proxy_conf_via {
    PROXY_CONF_VIA_OFF,
    PROXY_CONF_VIA_ON,
    PROXY_CONF_VIA_FULL,
    PROXY_CONF_VIA_BLOCK,
};

struct proxy_conf {
    struct proxy_policy policy; /* first: <Proxy> writes to it */
    struct proxy_listen_list listens;
    struct proxy_divert_conf divert; /* proxy_divert_conf_rows write to it */
    struct span server_name;
    bool requests;
    enum proxy_conf_via via;
    struct conf_ports connect_ports;
    bool open;
    msec auth_cache_timeout;   /* 0: every request is verified */
    unsigned auth_threads;     /* of the daemon */
    unsigned auth_waiting_max; /* logins */
    msec timeout;              /* to connect, unless connect_timeout says otherwise */
    msec connect_timeout;      /* 0: timeout */
    msec handshake_timeout;
    struct proxy_readtime_conf readtime;
    bool adds_max_forwards; /* ProxyMaxForwards, */
    uint32_t max_forwards;  /* and how many */
    bool keep_alive;
    msec keep_alive_timeout;
    uint32_t keep_alive_requests; /* on one connection; 0: any number */
    struct proxy_follow_conf follow;
    uint64_t tunnels_max;
    uint64_t connections_per_client; /* 0: no limit; so the next */
    uint64_t tunnels_per_client;     /* 0: no limit of its own; so the next */
    uint64_t tunnels_per_user;
    size_t upstreams_per_host; /* idle connections kept, by each worker; 0: none */
    size_t upstreams_max;
    msec upstreams_timeout;
    uint64_t buffers_max; /* rooms a worker may hold for tunnels that wait for a slow side */
    size_t line_bytes;
    size_t field_count;
    size_t field_bytes;
    struct proxy_route_conf route; /* proxy_route_rows write to it */
    struct proxy_accesslog_conf accesslog;
    struct tls_ctx *parent_tls; /* owned; NULL unless a parent is reached over TLS */
};

extern const struct directive proxy_conf_rows[];

/** Checks across rows; says what is wrong in the diag. proxy_conf_fini() is due afterwards. */
void proxy_conf_check(void *conf, const char *file, struct diag *diag);

/** Gives back what proxy_conf_check() took outside of the arena. Takes a zeroed struct. */
void proxy_conf_fini(void *conf);

/** What one request head may take. */
struct http1_limits proxy_conf_limits(const struct proxy_conf *conf);
