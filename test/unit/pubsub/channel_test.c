/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/channel.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <stdio.h>
#include <stdlib.h>

static const struct channel_limits five = {.capacity = 5, .store_bytes = 1000000};

static struct channel channel_of(const struct channel_limits *limits)
{
    struct channel channel;

    assert_ok(channel_init(&channel, SPAN("/demo/a"), 99, limits));
    return channel;
}

static uint64_t publish(struct channel *channel, const char *body, const char *id)
{
    const struct event_parts parts = {.body = span_str(body), .publish_id = span_str(id)};
    struct channel_receipt receipt;

    assert_ok(channel_publish(channel, &parts, &receipt));
    return receipt.event->eid;
}

static void eids_count_from_one_without_gaps(void **state)
{
    struct channel channel = channel_of(&five);

    (void)state;
    for (uint64_t eid = 1; eid <= 100; eid++) {
        assert_int_equal(publish(&channel, "x", NULL), eid);
    }
    assert_int_equal(channel.next_eid, 101);
    channel_fini(&channel);
}

static void the_oldest_event_makes_room_at_the_capacity(void **state)
{
    struct channel channel = channel_of(&five);
    char body[16];

    (void)state;
    for (int i = 1; i <= 23; i++) {
        snprintf(body, sizeof body, "b%d", i);
        publish(&channel, body, NULL);
    }
    assert_int_equal(channel.count, 5);
    assert_int_equal(channel_first_eid(&channel), 19);
    assert_null(channel_find(&channel, 18));
    assert_null(channel_find(&channel, 24));
    for (uint64_t eid = 19; eid <= 23; eid++) {
        snprintf(body, sizeof body, "b%d", (int)eid);
        assert_bytes(event_body(channel_find(&channel, eid)), span_str(body));
    }
    channel_fini(&channel);
}

static void a_capacity_of_one_keeps_the_last_event(void **state)
{
    struct channel channel = channel_of(&(struct channel_limits){1, 1000});

    (void)state;
    publish(&channel, "one", "a");
    publish(&channel, "two", "b");
    assert_int_equal(channel.count, 1);
    assert_bytes(event_body(channel_find(&channel, 2)), SPAN("two"));
    channel_fini(&channel);
}

static void bytes_are_bounded_too(void **state)
{
    struct channel channel = channel_of(&(struct channel_limits){1000, 1000});
    const struct event_parts huge = {.body = span_of(calloc(1, 1001), 1001)};
    struct channel_receipt receipt;

    (void)state;
    for (int i = 0; i < 100; i++) {
        publish(&channel, "0123456789012345678901234567890123456789", NULL);
        assert_true(channel.bytes <= 1000);
    }
    assert_true(channel.count >= 5 && channel.count < 25);
    assert_int_equal(channel_publish(&channel, &huge, &receipt), ERR_LIMIT);
    assert_int_equal(channel.next_eid, 101);
    channel_fini(&channel);
    free((void *)(uintptr_t)huge.body.ptr);
}

static void a_publish_id_publishes_once_while_its_event_is_stored(void **state)
{
    struct channel channel = channel_of(&five);
    const struct event_parts again = {.body = SPAN("other"), .publish_id = SPAN("id-1")};
    struct channel_receipt receipt;

    (void)state;
    assert_int_equal(publish(&channel, "x", "id-1"), 1);
    assert_int_equal(publish(&channel, "y", "id-2"), 2);
    assert_ok(channel_publish(&channel, &again, &receipt));
    assert_true(receipt.is_repeat);
    assert_int_equal(receipt.event->eid, 1);
    assert_bytes(event_body(receipt.event), SPAN("x"));
    assert_int_equal(channel.next_eid, 3);
    for (int i = 0; i < 4; i++) {
        publish(&channel, "z", NULL);
    }
    assert_int_equal(publish(&channel, "x", "id-1"), 7); /* the first one has fallen out */
    channel_fini(&channel);
}

static void a_subscriber_begins_where_it_asks_to(void **state)
{
    struct channel channel = channel_of(&five);
    struct channel_start start = {.from = CHANNEL_FROM_NOW};

    (void)state;
    for (int i = 0; i < 8; i++) {
        publish(&channel, "x", NULL);
    }
    assert_int_equal(channel_begin(&channel, &start), 9);
    start.from = CHANNEL_FROM_STORED;
    assert_int_equal(channel_begin(&channel, &start), 4);
    start = (struct channel_start){.from = CHANNEL_FROM_EID, .eid = 6};
    assert_int_equal(channel_begin(&channel, &start), 6);
    start.eid = 0;
    assert_int_equal(channel_begin(&channel, &start), 4); /* as much as there is */
    start.eid = 1000;
    assert_int_equal(channel_begin(&channel, &start), 9);
    start = (struct channel_start){CHANNEL_FROM_EID, 6, .has_epoch = true, .epoch = 99};
    assert_int_equal(channel_begin(&channel, &start), 6);
    start.epoch = 98;
    assert_int_equal(channel_begin(&channel, &start), 4); /* another life */
    channel_fini(&channel);
}

static void fill_a_channel(void)
{
    struct channel channel;
    struct channel_receipt receipt;

    if (channel_init(&channel, SPAN("/a"), 1, &five) == OK) {
        for (int i = 0; i < 20; i++) {
            uint8_t id = (uint8_t)i;
            const struct event_parts parts = {.body = SPAN("x"), .publish_id = {&id, 1}};
            uint64_t next = channel.next_eid;

            if (channel_publish(&channel, &parts, &receipt) == ERR_NOMEM) {
                assert_int_equal(channel.next_eid, next);
            }
        }
    }
    channel_fini(&channel);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(fill_a_channel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eids_count_from_one_without_gaps),
        cmocka_unit_test(the_oldest_event_makes_room_at_the_capacity),
        cmocka_unit_test(a_capacity_of_one_keeps_the_last_event),
        cmocka_unit_test(bytes_are_bounded_too),
        cmocka_unit_test(a_publish_id_publishes_once_while_its_event_is_stored),
        cmocka_unit_test(a_subscriber_begins_where_it_asks_to),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
