/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "auth/auth.h"

#include "auth/auth_cache.h"
#include "auth/htpasswd_hash.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum {
    THREADS_MAX = 16,
};

struct auth {
    pthread_mutex_t lock;  /* guards everything below, and every job's state */
    pthread_cond_t wanted; /* the queue is no longer empty, or it is time to go */
    pthread_cond_t posted; /* a job that ran has been posted */
    struct list queue;     /* struct auth_job, by `waiting` */
    size_t queue_count;
    size_t queue_max;
    bool is_ending;
    pthread_t threads[THREADS_MAX];
    size_t thread_count;
};

struct auth_desk {
    struct auth *auth; /* borrowed, as is the next, for the worker's life */
    struct mailbox *mailbox;
    struct auth_cache *cache; /* owned */
    struct list jobs;         /* struct auth_job, by `node`: not yet answered */
};

enum job_state {
    JOB_WAITING, /* in the queue */
    JOB_RUNNING, /* a thread has it */
    JOB_POSTED,  /* the mailbox has it */
};

struct auth_job {
    struct mailbox_letter letter;
    struct list node;       /* the desk's */
    struct list waiting;    /* the queue's */
    struct auth_desk *desk; /* borrowed; NULL when it is gone */
    enum job_state state;   /* guarded by auth->lock */
    auth_done *done;        /* NULL: cancelled. The worker's alone */
    void *ctx;              /* borrowed until `done` */
    msec now;               /* when it was asked */
    struct auth_cache_key key;
    bool is_known; /* the user is in the file; else the hash is somebody else's */
    bool is_right;
    size_t password_len;
    size_t hash_len;
    uint8_t password[AUTH_BASIC_PASSWORD_MAX];
    uint8_t hash[HTPASSWD_HASH_BYTES_MAX + 1];
};

static void job_free(struct auth_job *job)
{
    digest_wipe(job->password, sizeof job->password);
    free(job);
}

/* ---- the threads ---- */

static void verify(struct auth_job *job)
{
    bool is_same = htpasswd_hash_verify(span_of(job->hash, job->hash_len),
                                        span_of(job->password, job->password_len));

    job->is_right = is_same && job->is_known;
}

static void *run(void *opaque)
{
    struct auth *auth = opaque;

    pthread_mutex_lock(&auth->lock);
    for (;;) {
        struct auth_job *job;

        while (list_is_empty(&auth->queue) && !auth->is_ending) {
            pthread_cond_wait(&auth->wanted, &auth->lock);
        }
        if (list_is_empty(&auth->queue)) {
            break; /* ending, and nothing is left */
        }
        job = LIST_ENTRY(auth->queue.next, struct auth_job, waiting);
        list_remove(&job->waiting);
        auth->queue_count--;
        job->state = JOB_RUNNING;
        pthread_mutex_unlock(&auth->lock);

        verify(job);

        pthread_mutex_lock(&auth->lock);
        job->state = JOB_POSTED;
        /* Under the lock: whoever frees the desk waits for this, and the mailbox goes after
         * it. The job is the worker's from here. */
        mailbox_post(job->desk->mailbox, &job->letter);
        pthread_cond_broadcast(&auth->posted);
    }
    pthread_mutex_unlock(&auth->lock);
    return NULL;
}

enum err auth_new(struct auth **ret_auth, size_t threads, size_t queue_max)
{
    struct auth *auth = calloc(1, sizeof *auth);

    if (auth == NULL) {
        return ERR_NOMEM;
    }
    assert(threads > 0 && queue_max > 0);
    auth->queue_max = queue_max;
    list_init(&auth->queue);
    pthread_mutex_init(&auth->lock, NULL); /* these cannot fail on Linux */
    pthread_cond_init(&auth->wanted, NULL);
    pthread_cond_init(&auth->posted, NULL);
    for (size_t i = 0; i < threads && i < THREADS_MAX; i++) {
        int fault = pthread_create(&auth->threads[i], NULL, run, auth);

        if (fault != 0) {
            auth_free(auth);
            errno = fault;
            return ERR_IO;
        }
        auth->thread_count++;
    }
    *ret_auth = auth;
    return OK;
}

void auth_free(struct auth *auth)
{
    if (auth == NULL) {
        return;
    }
    pthread_mutex_lock(&auth->lock);
    assert(list_is_empty(&auth->queue)); /* every desk is gone */
    auth->is_ending = true;
    pthread_cond_broadcast(&auth->wanted);
    pthread_mutex_unlock(&auth->lock);
    for (size_t i = 0; i < auth->thread_count; i++) {
        pthread_join(auth->threads[i], NULL);
    }
    pthread_cond_destroy(&auth->posted);
    pthread_cond_destroy(&auth->wanted);
    pthread_mutex_destroy(&auth->lock);
    free(auth);
}

/* ---- a worker's side ---- */

enum err auth_desk_new(struct auth_desk **ret_desk, struct auth *auth, struct mailbox *mailbox,
                       msec cache_ttl, struct rng *rng)
{
    struct auth_desk *desk = calloc(1, sizeof *desk);
    enum err e;

    if (desk == NULL) {
        return ERR_NOMEM;
    }
    e = auth_cache_new(&desk->cache, cache_ttl, rng);
    if (e != OK) {
        free(desk);
        return e;
    }
    desk->auth = auth;
    desk->mailbox = mailbox;
    list_init(&desk->jobs);
    *ret_desk = desk;
    return OK;
}

