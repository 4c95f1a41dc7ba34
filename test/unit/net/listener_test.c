/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "net/listener.h"

#include "io/sock.h"
#include "lib/oom.h"
#include "lib/testing.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    PATIENCE = 20000, /* ms that loopback never needs */
    CLIENTS = 100,
    SOCKETS = 4
};

static struct loop *loop;

struct counted {
    struct listener *listener;
    size_t count;
    bool close_it; /* from inside the call */
};

static int open_loop(void **state)
{
    (void)state;
    return loop_new(&loop) == OK ? 0 : -1;
}

static int close_loop(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static void on_accepted(void *ctx, int fd, const struct addr *peer)
{
    struct counted *counted = ctx;
    struct addr seen;

    assert_ok(sock_peer_addr(fd, &seen));
    assert_true(addr_equal(&seen, peer));
    sock_close(&fd);
    counted->count++;
    if (counted->close_it) {
        listener_close(counted->listener);
        counted->listener = NULL;
    }
}

static struct addr loopback(uint16_t port)
{
    struct addr addr;

    assert_true(addr_parse(SPAN("127.0.0.1"), port, &addr));
    return addr;
}

static struct addr bind_listeners(int *ret_fds, size_t count)
{
    struct addr addr = loopback(0), bound;

    assert_ok(listener_bind(&addr, 256, false, count, ret_fds));
    assert_ok(sock_local_addr(ret_fds[0], &bound));
    for (size_t i = 1; i < count; i++) {
        struct addr other;

        assert_ok(sock_local_addr(ret_fds[i], &other));
        assert_true(addr_equal(&bound, &other));
    }
    return bound;
}

static void connect_clients(int *fds, size_t count, const struct addr *addr)
{
    for (size_t i = 0; i < count; i++) {
        assert_ok(sock_connect(&fds[i], addr));
    }
}

static void close_clients(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sock_close(&fds[i]);
    }
}

static void several_sockets_share_one_port_and_the_work(void **state)
{
    struct counted counted[SOCKETS] = {0};
    int fds[SOCKETS], clients[CLIENTS];
    struct addr addr = bind_listeners(fds, SOCKETS);
    size_t total = 0, busy = 0;
    msec start = loop_now(loop);

    (void)state;
    for (size_t i = 0; i < SOCKETS; i++) {
        assert_ok(listener_open(&counted[i].listener, loop, &fds[i], on_accepted, &counted[i]));
        assert_int_equal(fds[i], -1);
    }
    connect_clients(clients, CLIENTS, &addr);
    while (total < CLIENTS && loop_now(loop) - start < PATIENCE) {
        assert_ok(loop_turn(loop, PATIENCE));
        total = 0;
        for (size_t i = 0; i < SOCKETS; i++) {
            total += counted[i].count;
        }
    }
    assert_int_equal(total, CLIENTS);
    for (size_t i = 0; i < SOCKETS; i++) {
        busy += counted[i].count > 0;
        listener_close(counted[i].listener);
    }
    assert_true(busy > 1);
    close_clients(clients, CLIENTS);
}

static void an_address_that_somebody_listens_on_is_refused_even_if_they_share(void **state)
{
    struct addr addr = loopback(0), any;
    int other, fds[SOCKETS] = {-1, -1, -1, -1};

    (void)state;
    assert_ok(sock_listen(&other, &addr, 8, SOCK_LISTEN_SHARED)); /* SO_REUSEPORT */
    assert_ok(sock_local_addr(other, &addr));
    assert_int_equal(listener_bind(&addr, 8, false, 1, fds), ERR_IO);
    assert_int_equal(errno, EADDRINUSE);
    assert_int_equal(listener_bind(&addr, 8, false, SOCKETS, fds), ERR_IO);
    assert_int_equal(errno, EADDRINUSE);
    assert_true(addr_parse(SPAN("0.0.0.0"), addr_port(&addr), &any));
    assert_int_equal(listener_bind(&any, 8, false, SOCKETS, fds), ERR_IO);
    assert_int_equal(errno, EADDRINUSE);
    for (size_t i = 0; i < SOCKETS; i++) {
        assert_int_equal(fds[i], -1);
    }
    sock_close(&other);
    assert_ok(listener_bind(&addr, 8, false, SOCKETS, fds)); /* now it is free */
    close_clients(fds, SOCKETS);
}

