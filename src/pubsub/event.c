/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/event.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    NUMBER_BYTES = 24
};

/* In front of each header's bytes. Copied in and out: it stands at any alignment. */
struct header_lens {
    uint32_t name;
    uint32_t value;
};

static bool is_utf8(const struct event_parts *parts)
{
    for (size_t i = 0; i < parts->header_count; i++) {
        if (!utf8_is_valid(parts->headers[i].name) || !utf8_is_valid(parts->headers[i].value)) {
            return false;
        }
    }
    return utf8_is_valid(parts->body);
}

static enum err headers_bytes(const struct event_parts *parts, size_t *ret_bytes)
{
    size_t bytes = 0;

    for (size_t i = 0; i < parts->header_count; i++) {
        const struct event_header *header = &parts->headers[i];

        if (header->name.len > UINT32_MAX || header->value.len > UINT32_MAX) {
            return ERR_LIMIT;
        }
        bytes += sizeof(struct header_lens) + header->name.len + header->value.len;
    }
    *ret_bytes = bytes;
    return OK;
}

static uint8_t *copy(uint8_t *to, struct span bytes)
{
    if (bytes.len > 0) {
        memcpy(to, bytes.ptr, bytes.len);
    }
    return to + bytes.len;
}

static enum err alloc(size_t len, struct event **ret_event)
{
    struct event *event = malloc(sizeof *event + len);

    if (event == NULL) {
        return ERR_NOMEM;
    }
    atomic_init(&event->refs, 1);
    event->bytes = event->own;
    *ret_event = event;
    return OK;
}

static uint64_t expiry_of(const struct event_parts *parts)
{
    return parts->ttl == 0 || parts->ttl > EVENT_NEVER - parts->time ? EVENT_NEVER
                                                                     : parts->time + parts->ttl;
}

enum err event_new(uint64_t eid, const struct event_parts *parts, struct event **ret_event)
{
    struct event *event;
    uint8_t *to;
    size_t headers_len;

    TRY(headers_bytes(parts, &headers_len));
    TRY(alloc(parts->publish_id.len + headers_len + parts->body.len, &event));
    event->eid = eid;
    event->time = parts->time;
    event->expiry = expiry_of(parts);
    event->id_len = parts->publish_id.len;
    event->headers_len = headers_len;
    event->body_len = parts->body.len;
    event->is_text = is_utf8(parts);

    to = copy(event->own, parts->publish_id);
    for (size_t i = 0; i < parts->header_count; i++) {
        const struct event_header *header = &parts->headers[i];
        const struct header_lens lens = {(uint32_t)header->name.len,
                                         (uint32_t)header->value.len};

        to = copy(to, span_of(&lens, sizeof lens));
        to = copy(to, header->name);
        to = copy(to, header->value);
    }
    copy(to, parts->body);
    *ret_event = event;
    return OK;
}

/* Whether event_next_header() stays inside. */
static bool headers_fit(const struct event *event)
{
    struct event_header header;
    size_t at = 0;

    while (at < event->headers_len) {
        struct header_lens lens;
        size_t left = event->headers_len - at;

        if (left < sizeof lens) {
            return false;
        }
        memcpy(&lens, event->bytes + event->id_len + at, sizeof lens);
        left -= sizeof lens;
        if (lens.name > left || lens.value > left - lens.name) {
            return false;
        }
        event_next_header(event, &at, &header);
    }
    return true;
}

bool event_borrow(const struct event_record *record, struct event *ret_event)
{
    size_t len = record->bytes.len;

    if (record->id_len > len || record->headers_len > len - record->id_len) {
        return false;
    }
    atomic_init(&ret_event->refs, 0);
    ret_event->is_text = record->is_text;
    ret_event->eid = record->eid;
    ret_event->time = record->time;
    ret_event->expiry = record->expiry;
    ret_event->id_len = record->id_len;
    ret_event->headers_len = record->headers_len;
    ret_event->body_len = len - record->id_len - record->headers_len;
    ret_event->bytes = record->bytes.ptr;
    return headers_fit(ret_event);
}

enum err event_copy(const struct event *event, struct event **ret_copy)
{
    struct event *made;

    TRY(alloc(event_len(event), &made));
    made->is_text = event->is_text;
    made->eid = event->eid;
    made->time = event->time;
    made->expiry = event->expiry;
    made->id_len = event->id_len;
    made->headers_len = event->headers_len;
    made->body_len = event->body_len;
    copy(made->own, span_of(event->bytes, event_len(event)));
    *ret_copy = made;
    return OK;
}

bool event_has_hole(const struct event *event)
{
    struct event_header header;
    size_t at = 0;

    return event->id_len == 0 && event_next_header(event, &at, &header) &&
           span_equal(header.name, EVENT_ORIGIN) && span_equal(header.value, EVENT_ORIGIN_HOLE);
}

/* What the digits leave free goes in front of the header, so that nothing behind it moves. */
void event_set_origin(struct event *event, uint64_t eid)
{
    uint8_t *first = event->own + (event->bytes - event->own);
    const size_t name_len = EVENT_ORIGIN.len;
    char digits[NUMBER_BYTES];
    struct header_lens lens = {.name = (uint32_t)name_len};
    size_t gap;

    if (!event_has_hole(event)) {
        return;
    }
    lens.value = (uint32_t)snprintf(digits, sizeof digits, "%" PRIu64, eid);
    gap = EVENT_ORIGIN_HOLE.len - lens.value;
    first += gap;
    memmove(first + sizeof lens, first - gap + sizeof lens, name_len);
    memcpy(first, &lens, sizeof lens);
    memcpy(first + sizeof lens + name_len, digits, lens.value);
    event->bytes = first;
    event->headers_len -= gap;
}

struct event *event_ref(struct event *event)
{
    assert(atomic_load_explicit(&event->refs, memory_order_relaxed) > 0);
    /* Relaxed is enough: whoever calls this already holds a reference. */
    atomic_fetch_add_explicit(&event->refs, 1, memory_order_relaxed);
    return event;
}

void event_unref(struct event *event)
{
    if (event == NULL) {
        return;
    }
    /* The last one out must see every other holder's reads as finished. */
    if (atomic_fetch_sub_explicit(&event->refs, 1, memory_order_acq_rel) == 1) {
        free(event);
    }
}

bool event_next_header(const struct event *event, size_t *at, struct event_header *ret_header)
{
    const uint8_t *from = event->bytes + event->id_len + *at;
    struct header_lens lens;

    if (*at >= event->headers_len) {
        return false;
    }
    memcpy(&lens, from, sizeof lens);
    from += sizeof lens;
    ret_header->name = span_of(from, lens.name);
    ret_header->value = span_of(from + lens.name, lens.value);
    *at += sizeof lens + lens.name + lens.value;
    return true;
}
