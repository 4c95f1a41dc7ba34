/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/router.h"

#include "base/text.h"
#include "base/utf8.h"

#include <stdlib.h>

enum {
    SCRATCH_KEEP_BYTES = 64 * 1024 /* kept between two publishes */
};

void router_init(struct router *router, const struct router_conf *conf, struct rng *rng)
{
    *router = (struct router){.conf = *conf, .rng = rng};
    map_init(&router->routes, conf->limits.channels);
    list_init(&router->dirty);
    buf_init(&router->room.scratch, conf->limits.view.frame_bytes);
    router->room.budget.max = conf->limits.ring_bytes;
}

static void route_free(struct router_route *route)
{
    view_set_fini(&route->views);
    channel_fini(&route->channel);
    free(route);
}

static void on_last_visit(void *ctx, void *value)
{
    struct router *router = ctx;
    struct router_route *route = value;

    map_remove(&router->routes, route->channel.name);
    route_free(route);
}

void router_fini(struct router *router)
{
    map_visit(&router->routes, on_last_visit, router);
    map_fini(&router->routes);
    buf_fini(&router->room.scratch);
    assert(router->room.budget.used == 0);
}

static bool has_control(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool is_c1 = text.ptr[i] == 0xc2 && i + 1 < text.len && text.ptr[i + 1] < 0xa0;

        if (text.ptr[i] < 0x20 || text.ptr[i] == 0x7f || is_c1) {
            return true;
        }
    }
    return false;
}

/* Writes the name with its "/" into `room`. */
static bool normalise(struct span name, uint8_t room[ROUTER_NAME_MAX], struct span *ret_name)
{
    if (name.len > 0 && name.ptr[0] == '/') {
        name = span_tail(name, 1);
    }
    if (name.len == 0 || name.len > ROUTER_NAME_MAX - 1 || has_control(name) ||
        !utf8_is_valid(name)) {
        return false;
    }
    room[0] = '/';
    memcpy(room + 1, name.ptr, name.len);
    *ret_name = span_of(room, name.len + 1);
    return true;
}

static const struct router_rule *find_rule(const struct router *router, struct span name)
{
    for (size_t i = 0; i < router->conf.rule_count; i++) {
        if (text_glob(router->conf.rules[i].pattern, name)) {
            return &router->conf.rules[i];
        }
    }
    return NULL;
}

static enum err route_new(struct router *router, const struct router_rule *rule,
                          struct span name, struct router_route **ret_route)
{
    struct router_route *route = calloc(1, sizeof *route);
    uint64_t epoch;
    enum err e;

    if (route == NULL) {
        return ERR_NOMEM;
    }
    rng_fill(router->rng, mspan_of((uint8_t *)&epoch, sizeof epoch));
    e = channel_init(&route->channel, name, epoch, &rule->channel);
    view_set_init(&route->views, &route->channel, &router->conf.limits.view, &router->room);
    if (e == OK) {
        e = map_insert(&router->routes, route->channel.name, route);
    }
    if (e != OK) {
        route_free(route);
        return e;
    }
    *ret_route = route;
    return OK;
}

enum router_verdict router_open(struct router *router, struct span name,
                                struct router_route **ret_route)
{
    uint8_t room[ROUTER_NAME_MAX];
    const struct router_rule *rule;
    struct router_route *route;

    if (!normalise(name, room, &name)) {
        return ROUTER_BAD_NAME;
    }
    route = map_find(&router->routes, name);
    if (route != NULL) {
        *ret_route = route;
        return ROUTER_FOUND;
    }
    rule = find_rule(router, name);
    if (rule == NULL) {
        return ROUTER_MISSING;
    }
    if (map_count(&router->routes) >= router->conf.limits.channels) {
        return ROUTER_FULL;
    }
    return route_new(router, rule, name, ret_route) == OK ? ROUTER_FOUND : ROUTER_NOMEM;
}

/* The channel has grown from `before` bytes. Its newest event stays in any case. */
static void keep_within_total(struct router *router, struct channel *channel, size_t before)
{
    router->stored_bytes += channel->bytes - before; /* less than before is as good */
    while (router->stored_bytes > router->conf.limits.store_bytes && channel->count > 1) {
        before = channel->bytes;
        channel_drop_oldest(channel);
        router->stored_bytes -= before - channel->bytes;
    }
}

enum err router_publish(struct router *router, struct router_route *route,
                        const struct event_parts *parts, struct channel_receipt *ret_receipt)
{
    size_t before = route->channel.bytes;
    struct channel_receipt receipt;

    TRY(channel_publish(&route->channel, parts, &receipt));
    *ret_receipt = receipt;
    if (receipt.is_repeat) {
        return OK;
    }
    keep_within_total(router, &route->channel, before);
    router->dirty_bytes += view_set_append(&route->views, receipt.event, &router->dirty);
    if (router->room.scratch.cap > SCRATCH_KEEP_BYTES) {
        buf_fini(&router->room.scratch);
    }
    return OK;
}

struct view *router_next_dirty(struct router *router)
{
    struct view *view = view_next_dirty(&router->dirty);

    if (!router_is_dirty(router)) {
        router->dirty_bytes = 0;
    }
    return view;
}
