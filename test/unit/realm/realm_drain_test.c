/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_drain.h"

#include "lib/testing.h"

#include <stdlib.h>

static void few_sessions_are_told_at_once(void **state)
{
    (void)state;
    assert_int_equal(realm_drain_per_tick(0, 30000), REALM_DRAIN_TICK_SESSIONS);
    assert_int_equal(realm_drain_per_tick(100, 30000), REALM_DRAIN_TICK_SESSIONS);
}

static void many_sessions_are_told_within_the_spread(void **state)
{
    (void)state;
    assert_int_equal(realm_drain_per_tick(20000, 0), 200);     /* 100 ticks */
    assert_int_equal(realm_drain_per_tick(20001, 60000), 201); /* none is left over */
    assert_int_equal(realm_drain_per_tick(20000, 1000), 4000); /* half of the limit: 5 ticks */
}

static void a_limit_shorter_than_a_tick_leaves_no_time_to_spread(void **state)
{
    (void)state;
    assert_int_equal(realm_drain_per_tick(20000, 50), 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_sessions_are_told_at_once),
        cmocka_unit_test(many_sessions_are_told_within_the_spread),
        cmocka_unit_test(a_limit_shorter_than_a_tick_leaves_no_time_to_spread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
