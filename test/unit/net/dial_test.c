/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "net/dial.h"

#include "io/sock.h"
#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/io/fake_dns.h"

#include <errno.h>
#include <unistd.h>

enum {
    PATIENCE = 20000 /* ms that nothing here needs */
};

enum rows {
    V4_OF_BOTH,
    V6_OF_BOTH,
    V4_ONLY,
    V4_TWO,
    MANY_V4,
    MANY_V6,
    BROKEN_V4,
    BROKEN_V6,
    SILENT_V4,
    SILENT_V6,
    ROWS
};

/* What a test starts from. */
static const struct fake_dns_row fresh_rows[ROWS + 1] = {
    [V4_OF_BOTH] = {.name = "both.test",
                    .family = AF_INET,
                    .kind = FAKE_DNS_ADDRS,
                    .addrs = "127.0.0.1 "},
    [V6_OF_BOTH] = {.name = "both.test",
                    .family = AF_INET6,
                    .kind = FAKE_DNS_ADDRS,
                    .addrs = "::1 "},
    [V4_ONLY] = {.name = "v4.test",
                 .family = AF_INET,
                 .kind = FAKE_DNS_ADDRS,
                 .addrs = "127.0.0.1 "},
    [V4_TWO] = {.name = "two.test",
                .family = AF_INET,
                .kind = FAKE_DNS_ADDRS,
                .addrs = "127.0.0.1 127.0.0.2 "},
    [MANY_V4] = {.name = "many.test",
                 .family = AF_INET,
                 .kind = FAKE_DNS_ADDRS,
                 .addrs = "192.0.2.1 192.0.2.2 192.0.2.3 "},
    [MANY_V6] = {.name = "many.test",
                 .family = AF_INET6,
                 .kind = FAKE_DNS_ADDRS,
                 .addrs = "2001:db8::1 2001:db8::2 "},
    [BROKEN_V4] = {.name = "broken.test",
                   .family = AF_INET,
                   .kind = FAKE_DNS_SERVFAIL,
                   .addrs = ""},
    [BROKEN_V6] = {.name = "broken.test",
                   .family = AF_INET6,
                   .kind = FAKE_DNS_SERVFAIL,
                   .addrs = ""},
    [SILENT_V4] = {.name = "silent.test",
                   .family = AF_INET,
                   .kind = FAKE_DNS_SILENCE,
                   .addrs = ""},
    [SILENT_V6] = {.name = "silent.test",
                   .family = AF_INET6,
                   .kind = FAKE_DNS_SILENCE,
                   .addrs = ""},
};

static struct fake_dns_row rows[ROWS + 1];
static struct loop *loop;
static struct resolver *resolver;
static struct fake_dns dns;

struct dialled {
    struct dial *dial;
    int calls;
    struct dial_result result;
    char filtered[200]; /* the addresses the filter was asked for */
    const char *refuse; /* the filter refuses hosts that begin so */
    msec started;
    struct dialled *then; /* started from inside done */
};

static int lowest_free_fd(void)
{
    int fd = dup(STDIN_FILENO);

    assert_true(fd >= 0);
    close(fd);
    return fd;
}

static int free_before;

static int open_all(void **state)
{
    (void)state;
    free_before = lowest_free_fd();
    memcpy(rows, fresh_rows, sizeof rows);
    assert_ok(loop_new(&loop));
    assert_ok(resolver_new(&resolver, loop));
    fake_dns_open(&dns, loop, rows);
    assert_ok(resolver_use_servers(resolver, dns.servers, PATIENCE, 2));
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    resolver_free(resolver);
    fake_dns_close(&dns);
    loop_free(loop);
    assert_int_equal(lowest_free_fd(), free_before); /* no descriptor was left open */
    return 0;
}

static bool filter(void *ctx, const struct addr *addr)
{
    struct dialled *dialled = ctx;
    char host[ADDR_TEXT_BYTES];
    size_t len = strlen(dialled->filtered);

    addr_host_text(addr, host);
    snprintf(dialled->filtered + len, sizeof dialled->filtered - len, "%s ", host);
    return dialled->refuse == NULL || !span_starts(span_str(host), span_str(dialled->refuse));
}

static void dial(struct dialled *dialled, const char *host, uint16_t port, msec timeout);

static void on_done(void *ctx, const struct dial_result *result)
{
    struct dialled *dialled = ctx;

    dialled->calls++;
    dialled->dial = NULL;
    dialled->result = *result;
    if (dialled->then != NULL) {
        dial(dialled->then, "127.0.0.1", addr_port(&result->addr), PATIENCE);
    }
}

