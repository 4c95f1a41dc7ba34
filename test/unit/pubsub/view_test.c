/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/view.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/pubsub/publishing.h"

#include "base/rng.h"

#include <stdio.h>

static struct channel_budget budget = {.max = SIZE_MAX};

static unsigned encoded;

/* "[id 12 body]", a line each */
static enum err encode(void *ctx, struct span channel, struct span id,
                       const struct event *event, struct buf *out)
{
    struct span body = event_body(event);

    (void)ctx;
    (void)channel;
    encoded++;
    return buf_printf(out, "[%.*s %llu %.*s]\n", SPAN_ARG(id), (unsigned long long)event->eid,
                      SPAN_ARG(body));
}

static const struct view_form lines = {.tag = 'l', .encode = encode};

struct world {
    struct channel channel;
    struct view_set set;
    struct view_room room;
};

static void begin(struct world *world, size_t capacity, size_t ring_bytes)
{
    const struct channel_conf conf = {.capacity = capacity, .store_bytes = 1 << 24};
    const struct view_limits view_limits = {ring_bytes, 1 << 16};

    encoded = 0;
    assert_ok(channel_init(&world->channel, SPAN("/a"), 1, &conf, &budget));
    view_room_init(&world->room, view_limits.frame_bytes, SIZE_MAX);
    view_set_init(&world->set, &world->channel, &view_limits, &world->room);
}

static void end(struct world *world)
{
    assert_true(list_is_empty(&world->set.list));
    view_set_fini(&world->set);
    channel_fini(&world->channel);
    view_room_fini(&world->room);
}

static void append(struct view_set *set, const struct event *event)
{
    struct event_source source;

    event_source_init(&source, event, set->channel->name);
    view_set_append(set, &source);
    event_source_fini(&source);
}

static void publish(struct world *world, const char *body)
{
    const struct event_parts parts = {.body = span_str(body)};
    enum err e;
    const struct event *event = publishing_commit(&world->channel, &parts, &e);

    assert_non_null(event);
    append(&world->set, event);
    while (view_next_dirty(&world->room) != NULL) {
    }
}

static void attach(struct world *world, const char *id, uint64_t eid,
                   struct view_cursor *cursor)
{
    assert_ok(
        view_attach(&world->set, &(struct view_kind){&lines, NULL, span_str(id)}, eid, cursor));
}

/* Everything there is, as text, in sends of at most `step` bytes. Lives until the next call. */
static const char *drain(struct view_cursor *cursor, size_t step)
{
    static char text[1 << 16];
    size_t len = 0;
    struct span bytes;

    while (view_peek(cursor, &bytes) == OK) {
        bytes = span_head(bytes, step);
        assert_true(len + bytes.len < sizeof text);
        memcpy(text + len, bytes.ptr, bytes.len);
        len += bytes.len;
        view_sent(cursor, bytes.len);
    }
    text[len] = '\0';
    return text;
}

static void an_event_is_framed_once_for_all_subscribers_of_one_kind(void **state)
{
    struct world world;
    struct view_cursor a, b, other;

    (void)state;
    begin(&world, 10, 10000);
    attach(&world, "s", 1, &a);
    attach(&world, "s", 1, &b);
    attach(&world, "t", 1, &other);
    publish(&world, "one");
    publish(&world, "two");
    assert_ptr_equal(a.view, b.view);
    assert_int_equal(encoded, 4);
    assert_string_equal(drain(&a, 1000), "[s 1 one]\n[s 2 two]\n");
    assert_string_equal(drain(&b, 3), "[s 1 one]\n[s 2 two]\n");
    assert_string_equal(drain(&other, 1000), "[t 1 one]\n[t 2 two]\n");
    assert_int_equal(encoded, 4);
    view_detach(&a);
    view_detach(&b);
    view_detach(&other);
    publish(&world, "three");
    assert_int_equal(encoded, 4); /* nobody looks, nobody frames */
    end(&world);
}

static void events_that_lie_together_are_offered_together(void **state)
{
    struct world world;
    struct view_cursor cursor;
    struct span bytes;

    (void)state;
    begin(&world, 10, 10000);
    attach(&world, "s", 1, &cursor);
    publish(&world, "one");
    publish(&world, "two");
    assert_ok(view_peek(&cursor, &bytes));
    assert_bytes(bytes, SPAN("[s 1 one]\n[s 2 two]\n"));
    assert_false(view_is_inside(&cursor));
    view_sent(&cursor, 12);
    assert_true(view_is_inside(&cursor));
    assert_ok(view_peek(&cursor, &bytes));
    assert_bytes(bytes, SPAN(" 2 two]\n"));
    view_sent(&cursor, 8);
    assert_false(view_is_inside(&cursor));
    assert_int_equal(view_peek(&cursor, &bytes), ERR_AGAIN);
    view_detach(&cursor);
    end(&world);
}

