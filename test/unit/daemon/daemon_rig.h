/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The skeleton with a service that only tells what is called. It runs in a child, which gets
 * signals as an operator sends them; each hook writes a word to a pipe.
 */
#pragma once

#include "daemon/daemon.h"
#include "lib/scratch.h"
#include "lib/testing.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 30000,
    TEXT_BYTES = 64 * 1024,
};

/* ---- the service ---- */

static int words = -1; /* the child's end of the pipe */

struct fake_conf {
    uint64_t number;
    bool is_refused;
    bool stays_busy;
};

#define ROW(directive, kind, member) \
    .name = (directive), .type = (kind), CONF_SCHEMA_FIELD(struct fake_conf, member)

static const struct directive fake_rows[] = {
    {ROW("Number", CONF_NUMBER, number), .initial = "1", .where = SERVICE_IN_SERVER,
     .help = "A."},
    {ROW("Refused", CONF_SWITCH, is_refused), .where = SERVICE_IN_SERVER, .help = "B."},
    {ROW("Busy", CONF_SWITCH, stays_busy), .where = SERVICE_IN_SERVER, .help = "C."},
    {.name = NULL},
};

static inline void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static inline void say(const char *format, ...)
{
    char line[100];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    assert_int_equal(write(words, line, (size_t)len), len);
}

static inline unsigned long number_of(const struct daemon_snapshot *snapshot)
{
    const struct fake_conf *conf = daemon_snapshot_conf(snapshot);

    return (unsigned long)conf->number;
}

static inline void check(void *conf, const char *file, struct diag *diag)
{
    if (((struct fake_conf *)conf)->number == 13) {
        diag_error(diag, file, 0, "thirteen brings bad luck");
    }
}

static inline enum err prepare(struct daemon *daemon, struct diag *diag)
{
    (void)diag;
    say("prepare %lu\n", number_of(daemon_snapshot(daemon)));
    daemon_snapshot_attach(daemon_snapshot(daemon), daemon);
    daemon_add_listening(daemon, "nowhere");
    return OK;
}

static inline enum err reopen(struct daemon *daemon, const void *conf, struct diag *diag)
{
    (void)daemon;
    (void)diag;
    say("reopen %lu\n", (unsigned long)((const struct fake_conf *)conf)->number);
    return OK;
}

static inline enum err start(struct worker *worker, struct diag *diag)
{
    (void)diag;
    worker->state = worker;
    say(worker->hands == 1 ? "start\n" : "start, %zu hands\n", worker->hands);
    return OK;
}

static inline enum err reload(struct daemon *daemon, struct daemon_snapshot *next,
                              struct diag *diag)
{
    const struct fake_conf *conf = daemon_snapshot_conf(next);

    say("reload %lu\n", number_of(next));
    daemon_snapshot_attach(next, daemon);
    if (conf->is_refused) {
        diag_error(diag, NULL, 0, "not this one");
        return ERR_CONF;
    }
    return OK;
}

static inline void adopt(struct worker *worker)
{
    const struct fake_conf *conf = worker_conf(worker);

    say("adopt %lu\n", (unsigned long)conf->number);
}

static inline void forget(struct daemon_snapshot *snapshot)
{
    say("forget %lu\n", number_of(snapshot));
}

static inline void drain(struct worker *worker)
{
    const struct fake_conf *conf = worker_conf(worker);

    say("drain\n");
    if (!conf->stays_busy) {
        worker_idle(worker);
    }
}

static inline void stop(struct worker *worker)
{
    if (worker->state != NULL) {
        say("stop\n");
    }
    worker->state = NULL;
}

static inline void release(struct daemon *daemon)
{
    (void)daemon;
    say("release\n");
}

static const struct service fake = {
    .name = "fake",
    .summary = "tells what is called",
    .rows = fake_rows,
    .conf_bytes = sizeof(struct fake_conf),
    .check = check,
    .prepare = prepare,
    .reopen = reopen,
    .start = start,
    .reload = reload,
    .adopt = adopt,
    .forget = forget,
    .drain = drain,
    .stop = stop,
    .release = release,
};