static void dial(struct dialled *dialled, const char *host, uint16_t port, msec timeout)
{
    const struct dial_request request = {.host = span_str(host),
                                         .port = port,
                                         .timeout = timeout,
                                         .filter = filter,
                                         .done = on_done,
                                         .ctx = dialled};

    dialled->started = loop_now(loop);
    assert_ok(dial_start(loop, resolver, &request, &dialled->dial));
    assert_int_equal(dialled->calls, 0); /* never from inside */
}

static void turn_until_done(const struct dialled *dialled)
{
    while (dialled->calls == 0) {
        assert_ok(loop_turn(loop, PATIENCE));
        assert_true(loop_now(loop) - dialled->started < PATIENCE);
    }
    assert_int_equal(dialled->calls, 1);
}

static void turn_until_asked(const struct fake_dns_row *row)
{
    for (int i = 0; i < 1000 && row->asked == 0; i++) {
        assert_ok(loop_turn(loop, PATIENCE));
    }
    assert_int_not_equal(row->asked, 0);
}

static void assert_connected(struct dialled *dialled, const char *host)
{
    char text[ADDR_TEXT_BYTES];
    struct addr peer;

    assert_int_equal(dialled->result.outcome, DIAL_CONNECTED);
    assert_string_equal(addr_host_text(&dialled->result.addr, text), host);
    assert_ok(sock_peer_addr(dialled->result.fd, &peer));
    assert_true(addr_equal(&peer, &dialled->result.addr));
    sock_close(&dialled->result.fd);
}

static void assert_failed(const struct dialled *dialled, enum dial_outcome outcome)
{
    assert_string_equal(dial_outcome_text(dialled->result.outcome), dial_outcome_text(outcome));
    assert_int_equal(dialled->result.fd, -1);
}

static int listen_at(const char *host, uint16_t *port, int backlog)
{
    struct addr addr;
    int fd;

    assert_true(addr_parse(span_str(host), *port, &addr));
    assert_ok(sock_listen(&fd, &addr, backlog, 0));
    assert_ok(sock_local_addr(fd, &addr));
    *port = addr_port(&addr);
    return fd;
}

/* A port of the IPv4 loopback that is open, and on IPv6 as well if a room is given. */
static int listen_on_both(uint16_t *ret_port, int *ret_fd6)
{
    for (int i = 0; i < 20; i++) {
        uint16_t port = 0;
        int fd4 = listen_at("127.0.0.1", &port, 8);
        struct addr addr6;

        assert_true(addr_parse(SPAN("::1"), port, &addr6));
        if (sock_listen(ret_fd6, &addr6, 8, 0) == OK) {
            *ret_port = port;
            return fd4;
        }
        sock_close(&fd4);
    }
    fail_msg("no port is free in both families");
    return -1;
}

/* One that was just free; nobody listens there. */
static uint16_t closed_port(void)
{
    uint16_t port = 0;
    int fd = listen_at("127.0.0.1", &port, 8);

    sock_close(&fd);
    return port;
}

static void a_literal_is_dialled_without_asking_anybody(void **state)
{
    static const char *const hosts[][2] = {
        {"127.0.0.1", "127.0.0.1"}, {"::1", "::1"}, {"[::1]", "::1"}};
    uint16_t port;
    int fd6, fd4 = listen_on_both(&port, &fd6);

    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct dialled dialled = {0};

        dial(&dialled, hosts[i][0], port, PATIENCE);
        turn_until_done(&dialled);
        assert_connected(&dialled, hosts[i][1]);
    }
    sock_close(&fd4);
    sock_close(&fd6);
}

static void a_closed_port_is_refused_with_its_errno(void **state)
{
    struct dialled literal = {0}, name = {0};

    (void)state;
    dial(&literal, "127.0.0.1", closed_port(), PATIENCE);
    turn_until_done(&literal);
    assert_failed(&literal, DIAL_REFUSED);
    assert_int_equal(literal.result.error, ECONNREFUSED);
    dial(&name, "both.test", closed_port(), PATIENCE);
    turn_until_done(&name);
    assert_failed(&name, DIAL_REFUSED);
    assert_int_equal(name.result.error, ECONNREFUSED);
    assert_string_equal(name.filtered, "::1 127.0.0.1 ");
}

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

/* Fills the queue of a listener with backlog 0: further connections are neither taken nor
 * refused. */
