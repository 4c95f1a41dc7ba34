/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a client is told when proxy_connect could not reach what it asked for: status, error
 * and sentence. No I/O.
 *
 * A parent's own refusal stays what it is: its status where that has a sense for the client
 * (never a bare 502), its words and its Proxy-Status in the sentence.
 */
#pragma once

#include "http1/http1_head.h"
#include "net/dial.h"
#include "proxy/proxy_refusal.h"
#include "proxy/proxy_route.h"

/* What was asked for. */
struct proxy_connect_refusal_ask {
    const struct proxy_route_parent *parent; /* NULL: direct */
    const char *host;
    uint16_t port;
    const char *authority; /* host:port, with brackets where they belong */
    bool is_tunnel;        /* through a parent: by CONNECT */
    bool keeps_login;      /* the parent's logins are the client's business */
    bool has_source;       /* with an address that is not ours: TransparentSource client */
    msec timeout;
};

/** The dial failed: to the parent, if there is one. */
void proxy_connect_refusal_undialled(const struct proxy_connect_refusal_ask *ask,
                                     const struct dial_result *dialled,
                                     struct proxy_refusal *refusal);

/** The parent answered and refused; `why` quotes it (stream_why). 407 stays 407 only for a
 * client that can do something about it. */
void proxy_connect_refusal_answered(const struct proxy_connect_refusal_ask *ask,
                                    const struct http1_head *answer, const char *why,
                                    struct proxy_refusal *refusal);

/** The parent did something else than answer. */
void proxy_connect_refusal_broken(const struct proxy_connect_refusal_ask *ask, const char *why,
                                  struct proxy_refusal *refusal);

/** The parent took too long, after the dial. */
void proxy_connect_refusal_late(const struct proxy_connect_refusal_ask *ask,
                                struct proxy_refusal *refusal);

/** We are out of something. */
void proxy_connect_refusal_no_memory(struct proxy_refusal *refusal);
