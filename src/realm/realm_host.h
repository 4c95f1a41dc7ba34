/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Whether a request's Host is a name of this realm. A page of a foreign name that is made to
 * resolve to the realm's address (DNS rebinding) is of the same origin as what it asks for, to
 * its browser and by its Origin; but its Host is that foreign name. What is no name cannot be
 * rebound: addresses are always known, and so is localhost, which resolves to nothing else.
 *
 *     TLS                    known: the browser has verified the certificate for that name
 *     ServerName, ServerAlias  known; when there are any, all other names are strange
 *     over loopback          strange
 *     else                   nobody has said what the realm is called: unsure
 */
#pragma once

#include "http1/http1_authority.h"
#include "realm/realm_conf.h"

/** How a connection has come in. */
enum realm_host_way {
    REALM_HOST_OVER_NETWORK,
    REALM_HOST_OVER_LOOPBACK,
    REALM_HOST_OVER_TLS,
};

enum realm_host_verdict {
    REALM_HOST_KNOWN,
    REALM_HOST_UNSURE,  /* it is answered, but its pages are not taken for the realm's own */
    REALM_HOST_STRANGE, /* refuse */
};

/** `host` is the request's; without a name in it no browser has written it. */
enum realm_host_verdict realm_host_judge(const struct realm_conf *conf,
                                         const struct http1_authority *host,
                                         enum realm_host_way way);
