/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_view_plan.h"

#include "store/store_nats_lease.h"
#include "store/store_nats_out.h"
#include "store/store_nats_tell.h"

#include <stdlib.h>

enum {
    AGAIN_AFTER = 1000,    /* ms, when there was no answer */
    REFUSED_AFTER = 60000, /* ms, when the server does not want it */
    SETTLE_WAIT = 8000,    /* ms: a server that has just come may not know its streams yet */
    TRIES_SILENT = 2,      /* without an answer, until the log is told */
    TRIES_MAX = 5,         /* that come to nothing, one each second, until it is */
    GONE_FEW = 64,         /* EIDs, at first */
    GONE_MAX = 4096,       /* to be removed; past it the stream is gone through */
    COMPARE_READS = 4,     /* of the mirror, for one list: the loop has other work */
};

/* Only one realm writes. No key of a realm's begins so. */
static const struct span lock_key = SPAN_INIT("\xffstreams");

static struct store_nats_stream *stream_at(struct list *node)
{
    return LIST_ENTRY(node, struct store_nats_stream, view.node);
}

static void mark(struct store_nats_view *view, struct store_nats_stream *stream)
{
    if (list_is_empty(&stream->view.node)) {
        list_append(&view->dirty, &stream->view.node);
    }
    loop_defer(view->nats->conf.loop, &view->later);
}

/* Looked at again, from the beginning. */
static void doubt(struct store_nats_stream *stream)
{
    struct store_nats_view_stream *kept = &stream->view;

    free(kept->gone);
    kept->gone = NULL;
    kept->gone_count = 0;
    kept->gone_room = 0;
    kept->trimmed = 0;
    kept->step = STORE_NATS_VIEW_UNKNOWN;
    kept->again = 0;
    kept->is_unsure = false;
    kept->compare_from = 0;
}

void store_nats_view_forget(struct store_nats_stream *stream)
{
    list_remove(&stream->view.node);
    list_init(&stream->view.node);
    doubt(stream);
}

/* ---- what has gone ---- */

/* Without room, or without memory, what has gone is found by going through the stream. */
static void add_gone(struct store_nats_view_stream *kept, uint64_t eid)
{
    if (kept->gone_count == kept->gone_room && kept->gone_room < GONE_MAX) {
        size_t room = kept->gone_room == 0 ? GONE_FEW : 2 * kept->gone_room;
        uint64_t *more = realloc(kept->gone, room * sizeof *more);

        if (more != NULL) {
            kept->gone = more;
            kept->gone_room = room;
        }
    }
    if (kept->gone_count == kept->gone_room) {
        kept->is_unsure = true;
        return;
    }
    kept->gone[kept->gone_count++] = eid;
}

static void drop_gone(struct store_nats_view_stream *kept, size_t count)
{
    kept->gone_count -= count;
    if (kept->gone_count > 0) {
        memmove(kept->gone, kept->gone + count, kept->gone_count * sizeof *kept->gone);
    }
}

/* Below this the stream on the server has, or is about to have, what the log has. */
static uint64_t written(const struct store_nats_view *view,
                        const struct store_nats_stream *stream)
{
    return view->stream == stream && view->next > stream->view.next ? view->next
                                                                    : stream->view.next;
}

static void note_op(struct store_nats_view *view, const struct store_nats_lot_op *op)
{
    struct store_nats_view_stream *kept = &op->stream->view;

    if (kept->step == STORE_NATS_VIEW_KNOWN && op->op.type == STORE_REMOVE &&
        op->gone_last != 0 && op->gone_last < written(view, op->stream)) {
        add_gone(kept, op->gone_last);
    }
    mark(view, op->stream);
}

void store_nats_view_told(struct store_nats *nats, const struct store_nats_lot *lot)
{
    struct store_nats_view *view = nats->view;

    if (view == NULL || !view->has_lock) {
        return;
    }
    for (size_t i = 0; i < lot->op_count; i++) {
        if (lot->ops[i].stream != NULL && !lot->ops[i].stream->keeps_none) {
            note_op(view, &lot->ops[i]);
        }
    }
}

/* ---- batches ---- */

/* One that nothing was ever stored in needs no stream yet. */
static bool is_needed(const struct store_nats_stream *stream)
{
    return !stream->keeps_none && stream->stream.next_eid > 1;
}

