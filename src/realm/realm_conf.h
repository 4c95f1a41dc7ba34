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

enum realm_conf_place {
    REALM_CONF_IN_CHANNEL = SERVICE_IN_SERVER << 1, /* inside <Channel "/demo/ *"> */
};

enum {
    REALM_CONF_INTERFACES_MAX = 16,
    REALM_CONF_ORIGINS_MAX = 256,
    REALM_CONF_CHANNELS_MAX = 256, /* sections */
};

struct realm_conf_interface {
    struct addr addr;
    bool is_tls;
    unsigned line;
};

struct realm_conf {
    struct realm_conf_interface *interfaces;
    size_t interface_count;
    struct span certificate_file; /* a zero follows, as it does behind the next */
    struct span key_file;
    bool makes_certificate;
    struct http1_origin *origins;
    size_t origin_count;
    bool any_origin;
    struct router_rule *rules;
    size_t rule_count;
    size_t channels_max;
    size_t store_bytes_total;
    size_t view_bytes_total;
    size_t sessions_max;
    size_t subscriptions_max;
    size_t event_bytes;
    size_t outbox_bytes;
    size_t view_bytes;
    msec heart_beat;
    msec handshake_timeout;
    bool has_diagnostics;
    uint64_t echo_bytes;
    size_t line_bytes;
    size_t field_count;
    size_t field_bytes;
};

extern const struct directive realm_conf_rows[];

/** What runs without -f: loopback, plain, channels under /demo/. */
extern const char realm_conf_builtin[];

/** Checks across rows; says what is wrong in the diag. */
void realm_conf_check(void *conf, const char *file, struct diag *diag);

/** What one request head may take. */
struct http1_limits realm_conf_limits(const struct realm_conf *conf);