static void replay_meets_live_events_without_loss_or_doubling(void **state)
{
    struct world world;
    struct view_cursor live, late;
    char expected[16384] = "";
    char body[16];

    (void)state;
    begin(&world, 500, 100000);
    attach(&world, "s", 1, &live);
    for (int i = 1; i <= 200; i++) {
        snprintf(body, sizeof body, "e%d", i);
        publish(&world, body);
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected),
                 "[s %d e%d]\n", i, i);
        if (i == 100) {
            assert_string_equal(drain(&live, 1000), expected);
            attach(&world, "s", 1, &late);
        }
        if (i == 150) { /* a part, so that it stands in the middle of a frame */
            struct span bytes;

            assert_ok(view_peek(&late, &bytes));
            assert_memory_equal(bytes.ptr, expected, 333);
            view_sent(&late, 333);
        }
    }
    assert_string_equal(drain(&late, 7), expected + 333);
    assert_null(late.own.ptr); /* in the shared ring again, its own room given back */
    publish(&world, "last");
    assert_string_equal(drain(&late, 100), "[s 201 last]\n");
    view_detach(&live);
    view_detach(&late);
    end(&world);
}

static void a_slow_cursor_goes_on_from_the_store_even_inside_a_frame(void **state)
{
    struct world world;
    struct view_cursor slow, quick;
    struct span bytes;
    char expected[8192] = "";

    (void)state;
    begin(&world, 500, 300); /* a ring of some ten frames */
    attach(&world, "s", 1, &slow);
    attach(&world, "s", 1, &quick);
    for (int i = 1; i <= 200; i++) {
        publish(&world, "0123456789");
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected),
                 "[s %d 0123456789]\n", i);
        drain(&quick, 1000);
        if (i == 3) {
            assert_ok(view_peek(&slow, &bytes));
            view_sent(&slow, 25); /* five bytes into the second frame of 17 */
        }
    }
    assert_true(view_is_inside(&slow));
    assert_string_equal(drain(&slow, 50), expected + 25);
    view_detach(&slow);
    view_detach(&quick);
    end(&world);
}

static void a_peek_that_was_not_taken_is_offered_again_after_the_ring_moved_on(void **state)
{
    struct world world;
    struct view_cursor slow;
    struct span bytes;
    uint8_t offered[600];
    size_t len;

    (void)state;
    begin(&world, 500, 300);
    attach(&world, "s", 1, &slow);
    for (int i = 0; i < 8; i++) {
        publish(&world, "0123456789");
    }
    assert_ok(view_peek(&slow, &bytes));
    len = bytes.len;
    assert_true(len > 100 && len < sizeof offered);
    memcpy(offered, bytes.ptr, len);
    for (int i = 0; i < 100; i++) {
        publish(&world, "0123456789");
    }
    assert_ok(view_peek(&slow, &bytes));
    assert_true(bytes.len >= len);
    assert_memory_equal(bytes.ptr, offered, len);
    view_detach(&slow);
    end(&world);
}

static void a_cursor_whose_event_is_gone_is_lost(void **state)
{
    struct world world;
    struct view_cursor slow;
    struct span bytes;

    (void)state;
    begin(&world, 5, 300);
    attach(&world, "s", 1, &slow);
    for (int i = 0; i < 100; i++) {
        publish(&world, "0123456789");
    }
    assert_int_equal(view_peek(&slow, &bytes), ERR_LIMIT);
    assert_int_equal(view_peek(&slow, &bytes), ERR_LIMIT);
    view_detach(&slow);
    end(&world);
}

static void an_event_longer_than_the_ring_reaches_everybody(void **state)
{
    struct world world;
    struct view_cursor a, b;
    char body[500];
    char expected[600];

    (void)state;
    memset(body, 'x', sizeof body);
    body[sizeof body - 1] = '\0';
    begin(&world, 5, 300);
    attach(&world, "s", 1, &a);
    attach(&world, "s", 1, &b);
    publish(&world, body);
    publish(&world, "short");
    snprintf(expected, sizeof expected, "[s 1 %s]\n[s 2 short]\n", body);
    assert_string_equal(drain(&a, 100), expected);
    assert_string_equal(drain(&b, 1000), expected);
    publish(&world, "again");
    assert_string_equal(drain(&a, 100), "[s 3 again]\n");
    assert_string_equal(drain(&b, 100), "[s 3 again]\n");
    view_detach(&a);
    view_detach(&b);
    end(&world);
}

static void an_idle_view_holds_next_to_nothing(void **state)
{
    struct world world;
    struct view_cursor cursor;

    (void)state;
    begin(&world, 500, 1 << 20);
    attach(&world, "s", 1, &cursor);
    for (int i = 0; i < 500; i++) {
        publish(&world, "0123456789012345678901234567890123456789");
    }
    assert_true(cursor.view->ring.size > 10000);
    drain(&cursor, 5000);
    assert_true(cursor.view->ring.size <= 1024);
    view_detach(&cursor);
    end(&world);
}

