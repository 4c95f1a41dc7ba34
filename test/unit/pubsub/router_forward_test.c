/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/router_forward.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/pubsub/publishing.h"

#include <stdio.h>

static const struct router_join joins[] = {
    {SPAN_INIT("/red"), SPAN_INIT("color = 'red'")},
    {SPAN_INIT("/queue"), {NULL, 0}},
};
static const struct router_join onward[] = {{SPAN_INIT("/end"), {NULL, 0}}};

#define SIZES .capacity = 3, .store_bytes = 100000
static const struct router_rule rules[] = {
    {.pattern = SPAN_INIT("/in"), .channel = {SIZES}, .joins = joins, .join_count = 2},
    {.pattern = SPAN_INIT("/red"), .channel = {SIZES}, .joins = onward, .join_count = 1},
    {.pattern = SPAN_INIT("/queue"), .kind = ROUTER_QUEUE, .channel = {SIZES}},
    {.pattern = SPAN_INIT("/end"), .channel = {SIZES}},
    {.pattern = SPAN_INIT("/dying"), .channel = {SIZES}, .dead_events = SPAN_INIT("/dead")},
    {.pattern = SPAN_INIT("/dead"), .channel = {SIZES}},
    {.pattern = SPAN_INIT("/lost"), .channel = {SIZES}, .dead_events = SPAN_INIT("/none")},
    {.pattern = SPAN_INIT("/self"), .channel = {SIZES}, .dead_events = SPAN_INIT("/self")},
};

static const struct router_conf conf = {
    .rules = rules,
    .rule_count = sizeof rules / sizeof rules[0],
    .limits = {.channels = 10,
               .store_bytes = 1 << 24,
               .ring_bytes = 1 << 24,
               .view = {.ring_bytes = 1000, .frame_bytes = 500}},
};

struct world {
    struct rng rng;
    struct router router;
};

static void begin(struct world *world)
{
    world->rng = rng_seeded(1);
    router_init(&world->router, &conf, &world->rng);
    router_set_now(&world->router, 1000);
}

static struct router_route *route_of(struct world *world, const char *name)
{
    struct router_route *route;

    assert_int_equal(router_open(&world->router, span_str(name), &route), ROUTER_FOUND);
    return route;
}

static enum err publish(struct router_route *route, const char *color, uint64_t ttl)
{
    const struct event_header header = {SPAN("color"), span_str(color)};
    const struct event_parts parts = {
        .headers = &header, .header_count = 1, .body = SPAN("x"), .ttl = ttl};
    struct router_receipt receipt;

    return publishing_route(route, &parts, &receipt);
}

static bool describe(void *ctx, const struct event *event)
{
    struct event_header header;
    char *text = ctx;
    size_t at = 0;

    while (event_next_header(event, &at, &header)) {
        snprintf(text + strlen(text), 400 - strlen(text), "%.*s:%.*s ", SPAN_ARG(header.name),
                 SPAN_ARG(header.value));
    }
    snprintf(text + strlen(text), 400 - strlen(text), "%.*s; ", SPAN_ARG(event_body(event)));
    return true;
}

static const char *stored(struct world *world, const char *name)
{
    const struct channel *channel = &route_of(world, name)->channel;
    static char text[400];

    text[0] = '\0';
    assert_ok(
        channel_read(channel, channel->lost_eid + 1, world->router.room.now, describe, text));
    return text;
}

static void copies_go_where_joins_say_and_know_where_they_came_from(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_ok(publish(route_of(&world, "/in"), "blue", 0));
    assert_ok(publish(route_of(&world, "/in"), "red", 0));
    assert_string_equal(stored(&world, "/red"), "join-eid:2 join-channel:/in color:red x; ");
    assert_string_equal(stored(&world, "/queue"), "join-eid:1 join-channel:/in color:blue x; "
                                                  "join-eid:2 join-channel:/in color:red x; ");
    assert_string_equal(stored(&world, "/end"), "join-eid:1 join-channel:/red color:red x; ");
    assert_int_equal(world.router.uncopied, 0);
    router_fini(&world.router);
}

static void a_copy_lives_no_longer_than_what_it_was_made_of(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_ok(publish(route_of(&world, "/in"), "red", 50));
    assert_int_equal(channel_deadline(&route_of(&world, "/end")->channel), 1050);
    router_set_now(&world.router, 1050);
    router_expire(&world.router);
    assert_string_equal(stored(&world, "/end"), "");
    router_fini(&world.router);
}

static void what_expires_or_makes_room_goes_to_the_dead(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_ok(publish(route_of(&world, "/dying"), "red", 50));
    router_set_now(&world.router, 1050);
    router_expire(&world.router);
    assert_string_equal(stored(&world, "/dead"), "dead-event-channel:/dying dead-event-eid:1 "
                                                 "dead-event-reason:expired color:red x; ");
    for (int i = 0; i < 4; i++) {
        assert_ok(publish(route_of(&world, "/dying"), "blue", 0));
    }
    assert_non_null(strstr(stored(&world, "/dead"), "dead-event-eid:2 dead-event-reason:full"));
    assert_int_equal(channel_count(&route_of(&world, "/dead")->channel), 2);
    channel_purge(&route_of(&world, "/dying")->channel, 100); /* by somebody's wish: not dead */
    assert_int_equal(channel_count(&route_of(&world, "/dead")->channel), 2);
    router_fini(&world.router);
}

