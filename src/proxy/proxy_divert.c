/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_divert.h"

#include "daemon/listen_set.h"
#include "io/sock.h"
#include "proxy/proxy_access.h"
#include "proxy/proxy_conn.h"
#include "proxy/proxy_loop.h"
#include "proxy/proxy_metrics.h"
#include "proxy/proxy_service.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    AUTHORITY_BYTES = TLS_HELLO_NAME_MAX + 16, /* with brackets, a colon and a port */

    ALERT_ACCESS_DENIED = 49, /* RFC 8446 6.2 */
    ALERT_DECODE_ERROR = 50,
    ALERT_INTERNAL_ERROR = 80,
    ALERT_UNRECOGNIZED_NAME = 112, /* RFC 6066 3 */
};

static void count(const struct proxy_conn *conn, enum proxy_metrics which)
{
    metric_add(conn->worker->worker->metrics, which, 1);
}

/* ---- where to ---- */

/* Whether the client has connected to this very port, and not to a server. With TPROXY its own
 * address is all that a socket tells. */
static bool is_door(const struct proxy_conn *conn, const struct addr *addr)
{
    const struct listen_set *doors = proxy_service_transparents(conn->snapshot);

    for (size_t i = 0; i < listen_set_count(doors); i++) {
        const struct addr *door = listen_set_addr(doors, i);

        if (addr_port(door) == addr_port(addr) &&
            (addr_is_any(door) ? sock_addr_is_own(addr) : addr_same_host(door, addr))) {
            return true;
        }
    }
    return false;
}

/* False: it was not diverted. */
static bool find_origin(const struct proxy_conn *conn, struct addr *ret_origin,
                        bool *ret_is_tproxy)
{
    int fd = stream_fd(conn->client);
    struct addr origin = conn->local;

    *ret_is_tproxy = sock_is_transparent(fd) && !is_door(conn, &conn->local);
    if (!*ret_is_tproxy &&
        (sock_original_dst(fd, &origin) != OK || addr_equal(&origin, &conn->local))) {
        return false;
    }
    *ret_origin = addr_unmapped(&origin);
    return true;
}

static struct proxy_divert *divert_new(const struct addr *origin, bool is_tproxy)
{
    struct proxy_divert *divert = calloc(1, sizeof *divert);

    if (divert == NULL) {
        return NULL;
    }
    divert->detect = calloc(1, sizeof *divert->detect);
    if (divert->detect == NULL) {
        free(divert);
        return NULL;
    }
    proxy_detect_init(divert->detect);
    divert->origin = *origin;
    divert->is_tproxy = is_tproxy;
    addr_host_text(origin, divert->host);
    return divert;
}

static void drop_detect(struct proxy_divert *divert)
{
    if (divert->detect != NULL) {
        proxy_detect_fini(divert->detect);
        free(divert->detect);
        divert->detect = NULL;
    }
}

void proxy_divert_free(struct proxy_divert *divert)
{
    if (divert != NULL) {
        drop_detect(divert);
        free(divert->text);
        free(divert);
    }
}

struct proxy_request_origin proxy_divert_origin(const struct proxy_divert *divert)
{
    return (struct proxy_request_origin){
        .host = span_str(divert->host),
        .port = addr_port(&divert->origin),
        .is_tunnel = divert->kind != PROXY_DETECT_HTTP,
    };
}

bool proxy_divert_has_claim(const struct proxy_conn *conn)
{
    struct addr literal;

    return conn->divert != NULL &&
           !(addr_parse(conn->request->what.target.authority.host, 0, &literal) &&
             addr_same_host(&literal, &conn->divert->origin));
}

bool proxy_divert_is_loop(const struct proxy_conn *conn)
{
    return conn->divert != NULL && conn->worker->loops != NULL &&
           proxy_loop_has(conn->worker->loops, &conn->peer, &conn->divert->origin);
}

bool proxy_divert_spoofs(const struct proxy_conn *conn)
{
    return conn->divert != NULL && conn->divert->is_tproxy &&
           conn->conf->divert.source == PROXY_DIVERT_CONF_CLIENT;
}

/* ---- refusals ---- */

static uint8_t alert_for(const struct proxy_divert *divert, const struct proxy_refusal *refusal)
{
    if (divert->alert != 0) {
        return divert->alert;
    }
    return refusal->status == 421   ? ALERT_UNRECOGNIZED_NAME
           : refusal->status >= 500 ? ALERT_INTERNAL_ERROR
           : refusal->status == 403 ? ALERT_ACCESS_DENIED
                                    : ALERT_DECODE_ERROR;
}

enum err proxy_divert_put_refusal(const struct proxy_divert *divert,
                                  const struct proxy_refusal *refusal, struct buf *out)
{
    /* RFC 8446 5.1 and 6: a record of type alert, version 3.3, two bytes: fatal, and why */
    const uint8_t alert[] = {0x15, 3, 3, 0, 2, 2, alert_for(divert, refusal)};

    return divert->kind == PROXY_DETECT_TLS ? buf_append(out, span_of(alert, sizeof alert))
                                            : OK;
}

