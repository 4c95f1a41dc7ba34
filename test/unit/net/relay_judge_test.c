/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The relay with a judge; relay_test.c has what holds without one.
 */
#include "net/relay.h"

#include "unit/net/relay_rig.h"

/* Lets whole words pass: what has no space behind it is held until the end. */
struct reader {
    struct rig *rig;
    unsigned asked;
    size_t most_waiting;
    enum err answer; /* not OK: what it says to everything */
};

static enum err judge_words(void *ctx, enum relay_side side, struct span waiting, bool is_last,
                            size_t *ret_pass)
{
    struct reader *reader = ctx;
    size_t len = waiting.len;

    reader->asked++;
    reader->most_waiting = len > reader->most_waiting ? len : reader->most_waiting;
    if (side == RELAY_SERVER || is_last) {
        *ret_pass = len;
        return OK;
    }
    if (reader->answer != OK) {
        return reader->answer;
    }
    while (len > 0 && waiting.ptr[len - 1] != ' ') {
        len--;
    }
    *ret_pass = len;
    return len == 0 ? ERR_AGAIN : OK;
}

static struct rig *start_judged(struct reader *reader)
{
    struct rig *rig = set_up(loopback_tcp_pair, 2);

    *reader = (struct reader){.rig = rig};
    relay_set_judge(&rig->relay, judge_words, reader);
    relay_start(&rig->relay);
    return rig;
}

static void what_the_judge_holds_leaves_when_more_has_come(void **state)
{
    struct reader reader;
    struct rig *rig = start_judged(&reader);

    (void)state;
    loopback_send(rig->loop, rig->client, SPAN("one tw"));
    loopback_expect(rig->loop, rig->server, SPAN("one "));
    loopback_settle(rig->loop);
    assert_int_equal(rig->pool.out_count, 1);
    loopback_send(rig->loop, rig->client, SPAN("o thr"));
    loopback_expect(rig->loop, rig->server, SPAN("two "));
    loopback_send(rig->loop, rig->client, SPAN("ee "));
    loopback_expect(rig->loop, rig->server, SPAN("three "));
    loopback_settle(rig->loop);
    assert_int_equal(rig->pool.out_count, 0);
    assert_int_equal(relay_moved(&rig->relay, RELAY_CLIENT), 14);
    tear_down(rig);
}

static void the_other_side_is_not_held_with_it(void **state)
{
    struct reader reader;
    struct rig *rig = start_judged(&reader);

    (void)state;
    loopback_send(rig->loop, rig->client, SPAN("held"));
    loopback_settle(rig->loop);
    loopback_send(rig->loop, rig->server, SPAN("free"));
    loopback_expect(rig->loop, rig->client, SPAN("free"));
    assert_int_equal(relay_moved(&rig->relay, RELAY_CLIENT), 0);
    tear_down(rig);
}

static void at_the_end_the_judge_sees_the_last_bytes_again(void **state)
{
    struct reader reader;
    struct rig *rig = start_judged(&reader);

    (void)state;
    loopback_send(rig->loop, rig->client, SPAN("last"));
    loopback_settle(rig->loop);
    assert_ok(stream_shutdown(rig->client));
    loopback_expect(rig->loop, rig->server, SPAN("last"));
    assert_ok(loopback_end(rig->loop, rig->server));
    tear_down(rig);
}

static void preloaded_bytes_are_judged_too(void **state)
{
    struct reader reader = {0};
    struct rig *rig = set_up(loopback_tcp_pair, 2);

    (void)state;
    assert_ok(relay_preload(&rig->relay, RELAY_CLIENT, SPAN("early wo")));
    relay_set_judge(&rig->relay, judge_words, &reader);
    relay_start(&rig->relay);
    loopback_expect(rig->loop, rig->server, SPAN("early "));
    loopback_send(rig->loop, rig->client, SPAN("rd "));
    loopback_expect(rig->loop, rig->server, SPAN("word "));
    tear_down(rig);
}

static void a_judge_that_refuses_ends_the_relay_and_nothing_leaves(void **state)
{
    struct reader reader;
    struct rig *rig = start_judged(&reader);

    (void)state;
    reader.answer = ERR_LIMIT;
    loopback_send(rig->loop, rig->server, SPAN("said at the same time"));
    loopback_send(rig->loop, rig->client, SPAN("forbidden "));
    expect_end(rig, RELAY_JUDGED);
    assert_int_equal(relay_moved(&rig->relay, RELAY_CLIENT), 0);
    tear_down(rig);
}

static void a_judge_that_never_decides_gets_one_room_and_no_more(void **state)
{
    struct mspan bytes = loopback_pattern(3 * ROOM_BYTES);
    struct reader reader;
    struct rig *rig = start_judged(&reader);
    size_t sent = 0;
    size_t len;

    (void)state;
    reader.answer = ERR_AGAIN;
    while (sent < bytes.len && rig->ended_count == 0) {
        if (stream_write(rig->client, span_tail(span_ro(bytes), sent), &len) == OK) {
            sent += len;
        }
        assert_ok(loop_turn(rig->loop, 0));
    }
    expect_end(rig, RELAY_NO_ROOM);
    assert_int_equal(reader.most_waiting, ROOM_BYTES);
    assert_int_equal(relay_moved(&rig->relay, RELAY_CLIENT), 0);
    tear_down(rig);
    free(bytes.ptr);
}

