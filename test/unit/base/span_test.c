/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/span.h"

#include "lib/testing.h"

static void empty_spans_are_equal_whatever_they_point_to(void **state)
{
    (void)state;
    assert_true(span_equal(span_of(NULL, 0), SPAN("")));
    assert_true(span_equals(span_of(NULL, 0), ""));
    assert_true(span_equal(span_str(NULL), SPAN("")));
    assert_int_equal(span_find(span_of(NULL, 0), 'x'), 0);
    assert_int_equal(span_tail(span_of(NULL, 0), 0).len, 0);
}

static void case_is_ignored_in_ascii_alone(void **state)
{
    (void)state;
    assert_true(span_equals_nocase(SPAN("WebSocket"), "websocket"));
    assert_false(span_equals_nocase(SPAN("\xc3\x89"), "\xc3\xa9"));
    assert_false(span_equals_nocase(SPAN("@"), "`"));
    assert_false(span_equals(SPAN("A"), "a"));
}

static void parts_stay_inside_the_whole(void **state)
{
    const struct span text = SPAN("  a b\t");

    (void)state;
    assert_bytes(span_trim(text), SPAN("a b"));
    assert_bytes(span_trim(SPAN(" \t ")), SPAN(""));
    assert_bytes(span_head(SPAN("abc"), 10), SPAN("abc"));
    assert_bytes(span_head(SPAN("abc"), 2), SPAN("ab"));
    assert_bytes(span_tail(SPAN("abc"), 3), SPAN(""));
    assert_true(span_starts(SPAN("abc"), SPAN("ab")));
    assert_false(span_starts(SPAN("a"), SPAN("ab")));
    assert_int_equal(span_find(SPAN("a:b"), ':'), 1);
    assert_int_equal(span_find(SPAN("ab"), ':'), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_spans_are_equal_whatever_they_point_to),
        cmocka_unit_test(case_is_ignored_in_ascii_alone),
        cmocka_unit_test(parts_stay_inside_the_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
