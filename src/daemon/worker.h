/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One thread with one loop. Workers share nothing but the configuration, immutable events and
 * mailbox letters; a worker that has more hands than its own may lend them its memory while it
 * waits for them (io/crew.h).
 */
#pragma once

#include "base/log.h"
#include "base/metric.h"
#include "base/rng.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "io/resolver.h"

struct daemon;
struct daemon_snapshot;

struct worker {
    size_t index;          /* 0 ... daemon_worker_count() - 1 */
    size_t hands;          /* threads that it may use, its own included: 1 where a service has
                              several workers, what `Workers` says where it has a single one */
    struct daemon *daemon; /* borrowed for the worker's life */
    const struct log *log; /* the worker's own face of the daemon's log, for its whole life */
    struct loop *loop;     /* owned, like the next four */
    struct resolver *resolver;
    struct mailbox *mailbox;
    struct metric_sheet *metrics;     /* NULL when the service has none */
    struct daemon_snapshot *snapshot; /* the current one: see worker_snapshot() */
    struct rng rng;
    void *state;      /* the service's: set by start(), released by stop() */
    bool is_draining; /* no new work: the daemon ends */
    bool is_idle;     /* worker_idle() was called while draining */
};

/** The service's configuration as new connections are to see it. Whoever keeps it beyond the
 *  loop's turn holds the snapshot instead. */
const void *worker_conf(const struct worker *worker);

/** The current configuration: daemon_snapshot_ref() it for a connection. Borrowed. */
struct daemon_snapshot *worker_snapshot(const struct worker *worker);

/** Nothing is left to do here. Takes effect only while draining; call it whenever the last
 *  piece of work has gone. */
void worker_idle(struct worker *worker);
