/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Who reads from a queue, and what it may have: at most `window` events at once that it has not
 * finished with. Events are dealt in EID order, in turn to those who have room; what came back
 * goes before what is newer.
 *
 *     transactional   sent, then committed or rolled back
 *     plain           gone when it is sent; the window bounds what waits to be sent
 *
 * Readers with the same selector share a lane, which looks at each event once.
 */
#pragma once

#include "pubsub/queue.h"

struct queue_lane;

struct queue_reader {
    struct queue *queue;     /* borrowed while attached; NULL: it is not */
    struct queue_lane *lane; /* borrowed from the queue */
    struct list roomy;       /* in the queue's */
    struct list woken;       /* in the desk's */
    struct list dealt;       /* entries to be sent */
    struct list held;        /* entries that were sent, in that order */
    size_t window;
    size_t out; /* entries in both lists */
    bool is_plain;
};

/** What is to be sent. */
struct queue_reader_delivery {
    const struct event *event; /* borrowed until it is delivered or the reader leaves */
    size_t returns;            /* how often it had been sent before */
};

struct queue_reader_conf {
    size_t window; /* at least 1 */
    bool is_plain;
    struct selector *selector; /* borrowed; NULL: every event */
};

/** Begin to read. ERR_NOMEM. */
must_check enum err queue_reader_attach(struct queue_reader *reader, struct queue *queue,
                                        const struct queue_reader_conf *conf);

/** What it has and was not finished with goes back: counted as one more return if it was sent.
 *  Nothing happens when it is not attached. */
void queue_reader_detach(struct queue_reader *reader);

/** The event that is to be sent next. False: there is none. */
bool queue_reader_next(const struct queue_reader *reader,
                       struct queue_reader_delivery *ret_delivery);

/** That event has been sent. */
void queue_reader_sent(struct queue_reader *reader);

enum queue_reader_scope {
    QUEUE_READER_ONE,   /* that event alone */
    QUEUE_READER_UP_TO, /* all that were sent up to it, and not claimed */
};

/** Not wanted after all: back to the queue, or dead. False: the reader does not hold that
 * event, or it is claimed. */
bool queue_reader_roll_back(struct queue_reader *reader, uint64_t eid,
                            enum queue_reader_scope scope);

/** To be finished with, or rolled back, when the claim is settled. `claim` must live until the
 * reader has sealed or unclaimed it, or has left. False as above. */
bool queue_reader_claim(struct queue_reader *reader, uint64_t eid,
                        enum queue_reader_scope scope, bool rolls_back,
                        struct queue_claim *claim);

/** The claim is to be settled: what was claimed leaves the reader, which has room for others
 *  then, and may itself leave before it is decided. */
void queue_reader_seal(struct queue_reader *reader, struct queue_claim *claim);

/** What was sealed happens; or it does not, and all of it goes back to its queue. */
void queue_reader_settle(struct queue_claim *claim, bool is_committed);

void queue_reader_claim_init(struct queue_claim *claim);

/** What was claimed does not happen: the reader holds those events as before. */
void queue_reader_unclaim(struct queue_reader *reader, const struct queue_claim *claim);

/** For the queue files: deal what is free to those who have room. */
void queue_reader_deal(struct queue *queue);

/** For the queue files: the entry, which is dealt, is to leave the reader. */
void queue_reader_undeal(struct queue_entry *entry);

/** For queue_lock.c: the entry, which is free, may be dealt again, before newer ones. */
void queue_reader_put_back(struct queue_entry *entry);

/** For queue_lock.c: there may be something to send now. */
void queue_reader_wake(struct queue_reader *reader);
