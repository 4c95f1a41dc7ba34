/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/router.h"

#include "base/text.h"
#include "base/utf8.h"
#include "pubsub/queue_share.h"
#include "pubsub/router_forward.h"
#include "pubsub/router_shared.h"
#include "pubsub/router_store.h"

#include <stdlib.h>

void router_init(struct router *router, const struct router_conf *conf, struct rng *rng)
{
    *router =
        (struct router){.conf = *conf, .rng = rng, .budget = {.max = conf->limits.store_bytes}};
    map_init(&router->routes, conf->limits.channels);
    map_init(&router->made, conf->limits.channels);
    map_init(&router->opening, conf->limits.channels);
    list_init(&router->orphans);
    heap_init(&router->expiries);
    account_set_init(&router->accounts);
    durable_set_init(&router->durables, conf->store, conf->limits.durables, rng);
    router->durables.accounts = &router->accounts;
    buf_init(&router->removals, SIZE_MAX / 2); /* router_store bounds it */
    view_room_init(&router->room, conf->limits.view.frame_bytes, conf->limits.ring_bytes);
}

static void route_free(struct router_route *route)
{
    if (route->hooks != NULL) {
        route->hooks->on_end(route->hooks_ctx);
    }
    account_give(route->account, ACCOUNT_CHANNELS);
    heap_remove(&route->router->expiries, &route->due);
    router_forward_end(route);
    view_set_fini(&route->views);
    channel_fini(&route->channel);
    free(route);
}

static void on_give_up(void *ctx, void *value)
{
    struct router *router = ctx;
    struct router_route *route = value;

    map_remove(&router->opening, route->channel.name);
    route_free(route);
}

/* Other rules may cover them now: who waits for one begins anew. */
static void give_up_opening(struct router *router)
{
    map_visit(&router->opening, on_give_up, router);
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
    give_up_opening(router);
    map_fini(&router->opening);
    map_visit(&router->routes, on_last_visit, router);
    map_fini(&router->routes);
    map_fini(&router->made);
    heap_fini(&router->expiries);
    durable_set_fini(&router->durables);
    account_set_fini(&router->accounts);
    buf_fini(&router->removals);
    view_room_fini(&router->room);
    assert(router->budget.used == 0);
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
    if (name.len == 0 || name.ptr[0] == '$' || name.len > ROUTER_NAME_MAX - 1 ||
        has_control(name) || !utf8_is_valid(name)) {
        return false;
    }
    room[0] = '/';
    memcpy(room + 1, name.ptr, name.len);
    *ret_name = span_of(room, name.len + 1);
    return true;
}

const struct router_rule *router_find_rule(const struct router *router, struct span name)
{
    const struct router_rule *made = map_find(&router->made, name);

    if (made != NULL) {
        return made;
    }
    for (size_t i = 0; i < router->conf.rule_count; i++) {
        if (text_glob(router->conf.rules[i].pattern, name)) {
            return &router->conf.rules[i];
        }
    }
    return NULL;
}

struct adoption {
    struct router *router;
    enum err e;
};

static void on_adopt(void *ctx, void *value)
{
    struct adoption *adoption = ctx;
    struct router_route *route = value;
    enum err e;

    if (route->is_gone) {
        return;
    }
    route->rule = router_find_rule(adoption->router, route->channel.name);
    e = router_forward_begin(route);
    adoption->e = e == OK ? adoption->e : e;
}

enum err router_adopt(struct router *router, const struct router_conf *conf)
{
    struct adoption adoption = {router, OK};

    give_up_opening(router);
    router->conf.rules = conf->rules;
    router->conf.rule_count = conf->rule_count;
    router->conf.limits.store_bytes = conf->limits.store_bytes;
    router->budget.max = conf->limits.store_bytes;
    map_visit(&router->routes, on_adopt, &adoption);
    return adoption.e;
}

