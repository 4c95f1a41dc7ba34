/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/queue_browser.h"

void queue_browser_begin(struct queue_browser *browser, struct queue *queue,
                         struct selector *selector)
{
    *browser =
        (struct queue_browser){.queue = queue,
                               .selector = selector == NULL ? NULL : selector_ref(selector),
                               .end = queue->next_eid};
    queue_mark_init(queue, &browser->mark);
}

void queue_browser_end(struct queue_browser *browser)
{
    if (browser->queue != NULL) {
        queue_mark_fini(&browser->mark);
        selector_unref(browser->selector);
        browser->queue = NULL;
    }
}

const struct event *queue_browser_next(struct queue_browser *browser)
{
    struct queue_mark *mark = &browser->mark;

    while (
        mark->next != NULL && mark->next->event->eid < browser->end &&
        (mark->next->state == QUEUE_HELD || !queue_entry_fits(mark->next, browser->selector))) {
        mark->next = queue_entry_after(browser->queue, mark->next);
    }
    return mark->next == NULL || mark->next->event->eid >= browser->end ? NULL
                                                                        : mark->next->event;
}

void queue_browser_pass(struct queue_browser *browser)
{
    assert(browser->mark.next != NULL);
    browser->mark.next = queue_entry_after(browser->queue, browser->mark.next);
}
