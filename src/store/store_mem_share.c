/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_mem_share.h"

#include <stdlib.h>

enum letter_type {
    LETTER_JOB,   /* one's own: submitted, then done */
    LETTER_ASK,   /* one's own: a lock was asked for, then granted or not */
    LETTER_EVENT, /* another's, as are all that follow */
    LETTER_GONE,
    LETTER_KEY,
    LETTER_LOCK,
};

struct letter {
    struct list node;
    struct store_mem_share *to; /* borrowed */
    enum letter_type type;
    enum err e; /* a lock that was asked for */
    store_locked *done;
    void *ctx;                            /* borrowed until `done` */
    struct store_job *job;                /* owned */
    size_t op;                            /* of the job that this is about */
    struct store_mem_disk_stream *stream; /* borrowed from `to` */
    struct event *event;                  /* a reference */
    uint64_t first_eid, last_eid;
    enum store_lock_state state;
    bool has_value;
    size_t key_len, value_len;
    uint8_t bytes[]; /* key, value */
};

static struct letter *letter_of(struct list *node)
{
    return LIST_ENTRY(node, struct letter, node);
}

static struct span key_of(const struct letter *letter)
{
    return span_of(letter->bytes, letter->key_len);
}

static struct span value_of(const struct letter *letter)
{
    return span_of(letter->bytes + letter->key_len, letter->value_len);
}

static struct span key_of_lock(const struct store_mem_disk_lock *lock)
{
    return span_of(lock->key, lock->key_len);
}

static struct span value_of_lock(const struct store_mem_disk_lock *lock)
{
    return span_of(lock->value, lock->value_len);
}

static void set_value(struct letter *letter, struct span value)
{
    letter->has_value = true;
    letter->value_len = value.len;
    if (value.len > 0) {
        memcpy(letter->bytes + letter->key_len, value.ptr, value.len);
    }
}

/* Into `list`, with room for a value of so many bytes. */
static struct letter *letter_new(struct list *list, struct store_mem_share *to,
                                 enum letter_type type, struct span key, size_t value_room)
{
    struct letter *letter = calloc(1, sizeof *letter + key.len + value_room);

    if (letter != NULL) {
        letter->to = to;
        letter->type = type;
        letter->key_len = key.len;
        if (key.len > 0) {
            memcpy(letter->bytes, key.ptr, key.len);
        }
        list_append(list, &letter->node);
    }
    return letter;
}

static void letter_free(struct letter *letter)
{
    list_remove(&letter->node);
    event_unref(letter->event);
    free(letter);
}

static void free_all(struct list *letters)
{
    LIST_FOREACH (node, after, letters) {
        struct letter *letter = letter_of(node);

        if (letter->job != NULL) {
            store_job_drop(letter->to->store, letter->job);
        }
        letter_free(letter);
    }
}

static void queue_letter(struct list *list, struct letter *letter)
{
    struct store_mem_share *to = letter->to;
    bool was_idle = list_is_empty(&to->out) && list_is_empty(&to->letters);

    list_remove(&letter->node);
    list_append(list, &letter->node);
    if (was_idle && to->on_pending != NULL) {
        to->on_pending(to->ctx);
    }
}

static void post(struct letter *letter)
{
    queue_letter(&letter->to->letters, letter);
}

/* ---- locks on the disk ---- */

static struct store_mem_disk_lock *find_lock(const struct store_mem_disk *disk, struct span key)
{
    LIST_FOREACH (node, after, &disk->locks) {
        struct store_mem_disk_lock *lock = LIST_ENTRY(node, struct store_mem_disk_lock, node);

        if (span_equal(key_of_lock(lock), key)) {
            return lock;
        }
    }
    return NULL;
}

static struct store_mem_disk_lock *lock_new(struct store_mem_disk *disk, struct span key)
{
    struct store_mem_disk_lock *lock = calloc(1, sizeof *lock + key.len);

    if (lock != NULL) {
        lock->key_len = key.len;
        memcpy(lock->key, key.ptr, key.len);
        list_init(&lock->spares);
        list_append(&disk->locks, &lock->node);
    }
    return lock;
}

