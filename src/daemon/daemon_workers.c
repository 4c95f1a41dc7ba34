/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/daemon_workers.h"

#include "daemon/daemon_inside.h"
#include "io/crew.h"
#include "io/entropy.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum err daemon_workers_alloc(struct daemon *daemon)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = daemon_snapshot_core(daemon->snapshot)->workers;

    if (count == 0) {
        count = processors < 1 ? 1 : (size_t)processors;
    }
    daemon->hands = 1;
    if (daemon->service->single_worker) {
        daemon->hands = count < CREW_SIZE_MAX ? count : CREW_SIZE_MAX;
        count = 1;
    }
    daemon->threads = calloc(count, sizeof *daemon->threads);
    if (daemon->threads == NULL) {
        return ERR_NOMEM;
    }
    daemon->thread_count = count;
    for (size_t i = 0; i < count; i++) {
        daemon->threads[i].worker.index = i;
        daemon->threads[i].worker.hands = daemon->hands;
    }
    return OK;
}

/* ---- from the first to the last turn ---- */

static enum err open_worker(struct worker_thread *thread, struct daemon *daemon)
{
    struct worker *worker = &thread->worker;

    thread->log = daemon->log;
    worker->daemon = daemon;
    worker->log = &thread->log;
    worker->rng = entropy_rng();
    worker->snapshot = daemon_snapshot_ref(daemon->snapshot);
    TRY(loop_new(&worker->loop));
    TRY(mailbox_new(&worker->mailbox, worker->loop));
    TRY(resolver_new(&worker->resolver, worker->loop));
    if (daemon->service->metrics != NULL) {
        TRY(metric_sheet_new(&worker->metrics, daemon->service->metrics));
    }
    thread->is_started = true;
    return daemon->service->start(worker, &daemon->diag);
}

static void stop_worker(struct worker_thread *thread)
{
    thread->worker.daemon->service->stop(&thread->worker);
    thread->is_stopped = true;
}

static void close_worker(struct worker_thread *thread)
{
    struct worker *worker = &thread->worker;

    resolver_free(worker->resolver);
    mailbox_free(worker->mailbox); /* opens what is left in it */
    loop_free(worker->loop);
    metric_sheet_free(worker->metrics);
    daemon_snapshot_unref(worker->snapshot);
    *worker = (struct worker){0};
}

static void *run_worker(void *arg)
{
    struct worker_thread *thread = arg;
    enum err e = loop_run(thread->worker.loop);

    if (e != OK) {
        log_error(thread->worker.log, "worker %zu: its loop failed: %s", thread->worker.index,
                  strerror(errno));
        kill(getpid(), SIGINT); /* a daemon that limps helps nobody */
    }
    stop_worker(thread);
    return NULL;
}

enum err daemon_workers_start(struct daemon *daemon)
{
    for (size_t i = 0; i < daemon->thread_count; i++) {
        TRY(open_worker(&daemon->threads[i], daemon));
    }
    for (size_t i = 0; i < daemon->thread_count; i++) {
        struct worker_thread *thread = &daemon->threads[i];

        errno = pthread_create(&thread->thread, NULL, run_worker, thread);
        if (errno != 0) {
            return ERR_IO;
        }
        thread->is_running = true;
    }
    return OK;
}

/* ---- letters ---- */

static void open_stop_letter(struct mailbox_letter *letter)
{
    struct worker_thread *thread = LIST_ENTRY(letter, struct worker_thread, stop_letter);

    loop_stop(thread->worker.loop);
}

static void open_drain_letter(struct mailbox_letter *letter)
{
    struct worker_thread *thread = LIST_ENTRY(letter, struct worker_thread, drain_letter);

    if (!thread->is_stopped) {
        thread->worker.is_draining = true;
        thread->worker.daemon->service->drain(&thread->worker);
    }
}

void daemon_workers_drain(struct daemon *daemon)
{
    atomic_store(&daemon->busy_workers, daemon->thread_count);
    atomic_store(&daemon->is_draining, true);
    for (size_t i = 0; i < daemon->thread_count; i++) {
        daemon->threads[i].drain_letter.open = open_drain_letter;
        daemon_post(daemon, i, &daemon->threads[i].drain_letter);
    }
}

struct adoption {
    struct mailbox_letter letter;
    struct worker_thread *thread;
    struct daemon_snapshot *snapshot; /* one reference */
};

static void open_adoption(struct mailbox_letter *letter)
{
    struct adoption *adoption = LIST_ENTRY(letter, struct adoption, letter);
    struct worker_thread *thread = adoption->thread;
    struct daemon_snapshot *old = adoption->snapshot;

    if (!thread->is_stopped) {
        old = thread->worker.snapshot;
        thread->worker.snapshot = adoption->snapshot;
        thread->log.level = daemon_snapshot_core(adoption->snapshot)->log_level;
        thread->worker.daemon->service->adopt(&thread->worker);
    }
    daemon_snapshot_unref(old);
    free(adoption);
}

enum err daemon_workers_adopt(struct daemon *daemon)
{
    struct list letters;

    list_init(&letters);
    for (size_t i = 0; i < daemon->thread_count; i++) {
        struct adoption *adoption = calloc(1, sizeof *adoption);

        if (adoption == NULL) {
            LIST_FOREACH (node, after, &letters) {
                free(LIST_ENTRY(node, struct adoption, letter.node));
            }
            return ERR_NOMEM;
        }
        adoption->letter.open = open_adoption;
        adoption->thread = &daemon->threads[i];
        list_append(&letters, &adoption->letter.node);
    }
    while (!list_is_empty(&letters)) {
        struct adoption *adoption = LIST_ENTRY(letters.next, struct adoption, letter.node);

        list_remove(&adoption->letter.node);
        adoption->snapshot = daemon_snapshot_ref(daemon->snapshot);
        daemon_post(daemon, adoption->thread->worker.index, &adoption->letter);
    }
    return OK;
}

/* ---- the end ---- */

/* All threads have ended before the first mailbox goes, as any of them may have been writing to
 * it; and the first worker's goes last, as letters that are opened late may answer to it. */
void daemon_workers_stop(struct daemon *daemon)
{
    for (size_t i = 0; i < daemon->thread_count; i++) {
        struct worker_thread *thread = &daemon->threads[i];

        if (thread->is_running) {
            thread->stop_letter.open = open_stop_letter;
            daemon_post(daemon, i, &thread->stop_letter);
        } else if (thread->is_started) {
            stop_worker(thread);
        }
    }
    for (size_t i = 0; i < daemon->thread_count; i++) {
        if (daemon->threads[i].is_running) {
            pthread_join(daemon->threads[i].thread, NULL);
        }
    }
    for (size_t i = daemon->thread_count; i > 0; i--) {
        close_worker(&daemon->threads[i - 1]);
    }
    free(daemon->threads);
    daemon->threads = NULL;
    daemon->thread_count = 0;
}
