/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Three realms, their readers and what was published, for shared_sim.c.
 */
#pragma once

#include "pubsub/router_admin.h"
#include "pubsub/router_publish.h"
#include "store/store_mem.h"

#include "sim/store/shared_model.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SEEDS = 400,
    STEPS = 600,
    REALMS = 3,
    CHANNELS = 2,
    READERS = 4, /* of each realm */
    TICKETS = 30,
    DEAD_MAX = 4000,
};

static const char *const names[CHANNELS] = {"/a", "/b"};

struct world;

struct ticket {
    struct router_ticket ticket;
    struct world *world;
    bool is_busy;
    int channel;
    unsigned number;
    uint64_t expiry;
};

struct purge {
    struct router_admin_ticket ticket;
    struct world *world;
    int channel;
    uint64_t eid;
    bool is_busy;
};

struct reader {
    struct realm *realm;
    int channel;
    struct view_cursor cursor; /* attached when view is not NULL */
    struct durable *durable;
    uint64_t begin_eid;
    uint64_t last_eid; /* everything up to here he got, or it was gone */
    char line[80];
    size_t line_len;
};

struct realm {
    struct world *world;
    struct store *store;
    struct router router;
    struct router_route *routes[CHANNELS];
    struct reader readers[READERS]; /* the first one is durable */
    uint64_t now;
};

struct publication {
    int channel;
    unsigned key;
    bool has_id;
    bool is_sure; /* somebody was told that it is stored, or saw it */
    bool is_open; /* it may be tried again */
};

struct world {
    uint64_t seed;
    int step;
    struct rng rng;
    struct router_rule rules[CHANNELS + 1];
    struct store_mem_disk *disk;
    struct realm realms[REALMS];
    struct ticket tickets[TICKETS];
    struct purge purge;
    struct shared_model models[CHANNELS];
    struct publication published[SHARED_MODEL_EVENTS];
    unsigned count;
    uint64_t durable_eid; /* the durable reader has all of the first channel up to here */
    uint64_t now;
    size_t delivered, lost, repeats, refused, dead; /* where nothing happens it fails */
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

static inline enum err encode(void *ctx, struct span channel, struct span id,
                              const struct event *event, struct buf *out)
{
    (void)ctx;
    (void)channel;
    (void)id;
    return buf_printf(out, "%llu %.*s %llu\n", (unsigned long long)event->eid,
                      SPAN_ARG(event_body(event)), (unsigned long long)event->expiry);
}

static const struct view_form form = {.tag = 'f', .encode = encode};

static inline bool is_kept(const struct world *world, int channel)
{
    return world->rules[channel].channel.type != CHANNEL_TRANSIENT;
}

/* Somebody has seen it, or was told of it. */
static inline void learn(struct world *world, int channel, uint64_t eid, unsigned number,
                         uint64_t expiry)
{
    const struct shared_model_event seen = {eid, number, world->published[number].key, expiry};

    must(number < world->count && world->published[number].channel == channel);
    must(shared_model_learn(&world->models[channel], &seen));
    world->published[number].is_sure = true;
}
