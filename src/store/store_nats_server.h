/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The NATS server: the connection, the two JetStream streams that every deployment has, and
 * what is asked of them. All of it may wait for the network: at the start and at the end on the
 * realm's thread, otherwise on those of store_nats_link.
 *
 *     REALM-log    what realms submit, in the one order that all of them follow
 *     REALM-snap   snapshots: what comes before the oldest message of the log
 */
#pragma once

#include "base/err.h"
#include "base/span.h"

#include <nats/nats.h>

enum {
    STORE_NATS_SERVER_FAULT_BYTES = 512,
    STORE_NATS_SERVER_REALM_MAX = 64, /* bytes of StoreRealm */
    STORE_NATS_SERVER_NAME_BYTES = STORE_NATS_SERVER_REALM_MAX + 24,
};

struct store_nats_server_conf {
    struct span url;
    struct span realm;
    unsigned replicas;
    int64_t timeout; /* ms, of one question */
    /* Called on threads of libnats. */
    natsConnectionHandler on_lost;
    natsConnectionHandler on_back;
    natsConnectionHandler on_closed; /* the last call of a connection that was made */
    natsMsgHandler on_answer;        /* to what was published; must destroy the message */
    natsOnCompleteCB on_answered;    /* the last call of these */
    void *ctx;                       /* borrowed */
};

struct store_nats_server {
    natsConnection *nats; /* owned, as are the next */
    jsCtx *js;
    natsSubscription *answers;
    natsInbox *inbox;
    natsSubscription *kept; /* NULL, or to be freed with the connection: store_nats_writer's */
    natsSubscription *left; /* NULL, or of no use any more: see store_nats_sub_leave() */
    char log[STORE_NATS_SERVER_NAME_BYTES]; /* the stream's name */
    char snap[STORE_NATS_SERVER_NAME_BYTES];
    char log_subject[STORE_NATS_SERVER_NAME_BYTES];
    char snap_subject[STORE_NATS_SERVER_NAME_BYTES];
    char snap_subjects[STORE_NATS_SERVER_NAME_BYTES]; /* of all pieces */
    char end_subject[STORE_NATS_SERVER_NAME_BYTES];   /* of the last piece of a snapshot */
    int64_t timeout;
    int64_t created; /* the log's birth: which deployment this is */
    size_t part_max; /* bytes of one message */
};

/** The log's extent now. */
struct store_nats_server_extent {
    int64_t created;
    uint64_t first; /* its oldest message; last + 1: none */
    uint64_t last;
};

/** Connects, and makes the streams where they are missing. ERR_CONF, ERR_IO, ERR_CLOSED,
 *  ERR_NOMEM: `fault` has a sentence for the operator. In any case
 *  store_nats_server_close(). */
must_check enum err store_nats_server_open(struct store_nats_server *server,
                                           const struct store_nats_server_conf *conf,
                                           char fault[STORE_NATS_SERVER_FAULT_BYTES]);

/** Begins to end the connection. on_closed is called if there is one, on_answered if there are
 *  `answers`: only then may follow store_nats_server_close(). */
void store_nats_server_end(struct store_nats_server *server);

/** Takes a zeroed one. */
void store_nats_server_close(struct store_nats_server *server);

/** ERR_CLOSED: there was no answer. ERR_AGAIN: there is no such stream, which may be so for a
 *  moment where a cluster starts. */
must_check enum err store_nats_server_extent(struct store_nats_server *server,
                                             struct store_nats_server_extent *ret_extent);

/** Without waiting for the answer, which comes to on_answer with the name given here behind
 *  the last dot of its subject. ERR_CLOSED: the server takes nothing, and this may have been
 *  cut short: what is sent on this connection would be taken for the rest of it, and what
 *  publishers have put into that, for commands. */
must_check enum err store_nats_server_publish(struct store_nats_server *server,
                                              struct span bytes, const char *name);

/** Why the last call of libnats on this thread failed, in its words. Until the next one. */
const char *store_nats_server_said(void);

/** Whether JetStream's answer is an error. *ret_code is its code, 0: it has none. */
bool store_nats_server_refuses(struct span answer, int *ret_code);

/** A piece of a snapshot; waits until it is stored. ERR_LIMIT, ERR_CLOSED. */
must_check enum err store_nats_server_save(struct store_nats_server *server, struct span bytes,
                                           bool is_end, uint64_t *ret_seq);

/** The last piece of the last snapshot. ERR_AGAIN: there is none; ERR_CLOSED. The caller
 *  destroys it. */
must_check enum err store_nats_server_last_snapshot(struct store_nats_server *server,
                                                    natsMsg **ret_msg);

/** Forgets what is before `seq`. False: it did not come through. */
bool store_nats_server_purge(struct store_nats_server *server, const char *stream,
                             uint64_t seq);
