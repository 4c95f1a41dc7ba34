/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * "Get me an upstream stream": dials the destination or the parent proxy, speaks TLS with the
 * parent, and for a tunnel asks the parent for it. For CONNECT, forwarding and upgrades alike.
 * One time-out for all of it.
 */
#pragma once

#include "http1/http1_head.h"
#include "net/dial.h"
#include "net/stream.h"
#include "net/tls_ctx.h"
#include "proxy/proxy_refusal.h"
#include "proxy/proxy_route.h"

struct proxy_connect;

/** What a worker lends; borrowed until the connection stands or is cancelled. */
struct proxy_connect_env {
    struct loop *loop;
    struct resolver *resolver;
    struct tls_ctx *parent_tls; /* NULL unless conf->has_tls_parent; outlives the streams */
};

struct proxy_connect_result {
    struct stream *stream; /* the callee's to free; NULL: refused */
    struct addr addr;      /* the peer, or the last address that was tried; zeroed when none */
    const struct proxy_route_parent
        *parent; /* NULL: direct. Then `stream` is the parent's for a
                    request in absolute form, or a tunnel through it */

    /* Without a stream: */
    struct proxy_refusal refusal;
    bool is_forbidden; /* the filter refused every address: who knows better may say why */
    /* The parent's own refusal of the tunnel. Where refusal.status is 407, pass its
     * Proxy-Authenticate fields on; and its Proxy-Status goes before ours (RFC 9209 section 2).
     * Borrowed for the call; NULL: it did not come to that. */
    const struct http1_head *parent_answer;
};

/** Called once unless cancelled, never from inside proxy_connect_start(). The attempt is gone
 *  then, so do not cancel it; anything else may be done. */
typedef void proxy_connect_done(void *ctx, const struct proxy_connect_result *result);

struct proxy_connect_request {
    struct span host; /* the destination: a name, or a literal without brackets; copied */
    uint16_t port;
    const struct addr *source; /* the address to connect from when it goes direct, as in struct
                                  dial_request; copied. NULL: our own */
    const struct proxy_route_parent *parent; /* NULL: direct; borrowed from the configuration,
                                                which must live until the answer */
    bool is_tunnel; /* through a parent: by CONNECT. False: the request will go to it in
                       absolute form */
    /* A parent without a login of its own is the client's business: what the client sent as
     * Proxy-Authorization (copied; empty: nothing) goes to it, and its 407 comes back. Not when
     * this proxy asks for logins itself. */
    bool keeps_login;
    struct span client_login;
    msec timeout; /* for everything */
    /* Asked for the very address that is dialled when it goes direct, and for a destination
     * that is written as an address (or as localhost) when it goes through a parent; the latter
     * from inside proxy_connect_start(). NULL: any. Must not cancel the attempt. */
    dial_filter *filter;
    dial_filter *parent_filter; /* the same for the parent's addresses */
    dial_opened *opened;        /* or NULL */
    proxy_connect_done *done;
    void *ctx; /* for all four */
};

/** ERR_NOMEM; ERR_LIMIT for a host that is too long, or that cannot stand in a request line. */
must_check enum err proxy_connect_start(const struct proxy_connect_env *env,
                                        const struct proxy_connect_request *request,
                                        struct proxy_connect **ret_connect);

/** Whether the filter refuses a destination that goes through a parent and needs no lookup.
 *  proxy_connect_start() sees to it; who takes a connection to the parent out of a pool instead
 *  asks first. */
bool proxy_connect_forbids(const struct proxy_connect_request *request, struct addr *ret_addr);

/** Nothing will be called, and what was reached is closed. Takes NULL. */
void proxy_connect_cancel(struct proxy_connect *connect);