static void dead_events_without_a_place_are_counted(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    for (int i = 0; i < 5; i++) {
        assert_ok(publish(route_of(&world, "/lost"), "red", 0));
        assert_ok(publish(route_of(&world, "/self"), "red", 0));
    }
    assert_int_equal(world.router.uncopied, 4);
    router_fini(&world.router);
}

struct told {
    size_t count;
    char last[300];
};

static void on_uncopied(void *ctx, const struct router_uncopied *uncopied)
{
    struct told *told = ctx;

    told->count++;
    snprintf(told->last, sizeof told->last, "%.*s %s %.*s: %s",
             SPAN_ARG(uncopied->from->channel.name), uncopied->is_dead ? "dead" : "join",
             SPAN_ARG(uncopied->to), uncopied->why);
}

/* `count` times an event to that channel, of which `lost` are not passed on. */
static void assert_told(struct world *world, const char *name, const char *color, int count,
                        size_t lost, const char *last)
{
    struct told told = {0};
    uint64_t before = world->router.uncopied;

    world->router.on_uncopied = on_uncopied;
    world->router.on_uncopied_ctx = &told;
    for (int i = 0; i < count; i++) {
        assert_ok(publish(route_of(world, name), color, 0));
    }
    assert_int_equal(told.count, lost);
    assert_int_equal(world->router.uncopied - before, lost);
    assert_string_equal(told.last, last);
}

static void what_is_not_passed_on_is_told_with_its_reason(void **state)
{
    static const struct router_join to_small[] = {{SPAN_INIT("/small"), {NULL, 0}}};
    static const struct router_rule more[] = {
        {.pattern = SPAN_INIT("/in"), .channel = {SIZES}, .joins = onward, .join_count = 1},
        {.pattern = SPAN_INIT("/big"), .channel = {SIZES}, .joins = to_small, .join_count = 1},
        {.pattern = SPAN_INIT("/small"), .channel = {.capacity = 3, .store_bytes = 10}},
        {.pattern = SPAN_INIT("/end"), .channel = {SIZES}},
    };
    struct router_conf other = conf;
    struct world world;

    (void)state;
    begin(&world);
    assert_told(&world, "/in", "red", 3, 0, "");
    assert_told(&world, "/lost", "red", 5, 2,
                "/lost dead /none: it is not there, and using it makes none (a section for it, "
                "CreateOnUse On)");
    assert_told(&world, "/self", "red", 4, 1, "/self dead /self: that is where it comes from");
    router_fini(&world.router);

    other.rules = more;
    other.rule_count = sizeof more / sizeof more[0];
    other.limits.channels = 4;
    router_init(&world.router, &other, &world.rng);
    router_set_now(&world.router, 1000);
    assert_told(&world, "/big", "red", 1, 1,
                "/big join /small: the event is larger than all that it may hold (StoreBytes)");
    assert_told(&world, "/in", "red", 1, 0, "");
    router_fini(&world.router);

    other.limits.channels = 1;
    router_init(&world.router, &other, &world.rng);
    router_set_now(&world.router, 1000);
    assert_told(&world, "/in", "red", 2, 2,
                "/in join /end: there are as many channels as there may be (ChannelsMax)");
    router_fini(&world.router);
}

static void routes_that_exist_take_over_the_joins_of_new_rules(void **state)
{
    const struct router_rule others[] = {
        {.pattern = SPAN("/in"), .channel = {SIZES}, .joins = onward, .join_count = 1},
        {.pattern = SPAN("/*"), .channel = {SIZES}}};
    struct router_conf other = conf;
    struct router_route *route;
    struct world world;

    (void)state;
    begin(&world);
    route = route_of(&world, "/in");
    other.rules = others;
    other.rule_count = 1;
    assert_ok(router_adopt(&world.router, &other));
    assert_ok(publish(route_of(&world, "/in"), "red", 0));
    assert_int_equal(world.router.uncopied, 1); /* there is no /end any more */
    other.rule_count = 2;
    assert_ok(router_adopt(&world.router, &other));
    assert_ok(publish(route_of(&world, "/in"), "red", 0));
    assert_string_equal(stored(&world, "/end"), "join-eid:2 join-channel:/in color:red x; ");
    other.rule_count = 0;
    assert_ok(router_adopt(&world.router, &other));
    assert_ok(publish(route, "red", 0)); /* nothing covers it: it stays for who has it */
    assert_int_equal(router_open(&world.router, SPAN("/in"), &route), ROUTER_MISSING);
    router_fini(&world.router);
}

static void pass_on_a_little(void)
{
    struct router_route *route;
    struct world world;

    begin(&world);
    if (router_open(&world.router, SPAN("/in"), &route) == ROUTER_FOUND &&
        publish(route, "red", 0) == OK && publish(route, "blue", 0) == OK) {
        assert_int_equal(channel_count(&route->channel), 2);
    }
    router_fini(&world.router);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(pass_on_a_little);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_go_where_joins_say_and_know_where_they_came_from),
        cmocka_unit_test(a_copy_lives_no_longer_than_what_it_was_made_of),
        cmocka_unit_test(what_expires_or_makes_room_goes_to_the_dead),
        cmocka_unit_test(dead_events_without_a_place_are_counted),
        cmocka_unit_test(what_is_not_passed_on_is_told_with_its_reason),
        cmocka_unit_test(routes_that_exist_take_over_the_joins_of_new_rules),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
