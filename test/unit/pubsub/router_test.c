/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/router.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/pubsub/publishing.h"

#include <stdlib.h>

static const struct router_rule rules[] = {
    {.pattern = SPAN_INIT("/demo/last"), .channel = {.capacity = 1, .store_bytes = 1000}},
    {.pattern = SPAN_INIT("/demo/*"), .channel = {.capacity = 10, .store_bytes = 1000}},
};

static const struct router_conf conf = {
    .rules = rules,
    .rule_count = 2,
    .limits = {.channels = 3,
               .store_bytes = 1 << 24,
               .ring_bytes = 1 << 24,
               .view = {.ring_bytes = 1000, .frame_bytes = 500}},
};

static enum err encode(void *ctx, struct span channel, struct span id,
                       const struct event *event, struct buf *out)
{
    (void)ctx;
    (void)channel;
    (void)id;
    return buf_append(out, event_body(event));
}

static const struct view_form bodies = {.tag = 'b', .encode = encode};
static const struct view_kind kind = {&bodies, NULL, SPAN_INIT("s")};

static void a_channel_is_made_where_a_rule_covers_its_name(void **state)
{
    struct rng rng = rng_seeded(1);
    struct router_route *chat, *last, *again;
    struct router router;

    (void)state;
    router_init(&router, &conf, &rng);
    assert_int_equal(router_open(&router, SPAN("/demo/chat"), &chat), ROUTER_FOUND);
    assert_int_equal(chat->channel.conf.capacity, 10);
    assert_int_equal(router_open(&router, SPAN("/demo/last"), &last), ROUTER_FOUND);
    assert_int_equal(last->channel.conf.capacity, 1);
    assert_true(chat->channel.epoch != last->channel.epoch);
    assert_int_equal(router_open(&router, SPAN("demo/chat"), &again), ROUTER_FOUND);
    assert_ptr_equal(chat, again);
    assert_bytes(again->channel.name, SPAN("/demo/chat"));
    assert_int_equal(router_open(&router, SPAN("/other"), &again), ROUTER_MISSING);
    router_fini(&router);
}

static void the_number_of_channels_is_bounded(void **state)
{
    struct rng rng = rng_seeded(1);
    struct router_route *route;
    struct router router;

    (void)state;
    router_init(&router, &conf, &rng);
    assert_int_equal(router_open(&router, SPAN("/demo/1"), &route), ROUTER_FOUND);
    assert_int_equal(router_open(&router, SPAN("/demo/2"), &route), ROUTER_FOUND);
    assert_int_equal(router_open(&router, SPAN("/demo/3"), &route), ROUTER_FOUND);
    assert_int_equal(router_open(&router, SPAN("/demo/4"), &route), ROUTER_FULL);
    assert_int_equal(router_open(&router, SPAN("/demo/1"), &route), ROUTER_FOUND);
    router_fini(&router);
}

static void names_are_short_printable_utf8(void **state)
{
    static const struct span bad[] = {
        SPAN_INIT(""),
        SPAN_INIT("/"),
        SPAN_INIT("/demo/\0x"),
        SPAN_INIT("/demo/a\nb"),
        SPAN_INIT("/demo/\xff"),
        SPAN_INIT("/demo/\x7f"),
        SPAN_INIT("/demo/\xc2\x85"),
    };
    char name[ROUTER_NAME_MAX + 1] = "/demo/";
    struct rng rng = rng_seeded(1);
    struct router_route *route;
    struct router router;

    (void)state;
    router_init(&router, &conf, &rng);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(router_open(&router, bad[i], &route), ROUTER_BAD_NAME);
    }
    memset(name + 6, 'x', sizeof name - 6);
    assert_int_equal(router_open(&router, span_of(name, ROUTER_NAME_MAX + 1), &route),
                     ROUTER_BAD_NAME);
    assert_int_equal(router_open(&router, span_of(name + 1, ROUTER_NAME_MAX), &route),
                     ROUTER_BAD_NAME);
    assert_int_equal(router_open(&router, span_of(name, ROUTER_NAME_MAX), &route),
                     ROUTER_FOUND);
    assert_int_equal(router_open(&router, SPAN("/demo/gr\xc3\xbc\xc3\x9f"), &route),
                     ROUTER_FOUND);
    router_fini(&router);
}

