/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A lane has a mark: entries before it are not free, or did not match, or came back. Those that
 * came back stand in queue->returned as well, which is short: no more than all windows
 * together, here and in other realms. So no entry is looked at twice by a lane, however long
 * the queue and whatever comes back.
 *
 * Of a shared queue an entry may be dealt whose lock is still to be asked for: it has its place
 * in the reader's window and in its order, but it, and what is behind it, is sent only when the
 * lock is ours.
 */
#include "pubsub/queue_reader.h"

#include "pubsub/queue_lock.h"

#include <stdlib.h>

struct queue_lane {
    struct list node; /* in queue->lanes */
    struct queue_mark mark;
    struct selector *selector; /* a reference; NULL: every event */
    uint64_t seen;             /* of those that came back: none up to this number fits */
    size_t readers;
};

static struct queue_entry *entry_at(struct list *place)
{
    return LIST_ENTRY(place, struct queue_entry, place);
}

/* ---- lanes ---- */

static struct span text_of(const struct selector *selector)
{
    return selector == NULL ? span_of(NULL, 0) : selector_text(selector);
}

static struct queue_lane *find_lane(struct queue *queue, const struct selector *selector)
{
    LIST_FOREACH (node, after, &queue->lanes) {
        struct queue_lane *lane = LIST_ENTRY(node, struct queue_lane, node);

        if (span_equal(text_of(lane->selector), text_of(selector))) {
            return lane;
        }
    }
    return NULL;
}

static struct queue_lane *lane_new(struct queue *queue, struct selector *selector)
{
    struct queue_lane *lane = calloc(1, sizeof *lane);

    if (lane == NULL) {
        return NULL;
    }
    lane->selector = selector == NULL ? NULL : selector_ref(selector);
    queue_mark_init(queue, &lane->mark);
    list_append(&queue->lanes, &lane->node);
    return lane;
}

static void leave_lane(struct queue_lane *lane)
{
    lane->readers--;
    if (lane->readers == 0) {
        selector_unref(lane->selector);
        queue_mark_fini(&lane->mark);
        list_remove(&lane->node);
        free(lane);
    }
}

static bool fits(const struct queue_lane *lane, const struct queue_entry *entry)
{
    return queue_entry_fits(entry, lane->selector);
}

/* Free, and not among those that came back. */
static bool is_waiting(const struct queue_entry *entry)
{
    return entry->state == QUEUE_FREE && entry->hold != QUEUE_THEIRS &&
           list_is_empty(&entry->place);
}

/* The oldest entry that is free and fits; NULL. */
static struct queue_entry *first_for(struct queue *queue, struct queue_lane *lane)
{
    struct queue_mark *mark = &lane->mark;
    bool is_last = list_is_empty(&queue->returned); /* all of them were looked at */

    while (mark->next != NULL && !(is_waiting(mark->next) && fits(lane, mark->next))) {
        mark->next = queue_entry_after(queue, mark->next);
    }
    LIST_FOREACH (place, after, &queue->returned) {
        struct queue_entry *entry = entry_at(place);

        if (mark->next != NULL && mark->next->event->eid < entry->event->eid) {
            break;
        }
        if (entry->came_back > lane->seen && fits(lane, entry)) {
            return entry;
        }
        is_last = after == &queue->returned;
    }
    if (is_last) {
        lane->seen = queue->came_back;
    }
    return mark->next;
}

/* ---- dealing ---- */

void queue_reader_wake(struct queue_reader *reader)
{
    struct queue_reader_delivery delivery;

    if (list_is_empty(&reader->woken) && queue_reader_next(reader, &delivery)) {
        list_append(&reader->queue->desk->woken, &reader->woken);
    }
}

/* Roomy readers stand in line; who gets an event goes to the end of it. */
static void stand_in_line(struct queue_reader *reader)
{
    list_remove(&reader->roomy);
    if (reader->out < reader->window) {
        list_append(&reader->queue->roomy, &reader->roomy);
    }
}

static void deal_to(struct queue_reader *reader, struct queue_entry *entry)
{
    struct queue *queue = reader->queue;

    list_remove(&entry->place);
    entry->state = QUEUE_DEALT;
    entry->holder = reader;
    list_append(&reader->dealt, &entry->place);
    queue->out++;
    reader->out++;
    queue_lock_want(entry);
    stand_in_line(reader);
    queue_reader_wake(reader);
}

/* One round: each reader with room gets one event at most. False when nobody got any. */
static bool deal_round(struct queue *queue)
{
    struct list *last = queue->roomy.prev;
    struct list *at = queue->roomy.next;
    bool has_dealt = false;

    for (bool is_last = list_is_empty(&queue->roomy); !is_last;) {
        struct queue_reader *reader = LIST_ENTRY(at, struct queue_reader, roomy);
        struct queue_entry *entry = first_for(queue, reader->lane);

        is_last = at == last;
        at = at->next;
        if (entry != NULL) {
            deal_to(reader, entry);
            has_dealt = true;
        }
    }
    return has_dealt;
}

