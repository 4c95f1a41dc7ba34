/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Realms that share a queue, their readers, and what is known of each event: every step says
 * what must hold. Which steps there are, and when, is queue_shared_sim.c's.
 */
#pragma once

#include "pubsub/queue_set.h"
#include "store/store_mem.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    REALMS = 3,
    READERS = 4, /* of each realm */
    EVENTS = 400,
    COMMITS = 8, /* of a realm, at once */
};

enum where {
    NOWHERE, /* not published, or the store said no */
    FREE,    /* no reader has it, and none has finished with it */
    HELD,    /* a reader, or a commit that is on its way */
    DONE,
};

struct known {
    enum where where;
    size_t returns;    /* sent, and not wanted */
    bool is_uncertain; /* a realm ended with its lock, or without having left the count */
    const struct realm *realm; /* that was the last to send it, and has not ended */
};

struct seat {
    struct queue_reader reader;
    const struct realm *realm;
    bool is_on;
    bool is_awake; /* it was woken, and has not been told yet that there is nothing */
    unsigned divisor;
    uint64_t newest; /* of those that nobody had before */
    unsigned held[EVENTS];
    size_t held_count;
};

/* Acknowledgements on their way to the store. */
struct commit {
    struct router_ticket ticket;
    struct realm *realm;
    struct queue_claim claim;
    unsigned number;
    bool is_on;
};

struct realm {
    struct world *world;
    struct store *store; /* NULL: the realm has ended */
    struct router router;
    struct queue_set set;
    struct router_route *route;
    struct queue *queue;
    struct seat seats[READERS];
    struct commit commits[COMMITS];
    bool is_cut_off;
    bool was_cut_off; /* at any time */
};

struct world {
    uint64_t seed;
    int step;
    struct rng rng;
    struct store_mem_disk *disk;
    struct realm realms[REALMS];
    struct known events[EVENTS]; /* by the number that is their body */
    unsigned next;
    size_t realm_count;
    uint64_t now;
    bool has_ends;   /* realms end, and are cut off for a while */
    bool has_deaths; /* some end without a word */
    size_t sent, again, moved;
};

#define must(condition) check(world, (condition), #condition, __FILE__, __LINE__)

static inline void check(const struct world *world, bool is_true, const char *what,
                         const char *file, int line)
{
    if (!is_true) {
        fprintf(stderr, "%s:%d: seed %llu, step %d: not so: %s\n", file, line,
                (unsigned long long)world->seed, world->step, what);
        exit(1);
    }
}

static inline unsigned dice(struct world *world, unsigned sides)
{
    return rng_u32(&world->rng) % sides;
}

/* ---- realms ---- */

static inline void on_lock(void *ctx, struct span key, enum store_lock_state state,
                           struct span value)
{
    struct realm *realm = ctx;

    queue_set_locked(&realm->set, key, state, value);
}

static inline void on_key(void *ctx, struct span key, const struct span *value)
{
    (void)ctx, (void)key, (void)value;
}

static inline void begin_realm(struct world *world, struct realm *realm)
{
    static const struct store_watch watch = {on_key, on_lock};
    static const struct router_rule rules[] = {
        {.pattern = SPAN_INIT("/q"),
         .kind = ROUTER_QUEUE,
         .channel = {.type = CHANNEL_PERSISTENT, .store_bytes = 1 << 20}}};
    const struct store_mem_conf store_conf = {.bytes_max = 1 << 24,
                                              .streams_max = 4,
                                              .pending_bytes_max = 1 << 24,
                                              .is_shared = true,
                                              .rng = &world->rng};
    struct router_conf conf = {.rules = rules,
                               .rule_count = 1,
                               .limits = {.channels = 4,
                                          .store_bytes = 1 << 24,
                                          .ring_bytes = 1 << 20,
                                          .view = {.ring_bytes = 1000, .frame_bytes = 500}}};

    *realm = (struct realm){.world = world};
    must(store_mem_open(&store_conf, world->disk, &realm->store) == OK);
    realm->store->watch = &watch;
    realm->store->watch_ctx = realm;
    conf.store = realm->store;
    router_init(&realm->router, &conf, &world->rng);
    router_set_now(&realm->router, world->now);
    queue_set_init(&realm->set, &(struct queue_set_conf){&realm->router, 10, NULL, NULL});
    must(router_open(&realm->router, SPAN("/q"), &realm->route) == ROUTER_FOUND);
    must(queue_set_open(&realm->set, realm->route, &realm->queue) == OK);
}

