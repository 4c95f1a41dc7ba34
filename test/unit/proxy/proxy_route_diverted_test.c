/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_route.h"

#include "route_conf.h"

#define PARENT "ProxyRemote * http://parent.test:3128\n"

static const struct {
    const char *rules;
    const char *host;
    bool is_verified;
    enum proxy_route_way way;
    unsigned line;
} rows[] = {
    {"", "a.test", false, PROXY_ROUTE_DIRECT, 0},
    {PARENT, "a.test", false, PROXY_ROUTE_PARENT, 1},
    /* ProxyBlock: by name and by address */
    {"ProxyBlock bad.test\n", "bad.test", false, PROXY_ROUTE_BLOCKED, 1},
    {"ProxyBlock 192.0.2.7\n", "a.test", false, PROXY_ROUTE_BLOCKED, 1},
    {"ProxyBlock bad.test\n", "a.test", false, PROXY_ROUTE_DIRECT, 0},
    /* NoProxy: where the connection goes is known, and nothing is looked up */
    {PARENT "NoProxy 192.0.2.0/24\n", "a.test", false, PROXY_ROUTE_DIRECT, 2},
    {PARENT "NoProxy 198.51.100.0/24\n", "a.test", false, PROXY_ROUTE_PARENT, 1},
    /* a name that anybody can claim leads past no parent, a verified one does */
    {PARENT "NoProxy .inner.test\n", "a.inner.test", false, PROXY_ROUTE_PARENT, 1},
    {PARENT "NoProxy .inner.test\n", "a.inner.test", true, PROXY_ROUTE_DIRECT, 2},
    {PARENT "NoProxy 192.0.2.7\n", "192.0.2.7", false, PROXY_ROUTE_DIRECT, 2},
    /* but it may choose one */
    {"ProxyRemote http://a.test/ http://parent.test:3128\n", "a.test", false,
     PROXY_ROUTE_PARENT, 1},
    /* the client has looked the name up: no other is meant */
    {"ProxyDomain .test\n", "intranet", false, PROXY_ROUTE_DIRECT, 0},
    {"ProxyDomain .test\n", "intranet", true, PROXY_ROUTE_DIRECT, 0},
};

static void a_name_can_narrow_the_way_and_never_open_it(void **state)
{
    struct addr origin;

    (void)state;
    assert_true(addr_parse(SPAN("192.0.2.7"), 80, &origin));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct proxy_route_request request = {.is_get = true,
                                                    .scheme = SPAN("http"),
                                                    .host = span_str(rows[i].host),
                                                    .port = 80,
                                                    .path = SPAN("/")};
        struct route_conf read;
        struct proxy_route route;

        route_conf_read(&read, rows[i].rules);
        assert_ok(proxy_route_find_diverted(&read.conf, &request, &origin, rows[i].is_verified,
                                            &route));
        if (route.way != rows[i].way || route.line != rows[i].line || route.needs_addrs) {
            fail_msg("row %zu: way %d, line %u", i, route.way, route.line);
        }
        route_conf_free(&read);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_can_narrow_the_way_and_never_open_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
