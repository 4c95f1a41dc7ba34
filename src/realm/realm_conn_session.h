/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A connection that has become a WebSocket session: its bytes in and out, and its deadlines.
 * For the realm_conn files alone.
 */
#pragma once

#include "realm/realm_conn_life.h"

/** Everything that waits: read, then send, then be called again in time. */
void realm_conn_session_run(struct realm_conn *conn);

/** Send what waits; a session that is finished then begins to linger. */
void realm_conn_session_flush(struct realm_conn *conn);

/** The same without the sending, and without realm_worker_published() behind it: what comes
 *  before (false: the connection has ended) and after (`is_all`: nothing is left). */
bool realm_conn_session_begin_flush(struct realm_conn *conn);
void realm_conn_session_end_flush(struct realm_conn *conn, bool is_all);

/** Bytes that came behind the request. */
void realm_conn_session_take_early(struct realm_conn *conn, struct mspan bytes);

/** The password of CONNECT was verified. */
void realm_conn_session_logged_in(struct realm_conn *conn, enum realm_login_verdict verdict);

/** The timer is up. */
void realm_conn_session_expire(struct realm_conn *conn);
