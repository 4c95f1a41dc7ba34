/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_route.h"

#include "http1/http1_target.h"
#include "lib/oom.h"
#include "unit/proxy/route_conf.h"

/* A request as it stands in its first line: "CONNECT a:1", "GET http://a/b". */
static struct proxy_route_request request_of(const char *line)
{
    struct span text = span_str(line);
    size_t space = span_find(text, ' ');
    struct http1_target target;
    enum http1_fault fault;
    struct proxy_route_request request = {0};

    assert_ok(
        http1_target_read(span_head(text, space), span_tail(text, space + 1), &target, &fault));
    request.is_tunnel = target.form == HTTP1_TARGET_AUTHORITY;
    request.is_get = span_equals(span_head(text, space), "GET");
    request.scheme = target.scheme;
    request.host = target.authority.host;
    request.port = target.authority.port != 0 ? target.authority.port
                                              : http1_authority_default_port(target.scheme);
    if (target.path.len > 0) {
        request.path =
            span_of(target.path.ptr, (size_t)(text.ptr + text.len - target.path.ptr));
    }
    return request;
}

/* "direct", "blocked 3", "redirect", or the parent's host; with a "?" where addresses could
 * change it. */
static const char *describe(const struct proxy_route *route)
{
    static char room[64];

    switch (route->way) {
    case PROXY_ROUTE_DIRECT: return "direct";
    case PROXY_ROUTE_BLOCKED: snprintf(room, sizeof room, "blocked %u", route->line); break;
    case PROXY_ROUTE_REDIRECT: return "redirect";
    case PROXY_ROUTE_PARENT:
        assert_int_equal(route->line, route->parent->line);
        snprintf(room, sizeof room, "%.*s%s", SPAN_ARG(route->parent->host),
                 route->needs_addrs ? "?" : "");
        break;
    }
    return room;
}

struct row {
    const char *conf;
    const char *request;
    const char *way;
};

static void check_rows(const struct row *rows)
{
    const char *conf = NULL;

    for (; rows->request != NULL; rows++) {
        struct proxy_route_request request = request_of(rows->request);
        struct proxy_route route;
        struct route_conf read;
        const char *way;

        conf = rows->conf != NULL ? rows->conf : conf; /* NULL: as in the row above */
        route_conf_read(&read, conf);
        assert_ok(proxy_route_find(&read.conf, &request, &route));
        way = describe(&route);
        if (strcmp(way, rows->way) != 0) {
            fail_msg("%s, asked for %s, says %s and not %s", conf, rows->request, way,
                     rows->way);
        }
        route_conf_free(&read);
    }
}

static void remotes_match_by_star_scheme_url_and_authority(void **state)
{
    static const struct row rows[] = {
        {"", "GET http://a.test/", "direct"},
        {"ProxyRemote * http://p", "GET http://a.test/", "p"},
        {NULL, "CONNECT a.test:443", "p"},
        {NULL, "GET ws://a.test/", "p"},
        {"ProxyRemote http http://p", "GET HTTP://a.test/", "p"},
        {NULL, "GET ws://a.test/", "p"},
        {NULL, "GET wss://a.test/", "direct"},
        {NULL, "CONNECT a.test:80", "direct"}, /* as httpd */
        {"ProxyRemote HTTPS http://p", "CONNECT a.test:9000", "p"},
        {NULL, "GET http://a.test/", "direct"},
        {"ProxyRemote ws http://p", "GET ws://a.test/", "p"},
        {NULL, "GET http://a.test/", "direct"},
        {"ProxyRemote http://a.test/ http://p", "GET http://a.test/x?y", "p"},
        {NULL, "GET http://A.TEST:80", "p"},
        {NULL, "GET http://a.test./", "p"},
        {NULL, "GET http://a.test:8080/", "direct"},
        {NULL, "GET http://a.test.evil/", "direct"},
        {NULL, "GET http://b.a.test/", "direct"},
        {NULL, "CONNECT a.test:80", "direct"},
        {"ProxyRemote http://a.test http://p", "GET http://a.test:8080/", "p"},
        {NULL, "GET http://a.tester/", "direct"}, /* httpd's prefix would match */
        {"ProxyRemote http://a.test:8080 http://p", "GET http://a.test:8080/", "p"},
        {NULL, "GET http://a.test/", "direct"},
        {"ProxyRemote http://a.test/b http://p", "GET http://a.test/bc", "p"},
        {NULL, "GET http://a.test/c", "direct"},
        {"ProxyRemote https://a.test http://p", "CONNECT a.test:8443", "p"},
        {"ProxyRemote https://a.test/ http://p", "CONNECT a.test:443", "p"},
        {NULL, "CONNECT a.test:8443", "direct"},
        {"ProxyRemote https://a.test/b http://p", "CONNECT a.test:443", "direct"},
        {"ProxyRemote a.test:9000 http://p", "CONNECT A.test:9000", "p"},
        {NULL, "CONNECT a.test:9001", "direct"},
        {NULL, "GET http://a.test:9000/", "direct"},
        {"ProxyRemote http://[2001:db8:0::1]/ http://p", "GET http://[2001:DB8::1]/", "p"},
        {NULL, NULL, NULL},
    };

    (void)state;
    check_rows(rows);
}

