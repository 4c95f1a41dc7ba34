/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A channel's stored events, each with its EID, the oldest making room for the newest. A queue
 * keeps its events in one, too. Who reads it, and in which form, is the business of
 * pubsub/view; when an event may be published, that of pubsub/router.
 *
 *      1 ............ first ............ next
 *        fallen out         stored           not published yet
 *
 * EIDs begin with 1 and increase. Between two stored ones there may be gaps: events that
 * expired, were replaced by newer ones with the same key, or were removed. They mean something
 * only together with the epoch, which names one life of the channel.
 *
 * Those of a persistent channel are in a stream of the store. Here is an entry for each, and of
 * the newest ones a window of events in memory; the others are read from the store when
 * somebody asks. With a store that several realms share that is so for reliable channels, too,
 * and what other realms publish is taken in with channel_take().
 *
 * Publishing has two steps, so that something slow can come between them: channel_prepare()
 * does all that can fail, channel_commit() makes the event visible and cannot.
 */
#pragma once

#include "base/heap.h"
#include "base/map.h"
#include "pubsub/channel_keys.h"
#include "pubsub/event.h"
#include "pubsub/shelf.h"
#include "pubsub/store.h"

enum channel_type {
    CHANNEL_RELIABLE,   /* in memory; EIDs survive a restart where there is a store. With a
                         * shared one it is as persistent */
    CHANNEL_TRANSIENT,  /* nothing is kept for those who come later */
    CHANNEL_PERSISTENT, /* in the store */
};

/** What becomes of a reader whose next event had to make room. */
enum channel_slow {
    CHANNEL_SLOW_DROP, /* it is lost */
    CHANNEL_SLOW_SKIP, /* it goes on with the newest event */
};

struct channel_conf {
    enum channel_type type;
    size_t capacity;     /* events stored; 0: no other limit than store_bytes */
    size_t store_bytes;  /* of the events stored */
    size_t memory_bytes; /* in a store: of those of them that are kept in memory, too */
    uint64_t ttl;        /* ms that an event is worth delivering, at most; 0: for ever */
    enum channel_slow slow;
    struct channel_keys_conf keys[CHANNEL_KEYS_MAX];
    size_t key_count;
};

/** What all channels of a router hold in memory. */
struct channel_budget {
    size_t used; /* bytes */
    size_t max;
    size_t merged; /* bytes that changes were laid over, since the time was told last */
};

/** One event in its channel. For those who walk over stored events. */
struct channel_entry {
    uint64_t eid;         /* 0: prepared, not published yet */
    struct event *event;  /* a reference of its own; NULL: the store alone has it */
    struct event *change; /* likewise: what it was merged from; see channel_take_change() */
    size_t bytes;         /* that the event holds, or would hold in memory */
    struct heap_node due; /* in channel->expiries, at the event's expiry */
    const uint8_t *id;    /* the publish id, behind the links */
    void *publisher;      /* borrowed: whose publish this is, until it is committed */
    size_t id_len;
    struct channel_keys_link links[]; /* one for each of the channel's keys */
};

enum channel_drop {
    CHANNEL_DROP_FULL,     /* a newer one needed the room */
    CHANNEL_DROP_EXPIRED,  /* its time to live is over */
    CHANNEL_DROP_REPLACED, /* there are newer ones with the same value of a key */
    CHANNEL_DROP_REMOVED,  /* somebody has asked for it: a purge, a reader who has finished */
};

/** What is told about it. */
struct channel_watcher {
    /** The entry will be gone in a moment. It may not publish to this channel from here. */
    void (*on_drop)(void *ctx, const struct channel_entry *entry, enum channel_drop why);
    void *ctx; /* borrowed for the channel's life */
};

struct channel {
    struct span name; /* owned; a zero follows */
    uint64_t epoch;
    uint64_t next_eid;
    uint64_t lost_eid; /* the last event that had to make room: who still needs it is lost */
    struct channel_conf conf;
    struct channel_budget *budget; /* borrowed for the channel's life */
    struct channel_watcher watcher;
    struct store_stream *stream; /* borrowed: where the events are; NULL: in memory alone */
    struct shelf shelf;          /* struct channel_entry, owned */
    size_t bytes;                /* of the events stored */
    size_t held_bytes;           /* of those in memory */
    uint64_t held_eid;           /* no event before this one is in memory */
    size_t prepared;             /* entries on their way */
    struct map ids;              /* publish id to entry, prepared ones too */
    struct heap expiries;        /* of entries whose events expire */
    struct channel_keys keys;
};

enum channel_from {
    CHANNEL_FROM_NOW,    /* the next event that is published */
    CHANNEL_FROM_STORED, /* the oldest that is stored */
    CHANNEL_FROM_EID,
};

