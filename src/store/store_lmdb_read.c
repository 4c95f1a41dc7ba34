/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_lmdb_read.h"

#include "base/text.h"
#include "store/store_record.h"

static struct span span_of_val(MDB_val val)
{
    return span_of(val.mv_data, val.mv_size);
}

static MDB_val val_of(struct span bytes)
{
    return (MDB_val){bytes.len, (void *)(uintptr_t)bytes.ptr};
}

static enum err outcome(struct store_lmdb_env *env, int code)
{
    return code == 0 || code == MDB_NOTFOUND ? OK : store_lmdb_env_err(env, code, "read");
}

/* One reading of a stream's events. */
struct reading {
    struct store_lmdb_env *env;
    struct store_stream *stream;
    uint64_t id;
    MDB_cursor *cursor;
};

/* The record under the cursor, if it is one to be shown: not of another stream, and told. */
static int look(const struct reading *reading, MDB_val key, uint64_t *ret_eid)
{
    uint64_t id;

    if (!store_lmdb_data_read_key(span_of_val(key), &id, ret_eid)) {
        return MDB_CORRUPTED;
    }
    return id == reading->id && *ret_eid < reading->stream->next_eid ? 0 : MDB_NOTFOUND;
}

/* False: enough. */
static bool show(const struct reading *reading, struct span record, uint64_t eid,
                 store_visit *visit, void *ctx, size_t *shown)
{
    struct event event;
    enum store_record_fault fault = store_record_read(record, eid, &event);

    if (fault != STORE_RECORD_GOOD) {
        store_record_report(reading->env->log, reading->stream, eid, fault);
        return true;
    }
    (*shown)++;
    return visit(ctx, &event) && *shown < STORE_READ_EVENTS_MAX;
}

static int read_from(const struct reading *reading, uint64_t from, store_visit *visit,
                     void *ctx, uint64_t *ret_next)
{
    uint8_t bytes[STORE_LMDB_DATA_KEY_BYTES];
    MDB_val key = {sizeof bytes, bytes};
    MDB_val record;
    bool is_enough = false;
    size_t shown = 0;
    int code;

    store_lmdb_data_key(reading->id, from, bytes);
    code = mdb_cursor_get(reading->cursor, &key, &record, MDB_SET_RANGE);
    for (;;) {
        uint64_t eid;

        if (code == 0) {
            code = look(reading, key, &eid);
        }
        if (code != 0 || is_enough) {
            *ret_next = code == 0 ? eid : reading->stream->next_eid;
            return code;
        }
        is_enough = !show(reading, span_of_val(record), eid, visit, ctx, &shown);
        code = mdb_cursor_get(reading->cursor, &key, &record, MDB_NEXT);
    }
}

enum err store_lmdb_read_events(struct store_lmdb_env *env, struct store_stream *stream,
                                uint64_t id, uint64_t from, store_visit *visit, void *ctx,
                                uint64_t *ret_next)
{
    struct reading reading = {.env = env, .stream = stream, .id = id};
    uint64_t next = stream->next_eid;
    MDB_txn *txn;
    enum err e;
    int code;

    if (from < stream->first_eid) {
        from = stream->first_eid; /* what is below is rubbish that is still to be swept */
    }
    if (from >= stream->next_eid) {
        *ret_next = next;
        return OK;
    }
    TRY(store_lmdb_env_read(env, &txn));
    code = mdb_cursor_open(txn, env->events, &reading.cursor);
    if (code == 0) {
        code = read_from(&reading, from, visit, ctx, &next);
        mdb_cursor_close(reading.cursor);
    }
    e = outcome(env, code);
    store_lmdb_env_read_end(env);
    if (e == OK) {
        *ret_next = next;
    }
    return e;
}

enum err store_lmdb_read_key(struct store_lmdb_env *env, struct span key, struct buf *value,
                             bool *ret_found)
{
    MDB_val name = val_of(key);
    MDB_val found;
    MDB_txn *txn;
    enum err e;
    int code;

    TRY(store_lmdb_env_read(env, &txn));
    code = mdb_get(txn, env->state, &name, &found);
    e = outcome(env, code);
    if (code == 0) {
        e = buf_append(value, span_of_val(found));
    }
    store_lmdb_env_read_end(env);
    if (e == OK) {
        *ret_found = code == 0;
    }
    return e;
}

enum err store_lmdb_read_keys(struct store_lmdb_env *env, struct span prefix,
                              store_visit_key *visit, void *ctx)
{
    MDB_val key = val_of(prefix);
    MDB_val value;
    MDB_cursor *cursor;
    MDB_txn *txn;
    enum err e;
    int code;

    TRY(store_lmdb_env_read(env, &txn));
    code = mdb_cursor_open(txn, env->state, &cursor);
    if (code == 0) {
        code =
            mdb_cursor_get(cursor, &key, &value, prefix.len == 0 ? MDB_FIRST : MDB_SET_RANGE);
        while (code == 0 && span_starts(span_of_val(key), prefix) &&
               visit(ctx, span_of_val(key), span_of_val(value))) {
            code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        }
        mdb_cursor_close(cursor);
    }
    e = outcome(env, code);
    store_lmdb_env_read_end(env);
    return e;
}

static enum err refuse_numbers(const struct store_lmdb_env *env, struct span name)
{
    char text[4 * STORE_NAME_MAX + 1];

    log_error(
        env->log,
        "store: the numbers of %s in %s cannot be read: the stream is not opened, so that "
        "it gives out no EID twice",
        text_printable(name, text, sizeof text), env->path);
    return ERR_IO;
}

enum err store_lmdb_read_numbers(struct store_lmdb_env *env, struct span name,
                                 struct store_lmdb_data_numbers *ret_numbers, bool *ret_found)
{
    MDB_val key = val_of(name);
    MDB_val value;
    MDB_txn *txn;
    enum err e;
    int code;

    TRY(store_lmdb_env_read(env, &txn));
    code = mdb_get(txn, env->streams, &key, &value);
    e = outcome(env, code);
    if (code == 0 && !store_lmdb_data_read(span_of_val(value), ret_numbers)) {
        e = refuse_numbers(env, name);
    }
    store_lmdb_env_read_end(env);
    if (e == OK) {
        *ret_found = code == 0;
    }
    return e;
}

enum err store_lmdb_read_next_id(struct store_lmdb_env *env, uint64_t *ret_id)
{
    struct store_lmdb_data_numbers numbers;
    uint64_t next = 1;
    MDB_val key, value;
    MDB_cursor *cursor;
    MDB_txn *txn;
    enum err e;
    int code;

    TRY(store_lmdb_env_read(env, &txn));
    code = mdb_cursor_open(txn, env->streams, &cursor);
    if (code == 0) {
        while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
            /* One that cannot be read is refused when it is opened, but keeps its events. */
            if (!store_lmdb_data_read(span_of_val(value), &numbers)) {
                numbers.id = 0;
            }
            next = numbers.id >= next ? numbers.id + 1 : next;
        }
        mdb_cursor_close(cursor);
    }
    if (code == MDB_NOTFOUND) {
        code = mdb_cursor_open(txn, env->events, &cursor);
        if (code == 0) {
            uint64_t eid;
            uint64_t id;

            code = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
            if (code == 0 && store_lmdb_data_read_key(span_of_val(key), &id, &eid)) {
                next = id >= next ? id + 1 : next;
            }
            mdb_cursor_close(cursor);
        }
    }
    e = outcome(env, code);
    store_lmdb_env_read_end(env);
    if (e == OK) {
        *ret_id = next;
    }
    return e;
}
