/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_carrier.h"

#include "lib/oom.h"
#include "lib/testing.h"

enum {
    OUTPUT_MAX = 100,
    BEAT = 20000,
    DELAY = 1000,
};

static struct rng rng;

static enum err begin(struct realm_carrier *carrier, enum realm_carrier_kind kind)
{
    const struct realm_carrier_limits limits = {
        .ws = {.max_message_bytes = 1000,
               .max_output_bytes = OUTPUT_MAX,
               .ping_every = 2 * BEAT,
               .pong_within = BEAT,
               .close_within = DELAY},
        .heart_beat = BEAT,
    };

    rng = rng_seeded(1);
    return realm_carrier_init(carrier, kind, &limits, &rng, 0);
}

static void says(struct realm_carrier *carrier, struct span expected)
{
    assert_bytes(realm_carrier_output(carrier), expected);
    realm_carrier_consume(carrier, expected.len);
    assert_int_equal(realm_carrier_output(carrier).len, 0);
}

static void each_kind_wraps_a_message_in_its_way(void **state)
{
    static const struct {
        enum realm_carrier_kind kind;
        struct span opening, message;
    } rows[] = {
        {REALM_CARRIER_WS, SPAN_INIT(""), SPAN_INIT("\x81\x03x\"\n")},
        {REALM_CARRIER_WS_DEFLATE, SPAN_INIT(""), SPAN_INIT("\x81\x03x\"\n")},
        {REALM_CARRIER_SOCKJS_WS, SPAN_INIT("\x81\x01o"),
         SPAN_INIT("\x81\x0a"
                   "a[\"x\\\"\\n\"]")},
        {REALM_CARRIER_XHR, SPAN_INIT("o\n"), SPAN_INIT("a[\"x\\\"\\n\"]\n")},
        {REALM_CARRIER_EVENTSOURCE, SPAN_INIT("data: o\r\n\r\n"),
         SPAN_INIT("data: a[\"x\\\"\\n\"]\r\n\r\n")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct realm_carrier carrier;

        assert_ok(begin(&carrier, rows[i].kind));
        says(&carrier, rows[i].opening);
        assert_ok(realm_carrier_put(&carrier, SPAN("x\"\n")));
        says(&carrier, rows[i].message);
        realm_carrier_fini(&carrier);
    }
}

static void each_kind_says_its_end_once(void **state)
{
    static const struct {
        enum realm_carrier_kind kind;
        struct span words;
    } rows[] = {
        {REALM_CARRIER_WS, SPAN_INIT("\x88\x05\x03\xf4"
                                     "end")},
        {REALM_CARRIER_SOCKJS_WS, SPAN_INIT("\x81\x12"
                                            "c[3000,\"Go away!\"]"
                                            "\x88\x05\x03\xf4"
                                            "end")},
        {REALM_CARRIER_XHR, SPAN_INIT("c[3000,\"Go away!\"]\n")},
        {REALM_CARRIER_EVENTSOURCE, SPAN_INIT("data: c[3000,\"Go away!\"]\r\n\r\n")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct realm_carrier carrier;

        assert_ok(begin(&carrier, rows[i].kind));
        realm_carrier_consume(&carrier, realm_carrier_output(&carrier).len);
        assert_true(realm_carrier_is_open(&carrier));
        assert_ok(realm_carrier_close(&carrier, WS_CLOSE_RESTART, SPAN("end"), 0));
        assert_false(realm_carrier_is_open(&carrier));
        assert_int_equal(realm_carrier_close(&carrier, WS_CLOSE_NORMAL, SPAN(""), 0),
                         ERR_CLOSED);
        assert_int_equal(realm_carrier_put(&carrier, SPAN("x")), ERR_CLOSED);
        assert_false(realm_carrier_is_finished(&carrier));
        says(&carrier, rows[i].words);
        assert_int_equal(realm_carrier_is_finished(&carrier),
                         !realm_carrier_is_ws(&carrier)); /* a Close wants its answer */
        realm_carrier_fini(&carrier);
    }
}

static void what_waits_is_bounded_and_the_end_is_said_all_the_same(void **state)
{
    (void)state;
    for (int kind = 0; kind < REALM_CARRIER_KINDS; kind++) {
        struct realm_carrier carrier;
        enum err e;

        assert_ok(begin(&carrier, (enum realm_carrier_kind)kind));
        while ((e = realm_carrier_put(&carrier, SPAN("0123456789"))) == OK) {
            assert_true(realm_carrier_output(&carrier).len <= OUTPUT_MAX);
        }
        assert_int_equal(e, ERR_LIMIT);
        assert_ok(realm_carrier_close(&carrier, WS_CLOSE_POLICY, SPAN(""), 0));
        realm_carrier_fini(&carrier);
    }
}

static void an_h_is_said_to_who_waits_and_hears_nothing(void **state)
{
    struct realm_carrier carrier;

    (void)state;
    assert_ok(begin(&carrier, REALM_CARRIER_XHR));
    says(&carrier, SPAN("o\n"));
    assert_int_equal(realm_carrier_deadline(&carrier), MSEC_NEVER); /* nobody waits */
    assert_ok(realm_carrier_expire(&carrier, 10 * BEAT));
    says(&carrier, SPAN(""));
    realm_carrier_set_received(&carrier, true, 1000);
    assert_int_equal(realm_carrier_deadline(&carrier), 1000 + BEAT);
    realm_carrier_sent(&carrier, 5000);
    assert_ok(realm_carrier_expire(&carrier, 1000 + BEAT));
    says(&carrier, SPAN(""));
    assert_ok(realm_carrier_expire(&carrier, 5000 + BEAT));
    says(&carrier, SPAN("h\n"));
    realm_carrier_set_received(&carrier, false, 6000 + BEAT);
    assert_int_equal(realm_carrier_deadline(&carrier), MSEC_NEVER);
    realm_carrier_fini(&carrier);
}

static void a_silent_websocket_of_sockjs_gets_an_h_and_is_pinged(void **state)
{
    struct realm_carrier carrier;

    (void)state;
    assert_ok(begin(&carrier, REALM_CARRIER_SOCKJS_WS));
    realm_carrier_consume(&carrier, 3);
    assert_int_equal(realm_carrier_deadline(&carrier), BEAT);
    assert_ok(realm_carrier_expire(&carrier, BEAT));
    says(&carrier, SPAN("\x81\x01h"));
    assert_ok(realm_carrier_expire(&carrier, 2 * BEAT));
    says(&carrier, SPAN("\x81\x01h\x89\x00"));
    assert_int_equal(realm_carrier_expire(&carrier, 3 * BEAT), ERR_TIMEOUT);
    realm_carrier_fini(&carrier);
}

static void talk(void)
{
    for (int kind = 0; kind < REALM_CARRIER_KINDS; kind++) {
        struct realm_carrier carrier;
        enum err e = begin(&carrier, (enum realm_carrier_kind)kind);

        if (e == OK) {
            e = realm_carrier_put(&carrier, SPAN("hello"));
        }
        if (e == OK) {
            realm_carrier_set_received(&carrier, true, 0);
            realm_carrier_consume(&carrier, realm_carrier_output(&carrier).len);
            e = realm_carrier_expire(&carrier, BEAT);
        }
        if (e == OK) {
            e = realm_carrier_close(&carrier, WS_CLOSE_NORMAL, SPAN(""), 0);
        }
        assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : OK);
        realm_carrier_fini(&carrier);
        if (e != OK) {
            return;
        }
    }
}

static void running_out_of_memory_is_said(void **state)
{
    (void)state;
    every_oom(talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_wraps_a_message_in_its_way),
        cmocka_unit_test(each_kind_says_its_end_once),
        cmocka_unit_test(what_waits_is_bounded_and_the_end_is_said_all_the_same),
        cmocka_unit_test(an_h_is_said_to_who_waits_and_hears_nothing),
        cmocka_unit_test(a_silent_websocket_of_sockjs_gets_an_h_and_is_pinged),
        cmocka_unit_test(running_out_of_memory_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
