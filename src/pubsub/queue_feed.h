/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a session is sent from a queue: the events of a reader, or of a browser, framed for it
 * alone, as no two readers get the same one. It is asked for bytes as a view's cursor is.
 *
 * No more is framed than one offer, and not before that has left: a reader who does not read
 * holds up to a window of events and the frames of one offer, and what it cannot have others
 * get.
 */
#pragma once

#include "base/buf.h"
#include "pubsub/queue_browser.h"
#include "pubsub/queue_reader.h"

enum {
    QUEUE_FEED_OFFER_BYTES = 64 * 1024 /* about: at least one frame */
};

struct queue_feed_item {
    const struct event *event; /* NULL: a browser has seen all */
    size_t returns;            /* how often it had been sent before */
    bool wants_ack;
};

struct queue_feed_form {
    void *ctx; /* for encode() */
    /** Appends one frame, at least one byte. Errors as buf_append(). */
    enum err (*encode)(void *ctx, struct span queue, struct span id,
                       const struct queue_feed_item *item, struct buf *out);
};

/** Who is fed, and how; borrowed for the feed's life. */
struct queue_feed_names {
    const struct queue_feed_form *form;
    struct span queue;
    struct span id;     /* of the subscription */
    size_t frame_bytes; /* the longest frame */
};

struct queue_feed {
    struct queue_feed_names names;
    struct queue_reader reader;   /* one of the two */
    struct queue_browser browser; /* is attached */
    struct buf own;               /* framed */
    size_t own_sent;
    uint64_t delivered; /* events framed */
};

/** Begin to read. As queue_reader_attach(). */
must_check enum err queue_feed_read(struct queue_feed *feed,
                                    const struct queue_feed_names *names, struct queue *queue,
                                    const struct queue_reader_conf *conf);

/** Begin to look; `selector` may be NULL. */
void queue_feed_browse(struct queue_feed *feed, const struct queue_feed_names *names,
                       struct queue *queue, struct selector *selector);

/** What it was sent and has not finished with goes back. */
void queue_feed_end(struct queue_feed *feed);

/** As view_peek(), without ERR_LIMIT for those who are slow. */
must_check enum err queue_feed_peek(struct queue_feed *feed, struct span *ret_bytes);

/** `len` bytes of the last peek have left. */
void queue_feed_sent(struct queue_feed *feed, size_t len);

static inline bool queue_feed_is_inside(const struct queue_feed *feed)
{
    return feed->own_sent > 0;
}

/** What was framed and has not left: all of it is owed. */
static inline struct span queue_feed_owed(const struct queue_feed *feed)
{
    return span_tail(buf_span(&feed->own), feed->own_sent);
}
