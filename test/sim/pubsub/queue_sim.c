/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Thousands of queues, each with random readers who come, go, are slow, commit, roll back,
 * claim and settle, while events are published, expire and are purged. After every step the
 * queue says what the model says: who was dealt what, in which order, with which count of
 * returns. So no event is lost, none is with two readers, order is kept and windows are
 * respected.
 *
 *     queue_sim [SEED]     that one alone
 */
#include "pubsub/queue_browser.h"
#include "pubsub/queue_reader.h"

#include "base/rng.h"
#include "sim/pubsub/queue_model.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SEEDS = 3000,
    STEPS = 400,
};

struct world {
    uint64_t seed;
    int step;
    struct rng rng;
    struct queue queue;
    struct queue_desk desk;
    struct queue_reader readers[MODEL_READERS];
    struct queue_claim claim; /* one at a time */
    bool is_claiming;
    struct model model;
    size_t redelivery_max;
    size_t sent;    /* that came to anybody: a simulation in which nothing happens fails */
    size_t returns; /* sent for another time */
};

#define must(condition) check(world, (condition), #condition, __LINE__)

static void check(const struct world *world, bool is_true, const char *what, int line)
{
    if (!is_true) {
        fprintf(stderr, "queue_sim.c:%d: seed %llu, step %d: not so: %s\n", line,
                (unsigned long long)world->seed, world->step, what);
        exit(1);
    }
}

static unsigned dice(struct world *world, unsigned sides)
{
    return rng_u32(&world->rng) % sides;
}

/* ---- the same in both ---- */

/* What its store does for want of room, when its time is over, or when it is purged. */
static void drop(struct world *world, uint64_t eid)
{
    struct model_event *event = &world->model.events[eid];

    event->is_dropped = event->is_dropped || event->where == MODEL_HELD ||
                        event->where == MODEL_DEALT || event->where == MODEL_FREE;
    switch (event->where) {
    case MODEL_HELD: break;
    case MODEL_DEALT: model_take(&world->model, eid, MODEL_DEAD); break;
    case MODEL_FREE: event->where = MODEL_DEAD; break;
    case MODEL_NOWHERE:
    case MODEL_CONSUMED:
    case MODEL_DEAD: break;
    }
    queue_drop(&world->queue, eid, QUEUE_EXPIRED);
    model_deal(&world->model);
}

static size_t count_in(const struct model *model, bool is_out)
{
    size_t count = 0;

    for (uint64_t eid = 1; eid < model->next; eid++) {
        enum model_where where = model->events[eid].where;

        count +=
            where == MODEL_DEALT || where == MODEL_HELD || (!is_out && where == MODEL_FREE);
    }
    return count;
}

/* For the selectors: of 2 and 3, those that divide the EID. */
static const char *divisors_of(uint64_t eid)
{
    static const char *const texts[] = {"23", "", "2", "3", "2", ""};

    return texts[eid % 6];
}

static void publish(struct world *world)
{
    struct model *model = &world->model;
    const struct event_header header = {SPAN("by"), span_str(divisors_of(model->next))};
    const struct event_parts parts = {.headers = &header, .header_count = 1};
    struct event *event;

    if (model->next == MODEL_EVENTS) {
        return;
    }
    must(event_new(model->next, &parts, &event) == OK);
    must(queue_put(&world->queue, event) == OK);
    event_unref(event);
    model->events[model->next++].where = MODEL_FREE;
    model_deal(model);
}

static void join(struct world *world, int i)
{
    static const struct span selectors[] = {
        [2] = SPAN_INIT("by LIKE '%2%'"), [3] = SPAN_INIT("by LIKE '%3%'")};
    struct model_reader *reader = &world->model.readers[i];
    unsigned divisor = dice(world, 2) == 0 ? 1 : 1 + dice(world, 3);
    struct queue_reader_conf conf = {.window = 1 + dice(world, 5),
                                     .is_plain = dice(world, 4) == 0};
    struct selector_fault fault;

    *reader = (struct model_reader){true, conf.is_plain, divisor, conf.window, 0};
    if (divisor > 1) {
        must(selector_parse(selectors[divisor], &fault, &conf.selector) == OK);
    }
    must(queue_reader_attach(&world->readers[i], &world->queue, &conf) == OK);
    selector_unref(conf.selector);
    model_join_line(&world->model, i);
    model_deal(&world->model);
}

