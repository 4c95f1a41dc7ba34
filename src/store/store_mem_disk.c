/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_mem_disk.h"

#include "store/store_record.h"

#include <stdlib.h>

/* What an operation needs is taken before the first of its submission is done, so that doing
 * them cannot fail. */
struct staged {
    uint8_t *bytes; /* owned: a record, or a key with its value */
};

enum err store_mem_disk_new(struct store_mem_disk **ret_disk)
{
    struct store_mem_disk *disk = calloc(1, sizeof *disk);

    if (disk == NULL) {
        return ERR_NOMEM;
    }
    list_init(&disk->streams);
    *ret_disk = disk;
    return OK;
}

void store_mem_disk_free(struct store_mem_disk *disk)
{
    if (disk == NULL) {
        return;
    }
    assert(!disk->is_open);
    LIST_FOREACH (node, after, &disk->streams) {
        struct store_mem_disk_kept *kept = LIST_ENTRY(node, struct store_mem_disk_kept, node);

        for (size_t i = 0; i < kept->count; i++) {
            free(kept->records[i].bytes);
        }
        free(kept->records);
        free(kept->name);
        free(kept);
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
    LIST_FOREACH (node, after, &disk->streams) {
        struct store_mem_disk_kept *kept = LIST_ENTRY(node, struct store_mem_disk_kept, node);

        if (span_equals(name, kept->name)) {
            return kept;
        }
    }
    return NULL;
}

enum err store_mem_disk_make(struct store_mem_disk *disk, struct span name, uint64_t epoch,
                             struct store_mem_disk_kept **ret_kept)
{
    struct store_mem_disk_kept *kept = calloc(1, sizeof *kept);

    if (kept == NULL) {
        return ERR_NOMEM;
    }
    kept->name = strndup((const char *)name.ptr, name.len);
    if (kept->name == NULL) {
        free(kept);
        return ERR_NOMEM;
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

        if (kept->records[middle].eid < eid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int compare(struct span a, struct span b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

size_t store_mem_disk_key_place(const struct store_mem_disk *disk, struct span key)
{
    size_t at = 0;

    while (at < disk->value_count && compare(store_mem_disk_key(&disk->values[at]), key) < 0) {
        at++;
    }
    return at;
}

static bool has_key(const struct store_mem_disk *disk, size_t at, struct span key)
{
    return at < disk->value_count && span_equal(store_mem_disk_key(&disk->values[at]), key);
}

static void drop_records(struct store_mem_disk *disk, struct store_mem_disk_kept *kept,
                         size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        disk->bytes -= kept->records[i].len;
        kept->bytes -= kept->records[i].len;
        free(kept->records[i].bytes);
    }
    if (to > from) {
        memmove(kept->records + from, kept->records + to,
                (kept->count - to) * sizeof *kept->records);
        kept->count -= to - from;
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

static enum err stage_append(const struct store_job *job, size_t at, struct staged *staged)
{
    struct store_mem_disk_kept *kept = kept_of(&job->ops[at]);
    void *records = kept->records;
    enum err e = grow(&records, &kept->room, kept->count + job->count, sizeof *kept->records);

    kept->records = records;
    TRY(e);
    staged->bytes = malloc(store_record_bytes(job->ops[at].event));
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

        if (op->type == STORE_APPEND) {
            bytes += store_record_bytes(op->event);
            TRY(stage_append(job, i, &staged[i]));
        } else if (op->type == STORE_PUT) {
            bytes += op->key.len + op->value.len;
            TRY(stage_put(disk, job, i, &staged[i]));
        }
    }
    return job->needs_room && bytes > bytes_max ? ERR_LIMIT : OK;
}

static uint64_t append(struct store_mem_disk *disk, const struct store_op *op,
                       struct staged *staged)
{
    struct store_mem_disk_kept *kept = kept_of(op);
    struct store_mem_disk_record *record = &kept->records[kept->count++];

    record->eid = kept->next_eid++;
    record->len = store_record_bytes(op->event);
    record->bytes = staged->bytes;
    staged->bytes = NULL;
    store_record_write(op->event, record->eid, record->bytes);
    kept->bytes += record->len;
    disk->bytes += record->len;
    return record->eid;
}

static void put(struct store_mem_disk *disk, const struct store_op *op, struct staged *staged)
{
    size_t at = store_mem_disk_key_place(disk, op->key);

    if (has_key(disk, at, op->key)) {
        drop_value(disk, at);
    }
    memmove(&disk->values[at + 1], &disk->values[at],
            (disk->value_count - at) * sizeof *disk->values);
    disk->values[at] = (struct store_mem_disk_entry){staged->bytes, op->key.len, op->value.len};
    disk->value_count++;
    disk->bytes += op->key.len + op->value.len;
    staged->bytes = NULL;
}

static void remove_one(struct store_mem_disk *disk, struct store_mem_disk_kept *kept,
                       uint64_t eid)
{
    size_t at = store_mem_disk_place(kept, eid);

    if (at < kept->count && kept->records[at].eid == eid) {
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
        job->eids[i] = append(disk, op, staged);
    } else if (op->type == STORE_REMOVE) {
        remove_one(disk, kept, op->eid);
    } else if (op->type == STORE_TRIM) {
        drop_records(disk, kept, 0, store_mem_disk_place(kept, op->eid));
    } else if (op->type == STORE_PURGE) {
        drop_records(disk, kept, 0, kept->count);
    } else if (op->eid > kept->next_eid) {
        kept->next_eid = op->eid;
    }
    job->after[i] = (struct store_job_after){
        .first_eid = store_mem_disk_first_eid(kept),
        .next_eid = kept->next_eid,
        .count = kept->count,
        .bytes = kept->bytes,
    };
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
    }
    free(staged);
    return e;
}

bool store_mem_disk_corrupt(struct store_mem_disk *disk, struct span stream, uint64_t eid)
{
    struct store_mem_disk_kept *kept = store_mem_disk_find(disk, stream);
    size_t at = kept == NULL ? 0 : store_mem_disk_place(kept, eid);

    if (kept == NULL || at >= kept->count || kept->records[at].eid != eid) {
        return false;
    }
    kept->records[at].bytes[kept->records[at].len - 1] ^= 1;
    return true;
}
