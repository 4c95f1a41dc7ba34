/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_conn_head.h"

#include "daemon/daemon.h"
#include "proxy/proxy_access.h"
#include "proxy/proxy_divert.h"
#include "proxy/proxy_exchange_own.h"
#include "proxy/proxy_metrics.h"

static bool ends_after_this(const struct proxy_conn *conn)
{
    return !conn->conf->keep_alive || conn->worker->worker->is_draining ||
           (conn->conf->keep_alive_requests > 0 &&
            conn->request_count >= conn->conf->keep_alive_requests) ||
           !http1_forward_client_persists(&conn->request->head);
}

static enum err read_request(struct proxy_conn *conn, struct proxy_refusal *ret_refusal)
{
    struct proxy_conn_request *request = conn->request;
    enum err e;

    if (conn->divert != NULL) {
        const struct proxy_request_origin origin = proxy_divert_origin(conn->divert);

        return proxy_request_read_diverted(&request->head, &origin, &request->what,
                                           ret_refusal);
    }
    e = proxy_request_read(&request->head, conn->conf, &request->what, ret_refusal);
    if (e != OK && span_starts(request->head.target, SPAN("/"))) {
        proxy_divert_explain(conn, ret_refusal);
    }
    return e;
}

static void on_head(struct proxy_conn *conn)
{
    struct proxy_conn_request *request = conn->request;
    struct proxy_refusal refusal;

    request->is_read = true;
    conn->request_count++;
    conn->closes = ends_after_this(conn);
    if (read_request(conn, &refusal) != OK) {
        metric_add(conn->worker->worker->metrics, PROXY_METRICS_REFUSED_REQUEST, 1);
        proxy_conn_refuse(conn, &refusal);
        return;
    }
    request->is_understood = true;
    if (request->what.kind == PROXY_REQUEST_PAC) {
        /* How to reach the proxy is no secret to who has reached it. A body, if there is one,
         * is not read: then the connection ends. */
        conn->closes = conn->closes || request->what.body.type != HTTP1_BODY_NONE;
        proxy_exchange_own_answer(conn);
    } else {
        proxy_access_begin(conn);
    }
}

static void on_wrong_head(struct proxy_conn *conn, enum err e)
{
    enum http1_fault fault = http1_head_fault(&conn->request->head);
    struct proxy_refusal refusal;

    if (e == ERR_NOMEM) {
        proxy_conn_free(conn);
        return;
    }
    metric_add(conn->worker->worker->metrics, PROXY_METRICS_REFUSED_REQUEST, 1);
    proxy_request_refuse_fault(fault, &refusal);
    if (fault == HTTP1_FAULT_TLS) {
        proxy_divert_explain(conn, &refusal);
    }
    proxy_conn_refuse(conn, &refusal);
}

enum err proxy_conn_head_set_timer(struct proxy_conn *conn)
{
    msec allowed = proxy_readtime_allowed(&conn->conf->readtime.header, 0);

    return timer_set(&conn->timer,
                     allowed == MSEC_NEVER ? MSEC_NEVER : proxy_conn_now(conn) + allowed);
}

/* OK: a head is complete, and what is behind it is in conn->early. ERR_AGAIN, or why not. */
static enum err take_head_bytes(struct proxy_conn *conn, struct span bytes)
{
    enum err e;

    if (conn->request == NULL) {
        TRY(proxy_conn_new_request(conn));
        TRY(proxy_conn_head_set_timer(conn));
    }
    e = http1_head_next(&conn->request->head, &bytes);
    if (e == OK) {
        e = buf_append(&conn->early, bytes);
        e = e == OK ? OK : ERR_NOMEM;
    }
    return e;
}

/* Bytes of a pipelined request that came with the one before. */
static enum err take_early(struct proxy_conn *conn)
{
    struct buf bytes = conn->early;
    enum err e;

    if (bytes.len == 0) {
        return ERR_AGAIN;
    }
    buf_init(&conn->early, bytes.max);
    e = take_head_bytes(conn, buf_span(&bytes));
    buf_fini(&bytes);
    return e;
}

void proxy_conn_head_read(struct proxy_conn *conn)
{
    struct mspan room = conn->worker->relay_env.scratch;
    enum err e = take_early(conn);

    while (e == ERR_AGAIN) {
        size_t len;

        e = stream_read(conn->client, room, &len);
        if (e == ERR_AGAIN) {
            return;
        }
        if (e != OK || len == 0) {
            proxy_conn_free(conn); /* came and went without a request */
            return;
        }
        e = take_head_bytes(conn, span_of(room.ptr, len));
    }
    if (e == OK) {
        on_head(conn);
    } else if (conn->request == NULL) {
        proxy_conn_free(conn);
    } else {
        on_wrong_head(conn, e);
    }
}

void proxy_conn_head_on_timer(struct proxy_conn *conn)
{
    struct proxy_refusal refusal;
    msec due;

    if (conn->request == NULL || conn->request->head.bytes.len == 0) {
        metric_add(conn->worker->worker->metrics, PROXY_METRICS_SILENT, 1);
        proxy_conn_free(conn); /* idle: nothing to answer */
        return;
    }
    due = conn->request->began +
          proxy_readtime_allowed(&conn->conf->readtime.header, conn->request->head.bytes.len);
    if (proxy_conn_now(conn) < due && timer_set(&conn->timer, due) == OK) {
        return; /* bytes have come at a fair rate */
    }
    metric_add(conn->worker->worker->metrics, PROXY_METRICS_REFUSED_REQUEST, 1);
    proxy_refusal_set(&refusal, 408, HTTP1_PROXY_STATUS_REQUEST_ERROR,
                      "the request was not complete within %llu ms (%s)",
                      (unsigned long long)(proxy_conn_now(conn) - conn->request->began),
                      conn->conf->readtime.has_header ? "RequestReadTimeout"
                                                      : "HandshakeTimeout");
    proxy_conn_refuse(conn, &refusal);
}
