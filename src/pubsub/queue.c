/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/queue.h"

#include "pubsub/event_source.h"
#include "pubsub/queue_lock.h"
#include "pubsub/queue_reader.h"

#include <stdlib.h>

void queue_desk_init(struct queue_desk *desk)
{
    list_init(&desk->woken);
    list_init(&desk->untidy);
}

void queue_init(struct queue *queue, const struct queue_conf *conf, struct queue_desk *desk)
{
    *queue = (struct queue){.conf = *conf, .next_eid = 1, .desk = desk};
    list_init(&queue->untidy);
    shelf_init(&queue->shelf);
    list_init(&queue->entries);
    list_init(&queue->returned);
    list_init(&queue->gone);
    list_init(&queue->lanes);
    list_init(&queue->roomy);
    list_init(&queue->marks);
    list_init(&queue->wanted);
    list_init(&queue->spare);
    queue_ids_init(&queue->ids, conf->ids_max);
}

static struct queue_entry *entry_of(struct list *node)
{
    return LIST_ENTRY(node, struct queue_entry, node);
}

static void entry_free(struct queue_entry *entry)
{
    event_unref(entry->event);
    free(entry);
}

void queue_fini(struct queue *queue)
{
    assert(list_is_empty(&queue->lanes) && list_is_empty(&queue->marks));
    list_remove(&queue->untidy);
    list_splice(&queue->entries, &queue->gone);
    LIST_FOREACH (node, after, &queue->entries) {
        entry_free(entry_of(node));
    }
    shelf_fini(&queue->shelf);
    queue_ids_fini(&queue->ids);
}

struct queue_entry *queue_entry_after(const struct queue *queue,
                                      const struct queue_entry *entry)
{
    return entry->node.next == &queue->entries ? NULL : entry_of(entry->node.next);
}

bool queue_entry_fits(const struct queue_entry *entry, const struct selector *selector)
{
    struct event_source source;
    bool is_match;

    if (selector == NULL) {
        return true;
    }
    event_source_init(&source, entry->event, entry->queue->conf.name);
    is_match = event_source_matches(&source, selector);
    event_source_fini(&source);
    return is_match;
}

/* ---- marks ---- */

void queue_mark_init(struct queue *queue, struct queue_mark *mark)
{
    mark->next = list_is_empty(&queue->entries) ? NULL : entry_of(queue->entries.next);
    list_append(&queue->marks, &mark->node);
}

void queue_mark_fini(struct queue_mark *mark)
{
    list_remove(&mark->node);
}

static void move_marks(struct queue *queue, const struct queue_entry *from,
                       struct queue_entry *to)
{
    LIST_FOREACH (node, after, &queue->marks) {
        struct queue_mark *mark = LIST_ENTRY(node, struct queue_mark, node);

        if (mark->next == from) {
            mark->next = to;
        }
    }
}

/* ---- out ---- */

void queue_disturb(struct queue *queue)
{
    if (list_is_empty(&queue->untidy)) {
        list_append(&queue->desk->untidy, &queue->untidy);
    }
}

/* Who else does not know yet that it has gone: the store, or who looks after dead events, or
 * other realms. */
static bool is_told(const struct queue_entry *entry)
{
    return entry->is_stored || queue_lock_is_held(entry) || entry->end == QUEUE_DEAD ||
           entry->end == QUEUE_EXPIRED || entry->end == QUEUE_DROPPED;
}

void queue_let_go(struct queue *queue, struct queue_entry *entry, enum queue_end end)
{
    assert(entry->state == QUEUE_FREE && list_is_empty(&entry->place));
    move_marks(queue, entry, queue_entry_after(queue, entry));
    shelf_take(&queue->shelf, entry->event->eid);
    list_remove(&entry->node);
    list_remove(&entry->lock_node);
    entry->state = QUEUE_GONE;
    entry->end = end;
    queue->dead += end != QUEUE_CONSUMED && end != QUEUE_REMOVED;
    if (is_told(entry)) {
        list_append(&queue->gone, &entry->node);
        queue_disturb(queue);
    } else {
        entry_free(entry);
    }
}

bool queue_next_gone(struct queue *queue, struct queue_gone *ret_gone)
{
    struct queue_entry *entry;

    if (list_is_empty(&queue->gone)) {
        list_remove(&queue->untidy);
        return false;
    }
    entry = entry_of(queue->gone.next);
    *ret_gone = (struct queue_gone){.end = entry->end,
                                    .is_stored = entry->is_stored,
                                    .is_locked = queue_lock_is_held(entry),
                                    .event = event_ref(entry->event),
                                    .returns = entry->returns,
                                    .terms = entry->terms};
    list_remove(&entry->node);
    entry_free(entry);
    return true;
}

void queue_drop(struct queue *queue, uint64_t eid, enum queue_end why)
{
    struct queue_entry *entry = shelf_find(&queue->shelf, eid);

    if (entry == NULL) {
        return;
    }
    entry->is_stored = false;
    entry->end = entry->hold == QUEUE_THEIRS ? QUEUE_REMOVED : why; /* then it is their care */
    if (entry->state == QUEUE_HELD) {
        return;
    }
    if (entry->state == QUEUE_DEALT) {
        queue_reader_undeal(entry);
    }
    list_remove(&entry->place);
    queue_let_go(queue, entry, entry->end);
    queue_reader_deal(queue);
}

/* ---- in ---- */

static enum err entry_new(struct queue *queue, const struct event *event,
                          struct queue_entry **ret_entry)
{
    struct queue_entry *entry = calloc(1, sizeof *entry);
    enum err e = OK;

    if (entry == NULL) {
        return ERR_NOMEM;
    }
    list_init(&entry->node);
    list_init(&entry->place);
    list_init(&entry->lock_node);
    entry->hold = queue->conf.is_shared ? QUEUE_FREE_FOR_ALL : QUEUE_OURS;
    entry->queue = queue;
    entry->is_stored = true;
    if (atomic_load_explicit(&event->refs, memory_order_relaxed) == 0) {
        e = event_copy(event, &entry->event);
    } else {
        entry->event = event_ref((struct event *)(uintptr_t)event); /* only counted */
    }
    if (e != OK) {
        free(entry);
        return e;
    }
    *ret_entry = entry;
    return OK;
}

static enum err remember_id(struct queue *queue, const struct event *event)
{
    struct span id = event_publish_id(event);

    return id.len == 0 || queue_ids_find(&queue->ids, id) != 0
               ? OK
               : queue_ids_add(&queue->ids, id, event->eid);
}

enum err queue_put(struct queue *queue, const struct event *event)
{
    struct queue_entry *entry;
    enum err e;

    assert(event->eid >= queue->next_eid);
    TRY(entry_new(queue, event, &entry));
    e = shelf_reserve(&queue->shelf, 1);
    if (e == OK) {
        e = remember_id(queue, event);
    }
    if (e != OK) {
        entry_free(entry);
        return e;
    }
    shelf_put(&queue->shelf, event->eid, entry);
    list_append(&queue->entries, &entry->node);
    queue->next_eid = event->eid + 1;
    move_marks(queue, NULL, entry);
    queue_reader_deal(queue);
    return OK;
}
