/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/datagroup.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "pubsub/router_admin.h"
#include "unit/pubsub/publishing.h"

#define GROUP(name, ...)                                                               \
    {                                                                                  \
        .pattern = SPAN_INIT(name), .kind = ROUTER_GROUP,                              \
        .channel = {.type = CHANNEL_TRANSIENT, .capacity = 3, .store_bytes = 1 << 16}, \
        __VA_ARGS__                                                                    \
    }

static const struct router_join inner[] = {{.to = SPAN_INIT("/desk")}};

static const struct router_rule rules[] = {
    GROUP("/all", .has_all_streams = true),
    GROUP("/closed", .has_all_streams = true),
    GROUP("/late*", .has_all_streams = true),
    GROUP("/outer", .joins = inner, .join_count = 1),
    GROUP("/desk", .has_all_streams = false),
    {.pattern = SPAN_INIT("/channel"), .channel = {.capacity = 10, .store_bytes = 1 << 16}},
};

enum {
    PEOPLE = 3
};

struct person {
    struct session session;
    struct datagroup_stream *stream;
    char heard[4096];
    size_t heard_len;
};

struct world {
    struct rng rng;
    struct router router;
    struct datagroup_set set;
    struct person people[PEOPLE];
};

static enum err encode(void *ctx, struct span channel, struct span id,
                       const struct event *event, struct buf *out)
{
    (*(size_t *)ctx)++;
    return buf_printf(out, "[%.*s %.*s %.*s]", SPAN_ARG(id), SPAN_ARG(channel),
                      SPAN_ARG(event_body(event)));
}

static size_t encoded;
static const struct view_form form = {.tag = 'f', .ctx = &encoded, .encode = encode};

/* Nobody may see /closed. */
static bool may(void *owner, struct span group)
{
    assert_non_null(owner);
    return !span_equals(group, "/closed");
}

static void begin(struct world *world)
{
    const struct router_conf conf = {
        .rules = rules,
        .rule_count = sizeof rules / sizeof rules[0],
        .limits = {.channels = 10,
                   .store_bytes = 1 << 20,
                   .ring_bytes = 1 << 20,
                   .view = {.ring_bytes = 1 << 12, .frame_bytes = 1 << 10}},
    };

    encoded = 0;
    *world = (struct world){.rng = rng_seeded(3)};
    router_init(&world->router, &conf, &world->rng);
    datagroup_set_init(&world->set, &world->router, may);
    for (size_t i = 0; i < PEOPLE; i++) {
        session_init(&world->people[i].session, 3, &world->people[i]);
    }
}

static void end(struct world *world)
{
    for (size_t i = 0; i < PEOPLE; i++) {
        datagroup_stream_end(world->people[i].stream);
        session_fini(&world->people[i].session);
    }
    router_fini(&world->router);
    datagroup_set_fini(&world->set);
}

static enum err open_stream(struct world *world, size_t i)
{
    struct person *person = &world->people[i];
    const struct datagroup_stream_parts parts = {.session = &person->session,
                                                 .form = &form,
                                                 .owner = person,
                                                 .id = SPAN("s"),
                                                 .name = SPAN("a desk")};

    return datagroup_stream_begin(&world->set, &parts, &person->stream);
}

/* NULL: there is no memory. */
static struct datagroup *group(struct world *world, const char *name)
{
    struct router_route *route;

    return router_open(&world->router, span_str(name), &route) == ROUTER_FOUND
               ? datagroup_find(route)
               : NULL;
}

static enum err publish(struct world *world, const char *name, const char *body)
{
    const struct event_parts parts = {.body = span_str(body)};
    struct router_receipt receipt;
    struct router_route *route;
    struct view *view;

    if (router_open(&world->router, span_str(name), &route) != ROUTER_FOUND) {
        return ERR_NOMEM;
    }
    TRY(publishing_route(route, &parts, &receipt));
    while ((view = router_next_dirty(&world->router)) != NULL) {
        LIST_FOREACH (node, after, &view->cursors) {
            (void)session_wake(LIST_ENTRY(node, struct view_cursor, node));
        }
    }
    return OK;
}

