/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_tell.h"

#include "store/store_nats_out.h"
#include "store/store_nats_refusal.h"
#include "store/store_nats_streams.h"
#include "store/store_record.h"

enum store_lock_state store_nats_tell_state(const struct store_nats *nats, uint64_t holder)
{
    return holder == 0                                        ? STORE_LOCK_FREE
           : holder == nats->self && !nats->is_cut            ? STORE_LOCK_OURS
           : holder == nats->self || holder == nats->old_self ? STORE_LOCK_FREE
                                                              : STORE_LOCK_THEIRS;
}

/* ---- streams and keys ---- */

static void tell_event(struct store_nats *nats, struct store_nats_lot_op *op)
{
    struct store_stream *stream = &op->stream->stream;

    if (op->is_double) {
        return;
    }
    store_nats_streams_show_event(nats, op->stream, op->eid, store_record_bytes(op->event));
    if (stream->watch != NULL) {
        stream->watch->on_event(stream->watch_ctx, op->event);
    }
}

static void tell_gone(struct store_nats_lot *lot, struct store_nats_lot_op *op)
{
    struct store_stream *stream = &op->stream->stream;
    uint64_t first = op->gone_first;

    if (op->op.type != STORE_REMOVE && first < stream->first_eid) {
        first = stream->first_eid;
    }
    if (lot->op_count == 1) { /* otherwise others may have to be told of before */
        store_nats_streams_show(lot->nats, op->stream);
    }
    if (stream->watch != NULL && first != 0 && first <= op->gone_last) {
        stream->watch->on_gone(stream->watch_ctx, first, op->gone_last);
    }
}

static void tell_key(struct store_nats *nats, const struct store_nats_lot_op *op)
{
    const struct store_watch *watch = nats->store.watch;

    if (watch != NULL) {
        watch->on_key(nats->store.watch_ctx, op->op.name,
                      op->op.type == STORE_PUT ? &op->op.value : NULL);
    }
}

static void tell_op(struct store_nats_lot *lot, struct store_nats_lot_op *op)
{
    switch (op->op.type) {
    case STORE_APPEND: tell_event(lot->nats, op); break;
    case STORE_REMOVE:
    case STORE_TRIM:
    case STORE_PURGE: tell_gone(lot, op); break;
    case STORE_PUT:
    case STORE_DELETE: tell_key(lot->nats, op); break;
    default: break;
    }
}

static void show_streams(struct store_nats_lot *lot)
{
    for (size_t i = 0; i < lot->op_count; i++) {
        if (lot->ops[i].stream != NULL) {
            store_nats_streams_show(lot->nats, lot->ops[i].stream);
        }
    }
}

/* ---- locks ---- */

static void tell_lock(struct store_nats *nats, const struct store_nats_lot_lock *use)
{
    enum store_lock_state before = store_nats_tell_state(nats, use->lock->shown);
    enum store_lock_state state = store_nats_tell_state(nats, use->holder);
    const struct span value = span_of(use->value, use->value_len);
    bool is_same = before == state && use->lock->shown == use->holder &&
                   span_equal(store_nats_locks_shown(use->lock), value);

    store_nats_locks_show(use->lock, use->holder, value);
    if (!is_same && nats->store.watch != NULL) {
        nats->store.watch->on_lock(nats->store.watch_ctx, store_nats_locks_key(use->lock),
                                   state, value);
    }
}

/* Ours, or our question: the answer is `done`. */
static void tell_answer(struct store_nats_lot *lot, struct store_nats_item *item)
{
    const struct store_nats_lot_lock *use = &lot->locks[0];

    store_nats_locks_show(use->lock, use->holder, span_of(use->value, use->value_len));
    if (item->type == STORE_NATS_ENTRY_LOCK) {
        item->locked(item->ctx, lot->is_won ? OK : ERR_AGAIN,
                     lot->is_won ? span_of(use->value, use->value_len) : SPAN(""));
    }
}

/* The answer came too late: who asked was told that it is not known. */
static bool is_late_answer(const struct store_nats_lot *lot)
{
    return lot->item == NULL && lot->head.author == lot->nats->self && lot->op_count == 1 &&
           lot->ops[0].op.type == STORE_NATS_ENTRY_LOCK;
}

static void give_back_lock(struct store_nats_lot *lot)
{
    const struct store_nats_lot_lock *use = &lot->locks[0];

    if (lot->is_won) {
        store_nats_locks_show(use->lock, use->holder, span_of(use->value, use->value_len));
        store_nats_out_unlock(lot->nats, store_nats_locks_key(use->lock),
                              span_of(use->value, use->value_len));
    }
}

void store_nats_tell_locks_lost(struct store_nats *nats)
{
    LIST_FOREACH (node, after, &nats->state.locks.all) {
        struct store_nats_lock *lock = LIST_ENTRY(node, struct store_nats_lock, node);

        if (lock->shown != 0 && lock->shown == nats->self) {
            lock->shown = 0;
            if (nats->store.watch != NULL) {
                nats->store.watch->on_lock(nats->store.watch_ctx, store_nats_locks_key(lock),
                                           STORE_LOCK_FREE, store_nats_locks_shown(lock));
            }
        }
    }
}

/* ---- ours ---- */

static void tell_job(struct store_nats_lot *lot, struct store_job *job)
{
    show_streams(lot);
    for (size_t i = 0; i < job->count; i++) {
        const struct store_nats_lot_op *op = &lot->ops[i];

        job->eids[i] = op->eid;
        if (op->stream != NULL) {
            job->after[i] = (struct store_job_after){
                .first_eid = op->stream->stream.first_eid,
                .next_eid = op->stream->stream.next_eid,
                .count = op->stream->stream.count,
                .bytes = op->stream->stream.bytes,
            };
        }
    }
    if (job->needs_room) {
        store_nats_refusal_over(lot->nats);
    }
    job->e = OK;
    store_job_tell(&lot->nats->store, job);
}

void store_nats_tell_failed(struct store_nats *nats, struct store_nats_item *item)
{
    nats->room -= item->bytes;
    if (item->job != NULL) {
        item->job->e = item->e;
        store_job_tell(&nats->store, item->job);
    } else if (item->type == STORE_NATS_ENTRY_LOCK) {
        item->locked(item->ctx, item->e, SPAN(""));
    }
}

void store_nats_tell_lot(struct store_nats_lot *lot)
{
    struct store_nats *nats = lot->nats;
    struct store_nats_item *item = lot->item;

    if (item != NULL) {
        nats->room -= item->bytes;
    }
    if (item != NULL && item->job != NULL) {
        tell_job(lot, item->job);
        return;
    }
    if (item != NULL && lot->lock_count == 1 &&
        (item->type == STORE_NATS_ENTRY_LOCK || item->type == STORE_NATS_ENTRY_UNLOCK)) {
        tell_answer(lot, item);
        return;
    }
    if (is_late_answer(lot)) {
        give_back_lock(lot);
        return;
    }
    if (lot->op_count == 1 && lot->ops[0].op.type == STORE_NATS_ENTRY_LOCK && !lot->is_won) {
        return; /* nothing has changed */
    }
    for (size_t i = 0; i < lot->op_count; i++) {
        tell_op(lot, &lot->ops[i]);
    }
    show_streams(lot);
    for (size_t i = 0; i < lot->lock_count; i++) {
        tell_lock(nats, &lot->locks[i]);
    }
}