void queue_reader_deal(struct queue *queue)
{
    while (queue_count(queue) > queue->out && deal_round(queue)) {
        ;
    }
}

/* The reader has it no more. The entry is in no list but the queue's. */
static void leave_reader(struct queue_entry *entry)
{
    struct queue_reader *reader = entry->holder;

    list_remove(&entry->place);
    entry->holder = NULL;
    if (reader->out == reader->window) {
        list_append(&reader->queue->roomy, &reader->roomy);
    }
    reader->out--;
    if (list_is_empty(&reader->dealt)) {
        list_remove(&reader->woken);
    }
}

static void set_free(struct queue_entry *entry)
{
    entry->state = QUEUE_FREE;
    entry->claim = NULL;
    entry->queue->out--;
    queue_lock_spare(entry);
}

static void take_from_reader(struct queue_entry *entry)
{
    leave_reader(entry);
    set_free(entry);
}

void queue_reader_undeal(struct queue_entry *entry)
{
    struct queue_reader *reader = entry->holder;

    assert(entry->state == QUEUE_DEALT);
    take_from_reader(entry);
    queue_reader_wake(reader); /* what stood behind it may have waited for its lock */
}

/* Among those that came back, in EID order. The search begins at *near, which becomes its
 * place: of many that come back together each stands a little behind the one before. */
static void put_back(struct queue_entry *entry, struct list **near)
{
    struct queue *queue = entry->queue;
    uint64_t eid = entry->event->eid;
    struct list *at = *near;

    if (entry->hold == QUEUE_THEIRS) {
        return; /* it was lost */
    }
    while (at != &queue->returned && entry_at(at)->event->eid > eid) {
        at = at->prev;
    }
    while (at->next != &queue->returned && entry_at(at->next)->event->eid < eid) {
        at = at->next;
    }
    list_append(at->next, &entry->place);
    entry->came_back = ++queue->came_back;
    *near = &entry->place;
}

void queue_reader_put_back(struct queue_entry *entry)
{
    struct list *near = entry->queue->returned.prev;

    put_back(entry, &near);
}

/* It was sent, and is not wanted. */
static void come_back(struct queue_entry *entry, struct list **near)
{
    struct queue *queue = entry->queue;

    entry->returns++;
    queue->redelivered++;
    if (!entry->is_stored) {
        queue_let_go(queue, entry, entry->end);
    } else if (queue->conf.redelivery_max > 0 && entry->returns > queue->conf.redelivery_max &&
               entry->hold == QUEUE_OURS) {
        queue_let_go(queue, entry, QUEUE_DEAD);
    } else {
        put_back(entry, near);
    }
}

/* It was to be finished with, and the store did not take that: it has been sent, but that it
 * comes again is nobody's judgement of it, so it does not die of that. */
static void stay(struct queue_entry *entry, struct list **near)
{
    entry->queue->redelivered++;
    entry->returns += entry->returns == 0;
    if (entry->is_stored) {
        put_back(entry, near);
    } else {
        queue_let_go(entry->queue, entry, entry->end);
    }
}

static void give_back(struct queue_entry *entry, struct list **near)
{
    take_from_reader(entry);
    come_back(entry, near);
}

static void finish(struct queue_entry *entry)
{
    take_from_reader(entry);
    queue_let_go(entry->queue, entry, QUEUE_CONSUMED);
}

/* ---- readers ---- */

enum err queue_reader_attach(struct queue_reader *reader, struct queue *queue,
                             const struct queue_reader_conf *conf)
{
    struct queue_lane *lane = find_lane(queue, conf->selector);

    assert(conf->window > 0);
    if (lane == NULL) {
        lane = lane_new(queue, conf->selector);
    }
    if (lane == NULL) {
        return ERR_NOMEM;
    }
    lane->readers++;
    *reader = (struct queue_reader){
        .queue = queue, .lane = lane, .window = conf->window, .is_plain = conf->is_plain};
    list_init(&reader->roomy);
    list_init(&reader->woken);
    list_init(&reader->dealt);
    list_init(&reader->held);
    stand_in_line(reader);
    queue_reader_deal(queue);
    return OK;
}

