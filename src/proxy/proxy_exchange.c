/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_exchange.h"

#include "daemon/daemon.h"
#include "http1/http1_write.h"
#include "io/sock.h"
#include "proxy/proxy_conn.h"
#include "proxy/proxy_divert.h"
#include "proxy/proxy_entry.h"
#include "proxy/proxy_exchange_dest.h"
#include "proxy/proxy_exchange_limits.h"
#include "proxy/proxy_exchange_own.h"
#include "proxy/proxy_loop.h"
#include "proxy/proxy_metrics.h"
#include "proxy/proxy_service.h"
#include "proxy/proxy_tunnel.h"

static void connect_upstream(struct proxy_conn *conn, bool may_reuse);

static struct metric_sheet *metrics_of(const struct proxy_conn *conn)
{
    return conn->worker->worker->metrics;
}

/* ---- a tunnel ---- */

static enum err write_confirmation(const struct proxy_conn *conn, struct buf *out)
{
    struct span via = proxy_service_via(conn->snapshot);

    /* RFC 9110 9.3.6: neither Content-Length nor Transfer-Encoding in a 2xx to CONNECT. */
    TRY(http1_write_status_line(out, 200, SPAN("Connection established")));
    if (via.len > 0) {
        TRY(http1_write_field(out, SPAN("Via"), via));
    }
    return http1_write_end(out);
}

void proxy_exchange_confirm(struct proxy_conn *conn)
{
    enum err e = proxy_conn_flush(conn);

    if (e == OK) {
        proxy_tunnel_begin(conn, span_of(NULL, 0));
    } else if (e != ERR_AGAIN) {
        proxy_entry_log_answer(conn);
        proxy_conn_free(conn);
    }
}

static void confirm(struct proxy_conn *conn)
{
    conn->request->status = 200;
    if (timer_set(&conn->timer, proxy_conn_now(conn) + conn->conf->handshake_timeout) != OK ||
        write_confirmation(conn, &conn->request->answer) != OK) {
        proxy_exchange_limits_nomem(conn);
        return;
    }
    proxy_conn_move(conn, PROXY_CONN_CONFIRMING);
    proxy_exchange_confirm(conn);
}

/* ---- forwarding ---- */

/* Of a diverted connection always where its client was going: a name that it gives chooses no
 * server. */
static struct span dialled_host(const struct proxy_conn *conn)
{
    return conn->divert == NULL ? conn->request->what.target.authority.host
                                : span_str(conn->divert->host);
}

static struct proxy_pool_key pool_key(const struct proxy_conn *conn)
{
    const struct proxy_conn_request *request = conn->request;

    if (conn->divert != NULL) {
        return (struct proxy_pool_key){
            .host = dialled_host(conn),
            .port = request->what.port,
            .parent = request->parent == NULL ? span_of(NULL, 0) : request->parent->text,
        };
    }
    if (request->parent != NULL) {
        return (struct proxy_pool_key){.host = request->parent->host,
                                       .port = request->parent->port,
                                       .is_tls = request->parent->is_tls};
    }
    return (struct proxy_pool_key){.host = request->what.target.authority.host,
                                   .port = request->what.port};
}

/* A connection with a client's address is that client's alone. */
static bool may_pool(const struct proxy_conn *conn)
{
    return conn->request->what.kind == PROXY_REQUEST_FORWARD && !proxy_divert_spoofs(conn);
}

static void close_upstream(struct proxy_conn *conn, bool may_continue)
{
    struct proxy_conn_request *request = conn->request;
    struct proxy_pool_key key = pool_key(conn);

    /* An upgrade through a parent has a tunnel to its origin there, which must not be taken for
     * the parent; and what an old configuration connected is not for the new one's clients. */
    if (may_continue && request->server != NULL && may_pool(conn) &&
        conn->snapshot == worker_snapshot(conn->worker->worker)) {
        proxy_pool_give(&conn->worker->upstreams, &key, &request->server);
    }
    stream_free(request->server);
    request->server = NULL;
}

