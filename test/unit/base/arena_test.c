/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/arena.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <stdalign.h>

static void what_comes_out_is_zeroed_aligned_and_apart(void **state)
{
    struct arena arena;
    uint8_t *last = NULL;

    (void)state;
    arena_init(&arena, 1000000);
    for (size_t bytes = 1; bytes < 9000; bytes = bytes * 2 + 1) {
        void *room = NULL;

        assert_ok(arena_alloc(&arena, bytes, &room));
        assert_int_equal((uintptr_t)room % alignof(max_align_t), 0);
        for (size_t i = 0; i < bytes; i++) {
            assert_int_equal(((uint8_t *)room)[i], 0);
        }
        memset(room, 0xff, bytes);
        assert_ptr_not_equal(room, last);
        last = room;
    }
    arena_fini(&arena);
}

static void an_arena_never_gives_more_than_its_maximum(void **state)
{
    struct arena arena;
    void *room = NULL;

    (void)state;
    arena_init(&arena, 100);
    assert_int_equal(arena_alloc(&arena, 101, &room), ERR_LIMIT);
    assert_int_equal(arena_alloc(&arena, SIZE_MAX, &room), ERR_LIMIT);
    assert_ok(arena_alloc(&arena, 90, &room));
    assert_int_equal(arena_alloc(&arena, 90, &room), ERR_LIMIT);
    arena_fini(&arena);
}

static void a_copy_ends_with_a_zero_that_does_not_count(void **state)
{
    struct arena arena;
    struct span copy;

    (void)state;
    arena_init(&arena, 1000);
    assert_ok(arena_copy(&arena, SPAN("text"), &copy));
    assert_int_equal(copy.len, 4);
    assert_string_equal((const char *)copy.ptr, "text");
    assert_ok(arena_copy(&arena, SPAN(""), &copy));
    assert_string_equal((const char *)copy.ptr, "");
    arena_fini(&arena);
}

static void fill_blocks(void)
{
    struct arena arena;
    void *room;

    arena_init(&arena, 100000);
    for (int i = 0; i < 10; i++) {
        if (arena_alloc(&arena, 3000, &room) != OK) {
            break;
        }
    }
    arena_fini(&arena);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(fill_blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_out_is_zeroed_aligned_and_apart),
        cmocka_unit_test(an_arena_never_gives_more_than_its_maximum),
        cmocka_unit_test(a_copy_ends_with_a_zero_that_does_not_count),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