static void come_back(struct world *world, uint64_t eid)
{
    struct model_event *event = &world->model.events[eid];

    event->returns++;
    if ((world->redelivery_max > 0 && event->returns > world->redelivery_max) ||
        event->is_dropped) {
        event->where = MODEL_DEAD;
    }
}

/* The store did not take that it was finished with. */
static void stay(struct world *world, uint64_t eid)
{
    struct model_event *event = &world->model.events[eid];

    event->returns += event->returns == 0;
    if (event->is_dropped) {
        event->where = MODEL_DEAD;
    }
}

static void give_back(struct world *world, uint64_t eid)
{
    model_take(&world->model, eid, MODEL_FREE);
    come_back(world, eid);
}

static void leave(struct world *world, int i)
{
    struct model *model = &world->model;
    uint64_t eid;

    while ((eid = model_first(model, i, MODEL_HELD)) != 0) {
        must(!model->events[eid].is_claimed || world->is_claiming);
        give_back(world, eid);
    }
    while ((eid = model_first(model, i, MODEL_DEALT)) != 0) {
        model_take(model, eid, MODEL_FREE);
    }
    model->readers[i].is_on = false;
    model_leave_line(model, i);
    queue_reader_detach(&world->readers[i]);
    model_deal(model);
}

static void send_one(struct world *world, int i)
{
    struct model *model = &world->model;
    struct queue_reader_delivery delivery;
    uint64_t eid = model_first(model, i, MODEL_DEALT);

    must(queue_reader_next(&world->readers[i], &delivery) == (eid != 0));
    if (eid == 0) {
        return;
    }
    must(delivery.event->eid == eid && delivery.returns == model->events[eid].returns);
    world->sent++;
    world->returns += delivery.returns > 0;
    queue_reader_sent(&world->readers[i]);
    if (model->readers[i].is_plain) {
        model_take(model, eid, MODEL_CONSUMED);
        model_deal(model);
        return;
    }
    model->events[eid].where = MODEL_HELD;
    model->events[eid].order = model->clock++;
}

/* Any event, mostly one that the reader holds. */
static uint64_t choose(struct world *world, int i)
{
    uint64_t held[64];
    unsigned count = 0;

    for (uint64_t eid = 1; eid < world->model.next && count < 64; eid++) {
        const struct model_event *event = &world->model.events[eid];

        if (event->where == MODEL_HELD && event->holder == i) {
            held[count++] = eid;
        }
    }
    return count == 0 || dice(world, 10) == 0 ? 1 + dice(world, MODEL_EVENTS)
                                              : held[dice(world, count)];
}

static void pass(struct world *world, uint64_t eid, bool rolls_back)
{
    if (rolls_back) {
        give_back(world, eid);
    } else {
        model_take(&world->model, eid, MODEL_CONSUMED);
    }
}

enum how {
    COMMIT,
    ROLL_BACK,
    CLAIM,
};

static bool commit(struct queue_reader *reader, uint64_t eid, enum queue_reader_scope scope)
{
    struct queue_claim claim;

    queue_reader_claim_init(&claim);
    if (!queue_reader_claim(reader, eid, scope, false, &claim)) {
        return false;
    }
    queue_reader_seal(reader, &claim);
    queue_reader_settle(&claim, true);
    return true;
}

static bool ask(struct world *world, int i, uint64_t eid, enum queue_reader_scope scope,
                enum how how)
{
    struct queue_reader *reader = &world->readers[i];

    switch (how) {
    case COMMIT: return commit(reader, eid, scope);
    case ROLL_BACK: return queue_reader_roll_back(reader, eid, scope);
    case CLAIM: break;
    }
    return queue_reader_claim(reader, eid, scope, false, &world->claim);
}

