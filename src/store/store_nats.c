/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats.h"

#include "store/store_nats_apply.h"
#include "store/store_nats_lease.h"
#include "store/store_nats_out.h"
#include "store/store_nats_restore.h"
#include "store/store_nats_snap.h"
#include "store/store_nats_streams.h"
#include "store/store_nats_tell.h"
#include "store/store_nats_view.h"
#include "store/store_record.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    TICK = 250,         /* ms */
    LINK_WAIT = 50,     /* ms, while no loop turns */
    CLOSE_WAIT = 5000,  /* ms without an answer */
    VIEW_WAIT = 1000,   /* ms: what others see should be what is stored */
    GOODBYE_WAIT = 1000 /* ms: our last word should reach the server */
};

/* ---- the loop ---- */

static void on_news(void *ctx)
{
    store_nats_apply_news(ctx);
}

static void do_tick(struct store_nats *nats)
{
    nats->now = store_nats_link_clock();
    store_nats_lease_tick(nats);
    store_nats_snap_tick(nats);
    store_nats_view_tick(nats);
    store_nats_apply_again(nats);
    store_nats_apply_tell(nats);
}

/* Without memory for the timer the next turn tries again. */
static void wind(struct store_nats *nats)
{
    if (timer_set(&nats->tick, loop_now(nats->conf.loop) + TICK) != OK) {
        loop_defer(nats->conf.loop, &nats->later);
    }
}

static void on_tick(void *ctx)
{
    struct store_nats *nats = ctx;

    do_tick(nats);
    wind(nats);
}

static void on_later(void *ctx)
{
    struct store_nats *nats = ctx;

    nats->now = store_nats_link_clock();
    store_nats_out_send(nats);
    store_nats_apply_tell(nats);
    if (!list_is_empty(&nats->news)) {
        store_nats_apply_news(nats);
    }
    if (!timer_is_set(&nats->tick)) {
        wind(nats);
    }
}

/* While it opens and closes: what the loop would do. */
static void turn(struct store_nats *nats)
{
    store_nats_out_send(nats);
    (void)store_nats_link_wait(nats->link, LINK_WAIT);
    do_tick(nats);
}

/* ---- the contract ---- */

static bool is_ours(const struct store_op *op)
{
    return (op->type == STORE_PUT || op->type == STORE_DELETE) &&
           store_nats_state_is_key(op->key);
}

static enum err submit(struct store *store, const struct store_op *ops, size_t count,
                       store_done *done, void *ctx)
{
    struct store_nats *nats = store_nats_inside_of(store);
    struct store_job *job;
    size_t bytes = 0;
    enum err e;

    for (size_t i = 0; i < count; i++) {
        size_t event = ops[i].type == STORE_APPEND ? store_record_bytes(ops[i].event) : 0;

        bytes += event + ops[i].key.len + ops[i].value.len + STORE_NAME_MAX;
        if (is_ours(&ops[i]) || bytes > STORE_NATS_ENTRY_BYTES_MAX / 2) {
            return ERR_LIMIT;
        }
    }
    if (nats->is_broken) {
        return ERR_CLOSED;
    }
    TRY(store_job_new(store, ops, count, done, ctx, &job));
    nats->now = store_nats_link_clock();
    e = store_nats_out_job(nats, job);
    if (e != OK) {
        store_job_drop(store, job);
    }
    return e;
}

static enum err open_stream(struct store *store, struct span name, enum store_keep keep,
                            struct store_stream **ret_stream)
{
    struct store_nats *nats = store_nats_inside_of(store);
    struct store_nats_stream *stream = map_find(&nats->by_name, name);

    if ((stream == NULL || !stream->is_opened) &&
        nats->stream_count >= nats->conf.streams_max) {
        return ERR_LIMIT;
    }
    TRY(store_nats_streams_get(nats, name, &stream));
    if (!stream->is_opened) {
        stream->is_opened = true;
        stream->keeps_none = keep == STORE_KEEP_NONE;
        nats->stream_count++;
    }
    *ret_stream = &stream->stream;
    return OK;
}

static enum err has_stream(struct store *store, struct span name, bool *ret_has)
{
    return store_has_stream(store_nats_inside_of(store)->mirror.store, name, ret_has);
}

/* The mirror may have more than was told. */
struct clamped {
    store_visit *visit;
    void *ctx;
    uint64_t below;
};

static bool visit_clamped(void *ctx, const struct event *event)
{
    const struct clamped *clamped = ctx;

    return event->eid < clamped->below && clamped->visit(clamped->ctx, event);
}

static enum err read_events(struct store_stream *stream, uint64_t from, store_visit *visit,
                            void *ctx, uint64_t *ret_next)
{
    struct store_stream *mirror = store_nats_inside_stream(stream)->mirror;
    struct clamped clamped = {visit, ctx, stream->next_eid};
    uint64_t before = mirror->corrupt_count;
    uint64_t next;

    TRY(store_read(mirror, from, visit_clamped, &clamped, &next));
    stream->corrupt_count += mirror->corrupt_count - before;
    stream->store->corrupt_count += mirror->corrupt_count - before;
    *ret_next = next < stream->next_eid ? next : stream->next_eid;
    return OK;
}

