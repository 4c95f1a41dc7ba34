/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "stomp/stomp_frame.h"

#include "lib/testing.h"

static void the_first_of_several_headers_counts(void **state)
{
    const struct stomp_header headers[] = {
        {SPAN("id"), SPAN("1")},
        {SPAN("foo"), SPAN("World")},
        {SPAN("foo"), SPAN("Hello")},
    };
    const struct stomp_frame frame = {.headers = headers, .header_count = 3};

    (void)state;
    assert_ptr_equal(stomp_frame_find(&frame, SPAN("foo")), &headers[1]);
    assert_null(stomp_frame_find(&frame, SPAN("Foo")));
    assert_null(stomp_frame_find(&frame, SPAN("fo")));
}

static void a_frame_without_headers_has_none(void **state)
{
    const struct stomp_frame frame = {.command = STOMP_SEND};

    (void)state;
    assert_null(stomp_frame_find(&frame, SPAN("id")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_of_several_headers_counts),
        cmocka_unit_test(a_frame_without_headers_has_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