static void finish(struct world *world, int i, enum how how)
{
    enum queue_reader_scope scope = dice(world, 2) == 0 ? QUEUE_READER_ONE : QUEUE_READER_UP_TO;
    struct model *model = &world->model;
    uint64_t eid = choose(world, i);
    const struct model_event chosen =
        eid < MODEL_EVENTS ? model->events[eid] : (struct model_event){0};
    bool may = chosen.where == MODEL_HELD && chosen.holder == i && !chosen.is_claimed;

    must(ask(world, i, eid, scope, how) == may);
    world->is_claiming = world->is_claiming || how == CLAIM;
    for (uint64_t at = 1; may && at < model->next; at++) {
        struct model_event *event = &model->events[at];

        if (event->where != MODEL_HELD || event->holder != i || event->is_claimed ||
            event->order > chosen.order || (scope == QUEUE_READER_ONE && at != eid)) {
            continue;
        }
        if (how == CLAIM) {
            event->is_claimed = true;
        } else {
            pass(world, at, how == ROLL_BACK);
        }
    }
    model_deal(model);
}

/* Of those that a reader has claimed, the one it was sent first; 0: none. */
static uint64_t first_claimed(const struct model *model, int reader)
{
    uint64_t first = 0;

    for (uint64_t eid = 1; eid < model->next; eid++) {
        const struct model_event *event = &model->events[eid];

        if (event->where == MODEL_HELD && event->holder == reader && event->is_claimed &&
            (first == 0 || event->order < model->events[first].order)) {
            first = eid;
        }
    }
    return first;
}

/* The transaction ends: well, badly after it was sealed, or before. */
static void seal(struct world *world, bool is_committed)
{
    struct model *model = &world->model;
    uint64_t sealed[MODEL_EVENTS], eid;
    size_t count = 0;

    for (int i = 0; i < MODEL_READERS; i++) {
        while ((eid = first_claimed(model, i)) != 0) {
            model_take(model, eid, MODEL_HELD);
            model->events[eid].holder = -1;
            sealed[count++] = eid;
        }
        model_deal(model);
        if (model->readers[i].is_on) {
            queue_reader_seal(&world->readers[i], &world->claim);
        }
    }
    for (size_t i = 0; i < count; i++) {
        model->events[sealed[i]].where = is_committed ? MODEL_CONSUMED : MODEL_FREE;
        if (!is_committed) {
            stay(world, sealed[i]);
            model_deal(model);
        }
    }
    queue_reader_settle(&world->claim, is_committed);
}

static void unclaim(struct world *world)
{
    struct model *model = &world->model;

    for (uint64_t eid = 1; eid < model->next; eid++) {
        model->events[eid].is_claimed = false;
    }
    for (int i = 0; i < MODEL_READERS; i++) {
        if (model->readers[i].is_on) {
            queue_reader_unclaim(&world->readers[i], &world->claim);
        }
    }
}

static void settle(struct world *world)
{
    unsigned number = dice(world, 4);

    if (number < 3) {
        seal(world, number < 2);
    } else {
        unclaim(world);
    }
    world->is_claiming = false;
}

static void purge(struct world *world)
{
    for (uint64_t eid = 1; eid < world->model.next; eid++) {
        drop(world, eid);
    }
}

/* ---- what must be so after every step ---- */

static void look_at_gone(struct world *world)
{
    struct queue_gone gone;

    while (queue_next_gone(&world->queue, &gone)) {
        struct model_event *event = &world->model.events[gone.event->eid];

        must(event->where == (gone.end == QUEUE_CONSUMED ? MODEL_CONSUMED : MODEL_DEAD));
        must(gone.is_stored == !event->is_dropped && gone.returns == event->returns);
        must(!event->is_told);
        event->is_told = true;
        event_unref(gone.event);
    }
    for (uint64_t eid = 1; eid < world->model.next; eid++) {
        const struct model_event *event = &world->model.events[eid];

        must(event->is_told == (event->where == MODEL_DEAD ||
                                (event->where == MODEL_CONSUMED && !event->is_dropped)));
    }
}

