/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/channel.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/pubsub/publishing.h"

#include <stdio.h>
#include <stdlib.h>

static struct channel_budget budget = {.max = SIZE_MAX};

static const struct channel_conf five = {.capacity = 5, .store_bytes = 1000000};

static struct channel channel_of(const struct channel_conf *conf)
{
    struct channel channel;

    assert_ok(channel_init(&channel, SPAN("/demo/a"), 99, conf, &budget));
    return channel;
}

static uint64_t publish(struct channel *channel, const char *body, const char *id)
{
    const struct event_parts parts = {.body = span_str(body), .publish_id = span_str(id)};
    enum err e;
    const struct event *event = publishing_commit(channel, &parts, &e);

    assert_ok(e);
    return event->eid;
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
    assert_int_equal(channel_count(&channel), 5);
    assert_int_equal(channel_first_eid(&channel), 19);
    assert_null(publishing_find(&channel, 18));
    assert_null(publishing_find(&channel, 24));
    for (uint64_t eid = 19; eid <= 23; eid++) {
        snprintf(body, sizeof body, "b%d", (int)eid);
        assert_bytes(event_body(publishing_find(&channel, eid)), span_str(body));
    }
    channel_fini(&channel);
}

static void a_capacity_of_one_keeps_the_last_event(void **state)
{
    struct channel channel =
        channel_of(&(struct channel_conf){.capacity = 1, .store_bytes = 1000});

    (void)state;
    publish(&channel, "one", "a");
    publish(&channel, "two", "b");
    assert_int_equal(channel_count(&channel), 1);
    assert_bytes(event_body(publishing_find(&channel, 2)), SPAN("two"));
    channel_fini(&channel);
}

static void bytes_are_bounded_too(void **state)
{
    struct channel channel =
        channel_of(&(struct channel_conf){.capacity = 1000, .store_bytes = 1000});
    const struct event_parts huge = {.body = span_of(calloc(1, 1001), 1001)};
    enum err e;

    (void)state;
    for (int i = 0; i < 100; i++) {
        publish(&channel, "0123456789012345678901234567890123456789", NULL);
        assert_true(channel.bytes <= 1000);
    }
    assert_true(channel_count(&channel) >= 4 && channel_count(&channel) < 25);
    assert_null(publishing_commit(&channel, &huge, &e));
    assert_int_equal(e, ERR_LIMIT);
    assert_int_equal(channel.next_eid, 101);
    channel_fini(&channel);
    free((void *)(uintptr_t)huge.body.ptr);
}

