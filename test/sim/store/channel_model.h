/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a channel should hold, by the shortest way to say it: all events that were ever
 * published, each with a mark when it has gone, and why.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MODEL_EVENTS = 2000
};

struct model_event {
    uint64_t eid;
    unsigned number; /* what its body says */
    unsigned key;
    bool is_red;
    uint64_t expiry;
    bool is_gone;
};

struct model {
    size_t capacity; /* 0: no limit */
    size_t depth;    /* of each key; 0: there is no key */
    uint64_t lost_eid;
    size_t count;
    struct model_event events[MODEL_EVENTS];
};

static inline bool model_holds(const struct model_event *event, uint64_t now)
{
    return !event->is_gone && event->expiry > now;
}

static inline void model_publish(struct model *model, const struct model_event *published)
{
    size_t same = 0, all = 0;

    model->events[model->count++] = *published;
    for (size_t i = model->count; i-- > 0;) {
        struct model_event *event = &model->events[i];

        if (event->is_gone) {
            continue;
        }
        same += event->key == published->key;
        event->is_gone =
            model->depth > 0 && event->key == published->key && same > model->depth;
    }
    for (size_t i = model->count; i-- > 0;) {
        struct model_event *event = &model->events[i];

        all += !event->is_gone;
        if (!event->is_gone && model->capacity > 0 && all > model->capacity) {
            event->is_gone = true;
            model->lost_eid = event->eid > model->lost_eid ? event->eid : model->lost_eid;
        }
    }
}

static inline void model_expire(struct model *model, uint64_t now)
{
    for (size_t i = 0; i < model->count; i++) {
        model->events[i].is_gone = model->events[i].is_gone || model->events[i].expiry <= now;
    }
}

static inline void model_purge(struct model *model, uint64_t below)
{
    for (size_t i = 0; i < model->count; i++) {
        model->events[i].is_gone = model->events[i].is_gone || model->events[i].eid < below;
    }
}

/** The first event that is held with EID `eid` or behind it, and that a reader wants; NULL. */
static inline const struct model_event *model_next(const struct model *model, uint64_t eid,
                                                   bool wants_red, uint64_t now)
{
    for (size_t i = 0; i < model->count; i++) {
        const struct model_event *event = &model->events[i];

        if (event->eid >= eid && model_holds(event, now) && (event->is_red || !wants_red)) {
            return event;
        }
    }
    return NULL;
}

static inline const struct model_event *model_find(const struct model *model, uint64_t eid)
{
    for (size_t i = 0; i < model->count; i++) {
        if (model->events[i].eid == eid) {
            return &model->events[i];
        }
    }
    return NULL;
}
