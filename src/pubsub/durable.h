/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Durable subscriptions: the places of named readers in channels, which outlive their sessions
 * and, with a store, the realm. A name belongs to one channel and has one reader at a time.
 * What a channel stores does not depend on them: who stays away longer than events are stored
 * misses some.
 *
 * A place is written when it has moved and the last writing of it is done, so a crash may bring
 * back a place of a moment ago: the reader gets some events once more.
 *
 * In a store that several realms share the name has one reader in all of them (durable_lock),
 * who begins where the last one was, wherever that was.
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "base/rng.h"
#include "pubsub/channel.h"
#include "pubsub/store.h"

enum {
    DURABLE_NAME_MAX = 128 /* bytes; at least 1 */
};

struct durable_set {
    struct store *store; /* borrowed; NULL: places last as long as the set */
    struct map map;      /* by key; owned */
    struct rng *rng;     /* borrowed */
};

struct durable {
    struct durable_set *set; /* borrowed */
    bool is_active;          /* somebody reads */
    bool has_place;
    uint64_t epoch;    /* of the channel */
    uint64_t next_eid; /* the first event that it has not got */
    uint64_t life; /* in a shared store random: another one after it was forgotten; else 0 */

    /* For who reads, after durable_open(): another realm has a reader, who was faster. It is to
     * go soon. NULL: nobody cares. */
    void (*on_lost)(void *reader);
    void *reader; /* borrowed */

    /* The durable files' own. */
    bool is_dirty;            /* the place has moved since it was last written */
    bool is_locking;          /* the lock was asked for */
    bool is_locked;           /* it is ours */
    bool began_without_place; /* who reads, as far as was known */
    size_t writing;           /* submissions on their way */
    bool is_forgotten;        /* freed when nothing of it is on its way */
    bool is_doomed;           /* forgotten when its reader goes */
    size_t key_len;
    uint8_t key[]; /* "durable", zero, channel, zero, name */
};

/** At most `max` names. */
void durable_set_init(struct durable_set *set, struct store *store, size_t max,
                      struct rng *rng);

/** The store must be closed. */
void durable_set_fini(struct durable_set *set);

/** Read the places that the store has. ERR_LIMIT: there are more than may be; ERR_NOMEM,
 * ERR_IO.
 */
must_check enum err durable_set_restore(struct durable_set *set);

/** What every key in the store begins with. */
extern const struct span durable_prefix;

/** Another realm has put that key, or deleted it: see store_watch, as for the next. */
void durable_set_take(struct durable_set *set, struct span key, const struct span *value);
void durable_set_locked(struct durable_set *set, struct span key, enum store_lock_state state,
                        struct span value);

/** Found or made; the caller is its reader until durable_close().
 *
 *  ERR_AGAIN  it has a reader, perhaps in another realm; or the store is behind
 *  ERR_LIMIT  the name's length, or there are as many names as may be
 *  ERR_NOMEM */
must_check enum err durable_open(struct durable_set *set, struct span channel, struct span name,
                                 struct durable **ret_durable);

/** Where the reader begins: at its place, or where it asks to when it has none yet. */
struct channel_start durable_start(const struct durable *durable,
                                   const struct channel_start *asked);

/** The reader has everything below this event. */
void durable_move(struct durable *durable, uint64_t epoch, uint64_t next_eid);

/** The reader goes. Takes NULL. */
void durable_close(struct durable *durable);

/** Calls `visit` with each one of the channel, in no promised order. */
void durable_visit(struct durable_set *set, struct span channel,
                   void (*visit)(void *ctx, const struct durable *durable), void *ctx);

/** What it is called. */
struct span durable_name(const struct durable *durable);

/** The channel is removed: so are its durable subscriptions, those that have readers when these
 *  go. What the store does not take now stays as a name that nobody uses. */
void durable_forget_all(struct durable_set *set, struct span channel);

/** Whether it has a reader, here or in another realm. */
bool durable_is_read(const struct durable *durable);

/** Whether there is one of that name. */
bool durable_is_known(const struct durable_set *set, struct span channel, struct span name);

/** There is no such subscription any more. OK also when there was none. ERR_AGAIN: it has a
 *  reader, or the store is behind; ERR_NOMEM, ERR_CLOSED. */
must_check enum err durable_forget(struct durable_set *set, struct span channel,
                                   struct span name);
