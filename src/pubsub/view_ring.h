/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Ready-framed bytes of a run of events, in a bounded ring, with an index from EID to bytes.
 * The frames of one event never wrap, so that they and their neighbours can be sent as they
 * lie:
 *
 *     0 .... tail .... first's bytes ............ wrap .... size       (wrapped)
 *     0 .... first's bytes .................. tail ........ size       (not wrapped)
 *
 * The ring counts how many readers stand at each event, and forgets from the front what nobody
 * stands at. At its maximum the oldest events are forgotten all the same: readers who stood
 * there (their EID is below `first` then) are not counted any more and must help themselves.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"

struct view_ring_entry {
    size_t at;       /* in bytes */
    size_t len;      /* bytes of the frame */
    size_t standing; /* readers whose next byte is in here */
};

/** Where a reader is: `sent` bytes into the frame of the event `eid`. */
struct view_ring_place {
    uint64_t eid;
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
    struct view_ring_entry *entries; /* owned; at eid modulo entries_size */
    size_t entries_size;             /* a power of two */
    uint64_t first;                  /* entries are those of first .. next - 1 */
    uint64_t next;
    size_t tail;   /* behind the newest frame */
    size_t wrap;   /* wrapped: where the upper part ends */
    size_t at_end; /* readers who wait for `next` */
    size_t live;   /* readers counted: standing at an event or waiting */
};

/** Takes no memory yet. The first event that is put will be `next`. */
void view_ring_init(struct view_ring *ring, size_t max_bytes, struct view_ring_budget *budget,
                    uint64_t next);
void view_ring_fini(struct view_ring *ring);

/** Append the frame of the event ring->next. ERR_LIMIT: longer than the ring may be, or the
 *  budget is spent; ERR_NOMEM. Then nothing was appended, but old frames may be gone. */
must_check enum err view_ring_put(struct view_ring *ring, struct span frame);

/** Forget everything; the next event to be put is `next`. No reader is counted any more. */
void view_ring_reset(struct view_ring *ring, uint64_t next);

/** Whether a reader at this EID is counted here: it stands at an event or waits at the end. */
static inline bool view_ring_has(const struct view_ring *ring, uint64_t eid)
{
    return eid >= ring->first;
}

/** Count a reader in, or out. Nothing happens when the ring does not have the EID. */
void view_ring_enter(struct view_ring *ring, uint64_t eid);
void view_ring_leave(struct view_ring *ring, uint64_t eid);

/** What a reader who is counted would send next, as far as it lies in one piece, at most `max`
 *  bytes; empty at the end. Valid until the ring is changed. */
struct span view_ring_peek(const struct view_ring *ring, const struct view_ring_place *place,
                           size_t max);

/** Bytes from *place to the end of the frame that holds the `offered`th of them, counted from
 * 1; 0 stands for 1. There must be so many. */
size_t view_ring_owed(const struct view_ring *ring, const struct view_ring_place *place,
                      size_t offered);

/** `len` bytes of the last peek have left: moves *place. The reader stays counted. */
void view_ring_advance(struct view_ring *ring, struct view_ring_place *place, size_t len);

/** Nothing is waiting: give back room, if there is more than `keep` bytes of it. */
void view_ring_shrink(struct view_ring *ring, size_t keep);

static inline bool view_ring_is_empty(const struct view_ring *ring)
{
    return ring->first == ring->next;
}
