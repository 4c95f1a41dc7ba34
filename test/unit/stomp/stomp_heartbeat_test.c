/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "stomp/stomp_heartbeat.h"

#include "lib/testing.h"

static void an_offer_is_two_numbers(void **state)
{
    struct stomp_heartbeat_offer offer;

    (void)state;
    assert_ok(stomp_heartbeat_read(SPAN("10000,20000"), &offer));
    assert_int_equal(offer.can, 10000);
    assert_int_equal(offer.wants, 20000);
    assert_ok(stomp_heartbeat_read(SPAN("0,4294967295"), &offer));
    assert_int_equal(offer.can, 0);
    assert_int_equal(offer.wants, UINT32_MAX);
}

static void anything_else_is_refused(void **state)
{
    static const char *const wrong[] = {
        "", ",", "1", "1,", ",1", "1,2,3", "1, 2", "-1,2", "1.5,2", "0x1,2", "4294967296,0"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct stomp_heartbeat_offer offer = {7, 7};

        assert_int_equal(stomp_heartbeat_read(span_str(wrong[i]), &offer), ERR_PROTO);
        assert_int_equal(offer.can, 7);
    }
}

static struct stomp_heartbeat agreed(struct stomp_heartbeat_offer ours,
                                     struct stomp_heartbeat_offer theirs)
{
    struct stomp_heartbeat heartbeat;

    stomp_heartbeat_init(&heartbeat, &ours, &theirs, 0);
    return heartbeat;
}

static void each_direction_takes_the_slower_of_both_wishes(void **state)
{
    struct stomp_heartbeat heartbeat = agreed((struct stomp_heartbeat_offer){20000, 20000},
                                              (struct stomp_heartbeat_offer){30000, 10000});

    (void)state;
    assert_int_equal(heartbeat.send_every, 20000);
    assert_int_equal(heartbeat.hear_every, 30000);
    heartbeat = agreed((struct stomp_heartbeat_offer){20000, 0},
                       (struct stomp_heartbeat_offer){30000, 40000});
    assert_int_equal(heartbeat.send_every, 40000);
    assert_int_equal(heartbeat.hear_every, 0);
}

static void who_cannot_or_does_not_want_is_left_alone(void **state)
{
    struct stomp_heartbeat heartbeat = agreed((struct stomp_heartbeat_offer){20000, 20000},
                                              (struct stomp_heartbeat_offer){0, 0});
    bool must_send = true;

    (void)state;
    assert_int_equal(stomp_heartbeat_deadline(&heartbeat), MSEC_NEVER);
    assert_ok(stomp_heartbeat_expire(&heartbeat, MSEC_NEVER - 1, &must_send));
    assert_false(must_send);
}

static void silence_of_our_own_is_broken_in_time(void **state)
{
    struct stomp_heartbeat heartbeat = agreed((struct stomp_heartbeat_offer){8000, 0},
                                              (struct stomp_heartbeat_offer){0, 8000});
    bool must_send = true;

    (void)state;
    assert_int_equal(stomp_heartbeat_deadline(&heartbeat), 7000);
    assert_ok(stomp_heartbeat_expire(&heartbeat, 6999, &must_send));
    assert_false(must_send);
    assert_ok(stomp_heartbeat_expire(&heartbeat, 7000, &must_send));
    assert_true(must_send);
    stomp_heartbeat_sent(&heartbeat, 7010);
    assert_int_equal(stomp_heartbeat_deadline(&heartbeat), 14010);
}

static void a_peer_silent_for_twice_its_promise_is_given_up(void **state)
{
    struct stomp_heartbeat heartbeat = agreed((struct stomp_heartbeat_offer){0, 5000},
                                              (struct stomp_heartbeat_offer){5000, 0});
    bool must_send = true;

    (void)state;
    assert_int_equal(stomp_heartbeat_deadline(&heartbeat), 10000);
    assert_ok(stomp_heartbeat_expire(&heartbeat, 9999, &must_send));
    assert_false(must_send);
    stomp_heartbeat_heard(&heartbeat, 9999);
    assert_int_equal(stomp_heartbeat_deadline(&heartbeat), 19999);
    assert_int_equal(stomp_heartbeat_expire(&heartbeat, 19999, &must_send), ERR_TIMEOUT);
    assert_int_equal(stomp_heartbeat_expire(&heartbeat, 20000, &must_send), ERR_TIMEOUT);
}

static void the_earlier_of_both_deadlines_is_told(void **state)
{
    struct stomp_heartbeat heartbeat = agreed((struct stomp_heartbeat_offer){8000, 1000},
                                              (struct stomp_heartbeat_offer){1000, 8000});

    (void)state;
    assert_int_equal(stomp_heartbeat_deadline(&heartbeat), 2000);
    stomp_heartbeat_heard(&heartbeat, 6000);
    assert_int_equal(stomp_heartbeat_deadline(&heartbeat), 7000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offer_is_two_numbers),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(each_direction_takes_the_slower_of_both_wishes),
        cmocka_unit_test(who_cannot_or_does_not_want_is_left_alone),
        cmocka_unit_test(silence_of_our_own_is_broken_in_time),
        cmocka_unit_test(a_peer_silent_for_twice_its_promise_is_given_up),
        cmocka_unit_test(the_earlier_of_both_deadlines_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
