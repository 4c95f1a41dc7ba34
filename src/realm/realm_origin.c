/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_origin.h"

static bool is_own(const struct realm_conf *conf, const struct http1_authority *host,
                   const struct http1_origin *origin)
{
    uint16_t standard = http1_authority_default_port(origin->scheme);
    uint16_t port = origin->authority.port == 0 ? standard : origin->authority.port;

    if (origin->is_null || !span_equal_nocase(origin->authority.host, host->host)) {
        return false;
    }
    if (port == (host->port == 0 ? standard : host->port)) {
        return true;
    }
    for (size_t i = 0; i < conf->interface_count; i++) {
        if (port == addr_port(&conf->interfaces[i].addr)) {
            return true; /* a page from the plain interface may use the secure one */
        }
    }
    return false;
}

static bool is_listed(const struct realm_conf *conf, const struct http1_origin *origin)
{
    for (size_t i = 0; i < conf->origin_count; i++) {
        if (http1_origin_is_same(&conf->origins[i], origin)) {
            return true;
        }
    }
    return false;
}

enum realm_origin_verdict realm_origin_judge(const struct realm_conf *conf,
                                             const struct http1_authority *host,
                                             enum realm_host_verdict naming,
                                             struct http1_fields fields,
                                             struct span *ret_origin)
{
    const struct http1_field *field = http1_fields_find(fields, SPAN("origin"));
    struct http1_origin origin;
    enum http1_fault fault;

    *ret_origin = field == NULL ? span_of(NULL, 0) : field->value;
    if (field == NULL) {
        return REALM_ORIGIN_ABSENT;
    }
    if (http1_fields_count(fields, SPAN("origin")) > 1) {
        return REALM_ORIGIN_BAD;
    }
    if (conf->any_origin) {
        return REALM_ORIGIN_LISTED;
    }
    if (http1_origin_read(field->value, &origin, &fault) != OK) {
        return REALM_ORIGIN_BAD;
    }
    if (is_listed(conf, &origin)) {
        return REALM_ORIGIN_LISTED;
    }
    if (!is_own(conf, host, &origin)) {
        return REALM_ORIGIN_FOREIGN;
    }
    return naming == REALM_HOST_KNOWN ? REALM_ORIGIN_OWN : REALM_ORIGIN_UNNAMED;
}
