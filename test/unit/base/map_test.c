/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/map.h"

#include "lib/oom.h"
#include "lib/testing.h"

static void what_was_put_in_is_found_until_it_is_removed(void **state)
{
    struct map map;
    int one = 1, two = 2;

    (void)state;
    map_init(&map, 10);
    assert_null(map_find(&map, SPAN("one")));
    assert_ok(map_insert(&map, SPAN("one"), &one));
    assert_ok(map_insert(&map, SPAN("two\0three"), &two));
    assert_ptr_equal(map_find(&map, SPAN("one")), &one);
    assert_ptr_equal(map_find(&map, SPAN("two\0three")), &two);
    assert_null(map_find(&map, SPAN("two")));
    assert_int_equal(map_count(&map), 2);
    assert_ptr_equal(map_remove(&map, SPAN("one")), &one);
    assert_null(map_remove(&map, SPAN("one")));
    assert_int_equal(map_count(&map), 1);
    map_fini(&map);
    assert_int_equal(map_count(&map), 0);
}

static void a_map_never_holds_more_than_its_maximum(void **state)
{
    struct map map;
    int value = 0;

    (void)state;
    map_init(&map, 1);
    assert_ok(map_insert(&map, SPAN("a"), &value));
    assert_int_equal(map_insert(&map, SPAN("b"), &value), ERR_LIMIT);
    assert_null(map_find(&map, SPAN("b")));
    map_fini(&map);
}

struct visit {
    struct map *map;
    int sum;
};

static void add_and_remove(void *ctx, void *value)
{
    struct visit *visit = ctx;
    const int *number = value;
    const char *const names[] = {"", "one", "two"};

    visit->sum += *number;
    assert_ptr_equal(map_remove(visit->map, span_str(names[*number])), value);
}

static void a_visitor_may_remove_what_it_is_shown(void **state)
{
    struct map map;
    struct visit visit = {.map = &map};
    int one = 1, two = 2;

    (void)state;
    map_init(&map, 10);
    assert_ok(map_insert(&map, SPAN("one"), &one));
    assert_ok(map_insert(&map, SPAN("two"), &two));
    map_visit(&map, add_and_remove, &visit);
    assert_int_equal(visit.sum, 3);
    assert_int_equal(map_count(&map), 0);
    map_fini(&map);
}

static void insert_many(void)
{
    static char names[100][4];
    struct map map;

    map_init(&map, 100);
    for (int i = 0; i < 100; i++) {
        struct span name;

        names[i][0] = (char)('a' + i / 10);
        names[i][1] = (char)('a' + i % 10);
        name = span_of(names[i], 2);
        if (map_insert(&map, name, names[i]) != OK) {
            assert_null(map_find(&map, name));
        }
    }
    map_fini(&map);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(insert_many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_in_is_found_until_it_is_removed),
        cmocka_unit_test(a_map_never_holds_more_than_its_maximum),
        cmocka_unit_test(a_visitor_may_remove_what_it_is_shown),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
