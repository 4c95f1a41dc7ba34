/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * client ===== client_end [relay] server_end ===== server
 *
 * The test speaks at both outer ends; the relay moves whenever the loop turns.
 */
#include "net/relay.h"

#include "lib/oom.h"
#include "unit/net/relay_rig.h"

static void bytes_pass_both_ways_in_order_and_are_counted(void **state)
{
    struct rig *rig = start(loopback_tcp_pair, 2);

    (void)state;
    loopback_send(rig->loop, rig->client, SPAN("one "));
    loopback_send(rig->loop, rig->client, SPAN("two"));
    loopback_expect(rig->loop, rig->server, SPAN("one two"));
    loopback_send(rig->loop, rig->server, SPAN("three"));
    loopback_expect(rig->loop, rig->client, SPAN("three"));
    assert_int_equal(relay_moved(&rig->relay, RELAY_CLIENT), 7);
    assert_int_equal(relay_moved(&rig->relay, RELAY_SERVER), 5);
    assert_int_equal(rig->pool.out_count, 0); /* an idle relay holds no room */
    assert_false(rig->relay.has_closer);
    assert_int_equal(rig->ended_count, 0);
    tear_down(rig);
}

/* Two streams of 64 bytes and this leave room for the owner's own below 512 bytes a tunnel. */
static void an_idle_relay_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct relay) <= 192);
}

static void what_was_preloaded_goes_first(void **state)
{
    struct rig *rig = set_up(loopback_tcp_pair, 2);

    (void)state;
    assert_ok(relay_preload(&rig->relay, RELAY_CLIENT, SPAN("")));
    assert_int_equal(rig->pool.out_count, 0);
    assert_ok(relay_preload(&rig->relay, RELAY_CLIENT, SPAN("ear")));
    assert_ok(relay_preload(&rig->relay, RELAY_CLIENT, SPAN("ly ")));
    assert_ok(relay_preload(&rig->relay, RELAY_SERVER, SPAN("101 ")));
    loopback_send(rig->loop, rig->client, SPAN("late"));
    loopback_send(rig->loop, rig->server, SPAN("frame"));
    relay_start(&rig->relay);
    loopback_expect(rig->loop, rig->server, SPAN("early late"));
    loopback_expect(rig->loop, rig->client, SPAN("101 frame"));
    assert_int_equal(relay_moved(&rig->relay, RELAY_CLIENT), 10);
    assert_int_equal(rig->pool.out_count, 0);
    tear_down(rig);
}

static void more_than_a_room_is_not_preloaded(void **state)
{
    struct mspan bytes = loopback_pattern(ROOM_BYTES + 1);
    struct rig *rig = set_up(loopback_tcp_pair, 1);
    struct span room = span_head(span_ro(bytes), ROOM_BYTES);

    (void)state;
    assert_int_equal(relay_preload(&rig->relay, RELAY_CLIENT, span_ro(bytes)), ERR_LIMIT);
    assert_int_equal(rig->pool.out_count, 0);
    assert_ok(relay_preload(&rig->relay, RELAY_CLIENT, room));
    assert_int_equal(relay_preload(&rig->relay, RELAY_CLIENT, SPAN("!")), ERR_LIMIT);
    assert_int_equal(relay_preload(&rig->relay, RELAY_SERVER, SPAN("!")), ERR_LIMIT);
    relay_start(&rig->relay);
    loopback_expect(rig->loop, rig->server, room);
    tear_down(rig);
    free(bytes.ptr);
}

