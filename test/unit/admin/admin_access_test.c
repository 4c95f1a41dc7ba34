/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "admin/admin_access.h"

#include "lib/testing.h"

#include <stdio.h>

static struct addr address(const char *text)
{
    struct addr addr;

    assert_true(addr_parse(span_str(text), 4711, &addr));
    return addr;
}

static bool admits(const struct daemon_conf_admin *conf, const char *client, const char *local)
{
    struct addr from = address(client);
    struct addr to = address(local);

    return admin_access_admits(conf, &from, &to);
}

static void this_host_may_ask_and_others_need_a_line(void **state)
{
    struct daemon_conf_admin conf = {0};

    (void)state;
    assert_true(admits(&conf, "127.0.0.1", "127.0.0.1"));
    assert_true(admits(&conf, "::1", "::1"));
    assert_true(admits(&conf, "192.0.2.1", "192.0.2.1"));
    assert_false(admits(&conf, "192.0.2.2", "192.0.2.1"));
    assert_true(addr_net_parse(SPAN("192.0.2.0/24"), &conf.allows[conf.allow_count++]));
    assert_true(admits(&conf, "192.0.2.2", "192.0.2.1"));
    assert_false(admits(&conf, "192.0.3.2", "192.0.2.1"));
}

static bool knows(const struct daemon_conf_admin *conf, const char *request)
{
    const struct http1_limits limits = {100, 200, 10, 1000};
    struct span input = span_str(request);
    struct http1_head head;
    bool is_known;

    http1_head_init(&head, HTTP1_REQUEST, &limits);
    assert_ok(http1_head_next(&head, &input));
    is_known = admin_access_knows_host(conf, &head);
    http1_head_fini(&head);
    return is_known;
}

static bool knows_host(const struct daemon_conf_admin *conf, const char *host)
{
    char request[300];

    snprintf(request, sizeof request, "GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n", host);
    return knows(conf, request);
}

static void a_name_that_others_can_own_is_refused(void **state)
{
    static const char *const good[] = {"127.0.0.1", "127.0.0.1:9180", "[::1]:9180",
                                       "localhost", "LOCALHOST:9180", "localhost.",
                                       "192.0.2.1", "proxy.example",  "Proxy.Example.:9180"};
    static const char *const bad[] = {"evil.example",
                                      "localhost.evil.example",
                                      "127.0.0.1.evil.example",
                                      "127.1",
                                      "0x7f000001",
                                      "",
                                      "user@127.0.0.1",
                                      "a.localhost"};
    const struct daemon_conf_admin conf = {.names = {SPAN_INIT("proxy.example")},
                                           .name_count = 1};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(knows_host(&conf, good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(knows_host(&conf, bad[i]));
    }
}

static void only_http_1_0_may_be_silent(void **state)
{
    const struct daemon_conf_admin conf = {0};

    (void)state;
    assert_true(knows(&conf, "GET /metrics HTTP/1.0\r\n\r\n"));
    assert_false(knows(&conf, "GET /metrics HTTP/1.1\r\n\r\n"));
    assert_false(knows(&conf, "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_host_may_ask_and_others_need_a_line),
        cmocka_unit_test(a_name_that_others_can_own_is_refused),
        cmocka_unit_test(only_http_1_0_may_be_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