static inline void tidy(struct realm *realm)
{
    struct queue_reader *reader;

    router_set_now(&realm->router, realm->world->now);
    queue_set_expire(&realm->set);
    queue_set_tidy(&realm->set);
    while ((reader = queue_set_next_woken(&realm->set)) != NULL) {
        LIST_ENTRY(reader, struct seat, reader)->is_awake = true;
    }
}

/* ---- readers ---- */

static inline const char *divisors_of(unsigned number)
{
    static const char *const texts[] = {"23", "", "2", "3", "2", ""};

    return texts[number % 6];
}

static inline void on_published(struct router_ticket *ticket, enum err e,
                                const struct router_receipt *receipts, size_t count)
{
    (void)e, (void)receipts, (void)count;
    free(ticket);
}

struct publish {
    struct router_ticket ticket;
    struct known *known;
};

static inline void on_event_published(struct router_ticket *ticket, enum err e,
                                      const struct router_receipt *receipts, size_t count)
{
    struct publish *publish = LIST_ENTRY(ticket, struct publish, ticket);

    /* Another realm may have had it long before its publisher knows that it is stored. */
    if (e != OK) {
        publish->known->where = NOWHERE;
    }
    on_published(ticket, e, receipts, count);
}

static inline void publish(struct world *world, struct realm *realm)
{
    const struct event_header header = {SPAN("by"), span_str(divisors_of(world->next))};
    struct publish *publish = calloc(1, sizeof *publish);
    char body[16];
    struct event_parts parts = {.headers = &header, .header_count = 1};

    must(publish != NULL);
    if (world->next == EVENTS || realm->is_cut_off) {
        free(publish);
        return;
    }
    snprintf(body, sizeof body, "%u", world->next);
    parts.body = span_str(body);
    publish->ticket.done = on_event_published;
    publish->known = &world->events[world->next++];
    publish->known->where = FREE;
    must(router_publish(realm->route, &parts, &publish->ticket) == OK);
}

static inline void join(struct world *world, struct realm *realm, struct seat *seat)
{
    static const struct span selectors[] = {
        [2] = SPAN_INIT("by LIKE '%2%'"), [3] = SPAN_INIT("by LIKE '%3%'")};
    struct queue_reader_conf conf = {.window = 1 + dice(world, 5),
                                     .is_plain = dice(world, 4) == 0};
    struct selector_fault fault;

    *seat = (struct seat){
        .realm = realm, .is_on = true, .divisor = dice(world, 2) == 0 ? 1 : 1 + dice(world, 3)};
    if (seat->divisor > 1) {
        must(selector_parse(selectors[seat->divisor], &fault, &conf.selector) == OK);
    }
    must(queue_reader_attach(&seat->reader, realm->queue, &conf) == OK);
    selector_unref(conf.selector);
}

static inline void come_back(struct world *world, unsigned number)
{
    must(world->events[number].where == HELD);
    world->events[number].where = FREE;
    world->events[number].returns++;
}

static inline void drop_held(struct seat *seat, unsigned number)
{
    for (size_t i = 0; i < seat->held_count; i++) {
        if (seat->held[i] == number) {
            seat->held[i] = seat->held[--seat->held_count];
            return;
        }
    }
}

static inline void leave(struct world *world, struct seat *seat)
{
    if (!seat->is_on) {
        return;
    }
    while (seat->held_count > 0) {
        come_back(world, seat->held[0]);
        drop_held(seat, seat->held[0]);
    }
    queue_reader_detach(&seat->reader);
    seat->is_on = false;
}

static inline unsigned number_of(const struct event *event)
{
    char body[16] = "";

    memcpy(body, event_body(event).ptr, event_body(event).len);
    return (unsigned)strtoul(body, NULL, 10);
}

