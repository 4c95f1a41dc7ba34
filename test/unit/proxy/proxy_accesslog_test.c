/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_accesslog.h"

#include "lib/loopback.h"
#include "lib/oom.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop *loop;
static struct proxy_accesslog *accesslog;
static char said[4096];

static void note(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    assert_int_equal(level, LOG_WARN);
    strcat(said, line);
    strcat(said, "\n");
}

static const struct log error_log = {.sink = note, .level = LOG_WARN};

/* One log for each descriptor. */
static const struct proxy_accesslog_conf conf = {
    .logs = {{.file = SPAN_INIT("/log/a"), .format = SPAN_INIT("%s %{Host}i %{Long}i")},
             {.file = SPAN_INIT(""), .format = SPAN_INIT("%s %{X}i %{Host}i")}},
    .count = 2,
};
static const struct proxy_accesslog_conf one = {
    .logs = {{.file = SPAN_INIT("/log/a"), .format = SPAN_INIT("%s %{Long}i")}},
    .count = 1};

static void open_logs(const struct proxy_accesslog_conf *which, const int *fds)
{
    said[0] = '\0';
    signal(SIGPIPE, SIG_IGN);
    assert_ok(loop_new(&loop));
    assert_ok(proxy_accesslog_new(which, fds, loop, &error_log, &accesslog));
}

static void close_logs(void)
{
    proxy_accesslog_free(accesslog);
    loop_free(loop);
}

static void add(uint16_t status, struct span value)
{
    const struct http1_field field = {SPAN_INIT("Long"), value};
    const struct proxy_accesslog_entry entry = {.status = status,
                                                .request_fields = {&field, 1}};

    proxy_accesslog_add(accesslog, &entry);
}

static int temporary_file(void)
{
    FILE *file = tmpfile();
    int fd;

    assert_non_null(file);
    fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 0);
    fclose(file);
    assert_int_equal(fcntl(fd, F_SETFL, O_APPEND), 0);
    return fd;
}

/* What is in a file, or what can be read of a pipe now. */
static const char *content(int fd)
{
    static char text[512 * 1024];
    ssize_t len = 0;
    ssize_t got;

    lseek(fd, 0, SEEK_SET); /* a pipe refuses, and needs none */
    while ((got = read(fd, text + len, sizeof text - 1 - (size_t)len)) > 0) {
        len += got;
    }
    text[len] = '\0';
    return text;
}

static size_t count_lines(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++) {
        count += *text == '\n';
    }
    return count;
}

static void lines_are_written_when_the_turn_ends(void **state)
{
    int fds[2] = {temporary_file(), temporary_file()};

    (void)state;
    open_logs(&conf, fds);
    add(200, SPAN("x"));
    add(403, SPAN("y"));
    assert_string_equal(content(fds[0]), "");
    assert_ok(loop_turn(loop, 0));
    assert_string_equal(content(fds[0]), "200 - x\n403 - y\n");
    assert_string_equal(content(fds[1]), "200 - -\n403 - -\n");
    close_logs();
    assert_string_equal(said, "");
    close(fds[0]);
    close(fds[1]);
}

static void what_waits_is_written_at_the_end(void **state)
{
    int fd = temporary_file();

    (void)state;
    open_logs(&one, &fd);
    add(200, SPAN("x"));
    close_logs();
    assert_string_equal(content(fd), "200 x\n");
    close(fd);
}

static void the_file_may_be_exchanged_between_lines(void **state)
{
    int fd = temporary_file();
    int old = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    int fresh = temporary_file();

    (void)state;
    open_logs(&one, &fd);
    add(200, SPAN("x"));
    assert_ok(loop_turn(loop, 0));
    assert_true(dup3(fresh, fd, O_CLOEXEC) == fd);
    add(201, SPAN("y"));
    assert_ok(loop_turn(loop, 0));
    assert_string_equal(content(old), "200 x\n");
    assert_string_equal(content(fresh), "201 y\n");
    close_logs();
    close(fd);
    close(old);
    close(fresh);
}

static void a_busy_turn_loses_nothing(void **state)
{
    char value[500];
    int fd = temporary_file();

    (void)state;
    memset(value, 'v', sizeof value);
    open_logs(&one, &fd);
    for (int i = 0; i < 500; i++) { /* several buffers full */
        add(200, span_of(value, sizeof value));
    }
    assert_ok(loop_turn(loop, 0));
    assert_int_equal(count_lines(content(fd)), 500);
    assert_int_equal(proxy_accesslog_lost(accesslog), 0);
    close_logs();
    close(fd);
}

static size_t read_lines; /* of content() */

static bool has_recovered(void *ctx)
{
    const char *text = content(*(const int *)ctx);
    size_t len = strlen(text);

    assert_true(len == 0 || text[len - 1] == '\n'); /* never part of a line */
    read_lines += count_lines(text);
    return strstr(said, "again") != NULL;
}

