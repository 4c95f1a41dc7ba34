/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/daemon.h"

#include "conf/conf_load.h"
#include "daemon/daemon_conf.h"
#include "daemon/daemon_file.h"
#include "daemon/daemon_log.h"
#include "io/entropy.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    CONF_ARENA_BYTES = 16 * 1024 * 1024, /* all that a configuration may take */
    LISTENING_BYTES = 512,
};

struct worker_thread {
    struct worker worker;
    struct mailbox_letter stop_letter;
    pthread_t thread;
    bool is_started; /* start() was called */
    bool is_running; /* the thread exists */
};

struct daemon {
    const struct service *service;
    const char *file; /* borrowed from argv */
    bool only_check;
    struct diag diag;
    struct arena arena;
    struct daemon_conf core;
    void *conf; /* owned; service->conf_bytes */
    void *shared;
    struct log log;
    struct worker_thread *threads; /* owned */
    size_t thread_count;
    char listening[LISTENING_BYTES];
};

const void *daemon_conf(const struct daemon *daemon)
{
    return daemon->conf;
}

const char *daemon_conf_file(const struct daemon *daemon)
{
    return daemon->file;
}

void daemon_set_shared(struct daemon *daemon, void *shared)
{
    daemon->shared = shared;
}

void *daemon_shared(const struct daemon *daemon)
{
    return daemon->shared;
}

size_t daemon_worker_count(const struct daemon *daemon)
{
    return daemon->thread_count;
}

const struct log *daemon_log(const struct daemon *daemon)
{
    return &daemon->log;
}

void daemon_add_listening(struct daemon *daemon, const char *address)
{
    size_t used = strlen(daemon->listening);

    snprintf(daemon->listening + used, sizeof daemon->listening - used, "%s%s",
             used == 0 ? "" : ", ", address);
}

/* ---- options ---- */

static void print_usage(const struct service *service, FILE *out)
{
    fprintf(out,
            "%s: %s\n\n"
            "usage: %s %s\n\n"
            "  -f FILE  the configuration%s\n"
            "  -t       check the configuration and leave\n"
            "  -V       print the version\n"
            "  -h       print this\n",
            service->name, service->summary, service->name,
            service->builtin_conf == NULL ? "-f FILE [-t]" : "[-f FILE] [-t]",
            service->builtin_conf == NULL ? "" : "; without it, built-in defaults");
}

/* True to go on; otherwise *ret_status is the exit status. */
static bool read_options(struct daemon *daemon, int argc, char **argv, int *ret_status)
{
    int option;

    optind = 1;
    opterr = 0;
    while ((option = getopt(argc, argv, ":f:tVh")) != -1) {
        switch (option) {
        case 'f': daemon->file = optarg; break;
        case 't': daemon->only_check = true; break;
        case 'V':
            printf("wayleave %s\n", WAYLEAVE_VERSION);
            *ret_status = 0;
            return false;
        case 'h':
            print_usage(daemon->service, stdout);
            *ret_status = 0;
            return false;
        case ':':
            fprintf(stderr, "%s: -%c needs a file name behind it (-f FILE)\n",
                    daemon->service->name, optopt);
            *ret_status = 2;
            return false;
        default:
            fprintf(stderr, "%s: there is no option -%c (-h lists them)\n",
                    daemon->service->name, optopt);
            *ret_status = 2;
            return false;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: \"%s\" is one word too many (write -f in front of a file name)\n",
                daemon->service->name, argv[optind]);
        *ret_status = 2;
        return false;
    }
    if (daemon->file == NULL && daemon->service->builtin_conf == NULL) {
        fprintf(stderr, "%s: needs a configuration (write %s -f FILE)\n", daemon->service->name,
                daemon->service->name);
        *ret_status = 2;
        return false;
    }
    return true;
}

/* ---- configuration ---- */

static void print_diag(const struct diag *diag)
{
    char line[DIAG_MAX_LINE];

    for (const struct diag_message *message = diag_next(diag, NULL); message != NULL;
         message = diag_next(diag, message)) {
        fprintf(stderr, "%s\n", diag_format(message, line, sizeof line));
    }
    if (diag->is_lossy) {
        fprintf(stderr, "there was more to say, but too much of it\n");
    }
}

static enum err read_conf(struct daemon *daemon)
{
    const struct conf_table tables[] = {
        {daemon_conf_rows, &daemon->core},
        {daemon->service->rows, daemon->conf},
    };
    const struct conf_apply apply = {
        .tables = tables,
        .table_count = sizeof tables / sizeof tables[0],
        .place = SERVICE_IN_SERVER,
        .arena = &daemon->arena,
        .diag = &daemon->diag,
    };
    struct span text = span_str(daemon->service->builtin_conf);
    char *owned = NULL;
    enum err e = OK;

    if (daemon->file != NULL) {
        e = daemon_file_read(daemon->file, &daemon->diag, &owned, &text);
    } else {
        daemon->file = "built-in";
    }
    if (e == OK) {
        e = conf_load(&apply, text, daemon->file);
    }
    free(owned);
    if (e == OK) {
        daemon->service->check(daemon->conf, daemon->file, &daemon->diag);
    }
    return e == OK && diag_count(&daemon->diag, DIAG_ERROR) > 0 ? ERR_CONF : e;
}

/* ---- workers ---- */

static enum err open_worker(struct worker_thread *thread, struct daemon *daemon)
{
    struct worker *worker = &thread->worker;

