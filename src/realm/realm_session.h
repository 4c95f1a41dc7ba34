/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One session, without a socket: bytes of the client in, bytes for it out, STOMP or the echo in
 * between, in whatever the carrier wraps round them. What goes out comes from two places, and
 * never from one in the middle of a frame of the other:
 *
 *    answers, pongs, Close      the carrier, bounded      first, when no frame is begun
 *    events                     the views, by cursor      in turns
 *
 * When the answers that wait pass half of their maximum, or other sessions' events wait to be
 * sent, nothing more is taken in: realm_session_is_held().
 */
#pragma once

#include "base/rng.h"
#include "realm/realm_carrier.h"
#include "realm/realm_echo.h"
#include "realm/realm_rate.h"
#include "realm/realm_stomp.h"

enum realm_session_kind {
    REALM_SESSION_STOMP,
    REALM_SESSION_ECHO,
    REALM_SESSION_SILENT, /* an echo that never says anything by itself, not even a ping */
};

/** What all sessions of a worker share; borrowed for a session's life. */
struct realm_session_env {
    struct realm_stomp_env stomp;
    struct rng *rng;
    size_t outbox_bytes;
    size_t echo_bytes;
    size_t sockjs_bytes; /* what a client may say at once in SockJS's frames */
    msec heart_beat;
    msec sockjs_heart_beat;
    uint64_t publish_rate; /* SENDs of one session in a second; 0: no limit */
    uint64_t publish_burst;
};

enum realm_session_closer {
    REALM_SESSION_NOBODY, /* yet */
    REALM_SESSION_CLIENT,
    REALM_SESSION_REALM,
};

/** What a session is made as. */
struct realm_session_birth {
    enum realm_session_kind kind;
    enum realm_carrier_kind carrier;
    uint64_t id;
    void *sender;
};

struct realm_session {
    const struct realm_session_env *env;
    enum realm_session_kind kind;
    void *sender; /* the owner's: who sends what it says; NULL: nobody for now */
    struct realm_carrier carrier;
    union {
        struct realm_stomp stomp;
        struct realm_echo echo;
    } as;
    struct list held;    /* the owner's: in its worker's list of those that wait for room */
    struct buf waiting;  /* bytes that came and are not taken in yet */
    struct buf *message; /* owned; of SockJS in WebSocket: what has come of one; NULL */
    struct realm_rate *publishing; /* owned; NULL: no limit */
    uint64_t counted_sends;        /* in it */
    msec resume_at;                /* it has published too fast: until then. 0: it has not */
    uint64_t skips;                /* how often it was too slow for a channel that allows it */
    enum {
        REALM_SESSION_FROM_CARRIER,
        REALM_SESSION_FROM_VIEWS
    } source;        /* of the last peek */
    bool is_deaf;    /* nothing that still comes matters */
    bool is_pausing; /* the owner's: nothing is begun, only what is begun is finished */

    /* To be read, for the log line. */
    enum realm_session_closer closer; /* who began to close */
    uint16_t close_code;              /* of the Close that began it */
    char *why;                        /* owned; what was wrong; NULL: nothing */
};

/** What session_wake() leads to is the session, which must stay where it is. Takes no memory
 * but for SockJS's "o" and for a rate: ERR_NOMEM; realm_session_fini() in any case. */
must_check enum err realm_session_init(struct realm_session *session,
                                       const struct realm_session_env *env,
                                       const struct realm_session_birth *birth, msec now);

/** Ends its subscriptions. What is for the log line stays, `why` until realm_session_forget().
 */
void realm_session_fini(struct realm_session *session);

/** Gives `why` back. */
void realm_session_forget(struct realm_session *session);

/** Who the client is: before anything else, where it is REALM_SESSION_STOMP. */
void realm_session_set_login(struct realm_session *session, struct realm_login *login);

/** Its password was verified. Anything but OK: close the stream; `why` says why. */
must_check enum err realm_session_logged_in(struct realm_session *session,
                                            enum realm_login_verdict verdict, msec now);

/** Whether it waits for something that is not the stream's: for its password to be verified
 *  (realm_session_logged_in() comes), or until it may publish again (realm_session_expire()).
 *  Then it is held, too. */
