/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/view_ring.h"

#include <stdlib.h>

enum {
    FIRST_BYTES = 1024,
    FIRST_ENTRIES = 8,
    BYTES_PER_ENTRY = 32 /* bounds the index: shorter frames than this are not expected */
};

void view_ring_init(struct view_ring *ring, size_t max_bytes, struct view_ring_budget *budget,
                    uint64_t eid)
{
    *ring = (struct view_ring){.budget = budget,
                               .max = max_bytes,
                               .first = 1,
                               .next = 1,
                               .start_eid = eid,
                               .end_eid = eid};
}

/* Charges for memory that will be taken in place of `old` bytes. */
static bool charge(struct view_ring *ring, size_t old, size_t bytes)
{
    size_t others = ring->budget->used - old;

    assert(old <= ring->budget->used);
    if (bytes > ring->budget->max || others > ring->budget->max - bytes) {
        return false;
    }
    ring->budget->used = others + bytes;
    return true;
}

static size_t entries_bytes(size_t count)
{
    return count * sizeof(struct view_ring_entry);
}

static void free_room(struct view_ring *ring)
{
    ring->budget->used -= ring->size + entries_bytes(ring->entries_size);
    free(ring->bytes);
    free(ring->entries);
    ring->bytes = NULL;
    ring->size = 0;
    ring->entries = NULL;
    ring->entries_size = 0;
    ring->tail = 0;
}

void view_ring_fini(struct view_ring *ring)
{
    free_room(ring);
    view_ring_init(ring, ring->max, ring->budget, ring->end_eid);
}

void view_ring_reset(struct view_ring *ring, uint64_t eid)
{
    ring->next++; /* who waits at the end has a number that is gone, too */
    ring->first = ring->next;
    ring->start_eid = eid;
    ring->end_eid = eid;
    ring->tail = 0;
    ring->at_end = 0;
    ring->live = 0;
}

static struct view_ring_entry *entry_of(const struct view_ring *ring, uint64_t number)
{
    assert(number >= ring->first && number < ring->next);
    return &ring->entries[number & (ring->entries_size - 1)];
}

void view_ring_forget(struct view_ring *ring)
{
    const struct view_ring_entry *entry = entry_of(ring, ring->first);

    ring->live -= entry->standing;
    ring->start_eid = entry->eid + 1;
    ring->first++;
    if (view_ring_is_empty(ring)) {
        ring->tail = 0;
    }
}

static void trim(struct view_ring *ring)
{
    while (!view_ring_is_empty(ring) && entry_of(ring, ring->first)->standing == 0) {
        view_ring_forget(ring);
    }
}

static bool is_wrapped(const struct view_ring *ring)
{
    return !view_ring_is_empty(ring) &&
           entry_of(ring, ring->next - 1)->at < entry_of(ring, ring->first)->at;
}

/* Where `len` bytes in one piece are free; SIZE_MAX when nowhere. */
static size_t find_room(const struct view_ring *ring, size_t len)
{
    size_t head;

    if (view_ring_is_empty(ring)) {
        return len <= ring->size ? 0 : SIZE_MAX;
    }
    head = entry_of(ring, ring->first)->at;
    if (is_wrapped(ring)) {
        return len <= head - ring->tail ? ring->tail : SIZE_MAX;
    }
    if (len <= ring->size - ring->tail) {
        return ring->tail;
    }
    return len <= head ? 0 : SIZE_MAX;
}

static size_t bytes_in_use(const struct view_ring *ring)
{
    size_t bytes = 0;

    for (uint64_t i = ring->first; i < ring->next; i++) {
        bytes += entry_of(ring, i)->len;
    }
    return bytes;
}

/* Larger by at least `len` bytes, everything in order from 0; as it was when that may not be.
 */
static enum err grow_bytes(struct view_ring *ring, size_t len)
{
    size_t want = bytes_in_use(ring) + len;
    size_t size = ring->size == 0 ? FIRST_BYTES : ring->size * 2;
    uint8_t *bytes;
    size_t at = 0;

    while (size < want && size < ring->max) {
        size *= 2;
    }
    size = size > ring->max ? ring->max : size;
    if (size <= ring->size || !charge(ring, ring->size, size)) {
        return ERR_LIMIT;
    }
    bytes = malloc(size);
    if (bytes == NULL) {
        ring->budget->used -= size - ring->size;
        return ERR_NOMEM;
    }
    for (uint64_t i = ring->first; i < ring->next; i++) {
        struct view_ring_entry *entry = entry_of(ring, i);

        memcpy(bytes + at, ring->bytes + entry->at, entry->len);
        entry->at = at;
        at += entry->len;
    }
    free(ring->bytes);
    ring->bytes = bytes;
    ring->size = size;
    ring->tail = at;
    return OK;
}

static enum err grow_entries(struct view_ring *ring)
{
    struct view_ring grown = *ring;

