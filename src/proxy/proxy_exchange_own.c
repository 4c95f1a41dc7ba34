/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_exchange_own.h"

#include "daemon/daemon_clock.h"
#include "http1/http1_write.h"
#include "proxy/proxy_conn.h"
#include "proxy/proxy_exchange_limits.h"
#include "proxy/proxy_metrics.h"
#include "proxy/proxy_pac.h"
#include "proxy/proxy_service.h"

static enum err write_pac(struct proxy_conn *conn)
{
    const struct proxy_conn_request *request = conn->request;
    const struct proxy_pac pac = {
        .server_name = conn->conf->server_name,
        .reached = conn->local,
        .route = &conn->conf->route,
    };
    struct http1_response response = {
        .status = 200,
        .content_type = SPAN(PROXY_PAC_CONTENT_TYPE),
        .is_to_head = span_equals(request->head.method, "HEAD"),
        .closes = conn->closes,
    };
    char stamp[DAEMON_CLOCK_BYTES];
    struct buf script;
    enum err e;

    buf_init(&script, PROXY_PAC_BYTES_MAX);
    e = proxy_pac_write(&pac, &script);
    if (e == OK) {
        response.date = span_str(daemon_clock_http(stamp));
        response.body = buf_span(&script);
        e = http1_write_response(&conn->request->answer, &response);
    }
    buf_fini(&script);
    return e;
}

void proxy_exchange_own_answer(struct proxy_conn *conn)
{
    struct proxy_conn_request *request = conn->request;
    char stamp[DAEMON_CLOCK_BYTES];
    enum err e;

    metric_add(conn->worker->worker->metrics, PROXY_METRICS_REQUESTS_OWN, 1);
    if (request->what.kind == PROXY_REQUEST_PAC) {
        e = write_pac(conn);
    } else {
        conn->closes = true; /* so it says in the answer */
        e = http1_forward_put_answer(&request->head, proxy_service_via(conn->snapshot),
                                     span_str(daemon_clock_http(stamp)), &request->answer);
    }
    if (e != OK) {
        proxy_exchange_limits_nomem(conn);
        return;
    }
    request->status = 200;
    proxy_conn_answer(conn);
}
