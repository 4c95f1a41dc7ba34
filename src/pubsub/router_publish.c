/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/router_publish.h"

#include "pubsub/router_forward.h"
#include "pubsub/router_shared.h"
#include "pubsub/router_store.h"

#include <stdlib.h>

enum {
    SCRATCH_KEEP_BYTES = 64 * 1024, /* kept between two publishes */
    SPARE_OPS = 1024,               /* of a submission: for what is neither event nor removal */
};

struct slot {
    struct router_route *route;
    struct channel_entry *entry; /* ours; of a repeat: only to be compared */
    size_t copy_of;              /* which slot's, from 1; 0: it is an item */
    size_t op;                   /* its operation, where it waits */
    bool is_repeat;              /* its receipt says so */
    bool waits;                  /* it has an operation among the batch's */
    bool is_unplanned;           /* all copies of it come behind it */
};

struct router_batch {
    struct router_ticket *ticket; /* borrowed; NULL: cancelled */
    struct list followers;        /* batches that repeat an event of this one */
    struct list node;             /* among another's followers */
    struct router *router;
    struct router_receipt *receipts;
    struct router_removal *removals;
    size_t removal_count;
    size_t held_count;    /* of those, whose routes are held */
    struct store_op *ops; /* for the store: one of each slot that waits, then the others */
    size_t op_count;
    size_t item_count;
    struct slot *slots; /* the items, then copies that joins make of them, and of copies */
    size_t count;
    size_t room; /* of slots and receipts */
};

static void batch_free(struct router_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        router_release(batch->slots[i].route);
    }
    for (size_t i = 0; i < batch->held_count; i++) {
        router_release(batch->removals[i].route);
    }
    free(batch->slots);
    free(batch->receipts);
    free(batch->removals);
    free(batch->ops);
    free(batch);
}

static enum err batch_new(struct router *router, const struct router_transaction *transaction,
                          struct router_batch **ret_batch)
{
    struct router_batch *batch = calloc(1, sizeof *batch);

    if (batch == NULL) {
        return ERR_NOMEM;
    }
    batch->router = router;
    list_init(&batch->followers);
    list_init(&batch->node);
    batch->item_count = transaction->item_count;
    batch->removal_count = transaction->removal_count;
    batch->room = transaction->item_count + 1; /* none would be NULL; as below */
    batch->slots = calloc(batch->room, sizeof *batch->slots);
    batch->receipts = calloc(batch->room, sizeof *batch->receipts);
    batch->removals = calloc(transaction->removal_count + 1, sizeof *batch->removals);
    if (batch->slots == NULL || batch->receipts == NULL || batch->removals == NULL) {
        batch_free(batch);
        return ERR_NOMEM;
    }
    if (transaction->removal_count > 0) {
        memcpy(batch->removals, transaction->removals,
               transaction->removal_count * sizeof *batch->removals);
    }
    for (; batch->held_count < batch->removal_count; batch->held_count++) {
        router_hold(batch->removals[batch->held_count].route);
    }
    *ret_batch = batch;
    return OK;
}

static void abandon(struct router_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (!batch->slots[i].is_repeat) {
            channel_abandon(&batch->slots[i].route->channel, batch->slots[i].entry);
        }
    }
}

void router_publish_show(struct router_route *route, const struct router_publish_shown *shown)
{
    struct event *event =
        event_ref(shown->event); /* what follows from it may cost it its place */
    struct router *router = route->router;
    struct event_source source;

    event_source_init(&source, event, route->channel.name);
    source.change = shown->change;
    router->dirty_bytes += view_set_append(&route->views, &source);
    if (shown->is_ours) {
        router_forward_joins(route, &source, shown->was_planned);
    }
    event_source_fini(&source);
    if (router->room.scratch.cap > SCRATCH_KEEP_BYTES) {
        buf_fini(&router->room.scratch);
    }
    if (route->hooks != NULL) {
        route->hooks->on_event(route->hooks_ctx, event);
    }
    if (channel_deadline(&route->channel) < route->due.at) {
        heap_move(&router->expiries, &route->due, channel_deadline(&route->channel));
    }
    router_store_flush(route);
    event_unref(event);
}

