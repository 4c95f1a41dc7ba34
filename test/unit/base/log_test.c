/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/log.h"

#include "lib/testing.h"

static char last[2000];
static int lines;

static void keep(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    lines++;
    memcpy(last, line, strlen(line) + 1);
}

static int asked;

static int argument(void)
{
    return ++asked;
}

static void only_lines_of_the_wanted_level_are_made(void **state)
{
    const struct log log = {.sink = keep, .level = LOG_NOTICE};

    (void)state;
    log_info(&log, "number %d", argument());
    assert_int_equal(lines, 0);
    assert_int_equal(asked, 0); /* not even its arguments */
    log_warn(&log, "number %d", argument());
    assert_string_equal(last, "number 1");
    log_error(NULL, "nobody listens");
    assert_int_equal(lines, 1);
}

static void a_long_line_is_cut(void **state)
{
    const struct log log = {.sink = keep, .level = LOG_TRACE};
    char text[3000];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_trace(&log, "%s", text);
    assert_true(strlen(last) > 500 && strlen(last) < 1100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_lines_of_the_wanted_level_are_made),
        cmocka_unit_test(a_long_line_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
