/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_conn.h"

#include "base/state.h"
#include "base/text.h"
#include "daemon/daemon_clock.h"
#include "http1/http1_write.h"
#include "io/sock.h"
#include "io/timer.h"
#include "net/dial.h"
#include "net/stream_tcp.h"
#include "proxy/proxy_accesslog.h"
#include "proxy/proxy_clientname.h"
#include "proxy/proxy_dest.h"
#include "proxy/proxy_request.h"
#include "proxy/proxy_worker.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ANSWER_BYTES_MAX = 8 * 1024,
    REQUEST_TEXT_BYTES = 320,       /* of the request line, for the log */
    LINGER_MS = 2000,               /* for a refused client to stop talking */
    STATUS_CLIENT_LEFT = 499,       /* for the log alone: it left before there was an answer */
    LINGER_BYTES_MAX = 1024 * 1024, /* what it may still say */
};

enum conn_state {
    CONN_READING,    /* the request head */
    CONN_NAMING,     /* looking up who the client is */
    CONN_DIALLING,   /* on the way to the destination; the client's bytes wait unread */
    CONN_CONFIRMING, /* writing the 200 */
    CONN_RELAYING,
    CONN_ANSWERING, /* writing a refusal */
    CONN_LINGERING, /* letting the client read it: a close too early would be a reset */
    CONN_STATES,
};

/* clang-format off */
#define TO(name) STATE_BIT(CONN_##name)
static const struct state_rule conn_rules[CONN_STATES] = {
    [CONN_READING]    = {"reading",    TO(NAMING) | TO(DIALLING) | TO(ANSWERING)},
    [CONN_NAMING]     = {"naming",     TO(DIALLING) | TO(ANSWERING)},
    [CONN_DIALLING]   = {"dialling",   TO(CONFIRMING) | TO(ANSWERING)},
    [CONN_CONFIRMING] = {"confirming", TO(RELAYING)},
    [CONN_RELAYING]   = {"relaying",   0},
    [CONN_ANSWERING]  = {"answering",  TO(LINGERING)},
    [CONN_LINGERING]  = {"lingering",  0},
};
#undef TO
/* clang-format on */

/* What is needed only until bytes flow; a tunnel at work does without it. */
struct opening {
    struct http1_head head;
    struct http1_authority target; /* borrowed from the head */
    struct buf early;              /* what the client sent right behind the CONNECT */
    struct buf answer;
    struct proxy_clientname *lookup;
    struct dial *dial;
    enum proxy_dest_verdict dest_verdict; /* of the last address that was refused */
    struct addr self;                     /* one that led back to the proxy; zeroed: none did */
    char why[PROXY_REFUSAL_TEXT_BYTES];   /* for the log; empty: no refusal */
    size_t lingered;                      /* bytes read and thrown away */
};

struct proxy_conn {
    struct list node; /* in worker->conns */
    struct proxy_worker *worker;
    struct opening *opening; /* owned; NULL while relaying */
    struct stream *client;   /* owned */
    struct stream *server;   /* owned; NULL before DIALLING has succeeded */
    struct relay relay;      /* from CONFIRMING on */
    struct timer timer;
    struct addr peer;
    char *request; /* owned; the request line, printable; NULL before it was read */
    msec began;
    uint16_t status; /* of our answer; 0: none yet */
    enum conn_state state;
    bool is_logged;
    bool holds_tunnel; /* counts in shared->tunnels */
};

static void conn_move(struct proxy_conn *conn, enum conn_state next)
{
    assert(state_may_move(conn_rules, conn->state, next));
    log_trace(conn->worker->worker->log, "client %d %s -> %s", stream_fd(conn->client),
              conn_rules[conn->state].name, conn_rules[next].name);
    conn->state = next;
}

/* ---- the end ---- */

static void conn_log(struct proxy_conn *conn, enum proxy_accesslog_closer closer,
                     struct span why)
{
    const bool has_relayed = conn->state == CONN_RELAYING;
    const struct proxy_accesslog_entry entry = {
        .client = conn->peer,
        .request = span_str(conn->request == NULL ? "-" : conn->request),
        .status = conn->status,
        .up_bytes = has_relayed ? relay_moved(&conn->relay, RELAY_CLIENT) : 0,
        .down_bytes = has_relayed ? relay_moved(&conn->relay, RELAY_SERVER) : 0,
        .duration_ms = loop_now(conn->worker->worker->loop) - conn->began,
        .closer = closer,
        .why = why,
    };

