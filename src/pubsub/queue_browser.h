/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A look at what is in a queue, which takes nothing out of it: the events that were there when
 * it began and that no reader has been sent when the look falls on them.
 */
#pragma once

#include "pubsub/queue.h"

struct queue_browser {
    struct queue *queue; /* borrowed; NULL: it has not begun */
    struct queue_mark mark;
    struct selector *selector; /* a reference; NULL: every event */
    uint64_t end;              /* the first EID that is too new */
};

/** `selector` may be NULL. */
void queue_browser_begin(struct queue_browser *browser, struct queue *queue,
                         struct selector *selector);

/** Nothing happens when it has not begun. */
void queue_browser_end(struct queue_browser *browser);

/** The event that is next; NULL at the end. Borrowed until the queue is changed. */
const struct event *queue_browser_next(struct queue_browser *browser);

/** Go on behind that one. */
void queue_browser_pass(struct queue_browser *browser);
