/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Three realms on one shared store: publishers at all of them, who try again elsewhere when
 * they were cut off; readers from now, from an EID and of what is stored, one of them durable,
 * who moves from realm to realm; capacity, a publish key, a time to live, purges; realms that
 * end and come back, and are told of things late. All show the same events with the same EIDs
 * in the same order; no event is lost or there twice; and when nothing is on its way any more
 * they hold the same, which is what the model holds.
 *
 *     shared_sim [SEED]     that one alone
 */
#include "sim/store/shared_compare.h"

/* ---- lives ---- */

static void on_durable_key(void *ctx, struct span key, const struct span *value)
{
    struct realm *realm = ctx;

    if (span_starts(key, durable_prefix)) {
        durable_set_take(&realm->router.durables, key, value);
    }
}

static void on_durable_lock(void *ctx, struct span key, enum store_lock_state state,
                            struct span value)
{
    struct realm *realm = ctx;

    durable_set_locked(&realm->router.durables, key, state, value);
}

static const struct store_watch watch = {on_durable_key, on_durable_lock};

static void open_routes(struct realm *realm)
{
    struct world *world = realm->world;

    for (int i = 0; i < CHANNELS; i++) {
        must(router_open(&realm->router, span_str(names[i]), &realm->routes[i]) ==
             ROUTER_FOUND);
    }
}

static void begin_life(struct realm *realm)
{
    struct world *world = realm->world;
    const struct store_mem_conf store_conf = {.bytes_max = 1 << 24,
                                              .streams_max = 8,
                                              .pending_bytes_max = 1 << 24,
                                              .is_shared = true,
                                              .rng = &world->rng};
    struct router_conf conf = {
        .rules = world->rules,
        .rule_count = CHANNELS + 1,
        .limits = {.channels = 8,
                   .store_bytes = 1 << 24,
                   .ring_bytes = 1 << 24,
                   .durables = 4,
                   .view = {.ring_bytes = 20 + dice(world, 500), .frame_bytes = 100}},
    };

    must(store_mem_open(&store_conf, world->disk, &realm->store) == OK);
    conf.store = realm->store;
    router_init(&realm->router, &conf, &world->rng);
    router_set_now(&realm->router, realm->now);
    must(durable_set_restore(&realm->router.durables) == OK);
    realm->store->watch = &watch;
    realm->store->watch_ctx = realm;
    open_routes(realm);
}

static void detach(struct reader *reader);

static void end_life(struct realm *realm)
{
    for (size_t i = 0; i < READERS; i++) {
        detach(&realm->readers[i]);
    }
    if (dice(realm->world, 2) == 0) {
        store_mem_fail(realm->store, ERR_CLOSED); /* what was not sent never is */
    }
    store_close(realm->store);
    router_fini(&realm->router);
    memset(realm->routes, 0, sizeof realm->routes);
}

/* ---- publishing ---- */

static void on_done(struct router_ticket *ticket, enum err e,
                    const struct router_receipt *receipts, size_t count)
{
    struct ticket *mine = (struct ticket *)(void *)ticket;
    struct world *world = mine->world;

    mine->is_busy = false;
    if (e != OK) {
        must(e == ERR_CLOSED);
        world->published[mine->number].is_open = world->published[mine->number].has_id;
        return;
    }
    must(count == 1);
    world->repeats += receipts[0].is_repeat;
    must(!receipts[0].is_repeat || world->published[mine->number].has_id);
    if (!receipts[0].is_repeat) { /* else it may expire at another time */
        learn(world, mine->channel, receipts[0].eid, mine->number, mine->expiry);
    }
}

static struct ticket *free_ticket(struct world *world)
{
    for (size_t i = 0; i < TICKETS; i++) {
        if (!world->tickets[i].is_busy) {
            return &world->tickets[i];
        }
    }
    return NULL;
}

static void publish_number(struct realm *realm, struct ticket *ticket, unsigned number)
{
    struct world *world = realm->world;
    const struct publication *published = &world->published[number];
    struct router_route *route = realm->routes[published->channel];
    uint64_t ttl = route->channel.conf.ttl;
    char body[16], key = (char)('a' + published->key);
    const struct event_header header = {SPAN("key"), span_of(&key, 1)};
    struct event_parts parts = {.headers = &header, .header_count = 1};

    snprintf(body, sizeof body, "%u", number);
    parts.body = span_str(body);
    parts.publish_id = span_of(body, published->has_id ? strlen(body) : 0);
    *ticket = (struct ticket){.ticket.done = on_done,
                              .world = world,
                              .is_busy = true,
                              .channel = published->channel,
                              .number = number,
                              .expiry = ttl == 0 ? EVENT_NEVER : realm->now + ttl};
    must(router_publish(route, &parts, &ticket->ticket) == OK);
    if (ticket->is_busy && published->has_id && dice(world, 10) == 0) { /* the answer is lost */
        router_publish_cancel(&ticket->ticket);
        ticket->is_busy = false;
        world->published[number].is_open = true;
    }
}

