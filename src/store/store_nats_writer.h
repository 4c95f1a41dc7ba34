/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Writes to the streams of channels on the server: a thread, and one batch at a time, for one
 * stream. A message is stored only if the EID before its own was the stream's last sequence
 * number; so whoever else writes, an event stands at its EID or is not there.
 */
#pragma once

#include "pubsub/event.h"
#include "store/store_nats_link.h"
#include "store/store_nats_names.h"

struct store_nats_writer;

enum {
    STORE_NATS_WRITER_STEPS_MAX = 1024, /* of a batch */
    STORE_NATS_WRITER_GONE_MAX = 4096,  /* EIDs that the steps of a batch may fill */
};

enum store_nats_writer_type {
    STORE_NATS_WRITER_LOOK,  /* makes the stream where there is none; what is in it? */
    STORE_NATS_WRITER_WRITE, /* the steps */
    STORE_NATS_WRITER_LIST,  /* which messages are there, from an EID on? */
};

enum store_nats_writer_step_type {
    STORE_NATS_WRITER_EVENT,  /* at `eid`; these and the next in order, without a gap */
    STORE_NATS_WRITER_GONE,   /* `eid` to `last` are used up */
    STORE_NATS_WRITER_REMOVE, /* the message `eid`, if it is there */
    STORE_NATS_WRITER_TRIM,   /* all below `eid` */
};

struct store_nats_writer_step {
    enum store_nats_writer_step_type type;
    uint64_t eid;
    uint64_t last;
    struct event *event; /* owned */
};

/** A question, and behind it its answer. */
struct store_nats_writer_batch {
    enum store_nats_writer_type type;
    struct store_nats_names names;
    struct store_nats_writer_step steps[STORE_NATS_WRITER_STEPS_MAX];
    size_t step_count;
    uint64_t from; /* of LIST */

    /* OK; ERR_CLOSED: no answer; ERR_AGAIN: the stream is not as it was thought to be;
     * ERR_LIMIT: the server has no room; ERR_CONF: it refuses: `why` */
    enum err e;
    uint64_t last; /* LOOK: the stream's last sequence number, and how many messages it has */
    uint64_t count;
    bool is_remade; /* LOOK: it had messages of others at its end, and begins anew */
    uint64_t eids[STORE_NATS_WRITER_STEPS_MAX]; /* LIST: of those that are there */
    size_t eid_count;
    bool is_end; /* LIST: there are no more */
    char why[STORE_NATS_SERVER_FAULT_BYTES];
};

/** The link must go later, and tells STORE_NATS_LINK_WROTE when there is an answer. ERR_NOMEM,
 *  ERR_IO. */
must_check enum err store_nats_writer_open(struct store_nats_link *link, unsigned replicas,
                                           struct store_nats_writer **ret_writer);

/** Waits for its thread, which gives up what it has in hand. Takes NULL. */
void store_nats_writer_close(struct store_nats_writer *writer);

/** The batch, with no step and no answer; NULL as long as it is in hand. */
struct store_nats_writer_batch *store_nats_writer_batch(struct store_nats_writer *writer);

/** Goes on its way. */
void store_nats_writer_begin(struct store_nats_writer *writer);

/** The answer, until store_nats_writer_batch(); NULL: there is none. */
struct store_nats_writer_batch *store_nats_writer_answer(struct store_nats_writer *writer);
