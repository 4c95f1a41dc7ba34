/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A WebSocket handshake that came as `GET http://host/` or `GET ws://host/` with Upgrade: made
 * anew for the origin, and judged when the answer comes, so that a tunnel begins only behind a
 * 101 that belongs to this very handshake. Whoever switches on less can be talked into passing
 * hidden requests. No I/O: proxy_forward does that.
 */
#pragma once

#include "http1/http1_forward.h"
#include "proxy/proxy_refusal.h"

/**
 * Looks whether a request in absolute form is a handshake to be forwarded as one.
 *
 * Returns OK         *ret_is_upgrade says so. An Upgrade to something else than websocket is
 *                    none: it is left out and the rest forwarded (RFC 9110 section 7.8)
 *         ERR_PROTO  *ret_refusal says why it cannot be: malformed, with a body, over wss, or
 *                    over ws without asking for the upgrade
 */
must_check enum err proxy_upgrade_read(const struct http1_head *head,
                                       const struct http1_target *target,
                                       const struct http1_body *body, bool *ret_is_upgrade,
                                       struct proxy_refusal *ret_refusal);

/** The head of the handshake for the next hop: its own fields once each, end-to-end fields as
 *  they came. Errors as http1_write. */
must_check enum err proxy_upgrade_put_request(const struct http1_forward_request *request,
                                              struct buf *out);

/** Judges a 101: NULL when it is the one for that handshake (RFC 6455 section 4.1), otherwise
 *  what the server did, to go behind "the server". Static storage. */
const char *proxy_upgrade_judge(const struct http1_head *request,
                                const struct http1_head *answer);

/** The head of the 101 for the client. Errors as http1_write. */
must_check enum err proxy_upgrade_put_answer(const struct http1_forward_response *response,
                                             struct buf *out);
