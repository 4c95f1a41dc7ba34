/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_forward_lane.h"

#include "lib/loopback.h"

#include <stdlib.h>

enum {
    ROOM_BYTES = 16384,
    BIG_BYTES = 16000 /* more than goes with a head */
};

struct rig {
    struct loop *loop;
    struct pool pool;
    struct relay_env env;
    struct stream *near;
    struct stream *far;
    struct proxy_forward_lane lane;
    uint8_t scratch[ROOM_BYTES];
};

static struct rig *rig_new(size_t max_rooms)
{
    struct rig *rig = calloc(1, sizeof *rig);
    int fds[2];

    assert_non_null(rig);
    assert_ok(loop_new(&rig->loop));
    pool_init(&rig->pool, ROOM_BYTES, 0, max_rooms);
    rig->env = (struct relay_env){
        .loop = rig->loop, .pool = &rig->pool, .scratch = {rig->scratch, ROOM_BYTES}};
    loopback_local_pair(fds);
    loopback_streams(rig->loop, fds, &rig->near, &rig->far);
    loopback_settle(rig->loop);
    proxy_forward_lane_init(&rig->lane, &rig->env, rig->near, 100, 100);
    return rig;
}

static void rig_free(struct rig *rig)
{
    proxy_forward_lane_fini(&rig->lane);
    stream_free(rig->near);
    stream_free(rig->far);
    pool_fini(&rig->pool);
    loop_free(rig->loop);
    free(rig);
}

/* Until the kernel takes no more; how many bytes that was. */
static size_t fill(struct rig *rig, struct span bytes)
{
    size_t filled = 0;
    size_t len = 0;

    while (stream_write(rig->near, bytes, &len) == OK) {
        filled += len;
    }
    return filled;
}

static void read_past(struct rig *rig, size_t len)
{
    while (len > 0) {
        uint8_t room[4096];
        size_t got = 0;
        enum err e =
            stream_read(rig->far, mspan_of(room, len < sizeof room ? len : sizeof room), &got);

        len -= got;
        if (e == ERR_AGAIN) {
            assert_ok(loop_turn(rig->loop, 10));
        }
    }
}

static void nothing_is_held_when_nothing_waits(void **state)
{
    struct rig *rig = rig_new(1);

    (void)state;
    assert_true(proxy_forward_lane_is_empty(&rig->lane));
    assert_ok(proxy_forward_lane_put(&rig->lane, SPAN("content")));
    assert_true(proxy_forward_lane_is_empty(&rig->lane));
    assert_int_equal(rig->pool.out_count, 0);
    assert_int_equal(rig->lane.moved, 7);
    loopback_expect(rig->loop, rig->far, SPAN("content"));
    rig_free(rig);
}

static void little_content_waits_for_its_head(void **state)
{
    struct rig *rig = rig_new(1);

    (void)state;
    assert_ok(buf_append(&rig->lane.head, SPAN("head ")));
    assert_int_equal(proxy_forward_lane_promised(&rig->lane), 5);
    assert_ok(proxy_forward_lane_put(&rig->lane, SPAN("content")));
    assert_int_equal(rig->lane.moved, 0);
    assert_ok(proxy_forward_lane_flush(&rig->lane));
    assert_int_equal(rig->lane.moved, 12);
    assert_null(rig->lane.head.ptr); /* its memory has gone with it */
    loopback_expect(rig->loop, rig->far, SPAN("head content"));
    rig_free(rig);
}

static void head_content_and_tail_keep_their_order_with_a_slow_receiver(void **state)
{
    struct mspan bytes = loopback_pattern(BIG_BYTES);
    struct rig *rig = rig_new(1);
    size_t filled = fill(rig, span_ro(bytes));

    (void)state;
    assert_ok(buf_append(&rig->lane.head, SPAN("head")));
    assert_ok(proxy_forward_lane_put(&rig->lane, span_ro(bytes)));
    assert_ok(buf_append(&rig->lane.tail, SPAN("tail")));
    assert_int_equal(rig->pool.out_count, 1);
    assert_int_equal(rig->lane.moved, 0);
    assert_int_equal(proxy_forward_lane_flush(&rig->lane), ERR_AGAIN);
    read_past(rig, filled);
    while (proxy_forward_lane_flush(&rig->lane) == ERR_AGAIN) {
        assert_ok(loop_turn(rig->loop, 10));
    }
    assert_true(proxy_forward_lane_is_empty(&rig->lane));
    assert_int_equal(rig->pool.out_count, 0);
    loopback_expect(rig->loop, rig->far, SPAN("head"));
    loopback_expect(rig->loop, rig->far, span_ro(bytes));
    loopback_expect(rig->loop, rig->far, SPAN("tail"));
    rig_free(rig);
    free(bytes.ptr);
}

static void without_a_room_it_says_so(void **state)
{
    struct mspan bytes = loopback_pattern(BIG_BYTES);
    struct rig *rig = rig_new(0);

    (void)state;
    fill(rig, span_ro(bytes));
    assert_int_equal(proxy_forward_lane_put(&rig->lane, SPAN("x")), ERR_LIMIT);
    rig_free(rig);
    free(bytes.ptr);
}

static void a_lane_that_is_cut_drops_everything(void **state)
{
    struct mspan bytes = loopback_pattern(BIG_BYTES);
    struct rig *rig = rig_new(1);

    (void)state;
    fill(rig, span_ro(bytes));
    assert_ok(proxy_forward_lane_put(&rig->lane, SPAN("x")));
    assert_int_equal(rig->pool.out_count, 1);
    proxy_forward_lane_cut(&rig->lane);
    assert_true(proxy_forward_lane_is_empty(&rig->lane));
    assert_int_equal(rig->pool.out_count, 0);
    assert_ok(proxy_forward_lane_put(&rig->lane, SPAN("y")));
    assert_ok(proxy_forward_lane_flush(&rig->lane));
    assert_int_equal(rig->lane.moved, 0);
    rig_free(rig);
    free(bytes.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_held_when_nothing_waits),
        cmocka_unit_test(little_content_waits_for_its_head),
        cmocka_unit_test(head_content_and_tail_keep_their_order_with_a_slow_receiver),
        cmocka_unit_test(without_a_room_it_says_so),
        cmocka_unit_test(a_lane_that_is_cut_drops_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
