/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/queue_set.h"

#include "pubsub/queue_share.h"
#include "pubsub/router_forward.h"
#include "pubsub/router_store.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    BURIAL_HEADERS = 4,       /* that are added */
    BURIAL_HEADERS_MAX = 128, /* of an event; others are left behind */
    NUMBER_BYTES = 24,
    BURIAL_AGAIN_MS = 1000, /* until a burial that could not be is tried again */
    BURIALS_AGAIN = 64,     /* at once, as the store may be as full as it was */
    BURIALS_AGAIN_MS = 100, /* until the next so many */
};

struct member {
    struct queue queue;
    struct queue_share share;
    struct list node; /* in set->queues */
    struct queue_set *set;
    struct router_route *route;
    bool is_behind; /* events are stored that the queue had no memory for */
};

/* A dead event on its way. */
struct burial {
    struct router_ticket ticket;
    struct list node; /* in set->burials */
    struct member *member;
    struct queue_gone gone;
    /* It could not be published, and is stored where it was: to be tried again then. 0: it is
     * on its way. */
    uint64_t again_at;
};

void queue_set_init(struct queue_set *set, const struct queue_set_conf *conf)
{
    *set = (struct queue_set){.conf = *conf, .again_at = EVENT_NEVER};
    queue_desk_init(&set->desk);
    list_init(&set->queues);
    list_init(&set->burials);
}

void queue_set_adopt(struct queue_set *set, size_t ids_max)
{
    set->conf.ids_max = ids_max;
}

static void burial_free(struct burial *burial)
{
    router_publish_cancel(&burial->ticket);
    list_remove(&burial->node);
    event_unref(burial->gone.event);
    free(burial);
}

void queue_set_fini(struct queue_set *set)
{
    LIST_FOREACH (node, after, &set->burials) {
        burial_free(LIST_ENTRY(node, struct burial, node));
    }
    LIST_FOREACH (node, after, &set->queues) {
        struct member *member = LIST_ENTRY(node, struct member, node);

        member->route->hooks = NULL;
        queue_share_fini(&member->share);
        queue_fini(&member->queue);
        free(member);
    }
}

/* ---- what the channel tells ---- */

static bool on_stored(void *ctx, const struct event *event)
{
    struct member *member = ctx;

    member->is_behind = queue_put(&member->queue, event) != OK;
    return !member->is_behind;
}

static void catch_up(struct member *member)
{
    const struct channel *channel = &member->route->channel;
    uint64_t first = channel_first_eid(channel);
    uint64_t next = member->queue.next_eid;

    /* From the first that is stored nothing is missing, so there is nothing to refuse. */
    if (channel_read(channel, next < first ? first : next, member->route->router->room.now,
                     on_stored, member) != OK) {
        member->is_behind = true;
    }
}

static void on_event(void *ctx, const struct event *event)
{
    struct member *member = ctx;

    if (member->is_behind) {
        catch_up(member);
    } else {
        on_stored(member, event);
    }
}

/* What another realm's event has no room for that realm buries; but who has the lock, or had it
 * a moment ago, cannot know whether it has seen that. */
static void on_drop(void *ctx, uint64_t eid, enum channel_drop why)
{
    static const enum queue_end ends[] = {
        [CHANNEL_DROP_FULL] = QUEUE_DROPPED,
        [CHANNEL_DROP_EXPIRED] = QUEUE_EXPIRED,
        [CHANNEL_DROP_REMOVED] = QUEUE_REMOVED,
    };
    struct member *member = ctx;
    bool is_theirs =
        (member->route->router->is_theirs && !queue_lock_was_ours(&member->queue, eid)) ||
        queue_share_is_theirs(member->route, eid);

    queue_drop(&member->queue, eid, is_theirs ? QUEUE_REMOVED : ends[why]);
}

/* Whoever has it next may find it, or not. */
static void give_back(struct member *member, const struct queue_gone *gone)
{
    if (gone->is_locked) {
        queue_share_give_back(&member->share, gone);
    }
}

