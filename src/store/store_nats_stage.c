/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_stage.h"

#include "store/store_nats_streams.h"
#include "store/store_record.h"

#include <stdlib.h>

static bool has_stream(const struct store_nats_entry_op *op)
{
    return op->type < STORE_PUT;
}

enum err store_nats_stage_new(struct store_nats *nats, struct store_nats_lot **ret_lot)
{
    struct store_nats_lot *lot = calloc(1, sizeof *lot);

    if (lot == NULL) {
        return ERR_NOMEM;
    }
    lot->nats = nats;
    list_init(&lot->node);
    buf_init(&lot->body, STORE_NATS_ENTRY_BYTES_MAX);
    *ret_lot = lot;
    return OK;
}

void store_nats_stage_free(struct store_nats_lot *lot)
{
    if (lot == NULL) {
        return;
    }
    for (size_t i = 0; lot->ops != NULL && i < lot->op_count; i++) {
        event_unref(lot->ops[i].event);
    }
    for (size_t i = 0; i < lot->lock_count; i++) {
        struct store_nats_lock *lock = lot->locks[i].lock;

        lock->users--;
        store_nats_locks_settle(&lot->nats->state.locks, lock);
    }
    free(lot->ops);
    free(lot->locks);
    free(lot->changes);
    free(lot->keys);
    buf_fini(&lot->body);
    if (lot->news != NULL) {
        store_nats_link_give_back(lot->news);
    }
    free(lot->item);
    free(lot);
}

/* ---- taking memory ---- */

static enum err count_ops(struct span body, size_t *ret_count)
{
    struct store_nats_entry_op op;
    size_t count = 0;
    bool has_other = false;

    while (store_nats_entry_next(&body, &op)) {
        count++;
        has_other = has_other || op.type > STORE_DELETE;
        if (count > STORE_OPS_MAX || (has_other && count > 1)) {
            return ERR_PROTO;
        }
    }
    *ret_count = count;
    return body.len > 0 || count == 0 ? ERR_PROTO : OK;
}

/* Whether it can be what it says. */
static bool is_copy_of(const struct store_nats_lot *lot, const struct store_nats_lot_op *op,
                       size_t at, const struct event *event)
{
    return op->op.number <= at && lot->ops[op->op.number - 1].op.type == STORE_APPEND &&
           event_has_hole(event);
}

/* The event, with its bytes in the log; our own job has it already. */
static enum err read_event(struct store_nats_lot *lot, struct store_nats_lot_op *op, size_t at)
{
    struct event event;
    struct span id;

    if (store_record_read(op->op.value, 0, &event) != STORE_RECORD_GOOD ||
        (op->op.is_copy && !is_copy_of(lot, op, at, &event))) {
        return ERR_PROTO;
    }
    id = event_publish_id(&event);
    if (id.len > 0) {
        TRY(store_nats_ids_prepare(&lot->nats->state.ids));
        TRY(store_nats_ids_sum(op->op.name, id, op->sum));
        op->has_sum = true;
        op->is_double = store_nats_ids_find(&lot->nats->state.ids, op->sum) != 0;
    }
    if (lot->item != NULL) {
        op->event = event_ref(lot->item->job->ops[at].event);
        return OK;
    }
    return event_copy(&event, &op->event);
}

static enum err read_ops(struct store_nats_lot *lot, struct span body)
{
    for (size_t i = 0; i < lot->op_count; i++) {
        struct store_nats_lot_op *op = &lot->ops[i];

        if (!store_nats_entry_next(&body, &op->op)) {
            return ERR_PROTO; /* cannot be: it was counted */
        }
        if (has_stream(&op->op)) {
            TRY(store_nats_streams_get(lot->nats, op->op.name, &op->stream));
        }
        if (op->op.type == STORE_APPEND) {
            TRY(read_event(lot, op, i));
        }
    }
    return OK;
}

static size_t locks_of(const struct store_nats *nats, uint64_t holder)
{
    size_t count = 0;

    LIST_FOREACH (node, after, &nats->state.locks.all) {
        count += LIST_ENTRY(node, struct store_nats_lock, node)->image.holder == holder;
    }
    return count;
}

static void use_lock(struct store_nats_lot *lot, struct store_nats_lock *lock)
{
    lock->users++;
    lot->locks[lot->lock_count++].lock = lock;
}

static void use_locks_of(struct store_nats_lot *lot, uint64_t holder)
{
    LIST_FOREACH (node, after, &lot->nats->state.locks.all) {
        struct store_nats_lock *lock = LIST_ENTRY(node, struct store_nats_lock, node);

        if (lock->image.holder == holder) {
            use_lock(lot, lock);
        }
    }
}