    if (!conn->is_logged && conn->status != 0) {
        proxy_accesslog_write(&entry);
    }
    conn->is_logged = true;
}

static void opening_free(struct opening *opening)
{
    if (opening == NULL) {
        return;
    }
    dial_cancel(opening->dial);
    proxy_clientname_cancel(opening->lookup);
    http1_head_fini(&opening->head);
    buf_fini(&opening->early);
    buf_fini(&opening->answer);
    free(opening);
}

/* The connection is gone after this. */
static void conn_free(struct proxy_conn *conn)
{
    struct proxy_worker *worker = conn->worker;

    if (conn->state == CONN_RELAYING || conn->state == CONN_CONFIRMING) {
        relay_fini(&conn->relay);
    }
    opening_free(conn->opening);
    timer_cancel(&conn->timer);
    stream_free(conn->server);
    stream_free(conn->client);
    if (conn->holds_tunnel) {
        atomic_fetch_sub_explicit(&worker->shared->tunnels, 1, memory_order_relaxed);
    }
    list_remove(&conn->node);
    worker->conn_count--;
    free(conn->request);
    free(conn);
}

static void conn_end(struct proxy_conn *conn, enum proxy_accesslog_closer closer,
                     struct span why)
{
    conn_log(conn, closer, why);
    conn_free(conn);
}

/* ---- refusing ---- */

/* For a client that does not read what we write. */
static enum err set_write_timer(struct proxy_conn *conn)
{
    return timer_set(&conn->timer, loop_now(conn->worker->worker->loop) +
                                       conn->worker->conf->handshake_timeout);
}

/* True when all has been written; false: wait, or the connection is gone and *ret_gone. */
static bool flush_answer(struct proxy_conn *conn, bool *ret_gone)
{
    struct buf *answer = &conn->opening->answer;

    *ret_gone = false;
    while (answer->len > 0) {
        size_t len;
        enum err e = stream_write(conn->client, buf_span(answer), &len);

        if (e == ERR_AGAIN) {
            return false;
        }
        if (e != OK) {
            *ret_gone = true;
            conn_end(conn, PROXY_ACCESSLOG_CLIENT, span_str(conn->opening->why));
            return false;
        }
        buf_consume(answer, len);
    }
    return true;
}

static void linger(struct proxy_conn *conn)
{
    struct mspan room = conn->worker->relay_env.scratch;
    size_t len = 1;

    while (len > 0 && conn->opening->lingered < LINGER_BYTES_MAX) {
        enum err e = stream_read(conn->client, room, &len);

        if (e == ERR_AGAIN) {
            return;
        }
        if (e != OK) {
            break;
        }
        conn->opening->lingered += len;
    }
    conn_free(conn);
}

static void answer(struct proxy_conn *conn)
{
    bool gone;

    if (!flush_answer(conn, &gone)) {
        return;
    }
    conn_log(conn, PROXY_ACCESSLOG_PROXY, span_str(conn->opening->why));
    if (stream_shutdown(conn->client) != OK ||
        timer_set(&conn->timer, loop_now(conn->worker->worker->loop) + LINGER_MS) != OK) {
        conn_free(conn);
        return;
    }
    conn_move(conn, CONN_LINGERING);
    linger(conn);
}

static void refuse(struct proxy_conn *conn, const struct proxy_refusal *refusal)
{
    struct opening *opening = conn->opening;
    char stamp[DAEMON_CLOCK_BYTES];

    conn->status = refusal->status;
    text_printable(span_str(refusal->text), opening->why, sizeof opening->why);
    if (proxy_refusal_write(
            refusal, span_str(conn->worker->shared->via_on), span_str(daemon_clock_http(stamp)),
            span_equals(opening->head.method, "HEAD"), &opening->answer) != OK) {
        conn_end(conn, PROXY_ACCESSLOG_PROXY, span_str(opening->why));
        return;
    }
    conn_move(conn, CONN_ANSWERING);
    answer(conn);
}

/* ---- relaying ---- */

static void rearm_idle(struct proxy_conn *conn)
{
    /* Set already: moving a timer cannot fail. */
    if (timer_set(&conn->timer, conn->relay.moved_at + conn->worker->conf->idle_timeout) !=
        OK) {
        conn_end(conn, PROXY_ACCESSLOG_PROXY, SPAN("out of memory"));
    }
}

