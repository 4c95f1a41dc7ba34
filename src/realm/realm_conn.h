/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One client of the realm, from accept to close: HTTP first, then perhaps a WebSocket session.
 * The only code of the realm that sees both a codec and a stream.
 */
#pragma once

#include "io/addr.h"
#include "net/stream.h"
#include "realm/realm_host.h"

struct htpasswd;
struct realm_worker;
struct realm_conn;

/** A new client, before its TLS handshake. ERR_NOMEM: the stream is still the caller's. */
must_check enum err realm_conn_new(struct realm_worker *worker, const struct addr *peer,
                                   enum realm_host_way way, struct stream **take_stream);

/** The owner of a pubsub session: it has something to send, and realm_conn_batch_flush() will
 *  see to it. */
void realm_conn_is_due(struct realm_conn *conn);

/** The configuration is another: who is in no more, or has lost the right to what it subscribes
 *  to, ends in a moment. `before`: see realm_login_review(). */
void realm_conn_review_all(struct realm_worker *worker, const struct htpasswd *before);

/** The worker is to come to its end: connections that have asked for nothing end, and up to
 *  `max` sessions are told to go and come back later. Returns how many were told. */
size_t realm_conn_send_away(struct realm_worker *worker, size_t max);

/** The worker stops: say so to every session, and close all. */
void realm_conn_close_all(struct realm_worker *worker);
