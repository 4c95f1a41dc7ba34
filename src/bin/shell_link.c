/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "bin/shell_link.h"

#include "base/state.h"
#include "http1/http1_head.h"
#include "io/sock.h"
#include "net/dial.h"
#include "net/stream_connect.h"
#include "net/stream_tcp.h"
#include "net/stream_tls.h"
#include "ws/ws_handshake.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ROOM_BYTES = 32 * 1024,
    REQUEST_BYTES_MAX = 16384,
    AGENT_BYTES = 64,
};

enum link_state {
    LINK_DIALLING,
    LINK_SHAKING,   /* proxy and TLS */
    LINK_UPGRADING, /* WebSocket */
    LINK_OPEN,
    LINK_OVER, /* nobody is told anything any more */
    LINK_STATES,
};

/* clang-format off */
#define TO(name) STATE_BIT(LINK_##name)
static const struct state_rule link_rules[LINK_STATES] = {
    [LINK_DIALLING]  = {"dialling",  TO(SHAKING)   | TO(OVER)},
    [LINK_SHAKING]   = {"shaking",   TO(UPGRADING) | TO(OVER)},
    [LINK_UPGRADING] = {"upgrading", TO(OPEN)      | TO(OVER)},
    [LINK_OPEN]      = {"open",      TO(OVER)},
    [LINK_OVER]      = {"over",      0},
};
#undef TO
/* clang-format on */

struct shell_link {
    const struct shell_options *options; /* borrowed, as are the next four */
    const struct shell_link_user *user;
    void *ctx;
    struct loop *loop;
    struct rng *rng;
    struct resolver *resolver;
    struct tls_ctx *tls;
    struct dial *dial;
    struct stream *stream;
    enum link_state state;
    struct buf request;
    struct http1_head head;
    struct ws_handshake_answer handshake;
    uint8_t room[ROOM_BYTES];
};

static void link_move(struct shell_link *link, enum link_state next)
{
    assert(state_may_move(link_rules, link->state, next));
    link->state = next;
}

const char *shell_link_state_name(const struct shell_link *link)
{
    return link_rules[link->state].name;
}

void shell_link_stop(struct shell_link *link)
{
    if (link->state != LINK_OVER) {
        link_move(link, LINK_OVER);
    }
    dial_cancel(link->dial); /* or it might be done in this very turn */
    link->dial = NULL;
}

__attribute__((format(printf, 2, 3))) static void end(struct shell_link *link,
                                                      const char *format, ...)
{
    va_list why;

    link_move(link, LINK_OVER);
    va_start(why, format);
    link->user->on_end(link->ctx, format, why);
    va_end(why);
}

/* ---- the WebSocket handshake ---- */

static void judge_upgrade(struct shell_link *link)
{
    const struct http1_head *head = &link->head;
    enum ws_handshake_fault fault;

    ws_handshake_answer_status(&link->handshake, head->status);
    for (size_t i = 0; i < head->fields.count; i++) {
        ws_handshake_answer_field(&link->handshake, head->fields.ptr[i].name,
                                  head->fields.ptr[i].value);
    }
    if (ws_handshake_answer_check(&link->handshake, &fault) != OK) {
        end(link, "out of memory");
    } else if (fault == WS_HANDSHAKE_FAULT_REFUSED) {
        end(link, "%.*s is no WebSocket: the server answered %u %.*s",
            SPAN_ARG(link->options->url), head->status, SPAN_ARG(head->reason));
    } else if (fault != WS_HANDSHAKE_FAULT_NONE) {
        end(link, "the server %s", ws_handshake_fault_text(fault));
    } else if (link->handshake.protocol.len == 0) {
        end(link, "the server does not speak v12.stomp");
    }
}

static void on_stream_end(struct shell_link *link, enum err e)
{
    if (e == OK && link->state == LINK_UPGRADING) {
        end(link,
            "%.*s: the connection was closed without an answer (is that port "
            "for %s?)",
            SPAN_ARG(link->options->url), link->options->is_secure ? "ws://" : "wss://");
    } else if (e == OK) {
        end(link, "the connection was closed by the other side");
    } else {
        end(link, "the connection was lost: %s", stream_why(link->stream));
    }
}

static void write_request(struct shell_link *link)
{
    while (link->request.len > 0) {
        size_t len;
        enum err e = stream_write(link->stream, buf_span(&link->request), &len);

        if (e == ERR_AGAIN) {
            return;
        }
        if (e != OK) {
            on_stream_end(link, e);
            return;
        }
        buf_consume(&link->request, len);
    }
}

static struct span user_agent(const char *verb, char room[AGENT_BYTES])
{
    snprintf(room, AGENT_BYTES, "User-Agent: wayleave-%s/" WAYLEAVE_VERSION "\r\n", verb);
    return span_str(room);
}

static void upgrade(struct shell_link *link)
{
    static const struct span protocol = SPAN_INIT("v12.stomp");
    static const struct http1_limits limits = {8192, 8192, 100, 65536};
    char agent[AGENT_BYTES]; /* RFC 9110 10.1.5: the realm's log names it */
    const struct ws_handshake_target target = {
        .host = link->options->authority,
        .path = link->options->path,
        .protocols = {.ptr = &protocol, .count = 1},
        .extra = user_agent(link->options->verb, agent),
    };

    http1_head_init(&link->head, HTTP1_RESPONSE, &limits);
    if (ws_handshake_put_request(&target, link->rng, &link->request, &link->handshake) != OK) {
        end(link, "%.*s cannot be asked for: it has characters that no URL has",
            SPAN_ARG(link->options->url));
        return;
    }
    link_move(link, LINK_UPGRADING);
    write_request(link);
}