/* Which slot publishes the entry, by its number in the batch; count: it is not there. */
static size_t find_slot(const struct router_batch *batch, const struct channel_entry *entry)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->slots[i].entry == entry && !batch->slots[i].is_repeat) {
            return i;
        }
    }
    return batch->count;
}

/* Nobody here has seen it, and it comes later: but who published it makes the copies. */
static void copy_early(const struct slot *slot)
{
    struct router_route *route = slot->route;
    struct event_source source;

    event_source_init(&source, slot->entry->event, route->channel.name);
    router_forward_joins(route, &source, !slot->is_unplanned);
    event_source_fini(&source);
}

static void publish(struct slot *slot, uint64_t eid)
{
    struct event *change = channel_take_change(&slot->route->channel, slot->entry, eid,
                                               slot->route->router->room.now);

    router_publish_show(slot->route,
                        &(struct router_publish_shown){
                            .event = channel_commit(&slot->route->channel, slot->entry, eid),
                            .change = change,
                            .is_ours = true,
                            .was_planned = !slot->is_unplanned});
    event_unref(change);
}

/* What it is a copy of is stored, unless another realm has done both before. False: that is
 * so. */
static bool settle_copy(const struct router_batch *batch, const struct slot *slot,
                        const uint64_t *eids)
{
    struct channel_entry *entry = slot->entry;

    if (eids[slot->op] == 0) {
        return false;
    }
    event_set_origin(entry->event, eids[batch->slots[slot->copy_of - 1].op]);
    entry->bytes = event_bytes(entry->event);
    return true;
}

/* An event of the batch is stored. */
static void commit_one(struct slot *slot, uint64_t eid, struct router_receipt *receipt)
{
    receipt->eid = eid;
    slot->entry->event->eid = eid; /* nobody else has looked at it yet */
    switch (slot->waits ? router_shared_turn(slot->route, eid) : ROUTER_SHARED_NOW) {
    case ROUTER_SHARED_NOW: publish(slot, eid); return;
    case ROUTER_SHARED_KNOWN: receipt->is_repeat = true; break;
    case ROUTER_SHARED_LATER: copy_early(slot); break;
    case ROUTER_SHARED_GONE:
        receipt->is_repeat = router_shared_pass_on(slot->route, slot->entry->event);
        break;
    }
    channel_abandon(&slot->route->channel, slot->entry);
}

/* `eids` are the store's, for batch->ops; NULL: nothing was asked of it. */
static void commit(struct router_batch *batch, const uint64_t *eids)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct slot *slot = &batch->slots[i];
        uint64_t eid = slot->route->channel.next_eid;

        if (slot->waits) {
            router_store_did(slot->route, &batch->ops[slot->op]);
            eid = eids[slot->op] > 0 ? eids[slot->op] : eid;
        }
        if (slot->copy_of > 0 && !settle_copy(batch, slot, eids)) {
            channel_abandon(&slot->route->channel, slot->entry);
        } else if (!slot->is_repeat) {
            commit_one(slot, eid, &batch->receipts[i]);
        } else if (find_slot(batch, slot->entry) < batch->count) {
            batch->receipts[i].eid = batch->receipts[find_slot(batch, slot->entry)].eid;
        }
    }
    batch->router->is_told = true; /* what goes now was among the operations */
    for (size_t i = 0; i < batch->removal_count; i++) {
        struct router_route *route = router_shared_heir(batch->removals[i].route);

        if (route != NULL) {
            channel_remove(&route->channel, batch->removals[i].eid);
        }
    }
    batch->router->is_told = false;
}

