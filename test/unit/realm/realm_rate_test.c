/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_rate.h"

#include "lib/testing.h"

static void without_a_number_it_may_happen_for_ever(void **state)
{
    struct realm_rate rate;

    (void)state;
    realm_rate_init(&rate, 0, 1000, 0, 5);
    for (int i = 0; i < 1000; i++) {
        realm_rate_take(&rate, 5);
    }
    assert_false(realm_rate_is_over(&rate, 5));
    assert_int_equal(realm_rate_ready_at(&rate, 5), MSEC_NEVER);
}

static void the_burst_goes_at_once_and_one_more_has_to_wait(void **state)
{
    struct realm_rate rate;

    (void)state;
    realm_rate_init(&rate, 10, 1000, 3, 5000);
    for (int i = 0; i < 3; i++) {
        realm_rate_take(&rate, 5000);
        assert_false(realm_rate_is_over(&rate, 5000));
    }
    realm_rate_take(&rate, 5000);
    assert_true(realm_rate_is_over(&rate, 5000));
    assert_int_equal(realm_rate_ready_at(&rate, 5000), 5100);
    assert_true(realm_rate_is_over(&rate, 5099));
    assert_false(realm_rate_is_over(&rate, 5100));
}

static void what_passed_the_mark_is_paid_for(void **state)
{
    struct realm_rate rate;

    (void)state;
    realm_rate_init(&rate, 3, 1000, 1, 0);
    for (int i = 0; i < 8; i++) {
        realm_rate_take(&rate, 0);
    }
    assert_int_equal(realm_rate_ready_at(&rate, 0),
                     2334); /* 7 thirds of a second, rounded up */
    assert_true(realm_rate_is_over(&rate, 2333));
    assert_false(realm_rate_is_over(&rate, 2334));
}

static void rest_brings_the_burst_back_and_no_more(void **state)
{
    struct realm_rate rate;

    (void)state;
    realm_rate_init(&rate, 10, 1000, 2, 0);
    for (int i = 0; i < 4; i++) {
        realm_rate_take(&rate, 0);
    }
    for (int i = 0; i < 2; i++) {
        realm_rate_take(&rate, UINT64_MAX / 2);
        assert_false(realm_rate_is_over(&rate, UINT64_MAX / 2));
    }
    realm_rate_take(&rate, UINT64_MAX / 2);
    assert_true(realm_rate_is_over(&rate, UINT64_MAX / 2));
}

static void a_clock_that_stands_still_or_goes_back_gives_nothing(void **state)
{
    struct realm_rate rate;

    (void)state;
    realm_rate_init(&rate, 1, 1000, 1, 9000);
    realm_rate_take(&rate, 9000);
    realm_rate_take(&rate, 8000);
    assert_true(realm_rate_is_over(&rate, 8000));
    assert_false(realm_rate_is_over(&rate, 10000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_number_it_may_happen_for_ever),
        cmocka_unit_test(the_burst_goes_at_once_and_one_more_has_to_wait),
        cmocka_unit_test(what_passed_the_mark_is_paid_for),
        cmocka_unit_test(rest_brings_the_burst_back_and_no_more),
        cmocka_unit_test(a_clock_that_stands_still_or_goes_back_gives_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
