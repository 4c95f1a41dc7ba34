/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A channel of random kind (reliable or persistent, capacity, time to live, publish key, a
 * memory that holds little) with random readers, who come, go, are slow, choose by a selector
 * and read from anywhere, one of them durable; with publishes that wait for the store, purges,
 * time that passes, restarts and crashes. What a channel holds is what the model holds; a
 * reader gets every event that is held and that he wants, once, in order, and is told when one
 * is lost to him.
 *
 *     channel_sim [SEED]     that one alone
 */
#include "pubsub/router_admin.h"
#include "pubsub/router_publish.h"
#include "store/store_mem.h"

#include "sim/store/channel_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEEDS = 600,
    STEPS = 500,
    READERS = 5,
    TICKETS = 40,
};

struct ticket {
    struct router_ticket ticket;
    struct world *world;
    bool is_busy;
    struct model_event event;
};

struct reader {
    struct view_cursor cursor; /* attached when view is not NULL */
    struct durable *durable;
    bool wants_red;
    uint64_t last_eid; /* everything that he wants up to here he got, or it was not held */
    char line[64];
    size_t line_len;
};

struct purge {
    struct router_admin_ticket ticket;
    struct world *world;
    uint64_t eid;
    bool is_busy;
};

struct world {
    uint64_t seed;
    int step;
    struct rng rng;
    struct router_rule rule;
    struct store_mem_disk *disk;
    struct store *store;
    struct router router;
    struct router_route *route;
    struct selector *red;
    struct ticket tickets[TICKETS];
    struct purge purge;
    uint64_t purged_eid;            /* nothing below it may ever come back */
    struct reader readers[READERS]; /* the first one is durable */
    struct model model;
    uint64_t now;
    unsigned published;
    size_t delivered, lost, lives; /* a simulation in which nothing happens fails */
};

#define must(condition) check(world, (condition), #condition, __LINE__)

static void check(const struct world *world, bool is_true, const char *what, int line)
{
    if (!is_true) {
        fprintf(stderr, "channel_sim.c:%d: seed %llu, step %d: not so: %s\n", line,
                (unsigned long long)world->seed, world->step, what);
        exit(1);
    }
}

static unsigned dice(struct world *world, unsigned sides)
{
    return rng_u32(&world->rng) % sides;
}

static enum err encode(void *ctx, struct span channel, struct span id,
                       const struct event *event, struct buf *out)
{
    (void)ctx;
    (void)channel;
    (void)id;
    return buf_printf(out, "%llu %.*s\n", (unsigned long long)event->eid,
                      SPAN_ARG(event_body(event)));
}

static const struct view_form form = {.tag = 'f', .encode = encode};

/* ---- lives ---- */

static void begin_life(struct world *world)
{
    const struct store_mem_conf store_conf = {.bytes_max = 1 << 24,
                                              .streams_max = 4,
                                              .pending_bytes_max = 1 << 24,
                                              .rng = &world->rng};
    struct router_conf conf = {
        .rules = &world->rule,
        .rule_count = 1,
        .limits = {.channels = 4,
                   .store_bytes = 1 << 24,
                   .ring_bytes = 1 << 24,
                   .durables = 4,
                   .view = {.ring_bytes = 20 + dice(world, 500), .frame_bytes = 100}},
    };

    must(store_mem_open(&store_conf, world->disk, &world->store) == OK);
    conf.store = world->store;
    router_init(&world->router, &conf, &world->rng);
    router_set_now(&world->router, world->now);
    must(durable_set_restore(&world->router.durables) == OK);
    must(router_open(&world->router, SPAN("/a"), &world->route) == ROUTER_FOUND);
    model_expire(&world->model, world->now); /* that comes first in a new life */
    world->lives++;
}

static void detach(struct reader *reader)
{
    if (reader->cursor.view != NULL) {
        view_detach(&reader->cursor);
        durable_close(reader->durable);
        reader->durable = NULL;
    }
    reader->line_len = 0;
}

