/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_lmdb.h"

#include "base/map.h"
#include "store/store_lmdb_read.h"
#include "store/store_lmdb_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct lmdb;

/* It may still be in the mailbox when the store has gone. */
struct outcome_letter {
    struct mailbox_letter letter;
    struct lmdb *lmdb; /* borrowed; NULL: the store was closed, and the letter is its own */
};

struct lmdb {
    struct store store;
    struct store_lmdb_conf conf;
    struct store_lmdb_env env;
    struct store_lmdb_writer writer; /* the thread's */
    struct list streams;             /* struct store_lmdb_write_stream */
    struct map by_name;
    uint64_t next_id;

    pthread_mutex_t lock;  /* guards the following */
    pthread_cond_t wanted; /* something is pending, or it is time to go */
    struct list pending;   /* struct store_job, as is the next */
    struct list finished;
    bool is_posted; /* the mailbox has the letter */
    bool is_ending;

    struct outcome_letter *letter; /* owned, unless it is posted when the store is closed */
    pthread_t thread;
    bool has_thread;
    bool has_lock; /* lock and wanted were made */
};

static struct lmdb *lmdb_of(struct store *store)
{
    return LIST_ENTRY(store, struct lmdb, store);
}

/* ---- the thread ---- */

static void finish(struct lmdb *lmdb, struct list *jobs)
{
    list_splice(&lmdb->finished, jobs);
    if (!lmdb->is_posted) {
        lmdb->is_posted = true;
        mailbox_post(lmdb->conf.mailbox, &lmdb->letter->letter);
    }
}

static void *run(void *opaque)
{
    struct lmdb *lmdb = opaque;
    struct list jobs;

    list_init(&jobs);
    pthread_mutex_lock(&lmdb->lock);
    for (;;) {
        while (list_is_empty(&lmdb->pending) && !lmdb->is_ending &&
               !lmdb->writer.change.has_sweeps) {
            pthread_cond_wait(&lmdb->wanted, &lmdb->lock);
        }
        if (list_is_empty(&lmdb->pending) && lmdb->is_ending) {
            break; /* what is left to be swept can wait for the next start */
        }
        list_splice(&jobs, &lmdb->pending);
        pthread_mutex_unlock(&lmdb->lock);

        if (!list_is_empty(&jobs)) {
            store_lmdb_write_jobs(&lmdb->writer, &jobs);
            pthread_mutex_lock(&lmdb->lock);
            finish(lmdb, &jobs);
            pthread_mutex_unlock(&lmdb->lock);
        }
        if (lmdb->writer.change.has_sweeps) {
            store_lmdb_write_sweep(&lmdb->writer);
        }
        pthread_mutex_lock(&lmdb->lock);
    }
    pthread_mutex_unlock(&lmdb->lock);
    return NULL;
}

/* ---- outcomes ---- */

static void tell_all(struct lmdb *lmdb, struct list *finished)
{
    while (!list_is_empty(finished)) {
        struct store_job *job = LIST_ENTRY(finished->next, struct store_job, node);

        list_remove(&job->node);
        store_job_tell(&lmdb->store, job);
    }
}

static void take_finished(struct lmdb *lmdb, struct list *finished)
{
    list_init(finished);
    pthread_mutex_lock(&lmdb->lock);
    list_splice(finished, &lmdb->finished);
    pthread_mutex_unlock(&lmdb->lock);
}

static void open_letter(struct mailbox_letter *letter)
{
    struct outcome_letter *outcomes = LIST_ENTRY(letter, struct outcome_letter, letter);
    struct lmdb *lmdb = outcomes->lmdb;
    struct list finished;

    if (lmdb == NULL) {
        free(outcomes);
        return;
    }
    list_init(&finished);
    pthread_mutex_lock(&lmdb->lock);
    list_splice(&finished, &lmdb->finished);
    lmdb->is_posted = false;
    pthread_mutex_unlock(&lmdb->lock);
    tell_all(lmdb, &finished);
}

