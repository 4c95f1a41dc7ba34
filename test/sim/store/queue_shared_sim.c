/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Realms that share a store, and in it one queue. Their readers come, go, commit and roll back
 * as chance wants it, realms end without a word and begin again, or have no server for a while,
 * and each hears of the others early or late. What readers are sent is compared with what there
 * can be: each event is with one reader at a time, none is lost, none is consumed twice, counts
 * of returns are right, what nobody has had before comes in order, and windows are respected.
 *
 *     queue_shared_sim [SEED]     that one alone
 */
#include "pubsub/queue_set.h"
#include "store/store_mem.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SEEDS = 1500,
    STEPS = 500,
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

#define must(condition) check(world, (condition), #condition, __LINE__)

static void check(const struct world *world, bool is_true, const char *what, int line)
{
    if (!is_true) {
        fprintf(stderr, "queue_shared_sim.c:%d: seed %llu, step %d: not so: %s\n", line,
                (unsigned long long)world->seed, world->step, what);
        exit(1);
    }
}

static unsigned dice(struct world *world, unsigned sides)
{
    return rng_u32(&world->rng) % sides;
}

/* ---- realms ---- */

static void on_lock(void *ctx, struct span key, enum store_lock_state state, struct span value)
{
    struct realm *realm = ctx;

    queue_set_locked(&realm->set, key, state, value);
}

static void on_key(void *ctx, struct span key, const struct span *value)
{
    (void)ctx, (void)key, (void)value;
}

static void begin_realm(struct world *world, struct realm *realm)
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

static void tidy(struct realm *realm)
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

static const char *divisors_of(unsigned number)
{
    static const char *const texts[] = {"23", "", "2", "3", "2", ""};

    return texts[number % 6];
}

static void on_published(struct router_ticket *ticket, enum err e,
                         const struct router_receipt *receipts, size_t count)
{
    (void)e, (void)receipts, (void)count;
    free(ticket);
}

struct publish {
    struct router_ticket ticket;
    struct known *known;
};

static void on_event_published(struct router_ticket *ticket, enum err e,
                               const struct router_receipt *receipts, size_t count)
{
    struct publish *publish = LIST_ENTRY(ticket, struct publish, ticket);

    /* Another realm may have had it long before its publisher knows that it is stored. */
    if (e != OK) {
        publish->known->where = NOWHERE;
    }
    on_published(ticket, e, receipts, count);
}

static void publish(struct world *world, struct realm *realm)
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

static void join(struct world *world, struct realm *realm, struct seat *seat)
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

static void come_back(struct world *world, unsigned number)
{
    must(world->events[number].where == HELD);
    world->events[number].where = FREE;
    world->events[number].returns++;
}

static void drop_held(struct seat *seat, unsigned number)
{
    for (size_t i = 0; i < seat->held_count; i++) {
        if (seat->held[i] == number) {
            seat->held[i] = seat->held[--seat->held_count];
            return;
        }
    }
}

static void leave(struct world *world, struct seat *seat)
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

static unsigned number_of(const struct event *event)
{
    char body[16] = "";

    memcpy(body, event_body(event).ptr, event_body(event).len);
    return (unsigned)strtoul(body, NULL, 10);
}

static bool send_one(struct world *world, struct seat *seat)
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

static uint64_t eid_of(struct world *world, const struct seat *seat, unsigned number)
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

static void roll_back(struct world *world, struct seat *seat)
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

static void settle(struct commit *commit, bool is_committed)
{
    struct world *world = commit->realm->world;

    commit->is_on = false;
    if (is_committed) {
        must(world->events[commit->number].where == HELD);
        world->events[commit->number].where = DONE;
    } else {
        struct known *event = &world->events[commit->number];

        must(event->where == HELD);
        event->where = FREE;
        event->returns += event->returns == 0;
    }
    queue_reader_settle(&commit->claim, is_committed);
}

