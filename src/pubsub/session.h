/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The subscriptions of one session, to channels and to queues, bounded, and whose turn it is to
 * be sent: round robin over those that have something, and never anything else in the middle of
 * a frame.
 */
#pragma once

#include "pubsub/queue_feed.h"
#include "pubsub/router.h"

struct session;

/* What only the subscriptions of queues have: most are to channels. */
struct session_fed {
    struct queue_feed feed; /* attached */
    struct session_sub *sub;
    bool acks_one; /* an acknowledgement is for one event alone */
};

struct session_sub {
    struct view_cursor cursor;  /* of a channel: attached */
    struct session_fed *fed;    /* of a queue, owned; NULL: of a channel */
    struct session *session;    /* borrowed */
    struct router_route *route; /* held, unless it is unlisted */
    struct list of_route;       /* in the route's subs, or the router's orphans */
    struct list ready;          /* in session->ready while there may be something to send */
    struct durable *durable;    /* borrowed from the router; NULL: it is not durable */
    bool moves_by_ack;          /* what was delivered does not move the durable's place */
    bool is_unlisted;           /* see session_join() */
    uint64_t counted;           /* of what the cursor has delivered, in session->delivered */
    size_t id_len;
    uint8_t id[];
};

/* What an ended subscription owed: the end of a frame. */
struct session_rest {
    struct buf bytes;
    size_t sent;
};

struct session {
    struct map subs;             /* by id; owned */
    struct list ready;           /* whose turn comes next is first */
    struct session_sub *current; /* the one whose bytes were offered last and have not left */
    size_t offered;              /* bytes of that offer */
    struct session_rest *rest;   /* owned; goes before all others; NULL: there is none */
    uint64_t delivered;          /* events that have left, to be read */
    struct session_sub *orphan;  /* to be read; of a route that was removed, or of a durable
                                    subscription that another realm reads: the session is to
                                    end. NULL: there is none */
    enum err broken;             /* OK; or what session_peek() says from now on */
    void *owner;                 /* borrowed; for who finds the session by a cursor */
};

struct session_request {
    struct span id; /* not in use; at most VIEW_ID_MAX; copied */
    const struct view_form *form;
    struct selector *selector; /* borrowed; NULL: every event */
    struct router_route *route;
    struct channel_start start;
    struct durable *durable; /* open; begins at its place, if it has one. Closed by the end of
                                the subscription; still the caller's when that does not begin */
    bool moves_by_ack;
};

/** What is wanted of a queue. */
struct session_queue_request {
    struct span id; /* as above */
    const struct queue_feed_form *form;
    struct router_route *route;
    struct queue *queue; /* the route's */
    bool is_browser;     /* what it holds now, and nothing is taken; the rest is not used */
    bool acks_one;
    struct queue_reader_conf reader;
};

/** Takes no memory. */
void session_init(struct session *session, size_t max_subs, void *owner);

/** Ends every subscription. */
void session_fini(struct session *session);

/** NULL when there is none of that id. */
struct session_sub *session_find(const struct session *session, struct span id);

/** Begin. ERR_LIMIT: max_subs are in use; ERR_NOMEM. *ret_next: the EID it gets first. */
must_check enum err session_subscribe(struct session *session,
                                      const struct session_request *request,
                                      uint64_t *ret_next);

/** The same for a queue. */
must_check enum err session_read_queue(struct session *session,
                                       const struct session_queue_request *request);

/** End; a frame that has left in part will still be finished. ERR_NOMEM, or as view_peek():
 *  it cannot be, and the connection must end. The subscription is gone in any case. */
must_check enum err session_unsubscribe(struct session *session, struct session_sub *sub);

/** A subscription for which the caller answers: it is not among the session's own, does not
 * hold its route, and is ended by session_part() before either of them. It begins with the next
 *  event; of the request id, form and route count. ERR_NOMEM. */
must_check enum err session_join(struct session *session, const struct session_request *request,
                                 struct session_sub **ret_sub);

/** End it, as session_unsubscribe() does; where that fails the session is broken. */
void session_part(struct session_sub *sub);

/** Its view has news. Returns the session, which is to be sent from. */
struct session *session_wake(struct view_cursor *cursor);

/** The same for a queue's reader. */
struct session *session_wake_reader(struct queue_reader *reader);

/** A session that has lost a route to which it subscribes, or a durable subscription:
 *  session->orphan says which. NULL: there is none that was not told of yet. */
struct session *session_next_orphan(struct router *router);

/** Calls `visit` with each subscription, in no promised order. */
void session_visit(struct session *session, void (*visit)(void *ctx, struct session_sub *sub),
                   void *ctx);

/** Calls `visit` with each subscription that reads from a queue. */
void session_visit_readers(struct session *session,
                           void (*visit)(void *ctx, struct session_sub *sub), void *ctx);

/**
 * The next bytes to send. Until session_sent(), a further call gives the same bytes, perhaps
 * with more behind them. `only_owed`: something else wants to be sent, so no more than the rest
 * of frames that were begun.
 *
 * Returns OK         *ret_bytes is not empty; valid until anything is published or sent
 *         ERR_AGAIN  nothing to send
 *         ERR_LIMIT  a subscription is lost: what it needs is not stored any more
 *         ERR_NOMEM
 *         others     it is broken
 */
must_check enum err session_peek(struct session *session, bool only_owed,
                                 struct span *ret_bytes);

/** `len` bytes of the last peek have left. */
void session_sent(struct session *session, size_t len);

/** After a peek: the EIDs that were left out before it, because the reader was too slow for the
 *  channel (CHANNEL_SLOW_SKIP); 0: none. Each is told once. */
uint64_t session_take_skipped(struct session *session, struct span *ret_channel);

/** After a peek that failed: whose events it was about. Empty: no single channel's. */
struct span session_failed_channel(const struct session *session);

/** Whether the last peek must be sent on before anything else goes out: a frame has left in
 *  part, or the stream was offered bytes and has not taken them. */
static inline bool session_is_inside(const struct session *session)
{
    return session->current != NULL || session->rest != NULL;
}
