/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "lib/loopback.h"

#include "io/sock.h"
#include "net/stream_tcp.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    PATIENCE_MS = 10000,
    READ_BYTES = 32768,
};

void loopback_tcp_pair(int ret_fds[2])
{
    struct addr addr;
    struct addr peer;
    struct pollfd waiting = {.events = POLLIN};

    assert_true(addr_parse(SPAN("127.0.0.1"), 0, &addr));
    assert_ok(sock_listen(&waiting.fd, &addr, 1, 0));
    assert_ok(sock_local_addr(waiting.fd, &addr));
    assert_ok(sock_connect(&ret_fds[0], &addr));
    assert_int_equal(poll(&waiting, 1, PATIENCE_MS), 1);
    assert_ok(sock_accept(waiting.fd, &ret_fds[1], &peer));
    sock_close(&waiting.fd);
    sock_tune(ret_fds[0]);
    sock_tune(ret_fds[1]);
}

void loopback_local_pair(int ret_fds[2])
{
    assert_return_code(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ret_fds), 0);
}

void loopback_streams(struct loop *loop, int fds[2], struct stream **ret_a,
                      struct stream **ret_b)
{
    assert_ok(stream_tcp_new(ret_a, loop, &fds[0]));
    assert_ok(stream_tcp_new(ret_b, loop, &fds[1]));
}

void loopback_turn_until(struct loop *loop, bool (*is_done)(void *ctx), void *ctx)
{
    msec deadline = loop_now(loop) + PATIENCE_MS;

    while (!is_done(ctx)) {
        if (loop_now(loop) > deadline) {
            fail_msg("ten seconds have passed, and it is still not true");
        }
        assert_ok(loop_turn(loop, PATIENCE_MS / 10));
    }
}

void loopback_settle(struct loop *loop)
{
    /* Local sockets deliver within the system call, so a few turns without waiting see all. */
    for (int i = 0; i < 20; i++) {
        assert_ok(loop_turn(loop, 0));
    }
}

struct attempt {
    struct stream *stream;
    struct stream *other;
    struct mspan room;
    struct span bytes;
    size_t len;
    enum err result;
    enum err other_result;
};

static bool has_shaken_hands(void *ctx)
{
    struct attempt *attempt = ctx;

    if (attempt->result == ERR_AGAIN) {
        attempt->result = stream_handshake(attempt->stream);
    }
    if (attempt->other_result == ERR_AGAIN) {
        attempt->other_result = stream_handshake(attempt->other);
    }
    return attempt->result != ERR_AGAIN && attempt->other_result != ERR_AGAIN;
}

void loopback_shake_hands(struct loop *loop, struct stream *a, struct stream *b,
                          enum err *ret_a, enum err *ret_b)
{
    struct attempt attempt = {
        .stream = a, .other = b, .result = ERR_AGAIN, .other_result = ERR_AGAIN};

    loopback_turn_until(loop, has_shaken_hands, &attempt);
    *ret_a = attempt.result;
    *ret_b = attempt.other_result;
}

static bool has_sent(void *ctx)
{
    struct attempt *attempt = ctx;

    while (attempt->bytes.len > 0) {
        enum err e = stream_write(attempt->stream, attempt->bytes, &attempt->len);

        if (e == ERR_AGAIN) {
            return false;
        }
        assert_ok(e);
        attempt->bytes = span_tail(attempt->bytes, attempt->len);
    }
    return true;
}

void loopback_send(struct loop *loop, struct stream *stream, struct span bytes)
{
    struct attempt attempt = {.stream = stream, .bytes = bytes};

    loopback_turn_until(loop, has_sent, &attempt);
}

static bool has_read(void *ctx)
{
    struct attempt *attempt = ctx;

    attempt->result = stream_read(attempt->stream, attempt->room, &attempt->len);
    return attempt->result != ERR_AGAIN;
}

void loopback_expect(struct loop *loop, struct stream *stream, struct span bytes)
{
    uint8_t room[READ_BYTES];

    while (bytes.len > 0) {
        size_t len = bytes.len < sizeof room ? bytes.len : sizeof room;
        struct attempt attempt = {.stream = stream, .room = mspan_of(room, len)};

        loopback_turn_until(loop, has_read, &attempt);
        assert_ok(attempt.result);
        assert_true(attempt.len > 0); /* not the end */
        assert_bytes(span_of(room, attempt.len), span_head(bytes, attempt.len));
        bytes = span_tail(bytes, attempt.len);
    }
}

enum err loopback_end(struct loop *loop, struct stream *stream)
{
    uint8_t room[16];
    struct attempt attempt = {.stream = stream, .room = mspan_of(room, sizeof room)};

    loopback_turn_until(loop, has_read, &attempt);
    if (attempt.result == OK) {
        assert_int_equal(attempt.len, 0);
    }
    return attempt.result;
}

static bool has_shut(void *ctx)
{
    enum err e = stream_shutdown(((struct attempt *)ctx)->stream);

    assert_true(e == OK || e == ERR_AGAIN);
    return e == OK;
}

void loopback_shutdown(struct loop *loop, struct stream *stream)
{
    struct attempt attempt = {.stream = stream};

    loopback_turn_until(loop, has_shut, &attempt);
}

struct mspan loopback_pattern(size_t len)
{
    uint8_t *bytes = malloc(len);

    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)((i * 2654435761u) >> 13);
    }
    return mspan_of(bytes, len);
}