static void on_committed(struct router_ticket *ticket, enum err e,
                         const struct router_receipt *receipts, size_t count)
{
    (void)receipts, (void)count;
    settle(LIST_ENTRY(ticket, struct commit, ticket), e == OK);
}

static void commit(struct world *world, struct realm *realm, struct seat *seat)
{
    struct commit *commit = &realm->commits[dice(world, COMMITS)];
    struct router_removal removal;
    unsigned number;

    if (!seat->is_on || seat->held_count == 0 || commit->is_on) {
        return;
    }
    number = seat->held[dice(world, (unsigned)seat->held_count)];
    *commit = (struct commit){
        .ticket.done = on_committed, .realm = realm, .number = number, .is_on = true};
    queue_reader_claim_init(&commit->claim);
    must(queue_reader_claim(&seat->reader, eid_of(world, seat, number), QUEUE_READER_ONE, false,
                            &commit->claim));
    queue_reader_seal(&seat->reader, &commit->claim);
    drop_held(seat, number);
    must(queue_set_removals(&commit->claim, &removal) == 1);
    must(router_publish_commit(
             &realm->router,
             &(struct router_transaction){.removals = &removal, .removal_count = 1},
             &commit->ticket) == OK);
}

/* ---- realms end ---- */

static void doubt(struct world *world, const struct realm *realm)
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

static bool on_still_stored(void *ctx, const struct event *event)
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
static void look_at_disk(struct world *world, bool was_cut_off)
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
static void end_realm(struct world *world, struct realm *realm, bool is_sudden)
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

/* ---- a run ---- */

static void act_in(struct world *world, struct realm *realm)
{
    struct seat *seat = &realm->seats[dice(world, READERS)];
    unsigned number = dice(world, 200);

    if (number < 40) {
        publish(world, realm);
    } else if (number < 50 && !seat->is_on) {
        join(world, realm, seat);
    } else if (number < 54) {
        leave(world, seat);
    } else if (number < 100) {
        send_one(world, seat);
    } else if (number < 120) {
        commit(world, realm, seat);
    } else if (number < 135) {
        roll_back(world, seat);
    } else if (number < 190) {
        store_mem_run(realm->store, dice(world, 6));
        tidy(realm);
    } else if (number < 192) {
        realm->is_cut_off =
            world->has_ends && !realm->is_cut_off; /* for less time than its locks last */
        realm->was_cut_off = realm->was_cut_off || realm->is_cut_off;
        store_mem_fail(realm->store, realm->is_cut_off ? ERR_CLOSED : OK);
    } else if (number < 195) {
        world->now += 700;
    } else if (number < 197 && world->has_ends) {
        end_realm(world, realm, world->has_deaths && dice(world, 2) == 0);
    }
}

static void act(struct world *world)
{
    struct realm *realm = &world->realms[dice(world, (unsigned)world->realm_count)];

    if (realm->store != NULL) {
        act_in(world, realm);
    } else if (dice(world, 20) == 0) {
        begin_realm(world, realm);
    }
}

/* Until nobody has anything to say. */
static void calm(struct world *world)
{
    for (int round = 0; round < 20; round++) {
        world->now += 1000;
        for (size_t i = 0; i < world->realm_count; i++) {
            store_mem_run(world->realms[i].store, SIZE_MAX);
            tidy(&world->realms[i]);
        }
    }
}

static void must_have_no_locks(const struct world *world)
{
    LIST_FOREACH (node, after, &world->disk->locks) {
        must(LIST_ENTRY(node, struct store_mem_disk_lock, node)->holder == NULL);
    }
}

static bool is_all_done(const struct world *world)
{
    bool is_done = true;

    for (unsigned i = 0; i < world->next; i++) {
        must(world->events[i].where != HELD);
        is_done = is_done && world->events[i].where != FREE;
    }
    return is_done;
}

static bool is_wanted(const struct world *world, unsigned number)
{
    for (size_t i = 0; i < world->realm_count * READERS; i++) {
        const struct seat *seat = &world->realms[i / READERS].seats[i % READERS];

        if (seat->is_on && seat->held_count < seat->reader.window &&
            number % seat->divisor == 0) {
            return true;
        }
    }
    return false;
}

