/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The line in the access log, put together from what a connection knows.
 */
#pragma once

#include "proxy/proxy_accesslog.h"
#include "proxy/proxy_conn.h"

/** What the client's side and the request in hand tell; the rest is zero. Borrowed from the
 *  connection; `line` (PROXY_ENTRY_LINE_BYTES) is room for the request line. */
enum {
    PROXY_ENTRY_LINE_BYTES = 1024,
    PROXY_ENTRY_CLIENT_LEFT = 499 /* the status of who left before there was an answer */
};

struct proxy_accesslog_entry proxy_entry_of_request(const struct proxy_conn *conn, char *line);

/** What is known of a diverted connection; nothing of others. Borrowed from the connection. */
void proxy_entry_tell_divert(const struct proxy_conn *conn,
                             struct proxy_accesslog_entry *entry);

/** Logs an answer of our own to the request in hand. */
void proxy_entry_log_answer(const struct proxy_conn *conn);

/** Logs that the client left while its request was in hand. */
void proxy_entry_log_client_left(const struct proxy_conn *conn);

/** Logs a forwarded exchange. */
void proxy_entry_log_forward(const struct proxy_conn *conn,
                             const struct proxy_forward_result *result);
