/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A published message. Nothing in here changes once it is published, hence no lock: views,
 * stores and workers share one copy and only count who is still looking. Headers are names and
 * values as they came, unescaped; what they mean is the business of the protocols.
 *
 * Its bytes are the publish id, the headers, the body, one behind the other. They stand behind
 * the struct, or somewhere else: event_borrow() makes one that only looks at a store's memory,
 * so that a replay copies nothing. Who takes a `const struct event *` looks at either kind, for
 * the length of the call; only event_new()'s can be kept, with event_ref().
 */
#pragma once

#include "base/err.h"
#include "base/span.h"

#include <stdatomic.h>

struct event_header {
    struct span name;
    struct span value;
};

/** What an event is made of; all of it is copied. */
struct event_parts {
    const struct event_header *headers;
    size_t header_count;
    struct span body;
    struct span publish_id; /* the publisher's name for it; empty: none */
    uint64_t time;          /* when it is published, in ms since 1970 */
    uint64_t ttl;           /* ms from then on that it is worth delivering; 0: for ever */
    bool is_change;         /* it holds only what has changed: see pubsub/channel_merge.h */
    size_t merged_max;      /* of a change: bytes of the body that it may come to; 0: any */
};

#define EVENT_NEVER UINT64_MAX /* an expiry */

struct event {
    atomic_uint refs; /* 0: the bytes are borrowed */
    bool is_text;     /* headers and body are UTF-8 */
    uint64_t eid;     /* its place in the channel, counted from 1 */
    uint64_t time;    /* published, in ms since 1970, as is the next */
    uint64_t expiry;  /* not to be delivered from then on; EVENT_NEVER */
    size_t id_len;    /* bytes of the publish id */
    size_t headers_len;
    size_t body_len;
    const uint8_t *bytes;
    uint8_t own[];
};

/** With one reference, the caller's. ERR_NOMEM; ERR_LIMIT when a header is over 4 GiB. */
must_check enum err event_new(uint64_t eid, const struct event_parts *parts,
                              struct event **ret_event);

/** What a store says about an event; `bytes` are those of another event, id, headers, body. */
struct event_record {
    uint64_t eid;
    uint64_t time;
    uint64_t expiry;
    size_t id_len;
    size_t headers_len;
    bool is_text;
    struct span bytes;
};

/** An event over somebody else's bytes: valid as long as they are, and never counted. False
 *  when the record contradicts itself: lengths and headers are checked. */
bool event_borrow(const struct event_record *record, struct event *ret_event);

/** A counted copy, whichever kind it is. ERR_NOMEM. */
must_check enum err event_copy(const struct event *event, struct event **ret_copy);

/* A copy says in its first header which event it was made of. Where both are stored in one step
 * nobody knows that one's EID before; so it begins with a hole, into which any EID fits. */
#define EVENT_ORIGIN      SPAN("join-eid")
#define EVENT_ORIGIN_HOLE SPAN("00000000000000000000")

/** Whether it begins with the hole, and may be given its origin. */
bool event_has_hole(const struct event *event);

/** Its origin is that event; for who alone has seen it. Nothing happens when it is known. */
void event_set_origin(struct event *event, uint64_t eid);

/** One more who looks. Any thread that holds a reference already. Not for borrowed bytes. */
struct event *event_ref(struct event *event);

/** One fewer; the last one frees it. Takes NULL. */
void event_unref(struct event *event);

/** The header at *at, which begins with 0 and is moved; false at the end. Borrowed. */
bool event_next_header(const struct event *event, size_t *at, struct event_header *ret_header);

/** The bytes of id, headers and body. */
static inline size_t event_len(const struct event *event)
{
    return event->id_len + event->headers_len + event->body_len;
}

/** Memory that it holds. */
static inline size_t event_bytes(const struct event *event)
{
    return sizeof *event + event_len(event);
}

static inline bool event_is_expired(const struct event *event, uint64_t now)
{
    return event->expiry <= now;
}

static inline struct span event_publish_id(const struct event *event)
{
    return span_of(event->bytes, event->id_len);
}

static inline struct span event_body(const struct event *event)
{
    return span_of(event->bytes + event->id_len + event->headers_len, event->body_len);
}
