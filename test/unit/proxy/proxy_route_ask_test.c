/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_route_ask.h"

#include "lib/oom.h"
#include "unit/io/fake_dns.h"
#include "unit/proxy/route_conf.h"

enum {
    PATIENCE = 20000
};

static struct fake_dns_row rows[] = {
    {.name = "inside.test", .family = AF_INET, .kind = FAKE_DNS_ADDRS, .addrs = "10.1.2.3 "},
    {.name = "inside.test", .family = AF_INET6, .kind = FAKE_DNS_ADDRS, .addrs = ""},
    {.name = "outside.test", .family = AF_INET, .kind = FAKE_DNS_ADDRS, .addrs = "192.0.2.1 "},
    {.name = "v6.test",
     .family = AF_INET6,
     .kind = FAKE_DNS_ADDRS,
     .addrs = "2001:db8::1 2001:db9::1 "},
    {.name = "broken.test", .family = AF_INET, .kind = FAKE_DNS_SERVFAIL, .addrs = ""},
    {.name = "broken.test", .family = AF_INET6, .kind = FAKE_DNS_SERVFAIL, .addrs = ""},
    {.name = NULL},
};

static struct loop *loop;
static struct resolver *resolver;
static struct fake_dns dns;
static struct route_conf read;

static int open_all(void **state)
{
    (void)state;
    fake_dns_begin(&dns, rows, &loop, &resolver);
    route_conf_read(&read, "ProxyRemote * http://p\n"
                           "NoProxy direct.test 10.0.0.0/8 2001:db9::/32\n");
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    fake_dns_end(&dns, loop, resolver);
    route_conf_free(&read);
    return 0;
}

struct asked {
    int calls;
    enum err e;
    struct proxy_route route;
};

static void on_route(void *ctx, enum err e, const struct proxy_route *route)
{
    struct asked *asked = ctx;

    asked->calls++;
    asked->e = e;
    asked->route = *route;
}

static enum err ask(struct asked *asked, const char *host, struct proxy_route_ask **ret_ask)
{
    char scratch[64]; /* gone when the answer comes */
    struct proxy_route_request request = {.scheme = SPAN("http"), .port = 80};

    snprintf(scratch, sizeof scratch, "%s", host);
    request.host = span_str(scratch);
    *asked = (struct asked){0};
    return proxy_route_ask(&read.conf, resolver, &request, on_route, asked, &asked->route,
                           ret_ask);
}

static struct proxy_route route_to(const char *host)
{
    struct asked asked;
    struct proxy_route_ask *under_way;

    assert_int_equal(ask(&asked, host, &under_way), ERR_AGAIN);
    assert_int_equal(asked.calls, 0);
    for (int i = 0; i < 1000 && asked.calls == 0; i++) {
        assert_ok(loop_turn(loop, PATIENCE));
    }
    assert_int_equal(asked.calls, 1);
    assert_ok(asked.e);
    assert_false(asked.route.needs_addrs);
    return asked.route;
}

static void what_needs_no_address_is_answered_at_once(void **state)
{
    struct asked asked;
    struct proxy_route_ask *under_way = NULL;

    (void)state;
    assert_ok(ask(&asked, "direct.test", &under_way));
    assert_int_equal(asked.route.way, PROXY_ROUTE_DIRECT);
    assert_ok(ask(&asked, "10.0.0.1", &under_way));
    assert_int_equal(asked.route.way, PROXY_ROUTE_DIRECT);
    assert_ok(ask(&asked, "192.0.2.1", &under_way));
    assert_int_equal(asked.route.way, PROXY_ROUTE_PARENT);
    assert_null(under_way);
}

static void a_name_goes_where_its_addresses_go(void **state)
{
    (void)state;
    assert_int_equal(route_to("inside.test").way, PROXY_ROUTE_DIRECT);
    assert_int_equal(route_to("outside.test").way, PROXY_ROUTE_PARENT);
    assert_int_equal(route_to("v6.test").way, PROXY_ROUTE_DIRECT);
}

static void a_name_without_addresses_goes_as_it_would_without_the_rule(void **state)
{
    (void)state;
    assert_int_equal(route_to("nowhere.test").way, PROXY_ROUTE_PARENT);
    assert_int_equal(route_to("broken.test").way, PROXY_ROUTE_PARENT);
}

static void a_question_can_be_cancelled(void **state)
{
    struct asked asked;
    struct proxy_route_ask *under_way;

    (void)state;
    assert_int_equal(ask(&asked, "inside.test", &under_way), ERR_AGAIN);
    proxy_route_ask_cancel(under_way);
    proxy_route_ask_cancel(NULL);
    assert_int_equal(route_to("outside.test").way, PROXY_ROUTE_PARENT);
    assert_int_equal(asked.calls, 0);
}

static void ask_without_memory(void)
{
    struct asked asked;
    struct proxy_route_ask *under_way;
    enum err e = ask(&asked, "inside.test", &under_way);

    if (e == ERR_AGAIN) {
        proxy_route_ask_cancel(under_way);
    } else {
        assert_int_equal(e, ERR_NOMEM);
    }
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(ask_without_memory);
}

int main(void)
{
#define WITH_DNS(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)
    const struct CMUnitTest tests[] = {
        WITH_DNS(what_needs_no_address_is_answered_at_once),
        WITH_DNS(a_name_goes_where_its_addresses_go),
        WITH_DNS(a_name_without_addresses_goes_as_it_would_without_the_rule),
        WITH_DNS(a_question_can_be_cancelled),
        WITH_DNS(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
