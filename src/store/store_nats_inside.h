/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the parts of store_nats share. The way of a submission:
 *
 *     store_nats_out     an item: its entry goes into the log, again until it is seen there
 *     the server         one order for all realms
 *     store_nats_link    brings the log, message by message
 *     store_nats_apply   a lot: what the entry changes in the mirror, in every realm
 *     the mirror         has it
 *     store_nats_tell    `done` to whom it is ours, the watches otherwise
 *     store_nats_view    the channel's own stream on the server, for others to read
 */
#pragma once

#include "io/timer.h"
#include "store/store_job.h"
#include "store/store_nats.h"
#include "store/store_nats_link.h"
#include "store/store_nats_mirror.h"
#include "store/store_nats_state.h"

/** What store_nats_view knows of a stream's own stream on the server. */
struct store_nats_view_stream {
    struct list node; /* of those to be written, or put off; points at itself otherwise */
    enum {
        STORE_NATS_VIEW_UNKNOWN,
        STORE_NATS_VIEW_KNOWN, /* those below are valid */
    } step;
    msec again;       /* not before; 0: at once */
    unsigned tries;   /* since something was last done to it */
    bool is_told;     /* the log was, since then, that it is not kept up */
    uint64_t next;    /* EID; it has those before */
    uint64_t trimmed; /* it has none below */
    uint64_t *gone;   /* owned: those that are to go, too */
    size_t gone_count;
    size_t gone_room;
    bool is_unsure;        /* it may have some that have gone before */
    uint64_t compare_from; /* it has, from here on; 0: no */
};

/** A stream as the realm sees it, over that of the mirror. */
struct store_nats_stream {
    struct store_stream stream;
    struct list node;
    struct store_stream *mirror; /* borrowed from the mirror */
    uint64_t next;               /* EID that comes next, as far as the log was applied */
    bool is_opened;              /* by the realm, not by the log alone */
    bool keeps_none;
    struct store_nats_view_stream view;
};

/** What is on its way to the log. */
struct store_nats_item {
    struct list node;
    uint8_t type;          /* of the entry; 0: a submission */
    struct store_job *job; /* of a submission */
    store_locked *locked;  /* of STORE_NATS_ENTRY_LOCK */
    void *ctx;
    struct span name; /* of a lock: behind the struct, as is the next */
    struct span value;
    uint64_t number; /* of the operation; not of a message */
    enum err e;      /* it will not be sent any more: this is to be told in its turn */
    bool is_sent;    /* in this round */
    uint64_t first;  /* numbers of its messages; 0: it has none yet */
    uint64_t last;
    uint64_t bytes; /* of its events: they are to find room */
    msec since;     /* when it was submitted */
    msec sent;      /* when it was sent first; 0: it was not */
};

/** One operation of a lot. */
struct store_nats_lot_op {
    struct store_nats_entry_op op; /* borrowed from the message */
    struct store_nats_stream *stream;
    struct event *event; /* owned; what is appended */
    uint64_t eid;        /* of STORE_APPEND */
    uint64_t gone_first; /* what is removed, at most; gone_last 0: nothing */
    uint64_t gone_last;
    bool is_double;                        /* the event was there already */
    bool has_sum;                          /* it has a publish id */
    uint8_t sum[STORE_NATS_IDS_SUM_BYTES]; /* of it */
};

/** A lock that a lot changes. */
struct store_nats_lot_lock {
    struct store_nats_lock *lock;
    uint64_t holder;
    size_t value_len;
    uint8_t value[STORE_LOCK_VALUE_MAX];
};

/** One entry of the log, from when it is applied until it is told; or an item that failed. */
struct store_nats_lot {
    struct list node;
    struct store_nats *nats;           /* borrowed */
    struct store_nats_item *item;      /* owned; NULL: another realm's */
    struct store_nats_link_news *news; /* owned: the message, as is the next */
    struct buf body;                   /* when it came in parts */
    struct store_nats_entry_head head; /* of its last part */
    struct store_nats_lot_op *ops;     /* owned, as are the others */
    size_t op_count;
    struct store_nats_lot_lock *locks;
    size_t lock_count;
    struct store_op *changes; /* of the mirror */
    size_t change_count;
    uint8_t (*keys)[STORE_NATS_STATE_KEY_BYTES];
    size_t key_count;
    bool is_won;  /* STORE_NATS_ENTRY_LOCK: it has it */
    bool is_done; /* the mirror has it */
};

/** What the log was told last of publishes that are refused. */
struct store_nats_refusal {
    bool is_on; /* nothing was stored since */
    int code;
    msec said; /* 0: never */
};

struct store_nats {
    struct store store;
    struct store_nats_conf conf;
    struct store_nats_mirror mirror;
    struct store_nats_link *link;
    struct store_nats_state state;
    struct list streams; /* struct store_nats_stream */
    struct map by_name;
    size_t stream_count; /* that the realm has opened */

    uint64_t self;     /* our number as an author */
    uint64_t old_self; /* the one before, until the log knows that it has gone */
    uint64_t number;   /* of our next message */
    uint64_t sent;     /* number of the last one sent in this round, or of the one before */
    msec progress;     /* when a message of ours counted last */
    uint32_t round;    /* how often we have begun to send again */
    struct list items; /* struct store_nats_item, in order; those not yet applied */
    uint64_t room;     /* bytes of their events and of those not told yet */
    uint64_t bytes;    /* of the events that are stored */
    bool is_beating;   /* a beat is among the items */
    msec lease;        /* until then our locks are ours for certain */
    bool is_cut;       /* it is over: we must join anew */
    bool is_joining;   /* our word is on its way */
    bool wants_again;  /* what was sent did not count: to be sent again */

    struct list news; /* taken from the link, not applied yet */
    struct list lots; /* struct store_nats_lot, in order; not told yet */
    size_t lot_count;
    struct store_nats_lot *stuck; /* the newest: the mirror has not taken it yet */
    struct store_nats_link_state link_state;
    unsigned ups_seen;
    bool was_lost;   /* the log was told that the server is lost */
    bool is_broken;  /* nothing is applied any more: see store_nats_apply_break() */
    bool is_telling; /* further down on the stack */
    uint64_t foreign_count;

    struct store_nats_snap *snap; /* owned; NULL: no snapshot is being written */
    enum err snap_e;              /* of the reading that is going on */
    msec snap_after;              /* not before */
    uint64_t snap_place;          /* of the last one that we have written; 0: none */
    uint64_t snap_first;          /* of its pieces */
    uint64_t forgotten;           /* the log was told to forget what is below this */
    struct store_nats_refusal refusal;
    struct store_nats_view *view; /* owned; NULL: channels have no streams of their own */
    struct loop_later later;      /* something is to be sent or told */
    struct timer tick;
    msec now; /* when this turn began; no loop turns while it opens and closes */
};

static inline struct store_nats *store_nats_inside_of(const struct store *store)
{
    return LIST_ENTRY(store, struct store_nats, store);
}

static inline struct store_nats_stream *store_nats_inside_stream(struct store_stream *stream)
{
    return LIST_ENTRY(stream, struct store_nats_stream, stream);
}