static enum err get(struct store *store, struct span key, struct buf *value, bool *ret_found)
{
    *ret_found = false;
    return store_nats_state_is_key(key)
               ? OK
               : store_get(store_nats_inside_of(store)->mirror.store, key, value, ret_found);
}

/* Ours stand behind all others. */
struct theirs {
    store_visit_key *visit;
    void *ctx;
};

static bool visit_theirs(void *ctx, struct span key, struct span value)
{
    const struct theirs *theirs = ctx;

    return !store_nats_state_is_key(key) && theirs->visit(theirs->ctx, key, value);
}

static enum err list(struct store *store, struct span prefix, store_visit_key *visit, void *ctx)
{
    struct theirs theirs = {visit, ctx};

    return store_list(store_nats_inside_of(store)->mirror.store, prefix, visit_theirs, &theirs);
}

static enum err lock(struct store *store, struct span key, store_locked *done, void *ctx)
{
    struct store_nats *nats = store_nats_inside_of(store);
    enum store_lock_state state = store_lock_state(store, key, NULL);

    if (store_nats_state_is_key(key)) {
        return ERR_LIMIT;
    }
    if (nats->is_broken || nats->is_cut || !nats->link_state.is_up) {
        return ERR_CLOSED;
    }
    if (state == STORE_LOCK_THEIRS) {
        return ERR_AGAIN;
    }
    nats->now = store_nats_link_clock();
    return store_nats_out_lock(nats, key, done, ctx);
}

static void unlock(struct store *store, struct span key, struct span value)
{
    struct store_nats *nats = store_nats_inside_of(store);
    struct store_nats_lock *found = store_nats_locks_find(&nats->state.locks, key);

    if (found == NULL || store_nats_tell_state(nats, found->shown) != STORE_LOCK_OURS) {
        return; /* it was lost meanwhile */
    }
    store_nats_locks_show(found, 0, value); /* to us; the others, when the log has it */
    nats->now = store_nats_link_clock();
    store_nats_out_unlock(nats, key, value);
}

static enum store_lock_state lock_state(const struct store *store, struct span key,
                                        struct span *ret_value)
{
    const struct store_nats *nats = store_nats_inside_of(store);
    const struct store_nats_lock *found = store_nats_locks_find(&nats->state.locks, key);

    if (found == NULL) {
        return STORE_LOCK_FREE;
    }
    if (ret_value != NULL) {
        *ret_value = store_nats_locks_shown(found);
    }
    return store_nats_tell_state(nats, found->shown);
}

/* ---- its life ---- */

static void say_goodbye(struct store_nats *nats)
{
    if (nats->is_broken || !store_nats_lease_is_joined(nats) ||
        store_nats_out_word(nats, STORE_NATS_ENTRY_LEAVE, nats->self) != OK) {
        return;
    }
    store_nats_out_send(nats);
    store_nats_link_flush(nats->link, GOODBYE_WAIT);
}

static void give_back(struct store_nats *nats)
{
    store_nats_snap_fini(nats);
    store_nats_view_fini(nats);
    loop_undefer(&nats->later);
    timer_cancel(&nats->tick);
    store_nats_link_close(nats->link);
    store_nats_mirror_close(&nats->mirror);
    store_nats_streams_fini(nats);
    store_nats_state_fini(&nats->state);
    free(nats);
}

/* How much of what we have sent counts. */
static uint64_t counted(struct store_nats *nats)
{
    const struct store_nats_state_author *author =
        store_nats_state_author(&nats->state, nats->self);

    return author == NULL ? 0 : author->image.last;
}

/*
 * Until all is in the log, or has waited for too long. Whoever ends us does not wait as long as
 * publishers do for a server that is lost, or takes nothing.
 */
static void await_answers(struct store_nats *nats)
{
    msec since = store_nats_link_clock();
    uint64_t before = counted(nats);

    while (store_nats_out_is_awaited(nats) && !nats->is_broken &&
           store_nats_link_clock() - since <= CLOSE_WAIT) {
        turn(nats);
        since = counted(nats) != before ? nats->now : since;
        before = counted(nats);
    }
}

/* When no other realm is there to write it, it would be seen with our next start only. */
static void await_view(struct store_nats *nats)
{
    msec until = store_nats_link_clock() + VIEW_WAIT;

    while (store_nats_view_is_behind(nats) && !nats->is_broken &&
           store_nats_link_clock() < until) {
        turn(nats);
    }
}