static bool may_begin(const struct store_nats_view *view)
{
    const struct store_nats *nats = view->nats;

    return view->has_lock && view->stream == NULL && nats->link_state.is_up &&
           !nats->is_broken && nats->now >= view->again;
}

static void go_on(struct store_nats_view *view)
{
    LIST_FOREACH (node, after, &view->dirty) {
        struct store_nats_stream *stream = stream_at(node);
        bool has_work;
        enum err e;

        if (!may_begin(view)) {
            return;
        }
        list_remove(node);
        list_init(node);
        if (!is_needed(stream)) {
            continue;
        }
        view->stream = stream;
        view->batch = store_nats_writer_batch(view->writer);
        e = view->batch == NULL ? ERR_AGAIN : store_nats_view_plan(view, &has_work);
        if (e != OK) { /* no memory, or the mirror cannot be read: the tick tries again */
            view->stream = NULL;
            view->again = view->nats->now + AGAIN_AFTER;
            list_append(&view->dirty, node);
            return;
        }
        if (has_work) {
            store_nats_writer_begin(view->writer);
            return;
        }
        view->stream = NULL;
    }
}

static void on_later(void *ctx)
{
    struct store_nats_view *view = ctx;

    view->nats->now = store_nats_link_clock();
    go_on(view);
}

/* ---- answers ---- */

static void put_off(struct store_nats_view *view, struct store_nats_stream *stream, msec ms)
{
    doubt(stream);
    stream->view.again = view->nats->now + ms;
}

static void refuse(struct store_nats_view *view, struct store_nats_stream *stream,
                   const char *stream_name, const char *why)
{
    if (!stream->view.is_told) {
        log_warn(
            view->nats->conf.log,
            "store: the stream %s is not kept up with \"%.*s\" for now: %s; the events are "
            "safe in the log",
            stream_name, SPAN_ARG(stream->stream.name), why);
    }
    stream->view.is_told = true;
    put_off(view, stream, REFUSED_AFTER);
}

/* Nothing that comes to nothing counts yet. */
static bool is_settling(const struct store_nats_view *view)
{
    return view->nats->now - view->up_since < SETTLE_WAIT;
}

/* It was not as it was thought to be. When that goes on, the server will not have it so. */
static void look_again(struct store_nats_view *view, struct store_nats_stream *stream,
                       const struct store_nats_writer_batch *answer)
{
    if (is_settling(view)) {
        put_off(view, stream, AGAIN_AFTER);
        return;
    }
    if (++stream->view.tries > TRIES_MAX) {
        refuse(view, stream, answer->names.stream, answer->why);
        return;
    }
    put_off(view, stream, stream->view.tries == 1 ? 0 : AGAIN_AFTER);
}

/* What a user may not ask is not answered. Who has the next turn may be answered. */
static void miss_answer(struct store_nats_view *view, struct store_nats_stream *stream,
                        const struct store_nats_writer_batch *answer)
{
    bool is_lost =
        answer->e != ERR_CLOSED || !view->nats->link_state.is_up || is_settling(view);

    view->again = view->nats->now + AGAIN_AFTER; /* some of it may be stored */
    doubt(stream);
    if (is_lost || (++stream->view.tries < TRIES_SILENT && !view->is_silent)) {
        return;
    }
    if (!view->is_silent && !stream->view.is_told) {
        log_warn(
            view->nats->conf.log,
            "store: JetStream does not answer about the stream %s: streams are not kept up "
            "with channels for now (may this user ask $JS.API.STREAM?); the events are "
            "safe in the log",
            answer->names.stream);
    }
    view->is_silent = true;
    stream->view.is_told = true;
    put_off(view, stream, REFUSED_AFTER);
}