/* Nobody reads, and what is being buried goes on without us. */
static void on_end(void *ctx)
{
    struct member *member = ctx;

    LIST_FOREACH (node, after, &member->set->burials) {
        struct burial *burial = LIST_ENTRY(node, struct burial, node);

        if (burial->member == member) {
            give_back(member, &burial->gone);
            burial_free(burial);
        }
    }
    queue_share_end(&member->share);
    list_remove(&member->node);
    queue_fini(&member->queue);
    free(member);
}

static const struct router_hooks hooks = {on_event, on_drop, on_end};

enum err queue_set_open(struct queue_set *set, struct router_route *route,
                        struct queue **ret_queue)
{
    struct member *member = route->hooks_ctx;

    assert(route->kind == ROUTER_QUEUE);
    if (route->hooks == NULL) {
        const struct queue_conf conf = {route->channel.name, route->redelivery_max,
                                        set->conf.ids_max, queue_share_is_shared(route)};

        member = calloc(1, sizeof *member);
        if (member == NULL) {
            return ERR_NOMEM;
        }
        member->set = set;
        member->route = route;
        queue_init(&member->queue, &conf, &set->desk);
        queue_share_init(&member->share, &member->queue, route, &set->again_at);
        list_append(&set->queues, &member->node);
        route->hooks = &hooks;
        route->hooks_ctx = member;
        catch_up(member);
    }
    *ret_queue = &member->queue;
    return OK;
}

struct queue *queue_set_find(const struct router_route *route)
{
    struct member *member = route->hooks_ctx;

    return route->kind != ROUTER_QUEUE || route->hooks == NULL ? NULL : &member->queue;
}

uint64_t queue_set_find_id(const struct router_route *route, struct span id)
{
    const struct member *member = route->hooks_ctx;

    return route->kind != ROUTER_QUEUE || route->hooks == NULL
               ? 0
               : queue_ids_find(&member->queue.ids, id);
}

size_t queue_set_removals(const struct queue_claim *claim, struct router_removal *room)
{
    size_t count = 0;

    LIST_FOREACH (place, after, &claim->sealed) {
        const struct queue_entry *entry = LIST_ENTRY(place, struct queue_entry, place);
        const struct member *member = LIST_ENTRY(entry->queue, struct member, queue);

        if (!entry->claim_rolls_back && room != NULL) {
            room[count] = (struct router_removal){member->route, entry->event->eid};
        }
        count += !entry->claim_rolls_back;
    }
    return count;
}

struct queue_reader *queue_set_next_woken(struct queue_set *set)
{
    struct list *first = set->desk.woken.next;

    if (list_is_empty(&set->desk.woken)) {
        return NULL;
    }
    list_remove(first);
    return LIST_ENTRY(first, struct queue_reader, woken);
}

/* ---- what the queue tells ---- */

static void lose(const struct member *member, const struct queue_gone *gone)
{
    const struct queue_set_conf *conf = &member->set->conf;

    if (conf->on_loss != NULL) {
        conf->on_loss(conf->ctx, member->route, gone);
    }
}

/* The store is to forget it, and then other realms its lock. */
static void forget(struct member *member, const struct queue_gone *gone)
{
    struct router *router = member->route->router;
    uint64_t eid = gone->event->eid;

    if (!gone->is_locked) {
        channel_remove(&member->route->channel, eid);
    } else if (queue_share_remove(&member->share, eid)) {
        router->is_told = true;
        channel_remove(&member->route->channel, eid);
        router->is_told = false;
    } else { /* no memory: should another realm be faster than the store it comes again */
        channel_remove(&member->route->channel, eid);
        give_back(member, gone);
    }
}

/* Nothing more is to be done for it: it is buried, or (ERR_LIMIT) will never be. */
static void leave(struct member *member, const struct queue_gone *gone, enum err e)
{
    if (e != OK) {
        lose(member, gone);
    }
    if (gone->is_stored && (e == OK || e == ERR_LIMIT)) {
        forget(member, gone);
    } else {
        give_back(member, gone);
    }
}