static void a_judge_taken_off_lets_go_what_it_held(void **state)
{
    struct reader reader;
    struct rig *rig = start_judged(&reader);
    unsigned asked;

    (void)state;
    loopback_send(rig->loop, rig->client, SPAN("held"));
    loopback_settle(rig->loop);
    asked = reader.asked;
    relay_set_judge(&rig->relay, NULL, NULL);
    loopback_expect(rig->loop, rig->server, SPAN("held"));
    loopback_send(rig->loop, rig->client, SPAN("unseen"));
    loopback_expect(rig->loop, rig->server, SPAN("unseen"));
    assert_int_equal(reader.asked, asked);
    assert_int_equal(rig->pool.out_count, 0);
    tear_down(rig);
}

/* Learns from the server what it may do with the client's bytes, and then goes. */
static enum err judge_until_the_server_spoke(void *ctx, enum relay_side side,
                                             struct span waiting, bool is_last,
                                             size_t *ret_pass)
{
    struct reader *reader = ctx;

    (void)is_last;
    reader->asked++;
    if (side == RELAY_CLIENT) {
        return ERR_AGAIN;
    }
    relay_set_judge(&reader->rig->relay, NULL, NULL);
    *ret_pass = waiting.len;
    return OK;
}

static void a_judge_may_take_itself_off(void **state)
{
    struct rig *rig = set_up(loopback_tcp_pair, 2);
    struct reader reader = {.rig = rig};

    (void)state;
    relay_set_judge(&rig->relay, judge_until_the_server_spoke, &reader);
    relay_start(&rig->relay);
    loopback_send(rig->loop, rig->client, SPAN("held"));
    loopback_settle(rig->loop);
    loopback_send(rig->loop, rig->server, SPAN("banner"));
    loopback_expect(rig->loop, rig->client, SPAN("banner"));
    loopback_expect(rig->loop, rig->server, SPAN("held"));
    assert_null(rig->relay.judge);
    tear_down(rig);
}

static void when_asked_again_the_judge_may_have_changed_its_mind(void **state)
{
    struct reader reader;
    struct rig *rig = start_judged(&reader);

    (void)state;
    reader.answer = ERR_AGAIN;
    loopback_send(rig->loop, rig->client, SPAN("word "));
    loopback_settle(rig->loop);
    assert_int_equal(relay_moved(&rig->relay, RELAY_CLIENT), 0);
    reader.answer = OK;
    relay_again(&rig->relay);
    loopback_expect(rig->loop, rig->server, SPAN("word "));
    tear_down(rig);
}

static void ten_megabytes_pass_a_judge_to_a_slow_reader(void **state)
{
    const size_t total = 10u << 20;
    struct mspan bytes = loopback_pattern(total);
    struct rig *rig = set_up(loopback_local_pair, 2);
    struct reader reader = {.rig = rig};
    uint8_t part[5000];
    size_t sent = 0;
    size_t got = 0;

    (void)state;
    bytes.ptr[total - 1] = ' ';
    relay_set_judge(&rig->relay, judge_words, &reader);
    relay_start(&rig->relay);
    while (got < total) {
        size_t len = 0;
        enum err e = OK;

        while (e == OK && sent < total) {
            e = stream_write(rig->client, span_of(bytes.ptr + sent, total - sent), &len);
            sent += e == OK ? len : 0;
        }
        assert_ok(loop_turn(rig->loop, 0));
        e = stream_read(rig->server, mspan_of(part, sizeof part), &len);
        if (e == OK) {
            assert_memory_equal(part, bytes.ptr + got, len);
            got += len;
        }
    }
    assert_true(reader.asked > total / SCRATCH_BYTES);
    loopback_settle(rig->loop);
    assert_int_equal(rig->pool.out_count, 0);
    tear_down(rig);
    free(bytes.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_judge_holds_leaves_when_more_has_come),
        cmocka_unit_test(the_other_side_is_not_held_with_it),
        cmocka_unit_test(at_the_end_the_judge_sees_the_last_bytes_again),
        cmocka_unit_test(preloaded_bytes_are_judged_too),
        cmocka_unit_test(a_judge_that_refuses_ends_the_relay_and_nothing_leaves),
        cmocka_unit_test(a_judge_that_never_decides_gets_one_room_and_no_more),
        cmocka_unit_test(a_judge_taken_off_lets_go_what_it_held),
        cmocka_unit_test(a_judge_may_take_itself_off),
        cmocka_unit_test(when_asked_again_the_judge_may_have_changed_its_mind),
        cmocka_unit_test(ten_megabytes_pass_a_judge_to_a_slow_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
