/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What all realms agree on besides events and keys, because each makes it from the log alone:
 * who takes part, which messages count, who has which lock, which publish ids were there. All
 * of it is kept in the mirror under keys that begin with 0xff, so that a snapshot, which has
 * all keys, has it as well.
 *
 * A message counts when its `previous` is the one of its author that counted last. So each
 * realm's entries count in their order, none twice and none after one that was lost, however
 * often they are sent: its author sees here what has become of them, and sends the rest again
 * behind what counted. A realm that was cut off for long is an author no longer, and nothing of
 * it counts that arrives later.
 */
#pragma once

#include "base/clock.h"
#include "store/store_nats_entry.h"
#include "store/store_nats_ids.h"
#include "store/store_nats_locks.h"

#define STORE_NATS_STATE_KEY 0xff /* the first byte of our keys */

enum {
    STORE_NATS_STATE_AUTHORS_MAX = 64,
    STORE_NATS_STATE_KEY_BYTES = 40,
};

/** As it is kept in the mirror. */
struct store_nats_state_author_image {
    uint64_t id;
    uint64_t last;  /* of its messages, the one that counted last */
    uint64_t begun; /* the place of the first part of an entry that is not complete; 0: none */
    uint64_t applied; /* it said that it needs the log only behind this place */
};

struct store_nats_state_author {
    struct store_nats_state_author_image image;
    uint64_t collected; /* the number of the last part in `body` */
    struct buf body;    /* the parts so far */
    bool is_changed;    /* since it was kept */
    msec heard;         /* when something of it came */
};

struct store_nats_state_place_image {
    uint64_t deployment; /* of which log */
    uint64_t place;      /* up to here all has been applied */
    uint64_t log_bytes;  /* that came since the last snapshot */
};

struct store_nats_state {
    struct store_nats_state_place_image at;
    struct store_nats_state_author authors[STORE_NATS_STATE_AUTHORS_MAX];
    size_t author_count;
    struct store_nats_ids ids;
    struct store_nats_locks locks;
};

enum store_nats_state_verdict {
    STORE_NATS_STATE_IGNORED,
    STORE_NATS_STATE_COUNTS,
    STORE_NATS_STATE_AGAIN,    /* had before; its part is needed for an entry's end */
    STORE_NATS_STATE_STRANGER, /* counts if it is a JOIN */
};

void store_nats_state_init(struct store_nats_state *state);
void store_nats_state_fini(struct store_nats_state *state);

/** NULL: it does not take part. */
struct store_nats_state_author *store_nats_state_author(struct store_nats_state *state,
                                                        uint64_t id);

/** Changes nothing. */
enum store_nats_state_verdict store_nats_state_judge(struct store_nats_state *state,
                                                     uint64_t place,
                                                     const struct store_nats_entry_head *head);

/** One part more, of a message that counts or is had again. ERR_NOMEM: it may be tried again;
 *  ERR_LIMIT: the entry is longer than any may be. */
must_check enum err store_nats_state_collect(struct store_nats_state_author *author,
                                             const struct store_nats_entry_head *head,
                                             struct span part);

/** A message that counts was the part of an entry; or was, or completes, a whole one. */
void store_nats_state_count(struct store_nats_state_author *author, uint64_t place,
                            const struct store_nats_entry_head *head);

/** The author of this message takes part. False: there is no room for one more. */
bool store_nats_state_join(struct store_nats_state *state,
                           const struct store_nats_entry_head *head, msec now);

/** Its locks are for the caller to free. False: it does not take part. */
bool store_nats_state_leave(struct store_nats_state *state, uint64_t id);

/** Where the log must begin for this realm; what is before has been applied. */
uint64_t store_nats_state_needed(const struct store_nats_state *state);

/** Where it must begin for all of them, as far as the others have said so. */
uint64_t store_nats_state_needed_by_all(const struct store_nats_state *state, uint64_t self);

/** Puts back one key of ours. ERR_PROTO: it is none; ERR_NOMEM. */
must_check enum err store_nats_state_restore(struct store_nats_state *state, struct span key,
                                             struct span value);

/* Our keys, written into `room`. */
struct span store_nats_state_place_key(uint8_t room[STORE_NATS_STATE_KEY_BYTES]);
struct span store_nats_state_author_key(uint64_t id, uint8_t room[STORE_NATS_STATE_KEY_BYTES]);
struct span store_nats_state_id_key(uint32_t place, uint8_t room[STORE_NATS_STATE_KEY_BYTES]);
struct span store_nats_state_lock_key(const struct store_nats_lock *lock,
                                      uint8_t room[STORE_NATS_STATE_KEY_BYTES]);

static inline bool store_nats_state_is_key(struct span key)
{
    return key.len > 0 && key.ptr[0] == STORE_NATS_STATE_KEY;
}
