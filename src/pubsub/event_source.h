/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * An event as selectors, publish keys and joins look at it: its dictionary and attributes are
 * read when somebody first asks, and once. One whose body says that it has a dictionary and
 * does not has none.
 */
#pragma once

#include "pubsub/dict_json.h"
#include "pubsub/event.h"
#include "pubsub/selector.h"

enum {
    EVENT_SOURCE_DICT_BYTES = 8 * 1024 * 1024, /* of memory for one dictionary */
    EVENT_SOURCE_DICT_VALUES = 256 * 1024,
    EVENT_SOURCE_TEXT_BYTES = 512, /* "<channel>@<eid>" */
};

/* event_source.c's own. */
struct event_source {
    const struct event *event; /* borrowed for the source's life, as is the name */
    struct span channel;
    const struct event *change; /* likewise: what has changed with it; NULL: not known */
    struct selector_source source;
    struct dict *root; /* owned; what `source` points into, as is the next */
    struct dict *attributes;
    bool is_read;
    char message_id[EVENT_SOURCE_TEXT_BYTES];
};

/** Takes no memory yet. The channel's name is for the event's message-id. */
void event_source_init(struct event_source *source, const struct event *event,
                       struct span channel);
void event_source_fini(struct event_source *source);

/** As selector_matches(). Without memory for its dictionary an event has none. */
bool event_source_matches(struct event_source *source, const struct selector *selector);

/** The value of a key, as text: a scalar of the dictionary, else a header. False: there is
 * none, or it is an array or a dictionary. Written to `room`, at most `room_bytes` of it, where
 * it is not text by itself. */
bool event_source_key(struct event_source *source, struct span name, char *room,
                      size_t room_bytes, struct span *ret_value);

/** Whether the event says that its body is an object with data, dictionary and tag. */
bool event_source_is_dict(const struct event *event);

/**
 * Whether an event that is to be published may say of its body what `content_type` says.
 *
 * Returns OK         the body is what it is said to be, or nothing that is looked into
 *         ERR_PROTO  it is no event with data, dictionary and tag: *ret_fault says why
 *         ERR_LIMIT  likewise: DICT_DEPTH_MAX. What only takes more than is given to one
 * dictionary here is passed on, and is an event without one to selectors ERR_NOMEM
 */
must_check enum err event_source_check(struct span content_type, struct span body,
                                       struct dict_fault *ret_fault);