static void look_again(struct queue_set *set, uint64_t at)
{
    set->again_at = at < set->again_at ? at : set->again_at;
}

/* It could not be buried now. What is stored where it was waits: a store that is full may have
 * room again. */
static void put_off(struct burial *burial, enum err e)
{
    struct queue_set *set = burial->member->set;

    if (burial->gone.is_stored) {
        burial->again_at = set->conf.router->room.now + BURIAL_AGAIN_MS;
        look_again(set, burial->again_at);
        list_remove(&burial->node); /* behind those that have not been tried for longer */
        list_append(&set->burials, &burial->node);
    } else {
        leave(burial->member, &burial->gone, e);
        burial_free(burial);
    }
}

/* Only now the store may forget it. */
static void on_buried(struct router_ticket *ticket, enum err e,
                      const struct router_receipt *receipts, size_t count)
{
    struct burial *burial = LIST_ENTRY(ticket, struct burial, ticket);

    (void)receipts;
    (void)count;
    if (e != OK) { /* ERR_LIMIT, too: of the store, which is full */
        put_off(burial, e);
        return;
    }
    leave(burial->member, &burial->gone, OK);
    if (burial->gone.is_stored) {
        router_store_flush(burial->member->route);
    }
    burial_free(burial);
}

static const char *word_of(enum queue_end end)
{
    switch (end) {
    case QUEUE_DEAD: return "redelivered";
    case QUEUE_EXPIRED: return "expired";
    case QUEUE_DROPPED: return "full";
    case QUEUE_CONSUMED:
    case QUEUE_REMOVED: break;
    }
    return "";
}

/* As it was, and where it came from, as router_forward says it; but the event is forgotten
 * only when its copy is safe. */
static enum err publish_dead(struct burial *burial, struct router_route *grave)
{
    const struct event *event = burial->gone.event;
    struct event_header headers[BURIAL_HEADERS_MAX];
    struct event_parts parts = {.headers = headers, .body = event_body(event)};
    char eid[NUMBER_BYTES], count[NUMBER_BYTES], id[ROUTER_FORWARD_ID_BYTES];
    size_t at = 0;

    parts.publish_id = router_forward_dead_id(burial->member->route, event->eid, id);
    snprintf(eid, sizeof eid, "%llu", (unsigned long long)event->eid);
    snprintf(count, sizeof count, "%zu", burial->gone.returns);
    headers[0] =
        (struct event_header){SPAN("dead-event-channel"), burial->member->route->channel.name};
    headers[1] = (struct event_header){SPAN("dead-event-eid"), span_str(eid)};
    headers[2] =
        (struct event_header){SPAN("dead-event-reason"), span_str(word_of(burial->gone.end))};
    headers[3] = (struct event_header){SPAN("dead-event-redelivery-count"), span_str(count)};
    parts.header_count = BURIAL_HEADERS;
    while (parts.header_count < BURIAL_HEADERS_MAX &&
           event_next_header(event, &at, &headers[parts.header_count])) {
        parts.header_count++;
    }
    return router_publish(grave, &parts, &burial->ticket);
}

/* On OK the burial may be over and freed. ERR_LIMIT: there is no place for it. */
static enum err try_to_bury(struct burial *burial)
{
    const struct member *member = burial->member;
    const struct router_rule *rule = member->route->rule;
    struct router_route *grave;

    if (rule == NULL || rule->dead_events.len == 0) {
        return ERR_LIMIT;
    }
    burial->again_at = 0;
    burial->ticket = (struct router_ticket){.done = on_buried};
    switch (router_open(member->set->conf.router, rule->dead_events, &grave)) {
    case ROUTER_FOUND: return publish_dead(burial, grave);
    case ROUTER_MISSING:
    case ROUTER_BAD_NAME: break;
    case ROUTER_FULL: return ERR_AGAIN;
    case ROUTER_FAILED: return ERR_IO;
    case ROUTER_NOMEM: return ERR_NOMEM;
    }
    return ERR_LIMIT;
}