static inline bool send_one(struct world *world, struct seat *seat)
{
    struct queue_reader_delivery delivery;
    const struct queue_entry *entry;
    struct known *known;
    unsigned number;

    if (!seat->is_on || !seat->is_awake) {
        return false;
    }
    if (!queue_reader_next(&seat->reader, &delivery)) {
        seat->is_awake = false;
        return false;
    }
    number = number_of(delivery.event);
    known = &world->events[number];
    must(known->where == FREE);
    must(known->is_uncertain || delivery.returns == known->returns);
    must(seat->divisor == 1 || number % seat->divisor == 0);
    must(seat->held_count < seat->reader.window);
    entry = LIST_ENTRY(seat->reader.dealt.next, struct queue_entry, place);
    if (entry->came_back == 0) {
        must(entry->event->eid > seat->newest);
        seat->newest = entry->event->eid;
    }
    world->sent++;
    world->again += delivery.returns > 0;
    world->moved += delivery.returns > 0 && entry->terms > 0;
    known->where = seat->reader.is_plain ? DONE : HELD;
    known->realm = seat->realm;
    if (!seat->reader.is_plain) {
        seat->held[seat->held_count++] = number;
    }
    queue_reader_sent(&seat->reader);
    return true;
}

static inline uint64_t eid_of(struct world *world, const struct seat *seat, unsigned number)
{
    LIST_FOREACH (place, after, &seat->reader.held) {
        const struct queue_entry *entry = LIST_ENTRY(place, struct queue_entry, place);

        if (number_of(entry->event) == number) {
            return entry->event->eid;
        }
    }
    must(!"it holds what it was sent");
    return 0;
}

static inline void roll_back(struct world *world, struct seat *seat)
{
    unsigned number;

    if (seat->is_on && seat->held_count > 0) {
        number = seat->held[dice(world, (unsigned)seat->held_count)];
        come_back(world, number);
        must(queue_reader_roll_back(&seat->reader, eid_of(world, seat, number),
                                    QUEUE_READER_ONE));
        drop_held(seat, number);
    }
}

/* ---- realms end ---- */

static inline void doubt(struct world *world, const struct realm *realm)
{
    LIST_FOREACH (node, after, &realm->queue->entries) {
        const struct queue_entry *entry = LIST_ENTRY(node, struct queue_entry, node);

        if (entry->hold == QUEUE_OURS || entry->hold == QUEUE_ASKED) {
            world->events[number_of(entry->event)].is_uncertain = true;
        }
    }
    LIST_FOREACH (node, after, &realm->queue->gone) {
        const struct queue_entry *entry = LIST_ENTRY(node, struct queue_entry, node);

        world->events[number_of(entry->event)].is_uncertain = true;
    }
}

struct looking {
    struct world *world;
    bool was_cut_off;
};

static inline bool on_still_stored(void *ctx, const struct event *event)
{
    struct looking *looking = ctx;
    struct world *world = looking->world;
    struct known *known = &world->events[number_of(event)];

    if (known->where == DONE && known->realm == NULL) {
        must(looking->was_cut_off);
        known->where = FREE; /* the store was never told that it is done, and deals it again */
        known->is_uncertain = true;
    }
    return true;
}

/* A realm has ended, and with it what it had still to say. */
static inline void look_at_disk(struct world *world, bool was_cut_off)
{
    const struct store_mem_conf conf = {
        .streams_max = 1, .is_shared = true, .rng = &world->rng};
    struct looking looking = {world, was_cut_off};
    struct store_stream *stream;
    struct store *store;
    uint64_t next;

    must(store_mem_open(&conf, world->disk, &store) == OK);
    must(store_open_stream(store, SPAN("/q"), STORE_KEEP_ALL, &stream) == OK);
    must(store_read(stream, 0, on_still_stored, &looking, &next) == OK);
    must(next == stream->next_eid);
    store_close(store);
}

/* What was not sent does not happen, and what has happened may be told at the last moment. */
static inline void end_realm(struct world *world, struct realm *realm, bool is_sudden)
{
    bool was_cut_off = is_sudden || realm->is_cut_off;

    if (was_cut_off) {
        doubt(world, realm);
    }
    if (is_sudden) {
        store_mem_fail(realm->store, ERR_CLOSED);
        store_close(realm->store);
    }
    for (size_t i = 0; i < READERS; i++) {
        leave(world, &realm->seats[i]);
    }
    if (!was_cut_off && realm->was_cut_off) {
        store_mem_run(realm->store, SIZE_MAX); /* what did not happen is known */
    }
    if (!is_sudden) {
        queue_set_finish(&realm->set);
        store_close(realm->store);
    }
    realm->store = NULL;
    queue_set_fini(&realm->set);
    router_fini(&realm->router);
    for (unsigned i = 0; i < world->next; i++) {
        if (world->events[i].realm == realm) {
            world->events[i].realm = NULL;
        }
    }
    look_at_disk(world, was_cut_off);
}
