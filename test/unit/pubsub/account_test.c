/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/account.h"

#include "lib/oom.h"
#include "lib/testing.h"

static void an_account_is_there_as_long_as_it_holds_something(void **state)
{
    struct account *alice, *again, *bob;
    struct account_set set;

    (void)state;
    account_set_init(&set);
    assert_int_equal(account_count(&set, SPAN("alice"), ACCOUNT_CHANNELS), 0);
    assert_ok(account_take(&set, SPAN("alice"), ACCOUNT_CHANNELS, &alice));
    assert_ok(account_take(&set, SPAN("alice"), ACCOUNT_DURABLES, &again));
    assert_ptr_equal(alice, again);
    assert_ok(account_take(&set, SPAN("bob"), ACCOUNT_CHANNELS, &bob));
    assert_int_equal(account_count(&set, SPAN("alice"), ACCOUNT_CHANNELS), 1);
    assert_int_equal(account_count(&set, SPAN("alice"), ACCOUNT_DURABLES), 1);
    account_give(alice, ACCOUNT_CHANNELS);
    assert_int_equal(account_count(&set, SPAN("alice"), ACCOUNT_CHANNELS), 0);
    account_give(alice, ACCOUNT_DURABLES);
    account_give(bob, ACCOUNT_CHANNELS);
    account_give(NULL, ACCOUNT_CHANNELS);
    assert_int_equal(map_count(&set.map), 0);
    account_set_fini(&set);
}

static void without_a_maximum_one_may_have_what_is_left_for_others(void **state)
{
    size_t count = 0, taken = 0;
    const size_t all = 100;

    (void)state;
    while (account_may(count, 0, all - taken)) { /* the first one takes half */
        count++;
        taken++;
    }
    assert_int_equal(count, 50);
    for (count = 0; account_may(count, 0, all - taken); count++) { /* the second a quarter */
        taken++;
    }
    assert_int_equal(count, 25);
    assert_true(account_may(0, 0, 1));
    assert_false(account_may(0, 0, 0));
}

static void a_maximum_is_one(void **state)
{
    (void)state;
    assert_true(account_may(6, 7, 0)); /* that none is free is somebody else's to say */
    assert_false(account_may(7, 7, 1000));
}

static void take_some(void)
{
    struct account *account = NULL;
    struct account_set set;

    account_set_init(&set);
    if (account_take(&set, SPAN("alice"), ACCOUNT_CHANNELS, &account) == OK) {
        account_give(account, ACCOUNT_CHANNELS);
    }
    account_set_fini(&set);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(take_some);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_is_there_as_long_as_it_holds_something),
        cmocka_unit_test(without_a_maximum_one_may_have_what_is_left_for_others),
        cmocka_unit_test(a_maximum_is_one),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