/* ---- the contract ---- */

static enum err submit(struct store *store, const struct store_op *ops, size_t count,
                       store_done *done, void *ctx)
{
    struct lmdb *lmdb = lmdb_of(store);
    struct store_job *job;

    TRY(store_job_new(store, ops, count, done, ctx, &job));
    pthread_mutex_lock(&lmdb->lock);
    list_append(&lmdb->pending, &job->node);
    pthread_cond_signal(&lmdb->wanted);
    pthread_mutex_unlock(&lmdb->lock);
    return OK;
}

static void free_stream(struct store_lmdb_write_stream *stream)
{
    free((void *)(uintptr_t)stream->stream.name.ptr);
    free(stream);
}

static enum err make_stream(struct lmdb *lmdb, struct span name,
                            const struct store_lmdb_data_numbers *numbers)
{
    struct store_lmdb_write_stream *made = calloc(1, sizeof *made);
    char *copy = strndup((const char *)name.ptr, name.len);
    enum err e = ERR_NOMEM;

    if (made != NULL && copy != NULL) {
        e = map_insert(&lmdb->by_name, span_of(copy, name.len), made);
    }
    if (e != OK) {
        free(copy);
        free(made);
        return e;
    }
    made->id = numbers->id;
    made->epoch = numbers->epoch;
    made->stream = (struct store_stream){
        .store = &lmdb->store,
        .name = span_of(copy, name.len),
        .epoch = numbers->epoch,
        .first_eid = numbers->first_eid,
        .next_eid = numbers->next_eid,
        .count = numbers->count,
        .bytes = numbers->bytes,
    };
    list_init(&made->touched);
    list_append(&lmdb->streams, &made->node);
    return OK;
}

static enum err open_stream(struct store *store, struct span name, enum store_keep keep,
                            struct store_stream **ret_stream)
{
    struct lmdb *lmdb = lmdb_of(store);
    struct store_lmdb_data_numbers numbers;
    struct store_lmdb_write_stream *known = map_find(&lmdb->by_name, name);
    bool is_found = false;

    (void)keep; /* of shared stores alone */
    if (known == NULL) {
        TRY(store_lmdb_read_numbers(&lmdb->env, name, &numbers, &is_found));
        if (!is_found) {
            numbers = (struct store_lmdb_data_numbers){
                .id = lmdb->next_id, .first_eid = 1, .next_eid = 1};
            rng_fill(lmdb->conf.rng, mspan_of((uint8_t *)&numbers.epoch, sizeof numbers.epoch));
        }
        TRY(make_stream(lmdb, name, &numbers));
        lmdb->next_id += is_found ? 0 : 1;
        known = map_find(&lmdb->by_name, name);
    }
    *ret_stream = &known->stream;
    return OK;
}

static enum err has_stream(struct store *store, struct span name, bool *ret_has)
{
    struct store_lmdb_data_numbers numbers;

    return store_lmdb_read_numbers(&lmdb_of(store)->env, name, &numbers, ret_has);
}

static enum err read_events(struct store_stream *stream, uint64_t from, store_visit *visit,
                            void *ctx, uint64_t *ret_next)
{
    return store_lmdb_read_events(
        &lmdb_of(stream->store)->env, stream,
        LIST_ENTRY(stream, struct store_lmdb_write_stream, stream)->id, from, visit, ctx,
        ret_next);
}

static enum err get(struct store *store, struct span key, struct buf *value, bool *ret_found)
{
    return store_lmdb_read_key(&lmdb_of(store)->env, key, value, ret_found);
}

static enum err list(struct store *store, struct span prefix, store_visit_key *visit, void *ctx)
{
    return store_lmdb_read_keys(&lmdb_of(store)->env, prefix, visit, ctx);
}

