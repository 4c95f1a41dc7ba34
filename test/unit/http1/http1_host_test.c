/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_host.h"

#include "lib/testing.h"

static const struct http1_field table[] = {
    {SPAN_INIT("Accept"), SPAN_INIT("*/*")},
    {SPAN_INIT("host"), SPAN_INIT("realm.example:9000")},
    {SPAN_INIT("HOST"), SPAN_INIT("realm.example:9000")},
};

static void a_request_names_its_host_once(void **state)
{
    struct http1_authority host;
    enum http1_fault fault;

    (void)state;
    assert_ok(http1_host_of_request((struct http1_fields){table, 2}, 1, &host, &fault));
    assert_bytes(host.host, SPAN("realm.example"));
    assert_int_equal(host.port, 9000);
    assert_int_equal(http1_host_of_request((struct http1_fields){table, 3}, 1, &host, &fault),
                     ERR_PROTO);
    assert_int_equal(fault, HTTP1_FAULT_HOST_TWICE);
    assert_int_equal(http1_host_of_request((struct http1_fields){table, 3}, 0, &host, &fault),
                     ERR_PROTO);
}

static void only_http_1_0_may_leave_it_out(void **state)
{
    struct http1_authority host = {.port = 7};
    enum http1_fault fault;

    (void)state;
    assert_int_equal(http1_host_of_request((struct http1_fields){table, 1}, 1, &host, &fault),
                     ERR_PROTO);
    assert_int_equal(fault, HTTP1_FAULT_NO_HOST_FIELD);
    assert_int_equal(host.port, 7);
    assert_ok(http1_host_of_request((struct http1_fields){table, 1}, 0, &host, &fault));
    assert_int_equal(host.host.len, 0);
    assert_int_equal(host.port, 0);
}

static void a_host_that_cannot_be_read_is_refused(void **state)
{
    static const struct http1_field bad[] = {{SPAN_INIT("Host"), SPAN_INIT("a/b")}};
    struct http1_authority host;
    enum http1_fault fault;

    (void)state;
    assert_int_equal(http1_host_of_request((struct http1_fields){bad, 1}, 0, &host, &fault),
                     ERR_PROTO);
    assert_int_equal(fault, HTTP1_FAULT_HOST_BYTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_names_its_host_once),
        cmocka_unit_test(only_http_1_0_may_leave_it_out),
        cmocka_unit_test(a_host_that_cannot_be_read_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
