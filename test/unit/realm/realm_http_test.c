/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_http.h"

#include "lib/cut.h"
#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/realm/anybody.h"

#include <stdio.h>

#define BYTES(literal)                                     \
    {                                                      \
        (const uint8_t *)("" literal), sizeof(literal) - 1 \
    }

static const struct realm_asset assets[] = {
    {"js/demo/index.html", BYTES("<!doctype html>"), "aa"},
    {"js/client/dist/nirvana.js", BYTES("var Nirvana;"), "bb"},
    {NULL, {NULL, 0}, NULL},
};

static struct realm_conf_interface interfaces[1];

static struct realm_conf conf_of(bool has_diagnostics)
{
    assert_true(addr_parse(SPAN("127.0.0.1"), 9000, &interfaces[0].addr));
    return (struct realm_conf){
        .interfaces = interfaces,
        .interface_count = 1,
        .has_diagnostics = has_diagnostics,
        .diagnostic_rate = 1,
        .diagnostics_max = 1,
        .line_bytes = 200,
        .field_count = 20,
        .field_bytes = 300,
    };
}

/* The answer to a request, as text. Lives until the next call. */
static const char *ask_with(const struct realm_conf *conf, const char *request,
                            struct realm_http_verdict *verdict)
{
    static char text[4096];
    const struct http1_limits limits = realm_conf_limits(conf);
    struct realm_http_gate gate = {0};
    const struct realm_http_env env = {
        .conf = conf, .assets = assets, .login = anybody(), .has_login = true, .gate = &gate};
    struct span input = span_str(request);
    struct http1_head head;
    struct buf out;

    http1_head_init(&head, HTTP1_REQUEST, &limits);
    buf_init(&out, sizeof text - 1);
    assert_ok(realm_http_next(&env, &head, &input, &out, verdict));
    memcpy(text, out.ptr, out.len);
    text[out.len] = '\0';
    buf_fini(&out);
    http1_head_fini(&head);
    return text;
}

static const char *ask(const char *request)
{
    const struct realm_conf conf = conf_of(true);
    struct realm_http_verdict verdict;

    return ask_with(&conf, request, &verdict);
}

static const struct {
    const char *request;
    const char *begins;
    const char *has;
} answers[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 302 ", "Location: /demo/\r\n"},
    {"GET /demo HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 302 ", "Location: /demo/\r\n"},
    {"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", "HTTP/1.1 302 ", ""},
    {"GET /demo/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\n<!doctype html>"},
    {"GET /demo/?x=1 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ",
     "Content-Security-Policy: default-src 'self'"},
    {"HEAD /demo/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ", "Content-Length: 15\r\n"},
    {"GET /lib/js/nirvana.js HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ",
     "X-Content-Type-Options: nosniff"},
    {"GET /health HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\nok\n"},
    {"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 ", "nothing here"},
    {"GET /demo/../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 ", ""},
    {"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405 ",
     "Allow: GET, HEAD\r\n"},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 ", "Allow: GET, HEAD\r\n"},
    {"CONNECT a:9000 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 ", "Allow: GET, HEAD\r\n"},
    {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "sent no Host field"},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 ", "more than one Host"},
    {"GET / HTTP/1.1\nHost: a\r\n\r\n", "HTTP/1.1 400 ", "LF alone"},
    {"GET / HTTP/2.0\r\n\r\n", "HTTP/1.1 505 ", ""},
    {"GET /stomp HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 426 ", "Upgrade: websocket"},
    {"POST /stomp HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 ", ""},
};

static void every_request_has_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        const char *answer = ask(answers[i].request);

        if (strncmp(answer, answers[i].begins, strlen(answers[i].begins)) != 0 ||
            strstr(answer, answers[i].has) == NULL) {
            fail_msg("%s -> %s", answers[i].request, answer);
        }
    }
    assert_null(strstr(ask(answers[5].request), "<!doctype")); /* HEAD: no body */
}

