/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What all realms are to show of one channel: every event that was ever seen anywhere, in the
 * order of its EIDs, and by that order alone what is still there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SHARED_MODEL_EVENTS = 3000
};

struct shared_model_event {
    uint64_t eid;
    unsigned number; /* what its body says */
    unsigned key;
    uint64_t expiry;
};

struct shared_model {
    size_t capacity; /* 0: no limit */
    size_t depth;    /* of each key; 0: there is no key */
    uint64_t marks;  /* purges were asked for up to here */
    uint64_t purged; /* and done up to here */
    size_t count;
    struct shared_model_event events[SHARED_MODEL_EVENTS]; /* in the order of EIDs */
};

/** False when it contradicts what was seen before. */
static inline bool shared_model_learn(struct shared_model *model,
                                      const struct shared_model_event *seen)
{
    size_t at = model->count;

    while (at > 0 && model->events[at - 1].eid > seen->eid) {
        at--;
    }
    if (at > 0 && model->events[at - 1].eid == seen->eid) {
        return model->events[at - 1].number == seen->number;
    }
    for (size_t i = 0; i < model->count; i++) {
        if (model->events[i].number == seen->number) {
            return false; /* the same one twice */
        }
    }
    for (size_t i = model->count; i > at; i--) {
        model->events[i] = model->events[i - 1];
    }
    model->events[at] = *seen;
    model->count++;
    return true;
}

/** Whether nobody needs to show it any more, but for capacity and purges. */
static inline bool shared_model_is_over(const struct shared_model *model,
                                        const struct shared_model_event *event, uint64_t now)
{
    size_t newer = 0;

    for (size_t i = model->count; i-- > 0 && model->events[i].eid > event->eid;) {
        newer += model->events[i].key == event->key;
    }
    return event->expiry <= now || (model->depth > 0 && newer >= model->depth);
}

/** Whether there is nothing between the two EIDs, which do not count, that is to be shown. */
static inline bool shared_model_has_none(const struct shared_model *model, uint64_t after,
                                         uint64_t before, uint64_t now)
{
    for (size_t i = 0; i < model->count; i++) {
        const struct shared_model_event *event = &model->events[i];

        if (event->eid > after && event->eid < before && event->eid >= model->marks &&
            !shared_model_is_over(model, event, now)) {
            return false;
        }
    }
    return true;
}

/** Marks those that are there by their order, when purges have not happened. */
static inline void shared_model_replay(const struct shared_model *model, uint64_t now,
                                       bool is_there[SHARED_MODEL_EVENTS])
{
    for (size_t i = 0; i < model->count; i++) {
        size_t same = 0, all = 0;

        is_there[i] = true;
        for (size_t j = i + 1; j-- > 0;) {
            same += is_there[j] && model->events[j].key == model->events[i].key;
            if (is_there[j] && model->depth > 0 && same > model->depth &&
                model->events[j].key == model->events[i].key) {
                is_there[j] = false;
            }
            all += is_there[j];
            if (is_there[j] && model->capacity > 0 && all > model->capacity) {
                is_there[j] = false;
            }
        }
    }
    for (size_t i = 0; i < model->count; i++) {
        is_there[i] = is_there[i] && model->events[i].expiry > now;
    }
}
