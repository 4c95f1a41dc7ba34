/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A store that several realms share, in a NATS server with JetStream.
 *
 * All that any realm submits goes into one log on the server, which gives it one order; every
 * realm applies that log to a mirror of its own, and so all of them come to the same events
 * with the same EIDs, the same keys and the same locks. What one submission says stands in one
 * entry of the log, so all of it is stored or nothing. Reading asks the mirror, and never
 * waits. Snapshots bound the log: store_nats_snap.h. For others to read, each channel is a
 * stream of its own there, too: store_nats_view.h.
 *
 * As safe as this store can make it is: the server has taken it into the log's stream (on as
 * many servers as StoreReplicas says), and this realm's mirror has it.
 */
#pragma once

#include "base/log.h"
#include "base/rng.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "pubsub/store.h"

enum {
    STORE_NATS_FAULT_BYTES = 512,
};

struct store_nats_conf {
    struct span url;    /* store_nats_url.h; borrowed while it opens, as is the next */
    struct span realm;  /* letters, digits, _ and -: whoever gives the same one shares */
    const char *path;   /* of the mirror, a directory; NULL: in memory. Borrowed */
    uint64_t bytes_max; /* of events; past it: ERR_LIMIT */
    size_t streams_max;
    size_t pending_bytes_max;
    unsigned replicas;
    bool has_streams;        /* channels have streams of their own: store_nats_view.h */
    msec timeout;            /* of what is submitted, without an answer from the server */
    uint64_t log_bytes_max;  /* of the log, until a snapshot is written; 0: what is wise */
    struct loop *loop;       /* borrowed until the store is closed, as are the next */
    struct mailbox *mailbox; /* it must go later */
    const struct log *log;   /* also for the threads behind; may be NULL */
    struct rng *rng;
};

/**
 * Waits for the server, and until the mirror has all that is in the log. On failure `ret_fault`
 * has a sentence for the operator. ERR_CONF: he can mend it; ERR_IO, ERR_CLOSED: the server;
 * ERR_NOMEM.
 */
must_check enum err store_nats_open(const struct store_nats_conf *conf,
                                    struct store **ret_store,
                                    char ret_fault[STORE_NATS_FAULT_BYTES]);

/** What a crash leaves: what the server has, and the mirror's directory. What is pending is not
 *  told; others learn by its silence that it has gone. */
void store_nats_kill(struct store *store);
