/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * c-ares tells which sockets it opens; we watch them and, when one stirs, ask poll() which are
 * ready and hand those back until none is: c-ares does not read to the end, and our watches
 * tell changes only. Answers are always given from a deferred call, never from inside c-ares,
 * so that whoever gets one may do anything, freeing the resolver included.
 */
#include "io/resolver.h"

#include "io/timer.h"

#include <ares.h>

#include <assert.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

enum {
    NAME_MAX_BYTES = 253,   /* RFC 1035 section 2.3.4, as text */
    ROUNDS_PER_TURN = 16,   /* of reading from name servers */
    DEFAULT_TIMEOUT = 2000, /* c-ares doubles it for the second try */
    DEFAULT_TRIES = 2,
};

/* A timer that waits for nothing but keeps its place, so that setting it cannot fail. */
#define PARKED (MSEC_NEVER - 1)

struct resolver {
    struct loop *loop;    /* borrowed */
    ares_channel channel; /* owned */
    struct list sockets;  /* struct server_socket */
    struct timer timer;   /* always set */
    struct loop_later stir;
    size_t query_count; /* neither answered nor cancelled */
};

struct server_socket {
    struct list node;
    struct loop_watch watch;
};

struct resolver_query {
    struct resolver *resolver;         /* borrowed until the answer */
    resolver_answer *answer;           /* one of the two is set */
    resolver_name_answer *name_answer; /* ... for resolver_ask_name() */
    void *ctx;                         /* borrowed */
    struct loop_later later;
    int family;
    uint16_t port;
    bool is_cancelled; /* c-ares cannot forget a single query: it is freed when that is done */
    bool is_finished;  /* c-ares is done with it */
    bool is_answering;
    enum resolver_result result;
    struct addr addrs[RESOLVER_ADDRS_MAX];
    size_t count;
    size_t name_len;
    uint8_t name[NAME_MAX_BYTES];
};

static void follow_timer(struct resolver *resolver)
{
    struct timeval room;
    const struct timeval *left = ares_timeout(resolver->channel, NULL, &room);
    msec at = PARKED;
    enum err e;

    if (left != NULL) {
        at = loop_now(resolver->loop) + (msec)left->tv_sec * 1000 + (msec)left->tv_usec / 1000 +
             1;
    }
    e = timer_set(&resolver->timer, at);
    assert(e == OK);
    (void)e;
}

/* ares_getsock() says what it wants of its i-th socket; its own macros shift into the sign. */
static short wanted_of(int wants, int i)
{
    bool readable = ((unsigned)wants >> i & 1u) != 0;
    bool writable = ((unsigned)wants >> (i + ARES_GETSOCK_MAXNUM) & 1u) != 0;

    return (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
}

/* Serves the sockets that are ready now; false when there are none. */
static bool serve_sockets(struct resolver *resolver)
{
    ares_socket_t fds[ARES_GETSOCK_MAXNUM];
    struct pollfd polls[ARES_GETSOCK_MAXNUM];
    int wants = ares_getsock(resolver->channel, fds, ARES_GETSOCK_MAXNUM);
    nfds_t count = 0;

    for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
        short events = wanted_of(wants, i);

        if (events != 0) {
            polls[count++] = (struct pollfd){.fd = fds[i], .events = events};
        }
    }
    if (count == 0 || poll(polls, count, 0) <= 0) {
        return false;
    }
    for (nfds_t i = 0; i < count; i++) {
        bool wrong = (polls[i].revents & (POLLERR | POLLHUP)) != 0;
        bool readable = wrong || (polls[i].revents & POLLIN) != 0;
        bool writable = (polls[i].revents & POLLOUT) != 0;

        if (readable || writable) {
            ares_process_fd(resolver->channel, readable ? polls[i].fd : ARES_SOCKET_BAD,
                            writable ? polls[i].fd : ARES_SOCKET_BAD);
        }
    }
    return true;
}

static void on_stir(void *ctx)
{
    struct resolver *resolver = ctx;

    for (int i = 0; serve_sockets(resolver); i++) {
        if (i == ROUNDS_PER_TURN) {
            loop_defer(resolver->loop, &resolver->stir);
            break;
        }
    }
    follow_timer(resolver);
}

static void on_timer(void *ctx)
{
    struct resolver *resolver = ctx;

    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    on_stir(resolver);
}

static struct server_socket *socket_find(struct resolver *resolver, int fd)
{
    LIST_FOREACH (node, after, &resolver->sockets) {
        struct server_socket *sock = LIST_ENTRY(node, struct server_socket, node);

        if (sock->watch.fd == fd) {
            return sock;
        }
    }
    return NULL;
}

/* c-ares opened a socket, wants something else of it, or (neither) is about to close it. When
 * it cannot be watched, its queries end by c-ares' time-out. */
