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
 * Threads. Everything here belongs to one thread, that of the store's loop, and `done` and
 * `on_ready` are called there: never from inside store_submit(), but from inside store_close().
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
};

struct store;

/** Lives as long as the store. The numbers are for reading; the store keeps them up. */
struct store_stream {
    struct store *store;    /* borrowed */
    struct span name;       /* owned by the store; a zero follows */
    bool is_ready;          /* false: the numbers are not known yet; see on_ready */
    uint64_t epoch;         /* random; another one: these are not the EIDs of before */
    uint64_t first_eid;     /* of the oldest event; next_eid when there is none */
    uint64_t next_eid;      /* over all EIDs that were ever told */
    uint64_t count;         /* events stored */
    uint64_t bytes;         /* their records */
    uint64_t corrupt_count; /* records that were met and skipped, each time */

    /* Called when ERR_AGAIN from store_read() is over, or the stream became ready. May be set
     * after store_open_stream(); NULL: nobody wants to know. */
    void (*on_ready)(void *ctx, struct store_stream *stream);
    void *on_ready_ctx; /* borrowed */
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
    struct span key; /* copied, as is the next */
    struct span value;
};

/**
 * Once for each submission that was accepted. `eids` has one for each operation, 0 for those
 * that append nothing, and is borrowed for the call; NULL unless OK.
 *
 * ERR_LIMIT   the disk or the configured room is full: nothing of it is stored. Some room is
 * held back for submissions that append nothing and remove or delete something, also when they
 * put, so that those who consume can go on, and room comes back ERR_IO      the disk failed:
 * nothing of it is stored. The store has told its log why ERR_NOMEM   nothing of it is stored
 * ERR_CLOSED  the store lost what it stands on before an answer came (store_nats): whether it
 *             is stored is not known. store_mem and store_lmdb never say this
 */
typedef void store_done(void *ctx, enum err e, const uint64_t *eids);

/** An event in EID order, with borrowed bytes: both go when the call returns. False: enough.
 * May call store_read(), store_get(), store_list() and store_submit(). */
typedef bool store_visit(void *ctx, const struct event *event);

/** A key and its value, in the order of the bytes of the keys. Otherwise as store_visit. */
typedef bool store_visit_key(void *ctx, struct span key, struct span value);

struct store_ops {
    const char *name; /* "mem", "lmdb" */
    void (*close)(struct store *store);
    enum err (*open_stream)(struct store *store, struct span name,
                            struct store_stream **ret_stream);
    enum err (*has_stream)(struct store *store, struct span name, bool *ret_has);
    enum err (*submit)(struct store *store, const struct store_op *ops, size_t count,
                       store_done *done, void *ctx);
    enum err (*read)(struct store_stream *stream, uint64_t from, store_visit *visit, void *ctx,
                     uint64_t *ret_next);
    enum err (*get)(struct store *store, struct span key, struct buf *value, bool *ret_found);
    enum err (*list)(struct store *store, struct span prefix, store_visit_key *visit,
                     void *ctx);
};

/** What every kind of store begins with; the kind writes it, others read. */
struct store {
    const struct store_ops *ops;
    size_t pending_count;     /* submissions of which `done` has still to be called */
    size_t pending_bytes;     /* memory that they hold, their events included */
    size_t pending_bytes_max; /* past it nothing is accepted */
    bool is_closing;          /* store_close() was called: nothing is accepted */
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
 * The stream of that name: made when there is none, the same one when it was opened before.
 *
 * A stream to which nothing was ever appended or reserved need not be kept: after a restart it
 * may have another epoch. ERR_NOMEM; ERR_LIMIT: the name's length, or as many streams as are
 * configured; ERR_IO.
 */
must_check enum err store_open_stream(struct store *store, struct span name,
                                      struct store_stream **ret_stream);

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
 * ERR_AGAIN   it has to be fetched; on_ready will be called. (store_nats)
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
