/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_lmdb_change.h"

#include "store/store_record.h"

#include <errno.h>

enum {
    SWEEP_EVENTS = 1024, /* of one transaction */
    TRIM_EVENTS = 64,    /* that go in the submission itself */
};

static MDB_val val_of(struct span bytes)
{
    return (MDB_val){bytes.len, (void *)(uintptr_t)bytes.ptr};
}

/* What the cursor found, if it is an event of this stream. MDB_NOTFOUND. */
static int look(uint64_t id, MDB_val key, MDB_val value, uint64_t *ret_eid, size_t *ret_bytes)
{
    uint64_t found_id;

    if (!store_lmdb_data_read_key(span_of(key.mv_data, key.mv_size), &found_id, ret_eid)) {
        return MDB_CORRUPTED;
    }
    *ret_bytes = value.mv_size;
    return found_id == id ? 0 : MDB_NOTFOUND;
}

/* Puts the cursor on the first event of the stream at `eid` or behind it. MDB_NOTFOUND. */
static int seek(struct store_lmdb_change *change, uint64_t id, uint64_t eid, uint64_t *ret_eid,
                size_t *ret_bytes)
{
    uint8_t bytes[STORE_LMDB_DATA_KEY_BYTES];
    MDB_val key = {sizeof bytes, bytes};
    MDB_val value;
    int code;

    store_lmdb_data_key(id, eid, bytes);
    code = mdb_cursor_get(change->events, &key, &value, MDB_SET_RANGE);
    return code != 0 ? code : look(id, key, value, ret_eid, ret_bytes);
}

/* To the event behind the one it is on, or was on before that was deleted. MDB_NOTFOUND. */
static int step(struct store_lmdb_change *change, uint64_t id, uint64_t *ret_eid,
                size_t *ret_bytes)
{
    MDB_val key, value;
    int code = mdb_cursor_get(change->events, &key, &value, MDB_NEXT);

    return code != 0 ? code : look(id, key, value, ret_eid, ret_bytes);
}

static int append_event(struct store_lmdb_change *change, struct store_lmdb_data_numbers *now,
                        const struct event *event, uint64_t *ret_eid)
{
    uint8_t bytes[STORE_LMDB_DATA_KEY_BYTES];
    MDB_val key = {sizeof bytes, bytes};
    MDB_val value = {store_record_bytes(event), NULL};
    int code;

    store_lmdb_data_key(now->id, now->next_eid, bytes);
    code = mdb_cursor_put(change->events, &key, &value, MDB_NOOVERWRITE | MDB_RESERVE);
    if (code != 0) {
        return code;
    }
    store_record_write(event, now->next_eid, value.mv_data);
    *ret_eid = now->next_eid;
    if (now->count == 0) {
        now->first_eid = now->next_eid;
    }
    now->next_eid++;
    now->count++;
    now->bytes += value.mv_size;
    return 0;
}

/* Of a copy op->eid is the origin's. The event itself is being looked at by the store's owner.
 */
static int append(struct store_lmdb_change *change, struct store_lmdb_data_numbers *now,
                  const struct store_op *op, uint64_t *ret_eid)
{
    struct event *copy;
    int code;

    if (op->copy_of == 0) {
        return append_event(change, now, op->event, ret_eid);
    }
    if (event_copy(op->event, &copy) != OK) {
        return ENOMEM;
    }
    event_set_origin(copy, op->eid);
    code = append_event(change, now, copy, ret_eid);
    event_unref(copy);
    return code;
}

/* What is to go below first_eid beyond this transaction. */
static int note_sweep(struct store_lmdb_change *change,
                      const struct store_lmdb_data_numbers *now)
{
    uint64_t id = now->id;
    uint64_t eid = now->first_eid;
    MDB_val key = {sizeof id, &id};
    MDB_val value = {sizeof eid, &eid};
    int code = mdb_put(change->txn, change->env->sweeps, &key, &value, 0);

    change->has_sweeps = change->has_sweeps || code == 0;
    return code;
}

/* first_eid follows the oldest event that is left. */
static int find_first(struct store_lmdb_change *change, struct store_lmdb_data_numbers *now,
                      uint64_t from)
{
    uint64_t eid = now->next_eid;
    size_t bytes;
    int code = now->count == 0 ? 0 : seek(change, now->id, from, &eid, &bytes);

    now->first_eid = eid;
    return code == MDB_NOTFOUND ? MDB_CORRUPTED : code;
}

