/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/listen_set.h"

#include "daemon/inherited.h"
#include "io/sock.h"
#include "lib/loopback.h"
#include "lib/oom.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    WORKERS = 2
};

struct fixture {
    struct loop *loop;
    struct diag diag;
    struct listen_set_doors doors;
    int accepted;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    assert_ok(loop_new(&fixture->loop));
    diag_init(&fixture->diag);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    listen_set_close(&fixture->doors);
    loop_free(fixture->loop);
    diag_fini(&fixture->diag);
    free(fixture);
    return 0;
}

static void on_accepted(void *ctx, int fd, const struct addr *peer)
{
    struct fixture *fixture = ctx;

    (void)peer;
    fixture->accepted++;
    sock_close(&fd);
}

static struct listen_set_want want(const char *host, uint16_t port)
{
    struct listen_set_want made = {.line = 7};

    assert_true(addr_parse(span_str(host), port, &made.addr));
    return made;
}

static enum err bind_some(struct fixture *fixture, const struct listen_set_want *wants,
                          size_t count, const struct listen_set *old,
                          struct inherited *inherited, struct listen_set **ret_set)
{
    const struct listen_set_plan plan = {
        .directive = "Listen",
        .file = "test.conf",
        .wants = wants,
        .count = count,
        .workers = WORKERS,
        .inherited = inherited,
    };

    return listen_set_bind(&plan, old, &fixture->diag, ret_set);
}

static enum err serve(struct fixture *fixture, struct listen_set *set)
{
    return listen_set_serve(set, 0, fixture->loop, on_accepted, fixture, &fixture->doors);
}

static bool has_accepted(void *ctx)
{
    return ((struct fixture *)ctx)->accepted > 0;
}

static void knock(struct fixture *fixture, const struct addr *addr)
{
    int fd;

    fixture->accepted = 0;
    assert_ok(sock_connect(&fd, addr));
    loopback_turn_until(fixture->loop, has_accepted, fixture);
    sock_close(&fd);
}

static void an_unchanged_line_keeps_its_socket(void **state)
{
    struct fixture *fixture = *state;
    const struct listen_set_want wants[] = {want("127.0.0.1", 0), want("127.0.0.1", 0)};
    struct listen_set *first;
    struct listen_set *second;
    struct addr port;

    assert_ok(bind_some(fixture, wants, 1, NULL, NULL, &first));
    assert_ok(serve(fixture, first));
    port = *listen_set_addr(first, 0);
    assert_int_equal(fixture->doors.count, 1);

    assert_ok(bind_some(fixture, wants, 2, first, NULL, &second));
    listen_set_free(first);
    assert_true(addr_equal(listen_set_addr(second, 0), &port));
    assert_false(addr_equal(listen_set_addr(second, 1), &port));
    assert_ok(serve(fixture, second));
    assert_int_equal(fixture->doors.count, 2);
    listen_set_free(second);
    knock(fixture, &port); /* free of worker 1's: only what worker 0 has opened is left */
}

/* What TPROXY needs cannot be had for a socket that is open already. */
static void a_line_that_becomes_tproxy_gets_another_socket(void **state)
{
    struct fixture *fixture = *state;
    const struct listen_set_want plain = want("127.0.0.1", 0);
    struct listen_set_want tproxy = plain;
    struct listen_set *first;
    struct listen_set *second;

    if (geteuid() != 0) {
        print_message("not root: no socket can be made transparent\n");
        skip();
    }
    tproxy.is_transparent = true;
    assert_ok(bind_some(fixture, &plain, 1, NULL, NULL, &first));
    assert_ok(bind_some(fixture, &tproxy, 1, first, NULL, &second));
    assert_false(addr_equal(listen_set_addr(first, 0), listen_set_addr(second, 0)));
    assert_false(listen_set_is_transparent(first, 0));
    assert_true(listen_set_is_transparent(second, 0));
    listen_set_free(second);
    listen_set_free(first);
}