static void the_first_line_that_matches_counts(void **state)
{
    static const struct row rows[] = {
        {"ProxyRemote http://a.test/ http://p1\nProxyRemoteMatch b http://p2\n"
         "ProxyRemote * http://p3\nProxyRemote http://c.test/ http://p4\n",
         "GET http://a.test/b", "p1"},
        {NULL, "GET http://b.test/", "p2"},
        {NULL, "GET http://c.test/", "p3"},
        {NULL, NULL, NULL},
    };

    (void)state;
    check_rows(rows);
}

static void expressions_see_the_url_in_its_plain_form(void **state)
{
    static const struct row rows[] = {
        {"ProxyRemoteMatch ^http://a\\.test/x\\?y http://p", "GET HTTP://A.test:80/x?y", "p"},
        {NULL, "GET http://a.test:8080/x?y", "direct"},
        {"ProxyRemoteMatch ^http://a\\.test/$ http://p", "GET http://a.test", "p"},
        {"ProxyRemoteMatch ^ws:// http://p", "GET ws://a.test/", "p"},
        {NULL, "GET http://a.test/", "direct"},
        {"ProxyRemoteMatch ^a\\.test:443$ http://p", "CONNECT a.test:443", "p"},
        {"ProxyRemoteMatch ^https://a\\.test/$ http://p", "CONNECT a.test:443", "p"},
        {"ProxyRemoteMatch ^https://a\\.test:9000/$ http://p", "CONNECT a.test:9000", "p"},
        {"ProxyRemoteMatch ^http://\\[::1\\]:81/ http://p", "GET http://[::1]:81/", "p"},
        {NULL, NULL, NULL},
    };

    (void)state;
    check_rows(rows);
}

static void what_noproxy_names_goes_direct(void **state)
{
    static const struct row rows[] = {
        {"ProxyRemote * http://p\nNoProxy a.test .corp.test", "GET http://a.test/", "direct"},
        {NULL, "CONNECT A.test.:443", "direct"},
        {NULL, "GET http://b.a.test/", "p"},
        {NULL, "GET http://x.y.corp.test/", "direct"},
        {NULL, "GET http://corp.test/", "p"}, /* as httpd */
        {NULL, "GET http://xcorp.test/", "p"},
        {"NoProxy 10.0.0.0/8 192.168.1 2001:db8::/32\nProxyRemote * http://p",
         "GET http://10.1.2.3/", "direct"},
        {NULL, "CONNECT 192.168.1.9:443", "direct"},
        {NULL, "CONNECT [2001:db8::9]:443", "direct"},
        {NULL, "GET http://11.1.2.3/", "p"},
        {NULL, "GET http://a.test/", "p?"},
        {"NoProxy 10.0.0.0/8\nProxyRemote https http://p", "GET http://a.test/", "direct"},
        {NULL, NULL, NULL},
    };

    (void)state;
    check_rows(rows);
}

static void addresses_of_a_name_count_for_noproxy(void **state)
{
    struct route_conf read;
    struct proxy_route_request request = request_of("CONNECT a.test:443");
    struct proxy_route route;
    struct addr addrs[2];

    (void)state;
    route_conf_read(&read, "ProxyRemote * http://p\nNoProxy 10.0.0.0/8");
    assert_true(addr_parse(SPAN("192.0.2.1"), 443, &addrs[0]));
    assert_true(addr_parse(SPAN("::ffff:10.0.0.1"), 443, &addrs[1]));
    request.addrs = addrs;
    request.addr_count = 1;
    assert_ok(proxy_route_find(&read.conf, &request, &route));
    assert_string_equal(describe(&route), "p");
    request.addr_count = 2;
    assert_ok(proxy_route_find(&read.conf, &request, &route));
    assert_string_equal(describe(&route), "direct");
    assert_int_equal(route.line, 2);
    route_conf_free(&read);
}