/* ---- the daemon in a child ---- */

struct child {
    pid_t pid;
    int words;
    bool is_root_by_option;
    char dir[SCRATCH_DIR_BYTES];
    char conf[SCRATCH_PATH_BYTES];
    char seen[TEXT_BYTES]; /* all words so far */
    size_t seen_len;
};

static inline char *read_file(const char *dir, const char *name)
{
    static char room[TEXT_BYTES];
    char path[SCRATCH_PATH_BYTES];
    FILE *file = fopen(scratch_path(dir, name, path), "re");
    size_t len;

    if (file == NULL) {
        return NULL;
    }
    len = fread(room, 1, sizeof room - 1, file);
    room[len] = '\0';
    fclose(file);
    return room;
}

static inline void configure(const struct child *child, const char *text)
{
    char whole[400];

    snprintf(whole, sizeof whole, "Workers 2\nUser %lu\n%s", (unsigned long)geteuid(), text);
    scratch_write(child->dir, "conf", whole);
}

static inline int set_up(void **state)
{
    struct child *child = calloc(1, sizeof *child);

    assert_non_null(child);
    scratch_make(child->dir);
    scratch_path(child->dir, "conf", child->conf);
    *state = child;
    return 0;
}

static inline int tear_down(void **state)
{
    struct child *child = *state;

    scratch_remove(child->dir, "conf log log.1 pid");
    free(child);
    return 0;
}

/* Its stderr goes to the file "log". */
static inline void spawn(struct child *child, const struct service *service)
{
    char *argv[] = {"fake", "-f", child->conf, "-u", "root", NULL};
    int argc = child->is_root_by_option ? 5 : 3;
    char path[SCRATCH_PATH_BYTES];
    int ends[2];

    scratch_path(child->dir, "log", path);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    child->seen_len = 0;
    child->seen[0] = '\0';
    child->pid = fork();
    assert_true(child->pid >= 0);
    if (child->pid == 0) {
        int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

        dup2(log, STDERR_FILENO);
        close(log);
        words = ends[1];
        argv[argc] = NULL;
        _exit(daemon_main(service, argc, argv));
    }
    close(ends[1]);
    child->words = ends[0];
}

static inline size_t count(const char *text, const char *what)
{
    size_t found = 0;

    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) {
        found++;
    }
    return found;
}

/* Reads words until one has come so many times. */
static inline void await(struct child *child, const char *what, size_t times)
{
    while (count(child->seen, what) < times) {
        struct pollfd ready = {.fd = child->words, .events = POLLIN};
        ssize_t len;

        assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
        len = read(child->words, child->seen + child->seen_len,
                   sizeof child->seen - 1 - child->seen_len);
        if (len <= 0) {
            fail_msg("no \"%s\" (%zu times) in:\n%s", what, times, child->seen);
        }
        child->seen_len += (size_t)len;
        child->seen[child->seen_len] = '\0';
    }
}

/* The log comes after the words: looks until it is there. */
static inline void await_log(const struct child *child, const char *name, const char *what)
{
    const char *text = NULL;

    for (int i = 0; i < PATIENCE_MS; i++) {
        text = read_file(child->dir, name);
        if (text != NULL && strstr(text, what) != NULL) {
            return;
        }
        usleep(1000);
    }
    fail_msg("no \"%s\" in %s:\n%s", what, name, text == NULL ? "(nothing)" : text);
}

/* All words up to its end, and the exit status. */
static inline int end(struct child *child)
{
    int status;
    ssize_t len;

    do {
        len = read(child->words, child->seen + child->seen_len,
                   sizeof child->seen - 1 - child->seen_len);
        child->seen_len += len > 0 ? (size_t)len : 0;
        child->seen[child->seen_len] = '\0';
    } while (len > 0);
    close(child->words);
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define IN_CHILD(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