/* Everything about it is decided. */
static void finish(struct router_batch *batch, enum err e)
{
    struct router_ticket *ticket = batch->ticket;

    while (!list_is_empty(&batch->followers)) {
        struct router_batch *follower =
            LIST_ENTRY(batch->followers.next, struct router_batch, node);

        list_remove(&follower->node);
        follower->receipts[0].eid =
            batch->receipts[find_slot(batch, follower->slots[0].entry)].eid;
        finish(follower, e);
    }
    if (ticket != NULL) {
        ticket->batch = NULL;
        ticket->done(ticket, e, batch->receipts, batch->item_count);
    }
    batch_free(batch);
}

/* `is_alone`: nothing else is to happen in the same step. */
static enum err prepare(struct router_batch *batch, const struct router_item *item,
                        bool is_alone)
{
    struct slot *slot = &batch->slots[batch->count];
    struct event_parts parts = item->parts;

    if (item->route->is_gone) {
        return ERR_CONF;
    }
    parts.time = item->route->router->room.now;
    slot->route = item->route;
    TRY(channel_prepare(&item->route->channel, &parts, &slot->entry, &slot->is_repeat));
    if (!slot->is_repeat) {
        slot->entry->publisher = batch;
    } else if (slot->entry->eid == 0 && slot->entry->publisher != batch && !is_alone) {
        return ERR_AGAIN;
    }
    batch->receipts[batch->count] =
        (struct router_receipt){slot->is_repeat ? slot->entry->eid : 0, slot->is_repeat};
    router_hold(item->route);
    batch->count++;
    return OK;
}

/* ---- copies that are stored in the same step ---- */

static enum err grow(struct router_batch *batch)
{
    size_t room = 2 * batch->room;
    struct slot *slots = realloc(batch->slots, room * sizeof *slots);
    struct router_receipt *receipts;

    if (slots == NULL) {
        return ERR_NOMEM;
    }
    batch->slots = slots;
    receipts = realloc(batch->receipts, room * sizeof *receipts);
    if (receipts == NULL) {
        return ERR_NOMEM;
    }
    batch->receipts = receipts;
    batch->room = room;
    return OK;
}

struct plan {
    struct router_batch *batch;
    size_t at; /* the slot that copies are made of */
};

static enum err on_copy(void *ctx, struct router_route *to, const struct event_parts *parts)
{
    const struct plan *plan = ctx;
    struct router_batch *batch = plan->batch;
    struct event_parts own = *parts;
    struct slot slot = {.route = to, .copy_of = plan->at + 1};

    if (batch->count == batch->room) {
        TRY(grow(batch));
    }
    own.time = batch->router->room.now;
    TRY(channel_prepare(&to->channel, &own, &slot.entry, &slot.is_repeat));
    slot.entry->publisher = batch;
    batch->receipts[batch->count] = (struct router_receipt){.eid = 0};
    batch->slots[batch->count] = slot;
    router_hold(to);
    batch->count++;
    return OK;
}

/* Those of copies come behind them. Rings are refused where joins are configured. What would be
 * too much for one submission is copied as if it were in memory. */
static void plan_copies(struct router_batch *batch)
{
    const size_t others = batch->removal_count + SPARE_OPS + ROUTER_FORWARD_JOINS_MAX;

    for (size_t i = 0; i < batch->count; i++) {
        struct plan plan = {batch, i};
        struct slot *slot = &batch->slots[i];

        slot->is_unplanned = batch->count + others > STORE_OPS_MAX;
        if (!slot->is_repeat && !slot->is_unplanned) {
            router_forward_plan(slot->route, slot->entry->event, on_copy, &plan);
        }
    }
}

/* The batch whose event this one repeats, and which is on its way; or NULL. */
static struct router_batch *leader_of(const struct router_batch *batch)
{
    const struct slot *slot = &batch->slots[0];

    if (batch->count != 1 || batch->op_count > 0 || !slot->is_repeat ||
        batch->receipts[0].eid > 0) {
        return NULL;
    }
    return slot->entry->publisher;
}

