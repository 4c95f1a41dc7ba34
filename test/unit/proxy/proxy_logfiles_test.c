/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_logfiles.h"

#include "lib/scratch.h"
#include "lib/testing.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[SCRATCH_DIR_BYTES];
static char path[SCRATCH_PATH_BYTES];
static char moved[SCRATCH_PATH_BYTES];

static int set_up(void **state)
{
    (void)state;
    scratch_make(dir);
    scratch_path(dir, "log", path);
    scratch_path(dir, "log.1", moved);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_remove(dir, "log log.1");
    return 0;
}

static off_t size_of(const char *file)
{
    struct stat stat_of;

    return stat(file, &stat_of) == 0 ? stat_of.st_size : -1;
}

static void a_file_is_exchanged_behind_its_number(void **state)
{
    struct proxy_accesslog_conf conf = {.count = 3};
    struct proxy_logfiles logs;
    struct diag diag;
    int fd;

    (void)state;
    diag_init(&diag);
    conf.logs[0].file = SPAN("/dev/stdout");
    conf.logs[1].file = span_str(path);
    conf.logs[2].file = SPAN("/dev/stderr");
    proxy_logfiles_init(&logs);
    assert_ok(proxy_logfiles_open(&logs, &conf, &diag));
    assert_int_equal(logs.fds[0], STDOUT_FILENO);
    assert_int_equal(logs.fds[2], STDERR_FILENO);
    fd = logs.fds[1];
    assert_int_equal(write(fd, "one\n", 4), 4);
    assert_int_equal(rename(path, moved), 0);
    assert_ok(proxy_logfiles_open(&logs, &conf, &diag));
    assert_int_equal(logs.fds[1], fd);
    assert_int_equal(write(fd, "two", 3), 3);
    assert_int_equal(size_of(moved), 4);
    assert_int_equal(size_of(path), 3);
    proxy_logfiles_fini(&logs);
    assert_int_equal(write(fd, "x", 1), -1);
    diag_fini(&diag);
}

static void one_that_cannot_be_opened_is_said_and_the_rest_is_open(void **state)
{
    struct proxy_accesslog_conf conf = {.count = 2};
    struct proxy_logfiles logs;
    struct diag diag;

    (void)state;
    diag_init(&diag);
    conf.logs[0].file = SPAN("/nonexistent/log");
    conf.logs[1].file = span_str(path);
    proxy_logfiles_init(&logs);
    assert_int_equal(proxy_logfiles_open(&logs, &conf, &diag), ERR_CONF);
    assert_int_equal(diag_count(&diag, DIAG_ERROR), 1);
    assert_int_equal(size_of(path), 0);
    proxy_logfiles_fini(&logs);
    diag_fini(&diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_exchanged_behind_its_number, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_that_cannot_be_opened_is_said_and_the_rest_is_open,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
