/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Ready-framed bytes of a run of events, in a bounded ring, with an index to them. The frames
 * of one event never wrap, so that they and their neighbours can be sent as they lie:
 *
 *     0 .... tail .... first's bytes ............ wrap .... size       (wrapped)
 *     0 .... first's bytes .................. tail ........ size       (not wrapped)
 *
 * Events are numbered as they are put, whatever gaps their EIDs have: one that has no frame
 * here (a selector does not want it) costs nothing and moves nobody. From start_eid on the ring
 * lacks none that has a frame.
 *
 * The ring counts how many readers stand at each event, and forgets from the front what nobody
 * stands at. At its maximum the oldest events have to be forgotten all the same, after those
 * who stand there have been seen to: view_ring_fit() says so.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"

struct view_ring_entry {
    uint64_t eid;
    size_t at;       /* in bytes */
    size_t len;      /* bytes of the frame */
    size_t standing; /* readers whose next byte is in here */
};

/** Where a reader is: `sent` bytes into the frame of the event `eid`. */
struct view_ring_place {
    uint64_t eid;    /* at the end of the ring: less than or equal to the next event's; see
                        view_ring_note() */
    uint64_t number; /* in the ring; 0: not counted there */
    size_t sent;
};

/** What all rings together may take, over and above the maximum of each. */
struct view_ring_budget {
    size_t used; /* bytes */
    size_t max;
};

struct view_ring {
    struct view_ring_budget *budget; /* borrowed for the ring's life */
    uint8_t *bytes;                  /* owned */
    size_t size;                     /* allocated */
    size_t max;                      /* size never passes it */
    struct view_ring_entry *entries; /* owned; at their number modulo entries_size */
    size_t entries_size;             /* a power of two */
    uint64_t first;                  /* entries are those of first .. next - 1 */
    uint64_t next;                   /* numbers; the first of all is 1 */
    uint64_t start_eid;              /* complete from this one on */
    uint64_t end_eid;                /* up to, not including, this one */
    size_t tail;                     /* behind the newest frame */
    size_t wrap;                     /* wrapped: where the upper part ends */
    size_t at_end;                   /* readers who wait for `next` */
    size_t live;                     /* readers counted: standing at an event or waiting */
};

/** Takes no memory yet. It is complete from the event `eid` on. */
void view_ring_init(struct view_ring *ring, size_t max_bytes, struct view_ring_budget *budget,
                    uint64_t eid);
void view_ring_fini(struct view_ring *ring);

/** Make room for a frame of `len` bytes. ERR_LIMIT: there would be more with the first event
 *  forgotten; when there is none, the frame is longer than the ring may be or the budget is
 *  spent. ERR_NOMEM. */
must_check enum err view_ring_fit(struct view_ring *ring, size_t len);

/** Append the frame of an event, for which view_ring_fit() has made room; its EID is end_eid or
 *  greater. */
void view_ring_put(struct view_ring *ring, uint64_t eid, struct span frame);

/** The event has no frame here. */
void view_ring_skip(struct view_ring *ring, uint64_t eid);

/** Forget the first event; there must be one. Readers who stand there are not counted any more.
 */
void view_ring_forget(struct view_ring *ring);

/** Forget everything; complete from `eid` on. No reader is counted any more. */
void view_ring_reset(struct view_ring *ring, uint64_t eid);

/** Whether a reader is counted here: stands at an event or waits at the end. */
static inline bool view_ring_has(const struct view_ring *ring,
                                 const struct view_ring_place *place)
{
    return place->number >= ring->first;
}

/** Whether a reader who wants the event `eid` next can enter. */
static inline bool view_ring_covers(const struct view_ring *ring, uint64_t eid)
{
    return eid >= ring->start_eid;
}

/** Count a reader in, at place->eid. Nothing happens when the ring does not cover that. */
void view_ring_enter(struct view_ring *ring, struct view_ring_place *place);

/** Count it out. Nothing happens when it is not counted. */
void view_ring_leave(struct view_ring *ring, struct view_ring_place *place);

/** Brings place->eid of a reader who is counted up to date. */
void view_ring_note(const struct view_ring *ring, struct view_ring_place *place);

/** What a reader who is counted would send next, as far as it lies in one piece, at most `max`
 *  bytes; empty at the end. Valid until the ring is changed. */
struct span view_ring_peek(const struct view_ring *ring, const struct view_ring_place *place,
                           size_t max);

/** Bytes from *place to the end of the frame that holds the `offered`th of them, counted from
 * 1; 0 stands for 1. There must be so many. */
size_t view_ring_owed(const struct view_ring *ring, const struct view_ring_place *place,
                      size_t offered);

/** `len` bytes of the last peek have left: moves *place. The reader stays counted. Returns how
 *  many frames have left entirely. */
size_t view_ring_advance(struct view_ring *ring, struct view_ring_place *place, size_t len);

/** Nothing is waiting: give back room, if there is more than `keep` bytes of it. */
void view_ring_shrink(struct view_ring *ring, size_t keep);

static inline bool view_ring_is_empty(const struct view_ring *ring)
{
    return ring->first == ring->next;
}