static void words_block_wherever_they_stand_in_the_host(void **state)
{
    static const struct row rows[] = {
        {"ProxyBlock ads .evil.test\nProxyBlock 10.0.0.5", "GET http://my-ADS.test/",
         "blocked 1"},
        {NULL, "GET http://a.test/ads", "direct"},
        {NULL, "CONNECT x.EVIL.test.:443", "blocked 1"},
        {NULL, "CONNECT evil.test:443", "direct"},
        {NULL, "CONNECT 10.0.0.5:443", "blocked 2"},
        {NULL, "CONNECT [::ffff:10.0.0.5]:443", "blocked 2"},
        {NULL, "CONNECT [::ffff:a00:5]:443", "blocked 2"},
        {"ProxyBlock *", "GET http://a.test/", "blocked 1"},
        {"ProxyRemote * http://p\nProxyBlock a\nNoProxy a.test", "GET http://a.test/",
         "blocked 2"},
        {"ProxyBlock 2001:db8::1", "CONNECT [2001:db8:0::1]:443", "blocked 1"},
        {NULL, NULL, NULL},
    };
    struct route_conf read;
    struct addr addr;
    unsigned line = 0;

    (void)state;
    check_rows(rows);
    route_conf_read(&read, "ProxyBlock a\nProxyBlock 10.0.0.5");
    assert_true(addr_parse(SPAN("::ffff:10.0.0.5"), 9, &addr));
    assert_true(proxy_route_blocks_addr(&read.conf, &addr, &line));
    assert_int_equal(line, 2);
    assert_true(addr_parse(SPAN("10.0.0.6"), 9, &addr));
    assert_false(proxy_route_blocks_addr(&read.conf, &addr, &line));
    route_conf_free(&read);
}

static void a_get_for_a_short_name_is_redirected_into_the_domain(void **state)
{
    static const struct row rows[] = {
        {"ProxyDomain .corp.test\nProxyRemote * http://p", "GET http://intranet/", "redirect"},
        {NULL, "HEAD http://intranet/", "p"},
        {NULL, "CONNECT intranet:443", "p"},
        {NULL, "GET ws://intranet/", "p"},
        {NULL, "GET http://localhost/", "p"},
        {NULL, "GET http://[::1]/", "p"},
        {NULL, "GET http://a.test/", "p"},
        {NULL, NULL, NULL},
    };
    struct route_conf read;
    struct buf out;
    struct proxy_route_request request = request_of("GET HTTP://Intranet:8080/a?b");

    (void)state;
    check_rows(rows);
    route_conf_read(&read, rows[0].conf);
    buf_init(&out, 100);
    assert_ok(proxy_route_write_location(&read.conf, &request, &out));
    assert_bytes(buf_span(&out), SPAN("http://intranet.corp.test:8080/a?b"));
    buf_truncate(&out, 0);
    request = request_of("GET http://intranet");
    assert_ok(proxy_route_write_location(&read.conf, &request, &out));
    assert_bytes(buf_span(&out), SPAN("http://intranet.corp.test/"));
    buf_fini(&out);
    buf_init(&out, 20);
    assert_int_equal(proxy_route_write_location(&read.conf, &request, &out), ERR_LIMIT);
    assert_int_equal(out.len, 0);
    buf_fini(&out);
    route_conf_free(&read);
}

static void an_expression_that_costs_too_much_is_an_error(void **state)
{
    struct route_conf read;
    struct proxy_route_request request =
        request_of("GET http://a.test/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
    struct proxy_route route = {0};

    (void)state;
    route_conf_read(&read, "ProxyRemoteMatch (a+)+$ http://p");
    assert_int_equal(proxy_route_find(&read.conf, &request, &route), ERR_LIMIT);
    route_conf_free(&read);
}

static struct route_conf shared;

static void find_without_memory(void)
{
    struct proxy_route_request request = request_of("GET http://b.test/");
    struct proxy_route route;
    enum err e = proxy_route_find(&shared.conf, &request, &route);

    assert_true(e == ERR_NOMEM || strcmp(describe(&route), "p") == 0);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    route_conf_read(&shared, "ProxyRemoteMatch b http://p");
    every_oom(find_without_memory);
    route_conf_free(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remotes_match_by_star_scheme_url_and_authority),
        cmocka_unit_test(the_first_line_that_matches_counts),
        cmocka_unit_test(expressions_see_the_url_in_its_plain_form),
        cmocka_unit_test(what_noproxy_names_goes_direct),
        cmocka_unit_test(addresses_of_a_name_count_for_noproxy),
        cmocka_unit_test(words_block_wherever_they_stand_in_the_host),
        cmocka_unit_test(a_get_for_a_short_name_is_redirected_into_the_domain),
        cmocka_unit_test(an_expression_that_costs_too_much_is_an_error),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
