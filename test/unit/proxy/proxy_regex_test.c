/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_regex.h"

#include "lib/oom.h"
#include "lib/testing.h"

static struct arena arena;
static char why[200];

static int open_arena(void **state)
{
    (void)state;
    arena_init(&arena, 1024 * 1024);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static enum err compile(const char *pattern, bool ignore_case, const struct proxy_regex **regex)
{
    return proxy_regex_compile(&arena, span_str(pattern), ignore_case,
                               mspan_of((uint8_t *)why, sizeof why), regex);
}

static bool finds(const char *pattern, bool ignore_case, const char *text)
{
    const struct proxy_regex *regex;
    bool found = false;

    assert_ok(compile(pattern, ignore_case, &regex));
    assert_ok(proxy_regex_find(regex, span_str(text), &found));
    return found;
}

static void expressions_are_not_anchored_and_mind_case(void **state)
{
    (void)state;
    assert_true(finds("b.d", false, "abcde"));
    assert_false(finds("^b.d", false, "abcde"));
    assert_false(finds("B.D", false, "abcde"));
    assert_true(finds("B.D", true, "abcde"));
    assert_true(finds("", false, ""));
    assert_true(finds("^http://(www|ftp)\\.example\\.", false, "http://ftp.example.com/"));
}

static void what_is_wrong_with_an_expression_is_said(void **state)
{
    const struct proxy_regex *regex = NULL;

    (void)state;
    assert_int_equal(compile("a(b", false, &regex), ERR_CONF);
    assert_string_equal(why, "missing closing parenthesis at 3");
    assert_int_equal(compile("(*UTF)a", false, &regex), ERR_CONF);
    assert_null(regex);
}

static void what_an_expression_may_cost_is_bounded(void **state)
{
    const struct proxy_regex *regex;
    bool found;

    (void)state;
    assert_ok(compile("(a+)+$", false, &regex));
    assert_int_equal(proxy_regex_find(regex,
                                      SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"),
                                      &found),
                     ERR_LIMIT);
}

static void an_arena_that_is_full_says_so(void **state)
{
    const struct proxy_regex *regex;
    enum err e;

    (void)state;
    arena_fini(&arena);
    arena_init(&arena, 100);
    e = compile("abc", false, &regex);
    assert_true(e == ERR_LIMIT || e == ERR_NOMEM);
}

static void compile_and_find(void)
{
    const struct proxy_regex *regex;
    bool found;

    arena_init(&arena, 1024 * 1024);
    if (compile("a+b", false, &regex) == OK) {
        enum err e = proxy_regex_find(regex, SPAN("caab"), &found);

        assert_true(e == OK || e == ERR_NOMEM);
    } else {
        assert_true(oom_has_struck());
    }
    arena_fini(&arena);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(compile_and_find);
}

int main(void)
{
#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, open_arena, close_arena)
    const struct CMUnitTest tests[] = {
        WITH_ARENA(expressions_are_not_anchored_and_mind_case),
        WITH_ARENA(what_is_wrong_with_an_expression_is_said),
        WITH_ARENA(what_an_expression_may_cost_is_bounded),
        WITH_ARENA(an_arena_that_is_full_says_so),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
