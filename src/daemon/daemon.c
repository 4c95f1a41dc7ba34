/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/daemon.h"

#include "daemon/daemon_inside.h"
#include "daemon/daemon_life.h"
#include "daemon/daemon_log.h"
#include "daemon/daemon_reload.h"
#include "daemon/daemon_workers.h"
#include "daemon/privileges.h"
#include "daemon/resources.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    DESCRIPTORS_SPARE = 64,      /* besides what the configuration may need: files, listeners */
    DESCRIPTORS_PER_WORKER = 16, /* epoll, mailbox, name servers, a socket per Listen */
};

/* ---- what others ask ---- */

const void *daemon_conf(const struct daemon *daemon)
{
    return daemon_snapshot_conf(daemon->snapshot);
}

struct daemon_snapshot *daemon_snapshot(const struct daemon *daemon)
{
    return daemon->snapshot;
}

void daemon_add_listening(struct daemon *daemon, const char *address)
{
    daemon_snapshot_add_listening(daemon->snapshot, address);
}

struct inherited *daemon_inherited(struct daemon *daemon)
{
    return &daemon->inherited;
}

const char *daemon_conf_file(const struct daemon *daemon)
{
    return daemon->file == NULL ? "built-in" : daemon->file;
}

const struct service *daemon_service(const struct daemon *daemon)
{
    return daemon->service;
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

size_t daemon_hand_count(const struct daemon *daemon)
{
    return daemon->thread_count * daemon->hands;
}

const struct log *daemon_log(const struct daemon *daemon)
{
    return &daemon->log;
}

struct worker *daemon_worker(const struct daemon *daemon, size_t index)
{
    assert(index < daemon->thread_count);
    return &daemon->threads[index].worker;
}

void daemon_post(struct daemon *daemon, size_t index, struct mailbox_letter *letter)
{
    assert(index < daemon->thread_count);
    mailbox_post(daemon->threads[index].worker.mailbox, letter);
}

const struct metric_sheet *daemon_metrics(const struct daemon *daemon, size_t index)
{
    assert(index < daemon->thread_count);
    return daemon->threads[index].worker.metrics;
}

uint64_t daemon_metric_sum(const struct daemon *daemon, size_t row)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < daemon->thread_count; i++) {
        sum += metric_read(daemon_metrics(daemon, i), row);
    }
    return sum;
}

bool daemon_is_over_memory(const struct daemon *daemon)
{
    return atomic_load_explicit(&daemon->is_over_memory, memory_order_relaxed);
}

bool daemon_is_draining(const struct daemon *daemon)
{
    return atomic_load(&daemon->is_draining);
}

struct daemon_facts daemon_facts(const struct daemon *daemon)
{
    return (struct daemon_facts){
        .started_at = daemon->started_at,
        .failed_reload_at = atomic_load(&daemon->failed_reload_at),
        .reloads = atomic_load(&daemon->reloads),
        .memory_bytes = resources_resident_bytes(),
    };
}

/* ---- options ---- */

static void print_usage(const struct service *service, FILE *out)
{
    fprintf(out,
            "%s: %s\n\n"
            "usage: %s %s\n\n"
            "  -f FILE  the configuration%s\n"
            "  -D NAME  what <IfDefine NAME> asks for; may be repeated\n"
            "  -u NAME  who serves when root starts it; goes before User\n"
            "  -t       check the configuration and leave\n"
            "  -V       print the version\n"
            "  -h       print this\n",
            service->name, service->summary, service->name,
            service->builtin_conf == NULL ? "-f FILE [-D NAME] [-u NAME] [-t]"
                                          : "[-f FILE] [-D NAME] [-u NAME] [-t]",
            service->builtin_conf == NULL ? "" : "; without it, built-in defaults");
}

/* Whether there is a configuration, and no word too many. */
static bool has_enough(const struct daemon *daemon, int argc, char **argv)
{
    if (optind < argc) {
        fprintf(stderr, "%s: \"%s\" is one word too many (write -f in front of a file name)\n",
                daemon->service->name, argv[optind]);
        return false;
    }
    if (daemon->file == NULL && daemon->service->builtin_conf == NULL) {
        fprintf(stderr, "%s: needs a configuration (write %s -f FILE)\n", daemon->service->name,
                daemon->service->name);
        return false;
    }
    return true;
}

/* A long one is at fault whole; of short ones written as one word, one is. */
static void say_unknown(const char *name, const char *word)
{
    if (optopt == 0 || strncmp(word, "--", 2) == 0) {
        fprintf(stderr, "%s: there is no option %s (-h lists them)\n", name, word);
    } else {
        fprintf(stderr, "%s: there is no option -%c (-h lists them)\n", name, optopt);
    }
}

/* True to go on; otherwise *ret_status is the exit status. */
static bool read_options(struct daemon *daemon, int argc, char **argv, int *ret_status)
{
    static const struct option long_options[] = {
        {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
    int option;

    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":f:D:u:tVh", long_options, NULL)) != -1) {
        switch (option) {
        case 'f': daemon->file = optarg; break;
        case 'D':
            if (daemon->define_count < DAEMON_DEFINES_MAX) { /* one more is of no use */
                daemon->defines[daemon->define_count++] = optarg;
            }
            break;
        case 'u': daemon->user = optarg; break;
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
            fprintf(stderr, "%s: -%c needs %s behind it (-%c %s)\n", daemon->service->name,
                    optopt, optopt == 'f' ? "a file name" : "a name", optopt,
                    optopt == 'f' ? "FILE" : "NAME");
            *ret_status = 2;
            return false;
        default:
            say_unknown(daemon->service->name, argv[optind - 1]);
            *ret_status = 2;
            return false;
        }
    }
    *ret_status = 2;
    return has_enough(daemon, argc, argv);
}

