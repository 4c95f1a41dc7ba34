/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_lmdb_write.h"

static MDB_val val_of(struct span bytes)
{
    return (MDB_val){bytes.len, (void *)(uintptr_t)bytes.ptr};
}

static struct store_lmdb_write_stream *stream_of(const struct store_op *op)
{
    return LIST_ENTRY(op->stream, struct store_lmdb_write_stream, stream);
}

/* ---- numbers ---- */

/* The database is asked in each transaction: what is in it is the truth, whatever became of the
 * transaction before. */
static int load_numbers(struct store_lmdb_writer *writer,
                        struct store_lmdb_write_stream *stream)
{
    MDB_val key = val_of(stream->stream.name);
    MDB_val value;
    int code = mdb_get(writer->change.txn, writer->change.env->streams, &key, &value);

    if (code == MDB_NOTFOUND) {
        stream->now = (struct store_lmdb_data_numbers){
            .id = stream->id, .epoch = stream->epoch, .first_eid = 1, .next_eid = 1};
        return 0;
    }
    if (code == 0 &&
        !store_lmdb_data_read(span_of(value.mv_data, value.mv_size), &stream->now)) {
        return MDB_CORRUPTED;
    }
    return code;
}

static int touch(struct store_lmdb_writer *writer, struct store_lmdb_write_stream *stream)
{
    int code = 0;

    if (list_is_empty(&stream->touched)) {
        code = load_numbers(writer, stream);
        if (code == 0) {
            list_append(&writer->touched, &stream->touched);
        }
    }
    return code;
}

