/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A connection as long as it speaks HTTP: request after request, each with its body and its
 * answer, until one becomes a session or is the last. For the realm_conn files alone.
 *
 *                 ┌──────────────── another request ─────────────────┐
 *              READING ─ head ─▶ BODY ─▶ WAITING ─ published ─▶ ANSWERING ─▶ LINGERING
 *                 ├── nothing to read or to wait for ──────────────▲
 *                 ├── RECEIVING (SockJS) ──────────────────────────┤
 *                 ├── SILENT, ENDING (diagnostics) ────────────────┘
 *                 └── 101 ──▶ SESSION
 */
#pragma once

#include "daemon/daemon_clock.h"
#include "realm/realm_conn_request.h"

/** Everything that waits. Returns with conn->state changed to something else than HTTP's, or
 *  when it must wait. */
void realm_conn_http_run(struct realm_conn *conn);

/** The password that came with the request was verified. */
void realm_conn_http_logged_in(struct realm_conn *conn, enum realm_login_verdict verdict);

/** The timer is up. */
void realm_conn_http_expire(struct realm_conn *conn);

/** Whether nothing of a request has come. */
bool realm_conn_http_is_idle(const struct realm_conn *conn);

/** What requests are judged by now. `date` is room for it. */
struct realm_http_env realm_conn_http_env(struct realm_conn *conn,
                                          char date[DAEMON_CLOCK_BYTES]);

/** An answer is in conn->answer: it goes out. `e` is what came of writing it. */
void realm_conn_http_answer(struct realm_conn *conn, enum err e);

/** When the request in hand has taken too long. It may be moved in its deadline alone: the
 *  timer follows when it is up. */
void realm_conn_http_set_deadline(struct realm_conn *conn, msec at);

static inline msec realm_conn_http_from_now(const struct realm_conn *conn, msec span)
{
    return realm_conn_life_now(conn) + span;
}

/** Whether the state is one of HTTP's. */
static inline bool realm_conn_http_has(const struct realm_conn *conn)
{
    return conn->state >= REALM_CONN_LIFE_READING && conn->state <= REALM_CONN_LIFE_ANSWERING;
}