static void publish(struct realm *realm)
{
    struct world *world = realm->world;
    struct ticket *ticket = free_ticket(world);

    if (ticket == NULL || world->count == SHARED_MODEL_EVENTS) {
        return;
    }
    for (unsigned i = 0; i < world->count; i++) {
        if (world->published[i].is_open) {
            world->published[i].is_open = false;
            publish_number(realm, ticket, i);
            return;
        }
    }
    world->published[world->count] = (struct publication){
        .channel = (int)dice(world, CHANNELS), .key = dice(world, 4), .has_id = dice(world, 2)};
    publish_number(realm, ticket, world->count++);
}

static void on_purged(struct router_admin_ticket *ticket, enum err e, size_t count)
{
    struct purge *mine = (struct purge *)(void *)ticket;
    struct shared_model *model = &mine->world->models[mine->channel];

    (void)count;
    mine->is_busy = false;
    if (e == OK && mine->eid > model->purged) {
        model->purged = mine->eid;
    }
}

static void purge(struct realm *realm)
{
    struct world *world = realm->world;
    struct purge *mine = &world->purge;
    int channel = (int)dice(world, CHANNELS);
    uint64_t next = realm->routes[channel]->channel.next_eid;
    uint64_t eid = 1 + dice(world, (unsigned)next + 1);

    if (mine->is_busy || !is_kept(world, channel)) {
        return;
    }
    *mine = (struct purge){{on_purged, NULL}, world, channel, eid < next ? eid : next, true};
    if (mine->eid > world->models[channel].marks) {
        world->models[channel].marks = mine->eid;
    }
    must(router_admin_purge(realm->routes[channel], eid, &mine->ticket) == OK);
}

/* ---- reading ---- */

struct view_of {
    struct world *world;
    int channel;
};

static bool on_shown(void *ctx, const struct event *event)
{
    const struct view_of *view = ctx;
    char body[16];

    snprintf(body, sizeof body, "%.*s", SPAN_ARG(event_body(event)));
    learn(view->world, view->channel, event->eid, (unsigned)strtoul(body, NULL, 10),
          event->expiry);
    return true;
}

static void learn_all(struct world *world, int number)
{
    struct view_of view = {world, number};

    for (size_t i = 0; i < REALMS; i++) {
        const struct router_route *route = world->realms[i].routes[number];

        if (route != NULL) {
            enum err e =
                channel_read(&route->channel, route->channel.lost_eid + 1, 0, on_shown, &view);

            must(e == OK || e == ERR_LIMIT);
        }
    }
}

/* Or what lies between is gone: expired by somebody's clock, replaced by something that is on
 * its way, purged. */
static bool has_all_between(struct world *world, int number, uint64_t after, uint64_t before)
{
    learn_all(world, number);
    return shared_model_has_none(&world->models[number], after, before, world->now);
}

/* What he has, when he is the one who may: nothing lies between that and what the one before
 * him had. Where it is not known yet whether he may it is taken as so. */
static void note_durable(struct reader *reader)
{
    struct world *world = reader->realm->world;
    const struct channel *channel = &reader->realm->routes[0]->channel;

    if (reader->durable == NULL ||
        !(reader->durable->is_locked || reader->durable->is_locking)) {
        return;
    }
    must(reader->durable->is_locking ||
         has_all_between(world, 0, world->durable_eid, reader->begin_eid) ||
         (channel->conf.capacity > 0 && channel_first_eid(channel) > world->durable_eid));
    if (reader->last_eid > world->durable_eid) {
        world->durable_eid = reader->last_eid;
    }
}

static void detach(struct reader *reader)
{
    struct durable *durable = reader->durable;

    if (reader->cursor.view != NULL) {
        note_durable(reader);
        reader->durable = NULL;
        view_detach(&reader->cursor);
        durable_close(durable);
    }
    reader->line_len = 0;
}

static void on_lost(void *ctx)
{
    struct reader *reader = ctx;

    reader->realm->world->refused++;
    detach(reader);
}

static bool open_durable(struct reader *reader, struct channel_start *start)
{
    struct world *world = reader->realm->world;
    enum err e = durable_open(&reader->realm->router.durables, span_str(names[0]), SPAN("d"),
                              &reader->durable);

    world->refused += e == ERR_AGAIN;
    must(e == OK || e == ERR_AGAIN);
    if (e == OK) {
        *start = durable_start(reader->durable, start);
        reader->durable->on_lost = on_lost;
        reader->durable->reader = reader;
    }
    return e == OK;
}

