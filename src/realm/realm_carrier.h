/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What takes the messages of one session to the client and says when it is over, without a
 * socket: a WebSocket connection, SockJS inside one, or SockJS over HTTP, where answers to
 * requests (receivers) come and go while the session stays.
 *
 *    answers   realm_carrier_put()     waits in the output, bounded
 *    events    already in the form of the carrier (realm_stomp_forms), sent by the owner
 *
 * Bytes that come in over WebSocket are the owner's to feed to `ws`; over HTTP it has the
 * bodies of requests.
 */
#pragma once

#include "base/buf.h"
#include "realm/realm_carrier_kind.h"
#include "ws/ws_conn.h"

struct realm_carrier_limits {
    struct ws_limits ws;
    msec heart_beat; /* of SockJS: its "h", when nothing else was sent. 0: never */
};

/* realm_carrier.c's own, but for what is marked. */
struct realm_carrier {
    enum realm_carrier_kind kind; /* to be read */
    union {
        struct ws_conn ws; /* of those on WebSocket: to be fed */
        struct buf out;    /* over HTTP: whole frames */
    };
    msec heart_beat;
    msec sent_at;
    bool is_closed;   /* over HTTP: the "c" is said */
    bool is_received; /* over HTTP: somebody takes what is sent */
};

/** Takes no memory, but for the "o" of SockJS: ERR_NOMEM. realm_carrier_fini() in any case. */
must_check enum err realm_carrier_init(struct realm_carrier *carrier,
                                       enum realm_carrier_kind kind,
                                       const struct realm_carrier_limits *limits,
                                       struct rng *rng, msec now);

void realm_carrier_fini(struct realm_carrier *carrier);

static inline bool realm_carrier_is_ws(const struct realm_carrier *carrier)
{
    return realm_carrier_kind_is_ws(carrier->kind);
}

/** Bytes came from the client, or left for it. */
void realm_carrier_heard(struct realm_carrier *carrier, msec now);
void realm_carrier_sent(struct realm_carrier *carrier, msec now);

/** Over HTTP: somebody takes what is sent now, or nobody does any more. */
void realm_carrier_set_received(struct realm_carrier *carrier, bool is_received, msec now);

/**
 * Queue one message of ours, which is UTF-8.
 *
 * Returns OK          it is in the output
 *         ERR_LIMIT   it would pass the maximum: the client does not read
 *         ERR_CLOSED  nothing may be said any more
 *         ERR_NOMEM
 */
must_check enum err realm_carrier_put(struct realm_carrier *carrier, struct span text);

/** Queue the end: a Close, "c[3000,...]", or both. `code` and `reason` are WebSocket's. Returns
 *  OK, ERR_CLOSED when it is said already, or ERR_NOMEM. */
must_check enum err realm_carrier_close(struct realm_carrier *carrier, uint16_t code,
                                        struct span reason, msec now);

/** What is to be sent, in order. Borrowed until the next call that changes the carrier. */
struct span realm_carrier_output(const struct realm_carrier *carrier);
void realm_carrier_consume(struct realm_carrier *carrier, size_t len);

/** When realm_carrier_expire() has something to do; MSEC_NEVER if nothing is due. */
msec realm_carrier_deadline(const struct realm_carrier *carrier);

/** Do what is due. ERR_TIMEOUT: the client is gone. ERR_NOMEM. */
must_check enum err realm_carrier_expire(struct realm_carrier *carrier, msec now);

/** Whether messages may be put. */
bool realm_carrier_is_open(const struct realm_carrier *carrier);

/** Nothing more to send or to wait for. */
bool realm_carrier_is_finished(const struct realm_carrier *carrier);
