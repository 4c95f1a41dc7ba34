/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/router_forward.h"

#include "pubsub/router_publish.h"
#include "pubsub/router_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    OWN_HEADERS = 3, /* at most, on a copy */
    NUMBER_BYTES = 24,
};

/* ---- copies ---- */

static void on_copied(struct router_ticket *ticket, enum err e,
                      const struct router_receipt *receipts, size_t count)
{
    (void)e; /* the store has logged why; there is nobody else to tell */
    (void)receipts;
    (void)count;
    free(ticket);
}

static enum err publish(void *ctx, struct router_route *to, const struct event_parts *parts)
{
    struct router_ticket *ticket = calloc(1, sizeof *ticket);
    enum err e;

    (void)ctx;
    if (ticket == NULL) {
        return ERR_NOMEM;
    }
    ticket->done = on_copied;
    e = router_publish(to, parts, ticket);
    if (e != OK) {
        free(ticket);
    }
    return e;
}

static size_t count_headers(const struct event *event)
{
    struct event_header header;
    size_t at = 0;
    size_t count = 0;

    while (event_next_header(event, &at, &header)) {
        count++;
    }
    return count;
}

/* The event's headers behind `own`, which take the place of older ones with their names: a copy
 * of a copy says where that one came from. */
static size_t gather(const struct event *event, const struct event_header *own,
                     size_t own_count, struct event_header *headers)
{
    struct event_header header;
    size_t count = own_count;
    size_t at = 0;

    memcpy(headers, own, own_count * sizeof *own);
    while (event_next_header(event, &at, &header)) {
        bool is_old = false;

        for (size_t i = 0; i < own_count; i++) {
            is_old = is_old || span_equal(header.name, own[i].name);
        }
        if (!is_old) {
            headers[count++] = header;
        }
    }
    return count;
}

struct copy {
    struct router_route *from;
    const struct event_header *own;
    size_t own_count;
    struct span id; /* a publish id; empty: none */
    uint64_t ttl;
};

static void leave(struct router_route *from, struct span to, bool is_dead, const char *why)
{
    struct router *router = from->router;
    const struct router_uncopied uncopied = {from, to, is_dead, why};

    router->uncopied++;
    if (router->on_uncopied != NULL) {
        router->on_uncopied(router->on_uncopied_ctx, &uncopied);
    }
}

/* NULL: *ret_to is set; else why it is not. */
static const char *find_target(const struct copy *copy, struct span name,
                               struct router_route **ret_to)
{
    switch (router_open(copy->from->router, name, ret_to)) {
    case ROUTER_FOUND: return *ret_to == copy->from ? "that is where it comes from" : NULL;
    case ROUTER_MISSING:
    case ROUTER_BAD_NAME:
        return "it is not there, and using it makes none (a section for it, CreateOnUse On)";
    case ROUTER_FULL: return "there are as many channels as there may be (ChannelsMax)";
    case ROUTER_NOMEM: return err_text(ERR_NOMEM);
    case ROUTER_FAILED: break;
    }
    return "the store cannot open it";
}

static const char *why_not_taken(enum err e)
{
    switch (e) {
    case ERR_LIMIT: return "the event is larger than all that it may hold (StoreBytes)";
    case ERR_AGAIN: return "the store is behind";
    case ERR_CONF: return "it was removed meanwhile";
    case OK:
    case ERR_NOMEM:
    case ERR_PROTO:
    case ERR_IO:
    case ERR_TIMEOUT:
    case ERR_CLOSED: break;
    }
    return err_text(e);
}

static enum err make_copy(const struct copy *copy, const struct event *event,
                          struct router_route *to, router_forward_take *take, void *ctx)
{
    struct event_header *headers = calloc(count_headers(event) + OWN_HEADERS, sizeof *headers);
    struct event_parts parts = {
        .body = event_body(event), .publish_id = copy->id, .ttl = copy->ttl};
    enum err e;

    if (headers == NULL) {
        return ERR_NOMEM;
    }
    parts.headers = headers;
    parts.header_count = gather(event, copy->own, copy->own_count, headers);
    e = take(ctx, to, &parts);
    free(headers);
    return e;
}

/* ---- joins ---- */

void router_forward_end(struct router_route *route)
{
    for (size_t i = 0; i < route->join_count; i++) {
        selector_unref(route->joins[i].selector);
    }
    free(route->joins);
    route->joins = NULL;
    route->join_count = 0;
}

static enum err compile(struct router_route *route)
{
    const struct router_rule *rule = route->rule;

    route->joins = calloc(rule->join_count, sizeof *route->joins);
    if (route->joins == NULL) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < rule->join_count; i++) {
        struct router_forward_join *join = &route->joins[i];
        struct selector_fault fault;

        join->to = rule->joins[i].to;
        route->join_count++;
        if (rule->joins[i].selector.len > 0) {
            TRY(selector_parse(rule->joins[i].selector, &fault, &join->selector));
        }
    }
    return OK;
}

enum err router_forward_begin(struct router_route *route)
{
    enum err e = OK;

    router_forward_end(route);
    if (route->rule != NULL && route->rule->join_count > 0) {
        e = compile(route);
    }
    if (e != OK) {
        router_forward_end(route);
    }
    return e;
}

static bool is_wanted(const struct router_forward_join *join, struct event_source *source)
{
    return join->selector == NULL || event_source_matches(source, join->selector);
}

/* When a copy is made. */
enum turn {
    TURN_PLAN,   /* to be stored together with the event that it is made of */
    TURN_BEHIND, /* behind that, if it was not planned */
    TURN_ALL,    /* behind that in any case */
};