static void on_forwarded(void *ctx, const struct proxy_forward_result *borrowed)
{
    struct proxy_conn *conn = ctx;
    struct proxy_conn_request *request = conn->request;
    const struct proxy_forward_result result = *borrowed;

    if (result.outcome == PROXY_FORWARD_TUNNEL) {
        request->status = result.status;
        proxy_tunnel_begin(conn, result.server_early);
        return;
    }
    if (result.status != 0) {
        proxy_entry_log_forward(conn, &result);
    }
    proxy_forward_free(request->forward);
    request->forward = NULL;
    close_upstream(conn, result.upstream_may_continue);

    if (result.status == 0 && result.may_retry && request->was_pooled) {
        request->was_pooled = false; /* a connection of our own fails once only */
        connect_upstream(conn, false);
        return;
    }
    if (result.status == 0 && result.refusal != 0) {
        struct proxy_refusal refusal;

        conn->closes = true;
        proxy_refusal_set(&refusal, result.refusal,
                          result.refusal == 504   ? HTTP1_PROXY_STATUS_CONNECTION_TIMEOUT
                          : result.refusal == 503 ? HTTP1_PROXY_STATUS_CONNECTION_LIMIT_REACHED
                          : result.refusal < 500  ? HTTP1_PROXY_STATUS_REQUEST_ERROR
                                                  : HTTP1_PROXY_STATUS_DESTINATION_UNAVAILABLE,
                          "%s", result.why);
        proxy_conn_refuse(conn, &refusal);
        return;
    }
    if (result.status == 0) { /* nobody is there to be answered */
        proxy_entry_log_forward(conn, &result);
    }
    proxy_metrics_answer(metrics_of(conn), result.status);
    if (result.outcome != PROXY_FORWARD_DONE) {
        stream_abort(conn->client); /* a cut must not look like an end */
        proxy_conn_free(conn);
        return;
    }
    conn->closes = conn->closes || !result.client_may_continue;
    proxy_conn_finish(conn, result.client_must_linger);
}

/* Whether logins that clients send are a parent's business. Not where this proxy asks for any:
 * a browser sends the same one with every request, also where none was asked for. */
static bool passes_logins(const struct proxy_conn *conn)
{
    for (const struct proxy_policy_section *section = conn->conf->policy.sections;
         section != NULL; section = section->next) {
        if (section->users != NULL) {
            return false;
        }
    }
    return true;
}

static struct span unused_login(const struct proxy_conn *conn)
{
    const struct http1_field *field;

    if (!passes_logins(conn)) {
        return span_of(NULL, 0); /* it is meant for us */
    }
    field = http1_fields_find(conn->request->head.fields, SPAN("proxy-authorization"));
    return field == NULL ? span_of(NULL, 0) : field->value;
}

static void forward(struct proxy_conn *conn)
{
    struct proxy_conn_request *request = conn->request;
    /* A parent must not choose the server by a name that a diverted client gives: it is asked
     * for a tunnel to the address, and the server in there for the rest. */
    bool to_parent = request->parent != NULL && request->what.kind == PROXY_REQUEST_FORWARD &&
                     conn->divert == NULL;
    const struct proxy_forward_job job = {
        .env = &conn->worker->relay_env,
        .client = conn->client,
        .upstream = request->server,
        .head = &request->head,
        .target = &request->what.target,
        .body = request->what.body,
        .early = &conn->early,
        .via = proxy_service_forward_via(conn->snapshot),
        .limits = proxy_conf_limits(conn->conf),
        .to_parent = to_parent,
        .keeps_login = to_parent && request->parent->login.len == 0 && passes_logins(conn),
        .login = to_parent ? request->parent->login : span_of(NULL, 0),
        .is_upgrade = request->what.kind == PROXY_REQUEST_UPGRADE,
        .closes = conn->closes,
        .closes_upstream = proxy_divert_spoofs(conn),
        .response_timeout = conn->conf->timeout,
        .idle_timeout = conn->conf->timeout,
        .body_time = conn->conf->readtime.body,
        .adds_max_forwards = conn->conf->adds_max_forwards,
        .max_forwards = conn->conf->max_forwards,
        .done = on_forwarded,
        .ctx = conn,
    };
    enum err e;

    timer_cancel(&conn->timer); /* it has time-outs of its own */
    proxy_conn_move(conn, PROXY_CONN_EXCHANGING);
    e = proxy_forward_start(&job, &request->forward);
    if (e == ERR_LIMIT || e == ERR_PROTO) {
        struct proxy_refusal refusal;

        proxy_refusal_set(&refusal, 431, HTTP1_PROXY_STATUS_REQUEST_ERROR,
                          "the request cannot be sent on: its head is too long, or holds what "
                          "no head may");
        proxy_conn_refuse(conn, &refusal);
    } else if (e != OK) {
        proxy_exchange_limits_nomem(conn);
    }
}

