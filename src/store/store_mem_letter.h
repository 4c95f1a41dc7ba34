/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the stores on one disk are told: one letter for each thing and each store.
 */
#pragma once

#include "store/store_mem_disk.h"

struct store_mem_share;

enum store_mem_letter_type {
    STORE_MEM_LETTER_JOB,   /* one's own: submitted, then done */
    STORE_MEM_LETTER_ASK,   /* one's own: a lock was asked for, then granted or not */
    STORE_MEM_LETTER_EVENT, /* another's, as are all that follow */
    STORE_MEM_LETTER_GONE,
    STORE_MEM_LETTER_KEY,
    STORE_MEM_LETTER_LOCK,
};

struct store_mem_letter {
    struct list node;
    struct store_mem_share *to; /* borrowed */
    enum store_mem_letter_type type;
    enum err e; /* a lock that was asked for */
    store_locked *done;
    void *ctx;                            /* borrowed until `done` */
    struct store_job *job;                /* owned */
    size_t op;                            /* of the job that this is about */
    struct store_mem_disk_stream *stream; /* borrowed from `to` */
    struct event *event;                  /* a reference */
    uint64_t first_eid, last_eid;
    enum store_lock_state state;
    bool has_value;
    size_t key_len, value_len;
    uint8_t bytes[]; /* key, value */
};

static inline struct store_mem_letter *store_mem_letter_of(struct list *node)
{
    return LIST_ENTRY(node, struct store_mem_letter, node);
}

static inline struct span store_mem_letter_key(const struct store_mem_letter *letter)
{
    return span_of(letter->bytes, letter->key_len);
}

static inline struct span store_mem_letter_value(const struct store_mem_letter *letter)
{
    return span_of(letter->bytes + letter->key_len, letter->value_len);
}

/** Into `list`, with room for a value of so many bytes. NULL: there is no memory. */
struct store_mem_letter *store_mem_letter_new(struct list *list, struct store_mem_share *to,
                                              enum store_mem_letter_type type, struct span key,
                                              size_t value_room);

/** Out of whatever list it is in. Its job is not its own then. */
void store_mem_letter_free(struct store_mem_letter *letter);

/** All of a list, with their jobs. */
void store_mem_letter_free_all(struct list *letters);

void store_mem_letter_set_value(struct store_mem_letter *letter, struct span value);

/** From whatever list it is in to the end of this one, which is the receiver's. */
void store_mem_letter_queue(struct list *list, struct store_mem_letter *letter);

/** The same: to be told. */
void store_mem_letter_post(struct store_mem_letter *letter);
void store_mem_letter_post_all(struct list *letters);