    if (ring->next - ring->first < ring->entries_size) {
        return OK;
    }
    grown.entries_size = ring->entries_size == 0 ? FIRST_ENTRIES : ring->entries_size * 2;
    if ((ring->entries_size > 0 && ring->entries_size * BYTES_PER_ENTRY >= ring->max) ||
        !charge(ring, entries_bytes(ring->entries_size), entries_bytes(grown.entries_size))) {
        return ERR_LIMIT;
    }
    grown.entries = calloc(grown.entries_size, sizeof *grown.entries);
    if (grown.entries == NULL) {
        ring->budget->used -= entries_bytes(grown.entries_size - ring->entries_size);
        return ERR_NOMEM;
    }
    for (uint64_t i = ring->first; i < ring->next; i++) {
        *entry_of(&grown, i) = *entry_of(ring, i);
    }
    free(ring->entries);
    ring->entries = grown.entries;
    ring->entries_size = grown.entries_size;
    return OK;
}

enum err view_ring_fit(struct view_ring *ring, size_t len)
{
    if (len > ring->max) {
        return ERR_LIMIT;
    }
    TRY(grow_entries(ring));
    if (find_room(ring, len) == SIZE_MAX) {
        TRY(grow_bytes(ring, len));
    }
    return find_room(ring, len) == SIZE_MAX ? ERR_LIMIT : OK;
}

void view_ring_skip(struct view_ring *ring, uint64_t eid)
{
    assert(eid >= ring->end_eid);
    ring->end_eid = eid + 1;
}

void view_ring_put(struct view_ring *ring, uint64_t eid, struct span frame)
{
    size_t at = find_room(ring, frame.len);
    struct view_ring_entry *entry;

    assert(frame.len > 0 && eid >= ring->end_eid && at != SIZE_MAX);
    if (at == 0) {
        ring->wrap = ring->tail;
    }
    memcpy(ring->bytes + at, frame.ptr, frame.len);
    ring->next++;
    ring->end_eid = eid + 1;
    entry = entry_of(ring, ring->next - 1);
    *entry = (struct view_ring_entry){
        .eid = eid, .at = at, .len = frame.len, .standing = ring->at_end};
    ring->tail = at + frame.len;
    ring->at_end = 0;
    trim(ring); /* nobody stands at it: all have fallen behind */
}

static size_t *count_at(struct view_ring *ring, uint64_t number)
{
    assert(number <= ring->next);
    return number == ring->next ? &ring->at_end : &entry_of(ring, number)->standing;
}

static void count_in(struct view_ring *ring, uint64_t number)
{
    (*count_at(ring, number))++;
    ring->live++;
}

static void count_out(struct view_ring *ring, uint64_t number)
{
    assert(*count_at(ring, number) > 0 && ring->live > 0);
    (*count_at(ring, number))--;
    ring->live--;
    trim(ring);
}

/* The number of the first event at `eid` or behind it. */
static uint64_t number_of(const struct view_ring *ring, uint64_t eid)
{
    uint64_t low = ring->first;
    uint64_t high = ring->next;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (entry_of(ring, middle)->eid < eid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void view_ring_enter(struct view_ring *ring, struct view_ring_place *place)
{
    if (view_ring_covers(ring, place->eid)) {
        place->number = number_of(ring, place->eid);
        count_in(ring, place->number);
    }
}

void view_ring_leave(struct view_ring *ring, struct view_ring_place *place)
{
    if (view_ring_has(ring, place)) {
        count_out(ring, place->number);
    }
    place->number = 0;
}

void view_ring_note(const struct view_ring *ring, struct view_ring_place *place)
{
    assert(view_ring_has(ring, place));
    place->eid =
        place->number == ring->next ? ring->end_eid : entry_of(ring, place->number)->eid;
}

struct span view_ring_peek(const struct view_ring *ring, const struct view_ring_place *place,
                           size_t max)
{
    const struct view_ring_entry *entry;
    size_t end;

    assert(view_ring_has(ring, place));
    if (place->number == ring->next) {
        return span_of(NULL, 0);
    }
    entry = entry_of(ring, place->number);
    assert(place->sent < entry->len);
    end = is_wrapped(ring) && entry->at >= entry_of(ring, ring->first)->at ? ring->wrap
                                                                           : ring->tail;
    return span_head(
        span_of(ring->bytes + entry->at + place->sent, end - entry->at - place->sent), max);
}

size_t view_ring_owed(const struct view_ring *ring, const struct view_ring_place *place,
                      size_t offered)
{
    uint64_t number = place->number;
    size_t bytes = entry_of(ring, number)->len - place->sent;

    while (bytes < offered) {
        number++;
        bytes += entry_of(ring, number)->len;
    }
    return bytes;
}

size_t view_ring_advance(struct view_ring *ring, struct view_ring_place *place, size_t len)
{
    uint64_t from = place->number;

    while (len > 0) {
        const struct view_ring_entry *entry = entry_of(ring, place->number);
        size_t rest = entry->len - place->sent;

        if (len < rest) {
            place->sent += len;
            break;
        }
        len -= rest;
        place->number++;
        place->sent = 0;
    }
    view_ring_note(ring, place);
    if (place->number != from) {
        count_in(ring, place->number);
        count_out(ring, from);
    }
    return place->number - from;
}

void view_ring_shrink(struct view_ring *ring, size_t keep)
{
    if (view_ring_is_empty(ring) && ring->size > keep) {
        free_room(ring);
    }
}
