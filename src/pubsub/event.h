/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A published message. Nothing in here changes after event_new(), hence no lock: views, stores
 * and workers share one copy and only count who is still looking. Headers are names and values
 * as they came, unescaped; what they mean is the business of the protocols.
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
};

struct event {
    atomic_uint refs;
    uint64_t eid;  /* its place in the channel, counted from 1 */
    size_t id_len; /* bytes of the publish id */
    size_t headers_len;
    size_t body_len;
    bool is_text;    /* headers and body are UTF-8 */
    uint8_t bytes[]; /* the publish id, the headers, the body */
};

/** With one reference, the caller's. ERR_NOMEM; ERR_LIMIT when a header is over 4 GiB. */
must_check enum err event_new(uint64_t eid, const struct event_parts *parts,
                              struct event **ret_event);

/** One more who looks. Any thread that holds a reference already. */
struct event *event_ref(struct event *event);

/** One fewer; the last one frees it. Takes NULL. */
void event_unref(struct event *event);

/** The header at *at, which begins with 0 and is moved; false at the end. Borrowed. */
bool event_next_header(const struct event *event, size_t *at, struct event_header *ret_header);

/** Memory that it holds. */
static inline size_t event_bytes(const struct event *event)
{
    return sizeof *event + event->id_len + event->headers_len + event->body_len;
}

static inline struct span event_publish_id(const struct event *event)
{
    return span_of(event->bytes, event->id_len);
}

static inline struct span event_body(const struct event *event)
{
    return span_of(event->bytes + event->id_len + event->headers_len, event->body_len);
}