/* ---- life ---- */

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

/* Says what was not said in the diag already. */
static void report_failure(const struct daemon *daemon, enum err e, const char *what)
{
    int error = errno;

    print_diag(&daemon->diag);
    if (e != ERR_CONF) {
        fprintf(stderr, "%s: could not %s: %s\n", daemon->service->name, what,
                e == ERR_IO ? strerror(error) : err_text(e));
    }
}

static void block_signals(sigset_t *ret_awaited)
{
    daemon_life_signals(ret_awaited);
    pthread_sigmask(SIG_BLOCK, ret_awaited, NULL); /* workers inherit it */
    signal(SIGPIPE, SIG_IGN);
}

static void raise_descriptors(struct daemon *daemon)
{
    uint64_t work = 0;

    if (daemon->service->descriptors != NULL) {
        work = daemon->service->descriptors(daemon_conf(daemon));
    }
    resources_raise_descriptors(work + DESCRIPTORS_SPARE +
                                    DESCRIPTORS_PER_WORKER * daemon->thread_count,
                                work, &daemon->diag);
}

/* With the privileges that we were started with; there is one thread, and nothing has come from
 * the network yet. */
static enum err prepare(struct daemon *daemon, struct privileges *plan)
{
    const struct daemon_conf *core = daemon_snapshot_core(daemon->snapshot);
    const struct daemon_conf_who option = {.name = span_str(daemon->user)};

    privileges_forgo(&daemon->diag);
    TRY(daemon_workers_alloc(daemon));
    TRY(privileges_plan(daemon->user == NULL ? &core->user : &option, &core->group,
                        daemon->service->leaves_root, daemon_conf_file(daemon), &daemon->diag,
                        plan));
    TRY(pidfile_open(&daemon->pidfile, core->pid_file, &daemon->diag));
    inherited_init(&daemon->inherited, &daemon->diag);
    raise_descriptors(daemon);
    TRY(daemon->service->prepare(daemon, &daemon->diag));
    inherited_fini(&daemon->inherited, &daemon->diag);
    return OK;
}

static uint64_t capabilities_of(const struct daemon *daemon)
{
    return daemon->service->capabilities == NULL
               ? 0
               : daemon->service->capabilities(daemon_conf(daemon));
}

static enum err start(struct daemon *daemon)
{
    struct privileges plan;

    TRY(prepare(daemon, &plan));
    TRY(privileges_drop(&plan, capabilities_of(daemon), &daemon->diag));
    TRY(daemon_reload_logs(daemon, &daemon->diag));
    return daemon_workers_start(daemon);
}

static void say_ready(struct daemon *daemon)
{
    print_diag(&daemon->diag);
    if (pidfile_write(&daemon->pidfile) != OK) {
        log_error(&daemon->log, "PidFile: the process number could not be written: %s",
                  strerror(errno));
    }
    log_notice(&daemon->log, "%s %s ready on %s (%zu worker%s, pid %ld)", daemon->service->name,
               WAYLEAVE_VERSION, daemon_snapshot_listening(daemon->snapshot),
               daemon_hand_count(daemon), daemon_hand_count(daemon) == 1 ? "" : "s",
               (long)getpid());
    notify_send(&daemon->notify, "READY=1\nSTATUS=serving on %s",
                daemon_snapshot_listening(daemon->snapshot));
}

static int serve(struct daemon *daemon)
{
    sigset_t awaited;
    enum err e;

    block_signals(&awaited);
    daemon->main_thread = pthread_self();
    daemon->started_at = (int64_t)time(NULL);
    notify_init(&daemon->notify);
    pidfile_init(&daemon->pidfile);
    e = start(daemon);
    if (e == OK) {
        say_ready(daemon);
        daemon_life_run(daemon, &awaited);
    } else {
        report_failure(daemon, e, "start");
    }
    daemon_workers_stop(daemon);
    daemon->service->release(daemon);
    inherited_fini(&daemon->inherited, &daemon->diag);
    pidfile_fini(&daemon->pidfile);
    notify_fini(&daemon->notify);
    return e == OK ? 0 : 1;
}

static int check_only(struct daemon *daemon)
{
    const struct daemon_conf *core = daemon_snapshot_core(daemon->snapshot);
    struct privileges plan;
    enum err e = OK;

    /* Only root could become somebody else; who does not exist is a fault all the same. */
    if (core->user.name.len > 0 && geteuid() == 0) {
        e = privileges_plan(&core->user, &core->group, daemon->service->leaves_root,
                            daemon_conf_file(daemon), &daemon->diag, &plan);
    }
    print_diag(&daemon->diag);
    if (e != OK) {
        return 1;
    }
    fprintf(stderr, "%s: %s is in order\n", daemon->service->name, daemon_conf_file(daemon));
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
    logfile_init(&daemon.log_file, STDERR_FILENO);
    e = daemon_snapshot_load(service, daemon.file, daemon.defines, &daemon.diag,
                             &daemon.snapshot);
    if (e != OK) {
        report_failure(&daemon, e, "read the configuration");
        status = 1;
    } else if (daemon.only_check) {
        status = check_only(&daemon);
    } else {
        daemon_log_init(&daemon.log, daemon_snapshot_core(daemon.snapshot)->log_level,
                        &daemon.log_file);
        status = serve(&daemon);
    }
    daemon_snapshot_unref(daemon.snapshot);
    logfile_fini(&daemon.log_file);
    diag_fini(&daemon.diag);
    return status;
}
