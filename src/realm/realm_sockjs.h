/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Sessions of SockJS over HTTP, found by the name that their client has chosen. Connections
 * come and go: at most one, the receiver, waits for what the session says; others bring what
 * the client says.
 *
 *    first receiver ─▶ open ── "c" told, or the stream of a receiver broke ──▶ over
 *                        └─ no receiver within SockJSDisconnectDelay ─▶ gone ◀──┘
 *
 * Once it is over nothing of it is left but the last words, for who still asks: 3000 for one
 * that was closed, 1002 for one whose receiver's stream broke, for nobody knows how much of
 * that was read.
 */
#pragma once

#include "base/map.h"
#include "io/timer.h"
#include "realm/realm_clients.h"
#include "realm/realm_era.h"
#include "realm/realm_http.h"
#include "realm/realm_session.h"

struct realm_worker;
struct realm_conn;

struct realm_sockjs {
    struct map sessions; /* by name */
    struct list list;    /* in the order of their birth */
    size_t idle;         /* without a receiver, over or not */
};

/* To be read by realm_conn_sockjs.c. */
struct realm_sockjs_session {
    struct realm_worker *worker; /* borrowed */
    struct realm_era *era;       /* held, as is the next */
    struct realm_clients_client *client;
    struct list node; /* in the table's list */
    struct realm_login login;
    struct realm_session session; /* until it is over; its `sender` is the receiver */
    bool is_over;
    bool is_broken;      /* the receiver's stream */
    struct list senders; /* struct realm_sockjs_sender: whose messages are not all taken in */
    uint64_t said;       /* bytes that clients' messages held until now */
    msec left_at;        /* when the last receiver left, or when it was over */
    struct timer timer;
    struct loop_later later;
    struct addr peer; /* of the first receiver, as are the next two */
    bool is_tls;
    uint64_t id;
    msec began;
    uint64_t in_bytes, out_bytes;
    uint64_t counted_in; /* events that were counted */
    size_t name_len;
    uint8_t name[SOCKJS_PATH_SESSION_MAX];
};

/** Whose session it is, where the carrier is HTTP. */
static inline struct realm_sockjs_session *realm_sockjs_of(struct realm_session *session)
{
    return LIST_ENTRY(session, struct realm_sockjs_session, session);
}

/** A request whose messages wait; `taken` is called when they are all taken in, or when the
 *  session is over. It is in no list then. */
struct realm_sockjs_sender {
    struct list node;
    uint64_t end; /* of `said` */
    void (*taken)(struct realm_sockjs_sender *sender, bool is_over);
};

/** Takes no memory. `sessions_max`: at once, over or not. */
void realm_sockjs_init(struct realm_sockjs *table, size_t sessions_max);

/** Ends every session. Takes one that was zeroed. */
void realm_sockjs_fini(struct realm_sockjs *table);

/** NULL: there is none, nor the last words of one. */
struct realm_sockjs_session *realm_sockjs_find(const struct realm_sockjs *table,
                                               struct span name);

/** Begins one, for the request that the connection has in hand. ERR_LIMIT: there are as many as
 *  may be, or as that client may have; ERR_NOMEM. */
must_check enum err realm_sockjs_open(struct realm_conn *conn,
                                      const struct realm_http_verdict *verdict,
                                      struct realm_sockjs_session **ret_session);

/** The connection waits for what it says. It is not over, and has no other receiver. */
void realm_sockjs_attach(struct realm_sockjs_session *session, struct realm_conn *conn);

/** It does not any more: its answer has ended, or the stream has broken. Then the session is
 *  over in a moment. */
void realm_sockjs_detach(struct realm_sockjs_session *session, bool is_broken);

/**
 * What a client's messages hold, to be taken in in their order.
 *
 * Returns OK         all of it was taken in
 *         ERR_AGAIN  the rest will be: the sender is called
 *         ERR_LIMIT  it is more than may wait; nothing has happened
 *         others     the session is over
 */
must_check enum err realm_sockjs_say(struct realm_sockjs_session *session, struct mspan text,
                                     struct realm_sockjs_sender *sender);

/** As realm_conn_review_all(). */
void realm_sockjs_review_all(struct realm_sockjs *table, const struct htpasswd *before);

/** Something may have changed: it is looked at in a moment. */
void realm_sockjs_look_later(struct realm_sockjs_session *session);