static void look(struct world *world)
{
    const struct model *model = &world->model;
    struct queue_browser browser;
    const struct event *event;

    look_at_gone(world);
    must(queue_count(&world->queue) == count_in(model, false));
    must(world->queue.out == count_in(model, true));
    queue_browser_begin(&browser, &world->queue, NULL);
    for (uint64_t eid = 1; eid < model->next; eid++) {
        if (model->events[eid].where == MODEL_FREE || model->events[eid].where == MODEL_DEALT) {
            event = queue_browser_next(&browser);
            must(event != NULL && event->eid == eid);
            queue_browser_pass(&browser);
        }
    }
    must(queue_browser_next(&browser) == NULL);
    queue_browser_end(&browser);
    for (int i = 0; i < MODEL_READERS; i++) {
        struct queue_reader_delivery delivery;
        uint64_t eid = model_first(model, i, MODEL_DEALT);

        if (model->readers[i].is_on) {
            must(world->readers[i].out == model->readers[i].out);
            must(model->readers[i].out <= model->readers[i].window);
            must(queue_reader_next(&world->readers[i], &delivery) == (eid != 0));
            must(eid == 0 || delivery.event->eid == eid);
        }
    }
}

static void act(struct world *world)
{
    int i = (int)dice(world, MODEL_READERS);
    unsigned number = dice(world, 100);

    if (number < 30) {
        publish(world);
    } else if (number < 34) {
        drop(world, 1 + dice(world, (unsigned)world->model.next));
    } else if (number < 35 && dice(world, 20) == 0) {
        purge(world);
    } else if (!world->model.readers[i].is_on) {
        join(world, i);
    } else if (number < 38) {
        leave(world, i);
    } else if (number < 70) {
        send_one(world, i);
    } else if (number < 82) {
        finish(world, i, COMMIT);
    } else if (number < 90) {
        finish(world, i, ROLL_BACK);
    } else if (number < 96) {
        finish(world, i, CLAIM);
    } else {
        settle(world);
    }
}

/* To the end: nobody has anything, and one who comes gets all that is left, in order. */
static void drain(struct world *world)
{
    for (int i = 0; i < MODEL_READERS; i++) {
        if (world->model.readers[i].is_on) {
            leave(world, i);
        }
    }
    must(world->queue.out == 0);
    join(world, 0);
    world->readers[0].is_plain = world->model.readers[0].is_plain = true;
    while (model_first(&world->model, 0, MODEL_DEALT) != 0) {
        send_one(world, 0);
    }
    leave(world, 0);
    look(world);
}

static void run(uint64_t seed, size_t *sent, size_t *returns)
{
    static struct world room;
    struct world *world = &room;

    *world = (struct world){.seed = seed, .rng = rng_seeded(seed)};
    world->model.next = 1;
    world->redelivery_max = dice(world, 2) == 0 ? 0 : 1 + dice(world, 4);
    queue_desk_init(&world->desk);
    queue_reader_claim_init(&world->claim);
    queue_init(&world->queue, &(struct queue_conf){SPAN("/q"), world->redelivery_max, 1, false},
               &world->desk);
    for (world->step = 0; world->step < STEPS; world->step++) {
        act(world);
        look(world);
    }
    drain(world);
    queue_fini(&world->queue);
    *sent += world->sent;
    *returns += world->returns;
}

int main(int argc, char **argv)
{
    size_t sent = 0, returns = 0;

    if (argc > 1) {
        run(strtoull(argv[1], NULL, 10), &sent, &returns);
    } else {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            run(seed, &sent, &returns);
        }
    }
    printf("%zu events sent, %zu of them again\n", sent, returns);
    return argc > 1 || (sent > SEEDS * 10 && returns > SEEDS) ? 0 : 1;
}
