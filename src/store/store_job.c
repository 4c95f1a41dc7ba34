/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_job.h"

#include <stdlib.h>

static size_t text_bytes(const struct store_op *ops, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes += ops[i].key.len + ops[i].value.len;
    }
    return bytes;
}

static size_t events_bytes(const struct store_op *ops, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        if (ops[i].type == STORE_APPEND) {
            bytes += event_bytes(ops[i].event);
        }
    }
    return bytes;
}

static struct span copy_text(uint8_t **at, struct span text)
{
    struct span copied = span_of(*at, text.len);

    if (text.len > 0) {
        memcpy(*at, text.ptr, text.len);
    }
    *at += text.len;
    return copied;
}

static void copy_ops(struct store_job *job, const struct store_op *ops, uint8_t *text)
{
    for (size_t i = 0; i < job->count; i++) {
        struct store_op *op = &job->ops[i];

        *op = ops[i];
        op->key = copy_text(&text, op->key);
        op->value = copy_text(&text, op->value);
        if (op->type == STORE_APPEND) {
            event_ref(op->event);
        }
        job->eids[i] = 0;
    }
}

static bool needs_room(const struct store_op *ops, size_t count)
{
    bool puts = false;
    bool removes = false;

    for (size_t i = 0; i < count; i++) {
        switch (ops[i].type) {
        case STORE_APPEND: return true;
        case STORE_PUT: puts = true; break;
        case STORE_REMOVE:
        case STORE_TRIM:
        case STORE_PURGE:
        case STORE_DELETE: removes = true; break;
        case STORE_RESERVE: break;
        }
    }
    return puts && !removes;
}

enum err store_job_new(struct store *store, const struct store_op *ops, size_t count,
                       store_done *done, void *ctx, struct store_job **ret_job)
{
    size_t own_bytes =
        sizeof(struct store_job) +
        count * (sizeof(struct store_op) + sizeof(struct store_job_after) + sizeof(uint64_t)) +
        text_bytes(ops, count);
    size_t bytes = own_bytes + events_bytes(ops, count);
    size_t max = store->pending_bytes_max;
    struct store_job *job;

    /* One that is over the maximum alone has its turn when nothing else is pending. */
    if (store->pending_count > 0 && (bytes > max || store->pending_bytes > max - bytes)) {
        return ERR_AGAIN;
    }
    job = malloc(own_bytes);
    if (job == NULL) {
        return ERR_NOMEM;
    }
    *job = (struct store_job){.done = done, .ctx = ctx, .bytes = bytes, .count = count};
    list_init(&job->node);
    job->ops = (struct store_op *)(job + 1);
    job->after = (struct store_job_after *)(job->ops + count);
    job->eids = (uint64_t *)(job->after + count);
    copy_ops(job, ops, (uint8_t *)(job->eids + count));
    job->needs_room = needs_room(ops, count);
    store->pending_count++;
    store->pending_bytes += bytes;
    *ret_job = job;
    return OK;
}

static bool has_stream(const struct store_op *op)
{
    return op->type != STORE_PUT && op->type != STORE_DELETE;
}

static void show_numbers(const struct store_job *job)
{
    for (size_t i = 0; i < job->count; i++) {
        const struct store_job_after *after = &job->after[i];
        struct store_stream *stream = job->ops[i].stream;

        if (has_stream(&job->ops[i])) {
            stream->first_eid = after->first_eid;
            stream->next_eid = after->next_eid;
            stream->count = after->count;
            stream->bytes = after->bytes;
        }
    }
}

static void forget(struct store *store, const struct store_job *job)
{
    store->pending_count--;
    store->pending_bytes -= job->bytes;
}

static void free_job(struct store_job *job)
{
    for (size_t i = 0; i < job->count; i++) {
        if (job->ops[i].type == STORE_APPEND) {
            event_unref(job->ops[i].event);
        }
    }
    free(job);
}

void store_job_tell(struct store *store, struct store_job *job)
{
    bool is_done = job->e == OK;
    bool was_congested = store_is_congested(store);

    if (is_done) {
        show_numbers(job);
    } else {
        store->refused_count++;
    }
    forget(store, job); /* before it is told: who is told may want to submit */
    job->done(job->ctx, job->e, is_done ? job->eids : NULL);
    free_job(job);
    if (was_congested && !store_is_congested(store) && store->on_room != NULL) {
        store->on_room(store->on_room_ctx);
    }
}

void store_job_drop(struct store *store, struct store_job *job)
{
    forget(store, job);
    free_job(job);
}
