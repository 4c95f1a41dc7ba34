/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/heap.h"

#include "base/rng.h"
#include "lib/oom.h"
#include "lib/testing.h"

enum {
    NODES = 500
};

static void assert_sorted(struct heap *heap, size_t count)
{
    msec last = 0;

    for (size_t i = 0; i < count; i++) {
        struct heap_node *first = heap_peek(heap);

        assert_non_null(first);
        assert_true(first->at >= last);
        last = first->at;
        heap_remove(heap, first);
        assert_false(heap_has(first));
    }
    assert_null(heap_peek(heap));
}

static void the_earliest_comes_first_after_any_moves_and_removals(void **state)
{
    struct heap_node nodes[NODES] = {0};
    struct rng rng = rng_seeded(1);
    struct heap heap;
    size_t removed = 0;

    (void)state;
    heap_init(&heap);
    for (size_t i = 0; i < NODES; i++) {
        nodes[i].at = rng_u32(&rng) % 1000;
        assert_ok(heap_push(&heap, &nodes[i]));
    }
    for (size_t i = 0; i < NODES; i += 3) {
        heap_move(&heap, &nodes[i], rng_u32(&rng) % 1000);
    }
    for (size_t i = 1; i < NODES; i += 3) {
        heap_remove(&heap, &nodes[i]);
        heap_remove(&heap, &nodes[i]); /* twice is once */
        removed++;
    }
    assert_sorted(&heap, NODES - removed);
    heap_fini(&heap);
}

static void push_many(void)
{
    struct heap_node nodes[40] = {0};
    struct heap heap;

    heap_init(&heap);
    for (size_t i = 0; i < 40; i++) {
        if (heap_push(&heap, &nodes[i]) != OK) {
            assert_false(heap_has(&nodes[i]));
        }
    }
    heap_fini(&heap);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(push_many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_comes_first_after_any_moves_and_removals),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