void auth_desk_set_ttl(struct auth_desk *desk, msec cache_ttl)
{
    auth_cache_set_ttl(desk->cache, cache_ttl);
}

/* Takes it out of the queue if it is still there. */
static bool take_back(struct auth *auth, struct auth_job *job)
{
    bool was_waiting;

    pthread_mutex_lock(&auth->lock);
    was_waiting = job->state == JOB_WAITING;
    if (was_waiting) {
        list_remove(&job->waiting);
        auth->queue_count--;
    }
    pthread_mutex_unlock(&auth->lock);
    return was_waiting;
}

void auth_cancel(struct auth_job *job)
{
    if (job == NULL) {
        return;
    }
    job->done = NULL;
    if (take_back(job->desk->auth, job)) {
        list_remove(&job->node);
        job_free(job);
    }
    /* Else its letter comes, and frees it. */
}

static void await_posting(struct auth *auth, const struct auth_job *job)
{
    pthread_mutex_lock(&auth->lock);
    while (job->state == JOB_RUNNING) {
        pthread_cond_wait(&auth->posted, &auth->lock);
    }
    pthread_mutex_unlock(&auth->lock);
}

void auth_desk_free(struct auth_desk *desk)
{
    if (desk == NULL) {
        return;
    }
    LIST_FOREACH (node, after, &desk->jobs) {
        auth_cancel(LIST_ENTRY(node, struct auth_job, node));
    }
    /* What is left runs or lies in the mailbox. */
    LIST_FOREACH (node, after, &desk->jobs) {
        struct auth_job *job = LIST_ENTRY(node, struct auth_job, node);

        await_posting(desk->auth, job);
        list_remove(&job->node);
        job->desk = NULL;
    }
    auth_cache_free(desk->cache);
    free(desk);
}

static void on_letter(struct mailbox_letter *letter)
{
    struct auth_job *job = LIST_ENTRY(letter, struct auth_job, letter);
    auth_done *done = job->done;
    void *ctx = job->ctx;
    bool is_right = job->is_right;

    if (job->desk != NULL) {
        list_remove(&job->node);
        if (is_right) {
            auth_cache_put(job->desk->cache, &job->key, job->now);
        }
    }
    job_free(job);
    if (done != NULL) {
        done(ctx, is_right);
    }
}

/* ---- asking ---- */

/* Somebody of the file, always the same for a name: what an unknown user costs then looks like
 * one of the known. */
static const struct htpasswd_user *stand_in(const struct htpasswd *users,
                                            const struct auth_cache_key *key)
{
    size_t number = (size_t)(key->bytes[2] | key->bytes[3] << 8 | key->bytes[4] << 16);

    return users->count == 0 ? NULL : &users->users[number % users->count];
}

static void copy_in(struct auth_job *job, struct span hash, struct span password)
{
    assert(hash.len < sizeof job->hash && password.len <= sizeof job->password);
    if (hash.len > 0) {
        memcpy(job->hash, hash.ptr, hash.len);
    }
    if (password.len > 0) {
        memcpy(job->password, password.ptr, password.len);
    }
    job->hash_len = hash.len;
    job->password_len = password.len;
}

static enum err enqueue(struct auth *auth, struct auth_job *job)
{
    enum err e = ERR_LIMIT;

    pthread_mutex_lock(&auth->lock);
    if (auth->queue_count < auth->queue_max) {
        list_append(&auth->queue, &job->waiting);
        auth->queue_count++;
        pthread_cond_signal(&auth->wanted);
        e = OK;
    }
    pthread_mutex_unlock(&auth->lock);
    return e;
}

static enum err start_job(struct auth_desk *desk, struct auth_job *job)
{
    enum err e = enqueue(desk->auth, job);

    if (e != OK) {
        job_free(job);
        return e;
    }
    list_append(&desk->jobs, &job->node);
    return ERR_AGAIN;
}

enum err auth_check(struct auth_desk *desk, const struct htpasswd *users,
                    const struct auth_basic *credentials, msec now, auth_done *done, void *ctx,
                    struct auth_job **ret_job)
{
    const struct htpasswd_user *user = htpasswd_find(users, credentials->user);
    struct auth_cache_key key;
    struct auth_job *job;
    enum err e;

    TRY(auth_cache_digest(desk->cache, user == NULL ? SPAN("") : user->hash, credentials->user,
                          user == NULL ? SPAN("") : credentials->password, &key));
    if (user != NULL && auth_cache_has(desk->cache, &key, now)) {
        return OK;
    }
    job = calloc(1, sizeof *job);
    if (job == NULL) {
        return ERR_NOMEM;
    }
    job->letter.open = on_letter;
    list_init(&job->waiting);
    list_init(&job->node);
    job->desk = desk;
    job->done = done;
    job->ctx = ctx;
    job->now = now;
    job->key = key;
    job->is_known = user != NULL;
    user = user != NULL ? user : stand_in(users, &key);
    copy_in(job, user == NULL ? SPAN("") : user->hash, credentials->password);
    e = start_job(desk, job);
    if (e == ERR_AGAIN) {
        *ret_job = job;
    }
    return e;
}
