/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A channel as one kind of subscriber sees it: protocol form, selector and subscription id.
 * Each event is framed once, when it is published, into a ring that all subscribers of the view
 * share; a subscriber is a cursor into it. Delivery copies nothing, queues nothing and takes no
 * memory. Views with the same selector share its evaluation; an event that one does not want
 * leaves no trace in its ring.
 *
 *   channel   ....... stored events ........................ next
 *   ring                       framed bytes .................next
 *   cursors        c1 (own)        c2            c3 c4       c5 (waits)
 *
 * A cursor whose event is not in the ring (it asked for old events, or was slow) frames stored
 * events into a buffer of its own until it is in the ring again. Before the ring forgets bytes
 * that a cursor has sent in part, or offered, it takes them along in that buffer. A cursor
 * whose event had to make room for newer ones is lost; one that expired or was removed is
 * passed over. With CHANNEL_SLOW_SKIP none is lost for that: it goes on with the newest event.
 *
 * A view lives while it has cursors. All of this belongs to one thread.
 */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "pubsub/channel.h"
#include "pubsub/event_source.h"
#include "pubsub/view_ring.h"

enum {
    VIEW_GATHER_BYTES = 64 * 1024, /* the most that view_peek() offers at once */
    VIEW_ID_MAX = 512,             /* bytes of a subscription id */
    VIEW_KEY_MAX = 1 + sizeof(void *) + VIEW_ID_MAX,
};

struct view_form {
    char tag;  /* one for each form: views are found by tag and subscription id */
    void *ctx; /* for encode() */
    /** Appends the event's frame, at least one byte. Errors as buf_append(). */
    enum err (*encode)(void *ctx, struct span channel, struct span id,
                       const struct event *event, struct buf *out);
};

struct view_limits {
    size_t ring_bytes;  /* framed bytes that a view holds for slow cursors */
    size_t frame_bytes; /* of one event */
};

/** What all view sets of a router share; borrowed for their life. */
struct view_room {
    struct buf scratch; /* framing happens in it */
    struct view_ring_budget budget;
    struct list dirty; /* views whose cursors have something to do */
    uint64_t now;      /* ms since 1970, told by the owner: what is expired is not delivered */
};

/** A selector and the views of one channel that have it. */
struct view_filter {
    struct list node;          /* in the set's filters */
    struct selector *selector; /* a reference */
    size_t views;
    bool is_match; /* the event that is being appended */
};

struct view {
    const struct view_form *form;
    struct view_filter *filter;    /* of the set; NULL: every event */
    const struct channel *channel; /* borrowed from the view set */
    struct view_ring ring;
    struct list cursors;
    size_t cursor_count;
    struct list node;  /* in its set */
    struct list dirty; /* in the room's list */
    size_t key_len;
    uint8_t key[]; /* the form's tag, the filter's address, the subscription id */
};

/** The views of one channel. */
struct view_set {
    struct channel *channel; /* borrowed for the set's life */
    struct view_limits limits;
    struct view_room *room;
    struct map views;
    struct list list;
    struct list filters;
};

/** What a subscriber wants to see, and how. */
struct view_kind {
    const struct view_form *form;
    struct selector *selector; /* borrowed; NULL: every event */
    struct span id;            /* at most VIEW_ID_MAX */
};

struct view_cursor {
    struct list node;     /* in the view's cursors */
    struct view_set *set; /* borrowed while attached */
    struct view *view;    /* NULL when not attached */
    struct view_ring_place place;
    size_t offered;     /* bytes of the ring that the last peek has offered */
    struct buf own;     /* framed for this cursor alone: everything up to place */
    size_t own_sent;    /* bytes of it that have left */
    uint64_t own_eid;   /* the first event in it */
    uint64_t delivered; /* frames that were sent, or taken into `own` */
    bool is_lost;       /* there was no memory for what it owed, or wanted */
    uint64_t skipped;   /* EIDs that it was too slow for; who has told of them zeroes it */
};

/** Takes no memory yet. */
void view_room_init(struct view_room *room, size_t frame_bytes, size_t ring_bytes);

/** Every view must be gone. */
void view_room_fini(struct view_room *room);

void view_set_init(struct view_set *set, struct channel *channel,
                   const struct view_limits *limits, struct view_room *room);

/** Every cursor must be detached. */
void view_set_fini(struct view_set *set);

/** The channel has published the event of the source: frame it for every view; those that have
 * something new become dirty. Returns the bytes that were framed. Where there is no memory the
 * cursors will try for themselves. */
size_t view_set_append(struct view_set *set, struct event_source *source);

/** The channel has published an event that nobody can be shown: each cursor that is attached is
 *  lost, and is to be woken. */
void view_set_lose(struct view_set *set);

/** A view that was dirty, and is not any more: each of its cursors is to be woken. NULL: there
 *  is none. */
struct view *view_next_dirty(struct view_room *room);

/** Begin to read at `eid` or behind it; it is not over the channel's next. ERR_NOMEM. */
must_check enum err view_attach(struct view_set *set, const struct view_kind *kind,
                                uint64_t eid, struct view_cursor *cursor);

/** Nothing happens when it is not attached. The view may be gone afterwards. */
void view_detach(struct view_cursor *cursor);

/**
 * The next bytes to send, at most VIEW_GATHER_BYTES, as many events as lie together. Until
 * view_sent(), a further call gives the same bytes, perhaps with more behind them.
 *
 * Returns OK         *ret_bytes is not empty; valid until anything is published or sent
 *         ERR_AGAIN  everything published has been sent; or much was looked through in vain,
 *                    and the view is dirty, so that the cursor will be woken again
 *         ERR_LIMIT  lost: the next event had to make room. Final
 *         others     from the store: ERR_NOMEM, ERR_IO
 */
must_check enum err view_peek(struct view_cursor *cursor, struct span *ret_bytes);

/** `len` bytes of the last peek have left. */
void view_sent(struct view_cursor *cursor, size_t len);

/** Whether a frame has left in part: nothing else may be sent before its rest. */
static inline bool view_is_inside(const struct view_cursor *cursor)
{
    return cursor->own_sent > 0 || (cursor->own.len == 0 && cursor->place.sent > 0);
}

/** The EID of the first event that has not been sent entirely, or less where only events
 *  without a frame lie between. */
uint64_t view_position(const struct view_cursor *cursor);

/** After a peek that was OK: bytes up to the end of the last frame that is begun, or that an
 *  earlier peek of `offered` bytes has begun to offer. No frame may be cut off before. */
size_t view_owed(const struct view_cursor *cursor, size_t offered);

/** Append what is owed: what must still be sent when the cursor is detached. Errors as
 *  buf_append(), and as view_peek() when it cannot be had any more. */
must_check enum err view_copy_owed(struct view_cursor *cursor, size_t offered, struct buf *out);