static void long_lines_and_fields_are_refused_by_name(void **state)
{
    char request[700] = "GET / HTTP/1.1\r\nHost: a\r\n";

    (void)state;
    for (int i = 0; i < 20; i++) {
        memcpy(request + strlen(request), "A: b\r\n", sizeof "A: b\r\n");
    }
    assert_memory_equal(ask(request), "HTTP/1.1 431 ", 13);
    assert_non_null(strstr(ask(request), "see LimitRequestFields\n"));
    snprintf(request, sizeof request, "GET /%0300d HTTP/1.1\r\nHost: a\r\n\r\n", 0);
    assert_memory_equal(ask(request), "HTTP/1.1 414 ", 13);
    assert_non_null(strstr(ask(request), "see LimitRequestLine\n"));
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: a\r\nX: %0400d\r\n\r\n", 0);
    assert_memory_equal(ask(request), "HTTP/1.1 431 ", 13);
    assert_non_null(strstr(ask(request), "see LimitRequestFieldSize\n"));
}

#define UPGRADE                                                                 \
    "Host: realm.example:9000\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define STOMP "Sec-WebSocket-Protocol: v9.stomp, v12.stomp, v11.stomp\r\n"

static void an_upgrade_to_stomp_chooses_the_subprotocol(void **state)
{
    const struct realm_conf conf = conf_of(false);
    struct realm_http_verdict verdict;
    const char *answer =
        ask_with(&conf, "GET /stomp HTTP/1.1\r\n" UPGRADE STOMP "\r\n", &verdict);

    (void)state;
    assert_int_equal(verdict.action, REALM_HTTP_STOMP);
    assert_memory_equal(answer, "HTTP/1.1 101 ", 13);
    assert_non_null(strstr(answer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_non_null(strstr(answer, "Sec-WebSocket-Protocol: v12.stomp\r\n"));
}

static void without_the_subprotocol_a_sentence_names_it(void **state)
{
    const char *answer = ask("GET /stomp HTTP/1.1\r\n" UPGRADE "\r\n");

    (void)state;
    assert_memory_equal(answer, "HTTP/1.1 400 ", 13);
    assert_non_null(strstr(answer, "v12.stomp"));
}

static void a_page_without_an_origin_is_told_a_line_that_there_is(void **state)
{
    struct realm_conf conf = conf_of(false);
    struct realm_http_verdict verdict;

    (void)state;
    ask_with(&conf, "GET /stomp HTTP/1.1\r\n" UPGRADE STOMP "Origin: null\r\n\r\n", &verdict);
    assert_int_equal(verdict.status, 403);
    assert_true(verdict.is_foreign);
    assert_string_equal(verdict.why,
                        "pages without an origin, as of a file or in a sandbox, may not open "
                        "sessions here (serve the page from a site and name that: AllowOrigin "
                        "https://app.example)");
}

static void a_foreign_page_is_refused_and_the_line_to_add_is_said(void **state)
{
    static struct span names[] = {BYTES("realm.example")};
    struct realm_conf conf = conf_of(false);
    struct realm_http_verdict verdict;
    const char *answer = ask_with(
        &conf, "GET /stomp HTTP/1.1\r\n" UPGRADE STOMP "Origin: https://evil.example\r\n\r\n",
        &verdict);

    (void)state;
    assert_memory_equal(answer, "HTTP/1.1 403 ", 13);
    assert_true(verdict.is_foreign);
    assert_non_null(strstr(verdict.why, "AllowOrigin https://evil.example"));
    ask_with(&conf,
             "GET /stomp HTTP/1.1\r\n" UPGRADE STOMP "Origin: http://realm.example\r\n"
             "Origin: https://realm.example:9000\r\n\r\n",
             &verdict);
    assert_int_equal(verdict.status, 403);
    ask_with(&conf,
             "GET /stomp HTTP/1.1\r\n" UPGRADE STOMP
             "Origin: http://realm.example:9000\r\n\r\n",
             &verdict);
    assert_int_equal(verdict.status, 403);
    assert_true(verdict.is_foreign);
    assert_string_equal(verdict.why,
                        "pages from http://realm.example:9000 may not open sessions "
                        "here (if they should: ServerName realm.example)");
    conf.hosts = names;
    conf.host_count = 1;
    ask_with(&conf,
             "GET /stomp HTTP/1.1\r\n" UPGRADE STOMP
             "Origin: http://realm.example:9000\r\n\r\n",
             &verdict);
    assert_int_equal(verdict.status, 101);
}

static void a_host_that_is_no_name_of_the_realm_is_refused(void **state)
{
    static struct span names[] = {BYTES("realm.example")};
    static const char *const requests[] = {
        "GET /health HTTP/1.1\r\nHost: evil.example:9000\r\n\r\n",
        "GET /api/channels HTTP/1.1\r\nHost: evil.example:9000\r\n\r\n",
        "GET http://evil.example/demo/ HTTP/1.1\r\nHost: realm.example\r\n\r\n",
        "GET /sockjs/info HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET /diag/headers HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "POST /api/channels/a/events HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 1\r\n\r\n",
    };
    struct realm_conf conf = conf_of(true);
    struct realm_http_verdict verdict;

    (void)state;
    conf.hosts = names;
    conf.host_count = 1;
    conf.sockjs.is_on = true;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        const char *answer = ask_with(&conf, requests[i], &verdict);

        assert_memory_equal(answer, "HTTP/1.1 421 ", 13);
        assert_true(verdict.is_foreign);
        assert_string_equal(verdict.why, "evil.example is not a name of this realm (if it is: "
                                         "ServerName evil.example, or ServerAlias)");
    }
}

static void the_echo_is_there_for_those_who_want_it(void **state)
{
    const struct realm_conf with = conf_of(true);
    const struct realm_conf without = conf_of(false);
    struct realm_http_verdict verdict;

    (void)state;
    ask_with(&with, "GET /echo HTTP/1.1\r\n" UPGRADE "\r\n", &verdict);
    assert_int_equal(verdict.action, REALM_HTTP_ECHO);
    ask_with(&without, "GET /echo HTTP/1.1\r\n" UPGRADE "\r\n", &verdict);
    assert_int_equal(verdict.status, 404);
}

static void check_upgrade(const struct cut *cut)
{
    const struct realm_conf conf = conf_of(false);
    const struct http1_limits limits = realm_conf_limits(&conf);
    const struct realm_http_env env = {
        .conf = &conf, .assets = assets, .login = anybody(), .has_login = true};
    struct realm_http_verdict verdict;
    enum err e = ERR_AGAIN;
    struct http1_head head;
    struct mspan part;
    size_t at = 0, behind = 0;
    struct buf out;

    http1_head_init(&head, HTTP1_REQUEST, &limits);
    buf_init(&out, 4096);
    while ((part = cut_next(cut, &at)).ptr != NULL) {
        struct span input = span_ro(part);

        if (e == ERR_AGAIN) {
            e = realm_http_next(&env, &head, &input, &out, &verdict);
        }
        behind += input.len;
    }
    assert_ok(e);
    assert_int_equal(verdict.status, 101);
    assert_int_equal(behind, 5); /* what came behind the request is left alone */
    buf_fini(&out);
    http1_head_fini(&head);
}

static void an_upgrade_survives_any_cut(void **state)
{
    (void)state;
    cut_every(SPAN("GET /stomp HTTP/1.1\r\n" UPGRADE STOMP "\r\nearly"), check_upgrade);
}

static void answer_without_memory(void)
{
    const struct realm_conf conf = conf_of(false);
    const struct http1_limits limits = realm_conf_limits(&conf);
    const struct realm_http_env env = {
        .conf = &conf, .assets = assets, .login = anybody(), .has_login = true};
    struct span input = SPAN("GET /stomp HTTP/1.1\r\n" UPGRADE STOMP "\r\n");
    struct realm_http_verdict verdict;
    struct http1_head head;
    struct buf out;
    enum err e;

    http1_head_init(&head, HTTP1_REQUEST, &limits);
    buf_init(&out, 4096);
    e = realm_http_next(&env, &head, &input, &out, &verdict);
    assert_true(e == OK || (e == ERR_NOMEM && out.len == 0));
    buf_fini(&out);
    http1_head_fini(&head);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(answer_without_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_has_its_answer),
        cmocka_unit_test(long_lines_and_fields_are_refused_by_name),
        cmocka_unit_test(an_upgrade_to_stomp_chooses_the_subprotocol),
        cmocka_unit_test(without_the_subprotocol_a_sentence_names_it),
        cmocka_unit_test(a_page_without_an_origin_is_told_a_line_that_there_is),
        cmocka_unit_test(a_foreign_page_is_refused_and_the_line_to_add_is_said),
        cmocka_unit_test(a_host_that_is_no_name_of_the_realm_is_refused),
        cmocka_unit_test(the_echo_is_there_for_those_who_want_it),
        cmocka_unit_test(an_upgrade_survives_any_cut),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
