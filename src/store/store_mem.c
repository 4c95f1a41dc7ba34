/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_mem.h"

#include "store/store_mem_lock.h"
#include "store/store_record.h"

#include <stdlib.h>

struct mem {
    struct store store;
    struct store_mem_conf conf;
    struct store_mem_disk *disk; /* borrowed */
    struct list streams;         /* struct store_mem_disk_stream */
    struct map names;            /* the same by name */
    struct list pending;         /* struct store_job; a shared store has them in `share` */
    struct store_mem_share share;
    enum err fails;
};

static void run_shared(struct mem *mem, size_t count)
{
    for (;; count--) {
        store_mem_share_send(&mem->share, mem->conf.bytes_max, mem->fails);
        if (count == 0 || !store_mem_share_tell(&mem->share)) {
            break;
        }
    }
}

void store_mem_run(struct store *store, size_t count)
{
    struct mem *mem = LIST_ENTRY(store, struct mem, store);

    if (store->is_shared) {
        run_shared(mem, count);
        return;
    }
    for (; count > 0 && !list_is_empty(&mem->pending); count--) {
        struct store_job *job = LIST_ENTRY(mem->pending.next, struct store_job, node);

        list_remove(&job->node);
        job->e = mem->fails != OK ? mem->fails
                                  : store_mem_disk_do(mem->disk, job, mem->conf.bytes_max);
        store_job_tell(store, job);
    }
}

/* ---- the contract ---- */

static enum err submit(struct store *store, const struct store_op *ops, size_t count,
                       store_done *done, void *ctx)
{
    struct mem *mem = LIST_ENTRY(store, struct mem, store);
    bool was_idle = list_is_empty(&mem->pending);
    struct store_job *job;
    enum err e;

    TRY(store_job_new(store, ops, count, done, ctx, &job));
    if (store->is_shared) {
        e = store_mem_share_submit(&mem->share, job);
        if (e != OK) {
            store_job_drop(store, job);
        }
        return e;
    }
    list_append(&mem->pending, &job->node);
    if (was_idle && mem->conf.on_pending != NULL) {
        mem->conf.on_pending(mem->conf.ctx);
    }
    return OK;
}

static enum err make_kept(struct mem *mem, struct span name, enum store_keep keep,
                          struct store_mem_disk_kept **ret_kept)
{
    uint64_t epoch;

    rng_fill(mem->conf.rng, mspan_of((uint8_t *)&epoch, sizeof epoch));
    TRY(store_mem_disk_make(mem->disk, name, epoch, ret_kept));
    (*ret_kept)->keeps_none = mem->store.is_shared && keep == STORE_KEEP_NONE;
    return OK;
}

static enum err stream_new(struct mem *mem, struct store_mem_disk_kept *kept,
                           struct store_mem_disk_stream **ret_made)
{
    struct store_mem_disk_stream *made = calloc(1, sizeof *made);
    enum err e;

    if (made == NULL) {
        return ERR_NOMEM;
    }
    made->kept = kept;
    made->stream.store = &mem->store;
    made->stream.name = span_str(kept->name);
    made->stream.epoch = kept->epoch;
    made->stream.first_eid = store_mem_disk_first_eid(kept);
    made->stream.next_eid = kept->next_eid;
    made->stream.count = kept->count;
    made->stream.bytes = kept->bytes;
    e = map_insert(&mem->names, made->stream.name, made);
    if (e != OK) {
        free(made);
        return e;
    }
    list_append(&mem->streams, &made->node);
    list_init(&made->reader);
    if (mem->store.is_shared) {
        made->share = &mem->share;
        list_append(&kept->readers, &made->reader);
    }
    *ret_made = made;
    return OK;
}

static enum err open_stream(struct store *store, struct span name, enum store_keep keep,
                            struct store_stream **ret_stream)
{
    struct mem *mem = LIST_ENTRY(store, struct mem, store);
    struct store_mem_disk_stream *known = map_find(&mem->names, name);

    if (known == NULL) {
        struct store_mem_disk_kept *kept = store_mem_disk_find(mem->disk, name);

        if (map_count(&mem->names) >= mem->conf.streams_max) {
            return ERR_LIMIT;
        }
        if (kept == NULL) {
            TRY(make_kept(mem, name, keep, &kept));
        }
        TRY(stream_new(mem, kept, &known));
    }
    *ret_stream = &known->stream;
    return OK;
}

static enum err has_stream(struct store *store, struct span name, bool *ret_has)
{
    const struct mem *mem = LIST_ENTRY(store, struct mem, store);
    const struct store_mem_disk_kept *kept = store_mem_disk_find(mem->disk, name);

    *ret_has = kept != NULL && kept->next_eid > 1;
    return OK;
}

