/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/channel_keys.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/pubsub/publishing.h"

#include <stdio.h>

static struct channel_budget budget = {.max = SIZE_MAX};

static const struct channel_conf by_symbol = {.capacity = 100,
                                              .store_bytes = 100000,
                                              .keys = {{"symbol", 1}},
                                              .key_count = 1};

static enum err publish(struct channel *channel, const char *symbol, const char *side)
{
    const struct event_header headers[] = {{SPAN("symbol"), span_str(symbol)},
                                           {SPAN("side"), span_str(side)}};
    const struct event_parts parts = {.headers = headers, .header_count = side == NULL ? 1 : 2};
    enum err e;

    publishing_commit(channel, &parts, &e);
    return e;
}

static bool collect(void *ctx, const struct event *event)
{
    char *text = ctx;
    size_t len = strlen(text);

    snprintf(text + len, 200 - len, "%llu ", (unsigned long long)event->eid);
    return true;
}

static const char *stored(const struct channel *channel)
{
    static char text[200];

    text[0] = '\0';
    assert_ok(channel_read(channel, 1, 0, collect, text));
    return text;
}

static void the_newest_event_of_each_value_stays(void **state)
{
    struct channel channel;

    (void)state;
    assert_ok(channel_init(&channel, SPAN("/fx"), 1, &by_symbol, &budget));
    assert_ok(publish(&channel, "EUR", NULL));
    assert_ok(publish(&channel, "GBP", NULL));
    assert_ok(publish(&channel, "EUR", NULL));
    assert_string_equal(stored(&channel), "2 3 ");
    assert_ok(publish(&channel, "EUR", NULL));
    assert_ok(publish(&channel, "CHF", NULL));
    assert_string_equal(stored(&channel), "2 4 5 ");
    assert_int_equal(channel.lost_eid, 0); /* replaced, not lost */
    assert_true(channel_remove(&channel, 4));
    assert_int_equal(map_count(&channel.keys.groups[0]), 2);
    channel_fini(&channel);
}

static void a_depth_keeps_as_many_of_each(void **state)
{
    struct channel_conf conf = by_symbol;
    struct channel channel;

    (void)state;
    conf.keys[0].depth = 3;
    assert_ok(channel_init(&channel, SPAN("/fx"), 1, &conf, &budget));
    for (int i = 0; i < 5; i++) {
        assert_ok(publish(&channel, "EUR", NULL));
        assert_ok(publish(&channel, "GBP", NULL));
    }
    assert_string_equal(stored(&channel), "5 6 7 8 9 10 ");
    channel_fini(&channel);
}

static void each_of_several_keys_counts_by_itself(void **state)
{
    struct channel_conf conf = by_symbol;
    struct channel channel;

    (void)state;
    conf.keys[1] = (struct channel_keys_conf){"side", 2};
    conf.key_count = 2;
    assert_ok(channel_init(&channel, SPAN("/fx"), 1, &conf, &budget));
    assert_ok(publish(&channel, "EUR", "buy"));
    assert_ok(publish(&channel, "GBP", "buy"));
    assert_ok(publish(&channel, "CHF", NULL)); /* counts for its symbol alone */
    assert_ok(publish(&channel, "JPY", "buy"));
    assert_string_equal(stored(&channel), "2 3 4 ");
    assert_ok(publish(&channel, "GBP", "sell"));
    assert_string_equal(stored(&channel), "3 4 5 ");
    channel_fini(&channel);
}

static void is_short(void *ctx, void *group)
{
    (void)ctx;
    assert_true(((struct channel_keys_group *)group)->value_len < 100);
}

static void of_a_long_value_little_is_kept(void **state)
{
    struct channel_conf conf = by_symbol;
    struct channel channel;
    char a[5001] = "", b[5001] = "";

    (void)state;
    memset(a, 'x', 5000);
    memset(b, 'x', 5000);
    b[4999] = 'y';
    assert_ok(channel_init(&channel, SPAN("/fx"), 1, &conf, &budget));
    assert_ok(publish(&channel, a, NULL));
    assert_ok(publish(&channel, b, NULL));
    assert_ok(publish(&channel, a, NULL));
    assert_string_equal(stored(&channel), "2 3 ");
    map_visit(&channel.keys.groups[0], is_short, NULL);
    channel_fini(&channel);
}

static void an_event_that_is_on_its_way_replaces_nothing_yet(void **state)
{
    const struct event_header header = {SPAN("symbol"), SPAN("EUR")};
    const struct event_parts parts = {.headers = &header, .header_count = 1};
    struct channel_entry *entry;
    struct channel channel;
    bool is_repeat;

    (void)state;
    assert_ok(channel_init(&channel, SPAN("/fx"), 1, &by_symbol, &budget));
    assert_ok(publish(&channel, "EUR", NULL));
    assert_ok(channel_prepare(&channel, &parts, &entry, &is_repeat));
    assert_string_equal(stored(&channel), "1 ");
    channel_abandon(&channel, entry);
    assert_string_equal(stored(&channel), "1 ");
    assert_ok(channel_prepare(&channel, &parts, &entry, &is_repeat));
    channel_purge(&channel, 2);
    channel_commit(&channel, entry, 2);
    assert_string_equal(stored(&channel), "2 ");
    channel_fini(&channel);
}

static void memory_follows_the_values_and_not_the_updates(void **state)
{
    struct channel channel;

    (void)state;
    assert_ok(channel_init(&channel, SPAN("/fx"), 1, &by_symbol, &budget));
    assert_ok(publish(&channel, "once", NULL));
    for (int i = 0; i < 5000; i++) {
        assert_ok(publish(&channel, "often", NULL));
    }
    assert_int_equal(channel_count(&channel), 2);
    assert_true(channel.shelf.size <= 64);
    assert_true(channel.bytes < 1000);
    assert_string_equal(stored(&channel), "1 5001 ");
    channel_fini(&channel);
}

static void update_a_little(void)
{
    struct channel_conf conf = by_symbol;
    struct channel channel;

    conf.keys[1] = (struct channel_keys_conf){"side", 2};
    conf.key_count = 2;
    if (channel_init(&channel, SPAN("/fx"), 1, &conf, &budget) == OK) {
        for (int i = 0; i < 6; i++) {
            if (publish(&channel, i % 2 == 0 ? "EUR" : "GBP", "buy") != OK) {
                break;
            }
        }
    }
    channel_fini(&channel);
    assert_int_equal(budget.used, 0);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(update_a_little);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_event_of_each_value_stays),
        cmocka_unit_test(a_depth_keeps_as_many_of_each),
        cmocka_unit_test(each_of_several_keys_counts_by_itself),
        cmocka_unit_test(of_a_long_value_little_is_kept),
        cmocka_unit_test(an_event_that_is_on_its_way_replaces_nothing_yet),
        cmocka_unit_test(memory_follows_the_values_and_not_the_updates),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
