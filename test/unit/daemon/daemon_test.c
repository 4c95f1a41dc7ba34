/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The skeleton with a service that only tells what is called. It runs in a child, which gets
 * signals as an operator sends them; each hook writes a word to a pipe.
 */
#include "daemon/daemon.h"

#include "lib/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
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

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
    char line[100];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    assert_int_equal(write(words, line, (size_t)len), len);
}

static unsigned long number_of(const struct daemon_snapshot *snapshot)
{
    const struct fake_conf *conf = daemon_snapshot_conf(snapshot);

    return (unsigned long)conf->number;
}

static void check(void *conf, const char *file, struct diag *diag)
{
    if (((struct fake_conf *)conf)->number == 13) {
        diag_error(diag, file, 0, "thirteen brings bad luck");
    }
}

static enum err prepare(struct daemon *daemon, struct diag *diag)
{
    (void)diag;
    say("prepare %lu\n", number_of(daemon_snapshot(daemon)));
    daemon_snapshot_attach(daemon_snapshot(daemon), daemon);
    daemon_add_listening(daemon, "nowhere");
    return OK;
}

static enum err reopen(struct daemon *daemon, const void *conf, struct diag *diag)
{
    (void)daemon;
    (void)diag;
    say("reopen %lu\n", (unsigned long)((const struct fake_conf *)conf)->number);
    return OK;
}

static enum err start(struct worker *worker, struct diag *diag)
{
    (void)diag;
    worker->state = worker;
    say(worker->hands == 1 ? "start\n" : "start, %zu hands\n", worker->hands);
    return OK;
}

static enum err reload(struct daemon *daemon, struct daemon_snapshot *next, struct diag *diag)
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

static void adopt(struct worker *worker)
{
    const struct fake_conf *conf = worker_conf(worker);

    say("adopt %lu\n", (unsigned long)conf->number);
}

static void forget(struct daemon_snapshot *snapshot)
{
    say("forget %lu\n", number_of(snapshot));
}

static void drain(struct worker *worker)
{
    const struct fake_conf *conf = worker_conf(worker);

    say("drain\n");
    if (!conf->stays_busy) {
        worker_idle(worker);
    }
}

static void stop(struct worker *worker)
{
    if (worker->state != NULL) {
        say("stop\n");
    }
    worker->state = NULL;
}

static void release(struct daemon *daemon)
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
    char dir[32];
    char conf[64];
    char seen[TEXT_BYTES]; /* all words so far */
    size_t seen_len;
};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static char *read_file(const char *dir, const char *name)
{
    static char room[TEXT_BYTES];
    char path[64];
    FILE *file;
    size_t len;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    file = fopen(path, "re");
    if (file == NULL) {
        return NULL;
    }
    len = fread(room, 1, sizeof room - 1, file);
    room[len] = '\0';
    fclose(file);
    return room;
}

static void configure(const struct child *child, const char *text)
{
    char whole[400];

    snprintf(whole, sizeof whole, "Workers 2\nUser %lu\n%s", (unsigned long)geteuid(), text);
    write_file(child->conf, whole);
}

static int set_up(void **state)
{
    struct child *child = calloc(1, sizeof *child);

    assert_non_null(child);
    snprintf(child->dir, sizeof child->dir, "/tmp/daemon_test.XXXXXX");
    assert_non_null(mkdtemp(child->dir));
    snprintf(child->conf, sizeof child->conf, "%s/conf", child->dir);
    *state = child;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"conf", "log", "log.1", "pid"};
    struct child *child = *state;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[64];

        snprintf(path, sizeof path, "%s/%s", child->dir, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(child->dir), 0);
    free(child);
    return 0;
}

/* Its stderr goes to the file "log". */
static void spawn(struct child *child, const struct service *service)
{
    char *argv[] = {"fake", "-f", child->conf, "-u", "root", NULL};
    int argc = child->is_root_by_option ? 5 : 3;
    char path[64];
    int ends[2];

    snprintf(path, sizeof path, "%s/log", child->dir);
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

static size_t count(const char *text, const char *what)
{
    size_t found = 0;

    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) {
        found++;
    }
    return found;
}

/* Reads words until one has come so many times. */
static void await(struct child *child, const char *what, size_t times)
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
static void await_log(const struct child *child, const char *name, const char *what)
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
static int end(struct child *child)
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

/* ---- sentences ---- */

static void the_hooks_come_in_their_order(void **state)
{
    struct child *child = *state;

    configure(child, "");
    spawn(child, &fake);
    await_log(child, "log", "ready on nowhere (2 workers");
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
    assert_string_equal(child->seen, "prepare 1\nreopen 1\nstart\nstart\nstop\nstop\nrelease\n"
                                     "forget 1\n");
}

