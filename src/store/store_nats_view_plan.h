/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What is to be asked next about the stream of a channel: the next batch of store_nats_view.
 */
#pragma once

#include "store/store_nats_view.h"
#include "store/store_nats_writer.h"

struct store_nats_view {
    struct store_nats *nats; /* borrowed */
    struct store_nats_writer *writer;
    struct list dirty;   /* struct store_nats_stream, by its `view.node`; in turn */
    struct list put_off; /* the same: not before their `again` */
    struct loop_later later;
    bool is_asking;                   /* for the lock */
    bool has_lock;                    /* it was ours when we looked last */
    msec again;                       /* nothing is begun before */
    unsigned ups;                     /* of the connection, as seen last */
    msec up_since;                    /* when that was */
    bool is_silent;                   /* JetStream has not answered lately: the log was told */
    struct store_nats_stream *stream; /* whose batch is in hand; NULL: none is */
    uint64_t next;                    /* what will be its next when that is done */
    size_t gone_count;                /* how many of its `gone` are in it */
    uint64_t trimmed;                 /* the same */

    /* While the mirror is read for it. */
    struct store_nats_writer_batch *batch;
    size_t bytes;
    size_t fillers;
    bool is_full;
    size_t at; /* of a list */
    enum err e;
};

/** Fills the batch for view->stream. False: there is nothing to be done for it. ERR_NOMEM,
 *  ERR_IO. */
must_check enum err store_nats_view_plan(struct store_nats_view *view, bool *ret_has_work);
