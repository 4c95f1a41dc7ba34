/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_mem_share.h"

#include "store/store_mem_lock.h"

/* ---- submissions on the disk ---- */

static struct store_mem_disk_kept *kept_of(const struct store_op *op)
{
    return LIST_ENTRY(op->stream, struct store_mem_disk_stream, stream)->kept;
}

static enum err write_key(struct store_mem_share *share, const struct store_op *op,
                          struct list *letters)
{
    LIST_FOREACH (node, after, &share->disk->sharers) {
        struct store_mem_share *to = LIST_ENTRY(node, struct store_mem_share, node);
        struct store_mem_letter *letter;

        if (to == share) {
            continue;
        }
        letter =
            store_mem_letter_new(letters, to, STORE_MEM_LETTER_KEY, op->key, op->value.len);
        if (letter == NULL) {
            return ERR_NOMEM;
        }
        if (op->type == STORE_PUT) {
            store_mem_letter_set_value(letter, op->value);
        }
    }
    return OK;
}

static enum err write_to_readers(const struct store_mem_share *share,
                                 const struct store_job *job, size_t at, struct event *event,
                                 struct list *letters)
{
    struct store_mem_disk_kept *kept = kept_of(&job->ops[at]);

    LIST_FOREACH (node, after, &kept->readers) {
        struct store_mem_disk_stream *reader =
            LIST_ENTRY(node, struct store_mem_disk_stream, reader);
        struct store_mem_letter *letter;

        if (reader->share == share) {
            continue;
        }
        letter = store_mem_letter_new(
            letters, reader->share,
            event == NULL ? STORE_MEM_LETTER_GONE : STORE_MEM_LETTER_EVENT, SPAN(""), 0);
        if (letter == NULL) {
            return ERR_NOMEM;
        }
        letter->op = at;
        letter->stream = reader;
        letter->event = event == NULL ? NULL : event_ref(event);
        letter->first_eid = store_mem_disk_first_eid(kept);
    }
    return OK;
}

/* What the others will be told of one operation, should it be done. */
static enum err write_op(struct store_mem_share *share, const struct store_job *job, size_t at,
                         struct list *letters)
{
    const struct store_op *op = &job->ops[at];
    struct event *event;
    enum err e;

    switch (op->type) {
    case STORE_PUT:
    case STORE_DELETE: return write_key(share, op, letters);
    case STORE_RESERVE: return OK;
    case STORE_REMOVE:
    case STORE_TRIM:
    case STORE_PURGE: return write_to_readers(share, job, at, NULL, letters);
    case STORE_APPEND: break;
    }
    TRY(event_copy(op->event, &event));
    e = write_to_readers(share, job, at, event, letters);
    event_unref(event);
    return e;
}

/* Now that it is done. False: there is nothing to tell. */
static bool complete(struct store_mem_letter *letter, const struct store_job *job)
{
    const struct store_op *op = &job->ops[letter->op];

    if (letter->type == STORE_MEM_LETTER_EVENT) {
        letter->event->eid = job->eids[letter->op]; /* nobody else has it yet */
        if (op->copy_of > 0) {
            event_set_origin(letter->event, job->eids[op->copy_of - 1]);
        }
    } else if (letter->type == STORE_MEM_LETTER_GONE && op->type == STORE_REMOVE) {
        letter->first_eid = letter->last_eid = op->eid;
    } else if (letter->type == STORE_MEM_LETTER_GONE) {
        uint64_t end = job->after[letter->op].next_eid;

        end = op->type == STORE_TRIM && op->eid < end ? op->eid : end;
        letter->last_eid = end - 1;
        return letter->first_eid < end;
    }
    return true;
}

/* Becomes an operation that does nothing. */
static void skip(struct store_op *op)
{
    event_unref(op->event);
    op->type = STORE_RESERVE;
    op->eid = 0;
}

/* What another realm has stored with the same publish id, and copies of it. */
static void skip_what_is_stored(struct store_job *job, size_t at)
{
    struct store_op *op = &job->ops[at];

    if (op->type != STORE_APPEND) {
        return;
    }
    if (op->copy_of > 0 && job->ops[op->copy_of - 1].type != STORE_APPEND) {
        skip(op);
    } else if (event_publish_id(op->event).len > 0) {
        job->eids[at] = queue_ids_find(&kept_of(op)->ids, event_publish_id(op->event));
        if (job->eids[at] != 0) {
            skip(op);
        }
    }
}

