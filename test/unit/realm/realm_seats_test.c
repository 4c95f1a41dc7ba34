/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_seats.h"

#include "lib/testing.h"

static void with_descriptors_enough_there_is_room_for_sessions_max_and_some_to_be_told(
    void **state)
{
    struct realm_seats seats = {0};

    (void)state;
    realm_seats_set(&seats, 10000, realm_seats_descriptors(10000));
    assert_int_equal(seats.sessions, 10000);
    assert_int_equal(seats.all, 10256);
    realm_seats_set(&seats, 1, UINT64_MAX);
    assert_int_equal(seats.sessions, 1);
    assert_int_equal(seats.all, 257);
}

static void with_too_few_descriptors_some_are_kept_for_other_things(void **state)
{
    struct realm_seats seats = {0};

    (void)state;
    for (uint64_t descriptors = 16; descriptors <= 30000; descriptors++) {
        realm_seats_set(&seats, 30000, descriptors);
        assert_true(seats.sessions > 0);
        assert_true(seats.all > seats.sessions);
        assert_true(seats.all + (descriptors < 512 ? descriptors / 4 : 128) <= descriptors);
    }
    assert_in_range(seats.sessions, 29000, 30000 - 256 - 128);
}

static void that_it_is_full_is_told_once_until_there_was_room_again(void **state)
{
    struct realm_seats seats = {0};

    (void)state;
    realm_seats_set(&seats, 100, UINT64_MAX);
    assert_true(realm_seats_tell(&seats));
    assert_false(realm_seats_tell(&seats));
    realm_seats_left(&seats, 99); /* one goes, the next one comes: no news */
    assert_false(realm_seats_tell(&seats));
    realm_seats_left(&seats, 89);
    assert_true(realm_seats_tell(&seats));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            with_descriptors_enough_there_is_room_for_sessions_max_and_some_to_be_told),
        cmocka_unit_test(with_too_few_descriptors_some_are_kept_for_other_things),
        cmocka_unit_test(that_it_is_full_is_told_once_until_there_was_room_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