static void forget_lock(struct store_mem_disk_lock *lock)
{
    free_all(&lock->spares);
    list_remove(&lock->node);
    free(lock);
}

/* A letter about it as it is, or for the time when it is free: giving back cannot fail. */
static enum err write_lock(struct list *list, struct store_mem_share *to,
                           const struct store_mem_disk_lock *lock, enum store_lock_state state)
{
    struct letter *letter =
        letter_new(list, to, LETTER_LOCK, key_of_lock(lock), STORE_LOCK_VALUE_MAX);

    if (letter == NULL) {
        return ERR_NOMEM;
    }
    letter->state = state;
    set_value(letter, value_of_lock(lock));
    return OK;
}

static void post_all(struct list *letters)
{
    LIST_FOREACH (node, after, letters) {
        post(letter_of(node));
    }
}

/* Everybody is told but `quiet`, which may be NULL. */
static void release(struct store_mem_disk_lock *lock, struct span value,
                    const struct store_mem_share *quiet)
{
    lock->holder = NULL;
    LIST_FOREACH (node, after, &lock->spares) {
        struct letter *spare = letter_of(node);

        if (spare->to == quiet) {
            letter_free(spare);
        } else {
            set_value(spare, value);
            post(spare);
        }
    }
    if (value.len == 0) {
        forget_lock(lock);
        return;
    }
    memmove(lock->value, value.ptr, value.len);
    lock->value_len = value.len;
}

static enum err write_grant(const struct store_mem_share *share,
                            struct store_mem_disk_lock *lock, struct list *told)
{
    LIST_FOREACH (node, after, &share->disk->sharers) {
        struct store_mem_share *to = LIST_ENTRY(node, struct store_mem_share, node);

        TRY(write_lock(&lock->spares, to, lock, STORE_LOCK_FREE));
        if (to != share) {
            TRY(write_lock(told, to, lock, STORE_LOCK_THEIRS));
        }
    }
    return OK;
}

static enum err grant(struct store_mem_share *share, struct letter *ask)
{
    struct store_mem_disk_lock *lock = find_lock(share->disk, key_of(ask));
    struct list told;
    enum err e;

    if (lock != NULL && lock->holder != NULL) {
        return ERR_AGAIN;
    }
    if (lock == NULL) {
        lock = lock_new(share->disk, key_of(ask));
    }
    if (lock == NULL) {
        return ERR_NOMEM;
    }
    list_init(&told);
    e = write_grant(share, lock, &told);
    if (e == OK) {
        lock->holder = share;
        set_value(ask, value_of_lock(lock));
        post_all(&told);
        return OK;
    }
    free_all(&told);
    free_all(&lock->spares);
    if (lock->value_len == 0) {
        forget_lock(lock);
    }
    return e;
}

