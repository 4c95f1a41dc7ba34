/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_route_ask.h"

#include <stdlib.h>

enum {
    FAMILIES = 2
};

struct proxy_route_ask {
    const struct proxy_route_conf *conf; /* borrowed */
    struct proxy_route_request request;  /* its spans point into `bytes` */
    proxy_route_ask_done *done;
    void *ctx;                                /* borrowed */
    struct resolver_query *queries[FAMILIES]; /* NULL when answered */
    struct addr addrs[FAMILIES * RESOLVER_ADDRS_MAX];
    size_t addr_count;
    uint8_t bytes[];
};

static struct span copy(struct span bytes, uint8_t **room)
{
    struct span copied = span_of(*room, bytes.len);

    if (bytes.len > 0) {
        memcpy(*room, bytes.ptr, bytes.len);
    }
    *room += bytes.len;
    return copied;
}

static struct proxy_route_ask *ask_new(const struct proxy_route_conf *conf,
                                       const struct proxy_route_request *request,
                                       proxy_route_ask_done *done, void *ctx)
{
    struct proxy_route_ask *ask = calloc(1, sizeof *ask + request->scheme.len +
                                                request->host.len + request->path.len + 1);
    uint8_t *room;

    if (ask == NULL) {
        return NULL;
    }
    room = ask->bytes;
    ask->conf = conf;
    ask->done = done;
    ask->ctx = ctx;
    ask->request = *request;
    ask->request.scheme = copy(request->scheme, &room);
    ask->request.host = copy(request->host, &room);
    ask->request.path = copy(request->path, &room);
    return ask;
}

static void decide(struct proxy_route_ask *ask)
{
    proxy_route_ask_done *done = ask->done;
    void *ctx = ask->ctx;
    struct proxy_route route = {.way = PROXY_ROUTE_DIRECT};
    enum err e;

    ask->request.addrs = ask->addrs;
    ask->request.addr_count = ask->addr_count;
    e = proxy_route_find(ask->conf, &ask->request, &route);
    route.needs_addrs = false; /* there are none: it goes without */
    proxy_route_ask_cancel(ask);
    done(ctx, e, &route);
}

static void keep(struct proxy_route_ask *ask, size_t which, const struct addr *addrs,
                 size_t count)
{
    ask->queries[which] = NULL;
    if (count > 0) {
        memcpy(ask->addrs + ask->addr_count, addrs, count * sizeof *addrs);
        ask->addr_count += count;
    }
    if (ask->queries[0] == NULL && ask->queries[1] == NULL) {
        decide(ask);
    }
}

static void on_v6(void *ctx, enum resolver_result result, const struct addr *addrs,
                  size_t count)
{
    (void)result;
    keep(ctx, 0, addrs, count);
}

static void on_v4(void *ctx, enum resolver_result result, const struct addr *addrs,
                  size_t count)
{
    (void)result;
    keep(ctx, 1, addrs, count);
}

enum err proxy_route_ask(const struct proxy_route_conf *conf, struct resolver *resolver,
                         const struct proxy_route_request *request, proxy_route_ask_done *done,
                         void *ctx, struct proxy_route *ret_route,
                         struct proxy_route_ask **ret_ask)
{
    struct proxy_route route;
    struct proxy_route_ask *ask;
    enum err e;

    TRY(proxy_route_find(conf, request, &route));
    if (!route.needs_addrs) {
        *ret_route = route;
        return OK;
    }
    ask = ask_new(conf, request, done, ctx);
    if (ask == NULL) {
        return ERR_NOMEM;
    }
    e = resolver_ask(resolver, request->host, AF_INET6, request->port, on_v6, ask,
                     &ask->queries[0]);
    if (e == OK) {
        e = resolver_ask(resolver, request->host, AF_INET, request->port, on_v4, ask,
                         &ask->queries[1]);
    }
    if (e != OK) {
        proxy_route_ask_cancel(ask);
        return e;
    }
    *ret_ask = ask;
    return ERR_AGAIN;
}

void proxy_route_ask_cancel(struct proxy_route_ask *ask)
{
    if (ask == NULL) {
        return;
    }
    resolver_cancel(ask->queries[0]);
    resolver_cancel(ask->queries[1]);
    free(ask);
}