static void publishing_makes_views_dirty_and_counts_what_waits(void **state)
{
    const struct event_parts parts = {.body = SPAN("0123456789"), .publish_id = SPAN("p")};
    const struct event_parts large = {.body = span_of(calloc(1, 300), 300)};
    struct rng rng = rng_seeded(1);
    struct router_receipt receipt;
    struct router_route *route;
    struct view_cursor cursor;
    struct router router;

    (void)state;
    router_init(&router, &conf, &rng);
    assert_int_equal(router_open(&router, SPAN("/demo/1"), &route), ROUTER_FOUND);
    assert_ok(publishing_route(route, &parts, &receipt));
    assert_false(router_is_dirty(&router)); /* nobody looks */
    assert_ok(view_attach(&route->views, &kind, 2, &cursor));
    assert_ok(publishing_route(route, &parts, &receipt));
    assert_true(receipt.is_repeat);
    assert_false(router_is_dirty(&router));
    assert_ok(publishing_route(route, &large, &receipt));
    assert_true(router_is_dirty(&router));
    assert_true(router_is_congested(&router));
    assert_ptr_equal(router_next_dirty(&router), cursor.view);
    assert_null(router_next_dirty(&router));
    assert_false(router_is_congested(&router));
    view_detach(&cursor);
    router_fini(&router);
    free((void *)(uintptr_t)large.body.ptr);
}

static void all_channels_together_are_bounded_too(void **state)
{
    struct router_conf tight = conf;
    struct rng rng = rng_seeded(1);
    const struct event_parts parts = {.body = SPAN("0123456789")};
    struct router_receipt receipt;
    struct router_route *one, *two;
    struct router router;

    (void)state;
    tight.limits.store_bytes = 900;
    router_init(&router, &tight, &rng);
    assert_int_equal(router_open(&router, SPAN("/demo/1"), &one), ROUTER_FOUND);
    assert_int_equal(router_open(&router, SPAN("/demo/2"), &two), ROUTER_FOUND);
    for (int i = 0; i < 9; i++) {
        assert_ok(publishing_route(one, &parts, &receipt));
        assert_int_equal(router.budget.used, one->channel.bytes);
    }
    for (int i = 0; i < 9; i++) {
        assert_ok(publishing_route(two, &parts, &receipt));
        assert_int_equal(router.budget.used, one->channel.bytes + two->channel.bytes);
    }
    assert_true(router.budget.used <= 900 || channel_count(&two->channel) == 1);
    assert_true(channel_count(&two->channel) < channel_count(&one->channel));
    assert_int_equal(two->channel.next_eid, 10);
    router_fini(&router);
}

static void what_nobody_waits_for_any_more_congests_nothing(void **state)
{
    const struct event_parts large = {.body = span_of(calloc(1, 300), 300)};
    struct rng rng = rng_seeded(1);
    struct router_receipt receipt;
    struct router_route *route;
    struct view_cursor cursor;
    struct router router;

    (void)state;
    router_init(&router, &conf, &rng);
    assert_int_equal(router_open(&router, SPAN("/demo/1"), &route), ROUTER_FOUND);
    assert_ok(view_attach(&route->views, &kind, 1, &cursor));
    assert_ok(publishing_route(route, &large, &receipt));
    assert_true(router_is_congested(&router));
    view_detach(&cursor); /* the view goes, and was never taken from the dirty ones */
    assert_false(router_is_congested(&router));
    assert_null(router_next_dirty(&router));
    assert_int_equal(router.dirty_bytes, 0);
    router_fini(&router);
    free((void *)(uintptr_t)large.body.ptr);
}

static void open_and_publish(void)
{
    const struct event_parts parts = {.body = SPAN("x")};
    struct rng rng = rng_seeded(1);
    struct router_receipt receipt;
    struct router_route *route;
    struct router router;

    router_init(&router, &conf, &rng);
    if (router_open(&router, SPAN("/demo/1"), &route) == ROUTER_FOUND &&
        publishing_route(route, &parts, &receipt) == OK) {
        assert_int_equal(receipt.eid, 1);
    }
    router_fini(&router);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(open_and_publish);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_channel_is_made_where_a_rule_covers_its_name),
        cmocka_unit_test(the_number_of_channels_is_bounded),
        cmocka_unit_test(names_are_short_printable_utf8),
        cmocka_unit_test(publishing_makes_views_dirty_and_counts_what_waits),
        cmocka_unit_test(all_channels_together_are_bounded_too),
        cmocka_unit_test(what_nobody_waits_for_any_more_congests_nothing),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