static void tproxy_without_the_capability_is_told_what_it_takes(void **state)
{
    struct fixture *fixture = *state;
    struct listen_set_want tproxy = want("127.0.0.1", 0);
    struct listen_set *first;
    struct listen_set *set;
    char line[DIAG_MAX_LINE];
    bool is_root = geteuid() == 0;

    tproxy.is_transparent = true;
    assert_ok(bind_some(fixture, NULL, 0, NULL, NULL, &first));
    assert_int_equal(is_root ? seteuid(65534) : 0, 0);
    assert_int_equal(bind_some(fixture, &tproxy, 1, NULL, NULL, &set), ERR_CONF);
    assert_int_equal(bind_some(fixture, &tproxy, 1, first, NULL, &set), ERR_CONF);
    assert_int_equal(is_root ? seteuid(0) : 0, 0);
    assert_string_equal(
        diag_format(diag_next(&fixture->diag, NULL), line, sizeof line),
        "test.conf:7: Listen: 127.0.0.1:0 cannot be listened on: Operation not permitted (tproxy "
        "needs the capability CAP_NET_RAW: start as root, or write "
        "AmbientCapabilities=CAP_NET_RAW in the systemd unit; a socket of systemd's needs "
        "Transparent=yes)");
    assert_string_equal(
        diag_format(diag_next(&fixture->diag, diag_next(&fixture->diag, NULL)), line,
                    sizeof line),
        "test.conf:7: Listen: 127.0.0.1:0 cannot be listened on: Operation not permitted (tproxy "
        "needs the capability CAP_NET_RAW, which is given up after the start: a new tproxy line "
        "needs a restart)");
    listen_set_free(first);
}

static void a_line_that_is_gone_closes_its_socket(void **state)
{
    struct fixture *fixture = *state;
    const struct listen_set_want wants[] = {want("127.0.0.1", 0), want("127.0.0.2", 0)};
    struct listen_set *first;
    struct listen_set *second;
    struct addr gone;
    int fd;

    assert_ok(bind_some(fixture, wants, 2, NULL, NULL, &first));
    assert_ok(serve(fixture, first));
    gone = *listen_set_addr(first, 0);
    assert_ok(bind_some(fixture, &wants[1], 1, first, NULL, &second));
    assert_ok(serve(fixture, second));
    listen_set_free(first);
    assert_int_equal(fixture->doors.count, 1);
    assert_ok(sock_listen(&fd, &gone, 1, 0)); /* nobody is there any more */
    sock_close(&fd);
    listen_set_free(second);
}

/* Two reloads before a worker has looked: its letters come in order, and so do the sets. */
static void a_worker_that_is_behind_gets_what_was_bound_earlier(void **state)
{
    struct fixture *fixture = *state;
    const struct listen_set_want wants[] = {want("127.0.0.1", 0), want("127.0.0.2", 0)};
    struct listen_set *sets[3];

    assert_ok(bind_some(fixture, wants, 1, NULL, NULL, &sets[0]));
    assert_ok(bind_some(fixture, wants, 2, sets[0], NULL, &sets[1]));
    assert_ok(bind_some(fixture, wants, 2, sets[1], NULL, &sets[2]));
    for (size_t i = 0; i < 3; i++) {
        assert_ok(serve(fixture, sets[i]));
        listen_set_free(sets[i]);
    }
    assert_int_equal(fixture->doors.count, 2);
}

static void an_address_that_is_taken_is_said_with_its_line(void **state)
{
    struct fixture *fixture = *state;
    struct listen_set_want wants[] = {want("127.0.0.1", 0), want("127.0.0.1", 0)};
    struct listen_set *set = NULL;
    struct addr taken;
    int fd;

    assert_ok(sock_listen(&fd, &wants[0].addr, 1, 0));
    assert_ok(sock_local_addr(fd, &taken));
    wants[1].addr = taken;
    assert_int_equal(bind_some(fixture, wants, 2, NULL, NULL, &set), ERR_CONF);
    assert_null(set);
    assert_int_equal(diag_count(&fixture->diag, DIAG_ERROR), 1);
    assert_int_equal(diag_next(&fixture->diag, NULL)->line, 7);
    assert_non_null(strstr(diag_next(&fixture->diag, NULL)->text, "another program"));
    sock_close(&fd);
}

static void our_own_port_under_another_address_is_explained(void **state)
{
    struct fixture *fixture = *state;
    struct listen_set_want wants[] = {want("127.0.0.1", 0), want("0.0.0.0", 0)};
    struct listen_set *first;
    struct listen_set *second;

    assert_ok(bind_some(fixture, wants, 1, NULL, NULL, &first));
    addr_set_port(&wants[1].addr, addr_port(listen_set_addr(first, 0)));
    assert_int_equal(bind_some(fixture, &wants[1], 1, first, NULL, &second), ERR_CONF);
    assert_non_null(strstr(diag_next(&fixture->diag, NULL)->text, "ourselves"));
    listen_set_free(first);
}

static void an_optional_address_may_be_missing(void **state)
{
    struct fixture *fixture = *state;
    struct listen_set_want wants[] = {want("192.0.2.1", 0), want("127.0.0.1", 0)};
    struct listen_set *set;

    wants[0].is_optional = true;
    assert_ok(bind_some(fixture, wants, 2, NULL, NULL, &set));
    assert_int_equal(listen_set_count(set), 1);
    listen_set_free(set);
}

