/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_target.h"

#include "lib/testing.h"

static struct http1_target read_target(const char *method, const char *text)
{
    struct http1_target target = {0};
    enum http1_fault fault = HTTP1_FAULT_NONE;

    assert_ok(http1_target_read(span_str(method), span_str(text), &target, &fault));
    return target;
}

static void the_origin_form_has_a_path_and_a_query(void **state)
{
    struct http1_target target = read_target("GET", "/stomp?a=b?c");

    (void)state;
    assert_int_equal(target.form, HTTP1_TARGET_ORIGIN);
    assert_bytes(target.path, SPAN("/stomp"));
    assert_true(target.has_query);
    assert_bytes(target.query, SPAN("a=b?c"));

    target = read_target("GET", "//not-a-host/x");
    assert_int_equal(target.form, HTTP1_TARGET_ORIGIN);
    assert_bytes(target.path, SPAN("//not-a-host/x"));
    assert_false(target.has_query);

    target = read_target("GET", "/?");
    assert_true(target.has_query);
    assert_int_equal(target.query.len, 0);
}

static void the_absolute_form_has_a_host_too(void **state)
{
    struct http1_target target = read_target("GET", "http://realm.example:9000/a/b?q|r");

    (void)state;
    assert_int_equal(target.form, HTTP1_TARGET_ABSOLUTE);
    assert_bytes(target.scheme, SPAN("http"));
    assert_int_equal(target.authority.kind, HTTP1_HOST_NAME);
    assert_bytes(target.authority.host, SPAN("realm.example"));
    assert_int_equal(target.authority.port, 9000);
    assert_bytes(target.path, SPAN("/a/b"));
    assert_bytes(target.query, SPAN("q|r"));

    target = read_target("OPTIONS", "HTTP://[::1]?q");
    assert_bytes(target.authority.host, SPAN("::1"));
    assert_int_equal(target.authority.port, 0);
    assert_int_equal(target.path.len, 0);
    assert_bytes(target.query, SPAN("q"));

    target = read_target("GET", "http://realm.example");
    assert_int_equal(target.path.len, 0);
    assert_false(target.has_query);
}

static void connect_takes_the_authority_form(void **state)
{
    struct http1_target target = read_target("CONNECT", "realm.example:9443");

    (void)state;
    assert_int_equal(target.form, HTTP1_TARGET_AUTHORITY);
    assert_bytes(target.authority.host, SPAN("realm.example"));
    assert_int_equal(target.authority.port, 9443);
    assert_int_equal(target.path.len, 0);
}

static void options_takes_the_asterisk(void **state)
{
    (void)state;
    assert_int_equal(read_target("OPTIONS", "*").form, HTTP1_TARGET_ASTERISK);
}

struct refusal {
    const char *method;
    const char *text;
    enum http1_fault fault;
};

/* clang-format off */
static const struct refusal refusals[] = {
    {"GET",     "*",                          HTTP1_FAULT_TARGET_FORM},
    {"GET",     "",                           HTTP1_FAULT_TARGET_FORM},
    {"GET",     "index.html",                 HTTP1_FAULT_TARGET_FORM},
    {"GET",     "realm.example:80",           HTTP1_FAULT_TARGET_FORM},
    {"connect", "realm.example:80",           HTTP1_FAULT_TARGET_FORM},
    {"GET",     "://realm.example/",          HTTP1_FAULT_TARGET_FORM},
    {"GET",     "1http://realm.example/",     HTTP1_FAULT_TARGET_FORM},
    {"GET",     "ht_tp://realm.example/",     HTTP1_FAULT_TARGET_FORM},
    {"GET",     "http:/realm.example/",       HTTP1_FAULT_TARGET_FORM},
    {"GET",     "?q",                         HTTP1_FAULT_TARGET_FORM},
    {"GET",     "/a#b",                       HTTP1_FAULT_TARGET_BYTE},
    {"GET",     "http://realm.example/?a#b",  HTTP1_FAULT_TARGET_BYTE},
    {"GET",     "http://realm.example#b",     HTTP1_FAULT_HOST_BYTE},
    {"GET",     "http:///x",                  HTTP1_FAULT_NO_HOST},
    {"GET",     "http://:80/x",               HTTP1_FAULT_NO_HOST},
    {"GET",     "http://user@realm.example/", HTTP1_FAULT_USERINFO},
    {"GET",     "http://good.example\\@x/", HTTP1_FAULT_USERINFO},
    {"GET",     "http://good.example\\x/",  HTTP1_FAULT_HOST_BYTE},
    {"GET",     "http://realm.example:99999/", HTTP1_FAULT_PORT_RANGE},
    {"CONNECT", "/",                          HTTP1_FAULT_HOST_BYTE},
    {"CONNECT", "realm.example",              HTTP1_FAULT_NO_PORT},
    {"CONNECT", "realm.example:443/",         HTTP1_FAULT_PORT},
    {"CONNECT", "http://realm.example:443",   HTTP1_FAULT_HOST_IPV6},
    {"CONNECT", "*",                          HTTP1_FAULT_HOST_BYTE},
};
/* clang-format on */

static void each_refusal_has_its_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct http1_target target = {.form = HTTP1_TARGET_ASTERISK};
        enum http1_fault fault = HTTP1_FAULT_NONE;

        assert_int_equal(http1_target_read(span_str(refusals[i].method),
                                           span_str(refusals[i].text), &target, &fault),
                         ERR_PROTO);
        assert_int_equal(fault, refusals[i].fault);
        assert_int_equal(target.form, HTTP1_TARGET_ASTERISK);
    }
}

static void path_and_query_are_had_as_they_were_sent(void **state)
{
    static const struct {
        const char *text;
        const char *path_query;
    } rows[] = {
        {"http://h/a/b?c=d", "/a/b?c=d"},
        {"http://h/a?", "/a?"},
        {"http://h/a", "/a"},
        {"http://h?q", "?q"},
        {"http://h", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http1_target target;
        enum http1_fault fault;

        assert_ok(http1_target_read(SPAN("GET"), span_str(rows[i].text), &target, &fault));
        assert_bytes(http1_target_path_query(&target), span_str(rows[i].path_query));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_and_query_are_had_as_they_were_sent),
        cmocka_unit_test(the_origin_form_has_a_path_and_a_query),
        cmocka_unit_test(the_absolute_form_has_a_host_too),
        cmocka_unit_test(connect_takes_the_authority_form),
        cmocka_unit_test(options_takes_the_asterisk),
        cmocka_unit_test(each_refusal_has_its_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
