/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* Outcomes of transactions in two realms on one store: pubsub/transaction. */
#include "pubsub/transaction.h"

#include "lib/oom.h"
#include "unit/store/mem_rig.h"

static const struct router_rule rule = {
    .pattern = SPAN_INIT("/p"),
    .channel = {.type = CHANNEL_PERSISTENT, .store_bytes = 100000}};

struct realm {
    struct rng rng;
    struct store *store;
    struct router router;
    struct transaction_hall hall;
    unsigned calls;
    enum err e;
};

struct world {
    struct store_mem_disk *disk;
    struct realm a, b;
};

static void on_key(void *ctx, struct span key, const struct span *value)
{
    if (span_starts(key, transaction_hall_prefix)) {
        transaction_hall_take(&((struct realm *)ctx)->hall, key, value);
    }
}

static const struct store_watch watch = {.on_key = on_key};

static void begin(struct world *world, struct realm *realm)
{
    const struct transaction_hall_conf hall_conf = {
        .remembered_max = 2, .remembered = 1000, .items_max = 10, .bytes_max = 10000};
    struct router_conf conf;

    *realm = (struct realm){.rng = rng_seeded(1)};
    assert_ok(mem_rig_open_shared(world->disk, &realm->rng, &watch, realm, &realm->store));
    conf = mem_rig_router_conf(&rule, 1, realm->store);
    router_init(&realm->router, &conf, &realm->rng);
    router_set_now(&realm->router, 5000);
    transaction_hall_init(&realm->hall, &realm->router, &hall_conf);
    assert_ok(transaction_hall_load(&realm->hall));
}

static void end(struct realm *realm)
{
    store_close(realm->store);
    transaction_hall_fini(&realm->hall);
    router_fini(&realm->router);
}

static void set_up(struct world *world)
{
    assert_ok(store_mem_disk_new(&world->disk));
    begin(world, &world->a);
    begin(world, &world->b);
}

static void tear_down(struct world *world)
{
    end(&world->a);
    end(&world->b);
    store_mem_disk_free(world->disk);
}

static void run_both(struct world *world)
{
    mem_rig_run_both(world->a.store, world->b.store);
}

static void on_committed(void *ctx, enum err e)
{
    struct realm *realm = ctx;

    realm->calls++;
    realm->e = e;
}

static enum err commit(struct realm *realm, const char *id)
{
    const struct transaction_commit_parts parts = {
        .commit_id = span_str(id), .done = on_committed, .ctx = realm};
    struct transaction *transaction;
    struct router_route *route;
    enum err e;

    if (router_open(&realm->router, SPAN("/p"), &route) != ROUTER_FOUND) {
        return ERR_NOMEM;
    }
    TRY(transaction_new(&realm->hall, SPAN("t"), &transaction));
    e = transaction_add(transaction, route, &(struct event_parts){.body = SPAN("x")});
    e = e == OK ? transaction_commit(transaction, &parts) : e;
    if (e != OK) {
        transaction_free(transaction);
    }
    return e;
}

static void assert_outcome(struct realm *realm, const char *id,
                           enum transaction_memory_outcome expected)
{
    assert_int_equal(transaction_hall_find(&realm->hall, span_str(id)), expected);
}

static void an_outcome_is_known_in_every_realm(void **state)
{
    struct world world;

    (void)state;
    set_up(&world);
    assert_ok(commit(&world.a, "one"));
    assert_outcome(&world.a, "one", TRANSACTION_MEMORY_PENDING);
    assert_outcome(&world.b, "one", TRANSACTION_MEMORY_UNKNOWN);
    run_both(&world);
    assert_int_equal(world.a.calls, 1);
    assert_ok(world.a.e);
    assert_outcome(&world.b, "one", TRANSACTION_MEMORY_COMMITTED);
    assert_ok(commit(&world.a, "two"));
    run_both(&world);
    assert_ok(commit(&world.a, "three"));
    run_both(&world);
    assert_ok(commit(&world.a, "four"));
    run_both(&world);
    assert_outcome(&world.b, "four", TRANSACTION_MEMORY_COMMITTED);
    assert_outcome(&world.b, "one", TRANSACTION_MEMORY_UNKNOWN); /* forgotten here as there */
    tear_down(&world);
}

static void what_is_pending_here_ends_here(void **state)
{
    struct world world;

    (void)state;
    set_up(&world);
    assert_ok(commit(&world.a, "one"));
    store_mem_run(world.a.store, SIZE_MAX);
    store_mem_fail(world.b.store, ERR_IO);
    assert_ok(commit(&world.b, "one")); /* has not heard of the other */
    transaction_hall_take(&world.b.hall, SPAN("tx/one"), &SPAN("5000"));
    assert_outcome(&world.b, "one", TRANSACTION_MEMORY_PENDING);
    transaction_hall_take(&world.b.hall, SPAN("tx/one"), NULL);
    assert_outcome(&world.b, "one", TRANSACTION_MEMORY_PENDING);
    run_both(&world);
    assert_int_equal(world.b.e, ERR_IO);
    assert_outcome(&world.b, "one", TRANSACTION_MEMORY_COMMITTED); /* as the store says */
    tear_down(&world);
}

static void nonsense_is_nobodys_outcome(void **state)
{
    struct world world;

    (void)state;
    set_up(&world);
    transaction_hall_take(&world.a.hall, SPAN("tx/"), &SPAN("5000"));
    transaction_hall_take(&world.a.hall, SPAN("tx/one"), &SPAN("yesterday"));
    assert_outcome(&world.a, "one", TRANSACTION_MEMORY_UNKNOWN);
    tear_down(&world);
}

static struct world oom_world;

/* Whatever there is no memory for, no realm says that it knows nothing of what is stored. */
static void scenario(void)
{
    enum err e;

    oom_world.a.e = ERR_NOMEM;
    e = commit(&oom_world.a, "one");
    run_both(&oom_world);
    if (e == OK && oom_world.a.e == OK) {
        assert_int_not_equal(transaction_hall_find(&oom_world.b.hall, SPAN("one")),
                             TRANSACTION_MEMORY_UNKNOWN);
    } else {
        assert_true(oom_has_struck());
    }
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
        cmocka_unit_test(an_outcome_is_known_in_every_realm),
        cmocka_unit_test(what_is_pending_here_ends_here),
        cmocka_unit_test(nonsense_is_nobodys_outcome),
        cmocka_unit_test(memory_may_fail_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