static void on_look(struct store_nats_view *view, struct store_nats_stream *stream,
                    const struct store_nats_writer_batch *answer)
{
    struct store_nats_view_stream *kept = &stream->view;
    const struct store_stream *told = &stream->stream;
    bool is_first = kept->step != STORE_NATS_VIEW_KNOWN;
    bool is_same = answer->last + 1 == told->next_eid && answer->count == told->count;

    if (answer->last >= told->next_eid) {
        refuse(view, stream, answer->names.stream,
               "it has events that the log does not know (delete it on the "
               "server, and it is made again)");
        return;
    }
    if (answer->is_remade) {
        log_warn(view->nats->conf.log,
                 "store: the stream %s had messages that no realm had stored, and was made "
                 "again (publish to realms, not to %s)",
                 answer->names.stream, answer->names.events);
    }
    kept->step = STORE_NATS_VIEW_KNOWN;
    kept->next = answer->last + 1;
    kept->is_unsure = is_first && answer->count > 0 && !is_same;
    kept->compare_from = is_first || is_same ? 0 : 1;
}

static void on_written(struct store_nats_view *view, struct store_nats_stream *stream)
{
    struct store_nats_view_stream *kept = &stream->view;

    kept->tries = 0;
    kept->is_told = false;
    kept->next = view->next;
    drop_gone(kept, view->gone_count);
    kept->trimmed = view->trimmed;
}

/* What is listed and not in the mirror is to go. What the mirror has and the list has not is
 * nobody's to put back: the sequence number is used up. */
static bool compare(void *ctx, const struct event *event)
{
    struct store_nats_view *view = ctx;
    const struct store_nats_writer_batch *batch = view->batch;

    while (view->at < batch->eid_count && batch->eids[view->at] < event->eid) {
        add_gone(&view->stream->view, batch->eids[view->at++]);
    }
    if (view->at < batch->eid_count && batch->eids[view->at] == event->eid) {
        view->at++;
    }
    return view->at < batch->eid_count;
}

static void on_list(struct store_nats_view *view, struct store_nats_stream *stream,
                    struct store_nats_writer_batch *answer)
{
    struct store_nats_view_stream *kept = &stream->view;
    uint64_t from = answer->eid_count == 0 ? kept->next : answer->eids[0];
    unsigned reads = 0;

    view->batch = answer;
    view->at = 0;
    while (view->at < answer->eid_count && from < kept->next && reads < COMPARE_READS) {
        if (store_read(stream->mirror, from, compare, view, &from) != OK) {
            return; /* the same list again */
        }
        reads++;
    }
    while (view->at < answer->eid_count &&
           (from >= kept->next || answer->eids[view->at] < from)) {
        add_gone(kept, answer->eids[view->at++]);
    }
    if (view->at < answer->eid_count) {
        kept->compare_from = from;
        return;
    }
    kept->compare_from = answer->is_end ? 0 : answer->eids[answer->eid_count - 1] + 1;
    kept->tries = 0;
}

static void on_answer(struct store_nats_view *view, struct store_nats_stream *stream,
                      struct store_nats_writer_batch *answer)
{
    if (answer->type != STORE_NATS_WRITER_LOOK && stream->view.step != STORE_NATS_VIEW_KNOWN) {
        return; /* it was doubted meanwhile: another look */
    }
    if (answer->e == ERR_LIMIT || answer->e == ERR_CONF) {
        refuse(view, stream, answer->names.stream, answer->why);
        return;
    }
    if (answer->e == ERR_AGAIN) {
        look_again(view, stream, answer);
        return;
    }
    if (answer->e != OK) {
        miss_answer(view, stream, answer);
        return;
    }
    view->is_silent = false;
    switch (answer->type) {
    case STORE_NATS_WRITER_LOOK: on_look(view, stream, answer); break;
    case STORE_NATS_WRITER_WRITE: on_written(view, stream); break;
    case STORE_NATS_WRITER_LIST: on_list(view, stream, answer); break;
    }
}

/* Another server, or the same one after a while: it may take what was refused before. */
static void look_at_link(struct store_nats_view *view)
{
    struct store_nats *nats = view->nats;

    if (view->ups == nats->link_state.ups) {
        return;
    }
    view->ups = nats->link_state.ups;
    view->up_since = nats->now;
    view->is_silent = false;
    LIST_FOREACH (node, after, &nats->streams) {
        struct store_nats_stream *stream = LIST_ENTRY(node, struct store_nats_stream, node);

        stream->view.tries = 0;
        stream->view.again = 0;
    }
}