static void end_life(struct world *world, bool is_crash)
{
    for (size_t i = 0; i < READERS; i++) {
        detach(&world->readers[i]);
    }
    if (is_crash) {
        store_mem_fail(world->store, ERR_CLOSED); /* nothing that is pending happens */
    }
    store_close(world->store);
    router_fini(&world->router);
    if (world->rule.channel.type == CHANNEL_RELIABLE) {
        model_purge(&world->model, UINT64_MAX);
    }
}

/* What had gone may be back, if the store was not told before it was closed. Nothing else
 * changes. */
static bool take_back(void *ctx, const struct event *event)
{
    struct model *model = ctx;

    for (size_t i = 0; i < model->count; i++) {
        if (model->events[i].eid == event->eid) {
            model->events[i].is_gone = false;
        }
    }
    return true;
}

static void begin_next_life(struct world *world)
{
    const struct channel *channel;

    begin_life(world);
    channel = &world->route->channel;
    if (channel->lost_eid > world->model.lost_eid) {
        world->model.lost_eid = channel->lost_eid;
    }
    must(channel_first_eid(channel) >= world->purged_eid);
    must(channel_read(channel, channel->lost_eid + 1, 0, take_back, &world->model) == OK);
}

/* ---- publishing ---- */

static void on_done(struct router_ticket *ticket, enum err e,
                    const struct router_receipt *receipts, size_t count)
{
    struct ticket *mine = (struct ticket *)(void *)ticket;
    struct world *world = mine->world;
    const struct model *model = &world->model;

    mine->is_busy = false;
    if (e != OK) {
        must(e == ERR_CLOSED);
        return;
    }
    must(count == 1 && !receipts[0].is_repeat);
    mine->event.eid = receipts[0].eid;
    must(model->count == 0 || mine->event.eid > model->events[model->count - 1].eid);
    model_publish(&world->model, &mine->event);
}

static void publish(struct world *world)
{
    struct ticket *ticket = NULL;
    char body[16], key[16];
    const struct event_header headers[] = {{SPAN("key"), span_of(key, 1)},
                                           {SPAN("color"), SPAN("red")}};
    struct event_parts parts = {.headers = headers};

    for (size_t i = 0; i < TICKETS && ticket == NULL; i++) {
        ticket = world->tickets[i].is_busy ? NULL : &world->tickets[i];
    }
    if (ticket == NULL || world->published == MODEL_EVENTS) {
        return;
    }
    *ticket = (struct ticket){.ticket.done = on_done, .world = world, .is_busy = true};
    ticket->event = (struct model_event){.number = world->published++,
                                         .key = dice(world, 4),
                                         .is_red = dice(world, 4) == 0,
                                         .expiry = EVENT_NEVER};
    snprintf(body, sizeof body, "%u", ticket->event.number);
    key[0] = (char)('a' + ticket->event.key);
    parts.header_count = ticket->event.is_red ? 2 : 1;
    parts.body = span_str(body);
    parts.ttl = dice(world, 3) == 0 ? 1 + dice(world, 200) : 0;
    if (parts.ttl > 0 || world->rule.channel.ttl > 0) {
        uint64_t ttl = parts.ttl == 0 ? world->rule.channel.ttl : parts.ttl;

        ttl = world->rule.channel.ttl > 0 && ttl > world->rule.channel.ttl
                  ? world->rule.channel.ttl
                  : ttl;
        ticket->event.expiry = world->now + ttl;
    }
    must(router_publish(world->route, &parts, &ticket->ticket) == OK);
}

static void on_purged(struct router_admin_ticket *ticket, enum err e, size_t count)
{
    struct purge *mine = (struct purge *)(void *)ticket;
    struct world *world = mine->world;

    (void)count;
    mine->is_busy = false;
    must(e == OK || e == ERR_CLOSED);
    if (e == OK) {
        model_purge(&world->model, mine->eid);
        world->purged_eid = mine->eid > world->purged_eid ? mine->eid : world->purged_eid;
    }
}