static enum err read_locks(struct store_nats_lot *lot)
{
    const struct store_nats_entry_op *op = &lot->ops[0].op;
    bool is_one = op->type == STORE_NATS_ENTRY_LOCK || op->type == STORE_NATS_ENTRY_UNLOCK;
    bool is_end = op->type == STORE_NATS_ENTRY_LEAVE || op->type == STORE_NATS_ENTRY_JOIN;
    size_t count = is_one ? 1 : is_end && op->number != 0 ? locks_of(lot->nats, op->number) : 0;
    struct store_nats_lock *lock;

    if (count == 0) {
        return OK;
    }
    lot->locks = calloc(count, sizeof *lot->locks);
    if (lot->locks == NULL) {
        return ERR_NOMEM;
    }
    if (is_one) {
        TRY(store_nats_locks_get(&lot->nats->state.locks, op->name, &lock));
        use_lock(lot, lock);
    } else {
        use_locks_of(lot, op->number);
    }
    return OK;
}

/* For the operations; the place; every author and one that goes; ids; locks. */
static enum err take_room(struct store_nats_lot *lot)
{
    size_t locks = lot->lock_count;
    size_t keys = 2 + STORE_NATS_STATE_AUTHORS_MAX + lot->op_count + locks;

    LIST_FOREACH (node, after, &lot->nats->state.locks.changed) {
        keys++;
    }
    lot->changes = calloc(lot->op_count + keys, sizeof *lot->changes);
    lot->keys = calloc(keys, sizeof *lot->keys);
    return lot->changes == NULL || lot->keys == NULL ? ERR_NOMEM : OK;
}

enum err store_nats_stage_read(struct store_nats_lot *lot, struct span body)
{
    size_t count;

    TRY(count_ops(body, &count));
    lot->ops = calloc(count, sizeof *lot->ops);
    if (lot->ops == NULL) {
        return ERR_NOMEM;
    }
    lot->op_count = count;
    TRY(read_ops(lot, body));
    TRY(read_locks(lot));
    return take_room(lot);
}

/* ---- changing ---- */

static void change(struct store_nats_lot *lot, const struct store_op *op)
{
    lot->changes[lot->change_count++] = *op;
}

static void append(struct store_nats_lot *lot, struct store_nats_lot_op *op)
{
    struct store_nats_stream *stream = op->stream;

    if (op->is_double) {
        op->eid = store_nats_ids_find(&lot->nats->state.ids, op->sum);
        return;
    }
    if (op->op.is_copy) {
        const struct store_nats_lot_op *origin = &lot->ops[op->op.number - 1];

        op->is_double = origin->is_double; /* its copies are there, too */
        if (op->is_double) {
            return;
        }
        event_set_origin(op->event, origin->eid);
    }
    op->eid = stream->next++;
    stream->keeps_none = stream->keeps_none || op->op.keeps_none;
    if (stream->keeps_none) {
        change(lot, &(struct store_op){
                        .type = STORE_RESERVE, .stream = stream->mirror, .eid = op->eid + 1});
    } else {
        change(lot, &(struct store_op){
                        .type = STORE_APPEND, .stream = stream->mirror, .event = op->event});
    }
    if (lot->item == NULL) {
        op->event->eid = op->eid; /* nobody else has seen it yet */
    }
}

static void remove_events(struct store_nats_lot *lot, struct store_nats_lot_op *op)
{
    struct store_nats_stream *stream = op->stream;
    uint64_t below = op->op.type == STORE_PURGE || op->op.number > stream->next ? stream->next
                                                                                : op->op.number;

    if (op->op.type == STORE_REMOVE) {
        op->gone_first = op->gone_last = op->op.number < stream->next ? op->op.number : 0;
        change(lot, &(struct store_op){
                        .type = STORE_REMOVE, .stream = stream->mirror, .eid = op->op.number});
        return;
    }
    op->gone_first = 1;
    op->gone_last = below == 0 ? 0 : below - 1;
    change(lot, &(struct store_op){.type = STORE_TRIM, .stream = stream->mirror, .eid = below});
}

static void reserve(struct store_nats_lot *lot, struct store_nats_lot_op *op)
{
    if (op->op.number > op->stream->next) {
        op->stream->next = op->op.number;
    }
    change(lot, &(struct store_op){
                    .type = STORE_RESERVE, .stream = op->stream->mirror, .eid = op->op.number});
}