/* Takes what failed to open, too. */
static void close_store(struct store *store)
{
    struct lmdb *lmdb = lmdb_of(store);
    struct list finished;

    if (lmdb->has_thread) {
        pthread_mutex_lock(&lmdb->lock);
        lmdb->is_ending = true;
        pthread_cond_signal(&lmdb->wanted);
        pthread_mutex_unlock(&lmdb->lock);
        pthread_join(lmdb->thread, NULL);
        take_finished(lmdb, &finished);
        tell_all(lmdb, &finished);
    }
    if (lmdb->letter != NULL && lmdb->is_posted) {
        lmdb->letter->lmdb = NULL;
    } else {
        free(lmdb->letter);
    }
    LIST_FOREACH (node, after, &lmdb->streams) {
        free_stream(LIST_ENTRY(node, struct store_lmdb_write_stream, node));
    }
    map_fini(&lmdb->by_name);
    store_lmdb_env_close(&lmdb->env);
    if (lmdb->has_lock) {
        pthread_cond_destroy(&lmdb->wanted);
        pthread_mutex_destroy(&lmdb->lock);
    }
    free(lmdb);
}

static const struct store_ops lmdb_ops = {
    .name = "lmdb",
    .close = close_store,
    .open_stream = open_stream,
    .has_stream = has_stream,
    .submit = submit,
    .read = read_events,
    .get = get,
    .list = list,
};

static enum err start(struct lmdb *lmdb, char fault[STORE_LMDB_FAULT_BYTES])
{
    int code;

    TRY(store_lmdb_env_open(&lmdb->env, lmdb->conf.path, lmdb->conf.bytes_max, lmdb->conf.log,
                            fault));
    (void)snprintf(fault, STORE_LMDB_FAULT_BYTES, "\"%s\" cannot be read", lmdb->conf.path);
    TRY(store_lmdb_read_next_id(&lmdb->env, &lmdb->next_id));
    store_lmdb_write_init(&lmdb->writer, &lmdb->env);
    (void)snprintf(fault, STORE_LMDB_FAULT_BYTES, "out of memory");
    lmdb->letter = calloc(1, sizeof *lmdb->letter);
    if (lmdb->letter == NULL) {
        return ERR_NOMEM;
    }
    lmdb->letter->lmdb = lmdb;
    lmdb->letter->letter.open = open_letter;
    code = pthread_create(&lmdb->thread, NULL, run, lmdb);
    if (code != 0) {
        (void)snprintf(fault, STORE_LMDB_FAULT_BYTES, "the store's thread does not start: %s",
                       strerror(code));
        errno = code;
        return ERR_IO;
    }
    lmdb->has_thread = true;
    return OK;
}

enum err store_lmdb_open(const struct store_lmdb_conf *conf, struct store **ret_store,
                         char ret_fault[STORE_LMDB_FAULT_BYTES])
{
    struct lmdb *lmdb = calloc(1, sizeof *lmdb);
    enum err e;

    static_assert((int)STORE_LMDB_FAULT_BYTES == (int)STORE_LMDB_ENV_FAULT_BYTES, "one size");
    assert(conf->bytes_max >= STORE_LMDB_BYTES_MIN);
    if (lmdb == NULL) {
        (void)snprintf(ret_fault, STORE_LMDB_FAULT_BYTES, "out of memory");
        return ERR_NOMEM;
    }
    lmdb->store.ops = &lmdb_ops;
    lmdb->store.pending_bytes_max = conf->pending_bytes_max;
    lmdb->conf = *conf;
    lmdb->env.lock_fd = -1;
    list_init(&lmdb->streams);
    list_init(&lmdb->pending);
    list_init(&lmdb->finished);
    map_init(&lmdb->by_name, conf->streams_max);
    pthread_mutex_init(&lmdb->lock, NULL); /* these cannot fail on Linux */
    pthread_cond_init(&lmdb->wanted, NULL);
    lmdb->has_lock = true;
    e = start(lmdb, ret_fault);
    if (e != OK) {
        close_store(&lmdb->store);
        return e;
    }
    *ret_store = &lmdb->store;
    return OK;
}
