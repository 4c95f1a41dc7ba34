/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A channel held in memory: its newest events, each with its EID, the oldest making room for
 * the newest. Who reads it, and in which form, is the business of pubsub/view.
 *
 *      1 ............ first ............ next
 *        fallen out         stored           not published yet
 *
 * EIDs begin with 1 and have no gaps. They mean something only together with the epoch, which
 * names one life of the channel.
 */
#pragma once

#include "base/map.h"
#include "pubsub/event.h"

struct channel_limits {
    size_t capacity;    /* events stored; at least 1 */
    size_t store_bytes; /* memory of the events stored */
};

struct channel {
    struct span name; /* owned; a zero follows */
    uint64_t epoch;
    uint64_t next_eid;
    struct channel_limits limits;
    struct event **ring; /* owned, as is a reference to each event: at eid modulo ring_size */
    size_t ring_size;    /* a power of two; grows to hold limits.capacity */
    size_t count;        /* events stored */
    size_t bytes;        /* that they hold */
    struct map ids;      /* publish id to event, of the events stored */
};

enum channel_from {
    CHANNEL_FROM_NOW,    /* the next event that is published */
    CHANNEL_FROM_STORED, /* the oldest that is stored */
    CHANNEL_FROM_EID,
};

/** Where a subscriber wants to begin. */
struct channel_start {
    enum channel_from from;
    uint64_t eid;   /* CHANNEL_FROM_EID: the first event wanted */
    bool has_epoch; /* CHANNEL_FROM_EID: it belongs to this epoch; without, to the present */
    uint64_t epoch;
};

struct channel_receipt {
    const struct event *event; /* borrowed from the channel until the next publish */
    bool is_repeat;            /* the publish id was known: nothing was published */
};

/** `epoch` is random and never used again for this name. ERR_NOMEM. */
must_check enum err channel_init(struct channel *channel, struct span name, uint64_t epoch,
                                 const struct channel_limits *limits);

/** Takes one that failed to begin, or was zeroed. */
void channel_fini(struct channel *channel);

/** Publish, or find out that it was published before. ERR_LIMIT: the event alone is over
 *  store_bytes. ERR_NOMEM. Either way the channel is as it was. */
must_check enum err channel_publish(struct channel *channel, const struct event_parts *parts,
                                    struct channel_receipt *ret_receipt);

/** The oldest event is stored no longer. There must be one. */
void channel_drop_oldest(struct channel *channel);

/** NULL when it is not stored any more, or not published yet. Borrowed as in the receipt. */
const struct event *channel_find(const struct channel *channel, uint64_t eid);

/** The EID of the oldest event stored; next_eid when there is none. */
static inline uint64_t channel_first_eid(const struct channel *channel)
{
    return channel->next_eid - channel->count;
}

/** The EID that a subscriber who asks for `start` gets first. Never over next_eid. */
uint64_t channel_begin(const struct channel *channel, const struct channel_start *start);
