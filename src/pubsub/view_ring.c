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
                    uint64_t next)
{
    *ring = (struct view_ring){.budget = budget, .max = max_bytes, .first = next, .next = next};
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
    view_ring_init(ring, ring->max, ring->budget, ring->next);
}

void view_ring_reset(struct view_ring *ring, uint64_t next)
{
    ring->first = next;
    ring->next = next;
    ring->tail = 0;
    ring->at_end = 0;
    ring->live = 0;
}

static struct view_ring_entry *entry_of(const struct view_ring *ring, uint64_t eid)
{
    assert(eid >= ring->first && eid < ring->next);
    return &ring->entries[eid & (ring->entries_size - 1)];
}

static void forget_first(struct view_ring *ring)
{
    ring->live -= entry_of(ring, ring->first)->standing;
    ring->first++;
    if (view_ring_is_empty(ring)) {
        ring->tail = 0;
    }
}

static void trim(struct view_ring *ring)
{
    while (!view_ring_is_empty(ring) && entry_of(ring, ring->first)->standing == 0) {
        forget_first(ring);
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

    for (uint64_t eid = ring->first; eid < ring->next; eid++) {
        bytes += entry_of(ring, eid)->len;
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
    for (uint64_t eid = ring->first; eid < ring->next; eid++) {
        struct view_ring_entry *entry = entry_of(ring, eid);

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

/* Make room without growing. */
static enum err forget_for(struct view_ring *ring)
{
    if (view_ring_is_empty(ring)) {
        return ERR_LIMIT;
    }
    forget_first(ring);
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
        return forget_for(ring);
    }
    grown.entries = calloc(grown.entries_size, sizeof *grown.entries);
    if (grown.entries == NULL) {
        ring->budget->used -= entries_bytes(grown.entries_size - ring->entries_size);
        return ERR_NOMEM;
    }
    for (uint64_t eid = ring->first; eid < ring->next; eid++) {
        *entry_of(&grown, eid) = *entry_of(ring, eid);
    }
    free(ring->entries);
    ring->entries = grown.entries;
    ring->entries_size = grown.entries_size;
    return OK;
}

static enum err make_room(struct view_ring *ring, size_t len, size_t *ret_at)
{
    size_t at;

    if (len > ring->max) {
        return ERR_LIMIT;
    }
    TRY(grow_entries(ring));
    while ((at = find_room(ring, len)) == SIZE_MAX) {
        enum err e = grow_bytes(ring, len);

        if (e == ERR_NOMEM) {
            return e;
        }
        if (e == ERR_LIMIT) {
            TRY(forget_for(ring));
        }
    }
    *ret_at = at;
    return OK;
}

enum err view_ring_put(struct view_ring *ring, struct span frame)
{
    struct view_ring_entry *entry;
    size_t at;

    assert(frame.len > 0);
    TRY(make_room(ring, frame.len, &at));
    if (at == 0) {
        ring->wrap = ring->tail;
    }
    memcpy(ring->bytes + at, frame.ptr, frame.len);
    ring->next++;
    entry = entry_of(ring, ring->next - 1);
    *entry = (struct view_ring_entry){.at = at, .len = frame.len, .standing = ring->at_end};
    ring->tail = at + frame.len;
    ring->at_end = 0;
    trim(ring); /* nobody stands at it: all have fallen behind */
    return OK;
}

static size_t *count_at(struct view_ring *ring, uint64_t eid)
{
    assert(eid <= ring->next);
    return eid == ring->next ? &ring->at_end : &entry_of(ring, eid)->standing;
}

void view_ring_enter(struct view_ring *ring, uint64_t eid)
{
    if (view_ring_has(ring, eid)) {
        (*count_at(ring, eid))++;
        ring->live++;
    }
}

void view_ring_leave(struct view_ring *ring, uint64_t eid)
{
    if (view_ring_has(ring, eid)) {
        assert(*count_at(ring, eid) > 0 && ring->live > 0);
        (*count_at(ring, eid))--;
        ring->live--;
        trim(ring);
    }
}

struct span view_ring_peek(const struct view_ring *ring, const struct view_ring_place *place,
                           size_t max)
{
    const struct view_ring_entry *entry;
    size_t end;

    assert(view_ring_has(ring, place->eid));
    if (place->eid == ring->next) {
        return span_of(NULL, 0);
    }
    entry = entry_of(ring, place->eid);
    assert(place->sent < entry->len);
    end = is_wrapped(ring) && entry->at >= entry_of(ring, ring->first)->at ? ring->wrap
                                                                           : ring->tail;
    return span_head(
        span_of(ring->bytes + entry->at + place->sent, end - entry->at - place->sent), max);
}

size_t view_ring_owed(const struct view_ring *ring, const struct view_ring_place *place,
                      size_t offered)
{
    uint64_t eid = place->eid;
    size_t bytes = entry_of(ring, eid)->len - place->sent;

    while (bytes < offered) {
        eid++;
        bytes += entry_of(ring, eid)->len;
    }
    return bytes;
}

void view_ring_advance(struct view_ring *ring, struct view_ring_place *place, size_t len)
{
    struct view_ring_place from = *place;

    while (len > 0) {
        size_t rest = entry_of(ring, place->eid)->len - place->sent;

        if (len < rest) {
            place->sent += len;
            break;
        }
        len -= rest;
        place->eid++;
        place->sent = 0;
    }
    if (place->eid != from.eid) {
        view_ring_enter(ring, place->eid);
        view_ring_leave(ring, from.eid);
    }
}

void view_ring_shrink(struct view_ring *ring, size_t keep)
{
    if (view_ring_is_empty(ring) && ring->size > keep) {
        free_room(ring);
    }
}
