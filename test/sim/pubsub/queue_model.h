/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A queue as one would explain it: a table of events, a line of readers. It has no lanes, no
 * marks and no lists of what came back; it looks at everything each time.
 */
#pragma once

#include "base/span.h"

enum {
    MODEL_EVENTS = 600,
    MODEL_READERS = 8,
};

enum model_where {
    MODEL_NOWHERE, /* not published */
    MODEL_FREE,
    MODEL_DEALT,
    MODEL_HELD,
    MODEL_CONSUMED,
    MODEL_DEAD, /* it came back too often, or the store dropped it */
};

struct model_event {
    enum model_where where;
    int holder;
    unsigned order; /* in which the holder got it, or was sent it */
    size_t returns;
    bool is_claimed;
    bool is_dropped; /* while it is held */
    bool is_told;    /* that it has gone */
};

struct model_reader {
    bool is_on;
    bool is_plain;
    unsigned divisor; /* its selector: EIDs that this divides */
    size_t window;
    size_t out;
};

struct model {
    struct model_event events[MODEL_EVENTS];
    struct model_reader readers[MODEL_READERS];
    int line[MODEL_READERS]; /* readers with room; the first gets the next event */
    int line_len;
    uint64_t next;
    unsigned clock;
};

static inline void model_leave_line(struct model *model, int reader)
{
    int len = 0;

    for (int i = 0; i < model->line_len; i++) {
        if (model->line[i] != reader) {
            model->line[len++] = model->line[i];
        }
    }
    model->line_len = len;
}

static inline void model_join_line(struct model *model, int reader)
{
    model_leave_line(model, reader);
    model->line[model->line_len++] = reader;
}

/* The reference: the first in line for whom there is an event gets the oldest. One round lets
 * each reader have one. */
static inline void model_deal(struct model *model)
{
    for (bool has_dealt = true; has_dealt;) {
        int line[MODEL_READERS], len = model->line_len;

        has_dealt = false;
        memcpy(line, model->line, sizeof line);
        for (int i = 0; i < len; i++) {
            struct model_reader *reader = &model->readers[line[i]];
            uint64_t eid = reader->divisor;

            while (eid < model->next && model->events[eid].where != MODEL_FREE) {
                eid += reader->divisor;
            }
            if (eid < model->next) {
                model->events[eid].where = MODEL_DEALT;
                model->events[eid].holder = line[i];
                model->events[eid].order = model->clock++;
                reader->out++;
                model_leave_line(model, line[i]);
                if (reader->out < reader->window) {
                    model_join_line(model, line[i]);
                }
                has_dealt = true;
            }
        }
    }
}

/* The reader has it no more. */
static inline void model_take(struct model *model, uint64_t eid, enum model_where where)
{
    struct model_event *event = &model->events[eid];
    struct model_reader *reader = &model->readers[event->holder];

    if (reader->out == reader->window) {
        model_join_line(model, event->holder);
    }
    reader->out--;
    event->where = where;
    event->is_claimed = false;
}

/* Of what a reader has in that state, the one it got first; 0: none. */
static inline uint64_t model_first(const struct model *model, int reader,
                                   enum model_where where)
{
    uint64_t first = 0;

    for (uint64_t eid = 1; eid < model->next; eid++) {
        const struct model_event *event = &model->events[eid];

        if (event->where == where && event->holder == reader &&
            (first == 0 || event->order < model->events[first].order)) {
            first = eid;
        }
    }
    return first;
}
