/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Channels that administrators make, with a store that is slow, fails, or holds nonsense. The
 * sentences and a whole realm are tested in test/e2e/realm-admin.test.js.
 */
#include "realm/realm_made.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "store/store_mem.h"
#include "unit/realm/anybody.h"

#include <stdio.h>

#define BYTES(literal)                                     \
    {                                                      \
        (const uint8_t *)("" literal), sizeof(literal) - 1 \
    }

static struct router_rule rules[] = {
    {.pattern = BYTES("/fx/*"),
     .is_closed = true,
     .channel = {.type = CHANNEL_PERSISTENT, .capacity = 7, .store_bytes = 1 << 20}},
    {.pattern = BYTES("/jobs/*"), .kind = ROUTER_QUEUE, .channel = {.store_bytes = 1 << 20}},
};

static struct router_rule others[] = {
    {.pattern = BYTES("/fx/*"), .channel = {.capacity = 9, .store_bytes = 1 << 20}},
};

static char logged[4096];

static void on_log(void *ctx, enum log_level level, const char *line)
{
    size_t len = strlen(logged);

    (void)ctx;
    (void)level;
    snprintf(logged + len, sizeof logged - len, "%s\n", line);
}

struct world {
    struct rng rng;
    struct realm_conf conf;
    struct log log;
    struct store_mem_disk *disk;
    struct store *store;
    struct router router;
    struct realm_made made;
    unsigned done;
    enum err e;
    char sentence[REALM_MADE_RULE_SENTENCE_BYTES];
};

struct wait {
    struct router_admin_ticket ticket;
    struct world *world;
};

static void on_done(struct router_admin_ticket *ticket, enum err e, size_t count)
{
    struct world *world = ((struct wait *)(void *)ticket)->world;

    (void)count;
    world->done++;
    world->e = e;
}

static enum err begin_life(struct world *world)
{
    const struct store_mem_conf store_conf = {.bytes_max = 1 << 20,
                                              .streams_max = 8,
                                              .pending_bytes_max = 1 << 20,
                                              .rng = &world->rng};
    struct router_conf conf = {
        .rules = rules,
        .rule_count = 2,
        .limits = {.channels = 3,
                   .store_bytes = 1 << 20,
                   .ring_bytes = 1 << 20,
                   .durables = 4,
                   .view = {.ring_bytes = 1000, .frame_bytes = 1000}},
    };
    enum err e = store_mem_open(&store_conf, world->disk, &world->store);

    conf.store = world->store;
    router_init(&world->router, &conf, &world->rng);
    realm_made_init(&world->made, &world->router, &world->log);
    TRY(e);
    TRY(realm_made_load(&world->made, &world->conf));
    TRY(router_declare(&world->router));
    realm_made_open(&world->made);
    return OK;
}

static void end_life(struct world *world)
{
    store_close(world->store);
    realm_made_fini(&world->made);
    router_fini(&world->router);
}

static void prepare(struct world *world)
{
    logged[0] = '\0';
    *world = (struct world){.rng = rng_seeded(5),
                            .conf = {.rules = rules,
                                     .rule_count = 2,
                                     .store = REALM_CONF_STORE_LMDB,
                                     .event_bytes = 1000},
                            .log = {.sink = on_log, .level = LOG_DEBUG}};
}

static void begin(struct world *world)
{
    prepare(world);
    assert_ok(store_mem_disk_new(&world->disk));
    assert_ok(begin_life(world));
}

static void end(struct world *world)
{
    end_life(world);
    store_mem_disk_free(world->disk);
}

static enum realm_made_verdict put(struct world *world, struct wait *wait, const char *name,
                                   const char *attributes)
{
    const struct realm_made_request request = {span_str(name), ROUTER_CHANNEL,
                                               span_str(attributes), anybody()};

    *wait = (struct wait){{on_done, NULL}, world};
    return realm_made_put(&world->made, &request, &wait->ticket, world->sentence);
}

static enum realm_made_verdict drop(struct world *world, struct wait *wait, const char *name)
{
    *wait = (struct wait){{on_done, NULL}, world};
    return realm_made_remove(&world->made, ROUTER_CHANNEL, span_str(name), false, &wait->ticket,
                             world->sentence);
}

static const struct channel_conf *conf_of(struct world *world, const char *name)
{
    const struct router_route *route = router_find(&world->router, span_str(name));

    return route == NULL ? NULL : &route->channel.conf;
}

static void it_is_told_when_the_store_keeps_it(void **state)
{
    struct world world;
    struct wait wait, other;

    (void)state;
    begin(&world);
    assert_int_equal(put(&world, &wait, "/fx/a", "{\"ttl\": \"5s\"}"), REALM_MADE_ASKED);
    assert_int_equal(world.done, 0);
    assert_int_equal(put(&world, &other, "/fx/a", ""), REALM_MADE_BEHIND);
    assert_int_equal(drop(&world, &other, "/fx/a"), REALM_MADE_BEHIND);
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(world.done, 1);
    assert_ok(world.e);
    assert_int_equal(conf_of(&world, "/fx/a")->ttl, 5000);
    assert_int_equal(conf_of(&world, "/fx/a")->capacity, 7); /* the section's */
    end_life(&world);
    assert_ok(begin_life(&world));
    assert_int_equal(conf_of(&world, "/fx/a")->ttl, 5000);
    assert_int_equal(drop(&world, &wait, "/fx/a"), REALM_MADE_ASKED);
    assert_null(realm_made_find(&world.made, SPAN("/fx/a")));
    end_life(&world); /* which waits for the store */
    assert_int_equal(world.done, 2);
    assert_ok(begin_life(&world));
    assert_null(conf_of(&world, "/fx/a"));
    end(&world);
}

