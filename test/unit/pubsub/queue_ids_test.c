/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/queue_ids.h"

#include "lib/oom.h"
#include "lib/testing.h"

static void the_newest_ids_are_known(void **state)
{
    struct queue_ids ids;

    (void)state;
    queue_ids_init(&ids, 2);
    assert_int_equal(queue_ids_find(&ids, SPAN("a")), 0);
    assert_ok(queue_ids_add(&ids, SPAN("a"), 1));
    assert_ok(queue_ids_add(&ids, SPAN("b"), 2));
    assert_int_equal(queue_ids_find(&ids, SPAN("a")), 1);
    assert_ok(queue_ids_add(&ids, SPAN("c"), 7));
    assert_int_equal(queue_ids_find(&ids, SPAN("a")), 0);
    assert_int_equal(queue_ids_find(&ids, SPAN("b")), 2);
    assert_int_equal(queue_ids_find(&ids, SPAN("c")), 7);
    queue_ids_fini(&ids);
}

static void add_three(void)
{
    static const struct span names[] = {SPAN_INIT("a"), SPAN_INIT("b"), SPAN_INIT("c")};
    struct queue_ids ids;

    queue_ids_init(&ids, 2);
    for (size_t i = 0; i < 3; i++) {
        bool was_known = queue_ids_find(&ids, names[0]) != 0;

        if (queue_ids_add(&ids, names[i], i + 1) == ERR_NOMEM) {
            assert_int_equal(queue_ids_find(&ids, names[i]), 0);
            assert_int_equal(queue_ids_find(&ids, names[0]) != 0, was_known);
        }
    }
    queue_ids_fini(&ids);
}

static void running_out_of_memory_forgets_nothing_and_leaks_nothing(void **state)
{
    (void)state;
    every_oom(add_three);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_ids_are_known),
        cmocka_unit_test(running_out_of_memory_forgets_nothing_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
