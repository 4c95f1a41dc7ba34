/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The realm's configuration: directives in Apache's style. Immutable once read; what it points
 * to lives in the daemon's arena.
 */
#pragma once

#include "base/clock.h"
#include "conf/conf_schema.h"
#include "daemon/service.h"
#include "http1/http1_head.h"
#include "http1/http1_origin.h"
#include "io/addr.h"
#include "pubsub/router.h"
#include "pubsub/transaction.h"
#include "realm/realm_conf_access.h"

enum realm_conf_place {
    REALM_CONF_IN_CHANNEL =
        1u << 16, /* behind the proxy's, for the manual has both: inside <Channel "/demo/ *"> */
    REALM_CONF_IN_QUEUE = 1u << 17,
    REALM_CONF_IN_GROUP = 1u << 18,
};

enum {
    REALM_CONF_INTERFACES_MAX = 16,
    REALM_CONF_ORIGINS_MAX = 256,
    REALM_CONF_HOSTS_MAX = 256,
    REALM_CONF_HOST_MAX = 253,     /* bytes of a host's name */
    REALM_CONF_CHANNELS_MAX = 256, /* sections, of each kind */
    REALM_CONF_TRANSACTION_EVENTS_MAX = 60000,
    REALM_CONF_EVENT_BYTES_MAX = 256 * 1024 * 1024,
};

enum realm_conf_store {
    REALM_CONF_STORE_MEMORY,
    REALM_CONF_STORE_LMDB,
    REALM_CONF_STORE_NATS,
};

struct realm_conf_interface {
    struct addr addr;
    bool is_tls;
    unsigned line;
};

/** SockJS: doc/sockjs.md. */
struct realm_conf_sockjs {
    bool is_on;
    bool has_websocket;
    bool sets_cookie;
    msec heart_beat;
    msec disconnect_delay;
    size_t stream_bytes;
    size_t body_bytes;
    struct span script; /* empty: no page for frames is served */
};

struct realm_conf {
    struct realm_conf_interface *interfaces;
    size_t interface_count;
    struct span certificate_file; /* a zero follows, as it does behind the next */
    struct span key_file;
    bool makes_certificate;
    struct span *hosts; /* patterns in lower case: ServerName, ServerAlias */
    size_t host_count;
    struct http1_origin *origins;
    size_t origin_count;
    bool any_origin;
    bool allows_credentials;
    struct router_rule *rules;
    size_t rule_count;
    enum realm_conf_store store;
    struct span store_url;   /* of REALM_CONF_STORE_NATS */
    struct span store_path;  /* a zero follows */
    struct span store_realm; /* who gives the same one shares the store */
    size_t store_replicas;
    bool store_streams;
    msec store_timeout;
    uint64_t store_size;
    size_t store_pending_bytes;
    size_t channels_max;
    size_t durables_max;
    size_t store_bytes_total;
    size_t view_bytes_total;
    size_t sessions_max;
    size_t subscriptions_max;
    size_t transactions_max;
    struct transaction_hall_conf transactions;
    size_t publish_ids_max;
    size_t event_bytes;
    size_t outbox_bytes;
    size_t view_bytes;
    msec heart_beat;
    msec handshake_timeout;
    msec keep_alive_timeout;
    bool takes_deflate;
    struct realm_conf_sockjs sockjs;
    bool has_diagnostics;
    size_t diagnostic_rate; /* a second */
    size_t diagnostics_max;
    uint64_t echo_bytes;
    size_t line_bytes;
    size_t field_count;
    size_t field_bytes;
    struct realm_conf_access access;
};

extern const struct directive realm_conf_rows[];

/** What runs without -f: loopback, plain, channels under /demo/. */
extern const char realm_conf_builtin[];

/** Checks across rows; says what is wrong in the diag. */
void realm_conf_check(void *conf, const char *file, struct diag *diag);

/** The interface that a connection to `local` has come in by: the one of that very address,
 *  else the one of that port on every address. NULL: none. */
const struct realm_conf_interface *realm_conf_interface_at(const struct realm_conf *conf,
                                                           const struct addr *local);

/** What one request head may take. */
struct http1_limits realm_conf_limits(const struct realm_conf *conf);