/* Takes the event on OK. ERR_LIMIT: there is no place for it. */
static enum err bury(struct member *member, const struct queue_gone *gone)
{
    const struct router_rule *rule = member->route->rule;
    struct burial *burial;
    enum err e;

    if (rule == NULL || rule->dead_events.len == 0) {
        return ERR_LIMIT;
    }
    burial = calloc(1, sizeof *burial);
    if (burial == NULL) {
        return ERR_NOMEM;
    }
    burial->member = member;
    burial->gone = *gone;
    list_append(&member->set->burials, &burial->node);
    e = try_to_bury(burial);
    if (e == ERR_LIMIT) {
        list_remove(&burial->node);
        free(burial);
        return e;
    }
    if (e != OK) {
        put_off(burial, e);
    }
    return OK;
}

static void settle(struct member *member, const struct queue_gone *gone)
{
    bool is_sad = gone->end != QUEUE_CONSUMED && gone->end != QUEUE_REMOVED;
    enum err e = is_sad ? bury(member, gone) : OK;

    if (!is_sad || e != OK) {
        leave(member, gone, e);
        event_unref(gone->event);
    }
}

void queue_set_tidy(struct queue_set *set)
{
    while (!list_is_empty(&set->desk.untidy)) {
        struct queue *queue = LIST_ENTRY(set->desk.untidy.next, struct queue, untidy);
        struct member *member = LIST_ENTRY(queue, struct member, queue);
        struct queue_gone gone;

        while (queue_next_gone(queue, &gone)) {
            settle(member, &gone);
        }
        router_store_flush(member->route); /* no publish may come that would tell the store */
        queue_share_tidy(&member->share);
        if (member->is_behind) {
            catch_up(member);
        }
    }
}

void queue_set_locked(struct queue_set *set, struct span key, enum store_lock_state state,
                      struct span value)
{
    struct span name;
    uint64_t eid;

    if (queue_share_read_key(key, &name, &eid)) {
        struct router_route *route = router_find(set->conf.router, name);
        struct member *member =
            route == NULL || queue_set_find(route) == NULL ? NULL : route->hooks_ctx;

        if (member != NULL) {
            queue_share_on_lock(&member->share, eid, state, value);
        }
    }
}

static void bury_again(struct burial *burial)
{
    struct member *member = burial->member;
    enum err e;

    if (shelf_find(&member->route->channel.shelf, burial->gone.event->eid) == NULL) {
        give_back(member, &burial->gone); /* purged meanwhile */
        burial_free(burial);
        return;
    }
    e = try_to_bury(burial);
    if (e == ERR_LIMIT) {
        leave(member, &burial->gone, e);
        burial_free(burial);
    } else if (e != OK) {
        put_off(burial, e);
    }
}

static void bury_those_that_wait(struct queue_set *set)
{
    uint64_t now = set->conf.router->room.now;
    size_t left = BURIALS_AGAIN;

    LIST_FOREACH (node, after, &set->burials) {
        struct burial *burial = LIST_ENTRY(node, struct burial, node);

        if (burial->again_at == 0) {
            continue;
        }
        if (burial->again_at > now || left == 0) {
            look_again(set, left == 0 ? now + BURIALS_AGAIN_MS : burial->again_at);
            return;
        }
        left--;
        bury_again(burial);
    }
}

void queue_set_expire(struct queue_set *set)
{
    if (set->again_at > set->conf.router->room.now) {
        return;
    }
    set->again_at = EVENT_NEVER;
    bury_those_that_wait(set);
    LIST_FOREACH (node, after, &set->queues) {
        queue_share_again(&LIST_ENTRY(node, struct member, node)->share);
    }
}

void queue_set_finish(struct queue_set *set)
{
    set->again_at = 0;
    queue_set_expire(set);
    queue_set_tidy(set);
}
