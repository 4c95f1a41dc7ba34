/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A connection that the kernel diverted to us, by a redirect rule or by TPROXY, while its
 * client was on the way to a server: where to, and what does it speak? TLS and what is neither
 * TLS nor HTTP become requests for a tunnel, as if the client had sent CONNECT with the name
 * that is in its ClientHello, or with the address; requests are read by proxy_conn as others
 * are, and understood by proxy_request_read_diverted(). From there on it is a connection like
 * others, but for one thing: only the address that the client was going to is ever dialled,
 * whatever name it gives.
 */
#pragma once

#include "base/buf.h"
#include "proxy/proxy_detect.h"
#include "proxy/proxy_refusal.h"
#include "proxy/proxy_request.h"

struct proxy_conn;

/* To be read by anyone, changed by proxy_divert.c alone. */
struct proxy_divert {
    msec began;                  /* when it was accepted */
    struct addr origin;          /* where the client was going */
    char host[ADDR_TEXT_BYTES];  /* its address, as a literal */
    enum proxy_detect_kind kind; /* what it speaks, as far as that is known */
    bool is_tproxy;
    uint8_t alert; /* for a ClientHello that cannot be read; 0: the refusal tells */
    struct proxy_detect *detect; /* owned; NULL unless DETECTING */
    struct span sni;             /* of TLS, verified to be a host name; empty: none */
    struct span alpn;            /* of TLS: "h2,http/1.1" */
    uint8_t *text;               /* owned: what the two point into; NULL when both are empty */
};

/** A connection at a TransparentListen: finds out where it was going. One that was not diverted
 * is read like a client's who knows the proxy. The connection may be gone afterwards. */
void proxy_divert_begin(struct proxy_conn *conn);

/** DETECTING: reads on. The connection may be gone afterwards. */
void proxy_divert_read(struct proxy_conn *conn);

/** DETECTING: the first bytes have not come in time. */
void proxy_divert_on_timer(struct proxy_conn *conn);

/** Takes NULL. */
void proxy_divert_free(struct proxy_divert *divert);

/** What requests on it are for. Borrowed from it. */
struct proxy_request_origin proxy_divert_origin(const struct proxy_divert *divert);

/** Whether the request in hand gives a name, or an address other than the one it goes to: what
 * it says has to be verified, or is taken with caution. False where nothing was diverted. */
bool proxy_divert_has_claim(const struct proxy_conn *conn);

/** Whether it is one of this proxy's own connections to servers, diverted back to it. */
bool proxy_divert_is_loop(const struct proxy_conn *conn);

/** Whether connections to servers for it leave with the client's address. */
bool proxy_divert_spoofs(const struct proxy_conn *conn);

/** A refusal for whoever speaks no HTTP: an alert for TLS (RFC 8446 section 6.2), nothing for
 *  others. Errors as buf_append(). */
must_check enum err proxy_divert_put_refusal(const struct proxy_divert *divert,
                                             const struct proxy_refusal *refusal,
                                             struct buf *out);

/** The client has sent what is for a server, on a connection that was not diverted as far as we
 *  know: if it was after all, or came to a TransparentListen by itself, the refusal says so. */
void proxy_divert_explain(const struct proxy_conn *conn, struct proxy_refusal *refusal);
