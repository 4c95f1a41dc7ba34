/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One STOMP session: what its frames mean for channels and subscriptions (doc/wire.md).
 * Sans-IO: the payload of the client's messages comes in, answers go into the output of the
 * carrier, events are fetched from `session` by whoever owns the stream.
 */
#pragma once

#include "base/clock.h"
#include "base/metric.h"
#include "pubsub/datagroup.h"
#include "pubsub/router_publish.h"
#include "pubsub/session.h"
#include "pubsub/transaction.h"
#include "realm/realm_carrier.h"
#include "realm/realm_login.h"
#include "realm/realm_stomp_forms.h"
#include "stomp/stomp_decoder.h"
#include "stomp/stomp_heartbeat.h"

enum {
    REALM_STOMP_WHY_BYTES = 256,
    REALM_STOMP_HEAD_BYTES = 16 * 1024, /* the headers of one frame */
    REALM_STOMP_LINE_BYTES = 8 * 1024,
    REALM_STOMP_HEADERS_MAX = 64,
    REALM_STOMP_BEHIND_BYTES = 8 * 1024, /* what may come while a password is verified */
    /* What a frame of an event is longer than its body: the headers, each byte escaped, id,
     * names and numbers. */
    REALM_STOMP_OVERHEAD_BYTES = 40 * 1024,
};

/** What all sessions of a worker share; borrowed for a session's life. */
struct realm_stomp_env {
    struct router *router;
    struct queue_set *queues;
    struct datagroup_set *groups;
    struct transaction_hall *hall;
    struct realm_stomp_forms *forms; /* of events that go out */
    struct buf *scratch;             /* answers are encoded in it */
    struct metric_sheet *metrics;    /* refusals are counted; NULL: nowhere */
    size_t subscriptions_max;
    size_t transactions_max; /* open at once */
    size_t event_bytes;
    msec heart_beat;
    /** There is something to send that did not come from a call of the owner's. */
    void (*on_news)(void *owner);
};

enum realm_stomp_state {
    REALM_STOMP_CONNECTING, /* CONNECT has not come */
    REALM_STOMP_VERIFYING,  /* its password is verified, on a thread */
    REALM_STOMP_OPEN,
    REALM_STOMP_ENDED, /* the Close is queued; what still comes is ignored */
    REALM_STOMP_STATES,
};

/* realm_stomp.c's own, but for what is marked. */
struct realm_stomp {
    const struct realm_stomp_env *env;
    struct realm_carrier *carrier;   /* borrowed from the owner, for the session's life */
    struct session session;          /* the owner sends from it */
    struct datagroup_stream *stream; /* NULL: the session has none */
    struct realm_login *login;       /* borrowed likewise; NULL: nobody comes in */
    struct buf *behind; /* owned; what came while the password was verified, or behind a frame
                         * that waits; NULL */
    struct stomp_frame *waits; /* owned; a frame that is in the decoder, while awaits_route */
    struct list laters;        /* requests that are not answered yet */
    size_t owed_bytes;         /* to be read: what the answers to those may come to */
    struct list transactions;  /* struct transaction, open; owned */
    size_t transaction_count;
    enum stomp_version version;    /* 1.2 until another is agreed on */
    struct stomp_decoder *decoder; /* owned; NULL between frames */
    struct stomp_heartbeat heartbeat;
    uint64_t id;        /* to be read: what CONNECTED says */
    uint64_t published; /* to be read: events taken from this session */
    uint64_t sends;     /* to be read: SENDs, whatever became of them */
    enum realm_stomp_state state;
    bool refuses_softly; /* errors:receipt */
    bool may_wait;       /* the frame in hand need not be answered in this turn */
    bool awaits_route;   /* to be read: a frame waits for what is stored under the name that it
                          * uses; realm_stomp_go_on() is to be called in the next turn */
    bool must_review;    /* the owner's to set: realm_stomp_part() judges anew what it may */
    bool is_leaving;     /* DISCONNECT has come: nothing more is listened to */
    bool has_failed;     /* to be read: the realm ended it, for what the client did */
    enum err late;       /* to be read: an answer that came later failed, as in
                            realm_stomp_take(): close the stream */
    char *why;           /* to be read; owned: why it ended. NULL: it did not, or well */
};

/** Takes no memory. `owner` is what session_wake() leads to. */
void realm_stomp_init(struct realm_stomp *stomp, const struct realm_stomp_env *env,
                      struct realm_carrier *carrier, uint64_t id, void *owner);

/** Ends its subscriptions. */
void realm_stomp_fini(struct realm_stomp *stomp);

/** Who the client is, and may be: before anything else is called. */
static inline void realm_stomp_set_login(struct realm_stomp *stomp, struct realm_login *login)
{
    stomp->login = login;
}

/** Payload of the peer's messages, cut anywhere. While a password is verified it is kept, at
 *  most REALM_STOMP_BEHIND_BYTES. What is wrong with it is answered, in the
 *  carrier. ERR_NOMEM, ERR_LIMIT (the peer does not read its answers): close the stream. */
must_check enum err realm_stomp_take(struct realm_stomp *stomp, struct span payload, msec now);

/** While awaits_route, instead of realm_stomp_take(). Errors as there. */
must_check enum err realm_stomp_go_on(struct realm_stomp *stomp, msec now);

/** Bytes have come, or left: for the heart-beats. */
void realm_stomp_heard(struct realm_stomp *stomp, msec now);
void realm_stomp_sent(struct realm_stomp *stomp, msec now);

/** What it subscribes to may have been removed, or be another realm's: session->orphan; or
 * must_review is set. Errors
 * as realm_stomp_take().
 */
must_check enum err realm_stomp_part(struct realm_stomp *stomp, msec now);

/** When realm_stomp_expire() has something to do; MSEC_NEVER if nothing is due. */
msec realm_stomp_deadline(const struct realm_stomp *stomp);

/** Do what is due at `now`: queue a heart-beat. ERR_TIMEOUT: the peer is silent. Others as
 *  realm_stomp_take(). */
must_check enum err realm_stomp_expire(struct realm_stomp *stomp, msec now);

/** What the limits of a session come to, for its carrier and its views. */
struct stomp_limits realm_stomp_limits(size_t event_bytes);
