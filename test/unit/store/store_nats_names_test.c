/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_names.h"

#include "lib/testing.h"

static void channels_have_names_that_nats_takes(void **state)
{
    const struct {
        const char *channel;
        const char *stream;
        const char *events;
    } names[] = {
        {"/a", "r:a", "r.events.a"},
        {"/fx/eur-usd_1", "r:fx:eur-usd_1", "r.events.fx.eur-usd_1"},
        {"/", "r:=", "r.events.="},
        {"//", "r:=:=", "r.events.=.="},
        {"/a/", "r:a:=", "r.events.a.="},
        {"/a//b", "r:a:=:b", "r.events.a.=.b"},
        {"a", "r:=-a", "r.events.=-a"},
        {"/a b.*>", "r:a=20b=2E=2A=3E", "r.events.a=20b=2E=2A=3E"},
        {"/=:~", "r:=3D=3A=7E", "r.events.=3D=3A=7E"},
        {"/\xc3\xbc", "r:=C3=BC", "r.events.=C3=BC"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct store_nats_names made;

        assert_ok(store_nats_names_make(SPAN("r"), span_str(names[i].channel), &made));
        assert_string_equal(made.stream, names[i].stream);
        assert_string_equal(made.events, names[i].events);
        assert_string_equal(made.gone + 7, made.events + 9);
        assert_memory_equal(made.gone, "r.gone.", 7);
    }
}

/* Two that differ behind what there is room for. */
static void long_names_end_in_a_digest(void **state)
{
    char realm[STORE_NATS_NAMES_REALM_MAX];
    char channel[STORE_NATS_NAMES_CHANNEL_MAX];
    struct store_nats_names one;
    struct store_nats_names other;

    (void)state;
    memset(realm, 'r', sizeof realm);
    memset(channel, '.', sizeof channel); /* each takes three characters */
    channel[0] = '/';
    assert_ok(store_nats_names_make(span_of(realm, sizeof realm),
                                    span_of(channel, sizeof channel), &one));
    channel[sizeof channel - 1] = '*';
    assert_ok(store_nats_names_make(span_of(realm, sizeof realm),
                                    span_of(channel, sizeof channel), &other));
    assert_int_equal(strlen(one.stream), STORE_NATS_NAMES_STREAM_BYTES - 1);
    assert_int_equal(one.stream[STORE_NATS_NAMES_STREAM_BYTES - 34], '~');
    assert_string_not_equal(one.stream, other.stream);
    assert_string_not_equal(one.events, other.events);
    assert_int_equal(strlen(one.events), 64 + 8 + 3 * 254);
}

static void headers_mean_nothing_to_nats(void **state)
{
    const struct {
        const char *name;
        const char *expected;
    } names[] = {
        {"colour", "colour"},
        {"Nats-Rollup", "Event-Nats-Rollup"},
        {"nats-", "Event-nats-"},
        {"Nats", "Nats"},
        {"WAYLEAVE-EID", "Event-WAYLEAVE-EID"},
        {"event-status", "Event-event-status"},
        {"status", "Event-status"},
        {"Description", "Event-Description"},
        {"status-quo", "status-quo"},
        {"", "Event-"},
        {"a:b\r\n\\", "a\\cb\\r\\n\\\\"},
        {"Nats-Expected-Last-Sequence", "Event-Nats\\-Expected-Last-Sequence"},
        {"x-Nats-Expected-Last-Sequence", "x-Nats\\-Expected-Last-Sequence"},
    };
    char room[64];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        store_nats_names_header(span_str(names[i].name), room);
        assert_string_equal(room, names[i].expected);
    }
}

static void values_keep_their_bytes(void **state)
{
    char room[64];

    (void)state;
    store_nats_names_value(SPAN("a: b"), room);
    assert_string_equal(room, "a: b");
    store_nats_names_value(SPAN(" a b\t"), room);
    assert_string_equal(room, "\\sa b\\t");
    store_nats_names_value(SPAN("\r\n\\\0x"), room);
    assert_string_equal(room, "\\r\\n\\\\\\0x");
    store_nats_names_value(SPAN("Nats-Expected-Last-Sequence: 1"), room);
    assert_string_equal(room, "Nats\\-Expected-Last-Sequence: 1");
    store_nats_names_value(SPAN(""), room);
    assert_string_equal(room, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_have_names_that_nats_takes),
        cmocka_unit_test(long_names_end_in_a_digest),
        cmocka_unit_test(headers_mean_nothing_to_nats),
        cmocka_unit_test(values_keep_their_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
