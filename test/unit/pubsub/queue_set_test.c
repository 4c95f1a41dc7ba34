/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/queue_set.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/pubsub/publishing.h"

static const struct router_rule rules[] = {
    {.pattern = SPAN_INIT("/q*"),
     .kind = ROUTER_QUEUE,
     .channel = {.capacity = 3, .store_bytes = 1 << 16},
     .dead_events = SPAN_INIT("/dead"),
     .redelivery_max = 1,
     .window_max = 10},
    {.pattern = SPAN_INIT("/lossy"),
     .kind = ROUTER_QUEUE,
     .channel = {.capacity = 3, .store_bytes = 1 << 16},
     .redelivery_max = 1,
     .window_max = 10},
    {.pattern = SPAN_INIT("/many"),
     .kind = ROUTER_QUEUE,
     .channel = {.capacity = 0, .store_bytes = 1 << 20},
     .dead_events = SPAN_INIT("/deader"),
     .redelivery_max = 1,
     .window_max = 10},
    {.pattern = SPAN_INIT("/late"),
     .kind = ROUTER_QUEUE,
     .channel = {.capacity = 3, .store_bytes = 1 << 16},
     .dead_events = SPAN_INIT("/deader"),
     .redelivery_max = 1,
     .window_max = 10},
    {.pattern = SPAN_INIT("/dead*"), .channel = {.capacity = 10, .store_bytes = 1 << 16}},
};

struct world {
    struct rng rng;
    struct router router;
    struct queue_set set;
    struct router_route *route, *dead;
    struct queue *queue;
    struct queue_reader reader;
    size_t lost;
};

static void on_loss(void *ctx, const struct router_route *queue, const struct queue_gone *gone)
{
    struct world *world = ctx;

    (void)queue;
    (void)gone;
    world->lost++;
}

/* ERR_NOMEM: there was none. */
static enum err begin(struct world *world, struct span name)
{
    const struct router_conf conf = {
        .rules = rules,
        .rule_count = sizeof rules / sizeof rules[0],
        .limits = {.channels = 10,
                   .store_bytes = 1 << 20,
                   .ring_bytes = 1 << 20,
                   .view = {.ring_bytes = 1 << 16, .frame_bytes = 1 << 16}},
    };

    *world = (struct world){.rng = rng_seeded(3)};
    router_init(&world->router, &conf, &world->rng);
    queue_set_init(&world->set, &(struct queue_set_conf){&world->router, 5, on_loss, world});
    return router_open(&world->router, name, &world->route) == ROUTER_FOUND &&
                   router_open(&world->router, SPAN("/dead"), &world->dead) == ROUTER_FOUND
               ? OK
               : ERR_NOMEM;
}

static enum err read_with(struct world *world, size_t window)
{
    const struct queue_reader_conf conf = {.window = window};

    TRY(queue_set_open(&world->set, world->route, &world->queue));
    return queue_reader_attach(&world->reader, world->queue, &conf);
}

static void end(struct world *world)
{
    queue_reader_detach(&world->reader);
    queue_set_tidy(&world->set);
    queue_set_fini(&world->set);
    router_fini(&world->router);
}

static void on_done(struct router_ticket *ticket, enum err e,
                    const struct router_receipt *receipts, size_t count)
{
    (void)ticket;
    (void)e;
    (void)receipts;
    (void)count;
}

static enum err publish(struct world *world, const char *body, uint64_t ttl)
{
    const struct event_parts parts = {.body = span_str(body), .ttl = ttl};
    struct router_ticket ticket = {.done = on_done};

    return router_publish(world->route, &parts, &ticket);
}

/* What the reader is sent, as "abc". */
static const char *sent(struct world *world)
{
    static char bodies[100];
    struct queue_reader_delivery delivery;
    size_t len = 0;

    while (queue_reader_next(&world->reader, &delivery)) {
        bodies[len++] = (char)event_body(delivery.event).ptr[0];
        queue_reader_sent(&world->reader);
    }
    bodies[len] = '\0';
    return bodies;
}

