/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/queue_feed.h"

static void begin(struct queue_feed *feed, const struct queue_feed_names *names)
{
    *feed = (struct queue_feed){.names = *names};
    buf_init(&feed->own, QUEUE_FEED_OFFER_BYTES + names->frame_bytes);
}

enum err queue_feed_read(struct queue_feed *feed, const struct queue_feed_names *names,
                         struct queue *queue, const struct queue_reader_conf *conf)
{
    begin(feed, names);
    return queue_reader_attach(&feed->reader, queue, conf);
}

void queue_feed_browse(struct queue_feed *feed, const struct queue_feed_names *names,
                       struct queue *queue, struct selector *selector)
{
    begin(feed, names);
    queue_browser_begin(&feed->browser, queue, selector);
}

void queue_feed_end(struct queue_feed *feed)
{
    queue_reader_detach(&feed->reader);
    queue_browser_end(&feed->browser);
    buf_fini(&feed->own);
}

static enum err encode(struct queue_feed *feed, const struct queue_feed_item *item)
{
    const struct queue_feed_form *form = feed->names.form;

    return form->encode(form->ctx, feed->names.queue, feed->names.id, item, &feed->own);
}

/* ERR_AGAIN: there is none. */
static enum err frame_read(struct queue_feed *feed)
{
    struct queue_reader_delivery delivery;

    if (!queue_reader_next(&feed->reader, &delivery)) {
        return ERR_AGAIN;
    }
    TRY(encode(feed, &(struct queue_feed_item){delivery.event, delivery.returns,
                                               !feed->reader.is_plain}));
    queue_reader_sent(&feed->reader);
    feed->delivered++;
    return OK;
}

static enum err frame_browsed(struct queue_feed *feed)
{
    const struct event *event;

    if (feed->browser.queue == NULL) {
        return ERR_AGAIN;
    }
    event = queue_browser_next(&feed->browser);
    TRY(encode(feed, &(struct queue_feed_item){.event = event}));
    if (event == NULL) {
        queue_browser_end(&feed->browser);
    } else {
        queue_browser_pass(&feed->browser);
        feed->delivered++;
    }
    return OK;
}

static enum err frame_next(struct queue_feed *feed)
{
    return feed->reader.queue != NULL ? frame_read(feed) : frame_browsed(feed);
}

enum err queue_feed_peek(struct queue_feed *feed, struct span *ret_bytes)
{
    enum err e = OK;

    if (feed->own.len == 0) {
        TRY(frame_next(feed));
        while (e == OK && feed->own.len < QUEUE_FEED_OFFER_BYTES) {
            e = frame_next(feed); /* a failure only ends the run */
        }
    }
    *ret_bytes = queue_feed_owed(feed);
    return OK;
}

void queue_feed_sent(struct queue_feed *feed, size_t len)
{
    feed->own_sent += len;
    assert(feed->own_sent <= feed->own.len);
    if (feed->own_sent == feed->own.len) {
        feed->own_sent = 0;
        buf_fini(&feed->own);
    }
}