static int save_numbers(struct store_lmdb_writer *writer)
{
    LIST_FOREACH (node, after, &writer->touched) {
        struct store_lmdb_write_stream *stream =
            LIST_ENTRY(node, struct store_lmdb_write_stream, touched);
        uint8_t room[STORE_LMDB_DATA_NUMBERS_BYTES];
        MDB_val key = val_of(stream->stream.name);
        MDB_val value = {sizeof room, room};
        int code;

        store_lmdb_data_write(&stream->now, room);
        code = mdb_put(writer->change.txn, writer->change.env->streams, &key, &value, 0);
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

/* ---- the transaction ---- */

static int begin(struct store_lmdb_writer *writer)
{
    int code = writer->change.env->mdb == NULL
                   ? MDB_PANIC
                   : mdb_txn_begin(writer->change.env->mdb, NULL, 0, &writer->change.txn);

    if (code == MDB_PANIC && store_lmdb_env_heal(writer->change.env) == OK) {
        code = mdb_txn_begin(writer->change.env->mdb, NULL, 0, &writer->change.txn);
    }
    if (code == 0) {
        code = mdb_cursor_open(writer->change.txn, writer->change.env->events,
                               &writer->change.events);
        if (code != 0) {
            mdb_txn_abort(writer->change.txn);
        }
    }
    if (code != 0) {
        writer->change.txn = NULL;
    }
    return code;
}

static void forget_numbers(struct store_lmdb_writer *writer)
{
    LIST_FOREACH (node, after, &writer->touched) {
        list_remove(node);
    }
}

/* Commits when `code` is 0, else aborts; what went wrong, first or now. */
static int end(struct store_lmdb_writer *writer, int code)
{
    if (writer->change.txn == NULL) {
        return code;
    }
    mdb_cursor_close(writer->change.events);
    if (code == 0) {
        code = save_numbers(writer);
    }
    if (code == 0) {
        /* Synced: data first, then the page that names it. */
        code = mdb_txn_commit(writer->change.txn);
    } else {
        mdb_txn_abort(writer->change.txn);
    }
    writer->change.txn = NULL;
    forget_numbers(writer);
    return code;
}

/* ---- operations ---- */

static int do_op(struct store_lmdb_writer *writer, struct store_job *job, size_t i)
{
    struct store_op *op = &job->ops[i];
    struct store_lmdb_data_numbers *now;
    int code;

    if (op->type == STORE_PUT || op->type == STORE_DELETE) {
        return store_lmdb_change_do(&writer->change, op, NULL, &job->eids[i]);
    }
    code = touch(writer, stream_of(op));
    if (code != 0) {
        return code;
    }
    if (op->copy_of > 0) {
        op->eid = job->eids[op->copy_of - 1];
    }
    now = &stream_of(op)->now;
    code = store_lmdb_change_do(&writer->change, op, now, &job->eids[i]);
    job->after[i] = (struct store_job_after){
        .first_eid = now->first_eid,
        .next_eid = now->next_eid,
        .count = now->count,
        .bytes = now->bytes,
    };
    return code;
}

static int do_job(struct store_lmdb_writer *writer, struct store_job *job)
{
    int code = 0;

    for (size_t i = 0; code == 0 && i < job->count; i++) {
        code = do_op(writer, job, i);
    }
    return code;
}

/* ---- sweeping ---- */

/* One transaction that only takes away: it may use what is held back. */
static int sweep_once(struct store_lmdb_writer *writer)
{
    int code;

    do {
        code = begin(writer);
        if (code == 0) {
            code = end(writer, store_lmdb_change_sweep(&writer->change));
        }
    } while (code == MDB_MAP_FULL && store_lmdb_env_grow(writer->change.env, true));
    return code;
}

void store_lmdb_write_sweep(struct store_lmdb_writer *writer)
{
    int code = sweep_once(writer);

    if (code == 0) {
        writer->has_freed = true;
    } else {
        /* Nothing is left, or it does not work now: the next trim or start tries again. */
        writer->change.has_sweeps = false;
        if (code != MDB_NOTFOUND) {
            (void)store_lmdb_env_err(writer->change.env, code, "sweep");
        }
    }
    store_lmdb_env_settle(writer->change.env);
}

/* ---- room ---- */

/* Pages that a transaction frees can be had from the second one after it on. */
static bool age_freed(struct store_lmdb_writer *writer)
{
    static char name[] = "age";
    MDB_val key = {sizeof name - 1, name};
    MDB_val value = {0, name};
    int code;

    if (!writer->has_freed) {
        return false;
    }
    writer->has_freed = false;
    do {
        code = begin(writer);
        if (code == 0) { /* a transaction that changes nothing is none */
            code = end(writer,
                       mdb_put(writer->change.txn, writer->change.env->mark, &key, &value, 0));
        }
    } while (code == MDB_MAP_FULL && store_lmdb_env_grow(writer->change.env, true));
    store_lmdb_env_settle(writer->change.env);
    return code == 0;
}

/* Whether it is worth trying again. */
static bool make_room(struct store_lmdb_writer *writer, bool for_removal)
{
    if (store_lmdb_env_grow(writer->change.env, for_removal)) {
        return true;
    }
    if (age_freed(writer)) {
        return true;
    }
    if (writer->change.has_sweeps) {
        store_lmdb_write_sweep(writer);
        return writer->change.has_sweeps;
    }
    return false;
}

/* ---- jobs ---- */

static int try_jobs(struct store_lmdb_writer *writer, struct list *jobs)
{
    int code = begin(writer);

    if (code != 0) {
        return code;
    }
    LIST_FOREACH (node, after, jobs) {
        code = do_job(writer, LIST_ENTRY(node, struct store_job, node));
        if (code != 0) {
            break;
        }
    }
    return end(writer, code);
}

static bool need_room(const struct list *jobs, bool *ret_free_some)
{
    bool needed = false;

    *ret_free_some = false;
    LIST_FOREACH (node, after, jobs) {
        const struct store_job *job = LIST_ENTRY(node, struct store_job, node);

        needed = needed || job->needs_room;
        for (size_t i = 0; i < job->count; i++) {
            *ret_free_some = *ret_free_some || job->ops[i].type == STORE_REMOVE ||
                             job->ops[i].type == STORE_TRIM ||
                             job->ops[i].type == STORE_PURGE ||
                             job->ops[i].type == STORE_DELETE;
        }
    }
    return needed;
}

static int write_all(struct store_lmdb_writer *writer, struct list *jobs)
{
    bool frees;
    bool needs_room = need_room(jobs, &frees);
    int code;

    do {
        code = try_jobs(writer, jobs);
    } while (code == MDB_MAP_FULL && make_room(writer, !needs_room));
    if (!needs_room) {
        store_lmdb_env_settle(writer->change.env);
    }
    if (code == 0) {
        writer->has_freed = writer->has_freed || frees;
        store_lmdb_env_went_well(writer->change.env, needs_room);
    }
    return code;
}

static enum err outcome(struct store_lmdb_writer *writer, int code)
{
    return code == 0 ? OK : store_lmdb_env_err(writer->change.env, code, "write to");
}

static void write_alone(struct store_lmdb_writer *writer, struct store_job *job)
{
    struct list alone;

    list_init(&alone);
    list_append(&alone, &job->node);
    job->e = outcome(writer, write_all(writer, &alone));
    list_remove(&job->node);
}

/* Whether it may be one of them that cannot be done; not a disk that does nothing at all.
 * LMDB's own faults are below zero, the system's above. */
static bool may_be_one(const struct store_lmdb_writer *writer, int code)
{
    return (code < 0 && code != MDB_PANIC) ||
           (code > 0 && store_lmdb_env_is_full(writer->change.env, code));
}

void store_lmdb_write_jobs(struct store_lmdb_writer *writer, struct list *jobs)
{
    bool is_one = jobs->next->next == jobs;
    int code = write_all(writer, jobs);
    bool one_by_one = !is_one && may_be_one(writer, code);
    enum err e = one_by_one ? OK : outcome(writer, code);
    struct list done;

    list_init(&done);
    LIST_FOREACH (node, after, jobs) {
        struct store_job *job = LIST_ENTRY(node, struct store_job, node);

        job->e = e;
        if (one_by_one) {
            list_remove(node);
            write_alone(writer, job);
            list_append(&done, node);
        }
    }
    list_splice(jobs, &done);
}

void store_lmdb_write_init(struct store_lmdb_writer *writer, struct store_lmdb_env *env)
{
    *writer = (struct store_lmdb_writer){.change = {.env = env, .has_sweeps = true},
                                         .has_freed = true};
    list_init(&writer->touched);
}
