/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the realm asks of a store: streams of events by name, and small state by key. This is
 * the contract alone; src/store has those who keep it, and test/contract holds them to it. It
 * stands in this layer because channels and queues call it, and they know no system.
 *
 *      1 ........... first ........... next
 *        gone         stored, with gaps     not given out yet
 *
 * Order. What is submitted is done in the order of submission, and told in that order. EIDs of
 * a stream are given out when its events are stored: increasing, from 1, never twice, also
 * after a restart, a crash, or the removal of the newest. Gaps are allowed.
 *
 * Atomicity. All operations of one store_submit(), over any streams and keys, are stored or
 * none is, whatever happens to the process or the machine.
 *
 * Durability. `done` with OK means: as safe as this store can make it. store_lmdb has synced it
 * to the disk; store_mem keeps it as long as its disk object lives.
 *
 * Visibility. store_read(), store_get(), store_list() and store_stream's numbers show
 * everything of which `done` was called, and no event of which it was not. They may already
 * show a removal or a change of state that is to be told.
 *
 * Threads. Everything here belongs to one thread, that of the store's loop, and `done` and the
 * watches are called there: never from inside store_submit(), but from inside store_close().
 *
 * Sharing. A shared store (store_nats) belongs to several realms at once, which are to behave
 * as one. Each has all of it at hand, so reading never waits; what the others do it is told:
 *
 *     this realm submits        `done`, with the EIDs
 *     another realm submits     on_event, on_gone of the stream's watch; on_key of the store's
 *
 * For one stream `done` and on_event come in the order of the EIDs, the same in every realm: so
 * who applies them one after the other has what the others have. `done` of a submission with
 * several operations is told when all of them are visible here; others may see them one by one.
 * What only one realm may do at a time it does under a lock.
 */
#pragma once

#include "base/buf.h"
#include "pubsub/event.h"

enum {
    STORE_NAME_MAX = 255,         /* bytes of a stream's name; at least 1 */
    STORE_KEY_MAX = 480,          /* of a key; at least 1 */
    STORE_VALUE_MAX = 64 * 1024,  /* of a value */
    STORE_OPS_MAX = 64 * 1024,    /* operations of one submission; at least 1 */
    STORE_READ_EVENTS_MAX = 1024, /* events that one store_read() shows */
    STORE_LOCK_VALUE_MAX = 64,    /* of a value that is left with a lock */
};

struct store;

/** What other realms did to a stream of a shared store. */
struct store_stream_watch {
    /** Stored; store_read() shows it. Its bytes are its own: a reference may be taken. */
    void (*on_event)(void *ctx, struct event *event);
    /** These and those between them are stored no longer; some may not have been before. */
    void (*on_gone)(void *ctx, uint64_t first_eid, uint64_t last_eid);
};

/** How long a shared store keeps what is appended to a stream; others keep all of it. */
enum store_keep {
    STORE_KEEP_ALL,  /* until it is removed */
    STORE_KEEP_NONE, /* every realm is told; who comes later finds nothing. For this one, too,
                      * store_read() shows nothing, and `count` and `bytes` are 0 */
};

/** Lives as long as the store. The numbers are for reading; the store keeps them up. */
struct store_stream {
    struct store *store;    /* borrowed */
    struct span name;       /* owned by the store; a zero follows */
    uint64_t epoch;         /* random; another one: these are not the EIDs of before */
    uint64_t first_eid;     /* of the oldest event; next_eid when there is none */
    uint64_t next_eid;      /* over all EIDs that were ever told */
    uint64_t count;         /* events stored */
    uint64_t bytes;         /* their records */
    uint64_t corrupt_count; /* records that were met and skipped, each time */

    /* May be set after store_open_stream(), in the same turn. NULL: nobody wants to know. */
    const struct store_stream_watch *watch;
    void *watch_ctx; /* borrowed */
};

enum store_op_type {
    STORE_APPEND,  /* stream, event: its EID is told with `done` */
    STORE_REMOVE,  /* stream, eid: this event, if it is there */
    STORE_TRIM,    /* stream, eid: the events below it */
    STORE_PURGE,   /* stream: all events that are there when its turn comes */
    STORE_RESERVE, /* stream, eid: the next EID is at least this one */
    STORE_PUT,     /* key, value: instead of what was there */
    STORE_DELETE,  /* key, if it is there */
};

