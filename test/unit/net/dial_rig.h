/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the tests of dialling begin with: a loop, a resolver and a name server that knows a few
 * names, listeners, and words for what came of a dial.
 */
#pragma once

#include "io/sock.h"
#include "lib/testing.h"
#include "net/dial.h"
#include "unit/io/fake_dns.h"

#include <stdio.h>
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

static inline int lowest_free_fd(void)
{
    int fd = dup(STDIN_FILENO);

    assert_true(fd >= 0);
    close(fd);
    return fd;
}

static int free_before;

static inline int open_all(void **state)
{
    (void)state;
    free_before = lowest_free_fd();
    memcpy(rows, fresh_rows, sizeof rows);
    fake_dns_begin(&dns, rows, &loop, &resolver);
    return 0;
}

static inline int close_all(void **state)
{
    (void)state;
    fake_dns_end(&dns, loop, resolver);
    assert_int_equal(lowest_free_fd(), free_before); /* no descriptor was left open */
    return 0;
}

static inline bool filter(void *ctx, const struct addr *addr)
{
    struct dialled *dialled = ctx;
    char host[ADDR_TEXT_BYTES];
    size_t len = strlen(dialled->filtered);

    addr_host_text(addr, host);
    snprintf(dialled->filtered + len, sizeof dialled->filtered - len, "%s ", host);
    return dialled->refuse == NULL || !span_starts(span_str(host), span_str(dialled->refuse));
}

static inline void dial(struct dialled *dialled, const char *host, uint16_t port, msec timeout);

static inline void on_done(void *ctx, const struct dial_result *result)
{
    struct dialled *dialled = ctx;

    dialled->calls++;
    dialled->dial = NULL;
    dialled->result = *result;
    if (dialled->then != NULL) {
        dial(dialled->then, "127.0.0.1", addr_port(&result->addr), PATIENCE);
    }
}

static inline void dial(struct dialled *dialled, const char *host, uint16_t port, msec timeout)
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

static inline void turn_until_done(const struct dialled *dialled)
{
    while (dialled->calls == 0) {
        assert_ok(loop_turn(loop, PATIENCE));
        assert_true(loop_now(loop) - dialled->started < PATIENCE);
    }
    assert_int_equal(dialled->calls, 1);
}

static inline void turn_until_asked(const struct fake_dns_row *row)
{
    for (int i = 0; i < 1000 && row->asked == 0; i++) {
        assert_ok(loop_turn(loop, PATIENCE));
    }
    assert_int_not_equal(row->asked, 0);
}

static inline void assert_connected(struct dialled *dialled, const char *host)
{
    char text[ADDR_TEXT_BYTES];
    struct addr peer;

    assert_int_equal(dialled->result.outcome, DIAL_CONNECTED);
    assert_string_equal(addr_host_text(&dialled->result.addr, text), host);
    assert_ok(sock_peer_addr(dialled->result.fd, &peer));
    assert_true(addr_equal(&peer, &dialled->result.addr));
    sock_close(&dialled->result.fd);
}

static inline void assert_failed(const struct dialled *dialled, enum dial_outcome outcome)
{
    assert_string_equal(dial_outcome_text(dialled->result.outcome), dial_outcome_text(outcome));
    assert_int_equal(dialled->result.fd, -1);
}

static inline int listen_at(const char *host, uint16_t *port, int backlog)
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
static inline int listen_on_both(uint16_t *ret_port, int *ret_fd6)
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
static inline uint16_t closed_port(void)
{
    uint16_t port = 0;
    int fd = listen_at("127.0.0.1", &port, 8);

    sock_close(&fd);
    return port;
}

/* Fills the queue of a listener with backlog 0: further connections are neither taken nor
 * refused. */
static inline void stop_answering(int *fds, size_t count, const char *host, uint16_t port)
{
    struct addr addr;

    assert_true(addr_parse(span_str(host), port, &addr));
    for (size_t i = 0; i < count; i++) {
        assert_ok(sock_connect(&fds[i], &addr));
    }
    assert_int_equal(sock_connect_result(fds[count - 1]), ERR_AGAIN);
}

#define WITH_DNS(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)
