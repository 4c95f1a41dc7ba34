/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/sock.h"

#include "lib/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    PATIENCE = 10000 /* ms that loopback never needs */
};

/* Two ends of one connection over loopback. */
struct pair {
    int near, far;
    struct addr near_addr; /* as the far side was told by accept */
};

static struct addr loopback(const char *text)
{
    struct addr addr;

    assert_true(addr_parse(span_str(text), 0, &addr));
    return addr;
}

static bool wait_for(int fd, short events)
{
    struct pollfd one = {.fd = fd, .events = events};

    return poll(&one, 1, PATIENCE) == 1;
}

static int listen_on(const char *text, struct addr *ret_addr)
{
    struct addr addr = loopback(text);
    int fd;

    assert_ok(sock_listen(&fd, &addr, 8, 0));
    assert_ok(sock_local_addr(fd, ret_addr));
    assert_int_not_equal(addr_port(ret_addr), 0);
    return fd;
}

static struct pair connect_over(const char *text)
{
    struct pair pair;
    struct addr addr;
    int listen_fd = listen_on(text, &addr);

    assert_int_equal(sock_accept(listen_fd, &pair.far, &pair.near_addr), ERR_AGAIN);
    assert_ok(sock_connect(&pair.near, &addr));
    assert_true(wait_for(pair.near, POLLOUT));
    assert_ok(sock_connect_result(pair.near));
    assert_true(wait_for(listen_fd, POLLIN));
    assert_ok(sock_accept(listen_fd, &pair.far, &pair.near_addr));
    sock_close(&listen_fd);
    assert_int_equal(listen_fd, -1);
    return pair;
}

static void pair_close(struct pair *pair)
{
    sock_close(&pair->near);
    sock_close(&pair->far);
    sock_close(&pair->far); /* twice is fine */
}

static void assert_ends_know_each_other(const struct pair *pair)
{
    struct addr local, peer;

    assert_ok(sock_local_addr(pair->near, &local));
    assert_true(addr_equal(&local, &pair->near_addr));
    assert_ok(sock_peer_addr(pair->far, &peer));
    assert_true(addr_equal(&local, &peer));
}

static void both_families_connect_and_every_socket_is_safe_to_have(void **state)
{
    const char *const texts[] = {"127.0.0.1", "::1"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair = connect_over(texts[i]);
        int fds[2] = {pair.near, pair.far};

        assert_ends_know_each_other(&pair);
        for (size_t side = 0; side < 2; side++) {
            assert_true(fcntl(fds[side], F_GETFL) & O_NONBLOCK);
            assert_true(fcntl(fds[side], F_GETFD) & FD_CLOEXEC);
            sock_tune(fds[side]);
        }
        pair_close(&pair);
    }
}

static void a_half_close_ends_one_direction_alone(void **state)
{
    struct pair pair = connect_over("127.0.0.1");
    uint8_t room[16];
    size_t len;

    (void)state;
    assert_int_equal(sock_recv(pair.far, mspan_of(room, sizeof room), &len), ERR_AGAIN);
    assert_ok(sock_send(pair.near, SPAN("ping"), &len));
    assert_int_equal(len, 4);
    sock_shutdown_write(pair.near);
    assert_true(wait_for(pair.far, POLLIN));
    assert_ok(sock_recv(pair.far, mspan_of(room, sizeof room), &len));
    assert_bytes(span_of(room, len), SPAN("ping"));
    assert_true(wait_for(pair.far, POLLRDHUP));
    assert_ok(sock_recv(pair.far, mspan_of(room, sizeof room), &len));
    assert_int_equal(len, 0);

    assert_ok(sock_send(pair.far, SPAN("pong"), &len));
    assert_true(wait_for(pair.near, POLLIN));
    assert_ok(sock_recv(pair.near, mspan_of(room, sizeof room), &len));
    assert_bytes(span_of(room, len), SPAN("pong"));
    assert_int_equal(sock_send(pair.near, SPAN("more"), &len), ERR_CLOSED);
    pair_close(&pair);
}

