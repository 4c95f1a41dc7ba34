/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One thread with one loop. Workers share nothing but the configuration, immutable events and
 * mailbox letters.
 */
#pragma once

#include "base/log.h"
#include "base/rng.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "io/resolver.h"

struct daemon;

struct worker {
    size_t index;          /* 0 ... daemon_worker_count() - 1 */
    struct daemon *daemon; /* borrowed for the worker's life */
    const struct log *log; /* the daemon's */
    struct loop *loop;     /* owned, like the next two */
    struct resolver *resolver;
    struct mailbox *mailbox;
    struct rng rng;
    void *state; /* the service's: set by start(), released by stop() */
};