/** Zero what a type does not name. */
struct store_op {
    enum store_op_type type;
    struct store_stream *stream; /* of the same store */
    struct event *event; /* owned, not borrowed bytes; the store takes a reference until `done`.
                          * Its own `eid` is not looked at */
    uint64_t eid;
    size_t copy_of;  /* STORE_APPEND: the event is a copy of one that is appended by an earlier
                      * operation of the same submission, the copy_of-th from 1;
                      * event_has_hole(),  and the store sets its origin. 0: it is none */
    struct span key; /* copied, as is the next */
    struct span value;
};

/**
 * Once for each submission that was accepted. `eids` has one for each operation, 0 for those
 * that append nothing, and is borrowed for the call; NULL unless OK.
 *
 * ERR_LIMIT   the disk or the configured room is full: nothing of it is stored. Some room is
 *             held back for submissions that append nothing and remove or delete something,
 *             also when they put, so that those who consume can go on, and room comes back
 * ERR_IO      the disk failed: nothing of it is stored. The store has told its log why
 * ERR_NOMEM   nothing of it is stored
 * ERR_CLOSED  a shared store lost its server before an answer came: whether it is stored is
 *             not known; should it be, it is told as another realm's
 *
 * A shared store may find that another realm has just stored an event with the same publish id
 * in the stream. Nothing is appended then, and the EID is that event's, which was told before.
 * Nor are copies of it; theirs is 0.
 */
typedef void store_done(void *ctx, enum err e, const uint64_t *eids);

/** An event in EID order, with borrowed bytes: both go when the call returns. False: enough.
 * May call store_read(), store_get(), store_list() and store_submit(). */
typedef bool store_visit(void *ctx, const struct event *event);

/** A key and its value, in the order of the bytes of the keys. Otherwise as store_visit. */
typedef bool store_visit_key(void *ctx, struct span key, struct span value);

/** Who has a lock. */
enum store_lock_state {
    STORE_LOCK_FREE,
    STORE_LOCK_OURS,
    STORE_LOCK_THEIRS, /* another realm's */
};

/** Once for each store_lock() that was accepted. With OK the lock is ours, and `value` is what
 *  its last holder left, borrowed for the call; empty: nothing. ERR_AGAIN: another realm was
 *  faster. ERR_CLOSED: the server is lost; the lock is not ours. ERR_NOMEM. */
typedef void store_locked(void *ctx, enum err e, struct span value);

/** What other realms did to a shared store, besides streams. */
struct store_watch {
    /** Put; or deleted, when `value` is NULL. store_get() shows it. Borrowed for the call. */
    void (*on_key)(void *ctx, struct span key, const struct span *value);
    /** Somebody else took it or gave it back, with what was left with it, also because that
     *  realm has ended; or ours was lost with the server (then it is free, or theirs). */
    void (*on_lock)(void *ctx, struct span key, enum store_lock_state state, struct span value);
};

struct store_ops {
    const char *name; /* "mem", "lmdb", "nats" */
    void (*close)(struct store *store);
    enum err (*open_stream)(struct store *store, struct span name, enum store_keep keep,
                            struct store_stream **ret_stream);
    enum err (*has_stream)(struct store *store, struct span name, bool *ret_has);
    enum err (*submit)(struct store *store, const struct store_op *ops, size_t count,
                       store_done *done, void *ctx);
    enum err (*read)(struct store_stream *stream, uint64_t from, store_visit *visit, void *ctx,
                     uint64_t *ret_next);
    enum err (*get)(struct store *store, struct span key, struct buf *value, bool *ret_found);
    enum err (*list)(struct store *store, struct span prefix, store_visit_key *visit,
                     void *ctx);
    /* Of a shared store; NULL for others. */
    enum err (*lock)(struct store *store, struct span key, store_locked *done, void *ctx);
    void (*unlock)(struct store *store, struct span key, struct span value);
    enum store_lock_state (*lock_state)(const struct store *store, struct span key,
                                        struct span *ret_value);
};

