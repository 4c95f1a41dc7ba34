/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Events to be published and acknowledgements to be made together, or not at all.
 *
 *     open ── add, claim ──▶ commit: sealed, published as one ──▶ settled, `done`
 *        └──── abort: unclaimed, freed              └──▶ failed: all goes back, `done`
 *
 * In a store that several realms share an outcome is known in all of them, a moment after it
 * is stored. That one is being committed is known in its realm alone: who commits the same
 * transaction in two realms at once may have it twice, but for events with publish ids.
 *
 * Once it is being committed a transaction is no session's any more: a session that ends
 * meanwhile only does not hear how it went.
 */
#pragma once

#include "pubsub/queue_set.h"
#include "pubsub/router_publish.h"
#include "pubsub/transaction_memory.h"

struct transaction;

enum {
    TRANSACTION_ID_MAX = 400 /* bytes of a commit id */
};

/** What all transactions of a router share. */
struct transaction_hall {
    struct router *router; /* borrowed for the hall's life */
    struct transaction_memory memory;
    struct list committing; /* owned */
    size_t items_max;       /* events published in one transaction */
    size_t bytes_max;       /* that they hold */
};

struct transaction_hall_conf {
    size_t remembered_max;
    msec remembered;
    size_t items_max;
    size_t bytes_max;
};

void transaction_hall_init(struct transaction_hall *hall, struct router *router,
                           const struct transaction_hall_conf *conf);

/** Remember what the router's store does; nothing happens without one. ERR_NOMEM, ERR_IO. */
must_check enum err transaction_hall_load(struct transaction_hall *hall);

/** What every key in the store begins with. */
extern const struct span transaction_hall_prefix;

/** Another realm has put that key, or deleted it: see store_watch. */
void transaction_hall_take(struct transaction_hall *hall, struct span key,
                           const struct span *value);

/** What became of a transaction. Pending also when it cannot be said for now. */
enum transaction_memory_outcome transaction_hall_find(struct transaction_hall *hall,
                                                      struct span id);

/** Other bounds from now on. */
void transaction_hall_adopt(struct transaction_hall *hall,
                            const struct transaction_hall_conf *conf);

/** Before queue_set_fini(). What is being committed is published all the same, and what it
 *  acknowledged goes back. */
void transaction_hall_fini(struct transaction_hall *hall);

/** Called once, unless the caller has left: see transaction_leave(). OK: it is committed, and
 * as safe as its routes promise. Else as router_ticket's done: nothing happened. The
 * transaction goes afterwards. */
typedef void transaction_done(void *ctx, enum err e);

struct transaction {
    struct list node;         /* in the session's, or in hall->committing */
    struct queue_claim claim; /* what it acknowledges */
    struct list items;        /* its file's own */
    size_t count;             /* of items */
    size_t bytes;
    struct transaction_hall *hall;
    struct router_ticket ticket;
    transaction_done *done;
    void *ctx;
    uint64_t began; /* ms since 1970 */
    size_t commit_id_len;
    uint8_t *commit_id; /* owned; NULL: none */
    size_t id_len;
    uint8_t id[]; /* in its session */
};

/** ERR_NOMEM. */
must_check enum err transaction_new(struct transaction_hall *hall, struct span id,
                                    struct transaction **ret_transaction);

/** One that is not being committed, and whose claims are gone. */
void transaction_free(struct transaction *transaction);

/** An event to be published; all of it is copied. ERR_LIMIT: items_max or bytes_max; ERR_NOMEM.
 */
must_check enum err transaction_add(struct transaction *transaction, struct router_route *route,
                                    const struct event_parts *parts);

struct transaction_commit_parts {
    struct span commit_id; /* under which it is remembered, at most TRANSACTION_ID_MAX bytes;
                            * where there is a store, in the same step; empty: it is not */
    transaction_done *done;
    void *ctx;
};

/** Commit it; its claim is sealed. Consumed on OK, and `done` was called or will be. Otherwise
 *  as router_publish_all(), and nothing happened. */
must_check enum err transaction_commit(struct transaction *transaction,
                                       const struct transaction_commit_parts *parts);

/** Nobody waits for this one any more. */
void transaction_leave(struct transaction *transaction);