static void a_single_worker_has_the_threads_of_all(void **state)
{
    struct child *child = *state;
    struct service single = fake;

    single.single_worker = true;
    configure(child, "");
    spawn(child, &single);
    await_log(child, "log", "ready on nowhere (2 workers");
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
    assert_string_equal(child->seen, "prepare 1\nreopen 1\nstart, 2 hands\nstop\nrelease\n"
                                     "forget 1\n");
}

static void a_reload_reaches_every_worker_and_the_old_goes(void **state)
{
    struct child *child = *state;

    configure(child, "");
    spawn(child, &fake);
    await_log(child, "log", "ready");
    configure(child, "Number 2\n");
    kill(child->pid, SIGHUP);
    await(child, "adopt 2\n", 2);
    await(child, "forget 1\n", 1);
    await_log(child, "log", "reloaded");
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
    assert_int_equal(count(child->seen, "forget 2\n"), 1);
    assert_int_equal(count(child->seen, "reopen 2\n"), 1);
}

static void many_reloads_end_at_the_last(void **state)
{
    struct child *child = *state;

    configure(child, "");
    spawn(child, &fake);
    await_log(child, "log", "ready");
    for (int i = 2; i < 22; i++) {
        char text[32];
        char word[32];

        snprintf(text, sizeof text, "Number %d\n", i + 100);
        snprintf(word, sizeof word, "reload %d\n", i + 100);
        configure(child, text);
        kill(child->pid, SIGHUP);
        await(child, word, 1); /* read already; not adopted yet, perhaps */
    }
    await(child, "adopt 121\n", 2);
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
    assert_int_equal(count(child->seen, "reload "), 20);
    assert_int_equal(count(child->seen, "adopt "), 40);
    assert_int_equal(count(child->seen, "forget "), 21);
}

static void a_wrong_file_changes_nothing_and_all_is_said(void **state)
{
    struct child *child = *state;

    configure(child, "");
    spawn(child, &fake);
    await_log(child, "log", "ready");
    configure(child, "Number x\nNonsense\n");
    kill(child->pid, SIGHUP);
    await_log(child, "log", "was not reloaded");
    await_log(child, "log", "Nonsense");
    await_log(child, "log", "Number");
    configure(child, "Number 13\n"); /* read well, refused by check() */
    kill(child->pid, SIGHUP);
    await_log(child, "log", "bad luck");
    configure(child, "Number 5\nRefused On\n"); /* refused by reload() */
    kill(child->pid, SIGHUP);
    await(child, "forget 5\n", 1);
    await_log(child, "log", "not this one");
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
    assert_int_equal(count(child->seen, "adopt"), 0);
    assert_int_equal(count(child->seen, "forget 1\n"), 1);
}

static void a_service_that_cannot_reload_says_so(void **state)
{
    struct child *child = *state;
    struct service plain = fake;

    plain.reload = NULL;
    plain.adopt = NULL;
    plain.drain = NULL;
    plain.reopen = NULL;
    configure(child, "");
    spawn(child, &plain);
    await_log(child, "log", "ready");
    kill(child->pid, SIGHUP);
    await_log(child, "log", "only restarted");
    kill(child->pid, SIGTERM); /* nothing drains: at once */
    assert_int_equal(end(child), 0);
}

static void the_drain_ends_when_every_worker_is_idle(void **state)
{
    struct child *child = *state;

    configure(child, "GracefulShutdownTimeout 1h\n");
    spawn(child, &fake);
    await_log(child, "log", "ready");
    kill(child->pid, SIGTERM);
    assert_int_equal(end(child), 0);
    assert_int_equal(count(child->seen, "drain\n"), 2);
    assert_non_null(strstr(read_file(child->dir, "log"), "everything has finished"));
}

static void the_drain_ends_when_its_time_is_up(void **state)
{
    struct child *child = *state;

    configure(child, "Busy On\nGracefulShutdownTimeout 10ms\n");
    spawn(child, &fake);
    await_log(child, "log", "ready");
    kill(child->pid, SIGTERM);
    assert_int_equal(end(child), 0);
    assert_non_null(strstr(read_file(child->dir, "log"), "the time to drain is up"));
}

static void a_second_sigterm_ends_the_drain(void **state)
{
    struct child *child = *state;

    configure(child, "Busy On\nGracefulShutdownTimeout 1h\n");
    spawn(child, &fake);
    await_log(child, "log", "ready");
    kill(child->pid, SIGTERM);
    await(child, "drain\n", 2);
    kill(child->pid, SIGHUP);
    await_log(child, "log", "not reloaded any more");
    kill(child->pid, SIGUSR2); /* means nothing from outside */
    kill(child->pid, SIGTERM);
    assert_int_equal(end(child), 0);
    assert_int_equal(count(child->seen, "stop\n"), 2);
}

