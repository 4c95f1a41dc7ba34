/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 *   direct               dial(host)                                        -> tcp
 *   parent, no tunnel    dial(parent)   [TLS]                              -> tcp [tls]
 *   parent, tunnel       dial(parent)   [TLS]   CONNECT host:port          -> tcp [tls] connect
 *
 * Every callback ends in finish(), after which the attempt is gone, or in waiting.
 */
#include "proxy/proxy_connect.h"

#include "base/state.h"
#include "http1/http1_char.h"
#include "io/resolver_cache.h"
#include "io/sock.h"
#include "io/timer.h"
#include "net/stream_connect.h"
#include "net/stream_tcp.h"
#include "net/stream_tls.h"
#include "proxy/proxy_connect_refusal.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    HOST_BYTES = 254,      /* RFC 1035 2.3.4, with the final dot */
    AUTHORITY_BYTES = 270, /* the same with brackets, a colon, a port and a zero */
};

enum connect_state {
    CONNECT_DIALLING,
    CONNECT_SHAKING, /* hands, with the parent: TLS, CONNECT */
    CONNECT_REFUSED, /* before anything was dialled; told in the next turn */
    CONNECT_STATES,
};

/* clang-format off */
static const struct state_rule rules[CONNECT_STATES] = {
    [CONNECT_DIALLING] = {"dialling", STATE_BIT(CONNECT_SHAKING)},
    [CONNECT_SHAKING]  = {"shaking",  0},
    [CONNECT_REFUSED]  = {"refused",  0},
};
/* clang-format on */

struct proxy_connect {
    struct proxy_connect_env env;
    const struct proxy_route_parent *parent; /* borrowed; NULL: direct */
    enum connect_state state;
    struct dial *dial;     /* owned, DIALLING */
    struct stream *stream; /* owned, SHAKING */
    struct timer timer;    /* for everything */
    struct loop_later later;
    struct addr addr; /* of the peer, once it is connected */
    dial_filter *filter;
    dial_filter *parent_filter;
    dial_opened *opened;
    proxy_connect_done *done;
    void *ctx; /* borrowed */
    msec timeout;
    bool asks_connect; /* for a tunnel through the parent */
    bool keeps_login;
    bool has_source; /* an address that is not ours */
    uint16_t port;
    char host[HOST_BYTES + 1];
    char authority[AUTHORITY_BYTES];
    size_t login_len;
    uint8_t login[]; /* the value of Proxy-Authorization for CONNECT */
};

/* The only assignment to connect->state but the first. */
static void connect_move(struct proxy_connect *connect, enum connect_state next)
{
    assert(state_may_move(rules, connect->state, next));
    connect->state = next;
}

/* Takes a half-made one as well. */
static void connect_free(struct proxy_connect *connect)
{
    dial_cancel(connect->dial);
    stream_free(connect->stream);
    timer_cancel(&connect->timer);
    loop_undefer(&connect->later);
    free(connect);
}

static void finish(struct proxy_connect *connect, struct proxy_connect_result *result)
{
    proxy_connect_done *done = connect->done;
    void *ctx = connect->ctx;

    result->parent = connect->parent;
    if (result->stream != NULL) {
        connect->stream = NULL;
    }
    connect_free(connect);
    done(ctx, result);
}

/* ---- what went wrong ---- */

static struct proxy_connect_refusal_ask ask_of(const struct proxy_connect *connect)
{
    return (struct proxy_connect_refusal_ask){
        .parent = connect->parent,
        .host = connect->host,
        .port = connect->port,
        .authority = connect->authority,
        .is_tunnel = connect->asks_connect,
        .keeps_login = connect->keeps_login,
        .has_source = connect->has_source,
        .timeout = connect->timeout,
    };
}

static void finish_undialled(struct proxy_connect *connect, const struct dial_result *dialled)
{
    const struct proxy_connect_refusal_ask ask = ask_of(connect);
    struct proxy_connect_result result = {.addr = dialled->addr,
                                          .is_forbidden = dialled->outcome == DIAL_FORBIDDEN &&
                                                          connect->parent == NULL};

    proxy_connect_refusal_undialled(&ask, dialled, &result.refusal);
    finish(connect, &result);
}