static void on_stored(void *ctx, enum err e, const uint64_t *eids)
{
    struct router_batch *batch = ctx;
    struct router *router = batch->router;

    if (e == OK) {
        commit(batch, eids);
    } else {
        abandon(batch);
    }
    finish(batch, e);
    router_shared_tell(router); /* who waits for it may be nobody: of a copy */
}

static void add_op(struct router_batch *batch, struct store_op op)
{
    batch->ops[batch->op_count] = op;
    batch->op_count++;
}

static enum err take_ops(struct router_batch *batch,
                         const struct router_transaction *transaction)
{
    batch->ops = calloc(batch->count + batch->removal_count + transaction->op_count + 1,
                        sizeof *batch->ops);
    return batch->ops == NULL ? ERR_NOMEM : OK;
}

static void add_event(struct router_batch *batch, struct slot *slot)
{
    struct store_op op = router_store_op(slot->route, slot->entry->event);

    if (slot->copy_of > 0) { /* what is copied waits, too */
        op.copy_of = batch->slots[slot->copy_of - 1].op + 1;
    }
    slot->op = batch->op_count;
    add_op(batch, op);
}

/* Whether the store has a part in it; then what that is stands in batch->ops. */
static bool fill_ops(struct router_batch *batch, const struct router_transaction *transaction)
{
    bool waits = transaction->op_count > 0;

    for (size_t i = 0; i < batch->count; i++) {
        struct slot *slot = &batch->slots[i];

        slot->waits = !slot->is_repeat && router_store_waits(slot->route);
        if (slot->waits) {
            add_event(batch, slot);
            waits = true;
        }
    }
    for (size_t i = 0; i < batch->removal_count; i++) {
        const struct router_removal *removal = &batch->removals[i];

        if (removal->route->channel.stream != NULL) {
            add_op(batch, (struct store_op){.type = STORE_REMOVE,
                                            .stream = removal->route->stream,
                                            .eid = removal->eid});
            waits = true;
        }
    }
    for (size_t i = 0; i < transaction->op_count; i++) {
        add_op(batch, transaction->ops[i]);
    }
    return waits;
}

static enum err begin(struct router_batch *batch, const struct router_transaction *transaction)
{
    bool is_alone = transaction->item_count == 1 && transaction->removal_count == 0 &&
                    transaction->op_count == 0;

    for (size_t i = 0; i < transaction->item_count; i++) {
        TRY(prepare(batch, &transaction->items[i], is_alone));
    }
    plan_copies(batch);
    TRY(take_ops(batch, transaction));
    if (fill_ops(batch, transaction)) {
        return store_submit(batch->router->conf.store, batch->ops, batch->op_count, on_stored,
                            batch);
    }
    batch->op_count = 0;
    return OK;
}

enum err router_publish_commit(struct router *router,
                               const struct router_transaction *transaction,
                               struct router_ticket *ticket)
{
    struct router_batch *batch;
    struct router_batch *leader;
    enum err e;

    TRY(batch_new(router, transaction, &batch));
    e = begin(batch, transaction);
    if (e != OK) {
        abandon(batch);
        batch_free(batch);
        return e;
    }
    batch->ticket = ticket;
    ticket->batch = batch;
    leader = leader_of(batch);
    if (leader != NULL) {
        list_append(&leader->followers, &batch->node);
    } else if (batch->op_count == 0) {
        commit(batch, NULL);
        finish(batch, OK);
    }
    return OK;
}

enum err router_publish_all(const struct router_item *items, size_t count,
                            struct router_ticket *ticket)
{
    const struct router_transaction transaction = {.items = items, .item_count = count};

    return router_publish_commit(items[0].route->router, &transaction, ticket);
}

enum err router_publish(struct router_route *route, const struct event_parts *parts,
                        struct router_ticket *ticket)
{
    const struct router_item item = {route, *parts};

    return router_publish_all(&item, 1, ticket);
}

void router_publish_cancel(struct router_ticket *ticket)
{
    if (ticket->batch != NULL) {
        ticket->batch->ticket = NULL;
        ticket->batch = NULL;
    }
}
