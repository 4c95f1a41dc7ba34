/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What lives on the loop of the realm's worker: the channels, the connections, and the one
 * place where news of a channel becomes sends. Knows neither listeners nor the daemon.
 *
 *    a session publishes        router: views framed, marked dirty
 *    end of the turn            each cursor of a dirty view: its connection is due, once; so is
 *                               that of each queue's reader with new events
 *                               each connection that is due: one gather of sends, written by
 *                               several threads while this one, the mind, moves nothing else
 *    the store has synced       connections that were held for want of room there read on
 */
#pragma once

#include "base/list.h"
#include "base/log.h"
#include "base/metric.h"
#include "io/crew.h"
#include "io/loop.h"
#include "io/timer.h"
#include "realm/realm_clients.h"
#include "realm/realm_conf.h"
#include "realm/realm_era.h"
#include "realm/realm_http.h"
#include "realm/realm_made.h"
#include "realm/realm_publishers.h"
#include "realm/realm_seats.h"
#include "realm/realm_session.h"
#include "realm/realm_shared.h"
#include "realm/realm_sockjs.h"
#include "realm/realm_store.h"

enum {
    REALM_WORKER_ROOM_BYTES = 64 * 1024, /* one read */
    REALM_WORKER_SPARE_MAX = 128,        /* requests */
};

struct realm_worker {
    struct realm_era *era; /* held: what new connections are born with */
    struct loop *loop;     /* borrowed for the worker's life, as are the next two */
    const struct log *log;
    struct metric_sheet *metrics; /* NULL: nothing is counted */
    struct realm_login_env login; /* of all clients: the present configuration */
    struct realm_clients clients;
    void (*emptied)(void *ctx); /* the last connection has gone; NULL: nobody cares */
    void *emptied_ctx;
    size_t event_bytes; /* of one body; fixed at start */
    struct rng rng;
    struct realm_store store;
    struct router router;
    struct queue_set queues;
    struct datagroup_set groups;
    struct transaction_hall hall;
    struct realm_stomp_forms forms;
    struct realm_made made;
    struct realm_shared shared;
    struct buf answers; /* where answers are encoded */
    uint8_t *room;      /* owned; REALM_WORKER_ROOM_BYTES: shared by all reads */
    struct list conns;  /* struct realm_conn in the order of their birth; its file's own */
    size_t conn_count;
    struct list spare_requests; /* owned; realm_conn_http.c's, as is the next */
    size_t spare_count;
    struct realm_sockjs sockjs;
    struct realm_seats seats;
    uint64_t last_id;
    bool is_draining;  /* no new sessions, and requests are the last on their connection */
    struct list due;   /* struct realm_conn, to be sent from */
    struct crew *crew; /* owned: who writes to many of them at once */
    struct list held; /* struct realm_session, to be read from when the router has room again */
    struct loop_later fan_out;
    struct realm_http_gate gate;
    struct realm_publishers publishers;  /* over HTTP */
    struct timer expiry;                 /* of events */
    struct realm_rate forward_lines;     /* of the log, about events that are not passed on */
    uint64_t uncopied, refused, corrupt; /* of the router and its store, as counted */
    uint64_t dirty_at; /* microseconds: the first publish that was not fanned out yet; or 0 */
};

/** What a worker is made of; borrowed for the worker's life, but for the dice. */
struct realm_worker_parts {
    const struct realm_conf *conf;
    struct daemon_snapshot *snapshot; /* that it is of; NULL: it outlives the worker */
    struct loop *loop;
    const struct log *log;
    struct metric_sheet *metrics;
    struct auth_desk *desk; /* NULL only where there are no users */
    void (*emptied)(void *ctx);
    void *emptied_ctx;
    struct rng rng;
    size_t hands;         /* threads that write, the worker's own included */
    uint64_t descriptors; /* that the process may have */
    const char *file;     /* for what cannot be opened; may be NULL */
    struct diag *diag;    /* borrowed for the call; may be NULL */
};

/** Errors of opening the store are said in the diag; ERR_NOMEM, ERR_LIMIT. In any case:
 * realm_worker_fini() all the same. */
must_check enum err realm_worker_init(struct realm_worker *worker,
                                      const struct realm_worker_parts *parts);

/** Another configuration for connections and channels to come. What is fixed at start stays as
 *  it is: see realm_service.c. ERR_NOMEM: nothing has changed. */
must_check enum err realm_worker_adopt(struct realm_worker *worker,
                                       const struct realm_conf *conf,
                                       struct daemon_snapshot *snapshot);

/** Every connection must be gone. Takes one that was zeroed. */
void realm_worker_fini(struct realm_worker *worker);

/** What time it is: before anything is done with the channels. */
void realm_worker_tick(struct realm_worker *worker);

/** Whether who comes now is over SessionsMax, in which sessions over HTTP count whose receiver
 * is away; or over what there are descriptors for. */
bool realm_worker_is_full(const struct realm_worker *worker);

/** A connection, or such a session, has gone. */
void realm_worker_left(struct realm_worker *worker);

/** The store, or the views, may have room again: connections that were held for that read on.
 */
void realm_worker_wake(struct realm_worker *worker);

/** Something may have been published: at the end of the turn it will be sent. */
void realm_worker_published(struct realm_worker *worker);
