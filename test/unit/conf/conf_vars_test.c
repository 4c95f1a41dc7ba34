/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_vars.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <stdio.h>

static const char *env(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "Home") == 0 ? "/home" : NULL;
}

static const char *const given[] = {"Given", "Other", NULL};
static const struct conf_source source = {.env = env, .defines = given};

static void case_counts_for_names_and_the_environment_but_not_for_values(void **state)
{
    const struct span one = SPAN("1"), two = SPAN("2");
    struct conf_vars vars;
    struct arena arena;
    struct span value;

    (void)state;
    arena_init(&arena, 100000);
    assert_ok(conf_vars_init(&vars, &arena, &source));
    assert_true(conf_vars_has(&vars, SPAN("Given")));
    assert_false(conf_vars_has(&vars, SPAN("given")));
    assert_false(conf_vars_find(&vars, SPAN("Given"), &value));

    assert_ok(conf_vars_define(&vars, SPAN("Port"), &one));
    assert_true(conf_vars_find(&vars, SPAN("PORT"), &value));
    assert_bytes(value, one);
    assert_ok(conf_vars_define(&vars, SPAN("port"), &two));
    assert_true(conf_vars_find(&vars, SPAN("Port"), &value));
    assert_bytes(value, two);
    assert_true(conf_vars_has(&vars, SPAN("Port")));
    assert_false(conf_vars_has(&vars, SPAN("PORT")));

    conf_vars_undefine(&vars, SPAN("Port"));
    assert_false(conf_vars_has(&vars, SPAN("Port")));
    assert_true(conf_vars_has(&vars, SPAN("port")));
    assert_false(conf_vars_find(&vars, SPAN("Port"), &value));
    conf_vars_undefine(&vars, SPAN("nobody"));

    assert_true(conf_vars_find(&vars, SPAN("Home"), &value));
    assert_bytes(value, SPAN("/home"));
    assert_false(conf_vars_find(&vars, SPAN("HOME"), &value));
    assert_false(conf_vars_find(&vars, SPAN(""), &value));
    arena_fini(&arena);
}

static void define_with_little_memory(void)
{
    const struct span value = SPAN("value");
    struct conf_vars vars;
    struct arena arena;
    enum err e;

    arena_init(&arena, 100000);
    e = conf_vars_init(&vars, &arena, &source);
    for (int i = 0; i < 200 && e == OK; i++) {
        char name[16];

        snprintf(name, sizeof name, "name%d", i);
        e = conf_vars_define(&vars, span_str(name), &value);
    }
    assert_true(e == OK || (e == ERR_NOMEM && oom_has_struck()));
    arena_fini(&arena);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(define_with_little_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_counts_for_names_and_the_environment_but_not_for_values),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