void proxy_divert_explain(const struct proxy_conn *conn, struct proxy_refusal *refusal)
{
    char there[ADDR_TEXT_BYTES], here[ADDR_TEXT_BYTES];
    struct addr origin;

    if (conn->divert != NULL) {
        return; /* it was, and we know */
    }
    if (sock_original_dst(stream_fd(conn->client), &origin) == OK &&
        !addr_equal(&origin, &conn->local)) {
        proxy_refusal_set(
            refusal, refusal->status, HTTP1_PROXY_STATUS_CONFIGURATION_ERROR,
            "this connection was diverted on its way to %s, but %s is a Listen, for "
            "clients that know the proxy (write TransparentListen for that port)",
            addr_text(&origin, there), addr_text(&conn->local, here));
    } else if (conn->is_transparent) {
        proxy_refusal_set(
            refusal, refusal->status, refusal->error,
            "this connection came to the TransparentListen %s by itself: no rule of "
            "this host's firewall diverted it, so nobody knows which server it is "
            "for (wayleave config --nft prints such rules)",
            addr_text(&conn->local, here));
    }
}

/* ---- a tunnel ---- */

/* Name and protocols outlive the ClientHello. */
static enum err keep_hello(struct proxy_divert *divert, const struct tls_hello *hello)
{
    size_t bytes = hello->sni.len + hello->alpn.len;

    if (bytes == 0) {
        return OK;
    }
    divert->text = malloc(bytes);
    if (divert->text == NULL) {
        return ERR_NOMEM;
    }
    if (hello->sni.len > 0) {
        memcpy(divert->text, hello->sni.ptr, hello->sni.len);
    }
    if (hello->alpn.len > 0) {
        memcpy(divert->text + hello->sni.len, hello->alpn.ptr, hello->alpn.len);
    }
    divert->sni = span_of(divert->text, hello->sni.len);
    divert->alpn = span_of(divert->text + hello->sni.len, hello->alpn.len);
    return OK;
}

/* What a client that knows the proxy would have sent. */
static enum err make_head(const struct proxy_divert *divert, struct http1_head *head)
{
    static const struct http1_limits limits = {.line_bytes = 2 * AUTHORITY_BYTES,
                                               .field_bytes = 1,
                                               .field_count = 1,
                                               .head_bytes = 3 * AUTHORITY_BYTES};
    struct span host = divert->sni.len > 0 ? divert->sni : span_str(divert->host);
    bool is_v6 = span_find(host, ':') < host.len;
    char text[AUTHORITY_BYTES + 32];
    struct span input;
    int len =
        snprintf(text, sizeof text, "CONNECT %s%.*s%s:%u HTTP/1.1\r\n\r\n", is_v6 ? "[" : "",
                 SPAN_ARG(host), is_v6 ? "]" : "", addr_port(&divert->origin));

    assert(len > 0 && (size_t)len < sizeof text);
    input = span_of(text, (size_t)len);
    http1_head_init(head, HTTP1_REQUEST, &limits);
    return http1_head_next(head, &input);
}

/* False: the connection is gone. */
static bool make_request(struct proxy_conn *conn)
{
    if (proxy_conn_new_request(conn) != OK ||
        make_head(conn->divert, &conn->request->head) != OK) {
        proxy_conn_free(conn);
        return false;
    }
    conn->request->began = conn->divert->began;
    conn->request->is_read =
        conn->divert->kind != PROXY_DETECT_HTTP; /* else it was half a line */
    conn->request_count++;
    conn->closes = true;
    return true;
}

static void refuse(struct proxy_conn *conn, enum proxy_metrics which,
                   const struct proxy_refusal *refusal)
{
    count(conn, which);
    drop_detect(conn->divert);
    if (conn->request != NULL || make_request(conn)) {
        proxy_conn_refuse(conn, refusal);
    }
}

static void ask_for_tunnel(struct proxy_conn *conn)
{
    const struct proxy_request_origin origin = proxy_divert_origin(conn->divert);
    struct proxy_refusal refusal;

    if (!make_request(conn)) {
        return;
    }
    if (proxy_request_read_diverted(&conn->request->head, &origin, &conn->request->what,
                                    &refusal) != OK) {
        refuse(conn, PROXY_METRICS_REFUSED_REQUEST, &refusal);
        return;
    }
    conn->request->is_understood = true;
    proxy_access_begin(conn);
}

/* ---- what it is ---- */

static void on_other(struct proxy_conn *conn, const char *what)
{
    struct proxy_refusal refusal;

    conn->divert->kind = PROXY_DETECT_OTHER;
    drop_detect(conn->divert);
    count(conn, PROXY_METRICS_DIVERTED_OTHER);
    if (conn->conf->divert.other == PROXY_DIVERT_CONF_TUNNEL) {
        ask_for_tunnel(conn);
        return;
    }
    proxy_refusal_set(&refusal, 403, HTTP1_PROXY_STATUS_REQUEST_DENIED,
                      "%s, and only TLS and HTTP pass here (TransparentOther tunnel lets it "
                      "through)",
                      what);
    refuse(conn, PROXY_METRICS_DIVERTED_REFUSED_OTHER, &refusal);
}