static void remember_id(const struct store_job *job, size_t at)
{
    const struct store_op *op = &job->ops[at];
    struct queue_ids *ids;
    struct span id;

    if (op->type != STORE_APPEND) {
        return;
    }
    ids = &kept_of(op)->ids;
    id = event_publish_id(op->event);
    if (id.len > 0 && queue_ids_find(ids, id) == 0) {
        (void)!queue_ids_add(ids, id, job->eids[at]); /* "may find" */
    }
}

static enum err do_job(struct store_mem_share *share, struct store_job *job, uint64_t bytes_max)
{
    struct list letters;
    enum err e = OK;

    list_init(&letters);
    for (size_t i = 0; e == OK && i < job->count; i++) {
        skip_what_is_stored(job, i);
        e = write_op(share, job, i, &letters);
    }
    if (e == OK) {
        e = store_mem_disk_do(share->disk, job, bytes_max);
    }
    for (size_t i = 0; e == OK && i < job->count; i++) {
        remember_id(job, i);
    }
    LIST_FOREACH (node, after, &letters) {
        if (e == OK && complete(store_mem_letter_of(node), job)) {
            store_mem_letter_post(store_mem_letter_of(node));
        }
    }
    store_mem_letter_free_all(&letters);
    return e;
}

/* ---- out ---- */

enum err store_mem_share_submit(struct store_mem_share *share, struct store_job *take_job)
{
    struct list one;
    struct store_mem_letter *letter;

    list_init(&one);
    letter = store_mem_letter_new(&one, share, STORE_MEM_LETTER_JOB, SPAN(""), 0);
    if (letter == NULL) {
        return ERR_NOMEM;
    }
    letter->job = take_job;
    store_mem_letter_queue(&share->out, letter);
    return OK;
}

enum err store_mem_share_lock(struct store_mem_share *share, struct span key,
                              store_locked *done, void *ctx)
{
    struct list one;
    struct store_mem_letter *letter;

    assert(store_mem_share_lock_state(share, key, NULL) != STORE_LOCK_OURS);
    if (store_mem_share_lock_state(share, key, NULL) == STORE_LOCK_THEIRS) {
        return ERR_AGAIN;
    }
    list_init(&one);
    letter = store_mem_letter_new(&one, share, STORE_MEM_LETTER_ASK, key, STORE_LOCK_VALUE_MAX);
    if (letter == NULL) {
        return ERR_NOMEM;
    }
    letter->done = done;
    letter->ctx = ctx;
    letter->state = STORE_LOCK_OURS;
    store_mem_letter_queue(&share->out, letter);
    return OK;
}

void store_mem_share_send(struct store_mem_share *share, uint64_t bytes_max, enum err fails)
{
    while (!list_is_empty(&share->out)) {
        struct store_mem_letter *letter = store_mem_letter_of(share->out.next);

        if (letter->type == STORE_MEM_LETTER_ASK) {
            letter->e = fails != OK ? fails : store_mem_lock_grant(share, letter);
        } else {
            letter->job->e = fails != OK ? fails : do_job(share, letter->job, bytes_max);
        }
        list_remove(&letter->node);
        list_append(&share->letters, &letter->node);
    }
}

/* ---- in ---- */

static struct store_mem_letter *find_known(const struct store_mem_share *share, struct span key)
{
    LIST_FOREACH (node, after, &share->known) {
        if (span_equal(store_mem_letter_key(store_mem_letter_of(node)), key)) {
            return store_mem_letter_of(node);
        }
    }
    return NULL;
}

static void forget_known(struct store_mem_share *share, struct span key)
{
    struct store_mem_letter *known = find_known(share, key);

    if (known != NULL) {
        store_mem_letter_free(known);
    }
}

static void know(struct store_mem_letter *letter)
{
    forget_known(letter->to, store_mem_letter_key(letter));
    list_append(&letter->to->known, &letter->node);
}

static void tell_job(struct store_mem_share *share, struct store_mem_letter *letter)
{
    struct store_job *job = letter->job;

    for (size_t i = 0; job->e == OK && i < job->count; i++) {
        const struct store_op *op = &job->ops[i];

        if (op->type != STORE_PUT && op->type != STORE_DELETE) {
            job->after[i] = store_mem_disk_view(kept_of(op), job->after[i].next_eid);
        }
    }
    store_mem_letter_free(letter);
    store_job_tell(share->store, job);
}

