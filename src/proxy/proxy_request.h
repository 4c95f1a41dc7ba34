/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a client asks for, judged from the head alone. No I/O. Who the client is, is
 * proxy_policy's question; which way it goes proxy_route's; what a name resolves to
 * proxy_dest's.
 */
#pragma once

#include "http1/http1_body.h"
#include "http1/http1_head.h"
#include "http1/http1_target.h"
#include "proxy/proxy_conf.h"
#include "proxy/proxy_refusal.h"
#include "proxy/proxy_section.h"

enum proxy_request_kind {
    PROXY_REQUEST_TUNNEL,  /* CONNECT host:port */
    PROXY_REQUEST_FORWARD, /* GET http://host/ */
    PROXY_REQUEST_UPGRADE, /* the same or GET ws://host/, with Upgrade: websocket */
    PROXY_REQUEST_PAC,     /* GET /proxy.pac or /wpad.dat: of the proxy itself */
    PROXY_REQUEST_ANSWER,  /* TRACE or OPTIONS with Max-Forwards: 0 */
};

/* Spans are borrowed from the head, or from the origin of a diverted connection. */
struct proxy_request {
    enum proxy_request_kind kind;
    struct http1_target target;
    struct http1_body body;
    uint16_t port; /* of the destination, the scheme's own when none was written; 0 for PAC */
};

/**
 * Reads a complete head. RFC 9110 sections 7.6 and 9.3.6, RFC 9112 sections 3.2 and 6.3.
 *
 * Returns OK         *ret_request
 *         ERR_PROTO  *ret_refusal says why not
 */
must_check enum err proxy_request_read(const struct http1_head *head,
                                       const struct proxy_conf *conf,
                                       struct proxy_request *ret_request,
                                       struct proxy_refusal *ret_refusal);

/* Where the client of a diverted connection was going. */
struct proxy_request_origin {
    struct span host; /* its address, as a literal without brackets; borrowed until the request
                         is over */
    uint16_t port;
    bool is_tunnel; /* the head was made up for bytes that are no HTTP: CONNECT host:port */
};

/**
 * The same on a diverted connection, whose client believes that it speaks to the origin itself:
 * a request in origin form is one to forward to the host that Host names, on the origin's port
 * whatever it says. So is one in absolute form (RFC 9112 section 3.2.2). Errors as above.
 */
must_check enum err proxy_request_read_diverted(const struct http1_head *head,
                                                const struct proxy_request_origin *origin,
                                                struct proxy_request *ret_request,
                                                struct proxy_refusal *ret_refusal);

/** A head that could not be read: http1_head_next() has said ERR_LIMIT or ERR_PROTO. */
void proxy_request_refuse_fault(enum http1_fault fault, struct proxy_refusal *ret_refusal);

/** Whether AllowCONNECT has the port. When not, *ret_refusal says so. */
bool proxy_request_port_is_allowed(const struct proxy_conf *conf, uint16_t port,
                                   struct proxy_refusal *ret_refusal);

/** As access rules ask about it. Borrowed from the request. */
struct proxy_section_url proxy_request_url(const struct proxy_request *request);
