/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * In which order the addresses of a name are tried, and when the next one: RFC 8305.
 */
#include "unit/net/dial_rig.h"

/* RFC 8305 section 4 */
static void ipv6_is_preferred_where_both_answer(void **state)
{
    struct dialled dialled = {0};
    uint16_t port;
    int fd6, fd4 = listen_on_both(&port, &fd6);

    (void)state;
    dial(&dialled, "both.test", port, PATIENCE);
    turn_until_done(&dialled);
    assert_connected(&dialled, "::1");
    assert_string_equal(dialled.filtered, "::1 "); /* nothing else was tried */
    sock_close(&fd4);
    sock_close(&fd6);
}

static void a_dead_family_gives_way_at_once(void **state)
{
    struct dialled dialled = {0};
    uint16_t port;
    int fd6, fd4 = listen_on_both(&port, &fd6);

    (void)state;
    sock_close(&fd6);
    dial(&dialled, "both.test", port, PATIENCE);
    turn_until_done(&dialled);
    assert_connected(&dialled, "127.0.0.1");
    assert_string_equal(dialled.filtered, "::1 127.0.0.1 ");
    sock_close(&fd4);
}

/* RFC 8305 section 3: the Resolution Delay */
static void ipv4_waits_a_little_for_ipv6_and_no_longer(void **state)
{
    struct dialled dialled = {0};
    uint16_t port;
    int fd6, fd4 = listen_on_both(&port, &fd6);

    (void)state;
    rows[V6_OF_BOTH].hold = true;
    dial(&dialled, "both.test", port, PATIENCE);
    turn_until_done(&dialled);
    assert_connected(&dialled, "127.0.0.1");
    assert_true(loop_now(loop) - dialled.started >= 50);
    sock_close(&fd4);
    sock_close(&fd6);
}

static void ipv6_that_comes_within_the_delay_is_still_first(void **state)
{
    struct dialled dialled = {0};
    uint16_t port;
    int fd6, fd4 = listen_on_both(&port, &fd6);

    (void)state;
    rows[V4_OF_BOTH].hold = true;
    rows[V6_OF_BOTH].hold = true;
    dial(&dialled, "both.test", port, PATIENCE);
    turn_until_asked(&rows[V4_OF_BOTH]);
    turn_until_asked(&rows[V6_OF_BOTH]);
    fake_dns_release(&dns, &rows[V4_OF_BOTH]);
    fake_dns_release(&dns, &rows[V6_OF_BOTH]);
    turn_until_done(&dialled);
    assert_connected(&dialled, "::1");
    sock_close(&fd4);
    sock_close(&fd6);
}

static void addresses_that_come_late_are_tried_when_the_others_are_dead(void **state)
{
    struct dialled dialled = {0};
    uint16_t port;
    int fd6, fd4 = listen_on_both(&port, &fd6);

    (void)state;
    sock_close(&fd4);
    rows[V6_OF_BOTH].hold = true;
    dial(&dialled, "both.test", port, PATIENCE);
    turn_until_asked(&rows[V6_OF_BOTH]);
    while (strcmp(dialled.filtered, "127.0.0.1 ") != 0) { /* after the delay */
        assert_ok(loop_turn(loop, PATIENCE));
        assert_true(loop_now(loop) - dialled.started < PATIENCE);
    }
    assert_ok(loop_turn(loop, 0)); /* and refused; still there is hope */
    assert_int_equal(dialled.calls, 0);
    fake_dns_release(&dns, &rows[V6_OF_BOTH]);
    turn_until_done(&dialled);
    assert_connected(&dialled, "::1");
    sock_close(&fd6);
}

static void an_address_that_does_not_answer_is_overtaken_after_250_ms(void **state)
{
    struct dialled dialled = {0};
    uint16_t port = 0;
    int silent = listen_at("127.0.0.1", &port, 0), good = listen_at("127.0.0.2", &port, 8);
    int fill[4];

    (void)state;
    stop_answering(fill, 4, "127.0.0.1", port);
    dial(&dialled, "two.test", port, PATIENCE);
    turn_until_done(&dialled);
    assert_connected(&dialled, "127.0.0.2");
    assert_true(loop_now(loop) - dialled.started >= 250);
    for (size_t i = 0; i < 4; i++) {
        sock_close(&fill[i]);
    }
    sock_close(&silent);
    sock_close(&good);
}

static void the_filter_sees_the_families_in_turn_and_may_refuse_all(void **state)
{
    struct dialled name = {.refuse = ""}, literal = {.refuse = "127."};
    char text[ADDR_TEXT_BYTES];

    (void)state;
    rows[MANY_V4].hold = true; /* so that both answers are there before the first attempt */
    rows[MANY_V6].hold = true;
    dial(&name, "many.test", 80, PATIENCE);
    turn_until_asked(&rows[MANY_V4]);
    turn_until_asked(&rows[MANY_V6]);
    fake_dns_release(&dns, &rows[MANY_V4]);
    fake_dns_release(&dns, &rows[MANY_V6]);
    turn_until_done(&name);
    assert_failed(&name, DIAL_FORBIDDEN);
    assert_string_equal(name.filtered,
                        "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 192.0.2.3 ");
    dial(&literal, "127.0.0.1", 80, PATIENCE);
    turn_until_done(&literal);
    assert_failed(&literal, DIAL_FORBIDDEN);
    assert_string_equal(addr_text(&literal.result.addr, text), "127.0.0.1:80");
}

static void an_address_that_is_refused_is_passed_over(void **state)
{
    struct dialled dialled = {.refuse = "::1"}, mixed = {.refuse = "::1"};
    uint16_t port;
    int fd6, fd4 = listen_on_both(&port, &fd6);

    (void)state;
    dial(&dialled, "both.test", port, PATIENCE);
    turn_until_done(&dialled);
    assert_connected(&dialled, "127.0.0.1");
    sock_close(&fd4);
    dial(&mixed, "both.test", port, PATIENCE);
    turn_until_done(&mixed);
    assert_failed(&mixed, DIAL_REFUSED); /* one was tried, so it is not the filter's verdict */
    sock_close(&fd6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DNS(ipv6_is_preferred_where_both_answer),
        WITH_DNS(a_dead_family_gives_way_at_once),
        WITH_DNS(ipv4_waits_a_little_for_ipv6_and_no_longer),
        WITH_DNS(ipv6_that_comes_within_the_delay_is_still_first),
        WITH_DNS(addresses_that_come_late_are_tried_when_the_others_are_dead),
        WITH_DNS(an_address_that_does_not_answer_is_overtaken_after_250_ms),
        WITH_DNS(the_filter_sees_the_families_in_turn_and_may_refuse_all),
        WITH_DNS(an_address_that_is_refused_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
