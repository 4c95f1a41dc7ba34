/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Moves bytes between two streams, both ways, in order, untouched, until both ways have ended.
 *
 * Each way is a lane. Bytes are read into the worker's shared scratch room and written at once;
 * only what the receiver could not take is kept, in a room out of the worker's pool:
 *
 *    0 ....... sent ....... passed ....... read ....... size
 *     has left      may leave      not judged     room
 *
 * sent <= passed <= read <= size, always. An idle tunnel therefore holds no buffer at all. A
 * lane with bytes that may leave and cannot does not read: that is the back-pressure.
 *
 * Moving bytes and understanding them are two jobs. A relay may have a judge, who looks at what
 * has arrived and says how much of it may leave; without one everything may. A judge that has
 * seen enough takes itself off, and costs nothing from then on.
 *
 * End of stream is passed on as end of stream (true half-close); the other lane goes on. A
 * reset ends the relay; its owner passes it on with stream_abort().
 */
#pragma once

#include "base/pool.h"
#include "io/loop.h"
#include "net/stream.h"

enum relay_side {
    RELAY_CLIENT, /* who asked for the tunnel */
    RELAY_SERVER, /* who was connected to */
};

struct relay_lane {
    struct stream *from; /* borrowed, like `to`, from the relay's owner */
    struct stream *to;
    uint8_t *room; /* owned; out of the pool, given back when empty; NULL: nothing waits */
    uint32_t sent, passed, read; /* positions in the room, whose size is the pool's */
    bool ended;                  /* `from` has finished sending */
    bool finished;               /* and `to` has been told */
    uint64_t moved;              /* bytes handed to `to` so far */
};

/** What a relay needs of its worker, shared by all the worker's relays. */
struct relay_env {
    struct loop *loop;
    struct pool *pool;    /* rooms that keep what could not be written */
    struct mspan scratch; /* what is read into; at most as large as a room */
};

enum relay_end {
    RELAY_FINISHED, /* both lanes ended properly */
    RELAY_BROKEN,  /* a side was reset or failed: see `broken`, and stream_why() of that side */
    RELAY_NO_ROOM, /* the pool had no room left, or the judge wanted to see more than a room */
    RELAY_JUDGED,  /* the judge said so */
};

/**
 * Look at bytes that `side` has sent and that are not judged yet; they may not be changed.
 * `is_last`: nothing will follow them.
 *
 * Returns OK         *ret_pass of them, from the front, may leave. The rest is shown again,
 *                    with what has arrived behind it
 *         ERR_AGAIN  cannot tell before more arrive: they are shown again then, perhaps also
 *                    without more, see relay_again(). Not when is_last
 *         any other  the tunnel ends: RELAY_JUDGED
 *
 * It may call relay_set_judge() and relay_again() for its relay, nothing else.
 */
typedef enum err relay_judge(void *ctx, enum relay_side side, struct span waiting, bool is_last,
                             size_t *ret_pass);

/** Called once, never from inside relay_start(); the owner then frees streams and relay. */
typedef void relay_ended(void *ctx, enum relay_end end);

/* To be read by anyone, changed by relay.c alone. */
struct relay {
    const struct relay_env *env; /* borrowed from the worker for the relay's life */
    struct relay_lane
        lanes[2];       /* by the side that sends: [RELAY_CLIENT] runs client to server */
    relay_judge *judge; /* NULL: whatever arrives may leave */
    void *judge_ctx;    /* borrowed, for `judge` */
    struct loop_later again;
    enum relay_side closer; /* who ended first; valid when has_closer */
    enum relay_side broken; /* who failed; valid when it ended with RELAY_BROKEN */
    enum relay_end end;     /* valid when is_over */
    bool has_closer;        /* a lane has ended or broke */
    bool is_over;
    bool has_started;
    msec moved_at; /* when bytes last moved: for the owner's idle timer */
    relay_ended *ended;
    void *ctx; /* borrowed, for `ended` */
};

/** The streams must have shaken hands. */
void relay_init(struct relay *relay, const struct relay_env *env, struct stream *client,
                struct stream *server, relay_ended *ended, void *ctx);

/** Bytes that `side` sent before the relay took over; they go first. Before relay_start().
 *  ERR_LIMIT: more than a room, or no room is left; ERR_NOMEM. */
must_check enum err relay_preload(struct relay *relay, enum relay_side side, struct span bytes);

/** For both sides, from the next byte on (also for preloaded ones); NULL: nobody judges. At any
 *  time after init; bytes that were held are judged anew. */
void relay_set_judge(struct relay *relay, relay_judge *judge, void *ctx);

/** Something has changed the judge's mind: show it again what it holds. */
void relay_again(struct relay *relay);

/** Takes both streams' readiness over and begins. */
void relay_start(struct relay *relay);

/** Gives rooms back and stops; `ended` is not called any more. Safe at any time after init, and
 *  more than once. It does not touch the streams: free them, before or after, or give their
 *  readiness to somebody else. */
void relay_fini(struct relay *relay);

/** Bytes that `side` sent and that reached the other. */
uint64_t relay_moved(const struct relay *relay, enum relay_side side);
