/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Whether all realms hold the same, which is what the model holds. For shared_sim.c.
 */
#pragma once

#include "sim/store/shared_world.h"

#include <string.h>

struct content {
    struct world *world;
    int channel;
    size_t count;
    uint64_t eids[SHARED_MODEL_EVENTS];
};

static inline bool on_content(void *ctx, const struct event *event)
{
    struct content *content = ctx;
    char body[16];

    snprintf(body, sizeof body, "%.*s", SPAN_ARG(event_body(event)));
    learn(content->world, content->channel, event->eid, (unsigned)strtoul(body, NULL, 10),
          event->expiry);
    content->eids[content->count++] = event->eid;
    return true;
}

static inline void read_content(struct realm *realm, int number, struct content *content)
{
    struct world *world = realm->world;
    const struct channel *channel = &realm->routes[number]->channel;

    *content = (struct content){.world = world, .channel = number};
    must(channel_read(channel, channel->lost_eid + 1, realm->now, on_content, content) == OK);
    must(content->count == channel_count(channel));
}

/* What is there by the order of the events; a purge that was asked for may have been lost. */
static inline void compare_model(struct world *world, int number, const struct content *content)
{
    const struct shared_model *model = &world->models[number];
    static bool is_there[SHARED_MODEL_EVENTS];
    size_t at = 0;

    shared_model_replay(model, world->now, is_there);
    for (size_t i = 0; i < model->count; i++) {
        uint64_t eid = model->events[i].eid;

        if (at < content->count && content->eids[at] == eid) {
            must(is_there[i] && eid >= model->purged);
            at++;
        } else {
            must(!is_there[i] || eid < model->marks);
        }
    }
    must(at == content->count);
}

static inline void compare(struct world *world, int number)
{
    static struct content first, other;
    const struct channel *channel = &world->realms[0].routes[number]->channel;

    read_content(&world->realms[0], number, &first);
    for (size_t i = 1; i < REALMS; i++) {
        const struct channel *its = &world->realms[i].routes[number]->channel;

        must(its->epoch == channel->epoch && its->next_eid == channel->next_eid);
        read_content(&world->realms[i], number, &other);
        if (is_kept(world, number)) {
            must(other.count == first.count &&
                 memcmp(other.eids, first.eids, first.count * sizeof first.eids[0]) == 0);
        }
    }
    if (is_kept(world, number)) {
        compare_model(world, number, &first);
    }
}

struct graves {
    struct world *world;
    size_t count;
    unsigned numbers[DEAD_MAX];
};

/* Each is there once, whoever found it dead. */
static inline bool on_dead(void *ctx, const struct event *event)
{
    struct graves *graves = ctx;
    struct world *world = graves->world;
    char body[16];
    unsigned number;

    snprintf(body, sizeof body, "%.*s", SPAN_ARG(event_body(event)));
    number = (unsigned)strtoul(body, NULL, 10);
    for (size_t i = 0; i < graves->count; i++) {
        must(graves->numbers[i] != number);
    }
    graves->numbers[graves->count++] = number;
    return true;
}

static inline void compare_dead(struct world *world)
{
    static struct graves graves;
    struct router_route *route;

    graves = (struct graves){.world = world};
    must(router_open(&world->realms[0].router, SPAN("/dead"), &route) == ROUTER_FOUND);
    must(channel_read(&route->channel, 0 + 1, world->now, on_dead, &graves) == OK);
    world->dead = graves.count;
}
