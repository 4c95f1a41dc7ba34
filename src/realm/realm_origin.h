/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Whether the page that opens a session may: RFC 6455 section 10.2. Without this rule any page
 * that a user visits could use a realm in the user's network, as that user.
 */
#pragma once

#include "http1/http1_authority.h"
#include "http1/http1_fields.h"
#include "realm/realm_conf.h"
#include "realm/realm_host.h"

enum realm_origin_verdict {
    REALM_ORIGIN_ABSENT,  /* not a browser */
    REALM_ORIGIN_OWN,     /* the page came from this realm */
    REALM_ORIGIN_LISTED,  /* AllowOrigin */
    REALM_ORIGIN_FOREIGN, /* refuse */
    REALM_ORIGIN_UNNAMED, /* refuse: the page's host is the request's, but that is no name that
                             the realm is known to go by */
    REALM_ORIGIN_BAD,     /* refuse: it cannot be read, or there are two */
};

/**
 * `host` is the request's Host. A page is the realm's own when its host is the one that was
 * asked for, which the realm is known to go by, and its port is the same or that of any
 * Interface. *ret_origin is the field's value, empty when there is none; borrowed from the
 * fields.
 */
enum realm_origin_verdict realm_origin_judge(const struct realm_conf *conf,
                                             const struct http1_authority *host,
                                             enum realm_host_verdict naming,
                                             struct http1_fields fields,
                                             struct span *ret_origin);

static inline bool realm_origin_may(enum realm_origin_verdict verdict)
{
    return verdict < REALM_ORIGIN_FOREIGN;
}