static void purge(struct world *world)
{
    struct purge *mine = &world->purge;
    uint64_t next = world->route->channel.next_eid;
    uint64_t eid = dice(world, (unsigned)next + 2);

    if (!mine->is_busy) {
        *mine = (struct purge){{on_purged, NULL}, world, eid < next ? eid : next, true};
        must(router_admin_purge(world->route, eid, &mine->ticket) == OK);
    }
}

/* ---- reading ---- */

static void attach(struct world *world, struct reader *reader)
{
    struct channel_start start = {.from = (enum channel_from)dice(world, 3)};
    const struct channel *channel = &world->route->channel;
    struct view_kind kind = {&form, NULL, SPAN("s")};
    bool is_durable = reader == &world->readers[0];
    uint64_t next;

    start.eid = dice(world, (unsigned)channel->next_eid + 2);
    reader->wants_red = is_durable || dice(world, 2) == 0;
    if (is_durable) {
        must(durable_open(&world->router.durables, channel->name, SPAN("d"),
                          &reader->durable) == OK);
        if (reader->durable->has_place) { /* nothing is between what he got and his place */
            const struct model_event *skipped =
                model_next(&world->model, reader->last_eid + 1, true, world->now);

            must(skipped == NULL || reader->durable->next_eid <= skipped->eid);
        }
        start = durable_start(reader->durable, &start);
    }
    kind.selector = reader->wants_red ? world->red : NULL;
    next = channel_begin(channel, &start);
    must(view_attach(&world->route->views, &kind, next, &reader->cursor) == OK);
    reader->last_eid = next - 1;
    if (is_durable) {
        durable_move(reader->durable, channel->epoch, next);
    }
}

/* "<eid> <number>": the next event that he wants, but for those that are not held. */
static void got_line(struct world *world, struct reader *reader)
{
    const struct model_event *event, *skipped;
    unsigned long long eid;
    unsigned number;

    reader->line[reader->line_len] = '\0';
    must(sscanf(reader->line, "%llu %u", &eid, &number) == 2);
    event = model_find(&world->model, eid);
    must(event != NULL && event->number == number);
    must(event->is_red || !reader->wants_red);
    must(eid > reader->last_eid);
    skipped = model_next(&world->model, reader->last_eid + 1, reader->wants_red, world->now);
    must(skipped == NULL || skipped->eid >= eid);
    reader->last_eid = eid;
    reader->line_len = 0;
    world->delivered++;
}

static void read_some(struct world *world, struct reader *reader, size_t max)
{
    struct span bytes;
    enum err e = view_peek(&reader->cursor, &bytes);

    if (e == ERR_LIMIT) {
        must(reader->last_eid < world->model.lost_eid);
        world->lost++;
        if (reader->durable != NULL) {
            reader->last_eid = world->model.lost_eid;
        }
        detach(reader);
        return;
    }
    must(e == OK || e == ERR_AGAIN);
    if (e == ERR_AGAIN) {
        if (list_is_empty(&reader->cursor.view->dirty)) { /* that was all */
            must(model_next(&world->model, reader->last_eid + 1, reader->wants_red,
                            world->now) == NULL);
        }
        return;
    }
    bytes = span_head(bytes, max);
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] == '\n') {
            got_line(world, reader);
        } else {
            must(reader->line_len + 1 < sizeof reader->line);
            reader->line[reader->line_len++] = (char)bytes.ptr[i];
        }
    }
    view_sent(&reader->cursor, bytes.len);
    if (reader->durable != NULL) {
        durable_move(reader->durable, world->route->channel.epoch,
                     view_position(&reader->cursor));
    }
}

