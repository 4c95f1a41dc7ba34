/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * c-ares tells which sockets it opens; we watch them and, when one stirs, ask poll() which are
 * ready and hand those back until none is: c-ares does not read to the end, and our watches
 * tell changes only. Answers are always given from a deferred call (io/resolver_desk.h), never
 * from inside c-ares, so that whoever gets one may do anything, freeing the resolver included.
 */
#include "io/resolver.h"

#include "io/resolver_desk.h"
#include "io/timer.h"

#include <ares.h>

#include <assert.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

enum {
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
    struct resolver_desk desk;
};

struct server_socket {
    struct list node;
    struct loop_watch watch;
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
    resolver_desk_init(&resolver->desk, loop);

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

    assert(resolver->desk.query_count == 0);
    TRY(open_channel(resolver, servers, timeout, tries, &channel));
    ares_destroy(resolver->channel); /* what it still knows nobody waits for */
    resolver->channel = channel;
    resolver_use_cache(resolver, resolver->desk.cache.max, resolver->desk.cache.max_age);
    follow_timer(resolver);
    return OK;
}

void resolver_use_cache(struct resolver *resolver, size_t entries, msec max_age)
{
    resolver_cache_fini(&resolver->desk.cache);
    resolver_cache_init(&resolver->desk.cache, entries, max_age);
}

void resolver_free(struct resolver *resolver)
{
    if (resolver == NULL) {
        return;
    }
    assert(resolver->desk.query_count == 0);
    ares_destroy(resolver->channel); /* ends the lookups, closes the sockets */
    assert(list_is_empty(&resolver->sockets));
    resolver_desk_fini(&resolver->desk);
    loop_undefer(&resolver->stir);
    timer_cancel(&resolver->timer);
    free(resolver);
}

static enum resolver_result result_of(int status)
{
    if (status == ARES_ENODATA || status == ARES_ENOTFOUND || status == ARES_EBADNAME) {
        return RESOLVER_NO_NAME;
    }
    return status == ARES_ENOMEM ? RESOLVER_NOMEM : RESOLVER_FAILED;
}

/* An alias on the way counts as much as the address. c-ares gives entries of the hosts file no
 * time to live, so that these are asked for again soon. */
static msec age_of(const struct ares_addrinfo *info)
{
    int64_t seconds = INT32_MAX;

    for (const struct ares_addrinfo_node *node = info->nodes; node != NULL;
         node = node->ai_next) {
        seconds = node->ai_ttl < seconds ? node->ai_ttl : seconds;
    }
    for (const struct ares_addrinfo_cname *cname = info->cnames; cname != NULL;
         cname = cname->next) {
        seconds = cname->ttl < seconds ? cname->ttl : seconds;
    }
    return seconds < 0 ? 0 : (msec)seconds * 1000;
}

static void keep_addrs(struct resolver_desk_finding *finding, int family,
                       const struct ares_addrinfo *info)
{
    for (const struct ares_addrinfo_node *node = info->nodes;
         node != NULL && finding->count < RESOLVER_ADDRS_MAX; node = node->ai_next) {
        struct addr *addr = &finding->addrs[finding->count];

        if (node->ai_family == family && addr_from_sockaddr(node->ai_addr, addr)) {
            addr_set_port(addr, 0);
            finding->count++;
        }
    }
    finding->result = finding->count > 0 ? RESOLVER_FOUND : RESOLVER_NO_NAME;
    finding->age = age_of(info);
}

static void on_addrinfo(void *ctx, int status, int timeouts, struct ares_addrinfo *info)
{
    struct resolver_desk_lookup *lookup = ctx;
    struct resolver_desk_finding finding = {.result = result_of(status),
                                            .age = RESOLVER_CACHE_NO_NAME_AGE};

    (void)timeouts;
    if (status == ARES_SUCCESS && info != NULL) {
        keep_addrs(&finding, lookup->family, info);
    }
    resolver_desk_end(lookup, &finding);
    ares_freeaddrinfo(info);
}

/* The lookup may be gone after it: the hosts file answers at once. */
static void start_lookup(struct resolver *resolver, struct resolver_desk_lookup *lookup,
                         struct span name)
{
    /* In the order of the answer: sorting would open and connect a socket for each. */
    const struct ares_addrinfo_hints hints = {
        .ai_family = lookup->family, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_NOSORT};
    char text[RESOLVER_CACHE_NAME_BYTES + 1];

    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    ares_getaddrinfo(resolver->channel, text, NULL, &hints, on_addrinfo, lookup);
    follow_timer(resolver);
}

enum err resolver_ask(struct resolver *resolver, struct span name, int family, uint16_t port,
                      resolver_answer *answer, void *ctx, struct resolver_query **ret_query)
{
    struct resolver_desk_lookup *lookup;

    assert(family == AF_INET || family == AF_INET6);
    TRY(resolver_desk_ask(&resolver->desk, name, family, port, answer, ctx, ret_query,
                          &lookup));
    if (lookup != NULL) {
        start_lookup(resolver, lookup, name);
    }
    return OK;
}

static void on_host(void *ctx, int status, int timeouts, struct hostent *host)
{
    struct resolver_desk_finding finding = {
        .result = status == ARES_SUCCESS ? RESOLVER_NO_NAME : result_of(status)};

    (void)timeouts;
    if (status == ARES_SUCCESS && host != NULL && host->h_name != NULL) {
        struct span name = span_str(host->h_name);

        if (name.len > 0 && name.len <= sizeof finding.name) {
            memcpy(finding.name, name.ptr, name.len);
            finding.name_len = name.len;
            finding.result = RESOLVER_FOUND;
        }
    }
    resolver_desk_end(ctx, &finding);
}

static void start_name_lookup(struct resolver *resolver, struct resolver_desk_lookup *lookup,
                              const struct addr *addr)
{
    if (lookup->family == AF_INET) {
        ares_gethostbyaddr(resolver->channel, &addr->sa.v4.sin_addr,
                           sizeof addr->sa.v4.sin_addr, AF_INET, on_host, lookup);
    } else {
        ares_gethostbyaddr(resolver->channel, &addr->sa.v6.sin6_addr,
                           sizeof addr->sa.v6.sin6_addr, AF_INET6, on_host, lookup);
    }
    follow_timer(resolver);
}

enum err resolver_ask_name(struct resolver *resolver, const struct addr *addr,
                           resolver_name_answer *answer, void *ctx,
                           struct resolver_query **ret_query)
{
    struct resolver_desk_lookup *lookup;

    TRY(resolver_desk_ask_name(&resolver->desk, addr, answer, ctx, ret_query, &lookup));
    if (lookup != NULL) {
        start_name_lookup(resolver, lookup, addr);
    }
    return OK;
}

void resolver_cancel(struct resolver_query *query)
{
    resolver_desk_cancel(query);
}
