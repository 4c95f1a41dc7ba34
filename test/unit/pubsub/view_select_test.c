/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* Views with selectors, and over channels with gaps: the rest is in view_test.c. */
#include "pubsub/view.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/pubsub/publishing.h"

#include <stdio.h>

static struct channel_budget budget = {.max = SIZE_MAX};
static unsigned encoded;

static enum err encode(void *ctx, struct span channel, struct span id,
                       const struct event *event, struct buf *out)
{
    (void)ctx;
    (void)channel;
    encoded++;
    return buf_printf(out, "[%.*s %llu]", SPAN_ARG(id), (unsigned long long)event->eid);
}

static const struct view_form form = {.tag = 'f', .encode = encode};

struct world {
    struct channel channel;
    struct view_set set;
    struct view_room room;
};

static enum err begin(struct world *world, size_t capacity, size_t ring_bytes)
{
    const struct channel_conf conf = {.capacity = capacity, .store_bytes = 1 << 24};
    const struct view_limits limits = {ring_bytes, 1000};
    enum err e = channel_init(&world->channel, SPAN("/a"), 1, &conf, &budget);

    encoded = 0;
    view_room_init(&world->room, 1000, SIZE_MAX);
    view_set_init(&world->set, &world->channel, &limits, &world->room);
    return e;
}

static void end(struct world *world)
{
    view_set_fini(&world->set);
    channel_fini(&world->channel);
    view_room_fini(&world->room);
}

static enum err attach(struct world *world, const char *selector, const char *id, uint64_t eid,
                       struct view_cursor *cursor)
{
    struct view_kind kind = {&form, NULL, span_str(id)};
    struct selector_fault fault;
    enum err e;

    if (selector != NULL) {
        TRY(selector_parse(span_str(selector), &fault, &kind.selector));
    }
    e = view_attach(&world->set, &kind, eid, cursor);
    selector_unref(kind.selector); /* the view has its own reference */
    return e;
}

static enum err publish(struct world *world, const char *color, uint64_t ttl)
{
    const struct event_header header = {SPAN("color"), span_str(color)};
    const struct event_parts parts = {
        .headers = &header, .header_count = 1, .time = world->room.now, .ttl = ttl};
    struct event_source source;
    const struct event *event;
    enum err e;

    event = publishing_commit(&world->channel, &parts, &e);
    TRY(e);
    event_source_init(&source, event, world->channel.name);
    view_set_append(&world->set, &source);
    event_source_fini(&source);
    return OK;
}

/* How many views have news. */
static int count_dirty(struct world *world)
{
    int count = 0;

    while (view_next_dirty(&world->room) != NULL) {
        count++;
    }
    return count;
}

static const char *drain(struct view_cursor *cursor)
{
    static char text[1 << 16];
    struct span bytes;
    size_t len = 0;

    while (view_peek(cursor, &bytes) == OK) {
        assert_true(len + bytes.len < sizeof text);
        memcpy(text + len, bytes.ptr, bytes.len);
        len += bytes.len;
        view_sent(cursor, bytes.len);
    }
    text[len] = '\0';
    return text;
}

static void a_view_shows_what_its_selector_is_true_of_live_and_stored(void **state)
{
    struct view_cursor red, all, late;
    struct world world;

    (void)state;
    assert_ok(begin(&world, 100, 10000));
    assert_ok(attach(&world, "color = 'red'", "s", 1, &red));
    assert_ok(attach(&world, NULL, "s", 1, &all));
    assert_ok(publish(&world, "red", 0));
    assert_int_equal(count_dirty(&world), 2);
    assert_ok(publish(&world, "blue", 0));
    assert_int_equal(count_dirty(&world), 1); /* who does not want it is not woken */
    assert_ok(publish(&world, "red", 0));
    assert_int_equal(encoded, 5);
    assert_string_equal(drain(&red), "[s 1][s 3]");
    assert_string_equal(drain(&all), "[s 1][s 2][s 3]");
    assert_ok(attach(&world, "color = 'red'", "s", 1, &late));
    assert_ptr_equal(late.view, red.view); /* the same text, the same view */
    assert_string_equal(drain(&late), "[s 1][s 3]");
    assert_ok(publish(&world, "blue", 0));
    assert_ok(publish(&world, "red", 0));
    assert_string_equal(drain(&late), "[s 5]");
    assert_string_equal(drain(&red), "[s 5]");
    assert_int_equal(view_position(&red), 6);
    view_detach(&red);
    view_detach(&all);
    view_detach(&late);
    end(&world);
}

static void views_with_one_selector_share_its_evaluation(void **state)
{
    struct view_cursor a, b, other;
    struct world world;

    (void)state;
    assert_ok(begin(&world, 100, 10000));
    assert_ok(attach(&world, "color = 'red'", "a", 1, &a));
    assert_ok(attach(&world, "color = 'red'", "b", 1, &b));
    assert_ok(attach(&world, "color <> 'red'", "b", 1, &other));
    assert_ptr_equal(a.view->filter, b.view->filter);
    assert_ptr_not_equal(a.view, b.view);
    assert_int_equal(a.view->filter->views, 2);
    assert_ptr_not_equal(b.view, other.view);
    view_detach(&a);
    assert_int_equal(b.view->filter->views, 1);
    view_detach(&b);
    view_detach(&other);
    assert_true(list_is_empty(&world.set.filters));
    end(&world);
}

