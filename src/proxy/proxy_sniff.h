/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a tunnel carries, told from the first bytes of both sides, and whether `TunnelAllow`
 * lets it. A byte at a time and a few bytes of memory, so it does not matter how they are cut.
 *
 *   the client sends      16 03 xx .. .. 01          a TLS ClientHello (RFC 8446 5.1)
 *                         METHOD target HTTP/1.1     HTTP; whether it asks for WebSocket is not
 *                                                    to be seen here: proxy_sniff_upgrade()
 *                         anything else              other, ssh for example
 *   the server sends      first of all               other: a server that speaks first
 *                         15 or 16 03, HTTP/         what belongs to the client's
 *                         anything else              other: the client did not mean it
 */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "conf/conf_schema.h"
#include "net/relay.h"

enum proxy_sniff_class {
    PROXY_SNIFF_UNKNOWN, /* too little has been sent */
    PROXY_SNIFF_WEBSOCKET,
    PROXY_SNIFF_TLS,
    PROXY_SNIFF_HTTP,
    PROXY_SNIFF_OTHER,
    PROXY_SNIFF_CLASSES,
};

enum {
    PROXY_SNIFF_LINE_MAX = 8192, /* bytes in which a request line must end to be one */
    PROXY_SNIFF_TEXT_BYTES = 160,
};

/** What TunnelAllow names. */
enum proxy_sniff_allow {
    PROXY_SNIFF_ALLOW_WEBSOCKET = 1u << PROXY_SNIFF_WEBSOCKET,
    PROXY_SNIFF_ALLOW_TLS = 1u << PROXY_SNIFF_TLS,
    PROXY_SNIFF_ALLOW_HTTP = 1u << PROXY_SNIFF_HTTP,
    PROXY_SNIFF_ALLOW_ANY = 0x1e, /* these three and other */
};

struct proxy_sniff {
    uint8_t allowed; /* enum proxy_sniff_allow bits */
    uint8_t class;   /* enum proxy_sniff_class */

    /* proxy_sniff.c's alone. */
    uint8_t client;    /* where it stands in the client's bytes */
    uint8_t server;    /* and in the server's */
    uint8_t match;     /* how much of a fixed text has been seen there */
    uint8_t ssh[2];    /* by side: how much of "SSH-" it began with */
    bool is_request;   /* a request line was seen: WebSocket or plain HTTP */
    bool server_first; /* the server spoke before the client could be told */
    bool was_upgrade;  /* it asked for WebSocket, and was refused */
    uint16_t line_len; /* bytes of the client's first line */
};

/** 0 stands for any. */
void proxy_sniff_init(struct proxy_sniff *sniff, unsigned allowed);

/** It is known already: WebSocket, and allowed. */
void proxy_sniff_init_websocket(struct proxy_sniff *sniff);

/** The next bytes that `side` sent, whether they were let pass or not. */
void proxy_sniff_bytes(struct proxy_sniff *sniff, enum relay_side side, struct span bytes);

/** Where the request line was HTTP's: whether the request asks for WebSocket. It may be taken
 *  back, when the server does not agree. */
void proxy_sniff_upgrade(struct proxy_sniff *sniff, bool is_websocket);

/** `side` sends nothing more, or nobody waits for it any more: what is unknown now is other. */
void proxy_sniff_end(struct proxy_sniff *sniff, enum relay_side side);

/** The client's bytes so far are, or may become, an HTTP request. */
bool proxy_sniff_may_be_http(const struct proxy_sniff *sniff);

/** OK: what `side` sent may pass. ERR_AGAIN: not to be told yet (never behind
 *  proxy_sniff_end()). ERR_LIMIT: it may not; see proxy_sniff_text(). */
must_check enum err proxy_sniff_verdict(const struct proxy_sniff *sniff, enum relay_side side);

/** Nothing that either side sends can change the class any more, as far as can be told here. */
bool proxy_sniff_is_done(const struct proxy_sniff *sniff);

/** "carried ssh-like bytes, TunnelAllow has websocket tls". Returns room, which holds
 *  PROXY_SNIFF_TEXT_BYTES. */
const char *proxy_sniff_text(const struct proxy_sniff *sniff, char *room);

/** "websocket", "tls", "http", "other"; "unknown". Static storage. */
const char *proxy_sniff_class_name(enum proxy_sniff_class class);

/** The words of TunnelAllow. ERR_NOMEM and ERR_LIMIT never; faults go to the diag. */
must_check enum err proxy_sniff_read_allow(const struct conf_node *node,
                                           const struct conf_apply *apply,
                                           unsigned *ret_allowed);