static void a_reset_is_told_from_an_end(void **state)
{
    struct pair pair = connect_over("127.0.0.1");
    uint8_t room[16];
    size_t len;

    (void)state;
    sock_reset_on_close(pair.far);
    sock_close(&pair.far);
    assert_true(wait_for(pair.near, POLLIN));
    assert_int_equal(sock_recv(pair.near, mspan_of(room, sizeof room), &len), ERR_CLOSED);
    assert_int_equal(sock_send(pair.near, SPAN("x"), &len), ERR_CLOSED); /* and no SIGPIPE */
    pair_close(&pair);
}

static void a_peer_that_does_not_read_ends_in_not_yet(void **state)
{
    static const uint8_t zeros[65536];
    struct pair pair = connect_over("127.0.0.1");
    enum err e = OK;
    size_t len;

    (void)state;
    for (int i = 0; i < 100000 && e == OK; i++) {
        e = sock_send(pair.near, span_of(zeros, sizeof zeros), &len);
        assert_true(e != OK || (len > 0 && len <= sizeof zeros));
    }
    assert_int_equal(e, ERR_AGAIN);
    pair_close(&pair);
}

static void a_closed_port_refuses(void **state)
{
    struct addr addr;
    int listen_fd = listen_on("127.0.0.1", &addr), fd;
    enum err e;

    (void)state;
    sock_close(&listen_fd);
    e = sock_connect(&fd, &addr);
    if (e == OK) {
        assert_true(wait_for(fd, POLLOUT));
        e = sock_connect_result(fd);
        sock_close(&fd);
    }
    assert_int_equal(e, ERR_IO);
    assert_int_equal(errno, ECONNREFUSED); /* sock_close() kept it */
}

static void a_socket_that_never_connected_is_not_yet(void **state)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct addr addr;

    (void)state;
    assert_int_equal(sock_connect_result(fd), ERR_AGAIN);
    assert_int_equal(sock_peer_addr(fd, &addr), ERR_IO);
    assert_int_equal(errno, ENOTCONN);
    sock_close(&fd);
}

static void an_address_in_use_is_refused_unless_both_share(void **state)
{
    struct addr addr;
    int first = listen_on("127.0.0.1", &addr), second = -1, third = -1;

    (void)state;
    assert_int_equal(sock_listen(&second, &addr, 8, 0), ERR_IO);
    assert_int_equal(errno, EADDRINUSE);
    assert_int_equal(sock_listen(&second, &addr, 8, SOCK_LISTEN_SHARED), ERR_IO);
    assert_int_equal(second, -1);
    sock_close(&first);
    assert_ok(sock_listen(&second, &addr, 8, SOCK_LISTEN_SHARED));
    assert_ok(sock_listen(&third, &addr, 8, SOCK_LISTEN_SHARED));
    sock_close(&second);
    sock_close(&third);
}

static void ipv6_sockets_take_ipv6_alone(void **state)
{
    struct addr any6 = loopback("::"), any4 = loopback("0.0.0.0");
    int fd6, fd4;

    (void)state;
    assert_ok(sock_listen(&fd6, &any6, 8, 0));
    assert_ok(sock_local_addr(fd6, &any6));
    addr_set_port(&any4, addr_port(&any6));
    assert_ok(sock_listen(&fd4, &any4, 8, 0)); /* the same port is free */
    sock_close(&fd6);
    sock_close(&fd4);
}

static void accepting_without_descriptors_is_a_limit(void **state)
{
    struct addr addr, peer;
    int listen_fd = listen_on("127.0.0.1", &addr), fd, accepted, lowest;
    struct rlimit before, none;

    (void)state;
    assert_ok(sock_connect(&fd, &addr));
    assert_true(wait_for(listen_fd, POLLIN));
    lowest =
        dup(listen_fd); /* the first number that is free; none at or above it may be used */
    assert_true(lowest >= 0);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)lowest;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(sock_accept(listen_fd, &accepted, &peer), ERR_LIMIT);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_ok(sock_accept(listen_fd, &accepted, &peer)); /* it waited */
    sock_close(&accepted);
    sock_close(&fd);
    sock_close(&listen_fd);
}

static void this_machines_addresses_are_known(void **state)
{
    struct addr addr;

    (void)state;
    assert_true(addr_parse(SPAN("127.0.0.1"), 9000, &addr));
    assert_true(sock_addr_is_own(&addr));
    assert_true(addr_parse(SPAN("198.51.100.7"), 9000, &addr)); /* RFC 5737 */
    assert_false(sock_addr_is_own(&addr));
    assert_true(addr_parse(SPAN("2001:db8::7"), 9000, &addr));
    assert_false(sock_addr_is_own(&addr));
}

