/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/session.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/pubsub/publishing.h"

static const struct router_rule rules[] = {
    {.pattern = SPAN_INIT("*"), .channel = {.capacity = 1000, .store_bytes = 1 << 24}},
};

static const struct router_conf conf = {
    .rules = rules,
    .rule_count = 1,
    .limits = {.channels = 10,
               .store_bytes = 1 << 24,
               .ring_bytes = 1 << 24,
               .view = {.ring_bytes = 1 << 20, .frame_bytes = 1 << 16}},
};

static enum err encode(void *ctx, struct span channel, struct span id,
                       const struct event *event, struct buf *out)
{
    (void)ctx;
    (void)channel;
    return buf_printf(out, "[%.*s %llu]", SPAN_ARG(id), (unsigned long long)event->eid);
}

static const struct view_form form = {.tag = 'f', .encode = encode};

struct world {
    struct rng rng;
    struct router router;
    struct session session;
};

static void begin(struct world *world)
{
    world->rng = rng_seeded(1);
    router_init(&world->router, &conf, &world->rng);
    session_init(&world->session, 3, NULL);
}

static void end(struct world *world)
{
    session_fini(&world->session);
    router_fini(&world->router);
}

static enum err subscribe(struct world *world, const char *id, const char *name,
                          enum channel_from from)
{
    struct session_request request = {
        .id = span_str(id), .form = &form, .start = {.from = from}};
    uint64_t next;

    if (router_open(&world->router, span_str(name), &request.route) != ROUTER_FOUND) {
        return ERR_NOMEM;
    }
    return session_subscribe(&world->session, &request, &next);
}

static enum err publish(struct world *world, const char *name)
{
    const struct event_parts parts = {.body = SPAN("x")};
    struct router_receipt receipt;
    struct router_route *route;
    struct view *view;

    if (router_open(&world->router, span_str(name), &route) != ROUTER_FOUND) {
        return ERR_NOMEM;
    }
    TRY(publishing_route(route, &parts, &receipt));
    while ((view = router_next_dirty(&world->router)) != NULL) {
        LIST_FOREACH (node, after, &view->cursors) {
            struct view_cursor *cursor = LIST_ENTRY(node, struct view_cursor, node);

            assert_ptr_equal(session_wake(cursor), &world->session);
        }
    }
    return OK;
}

/* All there is to send, at most `step` bytes at once. */
static const char *drain(struct world *world, size_t step)
{
    static char text[8192];
    size_t len = 0;
    struct span bytes;

    while (session_peek(&world->session, false, &bytes) == OK) {
        bytes = span_head(bytes, step);
        assert_true(len + bytes.len < sizeof text);
        memcpy(text + len, bytes.ptr, bytes.len);
        len += bytes.len;
        session_sent(&world->session, bytes.len);
    }
    text[len] = '\0';
    return text;
}

static void subscriptions_are_bounded_and_found_by_id(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_ok(subscribe(&world, "1", "/a", CHANNEL_FROM_NOW));
    assert_ok(subscribe(&world, "2", "/a", CHANNEL_FROM_NOW));
    assert_ok(subscribe(&world, "3", "/b", CHANNEL_FROM_NOW));
    assert_int_equal(subscribe(&world, "4", "/b", CHANNEL_FROM_NOW), ERR_LIMIT);
    assert_non_null(session_find(&world.session, SPAN("2")));
    assert_null(session_find(&world.session, SPAN("4")));
    assert_ok(session_unsubscribe(&world.session, session_find(&world.session, SPAN("2"))));
    assert_null(session_find(&world.session, SPAN("2")));
    assert_ok(subscribe(&world, "4", "/b", CHANNEL_FROM_NOW));
    end(&world);
}

static void subscriptions_take_turns_at_the_end_of_a_frame(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_ok(subscribe(&world, "a", "/a", CHANNEL_FROM_NOW));
    assert_ok(subscribe(&world, "b", "/b", CHANNEL_FROM_NOW));
    for (int i = 0; i < 3; i++) {
        assert_ok(publish(&world, "/a"));
        assert_ok(publish(&world, "/b"));
    }
    assert_string_equal(drain(&world, 5), "[a 1][b 1][a 2][b 2][a 3][b 3]");
    assert_false(session_is_inside(&world.session));
    assert_ok(publish(&world, "/b"));
    assert_string_equal(drain(&world, 3), "[b 4]");
    end(&world);
}

