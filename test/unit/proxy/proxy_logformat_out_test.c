/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_logformat_out.h"

#include "lib/testing.h"

static uint8_t room[64];

static struct proxy_logformat_out out_of(size_t cap)
{
    memset(room, '#', sizeof room);
    return (struct proxy_logformat_out){.ptr = room, .cap = cap};
}

#define assert_out(out, text) assert_bytes(span_of((out).ptr, (out).len), SPAN(text))

static void escapes_are_httpds(void **state)
{
    struct proxy_logformat_out out = out_of(sizeof room);

    (void)state;
    proxy_logformat_out_escaped(&out, SPAN("a\"\\\b\n\r\t\v\f\x7f\x80 z"));
    assert_out(out, "a\\\"\\\\\\b\\n\\r\\t\\v\\x0c\\x7f\\x80 z");
    assert_false(out.is_cut);
}

static void json_strings_are_rfc_8259s(void **state)
{
    struct proxy_logformat_out out = out_of(sizeof room);

    (void)state;
    proxy_logformat_out_json(&out, SPAN("a\"\\\b\n\r\t\v\f/\xc3z"));
    assert_out(out, "\"a\\\"\\\\\\b\\n\\r\\t\\u000b\\f/\\u00c3z\"");
}

static void no_escape_is_cut_in_its_middle(void **state)
{
    (void)state;
    for (size_t cap = 0; cap < 12; cap++) {
        struct proxy_logformat_out out = out_of(cap);

        proxy_logformat_out_escaped(&out, SPAN("ab\x01\x02"));
        assert_int_equal(out.len, cap < 2 ? cap : cap < 6 ? 2 : cap < 10 ? 6 : 10);
        assert_int_equal(out.is_cut, cap < 10);
        assert_int_equal(room[cap], '#');
    }
}

static void what_comes_behind_a_cut_is_left_out(void **state)
{
    struct proxy_logformat_out out = out_of(3);

    (void)state;
    proxy_logformat_out_bytes(&out, SPAN("abcd"));
    assert_out(out, "abc");
    out = out_of(3);
    proxy_logformat_out_number(&out, 1234);
    proxy_logformat_out_text(&out, "x");
    assert_out(out, "");
    assert_true(out.is_cut);
}

static void numbers_are_decimal(void **state)
{
    struct proxy_logformat_out out = out_of(sizeof room);

    (void)state;
    proxy_logformat_out_number(&out, UINT64_MAX);
    assert_out(out, "18446744073709551615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_are_httpds),
        cmocka_unit_test(json_strings_are_rfc_8259s),
        cmocka_unit_test(no_escape_is_cut_in_its_middle),
        cmocka_unit_test(what_comes_behind_a_cut_is_left_out),
        cmocka_unit_test(numbers_are_decimal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
