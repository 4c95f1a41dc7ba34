/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/logfile.h"

#include "lib/scratch.h"
#include "lib/testing.h"

#include <pthread.h>
#include <stdatomic.h>
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

static size_t lines_of(const char *name)
{
    FILE *file = fopen(name, "re");
    size_t count = 0;
    int c;

    if (file == NULL) {
        return 0;
    }
    while ((c = fgetc(file)) != EOF) {
        count += c == '\n';
    }
    fclose(file);
    return count;
}

static void a_file_is_appended_to_and_closed_to_others(void **state)
{
    struct logfile log;
    struct stat stat_of;
    struct diag diag;

    (void)state;
    diag_init(&diag);
    for (int i = 0; i < 2; i++) {
        logfile_init(&log, STDERR_FILENO);
        assert_ok(logfile_open(&log, span_str(path), STDERR_FILENO, "ErrorLog", &diag));
        logfile_write(&log, SPAN("one\n"));
        logfile_fini(&log);
    }
    assert_int_equal(lines_of(path), 2);
    assert_int_equal(stat(path, &stat_of), 0);
    assert_int_equal(stat_of.st_mode & 0007, 0);
    diag_fini(&diag);
}

static void a_file_that_cannot_be_opened_leaves_the_old_one(void **state)
{
    struct logfile log;
    struct diag diag;

    (void)state;
    diag_init(&diag);
    logfile_init(&log, STDERR_FILENO);
    assert_ok(logfile_open(&log, span_str(path), STDERR_FILENO, "ErrorLog", &diag));
    assert_int_equal(
        logfile_open(&log, SPAN("/nonexistent/log"), STDERR_FILENO, "ErrorLog", &diag),
        ERR_CONF);
    assert_int_equal(logfile_check(SPAN("/nonexistent/log"), "ErrorLog", &diag), ERR_CONF);
    assert_ok(logfile_check(SPAN(""), "ErrorLog", &diag));
    assert_non_null(strstr(diag_next(&diag, NULL)->text, "make its directory first"));
    logfile_write(&log, SPAN("still\n"));
    assert_int_equal(lines_of(path), 1);
    assert_ok(logfile_open(&log, SPAN(""), STDERR_FILENO, "ErrorLog", &diag)); /* stderr */
    logfile_fini(&log);
    assert_int_equal(lines_of(path), 1);
    diag_fini(&diag);
}

enum {
    LINES = 20000
};

static void *write_lines(void *log)
{
    for (int i = 0; i < LINES; i++) {
        logfile_write(log, SPAN("a line\n"));
    }
    return NULL;
}

static void no_line_is_lost_while_the_file_is_exchanged(void **state)
{
    struct logfile log;
    struct diag diag;
    pthread_t threads[2];

    (void)state;
    diag_init(&diag);
    logfile_init(&log, STDERR_FILENO);
    assert_ok(logfile_open(&log, span_str(path), STDERR_FILENO, "ErrorLog", &diag));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &log), 0);
    }
    assert_int_equal(rename(path, moved), 0);
    for (int i = 0; i < 100; i++) {
        assert_ok(logfile_open(&log, span_str(path), STDERR_FILENO, "ErrorLog", &diag));
    }
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    logfile_fini(&log);
    assert_int_equal(lines_of(path) + lines_of(moved), 2 * LINES);
    diag_fini(&diag);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_appended_to_and_closed_to_others),
        TEST(a_file_that_cannot_be_opened_leaves_the_old_one),
        TEST(no_line_is_lost_while_the_file_is_exchanged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