/* Also when the descriptor blocks, as standard output often does, the loop must not wait. */
static void fill_and_drain(int write_fd, int read_fd)
{
    char value[500];
    size_t added = 0;

    memset(value, 'v', sizeof value);
    open_logs(&one, &write_fd);
    assert_int_equal(fcntl(read_fd, F_SETFL, O_NONBLOCK), 0);
    while (proxy_accesslog_lost(accesslog) < 3) {
        add(200, span_of(value, sizeof value));
        added++;
        assert_ok(loop_turn(loop, 0));
        assert_true(added < 100000);
    }
    assert_string_equal(said, "access log /log/a does not take what is written (nobody reads "
                              "it): lines are lost\n");
    read_lines = 0;
    loopback_turn_until(loop, has_recovered, &read_fd);
    assert_non_null(strstr(said, "access log /log/a takes lines again; 3 were lost meanwhile"));
    has_recovered(&read_fd);
    assert_int_equal(read_lines, added - 3);

    add(201, SPAN("after"));
    assert_ok(loop_turn(loop, 0));
    assert_string_equal(content(read_fd), "201 after\n");
    close_logs();
    close(write_fd);
    close(read_fd);
}

static void a_pipe_that_nobody_reads_loses_lines_and_says_so(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    fill_and_drain(fds[1], fds[0]);
}

static void a_blocking_pipe_does_not_stop_the_loop(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    fill_and_drain(fds[1], fds[0]);
}

static void nor_does_a_blocking_socket(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    fill_and_drain(fds[1], fds[0]);
}

#define FULL                                                                              \
    "access log /log/a cannot be written to: No space left on device (up to 1024 KiB of " \
    "lines wait in each worker; later ones are lost)\n"

static void a_full_device_is_named_with_its_error(void **state)
{
    char value[500];
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)state;
    memset(value, 'v', sizeof value);
    open_logs(&one, &fd);
    add(200, SPAN("x"));
    assert_ok(loop_turn(loop, 0));
    assert_string_equal(said, FULL); /* long before anything is lost */
    for (int i = 0; i < 5000; i++) {
        add(200, span_of(value, sizeof value));
        assert_ok(loop_turn(loop, 0));
    }
    assert_string_equal(said, FULL "access log /log/a does not take what is written (No space "
                                   "left on device): lines are lost\n");
    assert_true(proxy_accesslog_lost(accesslog) > 800);
    close_logs();
    close(fd);
}

static void a_disk_that_has_room_again_is_said(void **state)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    int fresh = temporary_file();

    (void)state;
    open_logs(&one, &fd);
    add(200, SPAN("x"));
    assert_ok(loop_turn(loop, 0));
    assert_true(dup3(fresh, fd, O_CLOEXEC) == fd);
    add(201, SPAN("y"));
    assert_ok(loop_turn(loop, 0));
    assert_string_equal(content(fresh), "200 x\n201 y\n");
    assert_string_equal(said,
                        FULL "access log /log/a takes lines again; 0 were lost meanwhile\n");
    close_logs();
    close(fd);
    close(fresh);
}

static void lines_that_wait_at_the_end_are_counted(void **state)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)state;
    open_logs(&one, &fd);
    add(200, SPAN("x"));
    add(200, SPAN("y"));
    close_logs();
    assert_string_equal(said, FULL "access log /log/a did not take its last lines (No space "
                                   "left on device): 2 lost\n");
    close(fd);
}

static void a_log_without_a_file_name_is_stdout(void **state)
{
    char value[500];
    int fds[2] = {temporary_file(), open("/dev/full", O_WRONLY | O_CLOEXEC)};

    (void)state;
    memset(value, 'v', sizeof value);
    open_logs(&conf, fds);
    for (int i = 0; i < 300000; i++) {
        add(200, span_of(value, sizeof value));
        assert_ok(loop_turn(loop, 0));
    }
    assert_non_null(strstr(said, "access log stdout does not take"));
    assert_null(strstr(said, "/log/a"));
    close_logs();
    close(fds[0]);
    close(fds[1]);
}

static void the_fields_that_are_asked_for_are_known(void **state)
{
    int fds[2] = {-1, -1};
    const struct proxy_logformat_names *names;

    (void)state;
    open_logs(&conf, fds);
    names = proxy_accesslog_names(accesslog);
    assert_int_equal(names->count, 3);
    assert_true(span_equals(names->names[0], "Host"));
    assert_true(span_equals(names->names[1], "Long"));
    assert_true(span_equals(names->names[2], "X"));
    close_logs();
    proxy_accesslog_free(NULL);
}

static int oom_fd;

static void log_a_line(void)
{
    if (proxy_accesslog_new(&one, &oom_fd, loop, &error_log, &accesslog) != OK) {
        return;
    }
    add(200, SPAN("x"));
    add(200, SPAN("y"));
    proxy_accesslog_free(accesslog);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    said[0] = '\0';
    oom_fd = temporary_file();
    assert_ok(loop_new(&loop));
    every_oom(log_a_line);
    loop_free(loop);
    close(oom_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_written_when_the_turn_ends),
        cmocka_unit_test(what_waits_is_written_at_the_end),
        cmocka_unit_test(the_file_may_be_exchanged_between_lines),
        cmocka_unit_test(a_busy_turn_loses_nothing),
        cmocka_unit_test(a_pipe_that_nobody_reads_loses_lines_and_says_so),
        cmocka_unit_test(a_blocking_pipe_does_not_stop_the_loop),
        cmocka_unit_test(nor_does_a_blocking_socket),
        cmocka_unit_test(a_full_device_is_named_with_its_error),
        cmocka_unit_test(a_disk_that_has_room_again_is_said),
        cmocka_unit_test(lines_that_wait_at_the_end_are_counted),
        cmocka_unit_test(a_log_without_a_file_name_is_stdout),
        cmocka_unit_test(the_fields_that_are_asked_for_are_known),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
