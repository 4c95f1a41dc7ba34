/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* Durable subscriptions of two realms on one store: pubsub/durable_lock. */
#include "pubsub/durable.h"

#include "lib/oom.h"
#include "unit/store/mem_rig.h"

struct realm {
    struct rng rng;
    struct store *store;
    struct durable_set set;
    unsigned lost; /* readers */
};

struct world {
    struct store_mem_disk *disk;
    struct realm a, b;
};

static void on_key(void *ctx, struct span key, const struct span *value)
{
    durable_set_take(&((struct realm *)ctx)->set, key, value);
}

static void on_lock(void *ctx, struct span key, enum store_lock_state state, struct span value)
{
    durable_set_locked(&((struct realm *)ctx)->set, key, state, value);
}

static const struct store_watch watch = {on_key, on_lock};

static void begin(struct world *world, struct realm *realm, size_t max)
{
    static uint64_t seed;

    *realm = (struct realm){.rng = rng_seeded(++seed)};
    assert_ok(mem_rig_open_shared(world->disk, &realm->rng, &watch, realm, &realm->store));
    durable_set_init(&realm->set, realm->store, max, &realm->rng);
    assert_ok(durable_set_restore(&realm->set));
}

static void end(struct realm *realm)
{
    store_close(realm->store);
    durable_set_fini(&realm->set);
}

static void set_up(struct world *world)
{
    assert_ok(store_mem_disk_new(&world->disk));
    begin(world, &world->a, 3);
    begin(world, &world->b, 3);
}

static void tear_down(struct world *world)
{
    end(&world->a);
    end(&world->b);
    store_mem_disk_free(world->disk);
}

static void run(struct realm *realm)
{
    store_mem_run(realm->store, SIZE_MAX);
}

static void run_both(struct world *world)
{
    mem_rig_run_both(world->a.store, world->b.store);
}

static void on_lost(void *reader)
{
    ((struct realm *)reader)->lost++;
}

static enum err try_open(struct realm *realm, struct durable **ret_durable)
{
    TRY(durable_open(&realm->set, SPAN("/fx"), SPAN("desk"), ret_durable));
    (*ret_durable)->on_lost = on_lost;
    (*ret_durable)->reader = realm;
    return OK;
}

static struct durable *open_one(struct realm *realm)
{
    struct durable *durable;

    assert_ok(try_open(realm, &durable));
    return durable;
}

/* Somebody has read up to there. */
static void read_up_to(struct realm *realm, uint64_t next_eid)
{
    struct durable *durable = open_one(realm);

    durable_move(durable, 7, next_eid);
    run(realm);
    durable_close(durable);
    run(realm);
}

static void on_visit(void *ctx, const struct durable *durable)
{
    (void)ctx;
    assert_true(!durable->is_active && durable_is_read(durable));
}

static void a_name_has_one_reader_in_all_realms(void **state)
{
    struct durable *mine, *theirs;
    struct world world;

    (void)state;
    set_up(&world);
    mine = open_one(&world.a);
    run_both(&world);
    assert_int_equal(try_open(&world.b, &theirs), ERR_AGAIN);
    assert_int_equal(durable_forget(&world.b.set, SPAN("/fx"), SPAN("desk")), OK);
    durable_move(mine, 7, 5);
    run_both(&world);
    durable_visit(&world.b.set, SPAN("/fx"), on_visit, NULL);
    assert_int_equal(durable_forget(&world.b.set, SPAN("/fx"), SPAN("desk")), ERR_AGAIN);
    durable_close(mine);
    run_both(&world);
    theirs = open_one(&world.b);
    run_both(&world);
    assert_int_equal(theirs->next_eid, 5);
    assert_int_equal(world.a.lost + world.b.lost, 0);
    durable_close(theirs);
    tear_down(&world);
}

