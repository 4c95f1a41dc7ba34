/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the files of the skeleton share; nobody else includes it. Everything is the main
 * thread's, but for what is atomic and for `worker` and `log`, which are the worker's once it
 * runs.
 */
#pragma once

#include "daemon/daemon.h"
#include "daemon/inherited.h"
#include "daemon/logfile.h"
#include "daemon/notify.h"
#include "daemon/pidfile.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    DAEMON_DEFINES_MAX = 32
};

struct worker_thread {
    struct worker worker;
    struct log log; /* worker.log */
    struct mailbox_letter drain_letter;
    struct mailbox_letter stop_letter;
    pthread_t thread;
    bool is_started; /* start() was called */
    bool is_running; /* the thread exists */
    bool is_stopped; /* the worker's: letters come too late */
};

struct daemon {
    const struct service *service;
    const char *file;                            /* borrowed from argv; NULL: built in */
    const char *defines[DAEMON_DEFINES_MAX + 1]; /* of -D, borrowed from argv; NULL ends */
    size_t define_count;
    const char *user; /* of -u, which goes before User; NULL: none */
    bool only_check;
    struct diag diag;                 /* of the start */
    struct daemon_snapshot *snapshot; /* one reference */
    void *shared;
    struct inherited inherited;
    struct notify notify;
    struct pidfile pidfile;
    struct logfile log_file;
    struct log log;                /* the main thread's face of it */
    struct worker_thread *threads; /* owned */
    size_t thread_count;           /* workers, of which each has */
    size_t hands;                  /* so many threads, its own included */
    pthread_t main_thread;
    int64_t started_at;
    atomic_size_t busy_workers; /* those that are not idle, while draining */
    atomic_bool is_draining;
    atomic_bool is_over_memory;
    atomic_int_least64_t failed_reload_at;
    atomic_uint_least64_t reloads;
};