/* Takes what failed to open, too. */
static void close_store(struct store *store)
{
    struct store_nats *nats = store_nats_inside_of(store);

    store->is_closing = true;
    if (nats->link != NULL) {
        await_answers(nats);
        await_view(nats);
        say_goodbye(nats);
    }
    store_close(nats->mirror.store); /* tells what it had still to store */
    nats->mirror.store = NULL;
    store_nats_out_fail(nats, ERR_CLOSED);
    store_nats_apply_tell(nats);
    store_nats_apply_fini(nats);
    store_nats_out_fini(nats);
    give_back(nats);
}

void store_nats_kill(struct store *store)
{
    struct store_nats *nats = store_nats_inside_of(store);

    nats->is_broken = true; /* what the mirror has still to store is told to nobody */
    store_close(nats->mirror.store);
    nats->mirror.store = NULL;
    store_nats_out_drop(nats);
    store_nats_apply_fini(nats);
    give_back(nats);
}

static const struct store_ops nats_ops = {
    .name = "nats",
    .close = close_store,
    .open_stream = open_stream,
    .has_stream = has_stream,
    .submit = submit,
    .read = read_events,
    .get = get,
    .list = list,
    .lock = lock,
    .unlock = unlock,
    .lock_state = lock_state,
};

/* Everything up to our own word, and so all that was there when we came. */
static enum err catch_up(struct store_nats *nats, char *fault)
{
    msec since = store_nats_link_clock();
    uint64_t place = nats->state.at.place;

    TRY(store_nats_link_start(nats->link, store_nats_state_needed(&nats->state)));
    TRY(store_nats_out_rejoin(nats));
    while (!store_nats_lease_is_joined(nats) || nats->lot_count > 0) {
        turn(nats);
        if (nats->lot_count > 0) {
            store_nats_mirror_drive(&nats->mirror);
        }
        if (nats->state.at.place != place) {
            place = nats->state.at.place;
            since = nats->now;
        }
        if (nats->is_broken || nats->now - since > nats->conf.timeout) {
            (void)snprintf(fault, STORE_NATS_FAULT_BYTES,
                           "the NATS server does not bring the log%s%s",
                           nats->link_state.lost == NULL ? "" : ": ",
                           nats->link_state.lost == NULL ? "" : nats->link_state.lost);
            return ERR_CLOSED;
        }
    }
    return OK;
}

static enum err start(struct store_nats *nats, char *fault)
{
    const struct store_nats_conf *conf = &nats->conf;
    const struct store_nats_link_conf link = {
        .url = conf->url,
        .realm = conf->realm,
        .replicas = conf->replicas,
        .timeout = (int64_t)conf->timeout,
        .mailbox = conf->mailbox,
        .log = conf->log,
        .on_news = on_news,
        .ctx = nats,
    };
    const struct store_nats_mirror_conf mirror = {
        .path = conf->path,
        .bytes_max = conf->bytes_max,
        .loop = conf->loop,
        .log = conf->log,
        .rng = conf->rng,
    };

    TRY(store_nats_link_open(&link, &nats->link, fault));
    TRY(store_nats_mirror_open(&nats->mirror, &mirror, fault));
    TRY(store_nats_restore_mirror(nats, fault));
    (void)snprintf(fault, STORE_NATS_FAULT_BYTES, "out of memory");
    TRY(catch_up(nats, fault));
    TRY(store_nats_mirror_hand_over(&nats->mirror, fault));
    TRY(store_nats_streams_reopen(nats));
    if (conf->has_streams) {
        TRY(store_nats_view_open(nats));
    }
    return timer_set(&nats->tick, loop_now(conf->loop) + TICK);
}

enum err store_nats_open(const struct store_nats_conf *conf, struct store **ret_store,
                         char ret_fault[STORE_NATS_FAULT_BYTES])
{
    struct store_nats *nats = calloc(1, sizeof *nats);
    enum err e;

    static_assert((int)STORE_NATS_FAULT_BYTES == (int)STORE_NATS_SERVER_FAULT_BYTES &&
                      (int)STORE_NATS_FAULT_BYTES == (int)STORE_LMDB_FAULT_BYTES,
                  "a sentence fits everywhere");
    (void)snprintf(ret_fault, STORE_NATS_FAULT_BYTES, "out of memory");
    if (nats == NULL) {
        return ERR_NOMEM;
    }
    nats->store.ops = &nats_ops;
    nats->store.is_shared = true;
    nats->store.pending_bytes_max = conf->pending_bytes_max;
    nats->conf = *conf;
    nats->number = 1;
    nats->lease = MSEC_NEVER;
    store_nats_state_init(&nats->state);
    list_init(&nats->streams);
    map_init(&nats->by_name, SIZE_MAX);
    list_init(&nats->items);
    list_init(&nats->news);
    list_init(&nats->lots);
    loop_later_init(&nats->later, on_later, nats);
    timer_init(&nats->tick, conf->loop, on_tick, nats);
    nats->now = store_nats_link_clock();
    e = start(nats, ret_fault);
    if (e != OK) {
        nats->is_broken = true; /* nobody waits for anything */
        close_store(&nats->store);
        return e;
    }
    *ret_store = &nats->store;
    return OK;
}
