/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the script says is tested where it is run: test/e2e/operations.test.js.
 */
#include "proxy/proxy_pac.h"

#include "lib/testing.h"
#include "proxy/proxy_route_read.h"

static const char *written(const struct proxy_pac *pac)
{
    static char text[PROXY_PAC_BYTES_MAX + 1];
    struct buf out;

    buf_init(&out, PROXY_PAC_BYTES_MAX);
    assert_ok(proxy_pac_write(pac, &out));
    memcpy(text, out.ptr, out.len);
    text[out.len] = '\0';
    buf_fini(&out);
    return text;
}

static void both_paths_are_known(void **state)
{
    (void)state;
    assert_true(proxy_pac_is_path(SPAN("/proxy.pac")));
    assert_true(proxy_pac_is_path(SPAN("/wpad.dat")));
    assert_false(proxy_pac_is_path(SPAN("/proxy.pac/")));
    assert_false(proxy_pac_is_path(SPAN("/")));
}

static void the_proxy_is_the_server_name_or_what_was_reached(void **state)
{
    static const struct {
        const char *name;
        const char *says;
    } cases[] = {
        {"", "'PROXY [2001:db8::1]:3128'"},
        {"proxy.example", "'PROXY proxy.example:3128'"},
        {"proxy.example:8080", "'PROXY proxy.example:8080'"},
        {"[::1]:8080", "'PROXY [::1]:8080'"},
        {"proxy'; evil()", "'PROXY [2001:db8::1]:3128'"}, /* no name at all */
    };
    struct proxy_pac pac = {0};

    (void)state;
    assert_true(addr_parse(SPAN("2001:db8::1"), 3128, &pac.reached));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pac.server_name = span_str(cases[i].name);
        assert_non_null(strstr(written(&pac), cases[i].says));
    }
}

static void words_become_lists_and_strange_ones_are_left_out(void **state)
{
    struct proxy_route_exclude excludes[] = {
        {.kind = PROXY_ROUTE_READ_NET},
        {.kind = PROXY_ROUTE_READ_NET},
        {.kind = PROXY_ROUTE_READ_DOMAIN, .name = SPAN(".Example.NET")},
        {.kind = PROXY_ROUTE_READ_HOST, .name = SPAN("Intra.Example")},
        {.kind = PROXY_ROUTE_READ_HOST, .name = SPAN("a'); evil('")},
        {.kind = PROXY_ROUTE_READ_HOST, .name = SPAN("")},
    };
    const struct proxy_route_conf route = {.excludes = excludes,
                                           .domain = SPAN(".corp.example")};
    struct proxy_pac pac = {.route = &route};
    const char *text;

    (void)state;
    for (size_t i = 0; i + 1 < sizeof excludes / sizeof excludes[0]; i++) {
        excludes[i].next = &excludes[i + 1];
    }
    assert_true(addr_net_parse(SPAN("10.0.0.0/8"), &excludes[0].net));
    assert_true(addr_net_parse(SPAN("2001:db8::/32"), &excludes[1].net));
    assert_true(addr_parse(SPAN("127.0.0.1"), 3128, &pac.reached));
    text = written(&pac);
    assert_non_null(strstr(text, "[[2560, 0], [65280, 0]]"));
    assert_non_null(strstr(text, "[[8193, 3512, 0, 0, 0, 0, 0, 0], [65535, 65535, 0"));
    assert_non_null(strstr(text, "'.example.net'"));
    assert_non_null(strstr(text, "'.corp.example'"));
    assert_non_null(strstr(text, "'intra.example'"));
    assert_null(strstr(text, "evil"));
}

static void what_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
    struct proxy_pac pac = {0};
    struct buf out;

    (void)state;
    assert_true(addr_parse(SPAN("127.0.0.1"), 3128, &pac.reached));
    buf_init(&out, 500);
    assert_ok(buf_append(&out, SPAN("before")));
    assert_int_equal(proxy_pac_write(&pac, &out), ERR_LIMIT);
    assert_bytes(buf_span(&out), SPAN("before"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_paths_are_known),
        cmocka_unit_test(the_proxy_is_the_server_name_or_what_was_reached),
        cmocka_unit_test(words_become_lists_and_strange_ones_are_left_out),
        cmocka_unit_test(what_does_not_fit_leaves_the_buffer_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