static void on_drop(void *ctx, const struct channel_entry *entry, enum channel_drop why)
{
    struct router_route *route = ctx;
    bool is_theirs = route->router->is_theirs;

    /* Else the queue knows itself who is dead, here or in another realm. */
    if (route->hooks == NULL && !is_theirs && !queue_share_is_theirs(route, entry->eid)) {
        router_forward_dropped(route, entry, why);
    }
    router_store_forget(route, entry->eid, why);
    if (route->hooks != NULL) {
        route->hooks->on_drop(route->hooks_ctx, entry->eid, why);
    }
}

/* Kind and bounds stay as they are, whatever rules come later. */
static void take_rule(struct router_route *route, const struct router_rule *rule)
{
    route->rule = rule;
    route->kind = rule->kind;
    route->redelivery_max = rule->redelivery_max;
    route->window_max = rule->window_max;
}

static enum err route_begin(struct router_route *route, const struct router_rule *rule,
                            struct span name)
{
    struct router *router = route->router;
    uint64_t epoch;
    enum err e;

    rng_fill(router->rng, mspan_of((uint8_t *)&epoch, sizeof epoch));
    e = channel_init(&route->channel, name, epoch, &rule->channel, &router->budget);
    route->channel.watcher = (struct channel_watcher){on_drop, route};
    view_set_init(&route->views, &route->channel, &router->conf.limits.view, &router->room);
    TRY(e);
    take_rule(route, rule);
    return router_forward_begin(route);
}

/* What is stored is there, or is read now. */
static enum err route_finish(struct router_route *route)
{
    struct router *router = route->router;

    TRY(router_store_begin(route));
    if (route->kind == ROUTER_GROUP && router->on_group != NULL) {
        TRY(router->on_group(router->on_group_ctx, route));
    }
    route->due.at = channel_deadline(&route->channel);
    TRY(heap_push(&router->expiries, &route->due));
    TRY(map_insert(&router->routes, route->channel.name, route));
    route->is_named = true;
    router_shared_begin(route);
    return OK;
}

static enum err route_make(struct router *router, const struct router_rule *rule,
                           struct span name, struct router_route **ret_route)
{
    struct router_route *route = calloc(1, sizeof *route);
    enum err e;

    if (route == NULL) {
        return ERR_NOMEM;
    }
    route->router = router;
    list_init(&route->subs);
    e = route_begin(route, rule, name);
    if (e != OK) {
        route_free(route);
        return e;
    }
    *ret_route = route;
    return OK;
}

static enum err route_new(struct router *router, const struct router_rule *rule,
                          struct span name, struct router_route **ret_route)
{
    struct router_route *route = map_remove(&router->opening, name);
    enum err e;

    if (route == NULL) {
        TRY(route_make(router, rule, name, &route));
    }
    e = route_finish(route);
    if (e != OK) {
        route_free(route);
        return e;
    }
    *ret_route = route;
    return OK;
}

enum err router_declare(struct router *router)
{
    for (size_t i = 0; i < router->conf.rule_count; i++) {
        const struct router_rule *rule = &router->conf.rules[i];
        struct router_route *route;

        if (span_find(rule->pattern, '*') < rule->pattern.len ||
            map_find(&router->routes, rule->pattern) != NULL) {
            continue;
        }
        /* The first that fits, as everywhere: who may use it is asked of that one. */
        TRY(route_new(router, router_find_rule(router, rule->pattern), rule->pattern, &route));
        router_store_flush(route);
    }
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
    if (route != NULL && route->rule == NULL) {
        return ROUTER_MISSING; /* without a section since a reload, or about to be removed */
    }
    if (route != NULL) {
        *ret_route = route;
        return ROUTER_FOUND;
    }
    rule = router_find_rule(router, name);
    if (rule == NULL || rule->is_closed) {
        return ROUTER_MISSING;
    }
    if (map_count(&router->routes) >= router->conf.limits.channels) {
        return ROUTER_FULL;
    }
    switch (route_new(router, rule, name, ret_route)) {
    case OK: router_store_flush(*ret_route); return ROUTER_FOUND;
    case ERR_NOMEM: return ROUTER_NOMEM;
    case ERR_LIMIT: return ROUTER_FULL;
    case ERR_AGAIN:
    case ERR_PROTO:
    case ERR_IO:
    case ERR_TIMEOUT:
    case ERR_CONF:
    case ERR_CLOSED: break;
    }
    return ROUTER_FAILED;
}

