/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_host.h"

#include "base/text.h"

static bool is_named(const struct realm_conf *conf, struct span host)
{
    uint8_t room[REALM_CONF_HOST_MAX];

    if (host.len > sizeof room) {
        return false;
    }
    for (size_t i = 0; i < host.len; i++) {
        room[i] = span_lower(host.ptr[i]);
    }
    for (size_t i = 0; i < conf->host_count; i++) {
        if (text_glob(conf->hosts[i], span_of(room, host.len))) {
            return true;
        }
    }
    return false;
}

/* RFC 6761 6.3: localhost and what ends in it resolve to loopback alone. */
static bool is_localhost(struct span host)
{
    const struct span end = SPAN(".localhost");

    return span_equals_nocase(host, "localhost") ||
           (host.len > end.len && span_equal_nocase(span_tail(host, host.len - end.len), end));
}

enum realm_host_verdict realm_host_judge(const struct realm_conf *conf,
                                         const struct http1_authority *host,
                                         enum realm_host_way way)
{
    struct span name = host->host;

    if (name.len > 0 && name.ptr[name.len - 1] == '.') {
        name.len--; /* the same name, written to its end */
    }
    if (way == REALM_HOST_OVER_TLS || name.len == 0 || host->kind != HTTP1_HOST_NAME ||
        is_localhost(name) || is_named(conf, name)) {
        return REALM_HOST_KNOWN;
    }
    return way == REALM_HOST_OVER_LOOPBACK || conf->host_count > 0 ? REALM_HOST_STRANGE
                                                                   : REALM_HOST_UNSURE;
}