struct look {
    char bodies[100];
    char reason[20];
};

static bool on_event(void *ctx, const struct event *event)
{
    struct look *look = ctx;
    struct event_header header;
    size_t at = 0;

    strncat(look->bodies, (const char *)event_body(event).ptr, 1);
    while (event_next_header(event, &at, &header)) {
        if (span_equals(header.name, "dead-event-reason")) {
            memcpy(look->reason, header.value.ptr, header.value.len);
            look->reason[header.value.len] = '\0';
        }
    }
    return true;
}

static void assert_buried(struct world *world, const char *bodies, const char *reason)
{
    struct look look = {.bodies = ""};

    queue_set_tidy(&world->set);
    assert_ok(channel_read(&world->dead->channel, 1, 0, on_event, &look));
    assert_string_equal(look.bodies, bodies);
    assert_string_equal(look.reason, reason);
}

static void what_was_stored_before_anybody_read_is_dealt(void **state)
{
    struct world world;

    (void)state;
    assert_ok(begin(&world, SPAN("/q")));
    assert_ok(publish(&world, "a", 0));
    assert_ok(publish(&world, "b", 0));
    assert_ok(read_with(&world, 5));
    assert_ok(publish(&world, "c", 0));
    assert_string_equal(sent(&world), "abc");
    assert_ptr_equal(queue_set_next_woken(&world.set), NULL); /* it has been sent from */
    end(&world);
}

static void what_is_committed_is_stored_no_longer(void **state)
{
    struct router_removal removals[5];
    struct queue_claim claim;
    struct world world;

    (void)state;
    assert_ok(begin(&world, SPAN("/q")));
    assert_ok(read_with(&world, 5));
    assert_ok(publish(&world, "a", 0));
    assert_ok(publish(&world, "b", 0));
    assert_ptr_equal(queue_set_next_woken(&world.set), &world.reader);
    assert_string_equal(sent(&world), "ab");
    queue_reader_claim_init(&claim);
    assert_true(queue_reader_claim(&world.reader, 1, QUEUE_READER_ONE, false, &claim));
    assert_true(queue_reader_claim(&world.reader, 2, QUEUE_READER_ONE, true, &claim));
    queue_reader_seal(&world.reader, &claim);
    assert_int_equal(queue_set_removals(&claim, NULL), 1);
    assert_int_equal(queue_set_removals(&claim, removals), 1);
    assert_ptr_equal(removals[0].route, world.route);
    assert_int_equal(removals[0].eid, 1);
    queue_reader_settle(&claim, true);
    queue_set_tidy(&world.set);
    assert_null(publishing_find(&world.route->channel, 1));
    assert_non_null(publishing_find(&world.route->channel, 2));
    assert_string_equal(sent(&world), "b");
    end(&world);
}

static void the_oldest_makes_room_and_is_buried(void **state)
{
    struct world world;

    (void)state;
    assert_ok(begin(&world, SPAN("/q")));
    assert_ok(read_with(&world, 1));
    for (const char *body = "abcde"; *body != '\0'; body++) {
        assert_ok(publish(&world, body, 0));
    }
    assert_buried(&world, "ab", "full"); /* 3 are stored */
    assert_string_equal(sent(&world), "c");
    end(&world);
}

static void what_a_reader_holds_stays_with_it_and_is_dead_if_it_comes_back(void **state)
{
    struct world world;

    (void)state;
    assert_ok(begin(&world, SPAN("/q")));
    assert_ok(read_with(&world, 1));
    assert_ok(publish(&world, "a", 0));
    assert_string_equal(sent(&world), "a");
    for (const char *body = "bcd"; *body != '\0'; body++) {
        assert_ok(publish(&world, body, 0));
    }
    assert_buried(&world, "", "");
    assert_true(queue_reader_roll_back(&world.reader, 1, QUEUE_READER_ONE));
    assert_buried(&world, "a", "full");
    assert_string_equal(sent(&world), "b");
    end(&world);
}

