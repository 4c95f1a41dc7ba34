/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Where a tunnel may lead. The question is asked for the very address that is dialled, so a
 * name cannot smuggle one in. Nobody reaches link-local addresses (metadata services live
 * there), other metadata services, or the proxy's own listeners; and only clients on this
 * machine reach its loopback.
 */
#pragma once

#include "daemon/daemon_conf.h"
#include "proxy/proxy_conf.h"

enum proxy_dest_verdict {
    PROXY_DEST_FINE,
    PROXY_DEST_NO_ADDRESS, /* 0.0.0.0, ::, multicast, broadcast */
    PROXY_DEST_LINK_LOCAL,
    PROXY_DEST_METADATA,
    PROXY_DEST_LOOPBACK,
    PROXY_DEST_SELF,
};

/** `local` is the address where the client reached us; zeroed when it is not known. Mapped IPv4
 *  counts as IPv4. */
enum proxy_dest_verdict proxy_dest_judge(const struct proxy_conf *conf,
                                         const struct addr *client, const struct addr *local,
                                         const struct addr *dest);

/** Whether the admin listener is there. It trusts this host, and whoever came to it by way of
 * the proxy would look like this host. */
bool proxy_dest_is_admin(const struct daemon_conf_admin *admin, const struct addr *local,
                         const struct addr *dest);

/** Whether a <Proxy> section for that very host may let it pass all the same. */
bool proxy_dest_is_waivable(enum proxy_dest_verdict verdict);

/** "is link-local, ...": goes behind the address. Static storage. */
const char *proxy_dest_text(enum proxy_dest_verdict verdict);