/** What every kind of store begins with; the kind writes it, others read. */
struct store {
    const struct store_ops *ops;
    size_t pending_count;            /* submissions of which `done` has still to be called */
    size_t pending_bytes;            /* memory that they hold, their events included */
    size_t pending_bytes_max;        /* past it nothing is accepted */
    bool is_closing;                 /* store_close() was called: nothing is accepted */
    bool is_shared;                  /* others write to it, too */
    const struct store_watch *watch; /* the owner's to set, as the next; NULL: none */
    void *watch_ctx;                 /* borrowed */
    /** Called when store_is_congested() has become false, behind a `done`. The owner's to set;
     *  NULL: nobody waits. */
    void (*on_room)(void *ctx);
    void *on_room_ctx;      /* borrowed */
    uint64_t corrupt_count; /* records that were met and skipped */
    uint64_t refused_count; /* submissions that ended with something else than OK */
};

/** What was accepted is done and told first; this waits for the disk. The streams go too. Takes
 *  NULL. Not from inside a callback of the store. */
void store_close(struct store *store);

/**
 * The stream of that name: made when there is none, the same one when it was opened before
 * (`keep` does not change then).
 *
 * A stream to which nothing was ever appended or reserved need not be kept: after a restart it
 * may have another epoch. ERR_NOMEM; ERR_LIMIT: the name's length, or as many streams as are
 * configured; ERR_IO.
 */
must_check enum err store_open_stream(struct store *store, struct span name,
                                      enum store_keep keep, struct store_stream **ret_stream);

/** Whether there is a stream of that name to which something was appended or reserved. None is
 *  made. ERR_NOMEM, ERR_IO. */
must_check enum err store_has_stream(struct store *store, struct span name, bool *ret_has);

/**
 * Do all of this or nothing. On OK `done` is called later, once; otherwise never. `ctx` is
 * borrowed until then: nothing can be called back.
 *
 * ERR_AGAIN   too much is pending: when some of it is done
 * ERR_CLOSED  from inside store_close()
 * ERR_LIMIT   a key, a value, the number of operations, or one event is over its maximum: this
 *             submission will never be accepted
 * ERR_NOMEM
 */
must_check enum err store_submit(struct store *store, const struct store_op *ops, size_t count,
                                 store_done *done, void *ctx);

/** Whether publishers should wait: a good part of what may be pending is. */
bool store_is_congested(const struct store *store);

/**
 * Show the events with EID `from` and later, until `visit` has enough, or there are no more, or
 * STORE_READ_EVENTS_MAX were shown: one call holds the store's memory only for a moment.
 *
 * *ret_next is the EID to go on with: stream->next_eid when there are no more; that of the
 * event behind the last one shown otherwise. A record that cannot be read is told to the log,
 * with the stream and the EID, counted, and skipped.
 *
 * ERR_NOMEM, ERR_IO
 */
must_check enum err store_read(struct store_stream *stream, uint64_t from, store_visit *visit,
                               void *ctx, uint64_t *ret_next);

/** Appends the value to the buffer. ERR_LIMIT, ERR_NOMEM of the buffer; ERR_NOMEM, ERR_IO. */
must_check enum err store_get(struct store *store, struct span key, struct buf *value,
                              bool *ret_found);

/** Every key that begins with `prefix`, until `visit` has enough. ERR_NOMEM, ERR_IO. */
must_check enum err store_list(struct store *store, struct span prefix, store_visit_key *visit,
                               void *ctx);

/*
 * Locks of a shared store. One belongs to one realm at a time, from `done` with OK until
 * store_unlock(), or until the realm ends or is cut off from the server for some seconds: then
 * it is free for others, and on_lock tells whom it was taken from. Who gets a lock was told
 * before of all that its last holder was told `done` of. Keys as those of store_put.
 */

/** Ask for it. On OK `done` is called later, once. ERR_AGAIN: it is another realm's, as far as
 *  is known here, or too much is pending; ERR_LIMIT: the key; ERR_CLOSED, ERR_NOMEM. It is not
 *  ours yet, and was not asked for. */
must_check enum err store_lock(struct store *store, struct span key, store_locked *done,
                               void *ctx);

/** Give it back, and leave a value with it, of at most STORE_LOCK_VALUE_MAX bytes, for the next
 *  who holds it; empty: it is forgotten. Cannot fail: what does not reach the server now is
 * done when it is back, or by the time that ends all our locks. */
void store_unlock(struct store *store, struct span key, struct span value);

/** Whose it is, as far as is known here; *ret_value, which may be NULL: what was left with it,
 *  borrowed until the next call. Always free when the store is not shared. */
enum store_lock_state store_lock_state(const struct store *store, struct span key,
                                       struct span *ret_value);
