/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Requests of SockJS: an answer that is made of what a session says, as it says it, and bodies
 * that hold what its client says. For the realm_conn files alone.
 */
#pragma once

#include "realm/realm_conn_life.h"

/** REALM_HTTP_RECEIVE, with its body read: the answer begins, or is a whole one. */
void realm_conn_sockjs_receive(struct realm_conn *conn);

/** REALM_HTTP_SEND, with its body read. */
void realm_conn_sockjs_send(struct realm_conn *conn);

/** Whether somebody would take what such a body holds: else it need not be kept. */
bool realm_conn_sockjs_wants(const struct realm_conn *conn);

/** REALM_CONN_LIFE_RECEIVING: read, to notice that the client has gone, and send. */
void realm_conn_sockjs_run(struct realm_conn *conn);

/** The same, without a look at what comes. */
void realm_conn_sockjs_flush(struct realm_conn *conn);

/** What follows when it has been sent from, and `session` was what it received then. `is_all`:
 *  nothing is left. realm_worker_published() is still to be called. */
void realm_conn_sockjs_end_flush(struct realm_conn *conn, struct realm_sockjs_session *session,
                                 bool is_all);

/** Of realm_conn_send.c: the session's next bytes, framed as HTTP has it in conn->answer, and
 *  that they have left. As realm_session_peek(). */
must_check enum err realm_conn_sockjs_peek(struct realm_conn *conn, struct span *ret_bytes);
void realm_conn_sockjs_sent(struct realm_conn *conn, size_t len);
