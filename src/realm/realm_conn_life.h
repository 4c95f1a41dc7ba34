/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What every phase of a connection shares: its struct, its states and its end. For the
 * realm_conn files alone.
 */
#pragma once

#include "http1/http1_head.h"
#include "io/timer.h"
#include "net/stream.h"
#include "realm/realm_log.h"
#include "realm/realm_worker.h"

enum realm_conn_life_state {
    REALM_CONN_LIFE_SECURING, /* TLS; over at once on a plain interface */
    REALM_CONN_LIFE_READING,  /* the request head */
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
    struct stream *stream;         /* owned */
    struct http1_head *head;       /* owned; NULL behind the request */
    struct realm_session *session; /* owned; NULL before the 101 */
    struct buf answer;             /* HTTP that waits to be sent */
    struct timer timer;
    struct loop_later later; /* goes on, or frees */
    struct addr peer;
    uint64_t id;
    msec began;
    uint64_t in_bytes, out_bytes;
    size_t lingered;
    enum realm_conn_life_state state;
    bool is_tls;
    bool is_extra;   /* over SessionsMax */
    bool is_blocked; /* the stream takes no bytes for now */
    bool has_more;   /* the stream may have bytes to read that were left there */
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

struct realm_log_client realm_conn_life_log(const struct realm_conn *conn);

static inline msec realm_conn_life_now(const struct realm_conn *conn)
{
    return loop_now(conn->worker->loop);
}
