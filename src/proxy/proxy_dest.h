/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Where a tunnel may lead. The question is asked for the very address that is dialled, so a
 * name cannot smuggle one in. Nobody reaches link-local addresses (metadata services live
 * there) or the proxy's own listeners; and only clients on this machine reach its loopback.
 */
#pragma once

#include "proxy/proxy_conf.h"

enum proxy_dest_verdict {
    PROXY_DEST_FINE,
    PROXY_DEST_NO_ADDRESS, /* 0.0.0.0, ::, multicast, broadcast */
    PROXY_DEST_LINK_LOCAL,
    PROXY_DEST_LOOPBACK,
    PROXY_DEST_SELF,
};

/** `local` is the address where the client reached us. Mapped IPv4 counts as IPv4. */
enum proxy_dest_verdict proxy_dest_judge(const struct proxy_conf *conf,
                                         const struct addr *client, const struct addr *local,
                                         const struct addr *dest);

/** "is link-local, ...": goes behind the address. Static storage. */
const char *proxy_dest_text(enum proxy_dest_verdict verdict);
