/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/loop.h"

#include "io/loop_inside.h"
#include "io/timer.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>

static msec clock_now(void)
{
    struct timespec now = {0};
    int failed = clock_gettime(CLOCK_MONOTONIC, &now);

    assert(failed == 0);
    (void)failed;
    return (msec)now.tv_sec * 1000 + (msec)now.tv_nsec / 1000000;
}

enum err loop_new(struct loop **ret_loop)
{
    struct loop *loop = calloc(1, sizeof *loop);
    enum err e;

    if (loop == NULL) {
        return ERR_NOMEM;
    }
    loop->backend = &loop_epoll;
    heap_init(&loop->timers);
    list_init(&loop->later);
    list_init(&loop->running);
    loop->now = clock_now();

    e = loop->backend->open(loop);
    if (e != OK) {
        free(loop);
        return e;
    }
    *ret_loop = loop;
    return OK;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    assert(loop->watch_count == 0);
    assert(heap_peek(&loop->timers) == NULL);
    assert(list_is_empty(&loop->later) && list_is_empty(&loop->running));
    loop->backend->close(loop);
    heap_fini(&loop->timers);
    free(loop);
}

enum err loop_run(struct loop *loop)
{
    while (!loop->stopped) {
        TRY(loop_turn(loop, MSEC_NEVER));
    }
    loop->stopped = false;
    return OK;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

msec loop_now(const struct loop *loop)
{
    return loop->now;
}

uint64_t loop_turn_count(const struct loop *loop)
{
    return loop->turn_count;
}

/* How long the backend may wait, in its unit: -1 is for ever. */
static int wait_for(const struct loop *loop, msec max_wait)
{
    const struct heap_node *first = heap_peek(&loop->timers);

    if (!list_is_empty(&loop->later)) {
        return 0;
    }
    if (first != NULL) {
        msec now = clock_now(); /* the last turn may have been long */

        max_wait = msec_min(max_wait, first->at > now ? first->at - now : 0);
    }
    if (max_wait == MSEC_NEVER) {
        return -1;
    }
    return max_wait > INT_MAX ? INT_MAX : (int)max_wait;
}

static void call_watches(struct loop *loop)
{
    for (size_t i = 0; i < loop->batch_len; i++) {
        struct loop_report report = loop->batch[i];

        if (report.watch == NULL) {
            continue;
        }
        report.watch->ready |= report.ready;
        report.watch->wrong |= report.wrong;
        report.watch->ended |= report.ended;
        report.watch->call(report.watch->ctx);
    }
    loop->batch_len = 0;
}

static void call_timers(struct loop *loop)
{
    struct heap_node *first;

    loop->in_timers = true;
    while ((first = heap_peek(&loop->timers)) != NULL && first->at <= loop->now) {
        struct timer *timer = LIST_ENTRY(first, struct timer, node);

        heap_remove(&loop->timers, first);
        timer->call(timer->ctx);
    }
    loop->in_timers = false;
}

static void call_later(struct loop *loop)
{
    /* Off the list first: who defers itself again runs in the next turn. */
    list_splice(&loop->running, &loop->later);
    while (!list_is_empty(&loop->running)) {
        struct loop_later *later = LIST_ENTRY(loop->running.next, struct loop_later, node);

        list_remove(&later->node);
        later->call(later->ctx);
    }
}

enum err loop_turn(struct loop *loop, msec max_wait)
{
    assert(loop->batch_len == 0 && list_is_empty(&loop->running)); /* not from a callback */
    TRY(loop->backend->wait(loop, wait_for(loop, max_wait)));
    loop->now = clock_now();
    loop->turn_count++;
    call_watches(loop);
    call_timers(loop);
    call_later(loop);
    return OK;
}

enum err loop_watch(struct loop *loop, struct loop_watch *watch, int fd, loop_on_ready *call,
                    void *ctx)
{
    enum err e;

    *watch = (struct loop_watch){.loop = loop, .fd = fd, .call = call, .ctx = ctx};
    e = loop->backend->add(loop, watch);
    if (e != OK) {
        watch->loop = NULL;
        return e;
    }
    loop->watch_count++;
    return OK;
}

void loop_unwatch(struct loop_watch *watch)
{
    struct loop *loop = watch->loop;

    if (loop == NULL) {
        return;
    }
    loop->backend->remove(loop, watch);
    for (size_t i = 0; i < loop->batch_len; i++) {
        if (loop->batch[i].watch == watch) {
            loop->batch[i].watch = NULL;
        }
    }
    watch->loop = NULL;
    watch->ready = 0;
    loop->watch_count--;
}

void loop_later_init(struct loop_later *later, loop_on_ready *call, void *ctx)
{
    list_init(&later->node);
    later->call = call;
    later->ctx = ctx;
}

void loop_defer(struct loop *loop, struct loop_later *later)
{
    assert(later->call != NULL); /* loop_later_init() was forgotten */
    if (list_is_empty(&later->node)) {
        list_append(&loop->later, &later->node);
    }
}

void loop_undefer(struct loop_later *later)
{
    if (later->call != NULL) { /* zeroed and never initialised: not due either */
        list_remove(&later->node);
    }
}
