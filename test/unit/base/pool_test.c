/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/pool.h"

#include "lib/oom.h"
#include "lib/testing.h"

static void a_room_that_came_back_is_used_again(void **state)
{
    struct pool pool;
    void *first = NULL, *second = NULL;

    (void)state;
    pool_init(&pool, 64, 1, 10);
    assert_ok(pool_take(&pool, &first));
    pool_give(&pool, first);
    assert_ok(pool_take(&pool, &second));
    assert_ptr_equal(first, second);
    pool_give(&pool, second);
    pool_give(&pool, NULL);
    assert_int_equal(pool.out_count, 0);
    pool_fini(&pool);
}

static void no_more_are_kept_and_no_more_are_out_than_was_said(void **state)
{
    struct pool pool;
    void *rooms[3] = {NULL, NULL, NULL};

    (void)state;
    pool_init(&pool, 64, 1, 2);
    assert_ok(pool_take(&pool, &rooms[0]));
    assert_ok(pool_take(&pool, &rooms[1]));
    assert_int_equal(pool_take(&pool, &rooms[2]), ERR_LIMIT);
    assert_null(rooms[2]);
    pool_give(&pool, rooms[0]);
    pool_give(&pool, rooms[1]);
    assert_int_equal(pool.free_count, 1);
    pool_fini(&pool);
}

static void take_and_give(void)
{
    struct pool pool;
    void *room = NULL;

    pool_init(&pool, 64, 1, 2);
    if (pool_take(&pool, &room) == OK) {
        pool_give(&pool, room);
    }
    pool_fini(&pool);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(take_and_give);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_room_that_came_back_is_used_again),
        cmocka_unit_test(no_more_are_kept_and_no_more_are_out_than_was_said),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
