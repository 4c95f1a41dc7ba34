/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/timer.h"

#include "io/loop_inside.h"

#include <assert.h>

void timer_init(struct timer *timer, struct loop *loop, loop_on_ready *call, void *ctx)
{
    *timer = (struct timer){.loop = loop, .call = call, .ctx = ctx};
}

enum err timer_set(struct timer *timer, msec at)
{
    struct loop *loop = timer->loop;

    assert(loop != NULL); /* timer_init() was forgotten */
    if (at == MSEC_NEVER) {
        timer_cancel(timer);
        return OK;
    }
    if (loop->in_timers && at <= loop->now) {
        at = loop->now + 1; /* the next turn; in this one it could keep the loop for ever */
    }
    if (timer_is_set(timer)) {
        heap_move(&loop->timers, &timer->node, at);
        return OK;
    }
    timer->node.at = at;
    return heap_push(&loop->timers, &timer->node);
}

void timer_cancel(struct timer *timer)
{
    if (timer_is_set(timer)) {
        heap_remove(&timer->loop->timers, &timer->node);
    }
}
