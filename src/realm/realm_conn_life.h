/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What every phase of a connection shares: its struct, its states and its end. For the
 * realm_conn files alone.
 */
#pragma once

#include "io/timer.h"
#include "net/stream.h"
#include "realm/realm_log.h"
#include "realm/realm_worker.h"

enum realm_conn_life_state {
    REALM_CONN_LIFE_SECURING, /* TLS; over at once on a plain interface */
    REALM_CONN_LIFE_READING,  /* a request's head, or waiting for one */
    REALM_CONN_LIFE_BODY,
    REALM_CONN_LIFE_WAITING,   /* for an event to be stored */
    REALM_CONN_LIFE_SILENT,    /* /diag/silence */
    REALM_CONN_LIFE_ENDING,    /* /diag/fin: until the client has ended */
    REALM_CONN_LIFE_RECEIVING, /* the answer is what a session of SockJS says */
    REALM_CONN_LIFE_ANSWERING,
    REALM_CONN_LIFE_SESSION,
    REALM_CONN_LIFE_LINGERING, /* all is said: a close too early would be a reset, and eat our
                                * last words
                                */
    REALM_CONN_LIFE_DEAD,      /* will be freed in a moment */
    REALM_CONN_LIFE_STATES,
};

struct realm_conn {
    struct list node; /* in worker->conns */
    struct list due;  /* in worker->due */
    struct realm_worker *worker;
    struct realm_era *era;                 /* held */
    struct stream *stream;                 /* owned */
    struct realm_clients_client *client;   /* held: where it comes from */
    struct realm_login login;              /* who it is */
    struct realm_conn_request *request;    /* owned; NULL in a session */
    struct realm_session *session;         /* owned; NULL before the 101 */
    struct realm_sockjs_session *receives; /* borrowed from the table; NULL: not RECEIVING */
    struct buf answer;                     /* HTTP that waits to be sent */
    struct timer timer;
    struct loop_later later; /* goes on, or frees */
    struct addr peer;
    uint64_t id;
    msec began;
    uint64_t in_bytes, out_bytes;
    uint64_t counted_in; /* events of the session that were counted */
    size_t lingered;
    enum realm_conn_life_state state;
    enum realm_host_way way;
    bool has_answered;  /* a request */
    bool is_diagnostic; /* a session of /diag/, counted in worker->gate */
    bool is_extra;      /* over SessionsMax */
    bool is_blocked;    /* the stream takes no bytes for now */
    bool has_more;      /* the stream may have bytes to read that were left there */
};

/** The only assignment to conn->state. */
void realm_conn_life_move(struct realm_conn *conn, enum realm_conn_life_state next);

/** Nothing more will be done with it, but it stays in memory until the next deferred calls: who
 *  walks over connections or cursors now may go on walking. May be called twice. */
void realm_conn_life_end(struct realm_conn *conn);

/** The same for what ended without a Close. */
void realm_conn_life_end_why(struct realm_conn *conn, const char *why);

/** The same after a call on the stream. */
void realm_conn_life_end_io(struct realm_conn *conn, enum err e);

/** Gone at once, with the session's log line. */
void realm_conn_life_free(struct realm_conn *conn);

/** Be called at `at`, or before: a timer that is set too early costs one look, one that is
 * never moved costs nothing. Without memory the connection ends. */
void realm_conn_life_set_timer(struct realm_conn *conn, msec at);

/** Bytes were read from the stream. */
void realm_conn_life_heard(struct realm_conn *conn, size_t len);

struct realm_log_client realm_conn_life_log(const struct realm_conn *conn);

static inline msec realm_conn_life_now(const struct realm_conn *conn)
{
    return loop_now(conn->worker->loop);
}
