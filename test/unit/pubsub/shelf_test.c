/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/shelf.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include "base/rng.h"

enum {
    EIDS = 3000
};

static int things[EIDS];

/* What a shelf should say, by looking at everything. */
struct model {
    bool is_there[EIDS];
    size_t count;
};

static const int *first_from(const struct model *model, uint64_t eid)
{
    for (; eid < EIDS; eid++) {
        if (model->is_there[eid]) {
            return &things[eid];
        }
    }
    return NULL;
}

static void check(const struct shelf *shelf, const struct model *model, uint64_t eid)
{
    assert_int_equal(shelf->count, model->count);
    assert_ptr_equal(shelf_from(shelf, eid), first_from(model, eid));
    assert_ptr_equal(shelf_find(shelf, eid), model->is_there[eid] ? &things[eid] : NULL);
    assert_ptr_equal(shelf_first(shelf), first_from(model, 0));
}

static void a_shelf_finds_what_is_there_whatever_was_taken(void **state)
{
    struct rng rng = rng_seeded(5);
    static struct model model;
    struct shelf shelf;
    uint64_t next = 0;

    (void)state;
    shelf_init(&shelf);
    while (next < EIDS - 10) {
        uint64_t eid = rng_u32(&rng) % EIDS;

        if (rng_u32(&rng) % 5 < 3) {
            next += 1 + rng_u32(&rng) % 3;
            assert_ok(shelf_reserve(&shelf, 1));
            shelf_put(&shelf, next, &things[next]);
            model.is_there[next] = true;
            model.count++;
        } else if (first_from(&model, eid) != NULL) {
            eid = (uint64_t)(first_from(&model, eid) - things);
            shelf_take(&shelf, eid);
            model.is_there[eid] = false;
            model.count--;
        }
        check(&shelf, &model, rng_u32(&rng) % EIDS);
    }
    assert_true(model.count > 100);
    shelf_fini(&shelf);
}

static void memory_follows_the_number_of_things_and_not_their_distance(void **state)
{
    struct shelf shelf;

    (void)state;
    shelf_init(&shelf);
    assert_ok(shelf_reserve(&shelf, 1));
    shelf_put(&shelf, 1, things); /* stays, while others come and go */
    for (uint64_t eid = 2; eid < 100000; eid++) {
        assert_ok(shelf_reserve(&shelf, 1));
        shelf_put(&shelf, eid, things);
        shelf_take(&shelf, eid);
    }
    assert_true(shelf.size <= 64);
    assert_ptr_equal(shelf_find(&shelf, 1), things);
    shelf_fini(&shelf);
}

static void fill_a_shelf(void)
{
    struct shelf shelf;

    shelf_init(&shelf);
    for (uint64_t eid = 1; eid < 100; eid++) {
        if (shelf_reserve(&shelf, 1) != OK) {
            assert_int_equal(shelf.count, eid - 1);
            break;
        }
        shelf_put(&shelf, eid, things);
    }
    shelf_fini(&shelf);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(fill_a_shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shelf_finds_what_is_there_whatever_was_taken),
        cmocka_unit_test(memory_follows_the_number_of_things_and_not_their_distance),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