static void on_relay_ended(void *ctx, enum relay_end end)
{
    struct proxy_conn *conn = ctx;
    enum proxy_accesslog_closer closer = PROXY_ACCESSLOG_PROXY;
    struct span why = {NULL, 0};

    if (end == RELAY_NO_ROOM) {
        why = SPAN("no buffer left, see RelayBuffersMax");
    } else {
        enum relay_side side = end == RELAY_BROKEN ? conn->relay.broken : conn->relay.closer;

        closer = side == RELAY_CLIENT ? PROXY_ACCESSLOG_CLIENT : PROXY_ACCESSLOG_SERVER;
    }
    if (end != RELAY_FINISHED) {
        /* A cut must not look like an end. */
        stream_abort(conn->client);
        stream_abort(conn->server);
        /* Who has said all it had to say and then does not take our answer just left. */
        if (end == RELAY_BROKEN && !conn->relay.lanes[conn->relay.broken].ended) {
            why = SPAN("connection reset");
        }
    }
    conn_end(conn, closer, why);
}

static void start_relay(struct proxy_conn *conn)
{
    opening_free(conn->opening);
    conn->opening = NULL;
    conn_move(conn, CONN_RELAYING);
    conn->relay.moved_at = loop_now(conn->worker->worker->loop);
    relay_start(&conn->relay);
    rearm_idle(conn);
}

static void confirm(struct proxy_conn *conn)
{
    bool gone;

    if (flush_answer(conn, &gone)) {
        start_relay(conn);
    }
}

static enum err write_confirmation(const struct proxy_conn *conn, struct buf *out)
{
    struct span via = span_str(conn->worker->shared->via_on);

    /* RFC 9110 9.3.6: neither Content-Length nor Transfer-Encoding in a 2xx to CONNECT. */
    TRY(http1_write_status_line(out, 200, SPAN("Connection established")));
    if (via.len > 0) {
        TRY(http1_write_field(out, SPAN("Via"), via));
    }
    return http1_write_end(out);
}

/* ---- dialling ---- */

static void refuse_destination(struct proxy_conn *conn, const struct addr *addr,
                               enum proxy_dest_verdict verdict)
{
    struct proxy_refusal refusal;
    char text[ADDR_TEXT_BYTES];

    proxy_refusal_set(&refusal, 403, HTTP1_PROXY_STATUS_DESTINATION_IP_PROHIBITED,
                      "%s, the address of %.*s, %s", addr_text(addr, text),
                      SPAN_ARG(conn->opening->target.host), proxy_dest_text(verdict));
    refuse(conn, &refusal);
}

static void refuse_dial(struct proxy_conn *conn, const struct dial_result *result)
{
    const struct http1_authority *target = &conn->opening->target;
    struct proxy_refusal refusal;
    char text[ADDR_TEXT_BYTES];

    /* A name may lead to the proxy itself in IPv4 and to a closed port in IPv6: what matters is
     * the first. */
    if (conn->opening->self.sa.any.sa_family != AF_UNSPEC) {
        refuse_destination(conn, &conn->opening->self, PROXY_DEST_SELF);
        return;
    }
    switch (result->outcome) {
    case DIAL_CONNECTED: return;
    case DIAL_NO_NAME:
        proxy_refusal_set(&refusal, 502, HTTP1_PROXY_STATUS_DNS_ERROR,
                          "the name %.*s does not exist, as far as this proxy can tell",
                          SPAN_ARG(target->host));
        break;
    case DIAL_DNS_FAILED:
        proxy_refusal_set(&refusal, 502, HTTP1_PROXY_STATUS_DNS_ERROR,
                          "the name %.*s could not be looked up: this proxy's name servers did "
                          "not answer",
                          SPAN_ARG(target->host));
        break;
    case DIAL_FORBIDDEN:
        refuse_destination(conn, &result->addr, conn->opening->dest_verdict);
        return;
    case DIAL_REFUSED:
        proxy_refusal_set(
            &refusal, 502, HTTP1_PROXY_STATUS_CONNECTION_REFUSED,
            "no connection to %.*s: %s said \"%s\" (is a server listening on port "
            "%u?)",
            SPAN_ARG(target->host), addr_text(&result->addr, text), strerror(result->error),
            target->port);
        break;
    case DIAL_TIMEOUT:
        proxy_refusal_set(&refusal, 504, HTTP1_PROXY_STATUS_CONNECTION_TIMEOUT,
                          "no connection to %.*s port %u within %llu ms (ProxyTimeout)",
                          SPAN_ARG(target->host), target->port,
                          (unsigned long long)conn->worker->conf->connect_timeout);
        break;
    case DIAL_NOMEM:
        proxy_refusal_set(&refusal, 503, HTTP1_PROXY_STATUS_CONNECTION_LIMIT_REACHED,
                          "this proxy is out of memory or file descriptors; try again later");
        break;
    }
    refuse(conn, &refusal);
}