static void finish_unshaken(struct proxy_connect *connect, enum err e)
{
    const struct proxy_connect_refusal_ask ask = ask_of(connect);
    const char *why = stream_why(connect->stream);
    struct proxy_connect_result result = {.addr = connect->addr};
    struct http1_head answer;
    bool has_answer = connect->asks_connect && e == ERR_PROTO &&
                      stream_connect_take_refusal(connect->stream, &answer);

    if (has_answer) {
        result.parent_answer = &answer;
        proxy_connect_refusal_answered(&ask, &answer, why, &result.refusal);
    } else if (e == ERR_NOMEM) {
        proxy_connect_refusal_no_memory(&result.refusal);
    } else {
        proxy_connect_refusal_broken(&ask, why, &result.refusal);
    }
    finish(connect, &result);
    if (has_answer) {
        http1_head_fini(&answer);
    }
}

static void on_timeout(void *ctx)
{
    struct proxy_connect *connect = ctx;
    const struct proxy_connect_refusal_ask ask = ask_of(connect);
    const struct dial_result late = {.outcome = DIAL_TIMEOUT};
    struct proxy_connect_result result = {.addr = connect->addr};

    switch (connect->state) {
    case CONNECT_DIALLING: finish_undialled(connect, &late); return;
    case CONNECT_SHAKING:
        proxy_connect_refusal_late(&ask, &result.refusal);
        finish(connect, &result);
        return;
    case CONNECT_REFUSED: /* about to be told */
    case CONNECT_STATES: return;
    }
}

/* ---- the way ---- */

static void shake_hands(void *ctx)
{
    struct proxy_connect *connect = ctx;
    enum err e = stream_handshake(connect->stream);

    if (e == OK) {
        struct proxy_connect_result result = {.stream = connect->stream, .addr = connect->addr};

        stream_on_ready(connect->stream, NULL, NULL);
        finish(connect, &result);
    } else if (e != ERR_AGAIN) {
        finish_unshaken(connect, e);
    }
}

/* Bottom first; what was pushed stays in connect->stream. */
static enum err push_filters(struct proxy_connect *connect, int *take_fd)
{
    const struct proxy_route_parent *parent = connect->parent;

    TRY(stream_tcp_new(&connect->stream, connect->env.loop, take_fd));
    if (parent != NULL && parent->is_tls) {
        TRY(stream_tls_push(&connect->stream, connect->env.parent_tls, parent->host));
    }
    if (connect->asks_connect) {
        TRY(stream_connect_push_login(&connect->stream, span_str(connect->authority),
                                      span_of(connect->login, connect->login_len)));
    }
    return OK;
}

static void on_dialled(void *ctx, const struct dial_result *dialled)
{
    struct proxy_connect *connect = ctx;
    const struct dial_result no_memory = {.outcome = DIAL_NOMEM};
    int fd = dialled->fd;

    connect->dial = NULL;
    if (dialled->outcome != DIAL_CONNECTED) {
        finish_undialled(connect, dialled);
        return;
    }
    connect->addr = dialled->addr;
    sock_tune(fd);
    if (push_filters(connect, &fd) != OK) {
        sock_close(&fd);
        finish_undialled(connect, &no_memory);
        return;
    }
    connect_move(connect, CONNECT_SHAKING);
    stream_on_ready(connect->stream, shake_hands, connect);
    shake_hands(connect);
}

/* ---- the beginning ---- */

static bool ask_filter(void *ctx, const struct addr *addr)
{
    struct proxy_connect *connect = ctx;
    dial_filter *filter = connect->parent != NULL ? connect->parent_filter : connect->filter;

    return filter == NULL || filter(connect->ctx, addr);
}

/* A destination that needs no lookup is judged here also when the parent would go there: what
 * is forbidden must not be had by way of somebody else. */
bool proxy_connect_forbids(const struct proxy_connect_request *request, struct addr *ret_addr)
{
    struct span host = request->host;

    return request->parent != NULL && request->filter != NULL &&
           addr_parse(resolver_cache_is_localhost(host) ? SPAN("127.0.0.1") : host,
                      request->port, ret_addr) &&
           !request->filter(request->ctx, ret_addr);
}

static void on_opened(void *ctx, int fd, const struct addr *remote)
{
    struct proxy_connect *connect = ctx;

    if (connect->opened != NULL) {
        connect->opened(connect->ctx, fd, remote);
    }
}