void store_mem_share_lose_locks(struct store_mem_share *share)
{
    LIST_FOREACH (node, after, &share->disk->locks) {
        struct store_mem_disk_lock *lock = LIST_ENTRY(node, struct store_mem_disk_lock, node);

        if (lock->holder == share) {
            release(lock, value_of_lock(lock), NULL);
        }
    }
}

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
        struct letter *letter;

        if (to == share) {
            continue;
        }
        letter = letter_new(letters, to, LETTER_KEY, op->key, op->value.len);
        if (letter == NULL) {
            return ERR_NOMEM;
        }
        if (op->type == STORE_PUT) {
            set_value(letter, op->value);
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
        struct letter *letter;

        if (reader->share == share) {
            continue;
        }
        letter = letter_new(letters, reader->share, event == NULL ? LETTER_GONE : LETTER_EVENT,
                            SPAN(""), 0);
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
static bool complete(struct letter *letter, const struct store_job *job)
{
    const struct store_op *op = &job->ops[letter->op];

    if (letter->type == LETTER_EVENT) {
        letter->event->eid = job->eids[letter->op]; /* nobody else has it yet */
    } else if (letter->type == LETTER_GONE && op->type == STORE_REMOVE) {
        letter->first_eid = letter->last_eid = op->eid;
    } else if (letter->type == LETTER_GONE) {
        uint64_t end = job->after[letter->op].next_eid;

        letter->last_eid = (op->type == STORE_TRIM && op->eid < end ? op->eid : end) - 1;
        return letter->first_eid <= letter->last_eid;
    }
    return true;
}

/* Becomes an operation that does nothing. */
static void skip_what_is_stored(struct store_job *job, size_t at)
{
    struct store_op *op = &job->ops[at];

    if (op->type == STORE_APPEND && event_publish_id(op->event).len > 0) {
        job->eids[at] = queue_ids_find(&kept_of(op)->ids, event_publish_id(op->event));
        if (job->eids[at] != 0) {
            event_unref(op->event);
            op->type = STORE_RESERVE;
            op->eid = 0;
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
        if (e == OK && complete(letter_of(node), job)) {
            post(letter_of(node));
        }
    }
    free_all(&letters);
    return e;
}

/* ---- out ---- */

enum err store_mem_share_submit(struct store_mem_share *share, struct store_job *take_job)
{
    struct list one;
    struct letter *letter;

    list_init(&one);
    letter = letter_new(&one, share, LETTER_JOB, SPAN(""), 0);
    if (letter == NULL) {
        return ERR_NOMEM;
    }
    letter->job = take_job;
    queue_letter(&share->out, letter);
    return OK;
}

enum err store_mem_share_lock(struct store_mem_share *share, struct span key,
                              store_locked *done, void *ctx)
{
    struct list one;
    struct letter *letter;

    assert(store_mem_share_lock_state(share, key, NULL) != STORE_LOCK_OURS);
    if (store_mem_share_lock_state(share, key, NULL) == STORE_LOCK_THEIRS) {
        return ERR_AGAIN;
    }
    list_init(&one);
    letter = letter_new(&one, share, LETTER_ASK, key, STORE_LOCK_VALUE_MAX);
    if (letter == NULL) {
        return ERR_NOMEM;
    }
    letter->done = done;
    letter->ctx = ctx;
    letter->state = STORE_LOCK_OURS;
    queue_letter(&share->out, letter);
    return OK;
}

void store_mem_share_send(struct store_mem_share *share, uint64_t bytes_max, enum err fails)
{
    while (!list_is_empty(&share->out)) {
        struct letter *letter = letter_of(share->out.next);

        if (letter->type == LETTER_ASK) {
            letter->e = fails != OK ? fails : grant(share, letter);
        } else {
            letter->job->e = fails != OK ? fails : do_job(share, letter->job, bytes_max);
        }
        list_remove(&letter->node);
        list_append(&share->letters, &letter->node);
    }
}

/* ---- in ---- */

static struct letter *find_known(const struct store_mem_share *share, struct span key)
{
    LIST_FOREACH (node, after, &share->known) {
        if (span_equal(key_of(letter_of(node)), key)) {
            return letter_of(node);
        }
    }
    return NULL;
}

static void forget_known(struct store_mem_share *share, struct span key)
{
    struct letter *known = find_known(share, key);

    if (known != NULL) {
        letter_free(known);
    }
}

static void know(struct letter *letter)
{
    forget_known(letter->to, key_of(letter));
    list_append(&letter->to->known, &letter->node);
}

static void tell_job(struct store_mem_share *share, struct letter *letter)
{
    struct store_job *job = letter->job;

    for (size_t i = 0; job->e == OK && i < job->count; i++) {
        const struct store_op *op = &job->ops[i];

        if (op->type != STORE_PUT && op->type != STORE_DELETE) {
            job->after[i] = store_mem_disk_view(kept_of(op), job->after[i].next_eid);
        }
    }
    letter_free(letter);
    store_job_tell(share->store, job);
}

static void tell_ask(struct letter *letter)
{
    uint8_t value[STORE_LOCK_VALUE_MAX];
    struct span left = value_of(letter);
    store_locked *done = letter->done;
    void *ctx = letter->ctx;
    enum err e = letter->e;

    if (left.len > 0) {
        memcpy(value, left.ptr, left.len);
    }
    if (e == OK) {
        know(letter);
    } else {
        letter_free(letter);
    }
    done(ctx, e, span_of(value, e == OK ? left.len : 0)); /* may unlock it */
}

static void tell_stream(struct letter *letter)
{
    struct store_mem_disk_stream *to = letter->stream;
    struct store_stream *stream = &to->stream;
    bool is_event = letter->type == LETTER_EVENT;
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
    letter_free(letter);
}

static void tell_key(struct store_mem_share *share, struct letter *letter)
{
    const struct store *store = share->store;
    struct span value = value_of(letter);

    if (store->watch != NULL) {
        store->watch->on_key(store->watch_ctx, key_of(letter),
                             letter->has_value ? &value : NULL);
    }
    letter_free(letter);
}

static void tell_lock(struct store_mem_share *share, struct letter *letter)
{
    const struct store *store = share->store;

    know(letter);
    if (store->watch != NULL) {
        store->watch->on_lock(store->watch_ctx, key_of(letter), letter->state,
                              value_of(letter));
    }
    if (letter->state == STORE_LOCK_FREE && letter->value_len == 0) {
        letter_free(letter);
    }
}

bool store_mem_share_tell(struct store_mem_share *share)
{
    struct letter *letter = letter_of(share->letters.next);

    if (list_is_empty(&share->letters)) {
        return false;
    }
    list_remove(&letter->node);
    switch (letter->type) {
    case LETTER_JOB: tell_job(share, letter); break;
    case LETTER_ASK: tell_ask(letter); break;
    case LETTER_EVENT:
    case LETTER_GONE: tell_stream(letter); break;
    case LETTER_KEY: tell_key(share, letter); break;
    case LETTER_LOCK: tell_lock(share, letter); break;
    }
    return true;
}

enum store_lock_state store_mem_share_lock_state(const struct store_mem_share *share,
                                                 struct span key, struct span *ret_value)
{
    const struct letter *known = find_known(share, key);

    if (known != NULL && ret_value != NULL) {
        *ret_value = value_of(known);
    }
    return known == NULL ? STORE_LOCK_FREE : known->state;
}

void store_mem_share_unlock(struct store_mem_share *share, struct span key, struct span value)
{
    struct letter *known = find_known(share, key);
    struct store_mem_disk_lock *lock = find_lock(share->disk, key);

    if (known == NULL || known->state != STORE_LOCK_OURS) {
        return; /* it was lost */
    }
    known->state = STORE_LOCK_FREE;
    set_value(known, value);
    if (value.len == 0) {
        letter_free(known);
    }
    if (lock != NULL && lock->holder == share) {
        release(lock, value, share);
    }
}

/* ---- coming and going ---- */

static enum err learn_locks(struct store_mem_share *share)
{
    LIST_FOREACH (node, after, &share->disk->locks) {
        struct store_mem_disk_lock *lock = LIST_ENTRY(node, struct store_mem_disk_lock, node);
        bool is_held = lock->holder != NULL;

        TRY(write_lock(&share->known, share, lock,
                       is_held ? STORE_LOCK_THEIRS : STORE_LOCK_FREE));
        if (is_held) {
            TRY(write_lock(&lock->spares, share, lock, STORE_LOCK_FREE));
        }
    }
    return OK;
}

enum err store_mem_share_join(struct store_mem_share *share, struct store_mem_disk *disk)
{
    enum err e;

    share->disk = disk;
    list_init(&share->out);
    list_init(&share->letters);
    list_init(&share->known);
    list_append(&disk->sharers, &share->node);
    e = learn_locks(share);
    if (e != OK) {
        store_mem_share_leave(share);
    }
    return e;
}

static void forget_spares(const struct store_mem_share *share, struct store_mem_disk_lock *lock)
{
    LIST_FOREACH (node, after, &lock->spares) {
        if (letter_of(node)->to == share) {
            letter_free(letter_of(node));
        }
    }
}

void store_mem_share_leave(struct store_mem_share *share)
{
    list_remove(&share->node);
    LIST_FOREACH (node, after, &share->disk->locks) {
        struct store_mem_disk_lock *lock = LIST_ENTRY(node, struct store_mem_disk_lock, node);

        if (lock->holder == share) {
            release(lock, value_of_lock(lock), share);
        } else {
            forget_spares(share, lock);
        }
    }
    free_all(&share->out);
    free_all(&share->letters);
    free_all(&share->known);
}