/* What came since the last time, at most `step` bytes at once. */
static const char *heard_in(struct person *person, size_t step)
{
    struct span bytes;

    person->heard_len = 0;
    while (session_peek(&person->session, false, &bytes) == OK) {
        bytes = span_head(bytes, step);
        assert_true(person->heard_len + bytes.len < sizeof person->heard);
        memcpy(person->heard + person->heard_len, bytes.ptr, bytes.len);
        person->heard_len += bytes.len;
        session_sent(&person->session, bytes.len);
    }
    person->heard[person->heard_len] = '\0';
    return person->heard;
}

static const char *heard(struct world *world, size_t i)
{
    return heard_in(&world->people[i], SIZE_MAX);
}

static void members_get_what_is_published_and_others_do_not(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    for (size_t i = 0; i < PEOPLE; i++) {
        assert_ok(open_stream(&world, i));
    }
    assert_ok(publish(&world, "/desk", "early"));
    assert_ok(datagroup_add(group(&world, "/desk"), world.people[0].stream));
    assert_ok(datagroup_add(group(&world, "/desk"), world.people[1].stream));
    assert_ok(datagroup_add(group(&world, "/desk"), world.people[1].stream)); /* it is */
    assert_ok(publish(&world, "/desk", "a"));
    assert_ok(publish(&world, "/desk", "b"));
    assert_string_equal(heard(&world, 0), "[s /desk a][s /desk b]");
    assert_string_equal(heard_in(&world.people[1], 1), "[s /desk a][s /desk b]");
    assert_string_equal(heard(&world, 2), "");
    assert_int_equal(group(&world, "/desk")->member_count, 2);
    assert_int_equal(encoded, 2); /* once for all */

    assert_true(datagroup_remove(group(&world, "/desk"), world.people[0].stream));
    assert_false(datagroup_remove(group(&world, "/desk"), world.people[0].stream));
    assert_ok(publish(&world, "/desk", "c"));
    assert_string_equal(heard(&world, 0), "");
    assert_string_equal(heard(&world, 1), "[s /desk c]");
    end(&world);
}

static void a_group_for_all_has_every_stream_that_may_whoever_came_first(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_non_null(group(&world, "/all"));
    assert_non_null(group(&world, "/closed"));
    assert_ok(open_stream(&world, 0));
    assert_ok(publish(&world, "/late/1", "made by this publish"));
    assert_ok(open_stream(&world, 1));
    assert_ok(publish(&world, "/all", "a"));
    assert_ok(publish(&world, "/closed", "b"));
    assert_string_equal(heard(&world, 0), "[s /late/1 made by this publish][s /all a]");
    assert_string_equal(heard(&world, 1), "[s /all a]");
    assert_true(datagroup_remove(group(&world, "/all"), world.people[1].stream));
    assert_ok(publish(&world, "/all", "c"));
    assert_string_equal(heard(&world, 1), "");
    assert_int_equal(group(&world, "/all")->member_count, 1);
    end(&world);
}

static void a_group_holds_a_group_by_a_join(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_ok(open_stream(&world, 0));
    assert_ok(open_stream(&world, 1));
    assert_ok(datagroup_add(group(&world, "/desk"), world.people[0].stream));
    assert_ok(datagroup_add(group(&world, "/outer"), world.people[1].stream));
    assert_ok(publish(&world, "/outer", "a"));
    assert_ok(publish(&world, "/desk", "b"));
    assert_string_equal(heard(&world, 0), "[s /desk a][s /desk b]");
    assert_string_equal(heard(&world, 1), "[s /outer a]");
    end(&world);
}

