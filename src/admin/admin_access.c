/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "admin/admin_access.h"

#include "http1/http1_authority.h"

bool admin_access_admits(const struct daemon_conf_admin *conf, const struct addr *client,
                         const struct addr *local)
{
    if (addr_is_loopback(client) || addr_same_host(client, local)) {
        return true;
    }
    for (size_t i = 0; i < conf->allow_count; i++) {
        if (addr_net_has(&conf->allows[i], client)) {
            return true;
        }
    }
    return false;
}

static bool is_known_name(const struct daemon_conf_admin *conf, struct span host)
{
    if (host.len > 0 && host.ptr[host.len - 1] == '.') {
        host.len--; /* the same name, written to its end */
    }
    if (span_equals_nocase(host, "localhost")) {
        return true;
    }
    for (size_t i = 0; i < conf->name_count; i++) {
        if (span_equal_nocase(host, conf->names[i])) {
            return true;
        }
    }
    return false;
}

bool admin_access_knows_host(const struct daemon_conf_admin *conf,
                             const struct http1_head *head)
{
    size_t count = http1_fields_count(head->fields, SPAN("Host"));
    const struct http1_field *field = http1_fields_find(head->fields, SPAN("Host"));
    struct http1_authority authority;
    enum http1_fault fault;

    if (count == 0) {
        return head->version_minor == 0;
    }
    if (count > 1 || http1_authority_read(field->value, &authority, &fault) != OK) {
        return false;
    }
    return authority.kind != HTTP1_HOST_NAME || is_known_name(conf, authority.host);
}