void store_nats_view_wrote(struct store_nats *nats)
{
    struct store_nats_view *view = nats->view;
    struct store_nats_stream *stream = view == NULL ? NULL : view->stream;
    struct store_nats_writer_batch *answer =
        stream == NULL ? NULL : store_nats_writer_answer(view->writer);

    if (answer == NULL) {
        return;
    }
    look_at_link(view);
    on_answer(view, stream, answer);
    view->stream = NULL;
    if (stream->view.again > nats->now) {
        list_remove(&stream->view.node); /* it may have been told meanwhile */
        list_append(&view->put_off, &stream->view.node);
        loop_defer(nats->conf.loop, &view->later);
    } else {
        mark(view, stream);
    }
}

/* ---- the lock ---- */

static void mark_all(struct store_nats_view *view)
{
    LIST_FOREACH (node, after, &view->nats->streams) {
        struct store_nats_stream *stream = LIST_ENTRY(node, struct store_nats_stream, node);

        doubt(stream);
        list_remove(&stream->view.node);
        mark(view, stream);
    }
}

static void take_up(struct store_nats_view *view)
{
    LIST_FOREACH (node, after, &view->put_off) {
        if (view->nats->now >= stream_at(node)->view.again) {
            list_remove(node);
            list_append(&view->dirty, node);
        }
    }
}

static void look_at_lock(struct store_nats_view *view)
{
    struct store_nats *nats = view->nats;
    const struct store_nats_lock *lock = store_nats_locks_find(&nats->state.locks, lock_key);
    enum store_lock_state state =
        lock == NULL ? STORE_LOCK_FREE : store_nats_tell_state(nats, lock->shown);
    bool has_lock = state == STORE_LOCK_OURS;

    if (has_lock && !view->has_lock) {
        log_info(nats->conf.log, "store: this realm writes the streams of channels on the NATS "
                                 "server now");
        mark_all(view);
    }
    view->has_lock = has_lock;
}

static void on_locked(void *ctx, enum err e, struct span value)
{
    struct store_nats *nats = ctx;

    (void)e, (void)value;
    if (nats->view != NULL) {
        nats->view->is_asking = false;
        look_at_lock(nats->view);
    }
}

static bool may_ask(const struct store_nats *nats)
{
    const struct store_nats_lock *lock = store_nats_locks_find(&nats->state.locks, lock_key);

    return (lock == NULL || lock->image.holder == 0) && nats->link_state.is_up &&
           !nats->is_cut && !nats->is_broken && !nats->store.is_closing;
}

void store_nats_view_tick(struct store_nats *nats)
{
    struct store_nats_view *view = nats->view;

    if (view == NULL) {
        return;
    }
    look_at_lock(view);
    if (!view->is_asking && may_ask(nats)) {
        view->is_asking = store_nats_out_lock(nats, lock_key, on_locked, nats) == OK;
    }
    look_at_link(view);
    take_up(view);
    store_nats_view_wrote(nats); /* if there was no memory to tell it */
    go_on(view);
}

bool store_nats_view_is_behind(const struct store_nats *nats)
{
    const struct store_nats_view *view = nats->view;

    if (view == NULL || !view->has_lock || !nats->link_state.is_up) {
        return false;
    }
    LIST_FOREACH (node, after, &view->dirty) {
        if (is_needed(stream_at(node))) {
            return true;
        }
    }
    return view->stream != NULL;
}

/* ---- its life ---- */

enum err store_nats_view_open(struct store_nats *nats)
{
    struct store_nats_view *view = calloc(1, sizeof *view);
    enum err e;

    if (view == NULL) {
        return ERR_NOMEM;
    }
    e = store_nats_writer_open(nats->link, nats->conf.replicas, &view->writer);
    if (e != OK) {
        free(view);
        return e;
    }
    view->nats = nats;
    list_init(&view->dirty);
    list_init(&view->put_off);
    loop_later_init(&view->later, on_later, view);
    view->ups = nats->link_state.ups; /* it has answered: it is no newcomer */
    nats->view = view;
    return OK;
}

void store_nats_view_fini(struct store_nats *nats)
{
    struct store_nats_view *view = nats->view;

    if (view == NULL) {
        return;
    }
    store_nats_writer_close(view->writer);
    LIST_FOREACH (node, after, &nats->streams) {
        store_nats_view_forget(LIST_ENTRY(node, struct store_nats_stream, node));
    }
    loop_undefer(&view->later);
    free(view);
    nats->view = NULL;
}