static void what_expires_is_buried_although_nobody_reads(void **state)
{
    struct world world;

    (void)state;
    assert_ok(begin(&world, SPAN("/q")));
    assert_ok(publish(&world, "a", 10));
    router_set_now(&world.router, 10);
    router_expire(&world.router);
    assert_buried(&world, "a", "expired");
    assert_ok(read_with(&world, 1));
    assert_ok(publish(&world, "b", 10));
    router_set_now(&world.router, 20);
    router_expire(&world.router);
    assert_buried(&world, "ab", "expired");
    assert_string_equal(sent(&world), "");
    end(&world);
}

static void without_a_place_for_it_a_dead_event_is_told_to_the_operator(void **state)
{
    struct world world;

    (void)state;
    assert_ok(begin(&world, SPAN("/lossy")));
    assert_ok(read_with(&world, 1));
    assert_ok(publish(&world, "a", 0));
    for (int i = 0; i < 2; i++) {
        assert_string_equal(sent(&world), "a");
        assert_true(queue_reader_roll_back(&world.reader, 1, QUEUE_READER_ONE));
    }
    queue_set_tidy(&world.set);
    assert_int_equal(world.lost, 1);
    assert_null(publishing_find(&world.route->channel, 1));
    end(&world);
}

/* With no room for the channel of dead events. */
static void die_in_vain(struct world *world)
{
    assert_ok(begin(world, SPAN("/late")));
    world->router.conf.limits.channels = 2;
    assert_ok(read_with(world, 1));
    assert_ok(publish(world, "a", 0));
    for (int i = 0; i < 2; i++) {
        assert_string_equal(sent(world), "a");
        assert_true(queue_reader_roll_back(&world->reader, 1, QUEUE_READER_ONE));
    }
    queue_set_tidy(&world->set);
    assert_int_equal(world->lost, 0);
    assert_non_null(publishing_find(&world->route->channel, 1));
    assert_true(world->set.again_at != EVENT_NEVER);
    queue_set_expire(&world->set); /* too early */
    router_set_now(&world->router, world->set.again_at);
    queue_set_expire(&world->set); /* in vain, again */
    assert_non_null(publishing_find(&world->route->channel, 1));
    router_set_now(&world->router, world->set.again_at);
}

static void a_dead_event_stays_where_it_is_until_it_can_be_buried(void **state)
{
    struct world world;

    (void)state;
    die_in_vain(&world);
    world.router.conf.limits.channels = 3;
    queue_set_expire(&world.set);
    assert_int_equal(router_open(&world.router, SPAN("/deader"), &world.dead), ROUTER_FOUND);
    assert_buried(&world, "a", "redelivered");
    assert_null(publishing_find(&world.route->channel, 1));
    assert_true(world.set.again_at == EVENT_NEVER);
    assert_int_equal(world.lost, 0);
    end(&world);
}

/* However many wait, a turn tries so many of them. */
static void many_that_wait_are_buried_bit_by_bit(void **state)
{
    struct world world;
    size_t turns = 0;

    (void)state;
    assert_ok(begin(&world, SPAN("/many")));
    world.router.conf.limits.channels = 2;
    assert_ok(read_with(&world, 10));
    for (int i = 0; i < 200; i++) {
        assert_ok(publish(&world, "a", 0));
        for (int j = 0; j < 2; j++) {
            assert_string_equal(sent(&world), "a");
            assert_true(
                queue_reader_roll_back(&world.reader, (uint64_t)i + 1, QUEUE_READER_ONE));
        }
        queue_set_tidy(&world.set);
    }
    assert_int_equal(channel_count(&world.route->channel), 200);
    world.router.conf.limits.channels = 3;
    for (; world.set.again_at != EVENT_NEVER; turns++) {
        size_t before = channel_count(&world.route->channel);

        router_set_now(&world.router, world.set.again_at);
        queue_set_expire(&world.set);
        assert_true(before - channel_count(&world.route->channel) <= 64);
    }
    assert_int_equal(channel_count(&world.route->channel), 0);
    assert_int_equal(turns, 4);
    assert_int_equal(router_open(&world.router, SPAN("/deader"), &world.dead), ROUTER_FOUND);
    assert_int_equal(channel_count(&world.dead->channel), 10); /* of 200; its capacity */
    assert_int_equal(world.lost, 0);
    end(&world);
}