/* ---- addresses that are not this host's ---- */

/* Root has CAP_NET_RAW; as somebody else for a moment, it has not. */
static bool is_root(void)
{
    return geteuid() == 0;
}

static void without_the_capability_nothing_is_transparent(void **state)
{
    struct addr addr = loopback("127.0.0.1"), source = loopback("192.0.2.1");
    bool was_root = is_root();
    int fd = -1;

    (void)state;
    assert_int_equal(was_root ? seteuid(65534) : 0, 0);
    assert_int_equal(sock_may_be_transparent(AF_INET), ERR_IO);
    assert_int_equal(errno, EPERM);
    assert_int_equal(sock_listen(&fd, &addr, 8, SOCK_LISTEN_TRANSPARENT), ERR_IO);
    assert_int_equal(errno, EPERM);
    assert_int_equal(sock_connect_from(&fd, &addr, &source), ERR_IO);
    assert_int_equal(errno, EPERM);
    assert_int_equal(fd, -1);
    assert_int_equal(was_root ? seteuid(0) : 0, 0);
}

static void who_is_accepted_by_a_transparent_listener_is_transparent(void **state)
{
    struct addr addr = loopback("127.0.0.1"), source = loopback("127.77.0.1"), peer;
    int listen_fd, fd, accepted;

    (void)state;
    if (!is_root()) {
        print_message("not root: transparent sockets are not tried\n");
        skip();
    }
    assert_ok(sock_may_be_transparent(AF_INET));
    assert_ok(sock_may_be_transparent(AF_INET6));
    assert_ok(sock_listen(&listen_fd, &addr, 8, SOCK_LISTEN_TRANSPARENT));
    assert_ok(sock_local_addr(listen_fd, &addr));
    addr_set_port(&source, 1); /* is not used */
    assert_ok(sock_connect_from(&fd, &addr, &source));
    assert_true(wait_for(listen_fd, POLLIN));
    assert_ok(sock_accept(listen_fd, &accepted, &peer));
    assert_true(addr_same_host(&peer, &source));
    assert_int_not_equal(addr_port(&peer), 1);
    assert_true(sock_is_transparent(accepted));
    sock_close(&accepted);
    sock_close(&fd);
    sock_close(&listen_fd);
}

static void a_plain_connection_was_going_where_it_came_to(void **state)
{
    struct addr addr, original, peer;
    int listen_fd = listen_on("127.0.0.1", &addr), fd, accepted;
    enum err e;

    (void)state;
    assert_ok(sock_connect(&fd, &addr));
    assert_true(wait_for(listen_fd, POLLIN));
    assert_ok(sock_accept(listen_fd, &accepted, &peer));
    assert_false(sock_is_transparent(accepted));
    e = sock_original_dst(accepted, &original);
    if (e == OK) { /* somebody keeps track of connections */
        assert_true(addr_equal(&original, &addr));
    } else {
        assert_int_equal(e, ERR_IO);
    }
    sock_close(&accepted);
    assert_int_equal(sock_original_dst(accepted, &original), ERR_IO);
    sock_close(&fd);
    sock_close(&listen_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_capability_nothing_is_transparent),
        cmocka_unit_test(who_is_accepted_by_a_transparent_listener_is_transparent),
        cmocka_unit_test(a_plain_connection_was_going_where_it_came_to),
        cmocka_unit_test(both_families_connect_and_every_socket_is_safe_to_have),
        cmocka_unit_test(a_half_close_ends_one_direction_alone),
        cmocka_unit_test(a_reset_is_told_from_an_end),
        cmocka_unit_test(a_peer_that_does_not_read_ends_in_not_yet),
        cmocka_unit_test(a_closed_port_refuses),
        cmocka_unit_test(a_socket_that_never_connected_is_not_yet),
        cmocka_unit_test(an_address_in_use_is_refused_unless_both_share),
        cmocka_unit_test(ipv6_sockets_take_ipv6_alone),
        cmocka_unit_test(accepting_without_descriptors_is_a_limit),
        cmocka_unit_test(this_machines_addresses_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
