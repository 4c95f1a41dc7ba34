/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The request that a connection has in hand: its room, from the first byte that is awaited to
 * the answer's end, or to the session that it becomes. For the realm_conn files alone.
 */
#pragma once

#include "http1/http1_body_reader.h"
#include "pubsub/router_admin.h"
#include "pubsub/router_publish.h"
#include "realm/realm_conn_life.h"
#include "realm/realm_drip.h"
#include "realm/realm_sockjs.h"

/* An answer that is made while it is sent. */
struct realm_conn_request_receiver {
    bool chunks;       /* it comes in chunks */
    bool is_poll;      /* it ends when there was something to tell */
    size_t chunk_left; /* of the chunk that is begun */
    uint64_t sent;     /* bytes of frames */
};

/* A request in hand, and what came behind it. */
struct realm_conn_request {
    struct list spare; /* among its worker's, when no connection has it */
    struct buf early;  /* outlives the request: it is the next one's input, or the session's */
    struct http1_head head;
    struct http1_body_reader reader;
    struct buf body;
    uint64_t body_bytes; /* that came */
    msec deadline;       /* see realm_conn_http_set_deadline() */
    msec body_began;
    bool is_judged;
    bool has_login; /* who asks was found out: */
    enum realm_login_verdict login_verdict;
    struct realm_http_verdict verdict; /* its spans are the head's */
    struct realm_drip drip;
    struct realm_conn_request_receiver receiver;
    struct router_ticket ticket;       /* while WAITING: of a publish, */
    struct router_admin_ticket change; /* or of a change, */
    struct realm_sockjs_sender sender; /* or of a client's messages */
    struct realm_conn *conn;           /* whose it is */
};

/** The first request is awaited. ERR_NOMEM. */
must_check enum err realm_conn_request_begin(struct realm_conn *conn);

/** What it took goes; the struct stays for the next, and what came behind it, too. */
void realm_conn_request_forget(struct realm_conn *conn);

/** Gives back all that the request in hand takes. */
void realm_conn_request_end(struct realm_conn *conn);

/** Frees the worker's spare ones; every connection is gone. */
void realm_conn_request_forget_spares(struct realm_worker *worker);