static void a_stream_is_found_by_its_id_and_by_no_other(void **state)
{
    struct world world;
    char id[DATAGROUP_ID_BYTES], other[DATAGROUP_ID_BYTES];
    uint64_t number;

    (void)state;
    begin(&world);
    assert_ok(open_stream(&world, 0));
    assert_ok(open_stream(&world, 1));
    datagroup_stream_id(world.people[0].stream, id);
    assert_int_equal(strlen(id), 10);
    assert_ptr_equal(datagroup_stream_find(&world.set, span_str(id)), world.people[0].stream);
    assert_true(span_equals(datagroup_stream_name(world.people[0].stream), "a desk"));

    strcpy(other, id);
    other[9] = other[9] == '0' ? '1' : '0'; /* of another life of the realm */
    assert_null(datagroup_stream_find(&world.set, span_str(other)));
    assert_null(datagroup_stream_find(&world.set, SPAN("")));
    assert_null(datagroup_stream_find(&world.set, SPAN("1")));
    assert_null(datagroup_stream_find(&world.set, SPAN("-00000000")));
    assert_null(datagroup_stream_find(&world.set, SPAN("99-00000000")));
    assert_null(datagroup_stream_find(&world.set, SPAN("x-00000000")));
    assert_true(datagroup_stream_number(SPAN("99-00000000"), &number));
    assert_int_equal(number, 99);

    datagroup_stream_end(world.people[0].stream);
    world.people[0].stream = NULL;
    assert_null(datagroup_stream_find(&world.set, span_str(id)));
    assert_ok(open_stream(&world, 0)); /* a new one */
    assert_null(datagroup_stream_find(&world.set, span_str(id)));
    end(&world);
}

static void a_stream_that_ends_leaves_its_groups(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_non_null(group(&world, "/all"));
    assert_ok(open_stream(&world, 0));
    assert_ok(datagroup_add(group(&world, "/desk"), world.people[0].stream));
    assert_int_equal(world.people[0].stream->member_count, 2);
    datagroup_stream_end(world.people[0].stream);
    world.people[0].stream = NULL;
    assert_int_equal(group(&world, "/all")->member_count, 0);
    assert_int_equal(group(&world, "/desk")->member_count, 0);
    assert_ok(publish(&world, "/desk", "a"));
    assert_string_equal(heard(&world, 0), "");
    end(&world);
}

/* The frame that has left in part is finished; nothing else of the group comes. */
static void who_is_taken_out_in_the_middle_of_a_frame_gets_its_rest(void **state)
{
    struct world world;
    struct span bytes;

    (void)state;
    begin(&world);
    assert_ok(open_stream(&world, 0));
    assert_ok(datagroup_add(group(&world, "/desk"), world.people[0].stream));
    assert_ok(publish(&world, "/desk", "a"));
    assert_ok(publish(&world, "/desk", "b"));
    assert_ok(session_peek(&world.people[0].session, false, &bytes));
    session_sent(&world.people[0].session, 4);
    assert_true(datagroup_remove(group(&world, "/desk"), world.people[0].stream));
    assert_string_equal(heard(&world, 0), "desk a]");
    end(&world);
}

static void on_removed(struct router_admin_ticket *ticket, enum err e, size_t count)
{
    (void)ticket;
    (void)count;
    assert_ok(e);
}

static void the_streams_of_a_group_that_is_removed_go_on(void **state)
{
    struct router_admin_ticket ticket = {.done = on_removed};
    struct world world;
    struct span bytes;

    (void)state;
    begin(&world);
    assert_ok(open_stream(&world, 0));
    assert_ok(datagroup_add(group(&world, "/desk"), world.people[0].stream));
    assert_ok(datagroup_add(group(&world, "/all"), world.people[0].stream));
    assert_ok(publish(&world, "/desk", "a"));
    assert_ok(session_peek(&world.people[0].session, false, &bytes));
    session_sent(&world.people[0].session, 4);
    assert_ok(router_admin_remove(group(&world, "/desk")->route, NULL, &ticket));
    assert_null(session_next_orphan(&world.router));
    assert_int_equal(world.people[0].stream->member_count, 1);
    assert_ok(publish(&world, "/all", "b"));
    assert_string_equal(heard(&world, 0), "desk a][s /all b]");
    end(&world);
}

