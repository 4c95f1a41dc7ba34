/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/router_shared.h"

#include "pubsub/router_publish.h"

enum {
    AGAIN_MS = 1000 /* until a route that is behind tries again, if nothing happens before */
};

static enum err take_in(struct router_route *route, struct event *event)
{
    struct router *router = route->router;
    enum err e;

    router->is_theirs = true;
    e = channel_take(&route->channel, event);
    router->is_theirs = false;
    if (e == OK) {
        router_publish_show(route, event, false);
    }
    return e;
}

uint64_t router_shared_deadline(const struct router_route *route)
{
    return route->is_behind ? route->router->room.now + AGAIN_MS : EVENT_NEVER;
}

void router_shared_tell(struct router *router)
{
    if (router->on_news != NULL) {
        router->on_news(router->on_news_ctx);
    }
}

/* ---- behind ---- */

struct missed {
    struct router_route *route;
    uint64_t end_eid; /* not this one, and none behind it */
    bool is_end;
    enum err e;
};

static bool on_missed(void *ctx, const struct event *event)
{
    struct missed *missed = ctx;
    struct event *copy;

    missed->is_end = event->eid >= missed->end_eid;
    if (missed->is_end) {
        return false;
    }
    missed->e = event_copy(event, &copy);
    if (missed->e == OK) {
        missed->e = take_in(missed->route, copy);
        event_unref(copy);
    }
    return missed->e == OK;
}

static void catch_up(struct router_route *route, uint64_t end_eid)
{
    struct missed missed = {.route = route, .end_eid = end_eid};
    uint64_t next = route->channel.next_eid;
    enum err e = OK;

    while (e == OK && missed.e == OK && !missed.is_end && next < end_eid) {
        uint64_t from = next;

        e = store_read(route->stream, from, on_missed, &missed, &next);
        missed.is_end = missed.is_end || next >= route->stream->next_eid;
    }
    route->is_behind = e != OK || missed.e != OK;
}

void router_shared_catch_up(struct router_route *route)
{
    if (route->is_behind) {
        catch_up(route, UINT64_MAX);
    }
}

static void fall_behind(struct router_route *route, uint64_t eid)
{
    uint64_t again;

    if (route->channel.stream == NULL) { /* nobody has it any more */
        channel_lose(&route->channel, eid);
        view_set_lose(&route->views);
        return;
    }
    route->is_behind = true;
    again = router_shared_deadline(route);
    if (again < route->due.at) {
        heap_move(&route->router->expiries, &route->due, again);
    }
}

/* ---- what the store tells ---- */

static void on_event(void *ctx, struct event *event)
{
    struct router_route *route = ctx;

    if (route->is_behind) {
        catch_up(route, UINT64_MAX); /* this one, too */
    } else if (event->eid >= route->channel.next_eid && take_in(route, event) != OK) {
        fall_behind(route, event->eid);
    }
    router_shared_tell(route->router);
}

static void on_gone(void *ctx, uint64_t first_eid, uint64_t last_eid)
{
    struct router_route *route = ctx;
    struct router *router = route->router;

    router->is_told = true;
    channel_remove_all(&route->channel, first_eid, last_eid);
    router->is_told = false;
    router_shared_tell(router);
}

static const struct store_stream_watch watch = {on_event, on_gone};

void router_shared_begin(struct router_route *route)
{
    if (route->stream != NULL && route->stream->store->is_shared) {
        route->stream->watch = &watch;
        route->stream->watch_ctx = route;
    }
}

void router_shared_end(struct router_route *route)
{
    route->is_behind = false;
    if (route->stream != NULL) {
        route->stream->watch = NULL;
        route->stream->watch_ctx = NULL;
    }
}

struct router_route *router_shared_heir(struct router_route *route)
{
    if (!route->is_gone) {
        return route;
    }
    return route->stream == NULL ? NULL : route->stream->watch_ctx;
}

bool router_shared_pass_on(struct router_route *route, struct event *event)
{
    struct router_route *next = router_shared_heir(route);
    bool is_known = next != NULL && event->eid < next->channel.next_eid;

    if (next != NULL && !is_known) {
        on_event(next, event);
    }
    return is_known;
}

enum router_shared_turn router_shared_turn(struct router_route *route, uint64_t eid)
{
    if (route->is_gone && route->stream->store->is_shared) {
        return ROUTER_SHARED_GONE;
    }
    if (route->is_behind) {
        catch_up(route, eid);
    }
    if (eid < route->channel.next_eid) {
        return ROUTER_SHARED_KNOWN;
    }
    return route->is_behind ? ROUTER_SHARED_LATER : ROUTER_SHARED_NOW;
}
