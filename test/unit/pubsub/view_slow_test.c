/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * CHANNEL_SLOW_SKIP: a reader that the channel does not wait for goes on with the newest event.
 */
#include "pubsub/view.h"

#include "lib/testing.h"
#include "unit/pubsub/publishing.h"

#include <stdio.h>

static struct channel_budget budget = {.max = SIZE_MAX};

/* "12 ", and nothing else of the event */
static enum err encode(void *ctx, struct span channel, struct span id,
                       const struct event *event, struct buf *out)
{
    (void)ctx;
    (void)channel;
    (void)id;
    return buf_printf(out, "%llu ", (unsigned long long)event->eid);
}

static const struct view_form numbers = {.tag = 'n', .encode = encode};

struct world {
    struct channel channel;
    struct view_set set;
    struct view_room room;
    struct view_cursor reader;
};

/* Three events are stored; the ring holds a few frames. */
static void begin(struct world *world, enum channel_slow slow)
{
    const struct channel_conf conf = {.capacity = 3, .store_bytes = 1 << 20, .slow = slow};
    const struct view_limits limits = {.ring_bytes = 8, .frame_bytes = 100};

    assert_ok(channel_init(&world->channel, SPAN("/a"), 1, &conf, &budget));
    view_room_init(&world->room, limits.frame_bytes, SIZE_MAX);
    view_set_init(&world->set, &world->channel, &limits, &world->room);
    assert_ok(view_attach(&world->set, &(struct view_kind){&numbers, NULL, SPAN("s")}, 1,
                          &world->reader));
}

static void end(struct world *world)
{
    view_detach(&world->reader);
    view_set_fini(&world->set);
    channel_fini(&world->channel);
    view_room_fini(&world->room);
}

static void publish(struct world *world, int count)
{
    for (int i = 0; i < count; i++) {
        const struct event_parts parts = {.body = SPAN("x")};
        struct event_source source;
        enum err e;
        const struct event *event = publishing_commit(&world->channel, &parts, &e);

        assert_non_null(event);
        event_source_init(&source, event, world->channel.name);
        view_set_append(&world->set, &source);
        event_source_fini(&source);
        while (view_next_dirty(&world->room) != NULL) {
        }
    }
}

/* All that it gets now, `step` bytes at a time, at most `max`. */
static const char *drain(struct world *world, size_t step, size_t max)
{
    static char text[256];
    struct span bytes;
    size_t len = 0;

    while (len < max && view_peek(&world->reader, &bytes) == OK) {
        bytes = span_head(span_head(bytes, step), max - len);
        assert_true(len + bytes.len < sizeof text);
        memcpy(text + len, bytes.ptr, bytes.len);
        len += bytes.len;
        view_sent(&world->reader, bytes.len);
    }
    text[len] = '\0';
    return text;
}

static void who_is_too_slow_goes_on_with_the_newest_and_the_gap_is_known(void **state)
{
    struct world world;

    (void)state;
    begin(&world, CHANNEL_SLOW_SKIP);
    publish(&world, 2);
    assert_string_equal(drain(&world, 100, SIZE_MAX), "1 2 ");
    assert_int_equal(world.reader.skipped, 0);
    publish(&world, 9); /* 9, 10 and 11 are left */
    assert_string_equal(drain(&world, 100, SIZE_MAX), "11 ");
    assert_int_equal(world.reader.skipped, 8); /* 3 to 10 */
    publish(&world, 1);
    assert_string_equal(drain(&world, 100, SIZE_MAX), "12 ");
    assert_int_equal(world.reader.skipped, 8);
    end(&world);
}

static void a_frame_that_was_begun_is_finished_before_the_gap(void **state)
{
    struct world world;

    (void)state;
    begin(&world, CHANNEL_SLOW_SKIP);
    publish(&world, 1);
    assert_string_equal(drain(&world, 1, 1), "1");
    assert_true(view_is_inside(&world.reader));
    publish(&world, 20);
    assert_string_equal(drain(&world, 1, SIZE_MAX), " 21 ");
    assert_int_equal(world.reader.skipped, 19);
    end(&world);
}

static void who_is_in_time_loses_nothing(void **state)
{
    struct world world;

    (void)state;
    begin(&world, CHANNEL_SLOW_SKIP);
    for (int i = 0; i < 5; i++) {
        publish(&world, 3);
        drain(&world, 2, SIZE_MAX);
    }
    assert_int_equal(world.reader.skipped, 0);
    assert_int_equal(world.reader.delivered, 15);
    end(&world);
}

static void elsewhere_it_is_lost(void **state)
{
    struct world world;
    struct span bytes;

    (void)state;
    begin(&world, CHANNEL_SLOW_DROP);
    publish(&world, 9);
    assert_int_equal(view_peek(&world.reader, &bytes), ERR_LIMIT);
    assert_int_equal(world.reader.skipped, 0);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_too_slow_goes_on_with_the_newest_and_the_gap_is_known),
        cmocka_unit_test(a_frame_that_was_begun_is_finished_before_the_gap),
        cmocka_unit_test(who_is_in_time_loses_nothing),
        cmocka_unit_test(elsewhere_it_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
