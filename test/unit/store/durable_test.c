/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/durable.h"

#include "lib/oom.h"
#include "unit/store/mem_rig.h"

struct world {
    struct store_mem_disk *disk;
    struct rng rng;
    struct store *store;
    struct durable_set set;
};

static enum err begin(struct world *world)
{
    world->store = NULL;
    TRY(mem_rig_open(world->disk, &world->rng, &world->store));
    durable_set_init(&world->set, world->store, 3, &world->rng);
    return durable_set_restore(&world->set);
}

static void end(struct world *world)
{
    store_close(world->store);
    if (world->store != NULL) {
        durable_set_fini(&world->set);
    }
}

static void set_up(struct world *world)
{
    *world = (struct world){.rng = rng_seeded(1)};
    assert_ok(store_mem_disk_new(&world->disk));
    assert_ok(begin(world));
}

static void tear_down(struct world *world)
{
    end(world);
    store_mem_disk_free(world->disk);
}

static struct durable *open_durable(struct world *world, const char *name)
{
    struct durable *durable;

    assert_ok(durable_open(&world->set, SPAN("/fx"), span_str(name), &durable));
    return durable;
}

/* The EID that a reader who asks for everything gets first. */
static uint64_t start_of(const struct durable *durable)
{
    const struct channel_start asked = {.from = CHANNEL_FROM_STORED};
    const struct channel_start start = durable_start(durable, &asked);

    assert_true(start.from != CHANNEL_FROM_EID || (start.has_epoch && start.epoch == 7));
    return start.from == CHANNEL_FROM_EID ? start.eid : 0;
}

static void a_place_outlives_its_reader_and_the_realm(void **state)
{
    struct durable *durable;
    struct world world;

    (void)state;
    set_up(&world);
    durable = open_durable(&world, "desk");
    assert_int_equal(start_of(durable), 0); /* none yet: where the reader asks to begin */
    durable_move(durable, 7, 10);
    durable_move(durable, 7, 9); /* never back */
    durable_close(durable);
    durable = open_durable(&world, "desk");
    assert_int_equal(start_of(durable), 10);
    durable_move(durable, 7, 20); /* while the first is being written */
    durable_close(durable);
    store_mem_run(world.store, SIZE_MAX);
    end(&world);
    assert_ok(begin(&world));
    durable = open_durable(&world, "desk");
    assert_int_equal(start_of(durable), 20);
    durable_close(durable);
    tear_down(&world);
}

static void a_name_has_one_reader_at_a_time_in_one_channel(void **state)
{
    struct durable *durable, *other;
    struct world world;

    (void)state;
    set_up(&world);
    durable = open_durable(&world, "desk");
    assert_int_equal(durable_open(&world.set, SPAN("/fx"), SPAN("desk"), &other), ERR_AGAIN);
    assert_ok(durable_open(&world.set, SPAN("/f"), SPAN("desk"), &other));
    assert_ptr_not_equal(durable, other);
    durable_close(durable);
    durable_close(other);
    durable_close(NULL);
    tear_down(&world);
}

static void read_once(struct world *world, const char *name)
{
    struct durable *durable = open_durable(world, name);

    durable_move(durable, 7, 1);
    store_mem_run(world->store, SIZE_MAX);
    durable_close(durable);
}

static void names_are_bounded_in_number_and_length(void **state)
{
    static const char long_name[DURABLE_NAME_MAX + 1] = "x";
    struct durable *durable;
    struct world world;

    (void)state;
    set_up(&world);
    assert_int_equal(durable_open(&world.set, SPAN("/fx"), SPAN(""), &durable), ERR_LIMIT);
    assert_int_equal(
        durable_open(&world.set, SPAN("/fx"), span_of(long_name, sizeof long_name), &durable),
        ERR_LIMIT);
    assert_int_equal(durable_open(&world.set, SPAN("/fx"), span_of("a\0b", 3), &durable),
                     ERR_LIMIT);
    read_once(&world, "1");
    read_once(&world, "2");
    read_once(&world, "3");
    assert_int_equal(durable_open(&world.set, SPAN("/fx"), SPAN("4"), &durable), ERR_LIMIT);
    assert_ok(durable_forget(&world.set, SPAN("/fx"), SPAN("2")));
    read_once(&world, "4");
    tear_down(&world);
}