    worker->daemon = daemon;
    worker->log = &daemon->log;
    worker->rng = entropy_rng();
    TRY(loop_new(&worker->loop));
    TRY(mailbox_new(&worker->mailbox, worker->loop));
    TRY(resolver_new(&worker->resolver, worker->loop));
    thread->is_started = true;
    return daemon->service->start(worker, &daemon->diag);
}

static void close_worker(struct worker_thread *thread)
{
    struct worker *worker = &thread->worker;

    resolver_free(worker->resolver);
    mailbox_free(worker->mailbox);
    loop_free(worker->loop);
    *worker = (struct worker){0};
}

static void *run_worker(void *arg)
{
    struct worker_thread *thread = arg;
    enum err e = loop_run(thread->worker.loop);

    if (e != OK) {
        log_error(thread->worker.log, "worker %zu: its loop failed: %s", thread->worker.index,
                  strerror(errno));
        kill(getpid(), SIGTERM); /* a daemon that limps helps nobody */
    }
    thread->worker.daemon->service->stop(&thread->worker);
    return NULL;
}

static void open_stop_letter(struct mailbox_letter *letter)
{
    struct worker_thread *thread = LIST_ENTRY(letter, struct worker_thread, stop_letter);

    loop_stop(thread->worker.loop);
}

static void stop_workers(struct daemon *daemon)
{
    for (size_t i = 0; i < daemon->thread_count; i++) {
        struct worker_thread *thread = &daemon->threads[i];

        if (thread->is_running) {
            thread->stop_letter.open = open_stop_letter;
            mailbox_post(thread->worker.mailbox, &thread->stop_letter);
        } else if (thread->is_started) {
            daemon->service->stop(&thread->worker);
        }
    }
    for (size_t i = 0; i < daemon->thread_count; i++) {
        if (daemon->threads[i].is_running) {
            pthread_join(daemon->threads[i].thread, NULL);
        }
        close_worker(&daemon->threads[i]);
    }
}

static enum err start_workers(struct daemon *daemon)
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

static enum err alloc_workers(struct daemon *daemon)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = daemon->core.workers;

    if (count == 0) {
        count = processors < 1 ? 1 : (size_t)processors;
    }
    if (daemon->service->single_worker) {
        count = 1;
    }
    daemon->threads = calloc(count, sizeof *daemon->threads);
    if (daemon->threads == NULL) {
        return ERR_NOMEM;
    }
    daemon->thread_count = count;
    for (size_t i = 0; i < count; i++) {
        daemon->threads[i].worker.index = i;
    }
    return OK;
}

/* ---- life ---- */

/* Each tunnel needs two descriptors: as many as the system lets us have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void block_signals(sigset_t *ret_awaited)
{
    sigemptyset(ret_awaited);
    sigaddset(ret_awaited, SIGINT);
    sigaddset(ret_awaited, SIGTERM);
    pthread_sigmask(SIG_BLOCK, ret_awaited, NULL); /* workers inherit it */
    signal(SIGPIPE, SIG_IGN);
}

static void await_end(const struct daemon *daemon, const sigset_t *awaited)
{
    int number = 0;

    log_notice(&daemon->log, "%s %s ready on %s (%zu worker%s, pid %ld)", daemon->service->name,
               WAYLEAVE_VERSION, daemon->listening, daemon->thread_count,
               daemon->thread_count == 1 ? "" : "s", (long)getpid());
    while (sigwait(awaited, &number) != 0) {
    }
    log_notice(&daemon->log, "%s stops: %s", daemon->service->name,
               number == SIGINT ? "interrupted" : "asked to");
}

/* Says what was not said in the diag already. */
static void report_failure(const struct daemon *daemon, enum err e, const char *what)
{
    print_diag(&daemon->diag);
    if (e != ERR_CONF) {
        fprintf(stderr, "%s: could not %s: %s\n", daemon->service->name, what,
                e == ERR_IO ? strerror(errno) : err_text(e));
    }
}

static int serve(struct daemon *daemon)
{
    const struct service *service = daemon->service;
    sigset_t awaited;
    enum err e;

    block_signals(&awaited);
    raise_descriptor_limit();
    e = alloc_workers(daemon);
    if (e == OK) {
        e = service->prepare(daemon, &daemon->diag);
    }
    if (e == OK) {
        e = start_workers(daemon);
    }
    if (e == OK) {
        print_diag(&daemon->diag);
        await_end(daemon, &awaited);
    } else {
        report_failure(daemon, e, "start");
    }
    stop_workers(daemon);
    service->release(daemon);
    free(daemon->threads);
    return e == OK ? 0 : 1;
}

static int check_only(struct daemon *daemon)
{
    print_diag(&daemon->diag);
    fprintf(stderr, "%s: %s is in order\n", daemon->service->name, daemon->file);
    return 0;
}

int daemon_main(const struct service *service, int argc, char **argv)
{
    struct daemon daemon = {.service = service};
    int status;
    enum err e;

    if (!read_options(&daemon, argc, argv, &status)) {
        return status;
    }
    diag_init(&daemon.diag);
    arena_init(&daemon.arena, CONF_ARENA_BYTES);
    daemon.conf = calloc(1, service->conf_bytes);
    e = daemon.conf == NULL ? ERR_NOMEM : read_conf(&daemon);
    if (e != OK) {
        report_failure(&daemon, e, "read the configuration");
        status = 1;
    } else if (daemon.only_check) {
        status = check_only(&daemon);
    } else {
        daemon_log_init(&daemon.log, daemon.core.log_level);
        status = serve(&daemon);
    }
    free(daemon.conf);
    arena_fini(&daemon.arena);
    diag_fini(&daemon.diag);
    return status;
}