static void stop_answering(int *fds, size_t count, const char *host, uint16_t port)
{
    struct addr addr;

    assert_true(addr_parse(span_str(host), port, &addr));
    for (size_t i = 0; i < count; i++) {
        assert_ok(sock_connect(&fds[i], &addr));
    }
    assert_int_equal(sock_connect_result(fds[count - 1]), ERR_AGAIN);
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

/* Takes a second: the kernel asks again, and then is told. */
static void an_address_that_refuses_late_is_refused(void **state)
{
    struct dialled dialled = {0};
    uint16_t port = 0;
    int silent = listen_at("127.0.0.1", &port, 0), fill[4];

    (void)state;
    stop_answering(fill, 4, "127.0.0.1", port);
    dial(&dialled, "127.0.0.1", port, PATIENCE);
    assert_ok(loop_turn(loop, 0));
    assert_ok(loop_turn(loop, 0));
    assert_string_equal(dialled.filtered, "127.0.0.1 ");
    assert_int_equal(dialled.calls, 0);
    sock_close(&silent);
    turn_until_done(&dialled);
    assert_failed(&dialled, DIAL_REFUSED);
    assert_int_equal(dialled.result.error, ECONNREFUSED);
    for (size_t i = 0; i < 4; i++) {
        sock_close(&fill[i]);
    }
}

static void a_host_that_never_answers_is_given_up_in_time(void **state)
{
    struct dialled connecting = {0}, resolving = {0};
    uint16_t port = 0;
    int silent = listen_at("127.0.0.1", &port, 0), fill[4];

    (void)state;
    stop_answering(fill, 4, "127.0.0.1", port);
    dial(&connecting, "127.0.0.1", port, 60);
    dial(&resolving, "silent.test", port, 30);
    turn_until_done(&resolving);
    assert_failed(&resolving, DIAL_TIMEOUT);
    assert_true(loop_now(loop) - resolving.started >= 30);
    turn_until_done(&connecting);
    assert_failed(&connecting, DIAL_TIMEOUT);
    assert_true(loop_now(loop) - connecting.started >= 60);
    for (size_t i = 0; i < 4; i++) {
        sock_close(&fill[i]);
    }
    sock_close(&silent);
}

static void names_that_lead_nowhere_say_why(void **state)
{
    struct dialled unknown = {0}, broken = {0}, empty = {0};

    (void)state;
    dial(&unknown, "nowhere.test", 80, PATIENCE);
    dial(&broken, "broken.test", 80, PATIENCE);
    dial(&empty, "", 80, MSEC_NEVER);
    turn_until_done(&unknown);
    turn_until_done(&broken);
    turn_until_done(&empty);
    assert_failed(&unknown, DIAL_NO_NAME);
    assert_failed(&broken, DIAL_DNS_FAILED);
    assert_failed(&empty, DIAL_NO_NAME);
}

static void a_name_too_long_for_dns_is_refused_at_the_start(void **state)
{
    char name[300] = "";
    const struct dial_request request = {.host = span_of(name, sizeof name), .done = on_done};
    struct dial *none = NULL;

    (void)state;
    memset(name, 'a', sizeof name);
    assert_int_equal(dial_start(loop, resolver, &request, &none), ERR_LIMIT);
    assert_null(none);
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

static void on_opened(void *ctx, int fd, const struct addr *remote)
{
    struct addr local;

    assert_ok(sock_local_addr(fd, &local)); /* it has begun: the system has chosen a port */
    assert_int_not_equal(addr_port(&local), 0);
    *(struct addr *)ctx = *remote;
}

static void on_opened_done(void *ctx, const struct dial_result *result)
{
    int fd = result->fd;

    (void)ctx;
    sock_close(&fd);
}

static void every_attempt_is_told_of(void **state)
{
    struct dialled until = {.calls = 0};
    struct addr seen = {0};
    uint16_t port = 0;
    int listen_fd = listen_at("127.0.0.1", &port, 8);
    struct dial *handle;
    const struct dial_request request = {.host = SPAN("127.0.0.1"),
                                         .port = port,
                                         .timeout = PATIENCE,
                                         .opened = on_opened,
                                         .done = on_opened_done,
                                         .ctx = &seen};

    (void)state;
    assert_ok(dial_start(loop, resolver, &request, &handle));
    dial(&until, "127.0.0.1", port, PATIENCE);
    turn_until_done(&until);
    assert_connected(&until, "127.0.0.1");
    assert_int_equal(addr_port(&seen), port);
    sock_close(&listen_fd);
}

static void a_source_of_another_family_reaches_nobody(void **state)
{
    struct dialled dialled = {.calls = 0};
    struct addr source;
    const struct dial_request request = {.host = SPAN("127.0.0.1"),
                                         .port = 80,
                                         .source = &source,
                                         .timeout = PATIENCE,
                                         .done = on_done,
                                         .ctx = &dialled};

    (void)state;
    assert_true(addr_parse(SPAN("2001:db8::5"), 0, &source));
    dialled.started = loop_now(loop);
    assert_ok(dial_start(loop, resolver, &request, &dialled.dial));
    turn_until_done(&dialled);
    assert_failed(&dialled, DIAL_REFUSED);
    assert_int_equal(dialled.result.error, EAFNOSUPPORT);
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

static void a_dial_may_be_cancelled_at_any_moment(void **state)
{
    static const char *const hosts[] = {"both.test", "127.0.0.1", "nowhere.test", "v4.test"};
    uint16_t port;
    int fd6, fd4 = listen_on_both(&port, &fd6);

    (void)state;
    sock_close(&fd6);
    for (size_t host = 0; host < sizeof hosts / sizeof hosts[0]; host++) {
        for (int turns = 0; turns < 12; turns++) {
            struct dialled dialled = {0};

            dial(&dialled, hosts[host], port, PATIENCE);
            for (int i = 0; i < turns; i++) {
                assert_ok(loop_turn(loop, 0));
            }
            if (dialled.calls == 0) {
                dial_cancel(dialled.dial);
                dialled.calls = -1;
                assert_ok(loop_turn(loop, 0));
                assert_int_equal(dialled.calls, -1);
            } else {
                sock_close(&dialled.result.fd);
            }
        }
    }
    dial_cancel(NULL);
    sock_close(&fd4);
}

static void done_may_dial_again(void **state)
{
    struct dialled second = {0}, first = {.then = &second};
    uint16_t port = 0;
    int fd = listen_at("127.0.0.1", &port, 8);

    (void)state;
    dial(&first, "v4.test", port, PATIENCE);
    turn_until_done(&first);
    assert_connected(&first, "127.0.0.1");
    turn_until_done(&second);
    assert_connected(&second, "127.0.0.1");
    sock_close(&fd);
}

static void start_and_cancel(void)
{
    static const char *const hosts[] = {"127.0.0.1", "both.test"};
    struct loop *mine = NULL;
    struct resolver *my_resolver = NULL;

    if (loop_new(&mine) == OK && resolver_new(&my_resolver, mine) == OK &&
        resolver_use_servers(my_resolver, "127.0.0.1:9", PATIENCE, 1) == OK) {
        for (size_t i = 0; i < 2; i++) {
            const struct dial_request request = {
                .host = span_str(hosts[i]), .port = 9, .timeout = 1000, .done = on_done};
            struct dial *started = NULL;

            if (dial_start(mine, my_resolver, &request, &started) != OK) {
                assert_null(started);
            }
            dial_cancel(started);
        }
    }
    resolver_free(my_resolver);
    loop_free(mine);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(start_and_cancel);
}

int main(void)
{
#define WITH_DNS(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)
    const struct CMUnitTest tests[] = {
        WITH_DNS(a_literal_is_dialled_without_asking_anybody),
        WITH_DNS(a_closed_port_is_refused_with_its_errno),
        WITH_DNS(ipv6_is_preferred_where_both_answer),
        WITH_DNS(a_dead_family_gives_way_at_once),
        WITH_DNS(ipv4_waits_a_little_for_ipv6_and_no_longer),
        WITH_DNS(ipv6_that_comes_within_the_delay_is_still_first),
        WITH_DNS(addresses_that_come_late_are_tried_when_the_others_are_dead),
        WITH_DNS(an_address_that_does_not_answer_is_overtaken_after_250_ms),
        WITH_DNS(an_address_that_refuses_late_is_refused),
        WITH_DNS(a_host_that_never_answers_is_given_up_in_time),
        WITH_DNS(names_that_lead_nowhere_say_why),
        WITH_DNS(a_name_too_long_for_dns_is_refused_at_the_start),
        WITH_DNS(the_filter_sees_the_families_in_turn_and_may_refuse_all),
        WITH_DNS(every_attempt_is_told_of),
        WITH_DNS(a_source_of_another_family_reaches_nobody),
        WITH_DNS(an_address_that_is_refused_is_passed_over),
        WITH_DNS(a_dial_may_be_cancelled_at_any_moment),
        WITH_DNS(done_may_dial_again),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