static void a_name_without_a_place_goes_with_its_reader(void **state)
{
    struct world world;

    (void)state;
    set_up(&world);
    for (int i = 0; i < 5; i++) { /* more than there may be */
        char name[] = {(char)('a' + i), '\0'};

        durable_close(open_durable(&world, name));
        assert_false(durable_is_known(&world.set, SPAN("/fx"), span_str(name)));
    }
    tear_down(&world);
}

static void what_is_forgotten_is_gone_after_a_restart_too(void **state)
{
    struct durable *durable;
    struct world world;

    (void)state;
    set_up(&world);
    durable = open_durable(&world, "desk");
    durable_move(durable, 7, 10);
    assert_int_equal(durable_forget(&world.set, SPAN("/fx"), SPAN("desk")), ERR_AGAIN);
    durable_close(durable);
    assert_ok(durable_forget(&world.set, SPAN("/fx"), SPAN("desk"))); /* it is being written */
    assert_ok(durable_forget(&world.set, SPAN("/fx"), SPAN("desk")));
    store_mem_run(world.store, SIZE_MAX);
    end(&world);
    assert_ok(begin(&world));
    durable = open_durable(&world, "desk");
    assert_int_equal(start_of(durable), 0);
    durable_close(durable);
    tear_down(&world);
}

static void a_place_that_could_not_be_written_is_with_the_next_move(void **state)
{
    struct durable *durable;
    struct world world;

    (void)state;
    set_up(&world);
    durable = open_durable(&world, "desk");
    store_mem_fail(world.store, ERR_LIMIT);
    durable_move(durable, 7, 10);
    store_mem_run(world.store, SIZE_MAX);
    store_mem_fail(world.store, OK);
    durable_move(durable, 7, 11);
    store_mem_run(world.store, SIZE_MAX);
    durable_close(durable);
    end(&world);
    assert_ok(begin(&world));
    durable = open_durable(&world, "desk");
    assert_int_equal(start_of(durable), 11);
    durable_close(durable);
    tear_down(&world);
}

static void without_a_store_places_last_as_long_as_the_realm(void **state)
{
    struct durable_set set;
    struct durable *durable;

    (void)state;
    durable_set_init(&set, NULL, 3, NULL);
    assert_ok(durable_set_restore(&set));
    assert_ok(durable_open(&set, SPAN("/fx"), SPAN("desk"), &durable));
    durable_move(durable, 7, 5);
    durable_close(durable);
    assert_ok(durable_open(&set, SPAN("/fx"), SPAN("desk"), &durable));
    assert_int_equal(start_of(durable), 5);
    durable_close(durable);
    assert_ok(durable_forget(&set, SPAN("/fx"), SPAN("desk")));
    assert_int_equal(map_count(&set.map), 0);
    durable_set_fini(&set);
}

static void move_a_little(void)
{
    struct world world = {.rng = rng_seeded(1)};
    struct durable *durable;

    if (store_mem_disk_new(&world.disk) != OK) {
        return;
    }
    if (begin(&world) == OK &&
        durable_open(&world.set, SPAN("/fx"), SPAN("desk"), &durable) == OK) {
        for (uint64_t eid = 1; eid < 4; eid++) {
            durable_move(durable, 7, eid);
            store_mem_run(world.store, 1);
        }
        durable_close(durable);
        if (durable_forget(&world.set, SPAN("/fx"), SPAN("desk")) != OK) {
            assert_int_equal(map_count(&world.set.map), 1);
        }
    }
    end(&world);
    store_mem_disk_free(world.disk);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(move_a_little);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_outlives_its_reader_and_the_realm),
        cmocka_unit_test(a_name_has_one_reader_at_a_time_in_one_channel),
        cmocka_unit_test(names_are_bounded_in_number_and_length),
        cmocka_unit_test(a_name_without_a_place_goes_with_its_reader),
        cmocka_unit_test(what_is_forgotten_is_gone_after_a_restart_too),
        cmocka_unit_test(a_place_that_could_not_be_written_is_with_the_next_move),
        cmocka_unit_test(without_a_store_places_last_as_long_as_the_realm),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
