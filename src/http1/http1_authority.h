/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * host[:port] as it stands in a CONNECT target, an absolute target, a Host field and an Origin
 * (RFC 3986 section 3.2, RFC 9110 section 7.2). Strict where lenient readers have been led past
 * access rules: no user information, no number that another reader might take for an address,
 * no port with sign, leading zero or wrap.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "http1/http1_fault.h"

enum http1_host_kind {
    HTTP1_HOST_NAME, /* letters, digits, "-", ".", "_"; perhaps a final dot */
    HTTP1_HOST_IPV4, /* four decimal numbers */
    HTTP1_HOST_IPV6, /* without its brackets, never with a zone */
};

struct http1_authority {
    enum http1_host_kind kind;
    struct span host; /* borrowed from the text; compare without case */
    uint16_t port;    /* 0: none was given */
};

/**
 * Reads "host:port" with the port mandatory: the target of CONNECT (RFC 9112 section 3.2.3).
 * ERR_PROTO: *fault is set, *ret_authority untouched. So also below.
 */
must_check enum err http1_authority_read_tunnel(struct span text,
                                                struct http1_authority *ret_authority,
                                                enum http1_fault *fault);

/** Reads "host" or "host:port": a Host field's value, the authority of a URI. An empty Host
 *  is refused. RFC 9110 section 7.2. */
must_check enum err http1_authority_read(struct span text,
                                         struct http1_authority *ret_authority,
                                         enum http1_fault *fault);

/** 80 for http and ws, 443 for https and wss, 0 for others. */
uint16_t http1_authority_default_port(struct span scheme);