static void attach(struct reader *reader, bool is_durable)
{
    struct world *world = reader->realm->world;
    struct channel_start start = {.from = (enum channel_from)dice(world, 3)};
    const struct view_kind kind = {&form, NULL, SPAN("s")};
    struct router_route *route;
    uint64_t next;

    reader->channel = is_durable ? 0 : (int)dice(world, CHANNELS);
    route = reader->realm->routes[reader->channel];
    start.eid = dice(world, (unsigned)route->channel.next_eid + 2);
    if (is_durable) {
        start.from = CHANNEL_FROM_STORED;
        if (!open_durable(reader, &start)) {
            return;
        }
    }
    next = channel_begin(&route->channel, &start);
    must(view_attach(&route->views, &kind, next, &reader->cursor) == OK);
    reader->last_eid = next - 1;
    reader->begin_eid = next;
    if (is_durable) {
        durable_move(reader->durable, route->channel.epoch, next);
    }
}

static void got_line(struct reader *reader)
{
    struct world *world = reader->realm->world;
    unsigned long long eid, expiry;
    unsigned number;

    reader->line[reader->line_len] = '\0';
    reader->line_len = 0;
    must(sscanf(reader->line, "%llu %u %llu", &eid, &number, &expiry) == 3);
    learn(world, reader->channel, eid, number, expiry);
    must(eid > reader->last_eid);
    must(has_all_between(world, reader->channel, reader->last_eid, eid));
    reader->last_eid = eid;
    world->delivered++;
}

static void take_bytes(struct reader *reader, struct span bytes)
{
    struct world *world = reader->realm->world;

    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] == '\n') {
            got_line(reader);
        } else {
            must(reader->line_len + 1 < sizeof reader->line);
            reader->line[reader->line_len++] = (char)bytes.ptr[i];
        }
    }
    view_sent(&reader->cursor, bytes.len);
    note_durable(reader);
    if (reader->durable != NULL) {
        durable_move(reader->durable, reader->realm->routes[0]->channel.epoch,
                     view_position(&reader->cursor));
    }
}

static void read_some(struct reader *reader, size_t max)
{
    struct world *world = reader->realm->world;
    const struct channel *channel = &reader->realm->routes[reader->channel]->channel;
    struct span bytes;
    enum err e = view_peek(&reader->cursor, &bytes);

    if (e == ERR_LIMIT) {
        /* Or another realm has dropped it, and this one will hear of it in a moment. */
        must(reader->last_eid < channel->lost_eid || channel->conf.capacity > 0);
        world->lost++;
        detach(reader);
        return;
    }
    must(e == OK || e == ERR_AGAIN);
    if (e == OK) {
        take_bytes(reader, span_head(bytes, max));
    } else if (list_is_empty(&reader->cursor.view->dirty)) { /* that was all */
        must(has_all_between(world, reader->channel, reader->last_eid, channel->next_eid));
    }
}

static void act_as_reader(struct realm *realm)
{
    struct world *world = realm->world;
    unsigned number = dice(world, READERS);
    struct reader *reader = &realm->readers[number];

    if (reader->cursor.view == NULL) {
        attach(reader, number == 0);
    } else if (dice(world, 20) == 0) {
        detach(reader);
    } else {
        read_some(reader, 1 + dice(world, dice(world, 2) == 0 ? 8 : 2000));
    }
}

/* Somebody has removed the channel and made it again: what was on its way to the one arrives at
 * the other. */
static void make_again(struct realm *realm)
{
    struct world *world = realm->world;
    int channel = (int)dice(world, CHANNELS);
    struct router_route *route = realm->routes[channel];

    if (!is_kept(world, channel)) {
        return;
    }
    for (size_t i = 0; i < READERS; i++) {
        if (realm->readers[i].cursor.view != NULL && realm->readers[i].channel == channel) {
            detach(&realm->readers[i]);
        }
    }
    router_hold(route);
    router_leave(route);
    router_unname(route);
    router_release(route);
    open_routes(realm);
}

/* ---- all together ---- */

static void drain_dirty(struct world *world)
{
    for (size_t i = 0; i < REALMS; i++) {
        while (router_next_dirty(&world->realms[i].router) != NULL) {
        }
    }
}

