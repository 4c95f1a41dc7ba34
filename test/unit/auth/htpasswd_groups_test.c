/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "auth/htpasswd_groups.h"

#include "lib/oom.h"
#include "lib/testing.h"

static struct arena arena;
static struct diag diag;

static const struct htpasswd_groups *parse(const char *text)
{
    const struct htpasswd_groups *groups;

    arena_init(&arena, 1024 * 1024);
    diag_init(&diag);
    assert_ok(htpasswd_groups_parse(span_str(text), "groups", &arena, &diag, &groups));
    return groups;
}

static void done(void)
{
    diag_fini(&diag);
    arena_fini(&arena);
}

static bool has(const struct htpasswd_groups *groups, const char *group, const char *user)
{
    return htpasswd_groups_has(groups, span_str(group), span_str(user));
}

static void a_group_may_be_split_over_several_lines(void **state)
{
    const struct htpasswd_groups *groups = parse("# groups\n"
                                                 "staff: alice  bob\r\n"
                                                 "\n"
                                                 "guests:carol\n"
                                                 "staff : dave\n"
                                                 "empty:\n");

    (void)state;
    assert_int_equal(diag_count(&diag, DIAG_ERROR), 0);
    assert_true(has(groups, "staff", "alice"));
    assert_true(has(groups, "staff", "bob"));
    assert_true(has(groups, "staff", "dave"));
    assert_true(has(groups, "guests", "carol"));
    assert_false(has(groups, "staff", "carol"));
    assert_false(has(groups, "staf", "alice"));
    assert_false(has(groups, "Staff", "alice"));
    assert_true(htpasswd_groups_knows(groups, SPAN("empty")));
    assert_false(htpasswd_groups_knows(groups, SPAN("other")));
    done();
}

static void a_malformed_line_is_named(void **state)
{
    (void)state;
    parse("staff: alice\nstaff alice\n: bob\na: b\x01\n");
    assert_int_equal(diag_count(&diag, DIAG_ERROR), 3);
    assert_int_equal(diag_next(&diag, NULL)->line, 2);
    assert_non_null(strstr(diag_next(&diag, NULL)->text, "there is no colon"));
    done();
}

static void parse_some(void)
{
    const struct htpasswd_groups *groups;

    arena_init(&arena, 1024 * 1024);
    diag_init(&diag);
    (void)!htpasswd_groups_parse(SPAN("a: b c\nd\n"), "groups", &arena, &diag, &groups);
    done();
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(parse_some);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_may_be_split_over_several_lines),
        cmocka_unit_test(a_malformed_line_is_named),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