static void a_log_that_was_renamed_is_opened_again(void **state)
{
    struct child *child = *state;
    char text[100];
    char old[64];
    char new[64];

    snprintf(old, sizeof old, "%s/log", child->dir);
    snprintf(new, sizeof new, "%s/log.1", child->dir);
    snprintf(text, sizeof text, "ErrorLog %s\n", old);
    configure(child, text);
    spawn(child, &fake);
    await_log(child, "log", "ready");
    assert_int_equal(rename(old, new), 0);
    kill(child->pid, SIGUSR1);
    await_log(child, "log", "opened its logs again");
    assert_null(strstr(read_file(child->dir, "log"), "ready"));
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
    assert_int_equal(count(child->seen, "reopen"), 2);
}

static void the_pid_file_is_there_while_it_runs(void **state)
{
    struct child *child = *state;
    struct child other = *child;
    char text[100];
    char number[24];

    snprintf(text, sizeof text, "PidFile %s/pid\n", child->dir);
    configure(child, text);
    spawn(child, &fake);
    await_log(child, "log", "ready");
    snprintf(number, sizeof number, "%ld\n", (long)child->pid);
    assert_string_equal(read_file(child->dir, "pid"), number);

    spawn(&other, &fake); /* the same file */
    assert_int_equal(end(&other), 1);
    assert_int_equal(count(other.seen, "prepare"), 0);
    await_log(child, "log", "belongs to a daemon that is running");
    assert_string_equal(read_file(child->dir, "pid"), number);

    kill(child->pid, SIGKILL); /* it leaves its file behind, which is no obstacle */
    assert_int_equal(end(child), -1);
    assert_string_equal(read_file(child->dir, "pid"), number);
    spawn(child, &fake);
    await(child, "start\n", 2);
    snprintf(number, sizeof number, "pid %ld)", (long)child->pid);
    await_log(child, "log", number);
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
    assert_null(read_file(child->dir, "pid"));
}

static void root_without_a_user_line_serves_as_nobody(void **state)
{
    struct child *child = *state;
    struct service careful = fake;
    char path[64];
    char *status;

    if (geteuid() != 0) {
        return;
    }
    careful.leaves_root = true;
    write_file(child->conf, "Workers 1\n");
    spawn(child, &careful);
    await_log(child, "log", "ready");
    await_log(child, "log", "served as nobody");
    snprintf(path, sizeof path, "/proc/%ld", (long)child->pid);
    status = read_file(path, "status");
    assert_non_null(strstr(status, "Uid:\t65534\t65534\t65534\t65534"));
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
}

static void an_option_goes_before_user(void **state)
{
    struct child *child = *state;
    struct service careful = fake;

    if (geteuid() != 0) {
        return;
    }
    careful.leaves_root = true;
    child->is_root_by_option = true;
    write_file(child->conf, "Workers 1\nUser nobody\n");
    spawn(child, &careful);
    await_log(child, "log", "ready");
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
}

static void root_becomes_the_user_before_a_worker_starts(void **state)
{
    struct child *child = *state;
    char path[64];
    char *status;

    if (geteuid() != 0) {
        return;
    }
    write_file(child->conf, "Workers 1\nUser nobody\n");
    spawn(child, &fake);
    await_log(child, "log", "ready");
    snprintf(path, sizeof path, "/proc/%ld", (long)child->pid);
    status = read_file(path, "status");
    assert_non_null(status);
    assert_null(strstr(status, "Uid:\t0"));
    assert_non_null(strstr(status, "NoNewPrivs:\t1"));
    assert_non_null(strstr(status, "CapEff:\t0000000000000000"));
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_hooks_come_in_their_order),
        TEST(a_single_worker_has_the_threads_of_all),
        TEST(a_reload_reaches_every_worker_and_the_old_goes),
        TEST(many_reloads_end_at_the_last),
        TEST(a_wrong_file_changes_nothing_and_all_is_said),
        TEST(a_service_that_cannot_reload_says_so),
        TEST(the_drain_ends_when_every_worker_is_idle),
        TEST(the_drain_ends_when_its_time_is_up),
        TEST(a_second_sigterm_ends_the_drain),
        TEST(a_log_that_was_renamed_is_opened_again),
        TEST(the_pid_file_is_there_while_it_runs),
        TEST(root_without_a_user_line_serves_as_nobody),
        TEST(an_option_goes_before_user),
        TEST(root_becomes_the_user_before_a_worker_starts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