/* Everything arrives everywhere. */
static void settle(struct world *world)
{
    for (int round = 0; round < 8; round++) {
        for (size_t i = 0; i < REALMS; i++) {
            struct realm *realm = &world->realms[i];

            realm->now = world->now;
            router_set_now(&realm->router, realm->now);
            router_expire(&realm->router);
            store_mem_run(realm->store, SIZE_MAX);
        }
    }
    drain_dirty(world);
    for (int i = 0; i < CHANNELS; i++) {
        compare(world, i);
    }
    compare_dead(world);
}

static void check_durable(struct world *world)
{
    size_t locked = 0;

    for (size_t i = 0; i < REALMS; i++) {
        const struct durable *durable = world->realms[i].readers[0].durable;

        locked += durable != NULL && durable->is_locked;
    }
    must(locked <= 1);
}

static void step(struct world *world)
{
    struct realm *realm = &world->realms[dice(world, REALMS)];

    switch (dice(world, 60)) {
    case 0:
        end_life(realm);
        begin_life(realm);
        break;
    case 1: purge(realm); break;
    case 2:
    case 3: world->now += dice(world, 50); break;
    case 4:
    case 5:
        realm->now = world->now;
        router_set_now(&realm->router, realm->now);
        router_expire(&realm->router);
        break;
    case 6: settle(world); break;
    case 7: make_again(realm); break;
    default:
        switch (dice(world, 3)) {
        case 0: publish(realm); break;
        case 1: store_mem_run(realm->store, dice(world, 6)); break;
        default: act_as_reader(realm); break;
        }
        break;
    }
    drain_dirty(world);
    check_durable(world);
}

/* What is there depends on the order of the events alone: so a channel in which events expire
 * has no other bound. */
static void make_rule(struct world *world, int number)
{
    struct router_rule *rule = &world->rules[number];
    bool expires = dice(world, 3) == 0;

    *rule = (struct router_rule){
        .pattern = span_str(names[number]),
        .dead_events = dice(world, 2) == 0 ? SPAN("/dead") : SPAN(""),
        .channel = {.type = (enum channel_type)dice(world, 3),
                    .capacity = expires || dice(world, 2) == 0 ? 0 : 1 + dice(world, 20),
                    .store_bytes = 1 << 24,
                    .memory_bytes = dice(world, 2000),
                    .ttl = expires ? 1 + dice(world, 300) : 0,
                    .keys = {{"key", 1 + dice(world, 3)}},
                    .key_count = expires ? 0 : dice(world, 2)}};
    if (number == 0 && rule->channel.type == CHANNEL_TRANSIENT) {
        rule->channel.type = CHANNEL_RELIABLE; /* a durable reader is to find something */
    }
    world->models[number].capacity = rule->channel.capacity;
    world->models[number].depth =
        rule->channel.key_count == 0 ? 0 : rule->channel.keys[0].depth;
}

static void begin(struct world *world, uint64_t seed)
{
    *world = (struct world){.seed = seed, .rng = rng_seeded(seed), .now = 1000};
    for (int i = 0; i < CHANNELS; i++) {
        make_rule(world, i);
    }
    world->rules[CHANNELS] =
        (struct router_rule){.pattern = SPAN("/dead"),
                             .channel = {.type = CHANNEL_PERSISTENT, .store_bytes = 1 << 24}};
    must(store_mem_disk_new(&world->disk) == OK);
    for (size_t i = 0; i < REALMS; i++) {
        struct realm *realm = &world->realms[i];

        realm->world = world;
        realm->now = world->now;
        for (size_t j = 0; j < READERS; j++) {
            realm->readers[j].realm = realm;
        }
        begin_life(realm);
    }
}

static void run(uint64_t seed, struct world *total)
{
    static struct world static_world;
    struct world *world = &static_world;

    begin(world, seed);
    for (world->step = 0; world->step < STEPS; world->step++) {
        step(world);
    }
    settle(world);
    for (size_t i = 0; i < REALMS; i++) {
        end_life(&world->realms[i]);
    }
    store_mem_disk_free(world->disk);
    total->delivered += world->delivered;
    total->lost += world->lost;
    total->repeats += world->repeats;
    total->refused += world->refused;
    total->dead += world->dead;
}

int main(int argc, char **argv)
{
    static struct world total;

    if (argc > 1) {
        run(strtoull(argv[1], NULL, 10), &total);
        return 0;
    }
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run(seed, &total);
    }
    printf(
        "%zu events delivered, %zu readers told that they lost some, %zu repeats, %zu durable "
        "readers refused, %zu dead\n",
        total.delivered, total.lost, total.repeats, total.refused, total.dead);
    return total.delivered > SEEDS * 20 && total.lost > SEEDS / 20 &&
                   total.repeats > SEEDS / 4 && total.refused > SEEDS / 4 && total.dead > SEEDS
               ? 0
               : 1;
}
