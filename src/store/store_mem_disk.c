/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_mem_disk.h"

#include "store/store_record.h"

#include <stdlib.h>

/* What an operation needs is taken before the first of its submission is done, so that doing
 * them cannot fail. */
struct staged {
    uint8_t *bytes;     /* owned: a record, or a key with its value */
    struct event *copy; /* owned: what is written of one that will know its origin */
};

enum err store_mem_disk_new(struct store_mem_disk **ret_disk)
{
    struct store_mem_disk *disk = calloc(1, sizeof *disk);

    if (disk == NULL) {
        return ERR_NOMEM;
    }
    list_init(&disk->streams);
    list_init(&disk->sharers);
    list_init(&disk->locks);
    map_init(&disk->names, SIZE_MAX);
    *ret_disk = disk;
    return OK;
}

static void kept_free(struct store_mem_disk_kept *kept)
{
    for (size_t i = 0; i < kept->count; i++) {
        free(store_mem_disk_at(kept, i)->bytes);
    }
    queue_ids_fini(&kept->ids);
    free(kept->records);
    free(kept->name);
    free(kept);
}

void store_mem_disk_free(struct store_mem_disk *disk)
{
    if (disk == NULL) {
        return;
    }
    assert(!disk->is_open && list_is_empty(&disk->sharers));
    map_fini(&disk->names);
    LIST_FOREACH (node, after, &disk->streams) {
        kept_free(LIST_ENTRY(node, struct store_mem_disk_kept, node));
    }
    LIST_FOREACH (node, after, &disk->locks) { /* what was left with them */
        free(LIST_ENTRY(node, struct store_mem_disk_lock, node));
    }
    for (size_t i = 0; i < disk->value_count; i++) {
        free(disk->values[i].key);
    }
    free(disk->values);
    free(disk);
}

struct store_mem_disk_kept *store_mem_disk_find(const struct store_mem_disk *disk,
                                                struct span name)
{
    return map_find(&disk->names, name);
}

enum err store_mem_disk_make(struct store_mem_disk *disk, struct span name, uint64_t epoch,
                             struct store_mem_disk_kept **ret_kept)
{
    struct store_mem_disk_kept *kept = calloc(1, sizeof *kept);
    enum err e;

    if (kept == NULL) {
        return ERR_NOMEM;
    }
    queue_ids_init(&kept->ids, STORE_MEM_DISK_IDS);
    list_init(&kept->readers);
    kept->name = strndup((const char *)name.ptr, name.len);
    e = kept->name == NULL ? ERR_NOMEM : map_insert(&disk->names, span_str(kept->name), kept);
    if (e != OK) {
        kept_free(kept);
        return e;
    }
    kept->next_eid = 1;
    kept->epoch = epoch;
    list_append(&disk->streams, &kept->node);
    *ret_kept = kept;
    return OK;
}