bool realm_session_is_paused(const struct realm_session *session);

/** A frame waits for what the store has under a name: realm_session_go_on() is to be called in
 *  the next turn. */
static inline bool realm_session_awaits_route(const struct realm_session *session)
{
    return session->kind == REALM_SESSION_STOMP && session->as.stomp.awaits_route;
}

/** Nothing happens when none waits. Errors as realm_session_take(). */
must_check enum err realm_session_go_on(struct realm_session *session, msec now);

/** Whether no bytes should be read for now. */
bool realm_session_is_held(const struct realm_session *session);

/** Whether answers are on their way: on_news will be called. */
bool realm_session_is_owed(const struct realm_session *session);

/** Whether bytes wait that realm_session_take() should be called for, with none of its own. */
static inline bool realm_session_is_waiting(const struct realm_session *session)
{
    return session->waiting.len > 0;
}

/** Whether what still comes does not matter: reading is no use. */
static inline bool realm_session_is_deaf(const struct realm_session *session)
{
    return session->is_deaf;
}

/** Bytes have come: of the stream, or, over HTTP, what the client's messages hold, one after
 * the other; they are changed in place. What is not taken in for now is kept. Anything but OK:
 * close the stream, `why` says why. */
must_check enum err realm_session_take(struct realm_session *session, struct mspan bytes,
                                       msec now);

/**
 * The next bytes to send; until realm_session_sent() the same ones again, perhaps with more
 * behind them.
 *
 * Returns OK          *ret_bytes is not empty; valid until anything else is called
 *         ERR_AGAIN   nothing to send
 *         otherwise   close the stream; `why` says why
 */
must_check enum err realm_session_peek(struct realm_session *session, struct span *ret_bytes);

/** Events that were left out for a reader who was too slow for a channel with SlowReader skip.
 */
struct realm_session_skip {
    struct span channel; /* borrowed from the route */
    uint64_t events;     /* by their EIDs */
    uint64_t skips;      /* of this session until now, this one included */
};

/** After a peek: whether it began behind such a gap. Each is told once. */
bool realm_session_take_skip(struct realm_session *session,
                             struct realm_session_skip *ret_skip);

/** `len` bytes of the last peek have left. */
void realm_session_sent(struct realm_session *session, size_t len, msec now);

/** Whether something has left in part: nobody else could go on with it. */
bool realm_session_is_inside(const struct realm_session *session);

/** When realm_session_expire() has something to do; MSEC_NEVER if nothing is due. */
msec realm_session_deadline(const struct realm_session *session);

/** Do what is due. Anything but OK: close the stream; `why` says why. */
must_check enum err realm_session_expire(struct realm_session *session, msec now);

/** Say that the realm goes away: a Close, if none was said yet. `code` is WS_CLOSE_GOING_AWAY,
 *  or WS_CLOSE_RESTART: come back in a moment. */
void realm_session_go_away(struct realm_session *session, enum ws_close code, msec now);

/** Say that it has to end, and why: a Close with 1008, unless one was said. ERR_NOMEM: close
 * the stream. */
must_check enum err realm_session_dismiss(struct realm_session *session, const char *why,
                                          msec now);

/** The configuration is another: realm_session_part() is to look at what it still may. */
void realm_session_review(struct realm_session *session);

/** A channel or queue that it subscribes to may have been removed, or it may have lost a right
 *  or its user in a review: then it ends, with an ERROR. Anything but OK: close the stream;
 * `why` says why. */
must_check enum err realm_session_part(struct realm_session *session, msec now);

/** Whether either side has said Close. */
bool realm_session_is_closing(const struct realm_session *session);

/** Both sides are done: the stream is for us to close. */
bool realm_session_is_finished(const struct realm_session *session);

/** Whether the client has not yet become a session in its protocol. */
bool realm_session_is_opening(const struct realm_session *session);

/** Messages, for the log line: taken from the client, and sent to it. After fini. */
uint64_t realm_session_count_in(const struct realm_session *session);
uint64_t realm_session_count_out(const struct realm_session *session);