static void of_two_at_once_the_slower_one_is_lost(void **state)
{
    struct durable *first, *second;
    struct world world;

    (void)state;
    set_up(&world);
    read_up_to(&world.a, 5);
    run_both(&world);
    first = open_one(&world.a);
    second = open_one(&world.b); /* nobody has heard of the other */
    durable_move(first, 7, 6);
    durable_move(second, 7, 100);
    run_both(&world);
    assert_int_equal(world.a.lost, 0);
    assert_int_equal(world.b.lost, 1);
    durable_move(second, 7, 200); /* until it has gone */
    durable_close(second);
    run_both(&world);
    assert_int_equal(first->next_eid, 6); /* nobody was asked to write the other's place */
    durable_close(first);
    run_both(&world);
    end(&world.b);
    begin(&world, &world.b, 3);
    second = open_one(&world.b);
    assert_int_equal(second->next_eid, 6);
    durable_close(second);
    tear_down(&world);
}

static void the_next_reader_begins_where_the_last_one_was_wherever_it_was(void **state)
{
    struct durable *durable;
    struct world world;

    (void)state;
    set_up(&world);
    read_up_to(&world.a, 5);
    run_both(&world);
    durable = open_one(&world.a);
    run(&world.a);
    durable_move(durable, 7, 8); /* is written */
    durable_move(durable, 7, 9); /* while that is */
    durable_close(durable);
    run(&world.a);
    durable = open_one(&world.b); /* who has heard nothing yet */
    assert_int_equal(durable->next_eid, 5);
    run_both(&world);
    assert_int_equal(durable->next_eid, 9);
    assert_int_equal(world.b.lost, 0);
    durable_close(durable);
    run_both(&world);
    durable = open_one(&world.a);
    assert_int_equal(durable->next_eid, 9);
    durable_close(durable);
    tear_down(&world);
}

static void who_began_where_he_asked_and_had_a_place_begins_again(void **state)
{
    struct durable *durable;
    struct world world;

    (void)state;
    set_up(&world);
    durable = open_one(&world.b); /* nobody knows of a place */
    assert_false(durable->has_place);
    durable_move(durable, 7, 100);
    read_up_to(&world.a, 5); /* but somebody was faster */
    run_both(&world);
    assert_int_equal(world.b.lost, 1);
    durable_close(durable);
    run_both(&world);
    durable = open_one(&world.b);
    assert_int_equal(durable->next_eid, 5);
    durable_close(durable);
    tear_down(&world);
}

static void what_is_forgotten_elsewhere_is_forgotten(void **state)
{
    struct durable *durable;
    struct world world;

    (void)state;
    set_up(&world);
    read_up_to(&world.a, 5);
    run_both(&world);
    assert_true(durable_is_known(&world.b.set, SPAN("/fx"), SPAN("desk")));
    assert_ok(durable_forget(&world.b.set, SPAN("/fx"), SPAN("desk")));
    run_both(&world);
    assert_false(durable_is_known(&world.a.set, SPAN("/fx"), SPAN("desk")));
    read_up_to(&world.a, 3); /* anew: 5 is still with the lock, but of a life before */
    run_both(&world);
    durable = open_one(&world.b);
    assert_int_equal(durable->next_eid, 3);
    durable_close(durable);
    run_both(&world);
    durable = open_one(&world.a);
    run_both(&world);
    assert_true(durable_is_known(&world.b.set, SPAN("/fx"), SPAN("desk")));
    durable_forget_all(&world.b.set, SPAN("/fx")); /* the channel is removed there */
    run_both(&world);
    assert_true(durable_is_known(&world.a.set, SPAN("/fx"), SPAN("desk")));
    durable_close(durable); /* and its reader ends */
    run_both(&world);
    assert_false(durable_is_known(&world.a.set, SPAN("/fx"), SPAN("desk")));
    assert_false(durable_is_known(&world.b.set, SPAN("/fx"), SPAN("desk")));
    tear_down(&world);
}