static void ten_megabytes_reach_a_slow_reader_through_one_room(void **state)
{
    const size_t total = 10u << 20;
    struct mspan bytes = loopback_pattern(total);
    struct rig *rig = start(loopback_local_pair, 2);
    uint8_t part[5000];
    size_t sent = 0;
    size_t got = 0;
    size_t most_rooms = 0;

    (void)state;
    while (got < total) {
        size_t len = 0;
        enum err e = OK;

        while (e == OK && sent < total) { /* whatever fits */
            e = stream_write(rig->client, span_of(bytes.ptr + sent, total - sent), &len);
            sent += e == OK ? len : 0;
        }
        assert_ok(loop_turn(rig->loop, 0));
        if (rig->pool.out_count > most_rooms) {
            most_rooms = rig->pool.out_count;
        }
        e = stream_read(rig->server, mspan_of(part, sizeof part), &len);
        if (e == OK) {
            assert_memory_equal(part, bytes.ptr + got, len);
            got += len;
        }
    }
    assert_int_equal(most_rooms, 1); /* back-pressure was met, and one lane needs one room */
    loopback_settle(rig->loop);
    assert_int_equal(rig->pool.out_count, 0);
    assert_int_equal(relay_moved(&rig->relay, RELAY_CLIENT), total);
    tear_down(rig);
    free(bytes.ptr);
}

static void one_turn_moves_no_more_than_a_fair_share(void **state)
{
    struct mspan bytes = loopback_pattern(1 << 20);
    struct rig *rig = start(loopback_tcp_pair, 2);
    size_t sent = 0;
    size_t len;
    unsigned turns = 0;

    (void)state;
    assert_ok(loop_turn(rig->loop, 0));
    while (stream_write(rig->client, span_tail(span_ro(bytes), sent), &len) == OK) {
        sent += len;
        if (sent == bytes.len) {
            break;
        }
    }
    assert_true(sent > (size_t)SCRATCH_BYTES * 16);
    while (relay_moved(&rig->relay, RELAY_CLIENT) < sent && turns < 10000) {
        uint64_t before = relay_moved(&rig->relay, RELAY_CLIENT);

        assert_ok(loop_turn(rig->loop, 0));
        /* by either stream's readiness, and once deferred */
        assert_true(relay_moved(&rig->relay, RELAY_CLIENT) - before <= 3 * 4 * SCRATCH_BYTES);
        turns++;
    }
    assert_true(turns > 1);
    loopback_expect(rig->loop, rig->server, span_head(span_ro(bytes), sent));
    tear_down(rig);
    free(bytes.ptr);
}

static void after_the_clients_end_the_server_goes_on(void **state)
{
    struct mspan bytes = loopback_pattern(500000);
    struct rig *rig = start(loopback_tcp_pair, 2);

    (void)state;
    loopback_send(rig->loop, rig->client, SPAN("request"));
    assert_ok(stream_shutdown(rig->client));
    loopback_expect(rig->loop, rig->server, SPAN("request"));
    assert_ok(loopback_end(rig->loop, rig->server));
    assert_int_equal(rig->ended_count, 0);
    assert_true(rig->relay.has_closer);
    assert_int_equal(rig->relay.closer, RELAY_CLIENT);

    loopback_send(rig->loop, rig->server, span_ro(bytes));
    loopback_expect(rig->loop, rig->client, span_ro(bytes));
    assert_ok(stream_shutdown(rig->server));
    assert_ok(loopback_end(rig->loop, rig->client));
    expect_end(rig, RELAY_FINISHED);
    assert_int_equal(rig->relay.closer, RELAY_CLIENT);
    tear_down(rig);
    free(bytes.ptr);
}

static void after_the_servers_end_the_client_goes_on(void **state)
{
    struct rig *rig = start(loopback_tcp_pair, 2);

    (void)state;
    assert_ok(stream_shutdown(rig->server));
    assert_ok(loopback_end(rig->loop, rig->client));
    loopback_send(rig->loop, rig->client, SPAN("still here"));
    loopback_expect(rig->loop, rig->server, SPAN("still here"));
    assert_int_equal(rig->relay.closer, RELAY_SERVER);
    assert_ok(stream_shutdown(rig->client));
    expect_end(rig, RELAY_FINISHED);
    tear_down(rig);
}

static void an_end_waits_for_the_bytes_before_it(void **state)
{
    struct mspan bytes = loopback_pattern(3000000);
    struct rig *rig = start(loopback_local_pair, 2);
    size_t sent = 0;
    size_t len;

    (void)state;
    for (int i = 0; i < 50; i++) { /* until nothing more fits anywhere */
        while (stream_write(rig->client, span_tail(span_ro(bytes), sent), &len) == OK) {
            sent += len;
        }
        assert_ok(loop_turn(rig->loop, 0));
    }
    assert_int_equal(rig->pool.out_count, 1);
    assert_ok(stream_shutdown(rig->client));
    loopback_expect(rig->loop, rig->server, span_head(span_ro(bytes), sent));
    assert_ok(loopback_end(rig->loop, rig->server));
    tear_down(rig);
    free(bytes.ptr);
}

