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
#include "io/addr.h"
#include "proxy/proxy_policy.h"

enum proxy_conf_place {
    PROXY_CONF_IN_PROXY = SERVICE_IN_SERVER << 1, /* inside <Proxy *> */
};

enum {
    PROXY_CONF_LISTENS_MAX = 64,
};

enum proxy_conf_via {
    PROXY_CONF_VIA_OFF,
    PROXY_CONF_VIA_ON,
    PROXY_CONF_VIA_FULL,
    PROXY_CONF_VIA_BLOCK,
};

struct proxy_conf_listen {
    struct addr addr;
    unsigned line;
    bool is_optional; /* the IPv6 half of "Listen 80": a host without IPv6 goes without */
};

struct proxy_conf {
    struct proxy_policy policy;        /* first: <Proxy> writes to it */
    struct proxy_conf_listen *listens; /* in the arena */
    size_t listen_count;
    struct span server_name;
    bool requests;
    enum proxy_conf_via via;
    struct conf_ports connect_ports;
    bool open;
    msec timeout;         /* to connect, unless connect_timeout says otherwise */
    msec connect_timeout; /* 0: timeout */
    msec handshake_timeout;
    msec idle_timeout;
    uint64_t tunnels_max;
    uint64_t buffers_max; /* rooms a worker may hold for tunnels that wait for a slow side */
    size_t line_bytes;
    size_t field_count;
    size_t field_bytes;
};

extern const struct directive proxy_conf_rows[];

/** Checks across rows; says what is wrong in the diag. */
void proxy_conf_check(void *conf, const char *file, struct diag *diag);

/** What one request head may take. */
struct http1_limits proxy_conf_limits(const struct proxy_conf *conf);