/* ---- connecting ---- */

static void proceed(struct proxy_conn *conn)
{
    if (conn->request->what.kind == PROXY_REQUEST_TUNNEL && conn->divert != NULL) {
        conn->request->status = 200; /* for the log: the client hears from its server alone */
        proxy_tunnel_begin(conn, span_of(NULL, 0));
    } else if (conn->request->what.kind == PROXY_REQUEST_TUNNEL) {
        confirm(conn);
    } else {
        forward(conn);
    }
}

static void on_opened(void *ctx, int fd, const struct addr *remote)
{
    const struct proxy_conn *conn = ctx;
    /* With the client's address it cannot come back: what answers it goes to the client. And
     * a connection of the client's own may have the same two ends. */
    bool is_spoofed = proxy_divert_spoofs(conn) && conn->request->parent == NULL;

    if (conn->worker->loops != NULL && !is_spoofed) {
        proxy_loop_note(conn->worker->loops, fd, remote);
    }
}

static void on_connected(void *ctx, const struct proxy_connect_result *result)
{
    struct proxy_conn *conn = ctx;
    struct proxy_conn_request *request = conn->request;

    request->connect = NULL;
    request->upstream = result->addr;
    if (result->stream == NULL) {
        proxy_exchange_dest_refuse(conn, result);
        return;
    }
    metric_observe(metrics_of(conn), PROXY_METRICS_DIAL_MS,
                   proxy_conn_now(conn) - request->began);
    request->server = result->stream;
    proceed(conn);
}

static void connect_upstream(struct proxy_conn *conn, bool may_reuse)
{
    struct proxy_conn_request *request = conn->request;
    const struct proxy_connect_env env = {
        .loop = conn->worker->worker->loop,
        .resolver = conn->worker->worker->resolver,
        .parent_tls = conn->conf->parent_tls,
    };
    const struct proxy_connect_request wanted = {
        .host = dialled_host(conn),
        .port = request->what.port,
        .source = proxy_divert_spoofs(conn) ? &conn->peer : NULL,
        .parent = request->parent,
        .is_tunnel = request->what.kind != PROXY_REQUEST_FORWARD || conn->divert != NULL,
        .keeps_login = passes_logins(conn) && conn->divert == NULL,
        .client_login = unused_login(conn),
        .timeout = conn->conf->connect_timeout,
        .filter = proxy_exchange_dest_may,
        .parent_filter = proxy_exchange_dest_may_parent,
        .opened = on_opened,
        .done = on_connected,
        .ctx = conn,
    };
    struct addr literal;

    if (may_reuse && may_pool(conn) && !proxy_connect_forbids(&wanted, &literal)) {
        const struct proxy_pool_key key = pool_key(conn);

        request->server = proxy_pool_take(
            &conn->worker->upstreams, &key,
            request->parent == NULL ? proxy_exchange_dest_may : proxy_exchange_dest_may_parent,
            conn);
    }
    if (request->server != NULL) {
        request->was_pooled = true;
        if (sock_peer_addr(stream_fd(request->server), &request->upstream) != OK) {
            request->upstream = (struct addr){0};
        }
        forward(conn);
        return;
    }
    timer_cancel(&conn->timer); /* the attempt has a time-out of its own */
    if (conn->state != PROXY_CONN_CONNECTING) {
        proxy_conn_move(conn, PROXY_CONN_CONNECTING);
    }
    if (proxy_connect_start(&env, &wanted, &request->connect) != OK) {
        proxy_exchange_limits_nomem(conn);
    }
}

/* ---- the route ---- */

static struct proxy_route_request route_request(const struct proxy_conn *conn)
{
    const struct proxy_request *what = &conn->request->what;

    return (struct proxy_route_request){
        .is_tunnel = what->kind == PROXY_REQUEST_TUNNEL,
        .is_get = span_equals(conn->request->head.method, "GET"),
        .scheme = what->target.scheme,
        .host = what->target.authority.host,
        .port = what->port,
        .path = http1_target_path_query(&what->target),
    };
}

