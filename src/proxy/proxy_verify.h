/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Whether a name that a diverted client gives leads to the address that the client was going
 * to.
 */
#pragma once

#include "base/clock.h"
#include "io/resolver.h"

struct proxy_verify;

enum proxy_verify_result {
    PROXY_VERIFY_LEADS,     /* the address is one of the name's */
    PROXY_VERIFY_ELSEWHERE, /* the name has others, or none of that family */
    PROXY_VERIFY_FAILED,    /* name servers did not answer in time */
};

/** Called once unless cancelled, never from inside proxy_verify_start(). It is gone then. */
typedef void proxy_verify_done(void *ctx, enum proxy_verify_result result);

struct proxy_verify_request {
    struct span name;          /* a host name, or an address */
    const struct addr *origin; /* copied */
    msec timeout;
    proxy_verify_done *done;
    void *ctx;
};

/** ERR_NOMEM. */
must_check enum err proxy_verify_start(struct loop *loop, struct resolver *resolver,
                                       const struct proxy_verify_request *request,
                                       struct proxy_verify **ret_verify);

/** Nothing will be called. Takes NULL. */
void proxy_verify_cancel(struct proxy_verify *verify);
