/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_fault.h"

#include "lib/testing.h"

static void each_row_can_be_told_to_a_client_and_to_an_operator(void **state)
{
#define X(name, status, section, did) name,
    static const enum http1_fault all[] = {HTTP1_FAULTS(X)};
#undef X

    (void)state;
    for (size_t i = 1; i < sizeof all / sizeof all[0]; i++) {
        uint16_t status = http1_fault_status(all[i]);
        struct span text = span_str(http1_fault_text(all[i]));

        assert_true(status >= 400 && status <= 599);
        assert_non_null(strstr((const char *)text.ptr, " (RFC "));
        assert_int_equal(text.ptr[text.len - 1], ')');
        assert_true(text.ptr[0] >= 'a' && text.ptr[0] <= 'z');
    }
}

static void no_fault_reads_like_none(void **state)
{
    (void)state;
    assert_int_equal(http1_fault_status(HTTP1_FAULT_NONE), 200);
    assert_string_equal(http1_fault_text(HTTP1_FAULT_NONE), "did nothing wrong");
}

static void the_statuses_that_are_not_400_stand_where_they_belong(void **state)
{
    (void)state;
    assert_int_equal(http1_fault_status(HTTP1_FAULT_LINE_LENGTH), 414);
    assert_int_equal(http1_fault_status(HTTP1_FAULT_FIELD_LENGTH), 431);
    assert_int_equal(http1_fault_status(HTTP1_FAULT_FIELD_COUNT), 431);
    assert_int_equal(http1_fault_status(HTTP1_FAULT_HEAD_LENGTH), 431);
    assert_int_equal(http1_fault_status(HTTP1_FAULT_VERSION_MAJOR), 505);
    assert_int_equal(http1_fault_status(HTTP1_FAULT_TRANSFER_CODING), 501);
    assert_string_equal(http1_fault_text(HTTP1_FAULT_NO_VERSION),
                        "sent a request line without a version (RFC 9112 3)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_can_be_told_to_a_client_and_to_an_operator),
        cmocka_unit_test(no_fault_reads_like_none),
        cmocka_unit_test(the_statuses_that_are_not_400_stand_where_they_belong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