static void an_address_that_is_not_ours_is_refused(void **state)
{
    struct addr addr;
    int fd = -1;

    (void)state;
    assert_true(addr_parse(SPAN("203.0.113.200"), 0, &addr));
    assert_int_equal(listener_bind(&addr, 8, false, 1, &fd), ERR_IO);
    assert_int_equal(errno, EADDRNOTAVAIL);
    assert_int_equal(fd, -1);
}

static void a_crowd_does_not_take_the_whole_turn(void **state)
{
    struct counted counted = {0};
    int fd, clients[CLIENTS];
    struct addr addr = bind_listeners(&fd, 1);

    (void)state;
    assert_ok(listener_open(&counted.listener, loop, &fd, on_accepted, &counted));
    connect_clients(clients, CLIENTS, &addr);
    assert_ok(loop_turn(loop, 0));
    assert_int_equal(counted.count, 64);
    assert_ok(loop_turn(loop, 0));
    assert_int_equal(counted.count, CLIENTS);
    listener_close(counted.listener);
    close_clients(clients, CLIENTS);
}

static void a_listener_may_be_closed_by_the_one_it_calls(void **state)
{
    struct counted counted = {.close_it = true};
    int fd, clients[3];
    struct addr addr = bind_listeners(&fd, 1);

    (void)state;
    assert_ok(listener_open(&counted.listener, loop, &fd, on_accepted, &counted));
    connect_clients(clients, 3, &addr);
    assert_ok(loop_turn(loop, 0));
    assert_ok(loop_turn(loop, 0));
    assert_int_equal(counted.count, 1);
    listener_close(counted.listener); /* NULL */
    close_clients(clients, 3);
}

static void a_listener_without_descriptors_waits_and_tries_again_by_itself(void **state)
{
    struct counted counted = {0};
    int fd, client, lowest;
    struct addr addr = bind_listeners(&fd, 1);
    struct rlimit before, none;
    msec start;

    (void)state;
    assert_ok(listener_open(&counted.listener, loop, &fd, on_accepted, &counted));
    connect_clients(&client, 1, &addr);
    lowest = dup(client); /* no number at or above the first free one may be used */
    assert_true(lowest >= 0);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)lowest;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_ok(loop_turn(loop, 0));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(counted.count, 0);
    start = loop_now(loop);
    while (counted.count == 0) {
        assert_ok(loop_turn(loop, PATIENCE));
        assert_true(loop_now(loop) - start < PATIENCE);
    }
    assert_true(loop_now(loop) - start >= 100);
    listener_close(counted.listener);
    sock_close(&client);
}

static int spare_fd;

static void open_and_close_a_listener(void)
{
    struct loop *mine;
    struct listener *listener;
    struct counted counted = {0};

    if (loop_new(&mine) != OK) {
        return;
    }
    if (listener_open(&listener, mine, &spare_fd, on_accepted, &counted) == OK) {
        assert_int_equal(spare_fd, -1);
        listener_close(listener);
    } else {
        assert_int_not_equal(spare_fd, -1); /* still ours */
    }
    loop_free(mine);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    bind_listeners(&spare_fd, 1);
    every_oom(open_and_close_a_listener);
}

int main(void)
{
#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, open_loop, close_loop)
    const struct CMUnitTest tests[] = {
        WITH_LOOP(several_sockets_share_one_port_and_the_work),
        WITH_LOOP(an_address_that_somebody_listens_on_is_refused_even_if_they_share),
        WITH_LOOP(an_address_that_is_not_ours_is_refused),
        WITH_LOOP(a_crowd_does_not_take_the_whole_turn),
        WITH_LOOP(a_listener_may_be_closed_by_the_one_it_calls),
        WITH_LOOP(a_listener_without_descriptors_waits_and_tries_again_by_itself),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