static void on_kind(struct proxy_conn *conn)
{
    struct proxy_divert *divert = conn->divert;

    divert->kind = divert->detect->kind;
    if (divert->kind == PROXY_DETECT_OTHER) {
        on_other(conn, "the client speaks neither TLS nor HTTP");
        return;
    }
    if (divert->kind == PROXY_DETECT_TLS && keep_hello(divert, &divert->detect->hello) != OK) {
        proxy_conn_free(conn);
        return;
    }
    drop_detect(divert);
    if (divert->kind == PROXY_DETECT_TLS) {
        count(conn, PROXY_METRICS_DIVERTED_TLS);
        ask_for_tunnel(conn);
    } else {
        count(conn, PROXY_METRICS_DIVERTED_HTTP);
        proxy_conn_begin(conn);
    }
}

static void on_wrong_hello(struct proxy_conn *conn, enum err e)
{
    enum tls_hello_fault fault = tls_hello_fault(&conn->divert->detect->hello);
    struct proxy_refusal refusal;

    if (e == ERR_NOMEM) {
        proxy_conn_free(conn);
        return;
    }
    conn->divert->kind = PROXY_DETECT_TLS;
    conn->divert->alert = tls_hello_fault_alert(fault);
    proxy_refusal_set(&refusal, 400, HTTP1_PROXY_STATUS_REQUEST_ERROR,
                      "the TLS handshake cannot be understood: the client %s",
                      fault == TLS_HELLO_FAULT_NONE ? "sent its ClientHello in too many records"
                                                    : tls_hello_fault_text(fault));
    refuse(conn, PROXY_METRICS_DIVERTED_REFUSED_MALFORMED, &refusal);
}

void proxy_divert_read(struct proxy_conn *conn)
{
    struct mspan room = conn->worker->relay_env.scratch;
    enum err e = ERR_AGAIN;

    while (e == ERR_AGAIN) {
        size_t left = conn->early.max - conn->early.len; /* a relay can begin with so much */
        size_t len;

        if (left == 0) {
            e = ERR_LIMIT;
            break;
        }
        e = stream_read(conn->client, mspan_of(room.ptr, left < room.len ? left : room.len),
                        &len);
        if (e == ERR_AGAIN) {
            return;
        }
        if (e != OK || len == 0 || buf_append(&conn->early, span_of(room.ptr, len)) != OK) {
            proxy_conn_free(conn); /* came and went, and said nothing whole */
            return;
        }
        e = proxy_detect_next(conn->divert->detect, span_of(room.ptr, len));
    }
    if (e == OK) {
        on_kind(conn);
    } else {
        on_wrong_hello(conn, e);
    }
}

void proxy_divert_on_timer(struct proxy_conn *conn)
{
    struct proxy_refusal refusal;

    if (conn->early.len == 0) {
        on_other(conn, "the client waits for its server to speak first");
        return;
    }
    conn->divert->kind = conn->divert->detect->kind;
    proxy_refusal_set(
        &refusal, 408, HTTP1_PROXY_STATUS_REQUEST_ERROR,
        "the client has sent %zu bytes, too few to tell what it speaks, within %llu ms "
        "(TransparentDetectTimeout)",
        conn->early.len, (unsigned long long)conn->conf->divert.detect_timeout);
    refuse(conn, PROXY_METRICS_DIVERTED_REFUSED_LATE, &refusal);
}

/* ---- the beginning ---- */

/* What rules and proxy_dest take for the address that the client has reached us at. */
static void note_local(struct proxy_conn *conn)
{
    uint16_t port = addr_port(&conn->local);

    if (conn->divert->is_tproxy) { /* it is the server's, and nothing tells ours */
        conn->local = (struct addr){0};
    } else if (addr_is_loopback(&conn->local) && sock_addr_is_own(&conn->peer)) {
        /* A program of this host, which the kernel redirects to loopback while it goes on by
         * the address that it had: Require local is for it. */
        conn->local = conn->peer;
        addr_set_port(&conn->local, port);
    }
}

void proxy_divert_begin(struct proxy_conn *conn)
{
    const struct proxy_divert_conf *conf = &conn->conf->divert;
    struct addr origin;
    bool is_tproxy;

    if (!find_origin(conn, &origin, &is_tproxy)) {
        count(conn, PROXY_METRICS_DIVERTED_DIRECT);
        proxy_conn_begin(conn);
        return;
    }
    conn->divert = divert_new(&origin, is_tproxy);
    if (conn->divert == NULL ||
        timer_set(&conn->timer, proxy_conn_now(conn) + conf->detect_timeout) != OK) {
        proxy_conn_free(conn);
        return;
    }
    conn->divert->began = proxy_conn_now(conn);
    note_local(conn);
    proxy_conn_move(conn, PROXY_CONN_DETECTING);
    if (conf_ports_has(&conf->server_first, addr_port(&origin))) {
        on_other(conn, "on this port servers speak first (TransparentServerFirst)");
    } else {
        proxy_divert_read(conn);
    }
}
