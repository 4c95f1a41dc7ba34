/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_origin.h"

#include "lib/testing.h"

static struct http1_origin read_origin(const char *text)
{
    struct http1_origin origin = {0};
    enum http1_fault fault = HTTP1_FAULT_NONE;

    assert_ok(http1_origin_read(span_str(text), &origin, &fault));
    return origin;
}

static bool are_same(const char *a, const char *b)
{
    struct http1_origin left = read_origin(a);
    struct http1_origin right = read_origin(b);

    return http1_origin_is_same(&left, &right);
}

static void an_origin_is_a_scheme_a_host_and_perhaps_a_port(void **state)
{
    struct http1_origin origin = read_origin("https://realm.example:9443");

    (void)state;
    assert_false(origin.is_null);
    assert_bytes(origin.scheme, SPAN("https"));
    assert_bytes(origin.authority.host, SPAN("realm.example"));
    assert_int_equal(origin.authority.port, 9443);
    assert_int_equal(read_origin("http://[::1]").authority.port, 0);
}

static void a_page_from_a_file_has_no_origin_and_is_like_nothing(void **state)
{
    (void)state;
    assert_true(read_origin("null").is_null);
    assert_false(are_same("null", "null"));
    assert_false(are_same("null", "http://a"));
}

static void origins_are_the_same_with_the_default_port_counted_in(void **state)
{
    (void)state;
    assert_true(are_same("http://a", "HTTP://A:80"));
    assert_true(are_same("https://a:443", "https://a"));
    assert_false(are_same("http://a", "https://a"));
    assert_false(are_same("http://a:80", "http://a:9000"));
    assert_false(are_same("http://a", "http://b"));
}

static void what_is_not_one_origin_is_refused(void **state)
{
    static const struct {
        const char *text;
        enum http1_fault fault;
    } refusals[] = {
        {"", HTTP1_FAULT_ORIGIN},
        {"Null", HTTP1_FAULT_ORIGIN},
        {"realm.example", HTTP1_FAULT_ORIGIN},
        {"://realm.example", HTTP1_FAULT_ORIGIN},
        {"9p://realm.example", HTTP1_FAULT_ORIGIN},
        {"a b://realm.example", HTTP1_FAULT_ORIGIN},
        {"http:realm.example", HTTP1_FAULT_ORIGIN},
        {"http://", HTTP1_FAULT_NO_HOST},
        {"http://realm.example/", HTTP1_FAULT_HOST_BYTE},
        {"http://a http://b", HTTP1_FAULT_HOST_BYTE},
        {"http://a:0", HTTP1_FAULT_PORT_RANGE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct http1_origin origin = {.is_null = true};
        enum http1_fault fault = HTTP1_FAULT_NONE;

        assert_int_equal(http1_origin_read(span_str(refusals[i].text), &origin, &fault),
                         ERR_PROTO);
        assert_int_equal(fault, refusals[i].fault);
        assert_true(origin.is_null);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_origin_is_a_scheme_a_host_and_perhaps_a_port),
        cmocka_unit_test(a_page_from_a_file_has_no_origin_and_is_like_nothing),
        cmocka_unit_test(origins_are_the_same_with_the_default_port_counted_in),
        cmocka_unit_test(what_is_not_one_origin_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
