/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What one direction of an exchange has still to write, in the order in which it goes:
 *
 *   head ....... room ....... tail
 *   a head or    content a    the end of a chunked body
 *   several      slow receiver has not taken
 *
 * Whoever puts bytes in has looked that nothing waits, or that only a head does; so a room
 * holds what one read into the worker's scratch room has become, and never more.
 */
#pragma once

#include "base/buf.h"
#include "net/relay.h"

struct proxy_forward_lane {
    const struct relay_env *env; /* borrowed */
    struct stream *to;           /* borrowed */
    struct buf head;
    uint8_t *room;       /* owned; out of the pool, given back when empty */
    uint32_t sent, read; /* positions in the room */
    struct buf tail;
    uint64_t moved; /* bytes handed to `to` */
    msec moved_at;  /* when the last of them were */
    bool is_cut;    /* `to` takes no more: what is put in is dropped */
};

/** `head_max` and `tail_max`: bytes the two may hold, besides a little content that goes with a
 *  head. */
void proxy_forward_lane_init(struct proxy_forward_lane *lane, const struct relay_env *env,
                             struct stream *to, size_t head_max, size_t tail_max);

/** Gives everything back. */
void proxy_forward_lane_fini(struct proxy_forward_lane *lane);

/** Whether nothing waits. */
bool proxy_forward_lane_is_empty(const struct proxy_forward_lane *lane);

/** Bytes that wait in the head: what is put there next begins behind them. */
uint64_t proxy_forward_lane_promised(const struct proxy_forward_lane *lane);

/** Writes what waits. OK: all of it. ERR_AGAIN: `to` is not ready. ERR_CLOSED, ERR_IO: it has
 *  failed. */
must_check enum err proxy_forward_lane_flush(struct proxy_forward_lane *lane);

/** Writes content behind the head, or keeps it. At most a room's size, once between two flushes
 *  that said OK. ERR_NOMEM, ERR_LIMIT: there is no room to keep it in; otherwise as flush, but
 *  OK in place of ERR_AGAIN. */
must_check enum err proxy_forward_lane_put(struct proxy_forward_lane *lane, struct span bytes);

/** `to` takes no more. */
void proxy_forward_lane_cut(struct proxy_forward_lane *lane);