/* Every reader takes what it can have, and then there is nothing that it could have. */
static void feed_all(struct world *world)
{
    bool has_sent = true;

    while (has_sent) {
        has_sent = false;
        calm(world);
        for (size_t i = 0; i < world->realm_count * READERS; i++) {
            while (send_one(world, &world->realms[i / READERS].seats[i % READERS])) {
                has_sent = true;
            }
        }
    }
    for (unsigned i = 0; i < world->next; i++) {
        must(world->events[i].where != FREE || !is_wanted(world, i));
    }
}

/* Nobody reads any more, and then somebody comes who takes everything. */
static void drain(struct world *world)
{
    struct realm *last = &world->realms[dice(world, (unsigned)world->realm_count)];
    const struct queue_reader_conf conf = {.window = 5, .is_plain = true};

    for (size_t i = 0; i < world->realm_count; i++) {
        struct realm *realm = &world->realms[i];

        if (realm->store == NULL) {
            begin_realm(world, realm);
        }
        store_mem_fail(realm->store, OK);
    }
    feed_all(world);
    for (size_t i = 0; i < world->realm_count * READERS; i++) {
        leave(world, &world->realms[i / READERS].seats[i % READERS]);
    }
    calm(world);
    must_have_no_locks(world);
    last->seats[0] = (struct seat){.realm = last, .is_on = true, .divisor = 1};
    must(queue_reader_attach(&last->seats[0].reader, last->queue, &conf) == OK);
    for (int round = 0; round < EVENTS * 2 && !is_all_done(world); round++) {
        for (size_t i = 0; i < world->realm_count; i++) {
            store_mem_run(world->realms[i].store, SIZE_MAX);
            tidy(&world->realms[i]);
        }
        while (send_one(world, &last->seats[0])) {
            ;
        }
    }
    must(is_all_done(world));
    calm(world);
    leave(world, &last->seats[0]);
    for (size_t i = 0; i < world->realm_count; i++) {
        must(queue_count(world->realms[i].queue) == 0);
        must(channel_count(&world->realms[i].route->channel) == 0);
        must(world->realms[i].route->stream->count == 0);
        must(list_is_empty(&world->realms[i].set.desk.untidy));
    }
    /* They are forgotten with their events, unless nobody was there to do it. */
    must(world->has_ends || list_is_empty(&world->disk->locks));
}

static void run(uint64_t seed, size_t *sent, size_t *again, size_t *moved)
{
    static struct world room;
    struct world *world = &room;

    *world = (struct world){.seed = seed, .rng = rng_seeded(seed), .now = 1000};
    world->realm_count = 2 + dice(world, 2);
    world->has_ends = dice(world, 3) > 0;
    world->has_deaths = world->has_ends && dice(world, 2) == 0;
    must(store_mem_disk_new(&world->disk) == OK);
    for (size_t i = 0; i < world->realm_count; i++) {
        begin_realm(world, &world->realms[i]);
    }
    for (world->step = 0; world->step < STEPS; world->step++) {
        act(world);
    }
    drain(world);
    for (size_t i = 0; i < world->realm_count; i++) {
        end_realm(world, &world->realms[i], false);
    }
    store_mem_disk_free(world->disk);
    *sent += world->sent;
    *again += world->again;
    *moved += world->moved;
}

int main(int argc, char **argv)
{
    size_t sent = 0, again = 0, moved = 0;

    if (argc > 1) {
        run(strtoull(argv[1], NULL, 10), &sent, &again, &moved);
    } else {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            run(seed, &sent, &again, &moved);
        }
    }
    printf("%zu events sent, %zu of them again, %zu of these after another realm may have had "
           "them\n",
           sent, again, moved);
    return argc > 1 || (sent > SEEDS * 10 && again > SEEDS && moved > SEEDS) ? 0 : 1;
}