static enum err read_events(struct store_stream *stream, uint64_t from, store_visit *visit,
                            void *ctx, uint64_t *ret_next)
{
    struct mem *mem = LIST_ENTRY(stream->store, struct mem, store);
    struct store_mem_disk_kept *kept =
        LIST_ENTRY(stream, struct store_mem_disk_stream, stream)->kept;
    size_t at = store_mem_disk_place(kept, from);
    size_t end = store_mem_disk_place(kept, stream->next_eid); /* what was told */

    for (size_t shown = 0; shown < STORE_READ_EVENTS_MAX && at < end; at++) {
        const struct store_mem_disk_record *record = store_mem_disk_at(kept, at);
        struct event event;
        enum store_record_fault fault =
            store_record_read(span_of(record->bytes, record->len), record->eid, &event);

        if (fault != STORE_RECORD_GOOD) {
            store_record_report(mem->conf.log, stream, record->eid, fault);
            continue;
        }
        shown++;
        if (!visit(ctx, &event)) {
            at++;
            break;
        }
    }
    *ret_next = at < end ? store_mem_disk_at(kept, at)->eid : stream->next_eid;
    return OK;
}

static enum err get(struct store *store, struct span key, struct buf *value, bool *ret_found)
{
    const struct store_mem_disk *disk = LIST_ENTRY(store, struct mem, store)->disk;
    size_t at = store_mem_disk_key_place(disk, key);
    bool found =
        at < disk->value_count && span_equal(store_mem_disk_key(&disk->values[at]), key);

    if (found) {
        const struct store_mem_disk_entry *kept = &disk->values[at];

        TRY(buf_append(value, store_mem_disk_value(kept)));
    }
    *ret_found = found;
    return OK;
}

static enum err list(struct store *store, struct span prefix, store_visit_key *visit, void *ctx)
{
    const struct store_mem_disk *disk = LIST_ENTRY(store, struct mem, store)->disk;

    for (size_t at = store_mem_disk_key_place(disk, prefix); at < disk->value_count; at++) {
        const struct store_mem_disk_entry *kept = &disk->values[at];

        if (!span_starts(store_mem_disk_key(kept), prefix) ||
            !visit(ctx, store_mem_disk_key(kept), store_mem_disk_value(kept))) {
            break;
        }
    }
    return OK;
}

static enum err lock(struct store *store, struct span key, store_locked *done, void *ctx)
{
    return store_mem_share_lock(&LIST_ENTRY(store, struct mem, store)->share, key, done, ctx);
}

static void unlock(struct store *store, struct span key, struct span value)
{
    store_mem_share_unlock(&LIST_ENTRY(store, struct mem, store)->share, key, value);
}

static enum store_lock_state lock_state(const struct store *store, struct span key,
                                        struct span *ret_value)
{
    return store_mem_share_lock_state(&LIST_ENTRY(store, const struct mem, store)->share, key,
                                      ret_value);
}

static void give_back(struct mem *mem)
{
    if (mem->store.is_shared) {
        store_mem_share_leave(&mem->share);
    } else {
        mem->disk->is_open = false;
    }
    map_fini(&mem->names);
    LIST_FOREACH (node, after, &mem->streams) {
        struct store_mem_disk_stream *stream =
            LIST_ENTRY(node, struct store_mem_disk_stream, node);

        list_remove(&stream->reader);
        free(stream);
    }
    free(mem);
}

static void close_store(struct store *store)
{
    struct mem *mem = LIST_ENTRY(store, struct mem, store);

    store_mem_run(store, SIZE_MAX);
    give_back(mem);
}

void store_mem_kill(struct store *store)
{
    struct mem *mem;

    if (store == NULL) {
        return;
    }
    mem = LIST_ENTRY(store, struct mem, store);
    LIST_FOREACH (node, after, &mem->pending) {
        store_job_drop(store, LIST_ENTRY(node, struct store_job, node));
    }
    give_back(mem);
}

void store_mem_fail(struct store *store, enum err e)
{
    LIST_ENTRY(store, struct mem, store)->fails = e;
}

void store_mem_lose_locks(struct store *store)
{
    store_mem_lock_release_all(&LIST_ENTRY(store, struct mem, store)->share, NULL);
}

static const struct store_ops mem_ops = {
    .name = "mem",
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

enum err store_mem_open(const struct store_mem_conf *conf, struct store_mem_disk *disk,
                        struct store **ret_store)
{
    struct mem *mem = calloc(1, sizeof *mem);

    if (mem == NULL) {
        return ERR_NOMEM;
    }
    assert(!disk->is_open && (conf->is_shared || list_is_empty(&disk->sharers)));
    mem->store.ops = &mem_ops;
    mem->store.pending_bytes_max = conf->pending_bytes_max;
    mem->conf = *conf;
    mem->disk = disk;
    list_init(&mem->streams);
    list_init(&mem->pending);
    map_init(&mem->names, SIZE_MAX);
    mem->store.is_shared = conf->is_shared;
    mem->share.store = &mem->store;
    mem->share.on_pending = conf->on_pending;
    mem->share.ctx = conf->ctx;
    if (conf->is_shared) {
        enum err e = store_mem_share_join(&mem->share, disk);

        if (e != OK) {
            free(mem);
            return e;
        }
    } else {
        disk->is_open = true;
    }
    *ret_store = &mem->store;
    return OK;
}