/** Where a subscriber wants to begin. */
struct channel_start {
    enum channel_from from;
    uint64_t eid;   /* CHANNEL_FROM_EID: the first event wanted */
    bool has_epoch; /* CHANNEL_FROM_EID: it belongs to this epoch; without, to the present */
    uint64_t epoch;
};

/** `epoch` is random and never used again for this name. ERR_NOMEM. */
must_check enum err channel_init(struct channel *channel, struct span name, uint64_t epoch,
                                 const struct channel_conf *conf,
                                 struct channel_budget *budget);

/** From now on the events are in this stream, which is ready, and whose epoch and EIDs are the
 *  channel's: every event of it gets its entry, but for those that are expired at `now`.
 *  ERR_NOMEM, ERR_IO. */
must_check enum err channel_restore(struct channel *channel, struct store_stream *stream,
                                    uint64_t now);

/** The same for the next STORE_READ_EVENTS_MAX of them; until *ret_is_all nothing else may be
 *  done with the channel, but for channel_restore(), which does the rest, and channel_fini().
 */
must_check enum err channel_restore_some(struct channel *channel, struct store_stream *stream,
                                         uint64_t now, bool *ret_is_all);

/** Nothing may be prepared. Takes one that failed to begin, or was zeroed. */
void channel_fini(struct channel *channel);

/**
 * Everything that publishing needs. An event that holds only what has changed is merged with
 * the one before it (pubsub/channel_merge.h). Every entry is committed or abandoned, in any
 * order.
 *
 * Returns OK         *ret_entry is new; or, with *ret_is_repeat, the one that has the same
 *                    publish id, which may be on its way itself
 *         ERR_LIMIT  the event alone is over store_bytes
 *         ERR_IO     the event before it could not be read
 *         ERR_NOMEM
 */
must_check enum err channel_prepare(struct channel *channel, const struct event_parts *parts,
                                    struct channel_entry **ret_entry, bool *ret_is_repeat);

/** What has changed, for those who have the event before: of an entry that is about to be
 *  committed as `eid`, and was published as a change. NULL: it was not; or the event that it
 * was merged with has gone since, is expired at `now`, or is not the newest of its key any
 * more, so that some may lack it. The reference is the caller's. */
struct event *channel_take_change(const struct channel *channel, struct channel_entry *entry,
                                  uint64_t eid, uint64_t now);

/** Published, as `eid`, which is next_eid or greater. Older events may have to go. Returns the
 *  event, borrowed until the next change. */
struct event *channel_commit(struct channel *channel, struct channel_entry *entry,
                             uint64_t eid);

void channel_abandon(struct channel *channel, struct channel_entry *entry);

/** Another realm has published it, behind all that are here; a reference is taken. An entry
 * that is prepared with the same publish id is nobody's repeat any more: its publisher is to
 * abandon it. Older events may have to go. ERR_NOMEM: it is not here. */
must_check enum err channel_take(struct channel *channel, struct event *event);

/** Another realm has published it, and it cannot be had: who needs it is lost. */
void channel_lose(struct channel *channel, uint64_t eid);

/** False: go no further. The event is borrowed for the call. */
typedef bool channel_visit(void *ctx, const struct event *event);

/** Shows the stored events from `eid` on, in their order, but for those that are expired at
 *  `now`. OK also at the end. ERR_LIMIT: the next ones had to make room, here or in another
 * realm. Others from the store: ERR_NOMEM, ERR_IO. */
must_check enum err channel_read(const struct channel *channel, uint64_t eid, uint64_t now,
                                 channel_visit *visit, void *ctx);

/** False when it was not stored. */
bool channel_remove(struct channel *channel, uint64_t eid);

/** Those from the one to the other are removed. Returns how many. */
size_t channel_remove_all(struct channel *channel, uint64_t first_eid, uint64_t last_eid);

/** All events below `eid` are removed. Returns how many. */
size_t channel_purge(struct channel *channel, uint64_t eid);

/** When channel_expire() has something to do, in ms since 1970; EVENT_NEVER. */
uint64_t channel_deadline(const struct channel *channel);

/** What is expired at `now` is dropped. */
void channel_expire(struct channel *channel, uint64_t now);

/** Events stored. */
static inline size_t channel_count(const struct channel *channel)
{
    return channel->shelf.count;
}

/** The EID of the oldest event stored; next_eid when there is none. */
uint64_t channel_first_eid(const struct channel *channel);

/** The EID that a subscriber who asks for `start` gets first, or the next one behind it. Never
 *  over next_eid. */
uint64_t channel_begin(const struct channel *channel, const struct channel_start *start);
