/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One client of the proxy, from accept to close. It reads one request after the other and hands
 * each to those who know more:
 *
 *   proxy_accept    is there room for it?
 *   proxy_conn      reads heads, writes answers of our own, keeps alive, lingers, closes
 *   proxy_divert    before the first head, where a connection was diverted: where to, what is
 * it? proxy_request   what is asked for (no I/O) proxy_access    who asks, and may they? names,
 * passwords proxy_exchange  the way there: port, limits, route, connection; then proxy_forward
 *   proxy_tunnel    bytes both ways, once a tunnel stands
 *   proxy_entry     the line in the access log
 *
 * Only proxy_conn.c changes `state`, and only it frees.
 */
#pragma once

#include "auth/auth.h"
#include "base/list.h"
#include "io/timer.h"
#include "proxy/proxy_clientname.h"
#include "proxy/proxy_connect.h"
#include "proxy/proxy_dest.h"
#include "proxy/proxy_divert.h"
#include "proxy/proxy_forward.h"
#include "proxy/proxy_limits.h"
#include "proxy/proxy_request.h"
#include "proxy/proxy_route_ask.h"
#include "proxy/proxy_verify.h"
#include "proxy/proxy_worker.h"

struct daemon_snapshot;
struct proxy_tunnel;

enum proxy_conn_state {
    PROXY_CONN_READING,    /* between requests, or a request head */
    PROXY_CONN_DETECTING,  /* the first bytes of a diverted connection: what do they begin? */
    PROXY_CONN_JUDGING,    /* a name or a password is being looked up */
    PROXY_CONN_CONNECTING, /* on the way to the destination; the client's bytes wait unread */
    PROXY_CONN_EXCHANGING, /* proxy_forward has both streams */
    PROXY_CONN_CONFIRMING, /* writing the 200 that a tunnel begins with */
    PROXY_CONN_RELAYING,
    PROXY_CONN_ANSWERING, /* writing an answer of our own */
    PROXY_CONN_LINGERING, /* letting the client read it: a close too early would be a reset */
    PROXY_CONN_STATES,
};

/* The request in hand. It goes when it is answered, or when its tunnel stands. */
struct proxy_conn_request {
    struct http1_head head;
    struct proxy_request what; /* borrows from the head */
    bool is_read;              /* the head is complete; `what` only if it was understood */
    bool is_understood;
    msec began;

    /* who: proxy_access */
    struct proxy_clientname *lookup; /* owned while under way; so are the next three */
    struct auth_job *auth;
    char name[256]; /* the client's, verified; empty: none */
    bool name_is_known;
    char user[AUTH_BASIC_USER_MAX + 1]; /* whose password was right; empty: none */
    const struct htpasswd *users;       /* where */
    bool has_failed_login;
    bool names_destination;      /* a section for this very host let it in */
    struct proxy_verify *verify; /* owned while under way */
    bool is_verified; /* the name that a diverted client gave leads to where it was going */

    /* the way: proxy_exchange */
    struct proxy_route_ask *ask;
    struct proxy_connect *connect;
    struct proxy_forward *forward;
    const struct proxy_route_parent *parent;
    struct stream *server; /* owned; NULL before there is one */
    struct addr upstream;
    bool was_pooled;
    bool holds_tunnel; /* counts in shared->tunnels */
    struct proxy_limits_hold *client_hold;
    struct proxy_limits_hold *user_hold;
    enum proxy_dest_verdict dest_verdict; /* of the last address that was refused */
    struct addr self;                     /* one that led back to the proxy; zeroed: none did */
    unsigned blocked_line;                /* ProxyBlock has that address; 0: no */

    /* the answer */
    struct buf answer;
    uint16_t status;   /* 0: none yet */
    const char *error; /* Proxy-Status type; NULL: none */
    char why[PROXY_REFUSAL_TEXT_BYTES];
};

struct proxy_conn {
    struct list node; /* in worker->conns */
    struct proxy_worker *worker;
    struct daemon_snapshot *snapshot;   /* held */
    const struct proxy_conf *conf;      /* in it */
    struct stream *client;              /* owned */
    struct proxy_conn_request *request; /* owned; NULL between requests and in a tunnel */
    struct proxy_tunnel *tunnel;        /* owned; NULL unless RELAYING */
    struct proxy_divert *divert;        /* owned; NULL unless the kernel diverted it */
    struct proxy_limits_hold *hold;     /* of ConnectionsPerClient */
    struct buf early; /* what the client sent and nobody used yet: no memory while empty */
    struct timer timer;
    struct loop_later next; /* the next request, when its bytes are here already */
    struct addr peer;
    struct addr local; /* of ours, that the client reached; zeroed: TPROXY does not tell */
    uint64_t id;
    uint32_t request_count; /* heads that were complete */
    uint32_t lingered;      /* bytes thrown away */
    enum proxy_conn_state state;
    bool closes;         /* after the request in hand */
    bool is_transparent; /* came in by a TransparentListen, diverted or not */
};

/** For a client that was accepted: a connection that nothing has been read from, one of the
 * worker's. NULL: out of memory. */
struct proxy_conn *proxy_conn_new(struct proxy_worker *worker, int *take_fd,
                                  const struct addr *peer);

/** The worker stops: ends every connection, with its log line. */
void proxy_conn_close_all(struct proxy_worker *worker);

/** The daemon drains: idle connections close now, others after what they are doing. */
void proxy_conn_drain_all(struct proxy_worker *worker);

/* ---- for those who know more ---- */

/** The only way to another state, but for the end. */
void proxy_conn_move(struct proxy_conn *conn, enum proxy_conn_state next);

/** Reads requests: READING, from the bytes on that are in conn->early. The connection may be
 * gone afterwards. */
void proxy_conn_begin(struct proxy_conn *conn);

/** conn->request is a new one, of the configuration that is in force now. ERR_NOMEM. */
must_check enum err proxy_conn_new_request(struct proxy_conn *conn);

/** Loop time. */
msec proxy_conn_now(const struct proxy_conn *conn);

/** The connection is gone after this, without a log line. Also whatever it holds. */
void proxy_conn_free(struct proxy_conn *conn);

/** Answers the request in hand with a refusal, logs it, and goes on as it can. The connection
 * may be gone afterwards. `more` are further header fields. */
void proxy_conn_refuse(struct proxy_conn *conn, const struct proxy_refusal *refusal);
void proxy_conn_refuse_with(struct proxy_conn *conn, const struct proxy_refusal *refusal,
                            struct http1_fields more);

/** The answer is in request->answer, its status in request->status: writes it, logs, goes on.
 */
void proxy_conn_answer(struct proxy_conn *conn);

/** Writes request->answer: OK when all has left, ERR_AGAIN, or ERR_CLOSED. */
must_check enum err proxy_conn_flush(struct proxy_conn *conn);

/** The request is over and logged: reads the next one, or lets the client read and closes. */
void proxy_conn_finish(struct proxy_conn *conn, bool lingers);

/** Gives the request in hand back: what it holds, its limits, its memory. */
void proxy_conn_drop_request(struct proxy_conn *conn);
