/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/text.h"

#include "lib/testing.h"

static void numbers_are_digits_and_nothing_else(void **state)
{
    uint64_t number = 7;

    (void)state;
    assert_true(text_u64(SPAN("0"), 10, &number));
    assert_int_equal(number, 0);
    assert_true(text_u64(SPAN("18446744073709551615"), UINT64_MAX, &number));
    assert_true(number == UINT64_MAX);
    assert_true(text_u64(SPAN("0010"), 10, &number));
    assert_int_equal(number, 10);
    number = 7;
    assert_false(text_u64(SPAN("18446744073709551616"), UINT64_MAX, &number));
    assert_false(text_u64(SPAN("11"), 10, &number));
    assert_false(text_u64(SPAN(""), 10, &number));
    assert_false(text_u64(SPAN("+1"), 10, &number));
    assert_false(text_u64(SPAN("-1"), 10, &number));
    assert_false(text_u64(SPAN(" 1"), 10, &number));
    assert_false(text_u64(SPAN("1 "), 10, &number));
    assert_false(text_u64(SPAN("0x1"), 10, &number));
    assert_int_equal(number, 7);
}

static void durations_carry_their_unit_or_take_the_callers(void **state)
{
    msec duration = 0;

    (void)state;
    assert_true(text_duration(SPAN("500ms"), 1000, &duration));
    assert_int_equal(duration, 500);
    assert_true(text_duration(SPAN("10s"), 1, &duration));
    assert_int_equal(duration, 10000);
    assert_true(text_duration(SPAN("2m"), 1, &duration));
    assert_int_equal(duration, 120000);
    assert_true(text_duration(SPAN("1H"), 1, &duration));
    assert_int_equal(duration, 3600000);
    assert_true(text_duration(SPAN("60"), 1000, &duration));
    assert_int_equal(duration, 60000);
    assert_false(text_duration(SPAN("10q"), 1000, &duration));
    assert_false(text_duration(SPAN("s"), 1000, &duration));
    assert_false(text_duration(SPAN(""), 1000, &duration));
    assert_false(text_duration(SPAN("18446744073709551615h"), 1000, &duration));
}

static void sizes_are_powers_of_1024(void **state)
{
    uint64_t bytes = 0;

    (void)state;
    assert_true(text_size(SPAN("16m"), &bytes));
    assert_int_equal(bytes, 16 * 1024 * 1024);
    assert_true(text_size(SPAN("1K"), &bytes));
    assert_int_equal(bytes, 1024);
    assert_true(text_size(SPAN("512"), &bytes));
    assert_int_equal(bytes, 512);
    assert_false(text_size(SPAN("1kb"), &bytes));
    assert_false(text_size(SPAN("99999999999999999999g"), &bytes));
}

static void a_star_stands_for_anything(void **state)
{
    (void)state;
    assert_true(text_glob(SPAN("*"), SPAN("")));
    assert_true(text_glob(SPAN("*"), SPAN("/any/thing")));
    assert_true(text_glob(SPAN("/demo/*"), SPAN("/demo/chat/room")));
    assert_false(text_glob(SPAN("/demo/*"), SPAN("/demo")));
    assert_true(text_glob(SPAN("/a*b*c"), SPAN("/a-b-b-c")));
    assert_false(text_glob(SPAN("/a*b*c"), SPAN("/a-b-b-d")));
    assert_true(text_glob(SPAN("plain"), SPAN("plain")));
    assert_false(text_glob(SPAN("plain"), SPAN("Plain")));
    assert_false(text_glob(SPAN(""), SPAN("x")));
}

/* Backtracking that is exponential in naive matchers ends here at once. */
static void many_stars_do_not_take_for_ever(void **state)
{
    char text[4001];

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(text_glob(SPAN("a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"), span_str(text)));
}

static void what_a_terminal_must_not_see_is_spelt_out(void **state)
{
    char room[32];

    (void)state;
    assert_string_equal(text_printable(SPAN("GET /"), room, sizeof room), "GET /");
    assert_string_equal(text_printable(SPAN("a\x1b[2J\"\\"), room, sizeof room),
                        "a\\x1b[2J\\x22\\x5c");
    assert_string_equal(text_printable(SPAN("abcdef"), room, 4), "abc");
    assert_string_equal(text_printable(SPAN("ab\n"), room, 6), "ab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_digits_and_nothing_else),
        cmocka_unit_test(durations_carry_their_unit_or_take_the_callers),
        cmocka_unit_test(sizes_are_powers_of_1024),
        cmocka_unit_test(a_star_stands_for_anything),
        cmocka_unit_test(many_stars_do_not_take_for_ever),
        cmocka_unit_test(what_a_terminal_must_not_see_is_spelt_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