static void on_dialled(void *ctx, const struct dial_result *result)
{
    struct proxy_conn *conn = ctx;
    struct opening *opening = conn->opening;
    int fd = result->fd;

    opening->dial = NULL;
    if (result->outcome != DIAL_CONNECTED) {
        refuse_dial(conn, result);
        return;
    }
    sock_tune(fd);
    if (stream_tcp_new(&conn->server, conn->worker->worker->loop, &fd) != OK) {
        const struct dial_result no_room = {.outcome = DIAL_NOMEM};

        sock_close(&fd);
        refuse_dial(conn, &no_room);
        return;
    }
    conn->status = 200;
    conn_move(conn, CONN_CONFIRMING);
    relay_init(&conn->relay, &conn->worker->relay_env, conn->client, conn->server,
               on_relay_ended, conn);
    if (set_write_timer(conn) != OK || write_confirmation(conn, &opening->answer) != OK ||
        relay_preload(&conn->relay, RELAY_CLIENT, buf_span(&opening->early)) != OK) {
        conn_end(conn, PROXY_ACCESSLOG_PROXY, SPAN("no buffer left, see RelayBuffersMax"));
        return;
    }
    confirm(conn);
}

static bool may_dial(void *ctx, const struct addr *dest)
{
    struct proxy_conn *conn = ctx;
    enum proxy_dest_verdict verdict;
    struct addr local;

    if (sock_local_addr(stream_fd(conn->client), &local) != OK) {
        return false;
    }
    local = addr_unmapped(&local);
    verdict = proxy_dest_judge(conn->worker->conf, &conn->peer, &local, dest);
    if (verdict != PROXY_DEST_FINE) {
        conn->opening->dest_verdict = verdict;
    }
    if (verdict == PROXY_DEST_SELF) {
        conn->opening->self = *dest;
    }
    return verdict == PROXY_DEST_FINE;
}

static bool take_tunnel(struct proxy_conn *conn)
{
    atomic_uint_least64_t *tunnels = &conn->worker->shared->tunnels;

    if (atomic_fetch_add_explicit(tunnels, 1, memory_order_relaxed) >=
        conn->worker->conf->tunnels_max) {
        atomic_fetch_sub_explicit(tunnels, 1, memory_order_relaxed);
        return false;
    }
    conn->holds_tunnel = true;
    return true;
}

static void dial(struct proxy_conn *conn)
{
    const struct dial_request request = {
        .host = conn->opening->target.host,
        .port = conn->opening->target.port,
        .timeout = conn->worker->conf->connect_timeout,
        .filter = may_dial,
        .done = on_dialled,
        .ctx = conn,
    };
    struct proxy_refusal refusal;

    if (!proxy_request_port_is_allowed(conn->worker->conf, request.port, &refusal)) {
        refuse(conn, &refusal);
        return;
    }
    if (!take_tunnel(conn)) {
        proxy_refusal_set(&refusal, 503, HTTP1_PROXY_STATUS_CONNECTION_LIMIT_REACHED,
                          "this proxy is full: it holds %llu tunnels (MaxTunnels); try again "
                          "later",
                          (unsigned long long)conn->worker->conf->tunnels_max);
        refuse(conn, &refusal);
        return;
    }
    if (dial_start(conn->worker->worker->loop, conn->worker->worker->resolver, &request,
                   &conn->opening->dial) != OK) {
        const struct dial_result no_room = {.outcome = DIAL_NOMEM};

        refuse_dial(conn, &no_room);
        return;
    }
    timer_cancel(&conn->timer); /* the dial has a time-out of its own */
    conn_move(conn, CONN_DIALLING);
}

