/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Publishing in one step, for tests: to a channel without a router, or to a route whose events
 * are in memory, so that it is done at once.
 */
#pragma once

#include "pubsub/router_publish.h"

#include "lib/testing.h"

/* The event, or NULL when it is not in memory. */
static inline const struct event *publishing_find(const struct channel *channel, uint64_t eid)
{
    const struct channel_entry *entry = shelf_find(&channel->shelf, eid);

    return entry == NULL ? NULL : entry->event;
}

/* The event, or NULL when it was refused for *ret_e. */
static inline const struct event *publishing_commit(struct channel *channel,
                                                    const struct event_parts *parts,
                                                    enum err *ret_e)
{
    struct channel_entry *entry;
    bool is_repeat;

    *ret_e = channel_prepare(channel, parts, &entry, &is_repeat);
    if (*ret_e != OK) {
        return NULL;
    }
    return is_repeat ? entry->event : channel_commit(channel, entry, channel->next_eid);
}

struct publishing_ticket {
    struct router_ticket ticket;
    enum err e;
    struct router_receipt receipt; /* of the first item */
    unsigned calls;
};

static inline void publishing_done(struct router_ticket *ticket, enum err e,
                                   const struct router_receipt *receipts, size_t count)
{
    struct publishing_ticket *mine = (struct publishing_ticket *)(void *)ticket;

    assert_true(count > 0);
    mine->e = e;
    mine->receipt = receipts[0];
    mine->calls++;
}

/* Errors as router_publish(). */
static inline enum err publishing_route(struct router_route *route,
                                        const struct event_parts *parts,
                                        struct router_receipt *ret_receipt)
{
    struct publishing_ticket mine = {.ticket.done = publishing_done};

    TRY(router_publish(route, parts, &mine.ticket));
    assert_int_equal(mine.calls, 1);
    assert_ok(mine.e);
    *ret_receipt = mine.receipt;
    return OK;
}
