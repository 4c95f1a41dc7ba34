/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "net/stream_tcp.h"

#include "io/sock.h"
#include "lib/loopback.h"
#include "lib/oom.h"

#include <stdlib.h>
#include <unistd.h>

struct rig {
    struct loop *loop;
    struct stream *a;
    struct stream *b;
};

static void set_up(struct rig *rig)
{
    int fds[2];

    *rig = (struct rig){0};
    assert_ok(loop_new(&rig->loop));
    loopback_tcp_pair(fds);
    loopback_streams(rig->loop, fds, &rig->a, &rig->b);
    assert_int_equal(fds[0], -1);
}

static void tear_down(struct rig *rig)
{
    stream_free(rig->a);
    stream_free(rig->b);
    loop_free(rig->loop);
}

static void bytes_arrive_in_order_both_ways(void **state)
{
    struct mspan bytes = loopback_pattern(100000);
    struct rig rig;

    (void)state;
    set_up(&rig);
    assert_ok(stream_handshake(rig.a));
    loopback_send(rig.loop, rig.a, span_ro(bytes));
    loopback_expect(rig.loop, rig.b, span_ro(bytes));
    loopback_send(rig.loop, rig.b, SPAN("and back"));
    loopback_expect(rig.loop, rig.a, SPAN("and back"));
    tear_down(&rig);
    free(bytes.ptr);
}

static void a_silent_peer_means_again(void **state)
{
    struct rig rig;
    uint8_t room[8];
    size_t len = 77;

    (void)state;
    set_up(&rig);
    loopback_settle(rig.loop);
    assert_int_equal(stream_read(rig.a, mspan_of(room, sizeof room), &len), ERR_AGAIN);
    assert_int_equal(len, 77);
    tear_down(&rig);
}

static void after_our_end_the_peer_can_still_send(void **state)
{
    struct rig rig;

    (void)state;
    set_up(&rig);
    loopback_send(rig.loop, rig.a, SPAN("last words"));
    assert_ok(stream_shutdown(rig.a));
    loopback_expect(rig.loop, rig.b, SPAN("last words"));
    assert_ok(loopback_end(rig.loop, rig.b));
    loopback_send(rig.loop, rig.b, SPAN("answer"));
    loopback_expect(rig.loop, rig.a, SPAN("answer"));
    tear_down(&rig);
}

/* Bytes and FIN in one report: the short read must not make us wait for another edge. */
static void an_end_that_came_together_with_bytes_is_not_missed(void **state)
{
    struct rig rig;
    uint8_t room[64];
    size_t len;

    (void)state;
    set_up(&rig);
    loopback_settle(rig.loop);
    loopback_send(rig.loop, rig.a, SPAN("bye"));
    assert_ok(stream_shutdown(rig.a));
    loopback_settle(rig.loop);
    assert_ok(stream_read(rig.b, mspan_of(room, sizeof room), &len));
    assert_bytes(span_of(room, len), SPAN("bye"));
    loopback_settle(rig.loop);
    assert_ok(stream_read(rig.b, mspan_of(room, sizeof room), &len));
    assert_int_equal(len, 0);
    tear_down(&rig);
}

static void bytes_that_come_after_a_short_read_are_not_missed(void **state)
{
    struct rig rig;

    (void)state;
    set_up(&rig);
    for (int i = 0; i < 100; i++) {
        uint8_t room[64];
        size_t len;

        loopback_send(rig.loop, rig.a, SPAN("tick"));
        loopback_settle(rig.loop);
        assert_ok(stream_read(rig.b, mspan_of(room, sizeof room), &len)); /* short */
        assert_bytes(span_of(room, len), SPAN("tick"));
    }
    tear_down(&rig);
}

static void a_reset_is_not_an_end(void **state)
{
    struct rig rig;

    (void)state;
    set_up(&rig);
    stream_abort(rig.a);
    stream_free(rig.a);
    rig.a = NULL;
    assert_int_equal(loopback_end(rig.loop, rig.b), ERR_CLOSED);
    assert_string_equal(stream_why(rig.b), "the connection was reset by the peer");
    tear_down(&rig);
}

static void count_call(void *ctx)
{
    ++*(unsigned *)ctx;
}

static bool is_not_zero(void *ctx)
{
    return *(unsigned *)ctx > 0;
}

static void a_full_peer_means_again_until_it_has_read(void **state)
{
    struct mspan bytes = loopback_pattern(1 << 20);
    struct rig rig;
    unsigned calls = 0;
    size_t sent = 0;
    size_t len;
    enum err e;

    (void)state;
    set_up(&rig);
    do { /* whatever the kernel takes */
        loopback_settle(rig.loop);
        while ((e = stream_write(rig.a, span_ro(bytes), &len)) == OK) {
            sent += len;
        }
        assert_int_equal(e, ERR_AGAIN);
        loopback_settle(rig.loop);
    } while (stream_write(rig.a, span_ro(bytes), &len) == OK && (sent += len) > 0);

    stream_on_ready(rig.a, count_call, &calls);
    while (sent > 0) {
        e = stream_read(rig.b, bytes, &len);
        if (e == ERR_AGAIN) {
            assert_ok(loop_turn(rig.loop, 1000));
            continue;
        }
        assert_ok(e);
        sent -= len;
    }
    loopback_turn_until(rig.loop, is_not_zero, &calls);
    assert_ok(stream_write(rig.a, SPAN("more"), &len));
    tear_down(&rig);
    free(bytes.ptr);
}

static struct loop *oom_loop;
static int oom_fd;

static void make_and_free(void)
{
    struct stream *stream = NULL;
    int fd = dup(oom_fd);

    if (stream_tcp_new(&stream, oom_loop, &fd) == OK) {
        assert_int_equal(fd, -1);
    } else {
        assert_null(stream);
        assert_true(fd >= 0); /* still ours */
        sock_close(&fd);
    }
    stream_free(stream);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    int fds[2];

    (void)state;
    assert_ok(loop_new(&oom_loop));
    loopback_local_pair(fds);
    oom_fd = fds[0];
    every_oom(make_and_free);
    sock_close(&fds[0]);
    sock_close(&fds[1]);
    loop_free(oom_loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_arrive_in_order_both_ways),
        cmocka_unit_test(a_silent_peer_means_again),
        cmocka_unit_test(after_our_end_the_peer_can_still_send),
        cmocka_unit_test(an_end_that_came_together_with_bytes_is_not_missed),
        cmocka_unit_test(bytes_that_come_after_a_short_read_are_not_missed),
        cmocka_unit_test(a_reset_is_not_an_end),
        cmocka_unit_test(a_full_peer_means_again_until_it_has_read),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