size_t store_mem_disk_place(const struct store_mem_disk_kept *kept, uint64_t eid)
{
    size_t low = 0;
    size_t high = kept->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (store_mem_disk_at(kept, middle)->eid < eid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct store_job_after store_mem_disk_view(const struct store_mem_disk_kept *kept,
                                           uint64_t next_eid)
{
    size_t count = store_mem_disk_place(kept, next_eid);
    uint64_t bytes = kept->bytes;

    for (size_t i = count; i < kept->count; i++) {
        bytes -= store_mem_disk_at(kept, i)->len;
    }
    return (struct store_job_after){
        .first_eid = count > 0 ? store_mem_disk_at(kept, 0)->eid : next_eid,
        .next_eid = next_eid,
        .count = count,
        .bytes = bytes,
    };
}

static int compare(struct span a, struct span b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

size_t store_mem_disk_key_place(const struct store_mem_disk *disk, struct span key)
{
    size_t low = 0;
    size_t high = disk->value_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(store_mem_disk_key(&disk->values[middle]), key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool has_key(const struct store_mem_disk *disk, size_t at, struct span key)
{
    return at < disk->value_count && span_equal(store_mem_disk_key(&disk->values[at]), key);
}

/* Those on the shorter side of the gap move into it. */
static void close_gap(struct store_mem_disk_kept *kept, size_t from, size_t to)
{
    struct store_mem_disk_record *first = kept->records + kept->head;
    size_t behind = kept->count - to;

    kept->count -= to - from;
    if (from > behind) {
        memmove(first + from, first + to, behind * sizeof *first);
        return;
    }
    if (from > 0) {
        memmove(first + (to - from), first, from * sizeof *first);
    }
    kept->head = kept->count == 0 ? 0 : kept->head + (to - from);
}

static void drop_records(struct store_mem_disk *disk, struct store_mem_disk_kept *kept,
                         size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        const struct store_mem_disk_record *record = store_mem_disk_at(kept, i);

        disk->bytes -= record->len;
        kept->bytes -= record->len;
        free(record->bytes);
    }
    if (to > from) {
        close_gap(kept, from, to);
    }
}

static void drop_value(struct store_mem_disk *disk, size_t at)
{
    struct store_mem_disk_entry *value = &disk->values[at];

    disk->bytes -= value->key_len + value->value_len;
    free(value->key);
    memmove(value, value + 1, (disk->value_count - at - 1) * sizeof *value);
    disk->value_count--;
}

/* ---- doing ---- */

static enum err grow(void **array, size_t *room, size_t wanted, size_t item_bytes)
{
    size_t more = *room == 0 ? 8 : *room;
    void *grown;

    if (wanted <= *room) {
        return OK;
    }
    while (more < wanted) {
        more *= 2;
    }
    grown = realloc(*array, more * item_bytes);
    if (grown == NULL) {
        return ERR_NOMEM;
    }
    *array = grown;
    *room = more;
    return OK;
}

static struct store_mem_disk_kept *kept_of(const struct store_op *op)
{
    return LIST_ENTRY(op->stream, struct store_mem_disk_stream, stream)->kept;
}

/* Behind the newest: what is free in front is used again once it is half of all, so that each
 * record moves but a few times in its life. */
static enum err make_room(struct store_mem_disk_kept *kept, size_t more)
{
    void *records = kept->records;
    enum err e;

    if (kept->head > kept->room / 2) {
        memmove(kept->records, kept->records + kept->head, kept->count * sizeof *kept->records);
        kept->head = 0;
    }
    e = grow(&records, &kept->room, kept->head + kept->count + more, sizeof *kept->records);
    kept->records = records;
    return e;
}

static enum err stage_append(const struct store_job *job, size_t at, struct staged *staged)
{
    const struct store_op *op = &job->ops[at];

    TRY(make_room(kept_of(op), job->count));
    if (op->copy_of > 0) {
        TRY(event_copy(op->event, &staged->copy));
    }
    staged->bytes = malloc(store_record_bytes(op->event));
    return staged->bytes == NULL ? ERR_NOMEM : OK;
}

static enum err stage_put(struct store_mem_disk *disk, const struct store_job *job, size_t at,
                          struct staged *staged)
{
    const struct store_op *op = &job->ops[at];
    void *values = disk->values;
    enum err e =
        grow(&values, &disk->value_room, disk->value_count + job->count, sizeof *disk->values);

    disk->values = values;
    TRY(e);
    staged->bytes = malloc(op->key.len + op->value.len);
    if (staged->bytes == NULL) {
        return ERR_NOMEM;
    }
    memcpy(staged->bytes, op->key.ptr, op->key.len);
    if (op->value.len > 0) {
        memcpy(staged->bytes + op->key.len, op->value.ptr, op->value.len);
    }
    return OK;
}

static enum err stage(struct store_mem_disk *disk, const struct store_job *job,
                      uint64_t bytes_max, struct staged *staged)
{
    uint64_t bytes = disk->bytes;

    for (size_t i = 0; i < job->count; i++) {
        const struct store_op *op = &job->ops[i];

        if (op->type == STORE_APPEND && !kept_of(op)->keeps_none) {
            bytes += store_record_bytes(op->event);
            TRY(stage_append(job, i, &staged[i]));
        } else if (op->type == STORE_PUT) {
            bytes += op->key.len + op->value.len;
            TRY(stage_put(disk, job, i, &staged[i]));
        }
    }
    return job->needs_room && bytes > bytes_max ? ERR_LIMIT : OK;
}

/* Of a copy `origin` is the EID of what it was made of. */
static uint64_t append(struct store_mem_disk *disk, const struct store_op *op, uint64_t origin,
                       struct staged *staged)
{
    struct store_mem_disk_kept *kept = kept_of(op);
    const struct event *event = op->event;
    struct store_mem_disk_record *record;

    if (staged->copy != NULL) {
        event_set_origin(staged->copy, origin);
        event = staged->copy;
    }
    if (kept->keeps_none) {
        return kept->next_eid++;
    }
    record = store_mem_disk_at(kept, kept->count++);
    record->eid = kept->next_eid++;
    record->len = store_record_bytes(event);
    record->bytes = staged->bytes;
    staged->bytes = NULL;
    store_record_write(event, record->eid, record->bytes);
    kept->bytes += record->len;
    disk->bytes += record->len;
    return record->eid;
}

static void put(struct store_mem_disk *disk, const struct store_op *op, struct staged *staged)
{
    size_t at = store_mem_disk_key_place(disk, op->key);
    struct store_mem_disk_entry *value = &disk->values[at];

    if (has_key(disk, at, op->key)) { /* in its place: nothing else has to move */
        disk->bytes -= value->key_len + value->value_len;
        free(value->key);
    } else {
        memmove(value + 1, value, (disk->value_count - at) * sizeof *value);
        disk->value_count++;
    }
    *value = (struct store_mem_disk_entry){staged->bytes, op->key.len, op->value.len};
    disk->bytes += op->key.len + op->value.len;
    staged->bytes = NULL;
}

static void remove_one(struct store_mem_disk *disk, struct store_mem_disk_kept *kept,
                       uint64_t eid)
{
    size_t at = store_mem_disk_place(kept, eid);

    if (at < kept->count && store_mem_disk_at(kept, at)->eid == eid) {
        drop_records(disk, kept, at, at + 1);
    }
}

static void do_op(struct store_mem_disk *disk, struct store_job *job, size_t i,
                  struct staged *staged)
{
    const struct store_op *op = &job->ops[i];
    struct store_mem_disk_kept *kept;

    if (op->type == STORE_PUT) {
        put(disk, op, staged);
        return;
    }
    if (op->type == STORE_DELETE) {
        size_t at = store_mem_disk_key_place(disk, op->key);

        if (has_key(disk, at, op->key)) {
            drop_value(disk, at);
        }
        return;
    }
    kept = kept_of(op);
    if (op->type == STORE_APPEND) {
        job->eids[i] =
            append(disk, op, op->copy_of == 0 ? 0 : job->eids[op->copy_of - 1], staged);
    } else if (op->type == STORE_REMOVE) {
        remove_one(disk, kept, op->eid);
    } else if (op->type == STORE_TRIM) {
        drop_records(disk, kept, 0, store_mem_disk_place(kept, op->eid));
    } else if (op->type == STORE_PURGE) {
        drop_records(disk, kept, 0, kept->count);
    } else if (op->eid > kept->next_eid) {
        kept->next_eid = op->eid;
    }
    job->after[i] = store_mem_disk_view(kept, kept->next_eid);
}

enum err store_mem_disk_do(struct store_mem_disk *disk, struct store_job *job,
                           uint64_t bytes_max)
{
    struct staged *staged = calloc(job->count, sizeof *staged);
    enum err e;

    if (staged == NULL) {
        return ERR_NOMEM;
    }
    e = stage(disk, job, bytes_max, staged);
    for (size_t i = 0; e == OK && i < job->count; i++) {
        do_op(disk, job, i, &staged[i]);
    }
    for (size_t i = 0; i < job->count; i++) {
        free(staged[i].bytes); /* NULL, unless it was refused */
        event_unref(staged[i].copy);
    }
    free(staged);
    return e;
}

bool store_mem_disk_corrupt(struct store_mem_disk *disk, struct span stream, uint64_t eid)
{
    struct store_mem_disk_kept *kept = store_mem_disk_find(disk, stream);
    size_t at = kept == NULL ? 0 : store_mem_disk_place(kept, eid);
    const struct store_mem_disk_record *record;

    if (kept == NULL || at >= kept->count || store_mem_disk_at(kept, at)->eid != eid) {
        return false;
    }
    record = store_mem_disk_at(kept, at);
    record->bytes[record->len - 1] ^= 1;
    return true;
}
