/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A batch is open from the caller's beginning until it has run out of items. Helpers come in
 * while it is open, and the caller waits for those who have come in to leave. Items are taken
 * by counting, a few at once, so that neighbours in memory mostly belong to one thread.
 */
#include "io/crew.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
    TAKEN_AT_ONCE = 4,
    WOKEN_BY_EACH = 2, /* so that many are awake soon, and nobody spends long on waking them */
    SPINS = 500,       /* before the caller sleeps: about as long as falling asleep takes */
};

struct crew {
    pthread_mutex_t lock; /* guards everything that is not atomic */
    pthread_cond_t begun; /* a batch is open, or it is time to go */
    pthread_cond_t left;  /* the last helper has left the batch */
    crew_work *work;      /* of the batch, as are the next two; read by those inside */
    void *ctx;
    size_t count;
    atomic_size_t next; /* items before it are taken */
    bool is_open;
    bool is_ending;
    size_t batch;         /* its number: nobody comes in twice */
    size_t wanted;        /* helpers that are still to be woken for it */
    atomic_size_t inside; /* helpers; changed under the lock */
    size_t thread_count;
    pthread_t threads[CREW_SIZE_MAX - 1];
};

static void do_items(struct crew *crew)
{
    size_t at;

    while ((at = atomic_fetch_add_explicit(&crew->next, TAKEN_AT_ONCE, memory_order_relaxed)) <
           crew->count) {
        size_t end = at + TAKEN_AT_ONCE < crew->count ? at + TAKEN_AT_ONCE : crew->count;

        for (; at < end; at++) {
            crew->work(crew->ctx, at);
        }
    }
}

/* ---- helpers ---- */

static void wake_some(struct crew *crew)
{
    for (int i = 0; i < WOKEN_BY_EACH && crew->wanted > 0; i++) {
        crew->wanted--;
        pthread_cond_signal(&crew->begun);
    }
}

static void join_in(struct crew *crew)
{
    wake_some(crew);
    atomic_fetch_add(&crew->inside, 1);
    pthread_mutex_unlock(&crew->lock);

    do_items(crew);

    pthread_mutex_lock(&crew->lock);
    if (atomic_fetch_sub(&crew->inside, 1) == 1) {
        pthread_cond_signal(&crew->left);
    }
}

static void *help(void *opaque)
{
    struct crew *crew = opaque;
    size_t seen = 0;

    pthread_mutex_lock(&crew->lock);
    while (!crew->is_ending) {
        if (crew->is_open && crew->batch != seen) {
            seen = crew->batch;
            join_in(crew);
        } else {
            pthread_cond_wait(&crew->begun, &crew->lock);
        }
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* ---- the caller ---- */

enum err crew_new(struct crew **ret_crew, size_t size)
{
    struct crew *crew = calloc(1, sizeof *crew);

    assert(size > 0 && size <= CREW_SIZE_MAX);
    if (crew == NULL) {
        return ERR_NOMEM;
    }
    pthread_mutex_init(&crew->lock, NULL); /* these cannot fail on Linux */
    pthread_cond_init(&crew->begun, NULL);
    pthread_cond_init(&crew->left, NULL);
    while (crew->thread_count < size - 1) {
        int fault = pthread_create(&crew->threads[crew->thread_count], NULL, help, crew);

        if (fault != 0) {
            crew_free(crew);
            errno = fault;
            return ERR_IO;
        }
        crew->thread_count++;
    }
    *ret_crew = crew;
    return OK;
}

void crew_free(struct crew *crew)
{
    if (crew == NULL) {
        return;
    }
    pthread_mutex_lock(&crew->lock);
    crew->is_ending = true;
    pthread_cond_broadcast(&crew->begun);
    pthread_mutex_unlock(&crew->lock);
    for (size_t i = 0; i < crew->thread_count; i++) {
        pthread_join(crew->threads[i], NULL);
    }
    pthread_cond_destroy(&crew->left);
    pthread_cond_destroy(&crew->begun);
    pthread_mutex_destroy(&crew->lock);
    free(crew);
}

static void open_batch(struct crew *crew, size_t count, crew_work *work, void *ctx)
{
    size_t portions = (count - 1) / TAKEN_AT_ONCE; /* besides the caller's first */

    pthread_mutex_lock(&crew->lock);
    crew->work = work;
    crew->ctx = ctx;
    crew->count = count;
    atomic_store_explicit(&crew->next, 0, memory_order_relaxed);
    crew->is_open = true;
    crew->batch++;
    crew->wanted = portions < crew->thread_count ? portions : crew->thread_count;
    wake_some(crew);
    pthread_mutex_unlock(&crew->lock);
}

/* Tells the processor that nothing is to be won by hurrying. */
static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void close_batch(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    crew->is_open = false;
    crew->wanted = 0;
    pthread_mutex_unlock(&crew->lock);
    for (int i = 0; i < SPINS && atomic_load(&crew->inside) > 0; i++) {
        pause_briefly();
    }
    pthread_mutex_lock(&crew->lock);
    while (atomic_load(&crew->inside) > 0) {
        pthread_cond_wait(&crew->left, &crew->lock);
    }
    pthread_mutex_unlock(&crew->lock);
}

void crew_run(struct crew *crew, size_t count, crew_work *work, void *ctx)
{
    if (crew->thread_count == 0 || count <= TAKEN_AT_ONCE) {
        for (size_t i = 0; i < count; i++) {
            work(ctx, i);
        }
        return;
    }
    open_batch(crew, count, work, ctx);
    do_items(crew);
    close_batch(crew);
}