static void a_frame_is_never_interrupted(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_ok(subscribe(&world, "a", "/a", CHANNEL_FROM_NOW));
    assert_ok(subscribe(&world, "b", "/b", CHANNEL_FROM_NOW));
    assert_ok(publish(&world, "/a"));
    assert_ok(publish(&world, "/a"));
    assert_ok(publish(&world, "/b"));
    assert_string_equal(drain(&world, 3), "[a 1][a 2][b 1]");
    end(&world);
}

static void only_what_is_owed_goes_when_something_else_waits(void **state)
{
    struct world world;
    struct span bytes;

    (void)state;
    begin(&world);
    assert_ok(subscribe(&world, "a", "/a", CHANNEL_FROM_NOW));
    assert_ok(publish(&world, "/a"));
    assert_ok(publish(&world, "/a"));
    assert_ok(publish(&world, "/a"));
    assert_int_equal(session_peek(&world.session, true, &bytes), ERR_AGAIN);
    assert_ok(session_peek(&world.session, false, &bytes));
    session_sent(&world.session, 6);
    assert_ok(session_peek(&world.session, true, &bytes));
    assert_bytes(bytes, SPAN("a 2]"));
    session_sent(&world.session, 4);
    assert_int_equal(session_peek(&world.session, true, &bytes), ERR_AGAIN);
    assert_string_equal(drain(&world, 100), "[a 3]");
    end(&world);
    assert_int_equal(world.session.delivered, 3);
}

static void stored_events_come_without_a_publish(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_ok(publish(&world, "/a"));
    assert_ok(publish(&world, "/a"));
    assert_ok(subscribe(&world, "a", "/a", CHANNEL_FROM_STORED));
    assert_string_equal(drain(&world, 100), "[a 1][a 2]");
    end(&world);
}

static void an_ended_subscription_still_finishes_its_frame(void **state)
{
    struct world world;
    struct span bytes;

    (void)state;
    begin(&world);
    assert_ok(subscribe(&world, "a", "/a", CHANNEL_FROM_NOW));
    assert_ok(publish(&world, "/a"));
    assert_ok(publish(&world, "/a"));
    assert_ok(session_peek(&world.session, false, &bytes));
    session_sent(&world.session, 2);
    assert_true(session_is_inside(&world.session));
    assert_ok(session_unsubscribe(&world.session, session_find(&world.session, SPAN("a"))));
    assert_true(session_is_inside(&world.session));
    assert_string_equal(drain(&world, 1), " 1]");
    assert_false(session_is_inside(&world.session));
    assert_null(world.session.rest);
    end(&world);
}

static void what_the_stream_was_offered_is_sent_even_if_its_subscription_ends(void **state)
{
    struct world world;
    struct span bytes;

    (void)state;
    begin(&world);
    assert_ok(subscribe(&world, "a", "/a", CHANNEL_FROM_NOW));
    assert_ok(publish(&world, "/a"));
    assert_ok(publish(&world, "/a"));
    assert_ok(session_peek(&world.session, false, &bytes)); /* the stream says ERR_AGAIN */
    assert_ok(publish(&world, "/a"));
    assert_ok(session_unsubscribe(&world.session, session_find(&world.session, SPAN("a"))));
    assert_string_equal(drain(&world, 100), "[a 1][a 2]");
    end(&world);
}

static void subscribe_publish_and_end(void)
{
    struct world world;
    struct span bytes;

    begin(&world);
    if (subscribe(&world, "a", "/a", CHANNEL_FROM_NOW) == OK && publish(&world, "/a") == OK &&
        session_peek(&world.session, false, &bytes) == OK) {
        session_sent(&world.session, 1);
        if (session_unsubscribe(&world.session, session_find(&world.session, SPAN("a"))) ==
            OK) {
            assert_true(session_is_inside(&world.session));
        }
        assert_null(session_find(&world.session, SPAN("a")));
    }
    end(&world);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(subscribe_publish_and_end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subscriptions_are_bounded_and_found_by_id),
        cmocka_unit_test(subscriptions_take_turns_at_the_end_of_a_frame),
        cmocka_unit_test(a_frame_is_never_interrupted),
        cmocka_unit_test(only_what_is_owed_goes_when_something_else_waits),
        cmocka_unit_test(stored_events_come_without_a_publish),
        cmocka_unit_test(an_ended_subscription_still_finishes_its_frame),
        cmocka_unit_test(what_the_stream_was_offered_is_sent_even_if_its_subscription_ends),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