void queue_reader_detach(struct queue_reader *reader)
{
    struct queue *queue = reader->queue;
    struct list *near;

    if (queue == NULL) {
        return;
    }
    near = queue->returned.prev;
    LIST_FOREACH (place, after, &reader->held) {
        struct queue_entry *entry = entry_at(place);

        if (entry->claim != NULL) {
            entry->claim->is_lost = true;
        }
        give_back(entry, &near);
    }
    while (!list_is_empty(&reader->dealt)) {
        struct queue_entry *entry = entry_at(reader->dealt.next);

        take_from_reader(entry);
        put_back(entry, &near);
    }
    list_remove(&reader->roomy);
    leave_lane(reader->lane);
    reader->queue = NULL;
    queue_reader_deal(queue);
}

bool queue_reader_next(const struct queue_reader *reader,
                       struct queue_reader_delivery *ret_delivery)
{
    const struct queue_entry *entry;

    if (list_is_empty(&reader->dealt)) {
        return false;
    }
    entry = entry_at(reader->dealt.next);
    if (entry->hold != QUEUE_OURS) {
        return false; /* not yet, if at all */
    }
    *ret_delivery = (struct queue_reader_delivery){entry->event, entry->returns};
    return true;
}

void queue_reader_sent(struct queue_reader *reader)
{
    struct queue_entry *entry = entry_at(reader->dealt.next);

    assert(!list_is_empty(&reader->dealt));
    if (reader->is_plain) {
        finish(entry);
        queue_reader_deal(reader->queue);
        return;
    }
    list_remove(&entry->place);
    list_append(&reader->held, &entry->place);
    entry->state = QUEUE_HELD;
    if (list_is_empty(&reader->dealt)) {
        list_remove(&reader->woken);
    }
}

/* ---- what becomes of them ---- */

struct verdict {
    struct queue_claim *claim; /* NULL: they are rolled back at once */
    bool rolls_back;
};

static void pass(struct queue_entry *entry, const struct verdict *verdict, struct list **near)
{
    if (verdict->claim == NULL) {
        give_back(entry, near);
    } else {
        entry->claim = verdict->claim;
        entry->claim_rolls_back = verdict->rolls_back;
    }
}

static struct queue_entry *find_held(const struct queue_reader *reader, uint64_t eid)
{
    LIST_FOREACH (place, after, &reader->held) {
        if (entry_at(place)->event->eid == eid) {
            return entry_at(place);
        }
    }
    return NULL;
}

static bool judge(struct queue_reader *reader, uint64_t eid, enum queue_reader_scope scope,
                  const struct verdict *verdict)
{
    struct queue_entry *found = find_held(reader, eid);
    struct list *near = reader->queue->returned.prev;

    if (found == NULL || found->claim != NULL) {
        return false;
    }
    LIST_FOREACH (place, after, &reader->held) {
        struct queue_entry *entry = entry_at(place);
        bool is_found = entry == found;

        if (is_found || (scope == QUEUE_READER_UP_TO && entry->claim == NULL)) {
            pass(entry, verdict, &near);
        }
        if (is_found) {
            break;
        }
    }
    queue_reader_deal(reader->queue);
    return true;
}

bool queue_reader_roll_back(struct queue_reader *reader, uint64_t eid,
                            enum queue_reader_scope scope)
{
    return judge(reader, eid, scope, &(struct verdict){.rolls_back = true});
}

bool queue_reader_claim(struct queue_reader *reader, uint64_t eid,
                        enum queue_reader_scope scope, bool rolls_back,
                        struct queue_claim *claim)
{
    return judge(reader, eid, scope,
                 &(struct verdict){.claim = claim, .rolls_back = rolls_back});
}

void queue_reader_claim_init(struct queue_claim *claim)
{
    claim->is_lost = false;
    list_init(&claim->sealed);
}

void queue_reader_seal(struct queue_reader *reader, struct queue_claim *claim)
{
    LIST_FOREACH (place, after, &reader->held) {
        struct queue_entry *entry = entry_at(place);

        if (entry->claim == claim) {
            leave_reader(entry);
            list_append(&claim->sealed, &entry->place);
        }
    }
    queue_reader_deal(reader->queue);
}

void queue_reader_settle(struct queue_claim *claim, bool is_committed)
{
    while (!list_is_empty(&claim->sealed)) {
        struct queue_entry *entry = entry_at(claim->sealed.next);
        struct queue *queue = entry->queue;
        struct list *near = queue->returned.prev;

        list_remove(&entry->place);
        set_free(entry);
        if (entry->claim_rolls_back) {
            come_back(entry, &near);
        } else if (is_committed) {
            queue_let_go(queue, entry, QUEUE_CONSUMED);
        } else {
            stay(entry, &near);
        }
        queue_reader_deal(queue);
    }
}

void queue_reader_unclaim(struct queue_reader *reader, const struct queue_claim *claim)
{
    LIST_FOREACH (place, after, &reader->held) {
        struct queue_entry *entry = entry_at(place);

        if (entry->claim == claim) {
            entry->claim = NULL;
        }
    }
}