static void a_publish_id_publishes_once_while_its_event_is_stored(void **state)
{
    struct channel channel = channel_of(&five);
    const struct event_parts again = {.body = SPAN("other"), .publish_id = SPAN("id-1")};
    const struct event *event;
    enum err e;

    (void)state;
    assert_int_equal(publish(&channel, "x", "id-1"), 1);
    assert_int_equal(publish(&channel, "y", "id-2"), 2);
    event = publishing_commit(&channel, &again, &e);
    assert_int_equal(event->eid, 1);
    assert_bytes(event_body(event), SPAN("x"));
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

static bool collect(void *ctx, const struct event *event)
{
    uint64_t *digits = ctx;

    *digits = *digits * 10 + event->eid;
    return *digits < 1000; /* three are enough */
}

static uint64_t eids_from(const struct channel *channel, uint64_t eid, uint64_t now)
{
    uint64_t digits = 0;

    assert_ok(channel_read(channel, eid, now, collect, &digits));
    return digits;
}

static void what_was_removed_leaves_a_gap_that_readers_pass_over(void **state)
{
    struct channel channel = channel_of(&five);

    (void)state;
    for (int i = 0; i < 5; i++) {
        publish(&channel, "x", NULL);
    }
    assert_true(channel_remove(&channel, 2));
    assert_false(channel_remove(&channel, 2));
    assert_false(channel_remove(&channel, 9));
    assert_int_equal(eids_from(&channel, 1, 0), 1345);
    assert_int_equal(eids_from(&channel, 4, 0), 45);
    assert_int_equal(channel_purge(&channel, 4), 2);
    assert_int_equal(channel_first_eid(&channel), 4);
    assert_int_equal(channel_purge(&channel, channel.next_eid), 2);
    assert_int_equal(channel_first_eid(&channel), 6);
    assert_int_equal(channel.lost_eid, 0); /* nobody has lost anything */
    channel_fini(&channel);
}

static void who_needs_what_had_to_make_room_is_told(void **state)
{
    struct channel channel = channel_of(&five);
    uint64_t digits = 0;

    (void)state;
    for (int i = 0; i < 7; i++) {
        publish(&channel, "x", NULL);
    }
    assert_int_equal(channel_read(&channel, 2, 0, collect, &digits), ERR_LIMIT);
    assert_int_equal(digits, 0);
    assert_int_equal(eids_from(&channel, 5, 0), 567);
    channel_fini(&channel);
}

struct dropped {
    uint64_t eids;
    enum channel_drop why;
};

static void on_drop(void *ctx, const struct channel_entry *entry, enum channel_drop why)
{
    struct dropped *dropped = ctx;

    dropped->eids = dropped->eids * 10 + entry->eid;
    dropped->why = why;
}

static void events_expire_by_the_shorter_time_to_live(void **state)
{
    struct channel channel =
        channel_of(&(struct channel_conf){.capacity = 9, .store_bytes = 10000, .ttl = 100});
    static const uint64_t ttls[] = {0, 50, 500};
    struct dropped dropped = {0};
    enum err e;

    (void)state;
    channel.watcher = (struct channel_watcher){on_drop, &dropped};
    assert_true(channel_deadline(&channel) == EVENT_NEVER);
    for (int i = 0; i < 3; i++) {
        const struct event_parts parts = {.time = 1000 + (uint64_t)i, .ttl = ttls[i]};

        assert_non_null(publishing_commit(&channel, &parts, &e));
    }
    assert_int_equal(channel_deadline(&channel), 1051);
    assert_int_equal(eids_from(&channel, 1, 1050), 123);
    assert_int_equal(eids_from(&channel, 1, 1051), 13); /* not gone yet, and not delivered */
    channel_expire(&channel, 1051);
    assert_int_equal(dropped.eids, 2);
    assert_int_equal(dropped.why, CHANNEL_DROP_EXPIRED);
    assert_int_equal(channel_deadline(&channel), 1100);
    channel_expire(&channel, 1102);
    assert_int_equal(dropped.eids, 213);
    assert_int_equal(channel_count(&channel), 0);
    assert_int_equal(channel_first_eid(&channel), 4);
    channel_fini(&channel);
}

static void what_is_prepared_is_seen_by_nobody_until_it_is_committed(void **state)
{
    struct channel channel = channel_of(&five);
    const struct event_parts parts = {.publish_id = SPAN("p"), .ttl = 1};
    struct channel_entry *entry, *again;
    bool is_repeat;

    (void)state;
    assert_ok(channel_prepare(&channel, &parts, &entry, &is_repeat));
    assert_false(is_repeat);
    assert_int_equal(channel_count(&channel), 0);
    assert_ok(channel_prepare(&channel, &parts, &again, &is_repeat));
    assert_true(is_repeat);
    assert_ptr_equal(again, entry);
    channel_expire(&channel, 1000); /* not before it is published */
    channel_abandon(&channel, entry);
    assert_ok(channel_prepare(&channel, &parts, &entry, &is_repeat));
    assert_false(is_repeat);
    assert_int_equal(channel_commit(&channel, entry, 7)->eid, 7);
    assert_int_equal(channel.next_eid, 8);
    assert_int_equal(channel_first_eid(&channel), 7);
    channel_fini(&channel);
}

static void a_transient_channel_has_nothing_for_those_who_come_later(void **state)
{
    struct channel channel = channel_of(
        &(struct channel_conf){.type = CHANNEL_TRANSIENT, .capacity = 5, .store_bytes = 10000});

    (void)state;
    publish(&channel, "x", NULL);
    assert_int_equal(
        channel_begin(&channel, &(struct channel_start){.from = CHANNEL_FROM_STORED}), 2);
    assert_int_equal(
        channel_begin(&channel, &(struct channel_start){CHANNEL_FROM_EID, .eid = 1}), 2);
    channel_fini(&channel);
}

static void fill_a_channel(void)
{
    struct channel channel;
    enum err e;

    if (channel_init(&channel, SPAN("/a"), 1, &five, &budget) == OK) {
        for (int i = 0; i < 20; i++) {
            uint8_t id = (uint8_t)i;
            const struct event_parts parts = {
                .body = SPAN("x"), .publish_id = {&id, 1}, .ttl = (uint64_t)i};
            uint64_t next = channel.next_eid;

            if (publishing_commit(&channel, &parts, &e) == NULL) {
                assert_int_equal(e, ERR_NOMEM);
                assert_int_equal(channel.next_eid, next);
            }
        }
    }
    channel_fini(&channel);
    assert_int_equal(budget.used, 0);
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
        cmocka_unit_test(what_was_removed_leaves_a_gap_that_readers_pass_over),
        cmocka_unit_test(who_needs_what_had_to_make_room_is_told),
        cmocka_unit_test(events_expire_by_the_shorter_time_to_live),
        cmocka_unit_test(what_is_prepared_is_seen_by_nobody_until_it_is_committed),
        cmocka_unit_test(a_transient_channel_has_nothing_for_those_who_come_later),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