static void a_reset_breaks_the_relay_and_is_not_told_as_an_end(void **state)
{
    struct rig *rig = start(loopback_tcp_pair, 2);

    (void)state;
    loopback_send(rig->loop, rig->client, SPAN("x"));
    loopback_expect(rig->loop, rig->server, SPAN("x"));
    reset_by(&rig->client);
    expect_end(rig, RELAY_BROKEN);
    assert_int_equal(rig->relay.broken, RELAY_CLIENT);
    assert_int_equal(rig->relay.closer, RELAY_CLIENT);
    assert_true(rig->relay.has_closer);

    reset_by(&rig->server_end); /* what an owner does */
    assert_int_equal(loopback_end(rig->loop, rig->server), ERR_CLOSED);
    tear_down(rig);
}

static void a_receiver_that_is_gone_is_the_one_who_broke_it(void **state)
{
    struct rig *rig = start(loopback_tcp_pair, 2);

    (void)state;
    loopback_settle(rig->loop);
    reset_by(&rig->server);
    loopback_send(rig->loop, rig->client, SPAN("anybody there"));
    expect_end(rig, RELAY_BROKEN);
    assert_int_equal(rig->relay.broken, RELAY_SERVER);
    assert_int_equal(rig->relay.closer, RELAY_SERVER);
    assert_string_equal(stream_why(rig->server_end), "the connection was reset by the peer");
    tear_down(rig);
}

static void without_a_room_for_what_must_wait_the_relay_ends(void **state)
{
    struct mspan bytes = loopback_pattern(1 << 20);
    struct rig *rig = start(loopback_local_pair, 0);
    size_t len;

    (void)state;
    while (rig->ended_count == 0) { /* nobody reads at the other end */
        enum err e = stream_write(rig->client, span_ro(bytes), &len);

        assert_true(e == OK || e == ERR_AGAIN);
        assert_ok(loop_turn(rig->loop, 1000));
    }
    expect_end(rig, RELAY_NO_ROOM);
    tear_down(rig);
    free(bytes.ptr);
}

static void the_end_is_never_told_from_inside_start(void **state)
{
    struct rig *rig = set_up(loopback_tcp_pair, 2);

    (void)state;
    assert_ok(stream_shutdown(rig->client));
    assert_ok(stream_shutdown(rig->server));
    loopback_settle(rig->loop); /* the streams know already */
    relay_start(&rig->relay);
    assert_int_equal(rig->ended_count, 0);
    expect_end(rig, RELAY_FINISHED);
    tear_down(rig);
}

static void a_relay_that_was_stopped_tells_nothing(void **state)
{
    struct rig *rig = set_up(loopback_tcp_pair, 2);

    (void)state;
    assert_ok(stream_shutdown(rig->client));
    assert_ok(stream_shutdown(rig->server));
    loopback_settle(rig->loop);
    relay_start(&rig->relay);
    relay_fini(&rig->relay);
    loopback_settle(rig->loop);
    assert_int_equal(rig->ended_count, 0);
    tear_down(rig);
}

/* The owner of most relays: it frees everything from inside the report. */
static void free_all(void *ctx, enum relay_end end)
{
    struct rig *rig = ctx;

    rig->ended_count++;
    rig->end = end;
    relay_fini(&rig->relay);
    stream_free(rig->client_end);
    stream_free(rig->server_end);
    rig->client_end = NULL;
    rig->server_end = NULL;
    memset(&rig->relay.lanes, 0xee, sizeof rig->relay.lanes); /* nobody may look any more */
}

static void the_owner_may_free_everything_inside_the_report(void **state)
{
    struct rig *rig = set_up(loopback_tcp_pair, 2);

    (void)state;
    rig->relay.ended = free_all;
    relay_start(&rig->relay);
    loopback_send(rig->loop, rig->client, SPAN("x"));
    reset_by(&rig->client);
    expect_end(rig, RELAY_BROKEN);
    memset(&rig->relay.lanes, 0, sizeof rig->relay.lanes);
    tear_down(rig);
}

