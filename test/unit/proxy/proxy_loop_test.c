/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_loop.h"

#include "io/sock.h"
#include "lib/loopback.h"
#include "lib/oom.h"

#include <unistd.h>

struct ends {
    int fds[2]; /* ours, and the one that it leads to */
    struct addr local, remote;
};

static struct ends ends_open(void)
{
    struct ends ends;

    loopback_tcp_pair(ends.fds);
    assert_ok(sock_local_addr(ends.fds[0], &ends.local));
    assert_ok(sock_peer_addr(ends.fds[0], &ends.remote));
    return ends;
}

static void ends_close(struct ends *ends)
{
    sock_close(&ends->fds[0]);
    sock_close(&ends->fds[1]);
}

static struct proxy_loop *loop_of(void)
{
    struct proxy_loop *loop;

    assert_ok(proxy_loop_new(&loop));
    return loop;
}

static void a_connection_of_ours_is_known_by_both_its_addresses(void **state)
{
    struct proxy_loop *loop = loop_of();
    struct ends ends = ends_open();
    struct addr other = ends.local;

    (void)state;
    assert_false(proxy_loop_has(loop, &ends.local, &ends.remote));
    proxy_loop_note(loop, ends.fds[0], &ends.remote);
    assert_true(proxy_loop_has(loop, &ends.local, &ends.remote));

    assert_false(proxy_loop_has(loop, &ends.remote, &ends.local)); /* the other way */
    addr_set_port(&other, (uint16_t)(addr_port(&other) ^ 1));
    assert_false(proxy_loop_has(loop, &other, &ends.remote));
    assert_false(proxy_loop_has(loop, &ends.local, &other));
    ends_close(&ends);
    proxy_loop_free(loop);
}

static void what_was_closed_is_not_believed_even_when_its_number_lives_on(void **state)
{
    struct proxy_loop *loop = loop_of();
    struct ends ends = ends_open();
    struct ends later;
    int number = ends.fds[0];

    (void)state;
    proxy_loop_note(loop, number, &ends.remote);
    ends_close(&ends);
    assert_false(proxy_loop_has(loop, &ends.local, &ends.remote));

    later = ends_open();
    if (later.fds[0] != number) { /* the same descriptor, another connection */
        assert_int_equal(dup2(later.fds[0], number), number);
        assert_false(proxy_loop_has(loop, &ends.local, &ends.remote));
        close(number);
    } else {
        assert_false(proxy_loop_has(loop, &ends.local, &ends.remote));
    }
    ends_close(&later);
    proxy_loop_free(loop);
}

static void many_connections_are_known_at_once(void **state)
{
    enum {
        COUNT = 100
    };
    static struct ends ends[COUNT];
    struct proxy_loop *loop = loop_of();

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        ends[i] = ends_open();
        proxy_loop_note(loop, ends[i].fds[0], &ends[i].remote);
        proxy_loop_note(loop, ends[i].fds[0], &ends[i].remote); /* twice is once */
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(proxy_loop_has(loop, &ends[i].local, &ends[i].remote));
    }
    for (size_t i = 0; i < COUNT; i++) {
        ends_close(&ends[i]);
    }
    proxy_loop_free(loop);
}

/* The same two addresses, again and again: there is always a slot for the last one. */
static void a_full_bucket_forgets_the_oldest_and_not_the_newest(void **state)
{
    struct proxy_loop *loop = loop_of();
    struct ends ends = ends_open();
    int copies[16];

    (void)state;
    for (size_t i = 0; i < sizeof copies / sizeof copies[0]; i++) {
        copies[i] = dup(ends.fds[0]);
        proxy_loop_note(loop, copies[i], &ends.remote);
        assert_true(proxy_loop_has(loop, &ends.local, &ends.remote));
    }
    for (size_t i = 0; i < sizeof copies / sizeof copies[0]; i++) {
        close(copies[i]);
    }
    assert_false(proxy_loop_has(loop, &ends.local, &ends.remote));
    proxy_loop_note(loop, ends.fds[0], &ends.remote);
    assert_true(proxy_loop_has(loop, &ends.local, &ends.remote));
    ends_close(&ends);
    proxy_loop_free(loop);
}

static void what_is_no_socket_is_not_noted(void **state)
{
    struct proxy_loop *loop = loop_of();
    struct ends ends = ends_open();

    (void)state;
    proxy_loop_note(loop, STDIN_FILENO + 1000, &ends.remote);
    assert_false(proxy_loop_has(loop, &ends.local, &ends.remote));
    ends_close(&ends);
    proxy_loop_free(loop);
    proxy_loop_free(NULL);
}

static void make_one(void)
{
    struct proxy_loop *loop = NULL;
    enum err e = proxy_loop_new(&loop);

    assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : OK);
    proxy_loop_free(loop);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(make_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_of_ours_is_known_by_both_its_addresses),
        cmocka_unit_test(what_was_closed_is_not_believed_even_when_its_number_lives_on),
        cmocka_unit_test(many_connections_are_known_at_once),
        cmocka_unit_test(a_full_bucket_forgets_the_oldest_and_not_the_newest),
        cmocka_unit_test(what_is_no_socket_is_not_noted),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