static void one_who_waits_for_a_rare_event_is_not_lost_by_the_others(void **state)
{
    struct view_cursor rare;
    struct world world;

    (void)state;
    assert_ok(begin(&world, 5, 100)); /* a short ring over a short channel */
    assert_ok(attach(&world, "color = 'red'", "s", 1, &rare));
    for (int i = 0; i < 50; i++) {
        assert_ok(publish(&world, "blue", 0));
    }
    assert_ok(publish(&world, "red", 0));
    assert_string_equal(drain(&rare), "[s 51]");
    for (int i = 0; i < 50; i++) {
        assert_ok(publish(&world, "blue", 0));
    }
    for (int i = 0; i < 4; i++) { /* more than fits: the oldest is read from the channel */
        assert_ok(publish(&world, "red", 0));
    }
    rare.view->ring.max = 10; /* nothing fits any more */
    assert_ok(publish(&world, "red", 0));
    assert_string_equal(drain(&rare), "[s 102][s 103][s 104][s 105][s 106]");
    view_detach(&rare);
    end(&world);
}

static void a_long_look_in_vain_is_cut_into_turns(void **state)
{
    struct view_cursor rare;
    struct world world;
    struct span bytes;
    int turns = 0;

    (void)state;
    assert_ok(begin(&world, 10000, 1000));
    for (int i = 0; i < 5000; i++) {
        assert_ok(publish(&world, "blue", 0));
    }
    assert_ok(publish(&world, "red", 0));
    assert_ok(attach(&world, "color = 'red'", "s", 1, &rare));
    while (view_peek(&rare, &bytes) == ERR_AGAIN) {
        assert_ptr_equal(view_next_dirty(&world.room), rare.view); /* comes again by itself */
        turns++;
    }
    assert_bytes(bytes, SPAN("[s 5001]"));
    assert_true(turns >= 4);
    view_sent(&rare, bytes.len);
    assert_int_equal(view_peek(&rare, &bytes), ERR_AGAIN);
    assert_null(view_next_dirty(&world.room)); /* now it waits */
    view_detach(&rare);
    end(&world);
}

static void what_was_begun_is_finished_although_the_event_is_gone(void **state)
{
    struct view_cursor slow;
    struct world world;
    struct span bytes;
    char offered[200];
    size_t len;

    (void)state;
    assert_ok(begin(&world, 1000, 100));
    assert_ok(attach(&world, NULL, "s", 1, &slow));
    for (int i = 0; i < 10; i++) {
        assert_ok(publish(&world, "red", 0));
    }
    assert_ok(view_peek(&slow, &bytes));
    view_sent(&slow, 2); /* inside the first frame */
    assert_ok(view_peek(&slow, &bytes));
    len = bytes.len;
    assert_true(len < sizeof offered);
    memcpy(offered, bytes.ptr, len);
    assert_int_equal(channel_purge(&world.channel, 9), 8);
    for (int i = 0; i < 50; i++) { /* the ring moves on */
        assert_ok(publish(&world, "red", 0));
    }
    assert_true(view_is_inside(&slow));
    assert_true(view_position(&slow) == 1);
    assert_ok(view_peek(&slow, &bytes));
    assert_true(bytes.len >= len);
    assert_memory_equal(bytes.ptr, offered, len);
    view_sent(&slow, bytes.len);
    assert_false(view_is_inside(&slow));
    assert_non_null(strstr(drain(&slow), "[s 60]"));
    view_detach(&slow);
    end(&world);
}

static void expired_events_are_not_delivered_from_the_store(void **state)
{
    struct view_cursor late;
    struct world world;

    (void)state;
    assert_ok(begin(&world, 1000, 1000));
    world.room.now = 1000;
    assert_ok(publish(&world, "red", 10));
    assert_ok(publish(&world, "red", 0));
    assert_ok(publish(&world, "red", 20));
    world.room.now = 1010;
    assert_ok(attach(&world, NULL, "s", 1, &late));
    assert_string_equal(drain(&late), "[s 2][s 3]");
    view_detach(&late);
    end(&world);
}

static void live_a_little(void)
{
    struct view_cursor a = {.view = NULL}, b = {.view = NULL};
    struct world world;

    if (begin(&world, 10, 50) == OK && attach(&world, "color = 'red'", "a", 1, &a) == OK &&
        attach(&world, NULL, "b", 1, &b) == OK) {
        for (int i = 0; i < 8; i++) {
            if (publish(&world, i % 2 == 0 ? "red" : "blue", 0) == OK) {
                drain(i % 3 == 0 ? &a : &b);
            }
        }
    }
    view_detach(&a);
    view_detach(&b);
    end(&world);
    assert_int_equal(budget.used, 0);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(live_a_little);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_view_shows_what_its_selector_is_true_of_live_and_stored),
        cmocka_unit_test(views_with_one_selector_share_its_evaluation),
        cmocka_unit_test(one_who_waits_for_a_rare_event_is_not_lost_by_the_others),
        cmocka_unit_test(a_long_look_in_vain_is_cut_into_turns),
        cmocka_unit_test(what_was_begun_is_finished_although_the_event_is_gone),
        cmocka_unit_test(expired_events_are_not_delivered_from_the_store),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