static void set_lock(struct store_nats_lot *lot, struct store_nats_lot_lock *use,
                     uint64_t holder, const struct span *value)
{
    struct span left;

    store_nats_locks_set(&lot->nats->state.locks, use->lock, holder, value);
    left = store_nats_locks_value(use->lock);
    use->holder = holder;
    use->value_len = left.len;
    memcpy(use->value, use->lock->image.value, sizeof use->value);
}

static void lock(struct store_nats_lot *lot)
{
    uint64_t author = lot->head.author;
    struct store_nats_lot_lock *use = &lot->locks[0];
    uint64_t holder = use->lock->image.holder;

    lot->is_won = holder == 0 || holder == author;
    set_lock(lot, use, lot->is_won ? author : holder, NULL);
}

static void unlock(struct store_nats_lot *lot)
{
    struct store_nats_lot_lock *use = &lot->locks[0];
    bool has_it = use->lock->image.holder == lot->head.author;

    set_lock(lot, use, has_it ? 0 : use->lock->image.holder,
             has_it ? &lot->ops[0].op.value : NULL);
}

static void leave(struct store_nats_lot *lot, uint64_t gone)
{
    struct span key;

    for (size_t i = 0; i < lot->lock_count; i++) {
        set_lock(lot, &lot->locks[i], 0, NULL);
    }
    if (store_nats_state_leave(&lot->nats->state, gone)) {
        key = store_nats_state_author_key(gone, lot->keys[lot->key_count++]);
        change(lot, &(struct store_op){.type = STORE_DELETE, .key = key});
    }
}

static void do_op(struct store_nats_lot *lot, struct store_nats_lot_op *op)
{
    switch (op->op.type) {
    case STORE_APPEND: append(lot, op); break;
    case STORE_REMOVE:
    case STORE_TRIM:
    case STORE_PURGE: remove_events(lot, op); break;
    case STORE_RESERVE: reserve(lot, op); break;
    case STORE_PUT:
    case STORE_DELETE:
        change(lot, &(struct store_op){
                        .type = op->op.type, .key = op->op.name, .value = op->op.value});
        break;
    case STORE_NATS_ENTRY_LOCK: lock(lot); break;
    case STORE_NATS_ENTRY_UNLOCK: unlock(lot); break;
    case STORE_NATS_ENTRY_JOIN:
        leave(lot, op->op.number);
        (void)store_nats_state_join(&lot->nats->state, &lot->head, lot->nats->now);
        break;
    case STORE_NATS_ENTRY_LEAVE: leave(lot, op->op.number); break;
    case STORE_NATS_ENTRY_SNAPSHOT: lot->nats->state.at.log_bytes = 0; break;
    default: break; /* a beat says that it lives, and it was heard */
    }
}

static void keep(struct store_nats_lot *lot, struct span key, struct span value)
{
    change(lot, &(struct store_op){.type = value.len == 0 ? STORE_DELETE : STORE_PUT,
                                   .key = key,
                                   .value = value});
}

static void keep_ids(struct store_nats_lot *lot)
{
    struct store_nats_ids *ids = &lot->nats->state.ids;

    for (size_t i = 0; i < lot->op_count; i++) {
        const struct store_nats_lot_op *op = &lot->ops[i];

        if (op->has_sum && !op->is_double) {
            const struct store_nats_ids_slot *slot = store_nats_ids_add(ids, op->sum, op->eid);
            uint8_t *room = lot->keys[lot->key_count++];

            keep(lot, store_nats_state_id_key(store_nats_ids_place(ids, slot), room),
                 span_of(slot, sizeof *slot));
        }
    }
}

static void keep_state(struct store_nats_lot *lot)
{
    struct store_nats_state *state = &lot->nats->state;

    for (size_t i = 0; i < state->author_count; i++) {
        struct store_nats_state_author *author = &state->authors[i];

        if (author->is_changed) {
            author->is_changed = false;
            keep(lot,
                 store_nats_state_author_key(author->image.id, lot->keys[lot->key_count++]),
                 span_of(&author->image, sizeof author->image));
        }
    }
    LIST_FOREACH (node, after, &state->locks.changed) {
        struct store_nats_lock *changed = LIST_ENTRY(node, struct store_nats_lock, changed);

        list_remove(node);
        keep(lot, store_nats_state_lock_key(changed, lot->keys[lot->key_count++]),
             store_nats_locks_kept(changed));
    }
    keep(lot, store_nats_state_place_key(lot->keys[lot->key_count++]),
         span_of(&state->at, sizeof state->at));
}

void store_nats_stage_do(struct store_nats_lot *lot)
{
    for (size_t i = 0; i < lot->op_count; i++) {
        do_op(lot, &lot->ops[i]);
    }
    keep_ids(lot);
    keep_state(lot);
}