static void what_was_begun_can_be_taken_along(void **state)
{
    struct world world;
    struct view_cursor cursor;
    struct span bytes;
    struct buf rest;

    (void)state;
    buf_init(&rest, 10000);
    begin(&world, 10, 1000);
    attach(&world, "s", 1, &cursor);
    publish(&world, "one");
    publish(&world, "two");
    publish(&world, "three");
    assert_ok(view_peek(&cursor, &bytes));
    view_sent(&cursor, 13);
    assert_ok(view_copy_owed(&cursor, 0, &rest));
    assert_bytes(buf_span(&rest), SPAN("2 two]\n"));
    buf_fini(&rest);
    assert_ok(view_peek(&cursor, &bytes));
    assert_ok(view_copy_owed(&cursor, 1, &rest));
    assert_bytes(buf_span(&rest), SPAN("[s 3 three]\n"));
    buf_fini(&rest);
    view_detach(&cursor);
    end(&world);
}

struct tracked {
    struct view_cursor cursor;
    const char *id;
    uint64_t seen;
    char line[64];
    size_t line_len;
};

static void check_bytes(struct tracked *tracked, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        char expected[32];

        tracked->line[tracked->line_len++] = (char)bytes.ptr[i];
        if (bytes.ptr[i] != '\n') {
            continue;
        }
        tracked->seen++;
        snprintf(expected, sizeof expected, "[%s %llu ", tracked->id,
                 (unsigned long long)tracked->seen);
        assert_memory_equal(tracked->line, expected, strlen(expected));
        tracked->line_len = 0;
    }
}

/* Publishes, sends of any size and readers of any pace: every reader sees every event once and
 * in order. */
static void any_mix_of_paces_delivers_everything_once(void **state)
{
    struct tracked readers[6] = {0};
    struct rng rng = rng_seeded(11);
    struct world world;
    struct span bytes;

    (void)state;
    begin(&world, 100000, 700);
    for (size_t i = 0; i < 6; i++) {
        readers[i].id = i % 2 == 0 ? "a" : "b";
        attach(&world, readers[i].id, 1, &readers[i].cursor);
    }
    for (int turn = 0; turn < 20000; turn++) {
        size_t who = rng_u32(&rng) % 6;

        if (rng_u32(&rng) % 4 == 0) {
            publish(&world, &"0123456789ab"[rng_u32(&rng) % 12]);
        }
        if (view_peek(&readers[who].cursor, &bytes) == OK) {
            bytes = span_head(bytes, 1 + rng_u32(&rng) % (who < 3 ? 20 : 500));
            check_bytes(&readers[who], bytes);
            view_sent(&readers[who].cursor, bytes.len);
        }
    }
    assert_true(readers[0].seen < readers[5].seen - 1000);
    for (size_t i = 0; i < 6; i++) {
        while (view_peek(&readers[i].cursor, &bytes) == OK) {
            check_bytes(&readers[i], bytes);
            view_sent(&readers[i].cursor, bytes.len);
        }
        assert_int_equal(readers[i].seen, world.channel.next_eid - 1);
        view_detach(&readers[i].cursor);
    }
    end(&world);
}

static void live_a_little(void)
{
    const struct channel_conf conf = {.capacity = 50, .store_bytes = 1 << 20};
    const struct view_limits view_limits = {200, 1000};
    const struct event_parts parts = {.body = SPAN("0123456789")};
    struct view_cursor cursor = {.view = NULL};
    const struct event *event;
    enum err e;
    struct channel channel;
    struct view_set set;
    struct view_room room;
    struct span bytes;

    view_room_init(&room, 1000, SIZE_MAX);
    if (channel_init(&channel, SPAN("/a"), 1, &conf, &budget) == OK) {
        view_set_init(&set, &channel, &view_limits, &room);
        if (view_attach(&set, &(struct view_kind){&lines, NULL, SPAN("s")}, 1, &cursor) == OK) {
            for (int i = 0; i < 30; i++) {
                event = publishing_commit(&channel, &parts, &e);
                if (event != NULL) {
                    append(&set, event);
                }
                if (i % 7 == 0 && view_peek(&cursor, &bytes) == OK) {
                    view_sent(&cursor, bytes.len / 2 + 1);
                }
            }
        }
        view_detach(&cursor);
        view_set_fini(&set);
    }
    channel_fini(&channel);
    view_room_fini(&room);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(live_a_little);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_framed_once_for_all_subscribers_of_one_kind),
        cmocka_unit_test(events_that_lie_together_are_offered_together),
        cmocka_unit_test(replay_meets_live_events_without_loss_or_doubling),
        cmocka_unit_test(a_slow_cursor_goes_on_from_the_store_even_inside_a_frame),
        cmocka_unit_test(a_peek_that_was_not_taken_is_offered_again_after_the_ring_moved_on),
        cmocka_unit_test(a_cursor_whose_event_is_gone_is_lost),
        cmocka_unit_test(an_event_longer_than_the_ring_reaches_everybody),
        cmocka_unit_test(an_idle_view_holds_next_to_nothing),
        cmocka_unit_test(what_was_begun_can_be_taken_along),
        cmocka_unit_test(any_mix_of_paces_delivers_everything_once),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
