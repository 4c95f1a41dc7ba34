/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/shelf.h"

#include <assert.h>
#include <stdlib.h>

enum {
    FIRST_SIZE = 8,
    HOLES_MIN = 16 /* fewer are not worth a sweep */
};

void shelf_init(struct shelf *shelf)
{
    *shelf = (struct shelf){.slots = NULL};
}

void shelf_fini(struct shelf *shelf)
{
    free(shelf->slots);
    shelf_init(shelf);
}

static struct shelf_slot *slot_at(const struct shelf *shelf, size_t place)
{
    return &shelf->slots[(shelf->head + place) & (shelf->size - 1)];
}

enum err shelf_reserve(struct shelf *shelf, size_t more)
{
    struct shelf grown = *shelf;

    if (more <= shelf->size - shelf->used) {
        return OK;
    }
    grown.size = shelf->size == 0 ? FIRST_SIZE : shelf->size * 2;
    while (grown.size - shelf->used < more) {
        grown.size *= 2;
    }
    grown.slots = calloc(grown.size, sizeof *grown.slots);
    if (grown.slots == NULL) {
        return ERR_NOMEM;
    }
    grown.head = 0;
    for (size_t i = 0; i < shelf->used; i++) {
        *slot_at(&grown, i) = *slot_at(shelf, i);
    }
    free(shelf->slots);
    *shelf = grown;
    return OK;
}

void shelf_put(struct shelf *shelf, uint64_t eid, void *thing)
{
    assert(shelf->used < shelf->size && thing != NULL);
    assert(shelf->used == 0 || slot_at(shelf, shelf->used - 1)->eid < eid);
    shelf->used++;
    shelf->count++;
    *slot_at(shelf, shelf->used - 1) = (struct shelf_slot){eid, thing};
}

/* The place of the first slot at `eid` or behind it, a hole or not. */
static size_t place_of(const struct shelf *shelf, uint64_t eid)
{
    size_t low = 0;
    size_t high = shelf->used;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (slot_at(shelf, middle)->eid < eid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void *shelf_find(const struct shelf *shelf, uint64_t eid)
{
    size_t place = place_of(shelf, eid);

    if (place == shelf->used || slot_at(shelf, place)->eid != eid) {
        return NULL;
    }
    return slot_at(shelf, place)->thing;
}

void *shelf_from(const struct shelf *shelf, uint64_t eid)
{
    for (size_t place = place_of(shelf, eid); place < shelf->used; place++) {
        void *thing = slot_at(shelf, place)->thing;

        if (thing != NULL) {
            return thing;
        }
    }
    return NULL;
}

/* All things close up to the front. */
static void sweep(struct shelf *shelf)
{
    size_t to = 0;

    for (size_t from = 0; from < shelf->used; from++) {
        if (slot_at(shelf, from)->thing != NULL) {
            *slot_at(shelf, to) = *slot_at(shelf, from);
            to++;
        }
    }
    shelf->used = to;
}

void shelf_take(struct shelf *shelf, uint64_t eid)
{
    size_t place = place_of(shelf, eid);

    assert(place < shelf->used && slot_at(shelf, place)->eid == eid &&
           slot_at(shelf, place)->thing != NULL);
    slot_at(shelf, place)->thing = NULL;
    shelf->count--;
    while (shelf->used > 0 && slot_at(shelf, 0)->thing == NULL) {
        shelf->head++;
        shelf->used--;
    }
    /* At most one sweep for as many holes as there are things: constant time for each. */
    if (shelf->used - shelf->count > HOLES_MIN && shelf->used > 2 * shelf->count) {
        sweep(shelf);
    }
}
