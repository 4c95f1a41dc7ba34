/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/buf.h"

#include "lib/oom.h"
#include "lib/testing.h"

static void a_buffer_takes_no_memory_before_the_first_byte(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 10);
    assert_null(buf.ptr);
    assert_ok(buf_append(&buf, SPAN("")));
    assert_null(buf.ptr);
}

static void a_buffer_never_passes_its_maximum(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 5);
    assert_ok(buf_append(&buf, SPAN("hello")));
    assert_int_equal(buf_append(&buf, SPAN("!")), ERR_LIMIT);
    assert_bytes(buf_span(&buf), SPAN("hello"));
    buf_consume(&buf, 2);
    assert_ok(buf_append(&buf, SPAN("ab")));
    assert_bytes(buf_span(&buf), SPAN("lloab"));
    buf_fini(&buf);
    assert_int_equal(buf.max, 5);
}

static void printing_stops_at_the_maximum_and_leaves_the_buffer_as_it_was(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 8);
    assert_ok(buf_printf(&buf, "%d-%s", 12, "abc"));
    assert_int_equal(buf_printf(&buf, "%s", "xyz"), ERR_LIMIT);
    assert_bytes(buf_span(&buf), SPAN("12-abc"));
    buf_fini(&buf);
}

static void fill_a_buffer(void)
{
    struct buf buf;

    buf_init(&buf, 100000);
    for (int i = 0; i < 1000; i++) {
        if (buf_printf(&buf, "%d", i) != OK) {
            break;
        }
    }
    buf_fini(&buf);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(fill_a_buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_takes_no_memory_before_the_first_byte),
        cmocka_unit_test(a_buffer_never_passes_its_maximum),
        cmocka_unit_test(printing_stops_at_the_maximum_and_leaves_the_buffer_as_it_was),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