/* ---- who is it? ---- */

static void judge_client(struct proxy_conn *conn, struct span name)
{
    struct proxy_policy_client client = {.addr = conn->peer, .name = name};
    struct proxy_refusal refusal;
    char text[ADDR_TEXT_BYTES];
    unsigned line = 0;

    if (sock_local_addr(stream_fd(conn->client), &client.local) == OK) {
        client.local = addr_unmapped(&client.local);
        if (proxy_policy_admits(&conn->worker->conf->policy, &client, &line)) {
            dial(conn);
            return;
        }
    }
    log_info(conn->worker->worker->log,
             "client %s%s%.*s%s is refused by the rules of <Proxy *>, line %u",
             addr_host_text(&conn->peer, text), name.len > 0 ? " (" : "", SPAN_ARG(name),
             name.len > 0 ? ")" : "", line);
    proxy_refusal_set(&refusal, 403, HTTP1_PROXY_STATUS_REQUEST_DENIED,
                      "clients at %s may not use this proxy (ask its administrator for an "
                      "Allow or Require line)",
                      addr_host_text(&conn->peer, text));
    refuse(conn, &refusal);
}

static void on_name(void *ctx, struct span name)
{
    struct proxy_conn *conn = ctx;

    conn->opening->lookup = NULL;
    judge_client(conn, name);
}

static void on_tunnel_asked(struct proxy_conn *conn)
{
    if (!proxy_policy_needs_name(&conn->worker->conf->policy)) {
        judge_client(conn, SPAN(""));
        return;
    }
    timer_cancel(&conn->timer); /* lookups end by themselves */
    if (proxy_clientname_ask(conn->worker->worker->resolver, &conn->peer, on_name, conn,
                             &conn->opening->lookup) != OK) {
        judge_client(conn, SPAN(""));
        return;
    }
    conn_move(conn, CONN_NAMING);
}

/* ---- reading the request ---- */

static void keep_request_line(struct proxy_conn *conn)
{
    const struct http1_head *head = &conn->opening->head;
    char text[REQUEST_TEXT_BYTES];
    char line[REQUEST_TEXT_BYTES];
    int len = snprintf(
        line, sizeof line, "%.*s %.*s HTTP/1.%u", SPAN_ARG(span_head(head->method, 32)),
        SPAN_ARG(span_head(head->target, sizeof line - 64)), head->version_minor);

    text_printable(span_of(line, (size_t)len), text, sizeof text);
    conn->request = strdup(text); /* without it the log shows "-" */
}

static void on_head(struct proxy_conn *conn)
{
    struct proxy_refusal refusal;

    keep_request_line(conn);
    if (proxy_request_read(&conn->opening->head, conn->worker->conf, &conn->opening->target,
                           &refusal) == OK) {
        on_tunnel_asked(conn);
    } else {
        refuse(conn, &refusal);
    }
}

static void on_wrong_head(struct proxy_conn *conn, enum err e)
{
    struct proxy_refusal refusal;

    if (e == ERR_NOMEM) {
        conn_free(conn);
        return;
    }
    proxy_request_refuse_fault(http1_head_fault(&conn->opening->head), &refusal);
    refuse(conn, &refusal);
}

static void read_head(struct proxy_conn *conn)
{
    struct opening *opening = conn->opening;
    struct mspan room = conn->worker->relay_env.scratch;
    struct span input;
    size_t len;
    enum err e;

    for (;;) {
        e = stream_read(conn->client, room, &len);
        if (e == ERR_AGAIN) {
            return;
        }
        if (e != OK || len == 0) {
            conn_free(conn); /* came and went without a request */
            return;
        }
        input = span_of(room.ptr, len);
        e = http1_head_next(&opening->head, &input);
        if (e != ERR_AGAIN) {
            break;
        }
    }
    if (e != OK) {
        on_wrong_head(conn, e);
    } else if (buf_append(&opening->early, input) != OK) {
        conn_free(conn);
    } else {
        on_head(conn);
    }
}

/* ---- the loop's calls ---- */

/* While we are busy for it the client's bytes wait unread, its end among them: it may have sent
 * all it has to say. But a connection that is broken needs no answer. */
