/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One worker's event loop: watches, timers (io/timer.h), deferred calls. It knows nothing of
 * protocols. Readiness is edge-triggered and remembered: a watch says what it believes is ready
 * until the one who met EAGAIN clears it, so that no system call is spent on changing interest.
 *
 * Rules for a reader or writer:
 *   - on_ready is called when something became ready; then try everything that waits.
 *   - after EAGAIN, loop_watch_clear() the bit; the loop will call again.
 *   - who stops before EAGAIN (fairness) must loop_defer() itself, or nothing will call again.
 *   - reading stops when there is no room: back-pressure is the absence of a read.
 *
 * Everything here belongs to the loop's thread.
 */
#pragma once

#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"

#include <stdbool.h>

struct loop;
struct timer;

enum loop_ready {
    LOOP_READABLE = 1u << 0, /* also: end of stream, or an error to be fetched by reading */
    LOOP_WRITABLE = 1u << 1,
};

typedef void loop_on_ready(void *ctx);

struct loop_watch {
    struct loop *loop; /* borrowed while watching; NULL otherwise */
    int fd;            /* borrowed: whoever opened it closes it, after loop_unwatch() */
    unsigned ready;    /* enum loop_ready bits; read by anyone, cleared by loop_watch_clear() */
    bool wrong;        /* the loop's: an error or hang-up was reported */
    bool ended;        /* the loop's: that or end of stream was; reading has no new edge */
    loop_on_ready *call; /* may be exchanged at any time */
    void *ctx;           /* borrowed */
};

/** A call that happens once, later in this turn or in the next, never from inside loop_defer().
 */
struct loop_later {
    struct list node; /* in the loop's list while due */
    loop_on_ready *call;
    void *ctx; /* borrowed */
};

/** ERR_NOMEM, or ERR_IO with errno. */
must_check enum err loop_new(struct loop **ret_loop);

/** Every watch, timer and deferred call must be gone. Takes NULL. */
void loop_free(struct loop *loop);

/** Turns until loop_stop(). ERR_IO with errno when the system's poll fails. */
must_check enum err loop_run(struct loop *loop);

/** One turn: wait for readiness at most `max_wait` (0: do not wait), run what is due. */
must_check enum err loop_turn(struct loop *loop, msec max_wait);

/** The turn that is running is the last one. */
void loop_stop(struct loop *loop);

/** When this turn began, monotonic. */
msec loop_now(const struct loop *loop);

/** Counts turns; an owner that does something at most once a turn remembers it. */
uint64_t loop_turn_count(const struct loop *loop);

/** Watch both directions of `fd` from now on. ERR_NOMEM, ERR_IO with errno: not watching. */
must_check enum err loop_watch(struct loop *loop, struct loop_watch *watch, int fd,
                               loop_on_ready *call, void *ctx);

/** Before the fd is closed. Safe inside any callback, for any watch; safe to call twice. */
void loop_unwatch(struct loop_watch *watch);

static inline void loop_watch_clear(struct loop_watch *watch, enum loop_ready what)
{
    watch->ready &= ~(unsigned)what;
}

void loop_later_init(struct loop_later *later, loop_on_ready *call, void *ctx);

/** Once, however often it is asked for before it runs. */
void loop_defer(struct loop *loop, struct loop_later *later);

/** It will not run. Nothing happens when it was not due. */
void loop_undefer(struct loop_later *later);
