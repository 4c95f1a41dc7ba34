/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_fields.h"

#include "lib/testing.h"

static const struct http1_field table[] = {
    {SPAN_INIT("Host"), SPAN_INIT("realm.example")},
    {SPAN_INIT("Connection"), SPAN_INIT("keep-alive, Upgrade")},
    {SPAN_INIT("X-List"), SPAN_INIT(" , a,,\tb ,")},
    {SPAN_INIT("connection"), SPAN_INIT("x-other")},
    {SPAN_INIT("x-list"), SPAN_INIT("")},
    {SPAN_INIT("X-LIST"), SPAN_INIT("\"c, \\\" d\", e; f=\"g,h\"")},
    {SPAN_INIT("x-open"), SPAN_INIT("a, \"b, c\\")},
};

static const struct http1_fields fields = {table, sizeof table / sizeof table[0]};

static void a_field_is_found_whatever_its_case(void **state)
{
    (void)state;
    assert_ptr_equal(http1_fields_find(fields, SPAN("hOST")), &table[0]);
    assert_ptr_equal(http1_fields_find(fields, SPAN("CONNECTION")), &table[1]);
    assert_null(http1_fields_find(fields, SPAN("Hos")));
    assert_null(http1_fields_find(fields, SPAN("Hosts")));
    assert_null(http1_fields_find((struct http1_fields){0}, SPAN("Host")));
}

static void fields_of_one_name_are_counted(void **state)
{
    (void)state;
    assert_int_equal(http1_fields_count(fields, SPAN("connection")), 2);
    assert_int_equal(http1_fields_count(fields, SPAN("host")), 1);
    assert_int_equal(http1_fields_count(fields, SPAN("cookie")), 0);
}

static void a_list_goes_on_over_fields_and_skips_empty_items(void **state)
{
    struct http1_fields_list list = http1_fields_list(fields, SPAN("x-list"));
    struct span item;

    (void)state;
    assert_true(http1_fields_list_next(&list, &item));
    assert_bytes(item, SPAN("a"));
    assert_true(http1_fields_list_next(&list, &item));
    assert_bytes(item, SPAN("b"));
    assert_true(http1_fields_list_next(&list, &item));
    assert_bytes(item, SPAN("\"c, \\\" d\""));
    assert_true(http1_fields_list_next(&list, &item));
    assert_bytes(item, SPAN("e; f=\"g,h\""));
    assert_false(http1_fields_list_next(&list, &item));
    assert_false(http1_fields_list_next(&list, &item));
}

static void a_quote_that_never_closes_takes_the_rest_of_its_field(void **state)
{
    struct http1_fields_list list = http1_fields_list(fields, SPAN("x-open"));
    struct span item;

    (void)state;
    assert_true(http1_fields_list_next(&list, &item));
    assert_true(http1_fields_list_next(&list, &item));
    assert_bytes(item, SPAN("\"b, c\\"));
    assert_false(http1_fields_list_next(&list, &item));
}

static void a_token_is_found_in_any_field_and_only_as_a_whole(void **state)
{
    (void)state;
    assert_true(http1_fields_has_token(fields, SPAN("connection"), SPAN("upgrade")));
    assert_true(http1_fields_has_token(fields, SPAN("Connection"), SPAN("X-OTHER")));
    assert_false(http1_fields_has_token(fields, SPAN("connection"), SPAN("up")));
    assert_false(http1_fields_has_token(fields, SPAN("upgrade"), SPAN("websocket")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_is_found_whatever_its_case),
        cmocka_unit_test(fields_of_one_name_are_counted),
        cmocka_unit_test(a_list_goes_on_over_fields_and_skips_empty_items),
        cmocka_unit_test(a_quote_that_never_closes_takes_the_rest_of_its_field),
        cmocka_unit_test(a_token_is_found_in_any_field_and_only_as_a_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
