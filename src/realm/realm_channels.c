/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_channels.h"

#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"

#include <inttypes.h>

/* ---- pages ---- */

struct page {
    struct span after;
    bool (*sees)(void *ctx, struct span name); /* NULL: everything */
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

    if ((page->after.len > 0 && compare(name, page->after) <= 0) ||
        (page->sees != NULL && (route->rule == NULL || !page->sees(page->ctx, name)))) {
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
                               bool (*sees)(void *ctx, struct span name), void *ctx,
                               const struct router_route **room, size_t room_count)
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

static bool may_be_stored(const struct router *router, struct span name)
{
    for (size_t i = 0; i < router->conf.rule_count; i++) {
        const struct router_rule *rule = &router->conf.rules[i];

        if (text_glob(rule->pattern, name)) { /* the first that fits counts */
            return rule->kind == ROUTER_CHANNEL && rule->channel.type == CHANNEL_PERSISTENT;
        }
    }
    return false;
}

/* Asking for a name that nobody has used takes no place from others. */
static bool is_stored(const struct router *router, struct span name)
{
    bool is_there = false;

    return router->conf.store != NULL &&
           store_has_stream(router->conf.store, name, &is_there) == OK && is_there;
}

const struct router_route *realm_channels_find(struct router *router, struct span name)
{
    struct router_route *route = map_find(&router->routes, name);

    if (route != NULL && route->rule == NULL) {
        return NULL; /* a reload has left it without a section */
    }
    if (route != NULL || !may_be_stored(router, name) || !is_stored(router, name)) {
        return route;
    }
    return router_open(router, name, &route) == ROUTER_FOUND ? route : NULL;
}

/* ---- one ---- */

static size_t count_subscribers(const struct router_route *route)
{
    size_t count = 0;

    LIST_FOREACH (node, after, (struct list *)&route->views.list) {
        count += LIST_ENTRY(node, struct view, node)->cursor_count;
    }
    return count;
}

enum err realm_channels_write(const struct router_route *route, struct buf *out)
{
    const struct channel *channel = &route->channel;

    TRY(buf_printf(out, "{\"name\": "));
    TRY(json_put_string(out, channel->name));
    return buf_printf(out,
                      ", \"epoch\": \"%016" PRIx64 "\", \"first\": %" PRIu64
                      ", \"next\": %" PRIu64 ", \"count\": %zu, \"bytes\": %zu, "
                      "\"capacity\": %zu, \"subscribers\": %zu}",
                      channel->epoch, channel_first_eid(channel), channel->next_eid,
                      channel_count(channel), channel->bytes, channel->conf.capacity,
                      count_subscribers(route));
}

/* ---- an event ---- */

enum err realm_channels_write_event(const struct event *event, struct buf *out)
{
    struct span body = event_body(event);
    struct event_header header;
    const char *comma = "";
    size_t at = 0;

    TRY(buf_printf(out, "{\"eid\": %" PRIu64 ", \"headers\": {", event->eid));
    while (event_next_header(event, &at, &header)) {
        TRY(buf_printf(out, "%s", comma));
        TRY(json_put_string(out, header.name));
        TRY(buf_append(out, SPAN(": ")));
        TRY(json_put_string(out, header.value));
        comma = ", ";
    }
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