static void leave_if_broken(struct proxy_conn *conn)
{
    if (stream_is_broken(conn->client)) {
        conn->status = STATUS_CLIENT_LEFT;
        conn_end(conn, PROXY_ACCESSLOG_CLIENT, SPAN("the client reset the connection"));
    }
}

static void on_ready(void *ctx)
{
    struct proxy_conn *conn = ctx;

    switch (conn->state) {
    case CONN_READING: read_head(conn); return;
    case CONN_CONFIRMING: confirm(conn); return;
    case CONN_ANSWERING: answer(conn); return;
    case CONN_LINGERING: linger(conn); return;
    case CONN_NAMING:
    case CONN_DIALLING: leave_if_broken(conn); return;
    case CONN_RELAYING: /* the relay has its own */
    case CONN_STATES: return;
    }
}

static void on_timer(void *ctx)
{
    struct proxy_conn *conn = ctx;
    struct proxy_refusal refusal;

    switch (conn->state) {
    case CONN_READING:
        if (conn->opening->head.bytes.len == 0) {
            conn_free(conn); /* never said a word: nothing to answer */
            return;
        }
        proxy_refusal_set(&refusal, 408, HTTP1_PROXY_STATUS_REQUEST_ERROR,
                          "the request was not complete within %llu ms (HandshakeTimeout)",
                          (unsigned long long)conn->worker->conf->handshake_timeout);
        refuse(conn, &refusal);
        return;
    case CONN_RELAYING:
        if (loop_now(conn->worker->worker->loop) <
            conn->relay.moved_at + conn->worker->conf->idle_timeout) {
            rearm_idle(conn);
            return;
        }
        conn_end(conn, PROXY_ACCESSLOG_PROXY, SPAN("idle, see TunnelIdleTimeout"));
        return;
    case CONN_ANSWERING:
    case CONN_CONFIRMING:
        conn_end(conn, PROXY_ACCESSLOG_PROXY, SPAN("the client does not read"));
        return;
    case CONN_LINGERING: conn_free(conn); return;
    case CONN_NAMING:
    case CONN_DIALLING:
    case CONN_STATES: return;
    }
}

static struct proxy_conn *conn_new(struct proxy_worker *worker, int *take_fd,
                                   const struct addr *peer)
{
    struct proxy_conn *conn = calloc(1, sizeof *conn);
    const struct http1_limits limits = proxy_conf_limits(worker->conf);

    if (conn == NULL) {
        return NULL;
    }
    conn->opening = calloc(1, sizeof *conn->opening);
    if (conn->opening == NULL ||
        stream_tcp_new(&conn->client, worker->worker->loop, take_fd) != OK) {
        free(conn->opening);
        free(conn);
        return NULL;
    }
    http1_head_init(&conn->opening->head, HTTP1_REQUEST, &limits);
    buf_init(&conn->opening->early, PROXY_WORKER_ROOM_BYTES);
    buf_init(&conn->opening->answer, ANSWER_BYTES_MAX);
    conn->worker = worker;
    conn->peer = addr_unmapped(peer);
    conn->began = loop_now(worker->worker->loop);
    conn->state = CONN_READING;
    timer_init(&conn->timer, worker->worker->loop, on_timer, conn);
    list_append(&worker->conns, &conn->node);
    worker->conn_count++;
    return conn;
}

void proxy_conn_accept(struct proxy_worker *worker, int fd, const struct addr *peer)
{
    struct proxy_conn *conn = NULL;

    if (worker->conn_count < worker->conf->tunnels_max + PROXY_WORKER_WAITING_MAX) {
        sock_tune(fd);
        conn = conn_new(worker, &fd, peer);
    }
    if (conn == NULL) {
        log_warn(worker->worker->log, "a client is turned away: no room (see MaxTunnels)");
        sock_close(&fd);
        return;
    }
    stream_on_ready(conn->client, on_ready, conn);
    if (timer_set(&conn->timer, conn->began + worker->conf->handshake_timeout) != OK) {
        conn_free(conn);
        return;
    }
    read_head(conn);
}

void proxy_conn_close_all(struct proxy_worker *worker)
{
    while (!list_is_empty(&worker->conns)) {
        struct proxy_conn *conn = LIST_ENTRY(worker->conns.next, struct proxy_conn, node);

        conn_end(conn, PROXY_ACCESSLOG_PROXY, SPAN("the proxy was stopped"));
    }
}
