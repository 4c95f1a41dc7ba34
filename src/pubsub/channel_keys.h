/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Publish keys: of the events that have the same value of a key, the newest `depth` stay. So a
 * channel of prices by symbol holds the last price of each. A channel may have several keys;
 * each counts by itself, and an event without a value for one is not counted there.
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "pubsub/event_source.h"

enum {
    CHANNEL_KEYS_MAX = 4,      /* of one channel */
    CHANNEL_KEYS_NAME_MAX = 64 /* bytes */
};

/** One key, as it is configured. */
struct channel_keys_conf {
    char name[CHANNEL_KEYS_NAME_MAX + 1]; /* of the dictionary's member, or else the header */
    size_t depth;                         /* events that stay for each value; at least 1 */
};

/** The events that have one value. */
struct channel_keys_group {
    struct map *map;     /* borrowed: where it is found */
    struct list members; /* struct channel_keys_link, the oldest first */
    struct list waiting; /* likewise, of events that are not published yet */
    size_t count;
    size_t holders; /* links that point here, members or not yet */
    size_t value_len;
    uint8_t value[];
};

/** One for each key, in an event's entry. */
struct channel_keys_link {
    struct list node;                 /* in the group's members, or among those that wait */
    struct channel_keys_group *group; /* NULL: the event has no such key */
    bool has_base; /* the owner's to set: the event builds on the one before it. No more when
                    * that one goes, or another comes between */
};

struct channel_keys {
    const struct channel_keys_conf *conf; /* borrowed, as long as this */
    size_t count;
    struct map groups[CHANNEL_KEYS_MAX];
};

void channel_keys_init(struct channel_keys *keys, const struct channel_keys_conf *conf,
                       size_t count);

/** No link may be left. */
void channel_keys_fini(struct channel_keys *keys);

/** Find each key's group for an event: links[keys->count], which were zeroed. ERR_NOMEM:
 *  channel_keys_leave() all the same. */
must_check enum err channel_keys_enter(struct channel_keys *keys, struct event_source *source,
                                       struct channel_keys_link *links);

/** The event is published: it counts. */
void channel_keys_count(const struct channel_keys *keys, struct channel_keys_link *links);

/** The oldest link of a group that has more than its depth; NULL when none of the event's
 * groups has. *ret_key is which key it is. */
struct channel_keys_link *channel_keys_over(const struct channel_keys *keys,
                                            const struct channel_keys_link *links,
                                            size_t *ret_key);

/** The one that entered the first key's group before this event, published or not yet; NULL. */
struct channel_keys_link *channel_keys_before(const struct channel_keys *keys,
                                              const struct channel_keys_link *links);

/** `is_counted`: channel_keys_count() was called. */
void channel_keys_leave(const struct channel_keys *keys, struct channel_keys_link *links,
                        bool is_counted);