/* NULL: there is no reason to, or no way. */
static struct router_route *begin_opening(struct router *router, struct span name)
{
    const struct router_rule *rule = router_find_rule(router, name);
    struct router_route *route;

    if (rule == NULL || rule->is_closed || !router_store_is_long(router, rule, name) ||
        map_count(&router->routes) >= router->conf.limits.channels ||
        route_make(router, rule, name, &route) != OK) {
        return NULL;
    }
    if (map_insert(&router->opening, route->channel.name, route) != OK) {
        route_free(route);
        return NULL;
    }
    return route;
}

bool router_is_ready(struct router *router, struct span name)
{
    uint8_t room[ROUTER_NAME_MAX];
    struct router_route *route;
    bool is_all;

    if (!normalise(name, room, &name) || map_find(&router->routes, name) != NULL) {
        return true;
    }
    route = map_find(&router->opening, name);
    if (route == NULL) {
        route = begin_opening(router, name);
    }
    /* router_open() has the words for what goes wrong. */
    return route == NULL || router_store_read_some(route, &is_all) != OK || is_all;
}

enum err router_own(struct router_route *route, struct span key)
{
    if (route->account != NULL || route->channel.next_eid > 1) {
        return OK;
    }
    return account_take(&route->router->accounts, key, ACCOUNT_CHANNELS, &route->account);
}

struct router_route *router_find(const struct router *router, struct span name)
{
    struct router_route *route = map_find(&router->routes, name);

    return route == NULL || route->is_gone ? NULL : route;
}

/* ---- made and removed while the realm runs ---- */

enum err router_made_put(struct router *router, const struct router_rule *rule)
{
    router_made_drop(router, rule->pattern);
    return map_insert(&router->made, rule->pattern, (void *)(uintptr_t)rule);
}

void router_made_drop(struct router *router, struct span name)
{
    struct router_route *route = map_find(&router->routes, name);
    const struct router_rule *rule = map_remove(&router->made, name);

    give_up_opening(router);
    if (route != NULL && rule != NULL && route->rule == rule) {
        route->rule = NULL;
        router_forward_end(route);
    }
}

struct router_route *router_hold(struct router_route *route)
{
    route->holders++;
    return route;
}

void router_release(struct router_route *route)
{
    assert(route->holders > 0);
    route->holders--;
    if (route->holders == 0 && route->is_gone && !route->is_named) {
        route_free(route);
    }
}

void router_leave(struct router_route *route)
{
    struct router *router = route->router;

    route->is_gone = true;
    route->rule = NULL;
    router_shared_end(route);
    router_forward_end(route);
    router->is_told = true; /* who removes it tells the store */
    channel_purge(&route->channel, route->channel.next_eid);
    router->is_told = false;
    list_splice(&router->orphans, &route->subs);
}

void router_unname(struct router_route *route)
{
    map_remove(&route->router->routes, route->channel.name);
    route->is_named = false;
}

void router_set_now(struct router *router, uint64_t now)
{
    if (now > router->room.now) { /* a clock that was set back: the time stands still */
        router->room.now = now;
    }
    router->budget.merged = 0;
}

uint64_t router_deadline(const struct router *router)
{
    const struct heap_node *first = heap_peek(&router->expiries);

    return first == NULL ? EVENT_NEVER : first->at;
}

void router_expire(struct router *router)
{
    struct heap_node *node;

    while ((node = heap_peek(&router->expiries)) != NULL && node->at <= router->room.now) {
        struct router_route *route = LIST_ENTRY(node, struct router_route, due);
        uint64_t again, next;

        router_shared_catch_up(route);
        channel_expire(&route->channel, router->room.now);
        router_store_flush(route);
        again = router_shared_deadline(route);
        next = channel_deadline(&route->channel);
        heap_move(&router->expiries, node, again < next ? again : next);
    }
}

struct view *router_next_dirty(struct router *router)
{
    struct view *view = view_next_dirty(&router->room);

    if (!router_is_dirty(router)) {
        router->dirty_bytes = 0;
    }
    return view;
}