static void tell_ask(struct store_mem_letter *letter)
{
    uint8_t value[STORE_LOCK_VALUE_MAX];
    struct span left = store_mem_letter_value(letter);
    store_locked *done = letter->done;
    void *ctx = letter->ctx;
    enum err e = letter->e;

    if (left.len > 0) {
        memcpy(value, left.ptr, left.len);
    }
    if (e == OK) {
        know(letter);
    } else {
        store_mem_letter_free(letter);
    }
    done(ctx, e, span_of(value, e == OK ? left.len : 0)); /* may unlock it */
}

static void tell_stream(struct store_mem_letter *letter)
{
    struct store_mem_disk_stream *to = letter->stream;
    struct store_stream *stream = &to->stream;
    bool is_event = letter->type == STORE_MEM_LETTER_EVENT;
    struct store_job_after now =
        store_mem_disk_view(to->kept, is_event ? letter->event->eid + 1 : stream->next_eid);

    stream->first_eid = now.first_eid;
    stream->next_eid = now.next_eid;
    stream->count = now.count;
    stream->bytes = now.bytes;
    if (stream->watch != NULL && is_event) {
        stream->watch->on_event(stream->watch_ctx, letter->event);
    } else if (stream->watch != NULL) {
        stream->watch->on_gone(stream->watch_ctx, letter->first_eid, letter->last_eid);
    }
    store_mem_letter_free(letter);
}

static void tell_key(struct store_mem_share *share, struct store_mem_letter *letter)
{
    const struct store *store = share->store;
    struct span value = store_mem_letter_value(letter);

    if (store->watch != NULL) {
        store->watch->on_key(store->watch_ctx, store_mem_letter_key(letter),
                             letter->has_value ? &value : NULL);
    }
    store_mem_letter_free(letter);
}

static void tell_lock(struct store_mem_share *share, struct store_mem_letter *letter)
{
    const struct store *store = share->store;

    know(letter);
    if (store->watch != NULL) {
        store->watch->on_lock(store->watch_ctx, store_mem_letter_key(letter), letter->state,
                              store_mem_letter_value(letter));
    }
    if (letter->state == STORE_LOCK_FREE && letter->value_len == 0) {
        store_mem_letter_free(letter);
    }
}

bool store_mem_share_tell(struct store_mem_share *share)
{
    struct store_mem_letter *letter = store_mem_letter_of(share->letters.next);

    if (list_is_empty(&share->letters)) {
        return false;
    }
    list_remove(&letter->node);
    switch (letter->type) {
    case STORE_MEM_LETTER_JOB: tell_job(share, letter); break;
    case STORE_MEM_LETTER_ASK: tell_ask(letter); break;
    case STORE_MEM_LETTER_EVENT:
    case STORE_MEM_LETTER_GONE: tell_stream(letter); break;
    case STORE_MEM_LETTER_KEY: tell_key(share, letter); break;
    case STORE_MEM_LETTER_LOCK: tell_lock(share, letter); break;
    }
    return true;
}

enum store_lock_state store_mem_share_lock_state(const struct store_mem_share *share,
                                                 struct span key, struct span *ret_value)
{
    const struct store_mem_letter *known = find_known(share, key);

    if (known != NULL && ret_value != NULL) {
        *ret_value = store_mem_letter_value(known);
    }
    return known == NULL ? STORE_LOCK_FREE : known->state;
}

void store_mem_share_unlock(struct store_mem_share *share, struct span key, struct span value)
{
    struct store_mem_letter *known = find_known(share, key);
    struct store_mem_disk_lock *lock = store_mem_lock_find(share->disk, key);

    if (known == NULL || known->state != STORE_LOCK_OURS) {
        return; /* it was lost */
    }
    known->state = STORE_LOCK_FREE;
    store_mem_letter_set_value(known, value);
    if (value.len == 0) {
        store_mem_letter_free(known);
    }
    if (lock != NULL && lock->holder == share) {
        store_mem_lock_release(lock, value, share);
    }
}

/* ---- coming and going ---- */

enum err store_mem_share_join(struct store_mem_share *share, struct store_mem_disk *disk)
{
    enum err e;

    share->disk = disk;
    list_init(&share->out);
    list_init(&share->letters);
    list_init(&share->known);
    list_append(&disk->sharers, &share->node);
    e = store_mem_lock_learn(share);
    if (e != OK) {
        store_mem_share_leave(share);
    }
    return e;
}

void store_mem_share_leave(struct store_mem_share *share)
{
    list_remove(&share->node);
    store_mem_lock_release_all(share, share);
    store_mem_lock_forget(share);
    store_mem_letter_free_all(&share->out);
    store_mem_letter_free_all(&share->letters);
    store_mem_letter_free_all(&share->known);
}