/* SlowReader is the group's: without skip the session of who is too slow is lost. */
static void who_is_too_slow_is_lost(void **state)
{
    struct world world;
    struct span bytes;

    (void)state;
    begin(&world);
    assert_ok(open_stream(&world, 0));
    assert_ok(datagroup_add(group(&world, "/desk"), world.people[0].stream));
    for (size_t i = 0; i < 1000; i++) {
        assert_ok(publish(&world, "/desk", "more than the view and the group can hold"));
    }
    assert_int_equal(session_peek(&world.people[0].session, false, &bytes), ERR_LIMIT);
    end(&world);
}

static void names_for_what_is_no_route_are_refused(void **state)
{
    struct router_route *route;
    struct world world;

    (void)state;
    begin(&world);
    assert_int_equal(router_open(&world.router, SPAN("/$data"), &route), ROUTER_BAD_NAME);
    assert_int_equal(router_open(&world.router, SPAN("$data"), &route), ROUTER_BAD_NAME);
    assert_int_equal(router_open(&world.router, SPAN("/channel"), &route), ROUTER_FOUND);
    assert_null(datagroup_find(route));
    end(&world);
}

static void live_without_memory(void)
{
    struct world world;

    begin(&world);
    if (group(&world, "/all") != NULL && open_stream(&world, 0) == OK &&
        open_stream(&world, 1) == OK && group(&world, "/desk") != NULL &&
        datagroup_add(group(&world, "/desk"), world.people[0].stream) == OK &&
        publish(&world, "/late", "a") == OK && publish(&world, "/desk", "b") == OK) {
        assert_string_equal(heard(&world, 0), "[s /late a][s /desk b]");
        assert_string_equal(heard(&world, 1), "[s /late a]");
    } else {
        assert_true(oom_has_struck());
    }
    end(&world);
}

static void without_memory_nothing_is_half_a_member(void **state)
{
    (void)state;
    every_oom(live_without_memory);
}

/* Without memory for its rest a frame cannot be finished: the session says so. */
static void part_without_memory(void)
{
    struct world world;
    struct span bytes;

    begin(&world);
    if (open_stream(&world, 0) == OK && group(&world, "/desk") != NULL &&
        datagroup_add(group(&world, "/desk"), world.people[0].stream) == OK &&
        publish(&world, "/desk", "a") == OK &&
        session_peek(&world.people[0].session, false, &bytes) == OK) {
        bool has_struck = oom_has_struck();

        session_sent(&world.people[0].session, 4);
        datagroup_remove(group(&world, "/desk"), world.people[0].stream);
        if (!has_struck && oom_has_struck()) {
            assert_int_equal(session_peek(&world.people[0].session, false, &bytes), ERR_NOMEM);
        } else if (!has_struck) {
            assert_string_equal(heard(&world, 0), "desk a]");
        }
    }
    end(&world);
}

static void without_memory_for_the_rest_of_a_frame_the_session_is_broken(void **state)
{
    (void)state;
    every_oom(part_without_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_get_what_is_published_and_others_do_not),
        cmocka_unit_test(a_group_for_all_has_every_stream_that_may_whoever_came_first),
        cmocka_unit_test(a_group_holds_a_group_by_a_join),
        cmocka_unit_test(a_stream_is_found_by_its_id_and_by_no_other),
        cmocka_unit_test(a_stream_that_ends_leaves_its_groups),
        cmocka_unit_test(who_is_taken_out_in_the_middle_of_a_frame_gets_its_rest),
        cmocka_unit_test(the_streams_of_a_group_that_is_removed_go_on),
        cmocka_unit_test(who_is_too_slow_is_lost),
        cmocka_unit_test(names_for_what_is_no_route_are_refused),
        cmocka_unit_test(without_memory_nothing_is_half_a_member),
        cmocka_unit_test(without_memory_for_the_rest_of_a_frame_the_session_is_broken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