static bool is_due(const struct router_route *from, const struct router_route *to,
                   enum turn turn)
{
    bool is_for_plan = router_store_appends(from) && router_store_appends(to);

    return turn == TURN_ALL || is_for_plan == (turn == TURN_PLAN);
}

static void copy_for_joins(const struct copy *copy, struct event_source *source, enum turn turn,
                           router_forward_take *take, void *ctx)
{
    const struct router_route *from = copy->from;

    for (size_t i = 0; i < from->join_count; i++) {
        const struct router_forward_join *join = &from->joins[i];
        struct router_route *to = router_find(from->router, join->to);
        const char *why;
        enum err e;

        if ((to != NULL && !is_due(from, to, turn)) || !is_wanted(join, source)) {
            continue;
        }
        why = find_target(copy, join->to, &to);
        if (why != NULL) {
            if (turn != TURN_BEHIND || !router_store_appends(from)) {
                leave(copy->from, join->to, false, why);
            } /* else there was a plan, and it was counted */
        } else if (is_due(from, to, turn)) {
            e = make_copy(copy, source->event, to, take, ctx);
            if (e != OK) {
                leave(copy->from, join->to, false, why_not_taken(e));
            }
        }
    }
}

static uint64_t ttl_of(const struct router_route *route, const struct event *event)
{
    return event->expiry == EVENT_NEVER ? 0 : event->expiry - route->router->room.now;
}

void router_forward_plan(struct router_route *route, const struct event *event,
                         router_forward_take *take, void *ctx)
{
    const struct event_header own[] = {{EVENT_ORIGIN, EVENT_ORIGIN_HOLE},
                                       {SPAN("join-channel"), route->channel.name}};
    const struct copy copy = {
        .from = route, .own = own, .own_count = 2, .ttl = ttl_of(route, event)};
    struct event_source source;

    if (route->join_count == 0 || !router_store_appends(route)) {
        return;
    }
    event_source_init(&source, event, route->channel.name);
    copy_for_joins(&copy, &source, TURN_PLAN, take, ctx);
    event_source_fini(&source);
}

void router_forward_joins(struct router_route *route, struct event_source *source,
                          bool was_planned)
{
    const struct event *event = source->event;
    char eid[NUMBER_BYTES];
    struct event_header own[] = {{EVENT_ORIGIN, {NULL, 0}},
                                 {SPAN("join-channel"), route->channel.name}};
    struct copy copy = {.from = route, .own = own, .own_count = 2};

    if (route->join_count == 0 || event_is_expired(event, route->router->room.now)) {
        return;
    }
    snprintf(eid, sizeof eid, "%" PRIu64, event->eid);
    own[0].value = span_str(eid);
    copy.ttl = ttl_of(route, event);
    copy_for_joins(&copy, source, was_planned ? TURN_BEHIND : TURN_ALL, publish, NULL);
}

/* ---- dead events ---- */

struct span router_forward_dead_id(const struct router_route *route, uint64_t eid,
                                   char room[ROUTER_FORWARD_ID_BYTES])
{
    const struct store *store = route->router->conf.store;

    if (store == NULL || !store->is_shared) {
        return span_of(NULL, 0);
    }
    snprintf(room, ROUTER_FORWARD_ID_BYTES, "dead-event:%.*s:%" PRIx64 ":%" PRIu64,
             SPAN_ARG(route->channel.name), route->channel.epoch, eid);
    return span_str(room);
}

void router_forward_dead(struct router_route *route, const struct event *event,
                         const char *reason)
{
    char eid[NUMBER_BYTES], id[ROUTER_FORWARD_ID_BYTES];
    struct event_header own[OWN_HEADERS];
    struct copy copy = {.from = route, .own = own, .own_count = OWN_HEADERS};
    struct router_route *to;
    const char *why;
    enum err e;

    if (route->rule == NULL || route->rule->dead_events.len == 0) {
        return;
    }
    snprintf(eid, sizeof eid, "%" PRIu64, event->eid);
    own[0] = (struct event_header){SPAN("dead-event-channel"), route->channel.name};
    own[1] = (struct event_header){SPAN("dead-event-eid"), span_str(eid)};
    own[2] = (struct event_header){SPAN("dead-event-reason"), span_str(reason)};
    copy.id = router_forward_dead_id(route, event->eid, id);
    why = find_target(&copy, route->rule->dead_events, &to);
    if (why == NULL) {
        e = make_copy(&copy, event, to, publish, NULL);
        why = e == OK ? NULL : why_not_taken(e);
    }
    if (why != NULL) {
        leave(route, route->rule->dead_events, true, why);
    }
}

struct dead {
    struct router_route *route;
    const struct channel_entry *entry;
    const char *reason;
};

static bool on_dead(void *ctx, const struct event *event)
{
    const struct dead *dead = ctx;

    if (event->eid == dead->entry->eid) {
        router_forward_dead(dead->route, event, dead->reason);
    }
    return false;
}

void router_forward_dropped(struct router_route *route, const struct channel_entry *entry,
                            enum channel_drop why)
{
    struct dead dead = {route, entry, why == CHANNEL_DROP_EXPIRED ? "expired" : "full"};
    uint64_t next;

    if ((why != CHANNEL_DROP_EXPIRED && why != CHANNEL_DROP_FULL) || route->rule == NULL ||
        route->rule->dead_events.len == 0) {
        return;
    }
    if (entry->event != NULL) {
        router_forward_dead(route, entry->event, dead.reason);
    } else if (store_read(route->stream, entry->eid, on_dead, &dead, &next) != OK) {
        leave(route, route->rule->dead_events, true, "it cannot be read from the store");
    }
}