static void on_socket_state(void *ctx, ares_socket_t fd, int readable, int writable)
{
    struct resolver *resolver = ctx;
    struct server_socket *sock = socket_find(resolver, fd);

    if (!readable && !writable) {
        if (sock != NULL) {
            loop_unwatch(&sock->watch);
            list_remove(&sock->node);
            free(sock);
        }
        return;
    }
    if (sock == NULL) {
        sock = calloc(1, sizeof *sock);
        if (sock == NULL) {
            return;
        }
        if (loop_watch(resolver->loop, &sock->watch, fd, on_stir, resolver) != OK) {
            free(sock);
            return;
        }
        list_append(&resolver->sockets, &sock->node);
    }
    if (writable) { /* it may be so already, and then no change would tell */
        loop_defer(resolver->loop, &resolver->stir);
    }
}

static enum err from_ares(int status)
{
    if (status == ARES_SUCCESS) {
        return OK;
    }
    return status == ARES_ENOMEM ? ERR_NOMEM : ERR_CONF;
}

static enum err open_channel(struct resolver *resolver, const char *servers, msec timeout,
                             unsigned tries, ares_channel *ret_channel)
{
    char lookups[] = "fb"; /* the hosts file, then DNS, whatever nsswitch.conf says */
    struct ares_options options = {
        .timeout = (int)timeout,
        .tries = (int)tries,
        .lookups = lookups,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = resolver,
    };
    ares_channel channel;
    enum err e = from_ares(ares_init_options(&channel, &options,
                                             ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                                 ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB));

    if (e != OK) {
        return e;
    }
    if (servers != NULL) {
        e = from_ares(ares_set_servers_ports_csv(channel, servers));
    }
    if (e != OK) {
        ares_destroy(channel);
        return e;
    }
    *ret_channel = channel;
    return OK;
}

static void init_library(void)
{
    ares_library_init(ARES_LIB_INIT_ALL); /* does nothing that can fail outside Windows */
}

enum err resolver_new(struct resolver **ret_resolver, struct loop *loop)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct resolver *resolver = calloc(1, sizeof *resolver);
    enum err e;

    if (resolver == NULL) {
        return ERR_NOMEM;
    }
    pthread_once(&once, init_library);
    resolver->loop = loop;
    list_init(&resolver->sockets);
    loop_later_init(&resolver->stir, on_stir, resolver);
    timer_init(&resolver->timer, loop, on_timer, resolver);

    e = timer_set(&resolver->timer, PARKED);
    if (e == OK) {
        e = open_channel(resolver, NULL, DEFAULT_TIMEOUT, DEFAULT_TRIES, &resolver->channel);
    }
    if (e != OK) {
        timer_cancel(&resolver->timer);
        free(resolver);
        return e;
    }
    *ret_resolver = resolver;
    return OK;
}

enum err resolver_use_servers(struct resolver *resolver, const char *servers, msec timeout,
                              unsigned tries)
{
    ares_channel channel;

    assert(resolver->query_count == 0);
    TRY(open_channel(resolver, servers, timeout, tries, &channel));
    ares_destroy(resolver->channel); /* what it still knows is cancelled queries */
    resolver->channel = channel;
    follow_timer(resolver);
    return OK;
}

void resolver_free(struct resolver *resolver)
{
    if (resolver == NULL) {
        return;
    }
    assert(resolver->query_count == 0);
    ares_destroy(resolver->channel); /* frees the cancelled queries, closes the sockets */
    assert(list_is_empty(&resolver->sockets));
    loop_undefer(&resolver->stir);
    timer_cancel(&resolver->timer);
    free(resolver);
}

static void give_answer(void *ctx)
{
    struct resolver_query *query = ctx;

    query->is_answering = true;
    query->resolver->query_count--;
    if (query->name_answer != NULL) {
        query->name_answer(query->ctx, query->result, span_of(query->name, query->name_len));
    } else {
        query->answer(query->ctx, query->result, query->addrs, query->count);
    }
    free(query);
}

static enum resolver_result result_of(int status)
{
    if (status == ARES_ENODATA || status == ARES_ENOTFOUND || status == ARES_EBADNAME) {
        return RESOLVER_NO_NAME;
    }
    return status == ARES_ENOMEM ? RESOLVER_NOMEM : RESOLVER_FAILED;
}

static void keep_addrs(struct resolver_query *query, const struct ares_addrinfo_node *node)
{
    for (; node != NULL && query->count < RESOLVER_ADDRS_MAX; node = node->ai_next) {
        struct addr *addr = &query->addrs[query->count];

        if (node->ai_family == query->family && addr_from_sockaddr(node->ai_addr, addr)) {
            addr_set_port(addr, query->port);
            query->count++;
        }
    }
    query->result = query->count > 0 ? RESOLVER_FOUND : RESOLVER_NO_NAME;
}