static void what_the_store_does_not_keep_is_not_made(void **state)
{
    struct world world;
    struct wait wait;
    struct router_route *route;

    (void)state;
    begin(&world);
    store_mem_fail(world.store, ERR_LIMIT);
    assert_int_equal(put(&world, &wait, "/fx/a", ""), REALM_MADE_ASKED);
    router_admin_cancel(&wait.ticket); /* nobody waits, and it is undone all the same */
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(world.done, 0);
    assert_null(realm_made_find(&world.made, SPAN("/fx/a")));
    assert_int_equal(router_open(&world.router, SPAN("/fx/a"), &route), ROUTER_MISSING);
    end(&world);
}

static void another_configuration_is_taken_over(void **state)
{
    struct router_conf router_conf = {
        .rules = others, .rule_count = 1, .limits = {.channels = 3, .store_bytes = 1 << 20}};
    struct realm_conf conf;
    struct world world;
    struct wait wait;

    (void)state;
    begin(&world);
    conf = world.conf;
    assert_int_equal(put(&world, &wait, "/fx/a", "{\"capacity\": 3}"), REALM_MADE_ASKED);
    store_mem_run(world.store, SIZE_MAX);
    conf.rules = others;
    conf.rule_count = 1;
    realm_made_adopt(&world.made, &conf);
    assert_ok(router_adopt(&world.router, &router_conf));
    assert_int_equal(router_find_rule(&world.router, SPAN("/fx/a"))->channel.capacity, 3);
    assert_int_equal(router_find_rule(&world.router, SPAN("/fx/b"))->channel.capacity, 9);
    conf.rule_count = 0;
    router_conf.rule_count = 0;
    realm_made_adopt(&world.made, &conf);
    assert_ok(router_adopt(&world.router, &router_conf));
    assert_null(router_find(&world.router, SPAN("/fx/a"))->rule);
    assert_non_null(strstr(logged, "has made, is not used now: no section of the configuration "
                                   "covers /fx/a"));
    end(&world);
}

static void on_put(void *ctx, enum err e, const uint64_t *eids)
{
    (void)ctx;
    (void)eids;
    assert_ok(e);
}

static void nonsense_in_the_store_is_a_line_in_the_log(void **state)
{
    static const struct {
        struct span key;
        const char *value;
    } rows[] = {
        {BYTES("made\0/fx/1"), "{"},
        {BYTES("made\0/fx/2"), "{}"},
        {BYTES("made\0/fx/3"), "{\"kind\":1,\"by\":\"a\",\"at\":1,\"attributes\":{}}"},
        {BYTES("made\0/fx/4"), "{\"kind\":\"channel\",\"by\":\"a\",\"at\":1}"},
        {BYTES("made\0/fx/5"),
         "{\"kind\":\"channel\",\"by\":\"a\",\"at\":1,\"attributes\":{\"x\":1}}"},
        {BYTES("made\0/fx/6"),
         "{\"kind\":\"channel\",\"by\":\"a\",\"at\":1,\"attributes\":{\"ttl\":1}}"},
    };
    struct world world;

    (void)state;
    begin(&world);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct store_op op = {
            .type = STORE_PUT, .key = rows[i].key, .value = span_str(rows[i].value)};

        assert_ok(store_submit(world.store, &op, 1, on_put, NULL));
    }
    end_life(&world);
    assert_ok(begin_life(&world));
    assert_non_null(strstr(logged, "the store says of /fx/1 that it was made, but nobody can"));
    assert_non_null(strstr(logged, "the store says of /fx/2 that"));
    assert_non_null(strstr(logged, "the store says of /fx/3 that"));
    assert_non_null(strstr(logged, "the store says of /fx/4 that"));
    assert_non_null(strstr(logged, "/fx/5, which a has made, is not used now: "));
    assert_int_equal(conf_of(&world, "/fx/6")->ttl, 1000);
    end(&world);
}

static void they_are_bounded(void **state)
{
    struct world world;
    struct wait wait;

    (void)state;
    begin(&world);
    assert_int_equal(put(&world, &wait, "/fx/1", ""), REALM_MADE_ASKED);
    assert_int_equal(put(&world, &wait, "/fx/2", ""), REALM_MADE_ASKED);
    assert_int_equal(put(&world, &wait, "/fx/3", ""), REALM_MADE_ASKED);
    assert_int_equal(put(&world, &wait, "/fx/4", ""), REALM_MADE_FULL);
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(world.done, 3);
    end(&world);
}

static void two_lives_without_memory(void)
{
    struct world world;
    struct wait wait;

    prepare(&world);
    if (store_mem_disk_new(&world.disk) != OK) {
        return;
    }
    if (begin_life(&world) == OK) {
        enum realm_made_verdict verdict =
            put(&world, &wait, "/fx/a", "{\"publishKey\": [[\"a\", 2]], \"capacity\": 4}");

        assert_true(verdict == REALM_MADE_ASKED || verdict == REALM_MADE_NOMEM ||
                    (verdict == REALM_MADE_BAD && world.sentence[0] != '\0'));
        store_mem_run(world.store, SIZE_MAX);
        if (verdict == REALM_MADE_ASKED && world.e == OK) {
            verdict = drop(&world, &wait, "/fx/a");
            assert_true(verdict == REALM_MADE_ASKED || verdict == REALM_MADE_NOMEM);
        }
    }
    end(&world);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(two_lives_without_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_told_when_the_store_keeps_it),
        cmocka_unit_test(what_the_store_does_not_keep_is_not_made),
        cmocka_unit_test(another_configuration_is_taken_over),
        cmocka_unit_test(nonsense_in_the_store_is_a_line_in_the_log),
        cmocka_unit_test(they_are_bounded),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