static void without_the_server_the_reader_stays_until_somebody_else_reads(void **state)
{
    struct durable *mine, *theirs;
    struct world world;

    (void)state;
    set_up(&world);
    mine = open_one(&world.a);
    run_both(&world);
    durable_move(mine, 7, 5);
    run_both(&world);
    store_mem_lose_locks(world.a.store);
    run(&world.a); /* asks again, and is first */
    run_both(&world);
    assert_int_equal(world.a.lost, 0);
    assert_int_equal(try_open(&world.b, &theirs), ERR_AGAIN);
    store_mem_lose_locks(world.a.store);
    run(&world.b);
    theirs = open_one(&world.b);
    run(&world.b);
    run_both(&world);
    assert_int_equal(world.a.lost, 1);
    assert_int_equal(world.b.lost, 0);
    durable_close(mine);
    durable_close(theirs);
    tear_down(&world);
}

static void without_an_answer_the_lock_is_asked_for_again(void **state)
{
    struct durable *mine, *theirs;
    struct world world;

    (void)state;
    set_up(&world);
    store_mem_fail(world.a.store, ERR_CLOSED);
    mine = open_one(&world.a);
    run_both(&world);
    assert_int_equal(world.a.lost, 0);
    store_mem_fail(world.a.store, OK);
    durable_move(mine, 7, 5);
    run_both(&world);
    assert_int_equal(try_open(&world.b, &theirs), ERR_AGAIN);
    store_mem_fail(world.a.store, ERR_CLOSED);
    durable_move(mine, 7, 6);
    run_both(&world);
    store_mem_fail(world.a.store, OK);
    durable_close(mine); /* what was not written is, at the end */
    run_both(&world);
    theirs = open_one(&world.b);
    assert_int_equal(theirs->next_eid, 6);
    durable_close(theirs);
    tear_down(&world);
}

static void a_name_that_there_was_no_room_for_is_found_in_the_store(void **state)
{
    struct durable *other, *durable;
    struct world world;

    (void)state;
    assert_ok(store_mem_disk_new(&world.disk));
    begin(&world, &world.a, 3);
    begin(&world, &world.b, 1);
    assert_ok(durable_open(&world.b.set, SPAN("/fx"), SPAN("other"), &other));
    read_up_to(&world.a, 5);
    run_both(&world);
    assert_int_equal(try_open(&world.b, &durable), ERR_LIMIT);
    durable_close(other);
    assert_ok(durable_forget(&world.b.set, SPAN("/fx"), SPAN("other")));
    durable = open_one(&world.b);
    assert_int_equal(durable->next_eid, 5);
    durable_close(durable);
    tear_down(&world);
}

static struct world oom_world;

/* Whatever fails, there are no two readers who both have the lock, and nothing leaks. */
static void scenario(void)
{
    struct durable *mine = NULL, *theirs = NULL;
    enum err e;

    e = try_open(&oom_world.a, &mine);
    assert_true(e == OK || oom_has_struck());
    run(&oom_world.a);
    if (e == OK) {
        durable_move(mine, 7, mine->next_eid + 1);
    }
    run_both(&oom_world);
    if (try_open(&oom_world.b, &theirs) == OK) {
        run_both(&oom_world);
        assert_true(mine == NULL || !(mine->is_locked && theirs->is_locked));
        durable_close(theirs);
    }
    durable_close(mine);
    run_both(&oom_world);
}

static void memory_may_fail_anywhere(void **state)
{
    (void)state;
    set_up(&oom_world);
    every_oom(scenario);
    tear_down(&oom_world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_one_reader_in_all_realms),
        cmocka_unit_test(of_two_at_once_the_slower_one_is_lost),
        cmocka_unit_test(the_next_reader_begins_where_the_last_one_was_wherever_it_was),
        cmocka_unit_test(who_began_where_he_asked_and_had_a_place_begins_again),
        cmocka_unit_test(what_is_forgotten_elsewhere_is_forgotten),
        cmocka_unit_test(without_the_server_the_reader_stays_until_somebody_else_reads),
        cmocka_unit_test(without_an_answer_the_lock_is_asked_for_again),
        cmocka_unit_test(a_name_that_there_was_no_room_for_is_found_in_the_store),
        cmocka_unit_test(memory_may_fail_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
