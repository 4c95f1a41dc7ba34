/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/router_store.h"

enum {
    REMOVALS_MAX =
        16 * 1024, /* operations that wait for a store that takes nothing; further ones
                      are made up for when the channel is opened the next time */
};

static enum channel_type type_of(const struct router_route *route)
{
    return route->channel.conf.type;
}

bool router_store_appends(const struct router_route *route)
{
    return route->stream != NULL &&
           (route->router->conf.store->is_shared || type_of(route) == CHANNEL_PERSISTENT);
}

/* Only the EIDs are the stream's; the events are here. */
static void take_eids(struct router_route *route)
{
    route->channel.epoch = route->stream->epoch;
    route->channel.next_eid = route->stream->next_eid;
    route->channel.held_eid = route->stream->next_eid;
    route->reserved_eid = route->stream->next_eid;
}

/* Every type is in it; of a transient one nothing stays. */
static enum err begin_shared(struct router_route *route)
{
    bool is_kept = type_of(route) != CHANNEL_TRANSIENT;

    TRY(store_open_stream(route->router->conf.store, route->channel.name,
                          is_kept ? STORE_KEEP_ALL : STORE_KEEP_NONE, &route->stream));
    if (is_kept) {
        TRY(channel_restore(&route->channel, route->stream, route->router->room.now));
    } else {
        take_eids(route);
    }
    return OK;
}

enum err router_store_begin(struct router_route *route)
{
    struct store *store = route->router->conf.store;

    if (store != NULL && store->is_shared) {
        return begin_shared(route);
    }
    if (store == NULL || type_of(route) == CHANNEL_TRANSIENT) {
        return OK;
    }
    TRY(store_open_stream(store, route->channel.name, STORE_KEEP_ALL, &route->stream));
    if (type_of(route) == CHANNEL_PERSISTENT) {
        return channel_restore(&route->channel, route->stream, route->router->room.now);
    }
    take_eids(route);
    return OK;
}

bool router_store_is_long(struct router *router, const struct router_rule *rule,
                          struct span name)
{
    struct store *store = router->conf.store;
    struct store_stream *stream;
    bool has = false;

    return store != NULL && !store->is_shared && rule->channel.type == CHANNEL_PERSISTENT &&
           store_has_stream(store, name, &has) == OK && has &&
           store_open_stream(store, name, STORE_KEEP_ALL, &stream) == OK &&
           stream->count > ROUTER_STORE_AT_ONCE;
}

enum err router_store_read_some(struct router_route *route, bool *ret_is_all)
{
    bool is_all = false;

    TRY(store_open_stream(route->router->conf.store, route->channel.name, STORE_KEEP_ALL,
                          &route->stream));
    for (size_t i = 0; i < ROUTER_STORE_AT_ONCE && !is_all; i += STORE_READ_EVENTS_MAX) {
        TRY(channel_restore_some(&route->channel, route->stream, route->router->room.now,
                                 &is_all));
    }
    *ret_is_all = is_all;
    return OK;
}

bool router_store_waits(const struct router_route *route)
{
    if (route->stream == NULL) {
        return false;
    }
    /* With another one on its way a reliable event would pass it, if it did not wait as well.
     */
    return router_store_appends(route) || route->channel.prepared > 1 ||
           route->channel.next_eid >= route->reserved_eid;
}

static struct store_op reservation(const struct router_route *route)
{
    uint64_t next = route->channel.next_eid + route->channel.prepared;

    return (struct store_op){
        .type = STORE_RESERVE, .stream = route->stream, .eid = next + ROUTER_STORE_BLOCK};
}

struct store_op router_store_op(const struct router_route *route, struct event *event)
{
    if (router_store_appends(route)) {
        return (struct store_op){.type = STORE_APPEND, .stream = route->stream, .event = event};
    }
    return reservation(route);
}

void router_store_did(struct router_route *route, const struct store_op *op)
{
    if (op->type == STORE_RESERVE && op->eid > route->reserved_eid) {
        route->reserved_eid = op->eid;
    }
}

void router_store_forget(struct router_route *route, uint64_t eid, enum channel_drop why)
{
    const struct store *store = route->router->conf.store;
    struct store_op op = {.type = STORE_REMOVE, .stream = route->stream, .eid = eid};

    /* It was the oldest one. Those before it may be for another realm to tell; but no hole is
     * to be seen before what is still there. */
    if (why == CHANNEL_DROP_FULL && store != NULL && store->is_shared) {
        op.type = STORE_TRIM;
        op.eid = eid + 1;
    }
    if (route->channel.stream != NULL && !route->router->is_told && !route->router->is_theirs &&
        route->router->removals.len < REMOVALS_MAX * sizeof op) {
        /* Without memory it is dropped once more when the channel is opened the next time. */
        enum err e = buf_append(&route->router->removals, span_of(&op, sizeof op));

        (void)e;
    }
}

static void on_flushed(void *ctx, enum err e, const uint64_t *eids)
{
    /* What failed stays in the store until the channel is opened the next time: its entry is
     * gone, and nobody is shown it. The store has logged why. */
    (void)ctx;
    (void)e;
    (void)eids;
}

static void flush_removals(struct router *router)
{
    const struct store_op *ops = (const struct store_op *)(const void *)router->removals.ptr;
    size_t count = router->removals.len / sizeof *ops;

    if (count > 0 && store_submit(router->conf.store, ops, count, on_flushed, NULL) == OK) {
        buf_fini(&router->removals);
    }
}

static void on_reserved(void *ctx, enum err e, const uint64_t *eids)
{
    struct router_route *route = ctx;

    (void)eids;
    if (e == OK && route->asked_eid > route->reserved_eid) {
        route->reserved_eid = route->asked_eid;
    }
    route->asked_eid = 0;
    router_release(route);
}

/* In time, so that no publish has to wait for it. */
static void reserve_ahead(struct router_route *route)
{
    const struct store_op op = reservation(route);

    if (route->stream == NULL || router_store_appends(route) || route->asked_eid > 0 ||
        route->channel.next_eid + ROUTER_STORE_BLOCK / 2 < route->reserved_eid) {
        return;
    }
    if (store_submit(route->router->conf.store, &op, 1, on_reserved, route) == OK) {
        route->asked_eid = op.eid;
        router_hold(route);
    }
}

void router_store_flush(struct router_route *route)
{
    if (route->router->conf.store != NULL) {
        flush_removals(route->router);
        reserve_ahead(route);
    }
}
