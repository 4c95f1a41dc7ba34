/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The loop's inside, for loop.c, timer.c and the backends; nobody else includes this. A backend
 * is one file and one table: it collects readiness into the loop's batch, loop.c hands it out.
 */
#pragma once

#include "base/heap.h"
#include "io/loop.h"

enum {
    LOOP_BATCH_MAX = 128 /* watches that one wait reports */
};

struct loop_report {
    struct loop_watch *watch; /* NULL: was unwatched after it was collected */
    unsigned ready;           /* enum loop_ready bits */
    bool wrong;
    bool ended;
};

struct loop_backend {
    const char *name;
    /** Sets loop->poll_fd. ERR_NOMEM, ERR_IO with errno. */
    enum err (*open)(struct loop *loop);
    void (*close)(struct loop *loop);
    /** Report every change of readiness of watch->fd from now on, and what is ready already.
     *  ERR_NOMEM, ERR_IO with errno. */
    enum err (*add)(struct loop *loop, struct loop_watch *watch);
    void (*remove)(struct loop *loop, struct loop_watch *watch);
    /** Fills loop->batch; waits at most wait_ms (-1: for ever). A signal ends the wait early.
     *  ERR_IO with errno. */
    enum err (*wait)(struct loop *loop, int wait_ms);
};

/** Linux; defined in loop_epoll.c. */
extern const struct loop_backend loop_epoll;

struct loop {
    const struct loop_backend *backend;
    int poll_fd; /* the backend's; owned */
    msec now;    /* when this turn began */
    uint64_t turn_count;
    bool stopped;
    bool in_timers;      /* timers are being called */
    size_t watch_count;  /* for the assertion in loop_free() */
    struct heap timers;  /* struct timer's nodes */
    struct list later;   /* struct loop_later's nodes that run in the next phase */
    struct list running; /* those of the phase that runs now */
    struct loop_report batch[LOOP_BATCH_MAX];
    size_t batch_len;
};
