/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* A channel of which much is stored is read in turns: router_is_ready(). */
#include "pubsub/router_store.h"

#include "lib/testing.h"
#include "store/store_mem.h"

enum {
    MANY = 2 * ROUTER_STORE_AT_ONCE + 100, /* three turns */
    FEW = ROUTER_STORE_AT_ONCE,
    BATCH = 1024,
};

static const struct router_rule rules[] = {
    {.pattern = SPAN_INIT("/p/*"),
     .channel = {.type = CHANNEL_PERSISTENT, .store_bytes = 1 << 26, .memory_bytes = 1}},
    {.pattern = SPAN_INIT("/r/*"),
     .channel = {.type = CHANNEL_RELIABLE, .store_bytes = 1 << 26}},
};

static const struct router_conf plain_conf = {
    .rules = rules,
    .rule_count = 2,
    .limits = {.channels = 2,
               .store_bytes = 1 << 26,
               .ring_bytes = 1 << 20,
               .view = {.ring_bytes = 1000, .frame_bytes = 500}}};

struct world {
    struct store_mem_disk *disk;
    struct rng rng;
    struct store *store;
    struct router router;
    struct router_conf conf;
};

static enum err open_store(struct world *world)
{
    const struct store_mem_conf conf = {.bytes_max = 1 << 26,
                                        .streams_max = 10,
                                        .pending_bytes_max = 1 << 26,
                                        .rng = &world->rng};

    return store_mem_open(&conf, world->disk, &world->store);
}

static void on_done(void *ctx, enum err e, const uint64_t *eids)
{
    (void)ctx;
    (void)eids;
    assert_ok(e);
}

static void fill(struct store *store, struct span name, size_t count)
{
    const struct event_parts parts = {.body = SPAN("x")};
    struct store_op ops[BATCH];
    struct store_stream *stream;
    struct event *event;

    assert_ok(event_new(0, &parts, &event));
    assert_ok(store_open_stream(store, name, STORE_KEEP_ALL, &stream));
    for (size_t i = 0; i < BATCH; i++) {
        ops[i] = (struct store_op){.type = STORE_APPEND, .stream = stream, .event = event};
    }
    for (size_t left = count; left > 0;) {
        size_t part = left < BATCH ? left : BATCH;

        assert_ok(store_submit(store, ops, part, on_done, NULL));
        store_mem_run(store, SIZE_MAX);
        left -= part;
    }
    event_unref(event);
}

static enum err read_nothing(struct store_stream *stream, uint64_t from, store_visit *visit,
                             void *ctx, uint64_t *ret_next)
{
    (void)stream;
    (void)from;
    (void)visit;
    (void)ctx;
    (void)ret_next;
    return ERR_IO;
}

static void begin(struct world *world)
{
    *world = (struct world){.rng = rng_seeded(1), .conf = plain_conf};
    assert_ok(store_mem_disk_new(&world->disk));
    assert_ok(open_store(world));
    fill(world->store, SPAN("/p/many"), MANY);
    fill(world->store, SPAN("/p/few"), FEW);
    fill(world->store, SPAN("/r/many"), MANY);
    store_close(world->store); /* another life */
    assert_ok(open_store(world));
    world->conf.store = world->store;
    router_init(&world->router, &world->conf, &world->rng);
    router_set_now(&world->router, 1000);
}

static void end(struct world *world)
{
    store_close(world->store);
    router_fini(&world->router);
    store_mem_disk_free(world->disk);
}

static size_t open_route(struct world *world, struct span name)
{
    struct router_route *route = NULL;

    assert_int_equal(router_open(&world->router, name, &route), ROUTER_FOUND);
    assert_int_equal(route->channel.next_eid, MANY + 1);
    return channel_count(&route->channel);
}

static void much_is_read_in_turns_and_then_there(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_false(router_is_ready(&world.router, SPAN("/p/many")));
    assert_false(router_is_ready(&world.router, SPAN("p/many"))); /* the same */
    assert_null(router_find(&world.router, SPAN("/p/many")));
    assert_true(router_is_ready(&world.router, SPAN("/p/many")));
    assert_int_equal(open_route(&world, SPAN("/p/many")), MANY);
    assert_true(router_is_ready(&world.router, SPAN("/p/many")));
    end(&world);
}

static void who_does_not_wait_reads_the_rest(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_false(router_is_ready(&world.router, SPAN("/p/many")));
    assert_int_equal(open_route(&world, SPAN("/p/many")), MANY);
    assert_int_equal(map_count(&world.router.opening), 0);
    end(&world);
}

static void other_rules_begin_anew(void **state)
{
    static const struct router_rule smaller = {
        .pattern = SPAN_INIT("/p/*"),
        .channel = {.type = CHANNEL_PERSISTENT, .capacity = 10, .store_bytes = 1 << 26}};
    struct world world;

    (void)state;
    begin(&world);
    assert_false(router_is_ready(&world.router, SPAN("/p/many")));
    world.conf.rules = &smaller;
    world.conf.rule_count = 1;
    assert_ok(router_adopt(&world.router, &world.conf));
    assert_int_equal(map_count(&world.router.opening), 0);
    assert_false(router_is_ready(&world.router, SPAN("/p/many")));
    assert_int_equal(open_route(&world, SPAN("/p/many")), 10);
    end(&world);
}

static void what_was_begun_goes_with_the_router(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_false(router_is_ready(&world.router, SPAN("/p/many")));
    end(&world);
}

static void nobody_waits_where_there_is_little_or_nothing(void **state)
{
    static const struct span names[] = {SPAN_INIT("/p/few"),  SPAN_INIT("/p/new"),
                                        SPAN_INIT("/r/many"), SPAN_INIT("/other"),
                                        SPAN_INIT("/$data"),  SPAN_INIT("")};
    struct world world;

    (void)state;
    begin(&world);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_true(router_is_ready(&world.router, names[i]));
    }
    assert_int_equal(map_count(&world.router.opening), 0);
    end(&world);
}

/* What fails on the way is told by who opens it, and nothing is lost of what was read. */
static void a_store_that_cannot_be_read_is_for_who_opens_it_to_say(void **state)
{
    struct router_route *route;
    const struct store_ops *whole;
    struct store_ops broken;
    struct world world;

    (void)state;
    begin(&world);
    assert_false(router_is_ready(&world.router, SPAN("/p/many")));
    whole = world.store->ops;
    broken = *whole;
    broken.read = read_nothing;
    world.store->ops = &broken;
    assert_true(router_is_ready(&world.router, SPAN("/p/many")));
    assert_int_equal(router_open(&world.router, SPAN("/p/many"), &route), ROUTER_FAILED);
    world.store->ops = whole;
    assert_int_equal(open_route(&world, SPAN("/p/many")), MANY);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(much_is_read_in_turns_and_then_there),
        cmocka_unit_test(who_does_not_wait_reads_the_rest),
        cmocka_unit_test(other_rules_begin_anew),
        cmocka_unit_test(what_was_begun_goes_with_the_router),
        cmocka_unit_test(nobody_waits_where_there_is_little_or_nothing),
        cmocka_unit_test(a_store_that_cannot_be_read_is_for_who_opens_it_to_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