static int remove_one(struct store_lmdb_change *change, struct store_lmdb_data_numbers *now,
                      uint64_t eid)
{
    uint64_t found;
    size_t bytes;
    int code = 0;

    if (eid < now->first_eid || eid >= now->next_eid) {
        return 0;
    }
    code = seek(change, now->id, eid, &found, &bytes);
    if (code == MDB_NOTFOUND || (code == 0 && found != eid)) {
        return 0;
    }
    if (code == 0) {
        code = mdb_cursor_del(change->events, 0);
    }
    if (code != 0) {
        return code;
    }
    now->count--;
    now->bytes -= bytes;
    return eid == now->first_eid ? find_first(change, now, eid + 1) : 0;
}

/* All must be counted, but only a few go at once. */
static int trim(struct store_lmdb_change *change, struct store_lmdb_data_numbers *now,
                uint64_t below)
{
    uint64_t eid = now->first_eid;
    size_t gone = 0;
    size_t bytes;
    int code;

    if (now->count == 0 || below <= now->first_eid) {
        return 0;
    }
    code = seek(change, now->id, eid, &eid, &bytes);
    while (code == 0 && eid < below) {
        now->count--;
        now->bytes -= bytes;
        if (gone++ < TRIM_EVENTS && (code = mdb_cursor_del(change->events, 0)) != 0) {
            return code;
        }
        code = step(change, now->id, &eid, &bytes);
    }
    if (code != 0 && code != MDB_NOTFOUND) {
        return code;
    }
    now->first_eid = code == 0 ? eid : now->next_eid;
    return gone > TRIM_EVENTS ? note_sweep(change, now) : 0;
}

static int purge(struct store_lmdb_change *change, struct store_lmdb_data_numbers *now)
{
    if (now->count <= TRIM_EVENTS) {
        return trim(change, now, now->next_eid);
    }
    now->first_eid = now->next_eid;
    now->count = 0;
    now->bytes = 0;
    return note_sweep(change, now);
}

static int put(struct store_lmdb_change *change, const struct store_op *op)
{
    MDB_val key = val_of(op->key);
    MDB_val value = val_of(op->value);

    return mdb_put(change->txn, change->env->state, &key, &value, 0);
}

static int delete_key(struct store_lmdb_change *change, const struct store_op *op)
{
    MDB_val key = val_of(op->key);
    int code = mdb_del(change->txn, change->env->state, &key, NULL);

    return code == MDB_NOTFOUND ? 0 : code;
}

static int reserve(struct store_lmdb_data_numbers *now, uint64_t eid)
{
    if (eid > now->next_eid) {
        now->next_eid = eid;
        now->first_eid = now->count == 0 ? eid : now->first_eid;
    }
    return 0;
}

int store_lmdb_change_do(struct store_lmdb_change *change, const struct store_op *op,
                         struct store_lmdb_data_numbers *now, uint64_t *eid)
{
    switch (op->type) {
    case STORE_APPEND: return append(change, now, op, eid);
    case STORE_REMOVE: return remove_one(change, now, op->eid);
    case STORE_TRIM: return trim(change, now, op->eid);
    case STORE_PURGE: return purge(change, now);
    case STORE_RESERVE: return reserve(now, op->eid);
    case STORE_PUT: return put(change, op);
    case STORE_DELETE: return delete_key(change, op);
    }
    return 0;
}

static int sweep_stream(struct store_lmdb_change *change, uint64_t id, uint64_t below,
                        bool *ret_done)
{
    uint64_t eid;
    size_t bytes;
    int code = 0;

    for (int i = 0; i < SWEEP_EVENTS; i++) {
        code = i == 0 ? seek(change, id, 0, &eid, &bytes) : step(change, id, &eid, &bytes);
        if (code == MDB_NOTFOUND || (code == 0 && eid >= below)) {
            *ret_done = true;
            return 0;
        }
        if (code != 0 || (code = mdb_cursor_del(change->events, 0)) != 0) {
            break;
        }
    }
    return code;
}

int store_lmdb_change_sweep(struct store_lmdb_change *change)
{
    MDB_cursor *sweeps;
    MDB_val key, value;
    uint64_t id, below;
    bool is_done = false;
    int code = mdb_cursor_open(change->txn, change->env->sweeps, &sweeps);

    if (code != 0) {
        return code;
    }
    code = mdb_cursor_get(sweeps, &key, &value, MDB_FIRST);
    if (code == 0 && (key.mv_size != sizeof id || value.mv_size != sizeof below)) {
        code = MDB_CORRUPTED;
    }
    if (code == 0) {
        memcpy(&id, key.mv_data, sizeof id);
        memcpy(&below, value.mv_data, sizeof below);
        code = sweep_stream(change, id, below, &is_done);
        if (code == 0 && is_done) {
            code = mdb_cursor_del(sweeps, 0);
        }
    }
    mdb_cursor_close(sweeps);
    return code;
}