static void on_upgrade_bytes(struct shell_link *link, struct mspan bytes)
{
    struct span input = span_ro(bytes);
    enum err e = http1_head_next(&link->head, &input);

    if (e == ERR_AGAIN) {
        return;
    }
    if (e != OK) {
        end(link, "the server %s", http1_fault_text(http1_head_fault(&link->head)));
        return;
    }
    judge_upgrade(link);
    if (link->state == LINK_OVER) {
        return;
    }
    link_move(link, LINK_OPEN);
    link->user->on_open(link->ctx);
    if (input.len > 0 && link->state == LINK_OPEN) {
        link->user->on_bytes(link->ctx, mspan_tail(bytes, bytes.len - input.len));
    }
}

/* ---- the stream ---- */

enum err shell_link_write(struct shell_link *link, struct span bytes, size_t *ret_len)
{
    return stream_write(link->stream, bytes, ret_len);
}

const char *shell_link_why(const struct shell_link *link)
{
    return stream_why(link->stream);
}

static void read_on(struct shell_link *link)
{
    while (link->state != LINK_OVER) {
        size_t len;
        enum err e = stream_read(link->stream, mspan_of(link->room, ROOM_BYTES), &len);

        if (e == ERR_AGAIN) {
            return;
        }
        if (e != OK || len == 0) {
            on_stream_end(link, e);
        } else if (link->state == LINK_UPGRADING) {
            on_upgrade_bytes(link, mspan_of(link->room, len));
        } else {
            link->user->on_bytes(link->ctx, mspan_of(link->room, len));
        }
    }
}

static void on_ready(void *ctx)
{
    struct shell_link *link = ctx;

    if (link->state == LINK_SHAKING) {
        enum err e = stream_handshake(link->stream);

        if (e == ERR_AGAIN) {
            return;
        }
        if (e != OK) {
            end(link, "no connection to %.*s: %s", SPAN_ARG(link->options->url),
                stream_why(link->stream));
            return;
        }
        upgrade(link);
    } else if (link->state == LINK_UPGRADING) {
        write_request(link);
    } else if (link->state == LINK_OPEN) {
        link->user->on_room(link->ctx);
    }
    read_on(link);
}

/* ---- opening ---- */

static enum err push_filters(struct shell_link *link, int *take_fd)
{
    const struct shell_options *options = link->options;

    TRY(stream_tcp_new(&link->stream, link->loop, take_fd));
    if (options->has_proxy) {
        char authority[300];
        bool is_ipv6 = span_find(options->host, ':') < options->host.len;

        snprintf(authority, sizeof authority, "%s%.*s%s:%u", is_ipv6 ? "[" : "",
                 SPAN_ARG(options->host), is_ipv6 ? "]" : "", options->port);
        TRY(stream_connect_push_login(&link->stream, span_str(authority),
                                      span_str(options->proxy_login)));
    }
    if (options->is_secure) {
        TRY(stream_tls_push(&link->stream, link->tls, options->host));
    }
    return OK;
}

static void on_dialled(void *ctx, const struct dial_result *result)
{
    struct shell_link *link = ctx;
    const struct shell_options *options = link->options;
    int fd = result->fd;

    link->dial = NULL;
    if (result->outcome != DIAL_CONNECTED) {
        end(link, "no connection to %s%.*s port %u: %s%s",
            options->has_proxy ? "the proxy " : "",
            SPAN_ARG(options->has_proxy ? options->proxy_host : options->host),
            options->has_proxy ? options->proxy_port : options->port,
            result->outcome == DIAL_REFUSED ? strerror(result->error)
                                            : dial_outcome_text(result->outcome),
            result->outcome != DIAL_REFUSED ? ""
            : options->has_proxy            ? " (does the proxy run?)"
                                            : " (does the realm run?)");
        return;
    }
    sock_tune(fd);
    if (push_filters(link, &fd) != OK) {
        sock_close(&fd);
        end(link, "out of memory");
        return;
    }
    link_move(link, LINK_SHAKING);
    stream_on_ready(link->stream, on_ready, link);
    on_ready(link);
}

enum err shell_link_open(const struct shell_link_request *request,
                         const struct shell_link_user *user, void *ctx,
                         struct shell_link **ret_link)
{
    const struct shell_options *options = request->options;
    struct shell_link *link = calloc(1, sizeof *link);
    const struct dial_request where = {
        .host = options->has_proxy ? options->proxy_host : options->host,
        .port = options->has_proxy ? options->proxy_port : options->port,
        .timeout = request->timeout,
        .done = on_dialled,
        .ctx = link,
    };
    char why[256] = "";
    enum err e;

    if (link == NULL) {
        return ERR_NOMEM;
    }
    link->options = options;
    link->user = user;
    link->ctx = ctx;
    link->loop = request->loop;
    link->rng = request->rng;
    buf_init(&link->request, REQUEST_BYTES_MAX);
    if (options->is_secure &&
        tls_ctx_client(options->ca_file, !options->insecure,
                       mspan_of((uint8_t *)why, sizeof why), &link->tls) != OK) {
        fprintf(stderr, "wayleave %s: %s\n", options->verb, why);
        e = ERR_CONF;
        goto fail;
    }
    e = resolver_new(&link->resolver, link->loop);
    if (e == OK) {
        e = dial_start(link->loop, link->resolver, &where, &link->dial);
    }
    if (e != OK) {
        goto fail;
    }
    *ret_link = link;
    return OK;
fail:
    shell_link_free(link);
    return e;
}

void shell_link_free(struct shell_link *link)
{
    if (link == NULL) {
        return;
    }
    dial_cancel(link->dial);
    stream_free(link->stream);
    http1_head_fini(&link->head);
    buf_fini(&link->request);
    resolver_free(link->resolver);
    tls_ctx_free(link->tls);
    free(link);
}