static void who_waits_to_be_buried_can_be_purged(void **state)
{
    struct world world;

    (void)state;
    die_in_vain(&world);
    channel_purge(&world.route->channel, 2);
    world.router.conf.limits.channels = 3;
    queue_set_expire(&world.set);
    assert_true(world.set.again_at == EVENT_NEVER);
    assert_int_equal(router_open(&world.router, SPAN("/deader"), &world.dead), ROUTER_FOUND);
    assert_buried(&world, "", "");
    end(&world);
}

/* RedeliveryMax is about readers that cannot do with an event, not about stores that are full.
 */
static void nothing_dies_of_commits_that_the_store_does_not_take(void **state)
{
    struct queue_reader_delivery delivery;
    struct queue_claim claim;
    struct world world;

    (void)state;
    assert_ok(begin(&world, SPAN("/lossy")));
    assert_ok(read_with(&world, 1));
    assert_ok(publish(&world, "a", 0));
    for (size_t i = 0; i < 4; i++) {
        assert_true(queue_reader_next(&world.reader, &delivery));
        assert_int_equal(delivery.returns, i > 0);
        assert_string_equal(sent(&world), "a");
        queue_reader_claim_init(&claim);
        assert_true(queue_reader_claim(&world.reader, 1, QUEUE_READER_ONE, false, &claim));
        queue_reader_seal(&world.reader, &claim);
        queue_reader_settle(&claim, false);
        queue_set_tidy(&world.set);
    }
    assert_int_equal(world.lost, 0);
    assert_string_equal(sent(&world), "a");
    assert_true(queue_reader_roll_back(&world.reader, 1, QUEUE_READER_ONE));
    queue_set_tidy(&world.set);
    assert_int_equal(world.lost, 1);
    end(&world);
}

static bool brought_along;

/* An event that was accepted is dealt in the end, whatever had no memory meanwhile. */
static void publish_and_read(void)
{
    size_t accepted = 0, got = 0;
    struct world world;

    if (begin(&world, SPAN("/q")) == OK && read_with(&world, 5) == OK) {
        for (int i = 0; i < 2; i++) {
            accepted += publish(&world, "x", 0) == OK;
        }
        queue_set_tidy(&world.set);
        got = strlen(sent(&world));
        if (oom_has_struck() && got < accepted) { /* the next one brings it along */
            assert_ok(publish(&world, "x", 0));
            got += strlen(sent(&world)) - 1;
            brought_along = true;
        }
        assert_int_equal(got, accepted);
    }
    end(&world);
}

static void running_out_of_memory_loses_no_event(void **state)
{
    (void)state;
    every_oom(publish_and_read);
    assert_true(brought_along); /* so it was put to the test */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_stored_before_anybody_read_is_dealt),
        cmocka_unit_test(what_is_committed_is_stored_no_longer),
        cmocka_unit_test(the_oldest_makes_room_and_is_buried),
        cmocka_unit_test(what_a_reader_holds_stays_with_it_and_is_dead_if_it_comes_back),
        cmocka_unit_test(what_expires_is_buried_although_nobody_reads),
        cmocka_unit_test(without_a_place_for_it_a_dead_event_is_told_to_the_operator),
        cmocka_unit_test(a_dead_event_stays_where_it_is_until_it_can_be_buried),
        cmocka_unit_test(many_that_wait_are_buried_bit_by_bit),
        cmocka_unit_test(who_waits_to_be_buried_can_be_purged),
        cmocka_unit_test(nothing_dies_of_commits_that_the_store_does_not_take),
        cmocka_unit_test(running_out_of_memory_loses_no_event),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
