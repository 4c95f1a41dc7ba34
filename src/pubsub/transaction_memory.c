/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/transaction_memory.h"

#include <stdlib.h>

struct known {
    struct list node;
    enum transaction_memory_outcome outcome;
    msec at;
    size_t len;
    uint8_t id[];
};

void transaction_memory_init(struct transaction_memory *memory, size_t max, msec keep)
{
    assert(max > 0);
    *memory = (struct transaction_memory){.max = max, .keep = keep};
    map_init(&memory->map, SIZE_MAX); /* one more than max, for a moment */
    list_init(&memory->order);
    list_init(&memory->forgotten);
}

void transaction_memory_adopt(struct transaction_memory *memory, size_t max, msec keep)
{
    assert(max > 0);
    memory->max = max;
    memory->keep = keep;
}

static void forget(struct transaction_memory *memory, struct known *known)
{
    map_remove(&memory->map, span_of(known->id, known->len));
    list_remove(&known->node);
    free(known);
}

void transaction_memory_fini(struct transaction_memory *memory)
{
    LIST_FOREACH (node, after, &memory->order) {
        forget(memory, LIST_ENTRY(node, struct known, node));
    }
    while (!list_is_empty(&memory->forgotten)) {
        transaction_memory_told(memory, 1);
    }
    map_fini(&memory->map);
}

static bool is_old(const struct transaction_memory *memory, const struct known *known, msec now)
{
    return now >= known->at && now - known->at >= memory->keep;
}

enum transaction_memory_outcome transaction_memory_find(const struct transaction_memory *memory,
                                                        struct span id, msec now)
{
    const struct known *known = map_find(&memory->map, id);

    return known == NULL || is_old(memory, known, now) ? TRANSACTION_MEMORY_UNKNOWN
                                                       : known->outcome;
}

static void make_room(struct transaction_memory *memory, msec now)
{
    while (!list_is_empty(&memory->order)) {
        struct known *oldest = LIST_ENTRY(memory->order.next, struct known, node);

        if (map_count(&memory->map) <= memory->max && !is_old(memory, oldest, now)) {
            return;
        }
        /* Nothing else is in the store; what is pending is put again when it is committed. */
        if (memory->is_kept && oldest->outcome == TRANSACTION_MEMORY_COMMITTED) {
            map_remove(&memory->map, span_of(oldest->id, oldest->len));
            list_remove(&oldest->node);
            list_append(&memory->forgotten, &oldest->node);
        } else {
            forget(memory, oldest);
        }
    }
}

struct span transaction_memory_forgotten(const struct transaction_memory *memory, size_t n)
{
    LIST_FOREACH (node, after, &memory->forgotten) {
        const struct known *known = LIST_ENTRY(node, struct known, node);

        if (n == 0) {
            return span_of(known->id, known->len);
        }
        n--;
    }
    return span_of(NULL, 0);
}

void transaction_memory_told(struct transaction_memory *memory, size_t count)
{
    for (; count > 0; count--) {
        struct known *known = LIST_ENTRY(memory->forgotten.next, struct known, node);

        assert(!list_is_empty(&memory->forgotten));
        list_remove(&known->node);
        free(known);
    }
}

/* It is known again, so the store is not to forget it. */
static void recall(struct transaction_memory *memory, struct span id)
{
    LIST_FOREACH (node, after, &memory->forgotten) {
        struct known *known = LIST_ENTRY(node, struct known, node);

        if (span_equal(span_of(known->id, known->len), id)) {
            list_remove(&known->node);
            free(known);
        }
    }
}

enum err transaction_memory_put(struct transaction_memory *memory, struct span id,
                                enum transaction_memory_outcome outcome, msec now)
{
    struct known *known = map_find(&memory->map, id);
    enum err e;

    if (known == NULL) {
        known = malloc(sizeof *known + id.len);
        if (known == NULL) {
            return ERR_NOMEM;
        }
        known->len = id.len;
        memcpy(known->id, id.ptr, id.len);
        list_init(&known->node);
        e = map_insert(&memory->map, span_of(known->id, known->len), known);
        if (e != OK) {
            free(known);
            return e;
        }
        recall(memory, id);
    }
    known->outcome = outcome;
    known->at = now;
    list_remove(&known->node);
    list_append(&memory->order, &known->node);
    make_room(memory, now);
    return OK;
}

void transaction_memory_forget(struct transaction_memory *memory, struct span id)
{
    struct known *known = map_find(&memory->map, id);

    if (known != NULL) {
        forget(memory, known);
    }
}

const char *transaction_memory_word(enum transaction_memory_outcome outcome)
{
    switch (outcome) {
    case TRANSACTION_MEMORY_COMMITTED: return "committed";
    case TRANSACTION_MEMORY_ABORTED: return "aborted";
    case TRANSACTION_MEMORY_UNKNOWN:
    case TRANSACTION_MEMORY_PENDING: break;
    }
    return "unknown";
}
