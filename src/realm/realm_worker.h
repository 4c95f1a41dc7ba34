/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What lives on the loop of the realm's worker: the channels, the connections, and the one
 * place where news of a channel becomes sends. Knows neither listeners nor the daemon.
 *
 *    a session publishes        router: views framed, marked dirty
 *    end of the turn            each cursor of a dirty view: its connection is due, once
 *                               each connection that is due: one gather of sends
 */
#pragma once

#include "base/list.h"
#include "base/log.h"
#include "io/loop.h"
#include "realm/realm_conf.h"
#include "realm/realm_session.h"

enum {
    REALM_WORKER_ROOM_BYTES = 64 * 1024, /* one read */
};

struct realm_worker {
    const struct realm_conf *conf; /* borrowed for the worker's life, as are the next two */
    struct loop *loop;
    const struct log *log;
    struct rng rng;
    struct router router;
    struct realm_session_env env;
    struct buf answers; /* where answers are encoded */
    uint8_t *room;      /* owned; REALM_WORKER_ROOM_BYTES: shared by all reads */
    struct list conns;  /* struct realm_conn; its file's own */
    size_t conn_count;
    uint64_t last_id;
    struct list due; /* struct realm_conn, to be sent from */
    struct loop_later fan_out;
};

/** What a worker is made of; borrowed for the worker's life, but for the dice. */
struct realm_worker_parts {
    const struct realm_conf *conf;
    struct loop *loop;
    const struct log *log;
    struct rng rng;
};

/** ERR_NOMEM: realm_worker_fini() all the same. */
must_check enum err realm_worker_init(struct realm_worker *worker,
                                      const struct realm_worker_parts *parts);

/** Every connection must be gone. Takes one that was zeroed. */
void realm_worker_fini(struct realm_worker *worker);

/** Something may have been published: at the end of the turn it will be sent. */
void realm_worker_published(struct realm_worker *worker);