static void redirect(struct proxy_conn *conn)
{
    const struct proxy_route_request request = route_request(conn);
    struct http1_field field = {.name = SPAN("Location")};
    struct proxy_refusal refusal;
    struct buf location;

    buf_init(&location, conn->conf->line_bytes + 512);
    if (proxy_route_write_location(&conn->conf->route, &request, &location) != OK) {
        buf_fini(&location);
        proxy_exchange_limits_nomem(conn);
        return;
    }
    field.value = buf_span(&location);
    proxy_refusal_set(&refusal, 301, HTTP1_PROXY_STATUS_REQUEST_DENIED,
                      "%.*s has no domain; this proxy's clients mean %.*s (ProxyDomain)",
                      SPAN_ARG(request.host), SPAN_ARG(buf_span(&location)));
    proxy_conn_refuse_with(conn, &refusal, (struct http1_fields){&field, 1});
    buf_fini(&location);
}

static void go(struct proxy_conn *conn, const struct proxy_route *route)
{
    conn->request->parent = route->way == PROXY_ROUTE_PARENT ? route->parent : NULL;
    switch (route->way) {
    case PROXY_ROUTE_DIRECT:
    case PROXY_ROUTE_PARENT: connect_upstream(conn, true); return;
    case PROXY_ROUTE_BLOCKED: proxy_exchange_dest_block(conn, route->line); return;
    case PROXY_ROUTE_REDIRECT: redirect(conn); return;
    }
}

/* A diverted connection goes where it was going: nothing is to be looked up. */
static enum err find_route(struct proxy_conn *conn, const struct proxy_route_request *wanted,
                           struct proxy_route *ret_route)
{
    bool is_certain = conn->request->is_verified || !proxy_divert_has_claim(conn);

    return proxy_route_find_diverted(&conn->conf->route, wanted, &conn->divert->origin,
                                     is_certain, ret_route);
}

static void on_route(void *ctx, enum err e, const struct proxy_route *route)
{
    struct proxy_conn *conn = ctx;

    conn->request->ask = NULL;
    if (e != OK) {
        proxy_exchange_limits_nomem(conn);
        return;
    }
    go(conn, route);
}

void proxy_exchange_begin(struct proxy_conn *conn)
{
    struct proxy_conn_request *request = conn->request;
    const struct proxy_route_request wanted = route_request(conn);
    struct proxy_refusal refusal;
    struct proxy_route route;
    enum err e;

    if (request->what.kind == PROXY_REQUEST_ANSWER) {
        proxy_exchange_own_answer(conn);
        return;
    }
    metric_add(metrics_of(conn),
               request->what.kind == PROXY_REQUEST_TUNNEL    ? PROXY_METRICS_REQUESTS_CONNECT
               : request->what.kind == PROXY_REQUEST_UPGRADE ? PROXY_METRICS_REQUESTS_UPGRADE
                                                             : PROXY_METRICS_REQUESTS_FORWARD,
               1);
    if (request->what.kind == PROXY_REQUEST_TUNNEL &&
        !proxy_request_port_is_allowed(conn->conf, request->what.port, &refusal)) {
        metric_add(metrics_of(conn), PROXY_METRICS_REFUSED_PORT, 1);
        proxy_conn_refuse(conn, &refusal);
        return;
    }
    if (daemon_is_over_memory(conn->worker->worker->daemon)) {
        proxy_exchange_limits_refuse(
            conn, PROXY_METRICS_REFUSED_MEMORY,
            "this proxy uses as much memory as it may (MemoryMax); try again later");
        return;
    }
    if (request->what.kind != PROXY_REQUEST_FORWARD && !proxy_exchange_limits_take(conn)) {
        return;
    }
    e = conn->divert != NULL
            ? find_route(conn, &wanted, &route)
            : proxy_route_ask(&conn->conf->route, conn->worker->worker->resolver, &wanted,
                              on_route, conn, &route, &request->ask);
    if (e == OK) {
        go(conn, &route);
    } else if (e == ERR_AGAIN) {
        timer_cancel(&conn->timer);
        proxy_conn_move(conn, PROXY_CONN_CONNECTING);
    } else {
        proxy_exchange_limits_nomem(conn);
    }
}
