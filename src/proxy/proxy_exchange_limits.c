/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_exchange_limits.h"

#include "proxy/proxy_conn.h"
#include "proxy/proxy_service.h"

void proxy_exchange_limits_refuse(struct proxy_conn *conn, enum proxy_metrics which,
                                  const char *sentence)
{
    struct proxy_refusal refusal;

    metric_add(conn->worker->worker->metrics, which, 1);
    proxy_refusal_set(&refusal, 503, HTTP1_PROXY_STATUS_CONNECTION_LIMIT_REACHED, "%s",
                      sentence);
    proxy_conn_refuse(conn, &refusal);
}

void proxy_exchange_limits_nomem(struct proxy_conn *conn)
{
    proxy_exchange_limits_refuse(conn, PROXY_METRICS_REFUSED_MEMORY,
                                 "this proxy is out of memory for now; try again later");
}

static bool take_tunnel(struct proxy_conn *conn)
{
    atomic_uint_least64_t *tunnels = &conn->worker->shared->tunnels;

    if (atomic_fetch_add_explicit(tunnels, 1, memory_order_relaxed) >=
        conn->conf->tunnels_max) {
        atomic_fetch_sub_explicit(tunnels, 1, memory_order_relaxed);
        return false;
    }
    conn->request->holds_tunnel = true;
    return true;
}

bool proxy_exchange_limits_take(struct proxy_conn *conn)
{
    struct proxy_conn_request *request = conn->request;
    struct proxy_limits *limits = proxy_service_limits(conn->worker);
    uint8_t room[PROXY_LIMITS_KEY_BYTES];
    enum err e;

    if (!take_tunnel(conn)) {
        proxy_exchange_limits_refuse(
            conn, PROXY_METRICS_REFUSED_FULL,
            "this proxy is full: it holds as many tunnels as it may (MaxTunnels); try "
            "again later");
        return false;
    }
    e = proxy_limits_take(limits, proxy_limits_client(&conn->peer, room),
                          conn->conf->tunnels_per_client, &request->client_hold);
    if (e != OK) {
        proxy_exchange_limits_refuse(
            conn, PROXY_METRICS_REFUSED_PER_CLIENT,
            "this client holds as many tunnels as one may (TunnelsPerClient); close "
            "some, or try again later");
        return false;
    }
    if (request->user[0] == '\0') {
        return true;
    }
    e = proxy_limits_take(limits, proxy_limits_user(span_str(request->user), room),
                          conn->conf->tunnels_per_user, &request->user_hold);
    if (e != OK) {
        proxy_exchange_limits_refuse(
            conn, PROXY_METRICS_REFUSED_PER_USER,
            "this user holds as many tunnels as one may (TunnelsPerUser); close some, "
            "or try again later");
        return false;
    }
    return true;
}
