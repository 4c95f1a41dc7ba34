/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_exchange_dest.h"

#include "daemon/daemon.h"
#include "proxy/proxy_conn.h"
#include "proxy/proxy_metrics.h"
#include "proxy/proxy_route_block.h"

static enum proxy_dest_verdict judge_dest(const struct proxy_conn *conn,
                                          const struct addr *dest)
{
    if (proxy_dest_is_admin(&daemon_snapshot_core(conn->snapshot)->admin, &conn->local, dest)) {
        return PROXY_DEST_SELF;
    }
    return proxy_dest_judge(conn->conf, &conn->peer, &conn->local, dest);
}

bool proxy_exchange_dest_may(void *ctx, const struct addr *dest)
{
    struct proxy_conn *conn = ctx;
    struct proxy_conn_request *request = conn->request;
    enum proxy_dest_verdict verdict;

    verdict = judge_dest(conn, dest);
    if (request->names_destination && proxy_dest_is_waivable(verdict)) {
        verdict = PROXY_DEST_FINE;
    }
    if (verdict != PROXY_DEST_FINE) {
        request->dest_verdict = verdict;
    }
    if (verdict == PROXY_DEST_SELF) {
        request->self = *dest;
    }
    return verdict == PROXY_DEST_FINE &&
           !proxy_route_block_has(conn->worker->block, dest, &request->blocked_line);
}

bool proxy_exchange_dest_may_parent(void *ctx, const struct addr *dest)
{
    struct proxy_conn *conn = ctx;

    conn->request->dest_verdict = judge_dest(conn, dest);
    return conn->request->dest_verdict != PROXY_DEST_SELF;
}

void proxy_exchange_dest_block(struct proxy_conn *conn, unsigned line)
{
    struct proxy_refusal refusal;

    metric_add(conn->worker->worker->metrics, PROXY_METRICS_REFUSED_DESTINATION, 1);
    log_info(conn->worker->worker->log, "ProxyBlock in line %u refuses %.*s", line,
             SPAN_ARG(conn->request->what.target.authority.host));
    proxy_refusal_set(&refusal, 403, HTTP1_PROXY_STATUS_REQUEST_DENIED,
                      "%.*s is blocked by this proxy's administrator (ProxyBlock)",
                      SPAN_ARG(conn->request->what.target.authority.host));
    proxy_conn_refuse(conn, &refusal);
}

/* "192.0.2.1:80, the address of realm.example, is link-local" */
static void set_forbidden(const struct proxy_conn *conn, const struct addr *dest,
                          enum proxy_dest_verdict verdict, struct proxy_refusal *ret_refusal)
{
    struct span host = conn->request->what.target.authority.host;
    bool is_literal = span_equals(host, addr_host_text(dest, (char[ADDR_TEXT_BYTES]){0}));
    char text[ADDR_TEXT_BYTES];

    proxy_refusal_set(ret_refusal, 403, HTTP1_PROXY_STATUS_DESTINATION_IP_PROHIBITED,
                      "%s%s%.*s%s %s", addr_text(dest, text),
                      is_literal ? "" : ", the address of ", is_literal ? 0 : (int)host.len,
                      (const char *)host.ptr, is_literal ? "" : ",", proxy_dest_text(verdict));
}

void proxy_exchange_dest_refuse(struct proxy_conn *conn,
                                const struct proxy_connect_result *result)
{
    struct proxy_conn_request *request = conn->request;
    struct proxy_refusal refusal = result->refusal;
    const struct http1_field *challenge = NULL;
    bool is_self = request->self.sa.any.sa_family != AF_UNSPEC;

    if (result->is_forbidden && request->blocked_line != 0) {
        proxy_exchange_dest_block(conn, request->blocked_line);
        return;
    }
    /* A name may lead to the proxy itself in IPv4 and to a closed port in IPv6: what matters is
     * the first. */
    if (result->is_forbidden || is_self) {
        metric_add(conn->worker->worker->metrics, PROXY_METRICS_REFUSED_DESTINATION, 1);
        set_forbidden(conn, is_self ? &request->self : &result->addr,
                      is_self ? PROXY_DEST_SELF : request->dest_verdict, &refusal);
    } else {
        metric_add(conn->worker->worker->metrics, PROXY_METRICS_REFUSED_DIAL, 1);
    }
    if (result->parent_answer != NULL && refusal.status == 407) {
        challenge =
            http1_fields_find(result->parent_answer->fields, SPAN("proxy-authenticate"));
    }
    proxy_conn_refuse_with(conn, &refusal,
                           (struct http1_fields){challenge, challenge == NULL ? 0 : 1});
}