/* A filter that cannot say its last word at once, like TLS on a full socket. */
struct hesitant {
    struct stream base;
    unsigned refusals;
};

static enum err hesitant_read(struct stream *stream, struct mspan room, size_t *ret_len)
{
    return stream_read(stream->below, room, ret_len);
}

static enum err hesitant_write(struct stream *stream, struct span bytes, size_t *ret_len)
{
    return stream_write(stream->below, bytes, ret_len);
}

static enum err hesitant_shutdown(struct stream *stream)
{
    struct hesitant *hesitant = (struct hesitant *)(void *)stream;

    if (hesitant->refusals > 0) {
        hesitant->refusals--;
        return ERR_AGAIN;
    }
    return stream_shutdown(stream->below);
}

static void hesitant_free(struct stream *stream)
{
    (void)stream; /* on the test's stack */
}

static const struct stream_ops hesitant_ops = {
    .name = "hesitant",
    .read = hesitant_read,
    .write = hesitant_write,
    .shutdown = hesitant_shutdown,
    .free = hesitant_free,
};

static void an_end_that_cannot_be_told_at_once_is_told_when_ready(void **state)
{
    struct rig *rig = set_up(loopback_tcp_pair, 2);
    struct hesitant hesitant = {.base = {.ops = &hesitant_ops, .below = rig->server_end},
                                .refusals = 1};

    (void)state;
    rig->server_end = &hesitant.base;
    init_relay(rig);
    relay_start(&rig->relay);
    loopback_settle(rig->loop);
    assert_ok(stream_shutdown(rig->client));
    loopback_settle(rig->loop);
    assert_int_equal(hesitant.refusals, 0);
    assert_false(rig->relay.lanes[RELAY_CLIENT].finished);
    loopback_send(rig->loop, rig->server, SPAN("wake up"));
    assert_ok(loopback_end(rig->loop, rig->server));
    loopback_expect(rig->loop, rig->client, SPAN("wake up"));
    tear_down(rig);
}

static struct rig *oom_rig; /* made before memory runs out: only the relay's own is to fail */

static void preload_and_stop(void)
{
    init_relay(oom_rig);
    if (relay_preload(&oom_rig->relay, RELAY_CLIENT, SPAN("x")) == OK) {
        enum err e = relay_preload(&oom_rig->relay, RELAY_SERVER, SPAN("y"));

        assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : OK);
    }
    relay_fini(&oom_rig->relay);
    assert_int_equal(oom_rig->pool.out_count, 0);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    oom_rig = set_up(loopback_tcp_pair, 2);
    every_oom(preload_and_stop);
    tear_down(oom_rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_pass_both_ways_in_order_and_are_counted),
        cmocka_unit_test(an_idle_relay_is_small),
        cmocka_unit_test(what_was_preloaded_goes_first),
        cmocka_unit_test(more_than_a_room_is_not_preloaded),
        cmocka_unit_test(ten_megabytes_reach_a_slow_reader_through_one_room),
        cmocka_unit_test(one_turn_moves_no_more_than_a_fair_share),
        cmocka_unit_test(after_the_clients_end_the_server_goes_on),
        cmocka_unit_test(after_the_servers_end_the_client_goes_on),
        cmocka_unit_test(an_end_waits_for_the_bytes_before_it),
        cmocka_unit_test(a_reset_breaks_the_relay_and_is_not_told_as_an_end),
        cmocka_unit_test(a_receiver_that_is_gone_is_the_one_who_broke_it),
        cmocka_unit_test(without_a_room_for_what_must_wait_the_relay_ends),
        cmocka_unit_test(the_end_is_never_told_from_inside_start),
        cmocka_unit_test(a_relay_that_was_stopped_tells_nothing),
        cmocka_unit_test(the_owner_may_free_everything_inside_the_report),
        cmocka_unit_test(an_end_that_cannot_be_told_at_once_is_told_when_ready),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