static void on_addrinfo(void *ctx, int status, int timeouts, struct ares_addrinfo *info)
{
    struct resolver_query *query = ctx;

    (void)timeouts;
    if (query->is_cancelled) {
        free(query);
    } else {
        query->is_finished = true;
        if (status == ARES_SUCCESS && info != NULL) {
            keep_addrs(query, info->nodes);
        } else {
            query->result = result_of(status);
        }
        loop_defer(query->resolver->loop, &query->later);
    }
    ares_freeaddrinfo(info);
}

/* RFC 6761 section 6.3: "localhost" and what ends with it is never asked of name servers. */
static bool is_localhost(struct span name)
{
    const struct span localhost = SPAN("localhost");

    if (name.len > 0 && name.ptr[name.len - 1] == '.') {
        name.len--;
    }
    if (name.len > localhost.len && name.ptr[name.len - localhost.len - 1] == '.') {
        name = span_tail(name, name.len - localhost.len);
    }
    return span_equal_nocase(name, localhost);
}

static void answer_localhost(struct resolver_query *query)
{
    bool is_literal = addr_parse(query->family == AF_INET6 ? SPAN("::1") : SPAN("127.0.0.1"),
                                 query->port, &query->addrs[0]);

    assert(is_literal);
    (void)is_literal;
    query->count = 1;
    query->result = RESOLVER_FOUND;
    query->is_finished = true;
    loop_defer(query->resolver->loop, &query->later);
}

static void start_lookup(struct resolver_query *query, struct span name)
{
    /* In the order of the answer: sorting would open and connect a socket for each. */
    const struct ares_addrinfo_hints hints = {
        .ai_family = query->family, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_NOSORT};
    char text[NAME_MAX_BYTES + 1];

    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    ares_getaddrinfo(query->resolver->channel, text, NULL, &hints, on_addrinfo, query);
    follow_timer(query->resolver);
}

static struct resolver_query *query_new(struct resolver *resolver, void *ctx)
{
    struct resolver_query *query = calloc(1, sizeof *query);

    if (query != NULL) {
        query->resolver = resolver;
        query->ctx = ctx;
        loop_later_init(&query->later, give_answer, query);
        resolver->query_count++;
    }
    return query;
}

enum err resolver_ask(struct resolver *resolver, struct span name, int family, uint16_t port,
                      resolver_answer *answer, void *ctx, struct resolver_query **ret_query)
{
    struct resolver_query *query;

    assert(family == AF_INET || family == AF_INET6);
    if (name.len > NAME_MAX_BYTES || span_find(name, 0) < name.len) {
        return ERR_LIMIT;
    }
    query = query_new(resolver, ctx);
    if (query == NULL) {
        return ERR_NOMEM;
    }
    query->answer = answer;
    query->family = family;
    query->port = port;
    *ret_query = query;

    if (name.len == 0) {
        query->result = RESOLVER_NO_NAME;
        query->is_finished = true;
        loop_defer(resolver->loop, &query->later);
    } else if (is_localhost(name)) {
        answer_localhost(query);
    } else {
        start_lookup(query, name);
    }
    return OK;
}

static void on_host(void *ctx, int status, int timeouts, struct hostent *host)
{
    struct resolver_query *query = ctx;

    (void)timeouts;
    if (query->is_cancelled) {
        free(query);
        return;
    }
    query->is_finished = true;
    query->result = status == ARES_SUCCESS ? RESOLVER_NO_NAME : result_of(status);
    if (status == ARES_SUCCESS && host != NULL && host->h_name != NULL) {
        struct span name = span_str(host->h_name);

        if (name.len > 0 && name.len <= NAME_MAX_BYTES) {
            memcpy(query->name, name.ptr, name.len);
            query->name_len = name.len;
            query->result = RESOLVER_FOUND;
        }
    }
    loop_defer(query->resolver->loop, &query->later);
}

enum err resolver_ask_name(struct resolver *resolver, const struct addr *addr,
                           resolver_name_answer *answer, void *ctx,
                           struct resolver_query **ret_query)
{
    struct resolver_query *query = query_new(resolver, ctx);
    int family = addr->sa.any.sa_family;

    if (query == NULL) {
        return ERR_NOMEM;
    }
    query->name_answer = answer;
    *ret_query = query;
    if (family == AF_INET) {
        ares_gethostbyaddr(resolver->channel, &addr->sa.v4.sin_addr,
                           sizeof addr->sa.v4.sin_addr, family, on_host, query);
    } else {
        ares_gethostbyaddr(resolver->channel, &addr->sa.v6.sin6_addr,
                           sizeof addr->sa.v6.sin6_addr, family, on_host, query);
    }
    follow_timer(resolver);
    return OK;
}

void resolver_cancel(struct resolver_query *query)
{
    if (query == NULL || query->is_answering) {
        return;
    }
    query->resolver->query_count--;
    if (query->is_finished) {
        loop_undefer(&query->later);
        free(query);
    } else {
        query->is_cancelled = true;
    }
}
