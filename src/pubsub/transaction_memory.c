/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/transaction_memory.h"

#include <stdlib.h>

/* There as long as it has outcomes. */
struct owner {
    struct heap_node share; /* the more, the earlier */
    struct list all;        /* struct known, oldest first */
    size_t count;
    size_t key_len;
    uint8_t key[];
};

struct known {
    struct list node;     /* in memory->order, or forgotten */
    struct list of_owner; /* in owner->all */
    struct owner *owner;  /* NULL: it is only still to be told to the store */
    enum transaction_memory_outcome outcome;
    msec at;
    size_t len;
    uint8_t id[];
};

void transaction_memory_init(struct transaction_memory *memory, size_t max, msec keep)
{
    assert(max > 0);
    *memory = (struct transaction_memory){.max = max, .keep = keep};
    map_init(&memory->map, SIZE_MAX);    /* one more than max, for a moment */
    map_init(&memory->owners, SIZE_MAX); /* fewer than outcomes */
    heap_init(&memory->shares);
    list_init(&memory->order);
    list_init(&memory->forgotten);
}

void transaction_memory_adopt(struct transaction_memory *memory, size_t max, msec keep)
{
    assert(max > 0);
    memory->max = max;
    memory->keep = keep;
}

/* ---- whose ---- */

static enum err owner_new(struct transaction_memory *memory, struct span key,
                          struct owner **ret_owner)
{
    struct owner *owner = calloc(1, sizeof *owner + key.len);
    enum err e;

    if (owner == NULL) {
        return ERR_NOMEM;
    }
    list_init(&owner->all);
    owner->share.at = MSEC_NEVER;
    owner->key_len = key.len;
    if (key.len > 0) {
        memcpy(owner->key, key.ptr, key.len);
    }
    e = map_insert(&memory->owners, span_of(owner->key, key.len), owner);
    if (e == OK) {
        e = heap_push(&memory->shares, &owner->share);
        if (e != OK) {
            map_remove(&memory->owners, span_of(owner->key, key.len));
        }
    }
    if (e != OK) {
        free(owner);
        return e;
    }
    *ret_owner = owner;
    return OK;
}

static void set_count(struct transaction_memory *memory, struct owner *owner, size_t count)
{
    owner->count = count;
    heap_move(&memory->shares, &owner->share, MSEC_NEVER - count);
}

static void let_go(struct transaction_memory *memory, struct owner *owner)
{
    if (owner->count == 0) {
        heap_remove(&memory->shares, &owner->share);
        map_remove(&memory->owners, span_of(owner->key, owner->key_len));
        free(owner);
    }
}

static void disown(struct transaction_memory *memory, struct known *known)
{
    struct owner *owner = known->owner;

    list_remove(&known->of_owner);
    known->owner = NULL;
    set_count(memory, owner, owner->count - 1);
    let_go(memory, owner);
}

/* ---- what ---- */

static void forget(struct transaction_memory *memory, struct known *known)
{
    map_remove(&memory->map, span_of(known->id, known->len));
    list_remove(&known->node);
    disown(memory, known);
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
    map_fini(&memory->owners);
    heap_fini(&memory->shares);
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

static void drop(struct transaction_memory *memory, struct known *known)
{
    /* Nothing else is in the store; what is pending is put again when it is committed. */
    if (!memory->is_kept || known->outcome != TRANSACTION_MEMORY_COMMITTED) {
        forget(memory, known);
        return;
    }
    map_remove(&memory->map, span_of(known->id, known->len));
    list_remove(&known->node);
    disown(memory, known);
    list_append(&memory->forgotten, &known->node);
}

static void make_room(struct transaction_memory *memory, msec now)
{
    LIST_FOREACH (node, after, &memory->order) {
        struct known *oldest = LIST_ENTRY(node, struct known, node);

        if (!is_old(memory, oldest, now)) {
            break;
        }
        drop(memory, oldest);
    }
    while (map_count(&memory->map) > memory->max) {
        struct owner *most = LIST_ENTRY(heap_peek(&memory->shares), struct owner, share);

        drop(memory, LIST_ENTRY(most->all.next, struct known, of_owner));
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

static enum err known_new(struct transaction_memory *memory, struct span owner_key,
                          struct span id, struct known **ret_known)
{
    struct owner *owner = map_find(&memory->owners, owner_key);
    struct known *known = calloc(1, sizeof *known + id.len);
    enum err e = known == NULL ? ERR_NOMEM : OK;

    if (e == OK && owner == NULL) {
        e = owner_new(memory, owner_key, &owner);
    }
    if (e != OK) {
        free(known);
        return e;
    }
    known->len = id.len;
    memcpy(known->id, id.ptr, id.len);
    list_init(&known->node);
    list_init(&known->of_owner);
    e = map_insert(&memory->map, span_of(known->id, known->len), known);
    if (e != OK) {
        let_go(memory, owner);
        free(known);
        return e;
    }
    known->owner = owner;
    set_count(memory, owner, owner->count + 1);
    *ret_known = known;
    return OK;
}

enum err transaction_memory_put_for(struct transaction_memory *memory, struct span owner,
                                    struct span id, enum transaction_memory_outcome outcome,
                                    msec now)
{
    struct known *known = map_find(&memory->map, id);

    if (known == NULL) {
        TRY(known_new(memory, owner.len == 0 ? SPAN("") : owner, id, &known));
        recall(memory, id);
    }
    known->outcome = outcome;
    known->at = now;
    list_remove(&known->node);
    list_append(&memory->order, &known->node);
    list_remove(&known->of_owner);
    list_append(&known->owner->all, &known->of_owner);
    make_room(memory, now);
    return OK;
}

enum err transaction_memory_put(struct transaction_memory *memory, struct span id,
                                enum transaction_memory_outcome outcome, msec now)
{
    return transaction_memory_put_for(memory, span_of(NULL, 0), id, outcome, now);
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