static void act_as_reader(struct world *world)
{
    struct reader *reader = &world->readers[dice(world, READERS)];

    if (reader->cursor.view == NULL) {
        attach(world, reader);
    } else if (dice(world, 20) == 0) {
        detach(reader);
    } else {
        read_some(world, reader, 1 + dice(world, dice(world, 2) == 0 ? 8 : 2000));
    }
}

/* ---- the same in both ---- */

struct comparison {
    struct world *world;
    uint64_t next_eid;
};

static bool compare_event(void *ctx, const struct event *event)
{
    struct comparison *comparison = ctx;
    struct world *world = comparison->world;
    const struct model_event *expected =
        model_next(&world->model, comparison->next_eid, false, world->now);

    must(expected != NULL && expected->eid == event->eid);
    comparison->next_eid = event->eid + 1;
    return true;
}

static void compare(struct world *world)
{
    const struct channel *channel = &world->route->channel;
    struct comparison comparison = {world, 0};

    must(channel->lost_eid <= world->model.lost_eid); /* it begins anew with each life */
    must(channel_read(channel, channel->lost_eid + 1, world->now, compare_event, &comparison) ==
         OK);
    must(model_next(&world->model, comparison.next_eid, false, world->now) == NULL);
}

static void step(struct world *world)
{
    switch (dice(world, 40)) {
    case 0:
        end_life(world, dice(world, 2) == 0);
        begin_next_life(world);
        break;
    case 1: purge(world); break;
    case 2:
    case 3:
        world->now += dice(world, 100);
        router_set_now(&world->router, world->now);
        break;
    case 4:
        router_expire(&world->router);
        model_expire(&world->model, world->now);
        break;
    case 5:
    case 6:
    case 7: store_mem_run(world->store, dice(world, 10)); break;
    default:
        if (dice(world, 3) == 0) {
            publish(world);
        } else {
            act_as_reader(world);
        }
        break;
    }
    while (router_next_dirty(&world->router) != NULL) {
    }
    compare(world);
}

static void run(uint64_t seed, size_t *delivered, size_t *lost)
{
    static struct world static_world;
    struct world *world = &static_world;
    struct selector_fault fault;

    *world = (struct world){.seed = seed, .rng = rng_seeded(seed), .now = 1000};
    world->rule = (struct router_rule){
        .pattern = SPAN("/a"),
        .channel = {.type = dice(world, 3) == 0 ? CHANNEL_RELIABLE : CHANNEL_PERSISTENT,
                    .capacity = dice(world, 2) == 0 ? 0 : 1 + dice(world, 30),
                    .store_bytes = 1 << 24,
                    .memory_bytes = dice(world, 2000),
                    .ttl = dice(world, 2) == 0 ? 0 : 1 + dice(world, 300),
                    .keys = {{"key", 1 + dice(world, 3)}},
                    .key_count = dice(world, 2)}};
    world->model.capacity = world->rule.channel.capacity;
    world->model.depth =
        world->rule.channel.key_count == 0 ? 0 : world->rule.channel.keys[0].depth;
    must(selector_parse(SPAN("color = 'red'"), &fault, &world->red) == OK);
    must(store_mem_disk_new(&world->disk) == OK);
    begin_life(world);
    for (world->step = 0; world->step < STEPS; world->step++) {
        step(world);
    }
    end_life(world, false);
    store_mem_disk_free(world->disk);
    selector_unref(world->red);
    *delivered += world->delivered;
    *lost += world->lost;
}

int main(int argc, char **argv)
{
    size_t delivered = 0, lost = 0;

    if (argc > 1) {
        run(strtoull(argv[1], NULL, 10), &delivered, &lost);
    } else {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            run(seed, &delivered, &lost);
        }
    }
    printf("%zu events delivered, %zu readers told that they lost some\n", delivered, lost);
    return argc > 1 || (delivered > SEEDS * 20 && lost > SEEDS / 10) ? 0 : 1;
}