static void an_inherited_socket_serves_all_workers(void **state)
{
    struct fixture *fixture = *state;
    struct listen_set_want wanted = want("127.0.0.1", 0);
    struct inherited inherited = {.count = 1};
    struct listen_set *set;

    assert_ok(sock_listen(&inherited.sockets[0].fd, &wanted.addr, 8, 0));
    assert_ok(sock_local_addr(inherited.sockets[0].fd, &inherited.sockets[0].addr));
    wanted.addr = inherited.sockets[0].addr;
    assert_ok(bind_some(fixture, &wanted, 1, NULL, &inherited, &set));
    assert_int_equal(inherited.sockets[0].fd, -1);
    inherited_fini(&inherited, &fixture->diag);
    assert_int_equal(diag_count(&fixture->diag, DIAG_WARNING), 0);
    assert_ok(serve(fixture, set));
    knock(fixture, &wanted.addr);
    listen_set_free(set); /* worker 1's, which it never opened */
    knock(fixture, &wanted.addr);
}

static void an_inherited_socket_for_both_families_covers_both_lines(void **state)
{
    struct fixture *fixture = *state;
    struct listen_set_want wants[] = {want("::", 0), want("0.0.0.0", 0)};
    struct inherited inherited = {.count = 1};
    struct listen_set *first;
    struct listen_set *second;
    struct addr four;

    if (sock_listen(&inherited.sockets[0].fd, &wants[0].addr, 8, 0) != OK) {
        return; /* a host without IPv6 */
    }
    inherited.sockets[0].is_dual = true; /* as systemd makes them; ours is not really */
    assert_ok(sock_local_addr(inherited.sockets[0].fd, &inherited.sockets[0].addr));
    wants[0].addr = inherited.sockets[0].addr;
    addr_set_port(&wants[1].addr, addr_port(&wants[0].addr));
    four = wants[1].addr;
    assert_ok(bind_some(fixture, wants, 2, NULL, &inherited, &first));
    assert_int_equal(listen_set_count(first), 2);
    assert_ok(serve(fixture, first));
    assert_int_equal(fixture->doors.count, 1);

    assert_ok(bind_some(fixture, wants, 2, first, NULL, &second));
    assert_true(addr_equal(listen_set_addr(second, 1), &four));
    assert_ok(serve(fixture, second));
    assert_int_equal(fixture->doors.count, 1);
    listen_set_free(first);
    listen_set_free(second);
}

static void what_nobody_asked_for_is_closed_and_said(void **state)
{
    struct fixture *fixture = *state;
    struct listen_set_want wanted = want("127.0.0.1", 0);
    struct inherited inherited = {.count = 1};

    assert_ok(sock_listen(&inherited.sockets[0].fd, &wanted.addr, 8, 0));
    assert_ok(sock_local_addr(inherited.sockets[0].fd, &inherited.sockets[0].addr));
    snprintf(inherited.sockets[0].name, INHERITED_NAME_BYTES, "proxy");
    inherited_fini(&inherited, &fixture->diag);
    assert_non_null(strstr(diag_next(&fixture->diag, NULL)->text, "add Listen 127.0.0.1:"));
}

static void bind_twice(void)
{
    const struct listen_set_want wants[] = {want("127.0.0.1", 0), want("127.0.0.1", 0)};
    const struct listen_set_plan plan = {
        .directive = "Listen", .file = "test.conf", .wants = wants, .count = 1, .workers = 2};
    struct listen_set_plan more = plan;
    struct listen_set *first = NULL;
    struct listen_set *second = NULL;
    struct diag diag;

    diag_init(&diag);
    more.count = 2;
    if (listen_set_bind(&plan, NULL, &diag, &first) == OK) {
        enum err e = listen_set_bind(&more, first, &diag, &second);

        assert_true(e == OK || e == ERR_NOMEM);
    }
    listen_set_free(second);
    listen_set_free(first);
    diag_fini(&diag);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(bind_twice);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_unchanged_line_keeps_its_socket),
        TEST(a_line_that_becomes_tproxy_gets_another_socket),
        TEST(tproxy_without_the_capability_is_told_what_it_takes),
        TEST(a_line_that_is_gone_closes_its_socket),
        TEST(a_worker_that_is_behind_gets_what_was_bound_earlier),
        TEST(an_address_that_is_taken_is_said_with_its_line),
        TEST(our_own_port_under_another_address_is_explained),
        TEST(an_optional_address_may_be_missing),
        TEST(an_inherited_socket_serves_all_workers),
        TEST(an_inherited_socket_for_both_families_covers_both_lines),
        TEST(what_nobody_asked_for_is_closed_and_said),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
