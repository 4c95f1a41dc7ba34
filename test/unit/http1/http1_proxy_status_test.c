/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_proxy_status.h"

#include "lib/oom.h"
#include "lib/testing.h"

static void assert_written(struct span proxy, enum http1_proxy_status error,
                           struct span details, const char *expected)
{
    struct buf out;

    buf_init(&out, 1000);
    assert_ok(http1_proxy_status_write(&out, proxy, error, details));
    assert_bytes(buf_span(&out), span_str(expected));
    buf_fini(&out);
}

static void a_refusal_names_the_proxy_the_type_and_the_details(void **state)
{
    (void)state;
    assert_written(
        SPAN("wayleave"), HTTP1_PROXY_STATUS_CONNECTION_REFUSED,
        SPAN("127.0.0.1 refused port 9000"),
        "wayleave; error=connection_refused; details=\"127.0.0.1 refused port 9000\"");
    assert_written(SPAN("proxy.test:8080"), HTTP1_PROXY_STATUS_DNS_ERROR, SPAN(""),
                   "proxy.test:8080; error=dns_error");
}

static void a_name_that_is_no_token_becomes_a_string(void **state)
{
    (void)state;
    assert_written(SPAN("10.0.0.1"), HTTP1_PROXY_STATUS_REQUEST_DENIED, SPAN(""),
                   "\"10.0.0.1\"; error=http_request_denied");
    assert_written(SPAN("a b"), HTTP1_PROXY_STATUS_REQUEST_ERROR, SPAN(""),
                   "\"a b\"; error=http_request_error");
}

static void details_cannot_leave_their_quotes_or_their_line(void **state)
{
    (void)state;
    assert_written(SPAN("w"), HTTP1_PROXY_STATUS_CONNECTION_TIMEOUT,
                   SPAN("a\"b\\c\r\nd\0\x7f\xc3\xa9"),
                   "w; error=connection_timeout; details=\"a\\\"b\\\\c??d????\"");
}

static void each_type_has_the_code_that_the_rfc_recommends(void **state)
{
    (void)state;
    assert_int_equal(http1_proxy_status_code(HTTP1_PROXY_STATUS_DNS_ERROR), 502);
    assert_int_equal(http1_proxy_status_code(HTTP1_PROXY_STATUS_CONNECTION_TIMEOUT), 504);
    assert_int_equal(http1_proxy_status_code(HTTP1_PROXY_STATUS_CONNECTION_LIMIT_REACHED), 503);
    assert_int_equal(http1_proxy_status_code(HTTP1_PROXY_STATUS_REQUEST_DENIED), 403);
    assert_string_equal(http1_proxy_status_type(HTTP1_PROXY_STATUS_CONFIGURATION_ERROR),
                        "proxy_configuration_error");
}

static void a_full_buffer_is_left_as_it_was(void **state)
{
    struct buf out;

    (void)state;
    for (size_t max = 1; max < 30; max++) {
        buf_init(&out, max);
        assert_ok(buf_append(&out, SPAN("x")));
        assert_int_equal(http1_proxy_status_write(&out, SPAN("wayleave"),
                                                  HTTP1_PROXY_STATUS_DNS_ERROR,
                                                  SPAN("details")),
                         ERR_LIMIT);
        assert_bytes(buf_span(&out), SPAN("x"));
        buf_fini(&out);
    }
}

static void write_a_value(void)
{
    struct buf out;
    enum err e;

    buf_init(&out, 1000);
    e = http1_proxy_status_write(&out, SPAN("wayleave"), HTTP1_PROXY_STATUS_DNS_ERROR,
                                 SPAN("details"));
    assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : OK);
    buf_fini(&out);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(write_a_value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_names_the_proxy_the_type_and_the_details),
        cmocka_unit_test(a_name_that_is_no_token_becomes_a_string),
        cmocka_unit_test(details_cannot_leave_their_quotes_or_their_line),
        cmocka_unit_test(each_type_has_the_code_that_the_rfc_recommends),
        cmocka_unit_test(a_full_buffer_is_left_as_it_was),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
