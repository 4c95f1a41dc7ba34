/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What became of transactions, by the id that their publishers gave them: remembered for a
 * while and up to a number, so that who lost the answer can ask again, or try again without
 * harm. Past the number whoever has the most of them loses the oldest of theirs: nobody pushes
 * out others by having many.
 */
#pragma once

#include "base/clock.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"

enum transaction_memory_outcome {
    TRANSACTION_MEMORY_UNKNOWN,
    TRANSACTION_MEMORY_PENDING, /* being committed just now */
    TRANSACTION_MEMORY_COMMITTED,
    TRANSACTION_MEMORY_ABORTED,
};

struct transaction_memory {
    struct map map;
    struct list order;     /* oldest first; owned */
    struct map owners;     /* by key; owned */
    struct heap shares;    /* of the owners: who has the most is first */
    struct list forgotten; /* owned; is_kept: what the store has still to forget */
    size_t max;
    msec keep;
    bool is_kept; /* a store remembers, too */
};

/** Time is in ms since 1970: it outlives the realm. */
void transaction_memory_init(struct transaction_memory *memory, size_t max, msec keep);
void transaction_memory_fini(struct transaction_memory *memory);

/** Other bounds from now on. */
void transaction_memory_adopt(struct transaction_memory *memory, size_t max, msec keep);

enum transaction_memory_outcome transaction_memory_find(const struct transaction_memory *memory,
                                                        struct span id, msec now);

/** Remember, or change. What is too old goes, and what is too much. It is nobody's, which is
 * one owner more. ERR_NOMEM, not when the id was known. */
must_check enum err transaction_memory_put(struct transaction_memory *memory, struct span id,
                                           enum transaction_memory_outcome outcome, msec now);

/** The same for an owner; whose it is stays when the id is known. */
must_check enum err transaction_memory_put_for(struct transaction_memory *memory,
                                               struct span owner, struct span id,
                                               enum transaction_memory_outcome outcome,
                                               msec now);

/** Nothing happens when it is not known. */
void transaction_memory_forget(struct transaction_memory *memory, struct span id);

/** The n-th of those that the store has still to forget, from 0; empty when there are not so
 *  many. */
struct span transaction_memory_forgotten(const struct transaction_memory *memory, size_t n);

/** The store has been told to forget the first `count` of them. */
void transaction_memory_told(struct transaction_memory *memory, size_t count);

/** "committed": on the wire. Static storage. */
const char *transaction_memory_word(enum transaction_memory_outcome outcome);
