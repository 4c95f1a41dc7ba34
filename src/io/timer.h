/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Timers of a loop. A timer lives inside its owner; setting it again moves it.
 */
#pragma once

#include "base/heap.h"
#include "io/loop.h"

struct timer {
    struct heap_node node;
    struct loop *loop; /* borrowed for the timer's life */
    loop_on_ready *call;
    void *ctx; /* borrowed */
};

void timer_init(struct timer *timer, struct loop *loop, loop_on_ready *call, void *ctx);

/** Call once at `at` (loop_now() time), or at the first turn after it. MSEC_NEVER cancels.
 *  ERR_NOMEM: it is not set (a timer that is already set can always be moved). */
must_check enum err timer_set(struct timer *timer, msec at);

/** Nothing happens when it is not set. */
void timer_cancel(struct timer *timer);

static inline bool timer_is_set(const struct timer *timer)
{
    return heap_has(&timer->node);
}