static void on_refused(void *ctx)
{
    struct proxy_connect *connect = ctx;
    const struct dial_result forbidden = {.outcome = DIAL_FORBIDDEN, .addr = connect->addr};
    struct proxy_connect_refusal_ask ask = ask_of(connect);
    struct proxy_connect_result result = {.addr = connect->addr, .is_forbidden = true};

    ask.parent = NULL; /* it is the destination that is refused, not the way to it */
    proxy_connect_refusal_undialled(&ask, &forbidden, &result.refusal);
    finish(connect, &result);
}

static enum err connect_open(struct proxy_connect *connect,
                             const struct proxy_connect_request *wanted)
{
    const struct proxy_route_parent *parent = connect->parent;
    struct loop *loop = connect->env.loop;
    msec now = loop_now(loop);
    msec at = connect->timeout < MSEC_NEVER - 1 - now ? now + connect->timeout : MSEC_NEVER - 1;
    const struct dial_request request = {
        .host = parent != NULL ? parent->host : span_str(connect->host),
        .port = parent != NULL ? parent->port : connect->port,
        .source = parent != NULL ? NULL : wanted->source,
        .timeout = MSEC_NEVER, /* ours counts */
        .filter = ask_filter,
        .opened = on_opened,
        .done = on_dialled,
        .ctx = connect,
    };

    TRY(timer_set(&connect->timer, at));
    if (proxy_connect_forbids(wanted, &connect->addr)) {
        connect->state = CONNECT_REFUSED;
        loop_defer(loop, &connect->later);
        return OK;
    }
    return dial_start(loop, connect->env.resolver, &request, &connect->dial);
}

static struct proxy_connect *connect_new(const struct proxy_connect_env *env,
                                         const struct proxy_connect_request *request,
                                         struct span login)
{
    struct proxy_connect *connect = calloc(1, sizeof *connect + login.len);
    bool is_v6 = span_find(request->host, ':') < request->host.len;

    if (connect == NULL) {
        return NULL;
    }
    connect->env = *env;
    connect->parent = request->parent;
    connect->state = CONNECT_DIALLING;
    connect->filter = request->filter;
    connect->parent_filter = request->parent_filter;
    connect->opened = request->opened;
    connect->has_source = request->source != NULL;
    connect->done = request->done;
    connect->ctx = request->ctx;
    connect->timeout = request->timeout;
    connect->asks_connect = request->parent != NULL && request->is_tunnel;
    connect->keeps_login = request->keeps_login;
    connect->port = request->port;
    memcpy(connect->host, request->host.ptr, request->host.len);
    snprintf(connect->authority, sizeof connect->authority, "%s%s%s:%u", is_v6 ? "[" : "",
             connect->host, is_v6 ? "]" : "", connect->port);
    connect->login_len = login.len;
    if (login.len > 0) {
        memcpy(connect->login, login.ptr, login.len);
    }
    timer_init(&connect->timer, env->loop, on_timeout, connect);
    loop_later_init(&connect->later, on_refused, connect);
    return connect;
}

/* What CONNECT to the parent says of who asks. */
static struct span login_of(const struct proxy_connect_request *request)
{
    if (request->parent == NULL || !request->is_tunnel) {
        return SPAN("");
    }
    if (request->parent->login.len > 0) {
        return request->parent->login;
    }
    return request->keeps_login ? request->client_login : SPAN("");
}

enum err proxy_connect_start(const struct proxy_connect_env *env,
                             const struct proxy_connect_request *request,
                             struct proxy_connect **ret_connect)
{
    struct proxy_connect *connect;
    enum err e;

    assert(request->parent == NULL || !request->parent->is_tls || env->parent_tls != NULL);
    if (request->host.len == 0 || request->host.len > HOST_BYTES ||
        !http1_char_are(request->host, http1_char_is_visible)) {
        return ERR_LIMIT;
    }
    connect = connect_new(env, request, login_of(request));
    if (connect == NULL) {
        return ERR_NOMEM;
    }
    e = connect_open(connect, request);
    if (e != OK) {
        connect_free(connect);
        return e;
    }
    *ret_connect = connect;
    return OK;
}

void proxy_connect_cancel(struct proxy_connect *connect)
{
    if (connect != NULL) {
        connect_free(connect);
    }
}
