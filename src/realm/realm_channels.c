/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_channels.h"

#include "base/json.h"
#include "base/utf8.h"
#include "pubsub/datagroup.h"
#include "pubsub/queue_set.h"
#include "pubsub/session.h"
#include "realm/realm_conf_route.h"

#include <inttypes.h>

/* ---- pages ---- */

struct page {
    struct span after;
    bool (*sees)(void *ctx, const struct router_route *route); /* NULL: everything */
    void *ctx;
    const struct router_route **room;
    size_t room_count;
    size_t count;
};

static int compare(struct span a, struct span b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* The page is kept sorted; what falls off its end comes with a later one. */
static void on_visit(void *ctx, void *value)
{
    struct page *page = ctx;
    const struct router_route *route = value;
    struct span name = route->channel.name;
    size_t low = 0, high = page->count;

    if (route->is_gone || (page->after.len > 0 && compare(name, page->after) <= 0) ||
        (page->sees != NULL && (route->rule == NULL || !page->sees(page->ctx, route)))) {
        return;
    }
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (compare(page->room[middle]->channel.name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == page->room_count) {
        return;
    }
    page->count += page->count < page->room_count;
    memmove(page->room + low + 1, page->room + low,
            (page->count - low - 1) * sizeof *page->room);
    page->room[low] = route;
}

size_t realm_channels_page_for(struct router *router, struct span after,
                               bool (*sees)(void *ctx, const struct router_route *route),
                               void *ctx, const struct router_route **room, size_t room_count)
{
    struct page page = {
        .after = after, .sees = sees, .ctx = ctx, .room = room, .room_count = room_count};

    if (room_count > 0) {
        map_visit(&router->routes, on_visit, &page);
    }
    return page.count;
}

size_t realm_channels_page(struct router *router, struct span after,
                           const struct router_route **room, size_t room_count)
{
    return realm_channels_page_for(router, after, NULL, NULL, room, room_count);
}

/* Asking for a name that nobody has used takes no place from others. */
static bool is_stored(const struct router *router, const struct router_rule *rule,
                      struct span name)
{
    struct store *store = router->conf.store;
    bool is_there = false;

    return store != NULL &&
           (rule->channel.type == CHANNEL_PERSISTENT ||
            (store->is_shared && rule->channel.type == CHANNEL_RELIABLE)) &&
           store_has_stream(store, name, &is_there) == OK && is_there;
}

struct router_route *realm_channels_find(struct router *router, enum router_kind kind,
                                         struct span name)
{
    const struct router_rule *rule = router_find_rule(router, name);
    struct router_route *route = router_find(router, name);

    if (route != NULL && (route->rule == NULL || route->kind != kind)) {
        return NULL; /* the former: a reload has left it without a section */
    }
    if (route != NULL || rule == NULL || rule->kind != kind || !is_stored(router, rule, name) ||
        router_open(router, name, &route) != ROUTER_FOUND) {
        return route;
    }
    return route->kind == kind ? route : NULL;
}

/* ---- one ---- */

static const char *type_of(const struct router_route *route)
{
    switch (route->channel.conf.type) {
    case CHANNEL_TRANSIENT: return "transient";
    case CHANNEL_PERSISTENT: return "persistent";
    case CHANNEL_RELIABLE: break;
    }
    return "reliable";
}

/* By whose wish it is there. */
static const char *origin_of(const struct router_route *route)
{
    if (map_find(&route->router->made, route->channel.name) != NULL) {
        return "administrator";
    }
    return route->rule != NULL && span_equal(route->rule->pattern, route->channel.name)
               ? "configuration"
               : "use";
}

static size_t count_subscribers(const struct router_route *route)
{
    size_t count = 0;

    LIST_FOREACH (node, after, (struct list *)(uintptr_t)&route->subs) {
        const struct session_sub *sub = LIST_ENTRY(node, struct session_sub, of_route);

        count +=
            sub->fed == NULL || sub->fed->feed.reader.queue != NULL; /* else it only looks */
    }
    return count;
}

/* A queue from which nobody has read since the start is not dealt yet. */
static enum err write_queue(const struct router_route *route, struct buf *out)
{
    const struct queue *queue = queue_set_find(route);
    size_t out_count = queue == NULL ? 0 : queue->out;
    size_t count = queue == NULL ? channel_count(&route->channel) : queue_count(queue);

    return buf_printf(out,
                      "\"readers\": %zu, \"waiting\": %zu, \"inWindows\": %zu, "
                      "\"redelivered\": %" PRIu64 ", \"dead\": %" PRIu64 "}",
                      count_subscribers(route), count - out_count, out_count,
                      queue == NULL ? 0 : queue->redelivered, queue == NULL ? 0 : queue->dead);
}

enum err realm_channels_write(const struct router_route *route, struct buf *out)
{
    const struct channel *channel = &route->channel;

    TRY(buf_printf(out, "{\"name\": "));
    TRY(json_put_string(out, channel->name));
    TRY(buf_printf(out,
                   ", \"kind\": \"%s\", \"type\": \"%s\", \"origin\": \"%s\""
                   ", \"epoch\": \"%016" PRIx64 "\", \"first\": %" PRIu64 ", \"next\": %" PRIu64
                   ", \"count\": %zu, \"bytes\": %zu, "
                   "\"capacity\": %zu, ",
                   realm_conf_route_kind(route->kind)->word, type_of(route), origin_of(route),
                   channel->epoch, channel_first_eid(channel), channel->next_eid,
                   channel_count(channel), channel->bytes, channel->conf.capacity));
    if (route->kind == ROUTER_QUEUE) {
        return write_queue(route, out);
    }
    if (route->kind == ROUTER_GROUP) {
        return buf_printf(out, "\"memberCount\": %zu}", datagroup_find(route)->member_count);
    }
    return buf_printf(out, "\"subscribers\": %zu}", count_subscribers(route));
}

static enum err write_keys(const struct channel_conf *conf, struct buf *out)
{
    TRY(buf_printf(out, ", \"publishKey\": ["));
    for (size_t i = 0; i < conf->key_count; i++) {
        TRY(buf_printf(out, "%s[", i == 0 ? "" : ", "));
        TRY(json_put_string(out, span_str(conf->keys[i].name)));
        TRY(buf_printf(out, ", %zu]", conf->keys[i].depth));
    }
    return buf_append_byte(out, ']');
}

static enum err write_joins(const struct router_rule *rule, struct buf *out)
{
    TRY(buf_printf(out, ", \"join\": ["));
    for (size_t i = 0; rule != NULL && i < rule->join_count; i++) {
        TRY(buf_printf(out, "%s[", i == 0 ? "" : ", "));
        TRY(json_put_string(out, rule->joins[i].to));
        if (rule->joins[i].selector.len > 0) {
            TRY(buf_printf(out, ", "));
            TRY(json_put_string(out, rule->joins[i].selector));
        }
        TRY(buf_append_byte(out, ']'));
    }
    return buf_append_byte(out, ']');
}

enum err realm_channels_write_attributes(const struct router_route *route, struct buf *out)
{
    const struct channel_conf *conf = &route->channel.conf;

    TRY(buf_printf(out, ", \"storeBytes\": %zu, \"memoryBytes\": %zu, \"ttlMs\": %" PRIu64,
                   conf->store_bytes, conf->memory_bytes, conf->ttl));
    TRY(buf_printf(out, ", \"deadEvents\": "));
    TRY(route->rule == NULL || route->rule->dead_events.len == 0
            ? buf_append(out, SPAN("null"))
            : json_put_string(out, route->rule->dead_events));
    if (route->kind == ROUTER_QUEUE) {
        return buf_printf(out, ", \"redeliveryMax\": %zu, \"windowMax\": %zu",
                          route->redelivery_max, route->window_max);
    }
    TRY(buf_printf(out, ", \"slowReader\": \"%s\"",
                   conf->slow == CHANNEL_SLOW_SKIP ? "skip" : "drop"));
    if (route->kind == ROUTER_GROUP) {
        TRY(buf_printf(out, ", \"members\": \"%s\"",
                       datagroup_find(route)->has_all ? "all" : "added"));
        return write_joins(route->rule, out);
    }
    TRY(write_keys(conf, out));
    return write_joins(route->rule, out);
}

/* ---- an event ---- */

/* STOMP 1.2, "Repeated Header Entries": the first one counts. A JSON object that had a name
 * twice would say the last one to most readers. */
static bool is_repeated(const struct event *event, struct span name, size_t header_at)
{
    struct event_header header;
    size_t at = 0;

    while (event_next_header(event, &at, &header) && at < header_at) {
        if (span_equal(header.name, name)) {
            return true;
        }
    }
    return false;
}

static enum err write_headers(const struct event *event, struct buf *out)
{
    struct event_header header;
    const char *comma = "";
    size_t at = 0;

    while (event_next_header(event, &at, &header)) {
        if (is_repeated(event, header.name, at)) {
            continue;
        }
        TRY(buf_printf(out, "%s", comma));
        TRY(json_put_string(out, header.name));
        TRY(buf_append(out, SPAN(": ")));
        TRY(json_put_string(out, header.value));
        comma = ", ";
    }
    return OK;
}

enum err realm_channels_write_event(const struct event *event, struct buf *out)
{
    struct span body = event_body(event);

    TRY(buf_printf(out, "{\"eid\": %" PRIu64 ", \"timestamp\": %" PRIu64 ", ", event->eid,
                   event->time));
    if (event->expiry != EVENT_NEVER) {
        TRY(buf_printf(out, "\"expires\": %" PRIu64 ", ", event->expiry));
    }
    TRY(buf_append(out, SPAN("\"headers\": {")));
    TRY(write_headers(event, out));
    TRY(buf_append(out, SPAN("}, ")));
    if (utf8_is_valid(body)) {
        TRY(buf_append(out, SPAN("\"data\": ")));
        TRY(json_put_string(out, body));
    } else {
        TRY(buf_append(out, SPAN("\"base64\": ")));
        TRY(json_put_base64(out, body));
    }
    return buf_append_byte(out, '}');
}
