/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_forward.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <stdio.h>

static const struct http1_limits limits = {.line_bytes = 1000,
                                           .field_bytes = 1000,
                                           .field_count = 50,
                                           .head_bytes = 8000};

/* Head and body as text; what it becomes as text. Freed by the next call. */
static struct http1_head head;
static struct buf out;

static void forget(void)
{
    http1_head_fini(&head);
    buf_fini(&out);
    buf_init(&out, 16000);
}

static void read_head(enum http1_head_kind kind, const char *text)
{
    struct span input = span_str(text);

    forget();
    http1_head_init(&head, kind, &limits);
    assert_ok(http1_head_next(&head, &input));
    assert_int_equal(input.len, 0);
}

static struct http1_target target;

static struct http1_forward_request request_of(const char *text)
{
    struct http1_forward_request request = {.head = &head, .target = &target};
    enum http1_fault fault;

    read_head(HTTP1_REQUEST, text);
    assert_ok(http1_target_read(head.method, head.target, &target, &fault));
    assert_ok(http1_body_of_request(head.fields, head.version_minor, &request.body, &fault));
    return request;
}

#define assert_request(request, text)                         \
    do {                                                      \
        assert_ok(http1_forward_put_request(&request, &out)); \
        assert_bytes(buf_span(&out), span_str(text));         \
    } while (0)

static void a_request_becomes_one_for_the_origin(void **state)
{
    struct http1_forward_request request =
        request_of("GET http://example.com:8080/a?b HTTP/1.1\r\n"
                   "Host: other.example\r\n"
                   "User-Agent: t\r\n"
                   "X-Forwarded-For: 10.0.0.1\r\n\r\n");

    (void)state;
    assert_request(request, "GET /a?b HTTP/1.1\r\n"
                            "Host: example.com:8080\r\n"
                            "User-Agent: t\r\n"
                            "X-Forwarded-For: 10.0.0.1\r\n\r\n");
    forget();
}

static const struct {
    const char *method, *url, *origin, *parent, *host;
} targets[] = {
    {"GET", "http://h", "/", "http://h/", "h"},
    {"GET", "HTTP://h:80/", "/", "HTTP://h:80/", "h:80"},
    {"GET", "http://h?q", "/?q", "http://h/?q", "h"},
    {"GET", "http://h/?", "/?", "http://h/?", "h"},
    {"GET", "http://[::1]:81/%2e%2e//", "/%2e%2e//", "http://[::1]:81/%2e%2e//", "[::1]:81"},
    {"GET", "ws://h:9000/x", "/x", "http://h:9000/x", "h:9000"},
    {"OPTIONS", "http://h", "*", "http://h", "h"},
    {"OPTIONS", "http://h/", "/", "http://h/", "h"},
};

static void every_form_of_target_is_rebuilt(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct http1_forward_request request;
        char text[200], expected[200];

        snprintf(text, sizeof text, "%s %s HTTP/1.0\r\n\r\n", targets[i].method,
                 targets[i].url);
        request = request_of(text);
        snprintf(expected, sizeof expected, "%s %s HTTP/1.1\r\nHost: %s\r\n\r\n",
                 targets[i].method, targets[i].origin, targets[i].host);
        assert_request(request, expected);
        buf_truncate(&out, 0);
        request.to_parent = true;
        snprintf(expected, sizeof expected, "%s %s HTTP/1.1\r\nHost: %s\r\n\r\n",
                 targets[i].method, targets[i].parent, targets[i].host);
        assert_request(request, expected);
    }
    forget();
}

static void what_belongs_to_one_hop_stays_there(void **state)
{
    struct http1_forward_request request =
        request_of("GET http://h/ HTTP/1.1\r\n"
                   "Host: h\r\n"
                   "Connection: keep-alive, X-One , x-two\r\n"
                   "connection: upgrade\r\n"
                   "Keep-Alive: timeout=5\r\n"
                   "Proxy-Connection: keep-alive\r\n"
                   "Proxy-Authorization: Basic c2VjcmV0\r\n"
                   "Proxy-Authenticate: Basic\r\n"
                   "Proxy-Authentication-Info: x\r\n"
                   "X-ONE: 1\r\n"
                   "X-Two: 2\r\n"
                   "X-Three: 3\r\n"
                   "TE: gzip\r\n"
                   "Trailer: x\r\n"
                   "Upgrade: h2c\r\n"
                   "Authorization: Basic b3JpZ2lu\r\n\r\n");

    (void)state;
    assert_request(request, "GET / HTTP/1.1\r\n"
                            "Host: h\r\n"
                            "X-Three: 3\r\n"
                            "Authorization: Basic b3JpZ2lu\r\n\r\n");
    forget();
}

static void connection_cannot_take_host_or_framing_away(void **state)
{
    struct http1_forward_request request = request_of("POST http://h/ HTTP/1.1\r\n"
                                                      "Host: h\r\n"
                                                      "Connection: Host, Content-Length\r\n"
                                                      "Content-Length: 005\r\n\r\n");

    (void)state;
    assert_request(request, "POST / HTTP/1.1\r\n"
                            "Host: h\r\n"
                            "Content-Length: 5\r\n\r\n");
    request = request_of("POST http://h/ HTTP/1.1\r\n"
                         "Host: h\r\n"
                         "Transfer-Encoding: chunked\r\n"
                         "TE: trailers, deflate\r\n"
                         "Expect: 100-continue\r\n"
                         "Trailer: x\r\n\r\n");
    request.closes = true;
    assert_request(request, "POST / HTTP/1.1\r\n"
                            "Host: h\r\n"
                            "Trailer: x\r\n"
                            "Transfer-Encoding: chunked\r\n"
                            "Expect: 100-continue\r\n"
                            "TE: trailers\r\n"
                            "Connection: close, TE\r\n\r\n");
    forget();
}

static void an_expectation_goes_with_content_in_http_1_1_only(void **state)
{
    struct http1_forward_request request = request_of("POST http://h/ HTTP/1.0\r\n"
                                                      "Expect: 100-continue\r\n"
                                                      "Content-Length: 1\r\n\r\n");

    (void)state;
    assert_request(request, "POST / HTTP/1.1\r\n"
                            "Host: h\r\n"
                            "Content-Length: 1\r\n\r\n");
    request = request_of("GET http://h/ HTTP/1.1\r\n"
                         "Host: h\r\n"
                         "Content-Length: 0\r\n"
                         "Expect: 100-continue\r\n\r\n");
    assert_request(request, "GET / HTTP/1.1\r\n"
                            "Host: h\r\n"
                            "Content-Length: 0\r\n\r\n");
    forget();
}

static void a_parent_gets_our_login_or_the_clients_on_purpose(void **state)
{
    struct http1_forward_request request =
        request_of("GET http://h/ HTTP/1.1\r\n"
                   "Host: h\r\n"
                   "Proxy-Authorization: Basic Y2xpZW50\r\n\r\n");

    (void)state;
    request.keeps_login = true; /* means nothing without a parent */
    assert_request(request, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    buf_truncate(&out, 0);
    request.to_parent = true;
    assert_request(request, "GET http://h/ HTTP/1.1\r\n"
                            "Host: h\r\n"
                            "Proxy-Authorization: Basic Y2xpZW50\r\n\r\n");
    buf_truncate(&out, 0);
    request.login = SPAN("Basic b3Vycw==");
    assert_request(request, "GET http://h/ HTTP/1.1\r\n"
                            "Host: h\r\n"
                            "Proxy-Authorization: Basic b3Vycw==\r\n\r\n");
    forget();
}

static void via_is_added_left_alone_or_blocked(void **state)
{
    struct http1_forward_request request = request_of("GET http://h/ HTTP/1.0\r\n"
                                                      "Via: 1.1 a\r\n\r\n");

    (void)state;
    request.via = (struct http1_forward_via){HTTP1_FORWARD_VIA_ADD, SPAN("p:8080"), SPAN("W")};
    assert_request(request, "GET / HTTP/1.1\r\nHost: h\r\nVia: 1.1 a\r\n"
                            "Via: 1.0 p:8080 (W)\r\n\r\n");
    buf_truncate(&out, 0);
    request.via.mode = HTTP1_FORWARD_VIA_OFF;
    assert_request(request, "GET / HTTP/1.1\r\nHost: h\r\nVia: 1.1 a\r\n\r\n");
    buf_truncate(&out, 0);
    request.via.mode = HTTP1_FORWARD_VIA_BLOCK;
    assert_request(request, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    forget();
}

static const struct {
    const char *head;
    enum http1_forward_verdict verdict;
} verdicts[] = {
    {"GET http://h/ HTTP/1.1\r\nMax-Forwards: 0\r\n\r\n", HTTP1_FORWARD_ON},
    {"GET http://h/ HTTP/1.1\r\nMax-Forwards: x\r\n\r\n", HTTP1_FORWARD_ON},
    {"TRACE http://h/ HTTP/1.1\r\n\r\n", HTTP1_FORWARD_ON},
    {"TRACE http://h/ HTTP/1.1\r\nMax-Forwards: 1\r\n\r\n", HTTP1_FORWARD_ON},
    {"TRACE http://h/ HTTP/1.1\r\nMax-Forwards: 0\r\n\r\n", HTTP1_FORWARD_ANSWER},
    {"OPTIONS http://h/ HTTP/1.1\r\nMax-Forwards: 0\r\n\r\n", HTTP1_FORWARD_ANSWER},
    {"OPTIONS http://h/ HTTP/1.1\r\nMax-Forwards: -1\r\n\r\n", HTTP1_FORWARD_NO_MAX_FORWARDS},
    {"OPTIONS http://h/ HTTP/1.1\r\nMax-Forwards:\r\n\r\n", HTTP1_FORWARD_NO_MAX_FORWARDS},
    {"TRACE http://h/ HTTP/1.1\r\nMax-Forwards: 1\r\nMax-Forwards: 0\r\n\r\n",
     HTTP1_FORWARD_NO_MAX_FORWARDS},
    {"PUT http://h/ HTTP/1.1\r\nExpect: 100-Continue\r\n\r\n", HTTP1_FORWARD_ON},
    {"PUT http://h/ HTTP/1.1\r\nExpect: 100-continue, x\r\n\r\n", HTTP1_FORWARD_NO_EXPECTATION},
    {"PUT http://h/ HTTP/1.1\r\nExpect: 200-ok\r\n\r\n", HTTP1_FORWARD_NO_EXPECTATION},
    {"PUT http://h/ HTTP/1.0\r\nExpect: 200-ok\r\n\r\n", HTTP1_FORWARD_ON},
};

static void max_forwards_and_expect_are_judged(void **state)
{
    static const uint16_t statuses[] = {[HTTP1_FORWARD_ON] = 0,
                                        [HTTP1_FORWARD_ANSWER] = 200,
                                        [HTTP1_FORWARD_NO_MAX_FORWARDS] = 400,
                                        [HTTP1_FORWARD_NO_EXPECTATION] = 417};

    (void)state;
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
        enum http1_forward_verdict verdict;

        read_head(HTTP1_REQUEST, verdicts[i].head);
        verdict = http1_forward_judge(&head);
        assert_int_equal(verdict, verdicts[i].verdict);
        assert_int_equal(http1_forward_verdict_status(verdict), statuses[verdict]);
        assert_true((verdict >= HTTP1_FORWARD_NO_MAX_FORWARDS) ==
                    (strstr(http1_forward_verdict_text(verdict), "(RFC 9110") != NULL));
    }
    forget();
}

static void max_forwards_is_counted_down(void **state)
{
    struct http1_forward_request request = request_of("TRACE http://h/ HTTP/1.1\r\n"
                                                      "Host: h\r\n"
                                                      "Max-Forwards: 10\r\n\r\n");

    (void)state;
    assert_request(request, "TRACE / HTTP/1.1\r\nHost: h\r\nMax-Forwards: 9\r\n\r\n");
    request = request_of("GET http://h/ HTTP/1.1\r\nHost: h\r\nMax-Forwards: 10\r\n\r\n");
    assert_request(request, "GET / HTTP/1.1\r\nHost: h\r\nMax-Forwards: 10\r\n\r\n");
    forget();
}

static void a_trace_that_ends_here_is_echoed_without_its_secrets(void **state)
{
    (void)state;
    read_head(HTTP1_REQUEST, "TRACE http://h/ HTTP/1.0\r\n"
                             "Max-Forwards: 0\r\n"
                             "Cookie: a=b\r\n"
                             "Authorization: Basic eDp5\r\n"
                             "Proxy-Authorization: Basic eDp5\r\n\r\n");
    assert_ok(http1_forward_put_answer(&head, SPAN("1.0 p"), SPAN(""), &out));
    assert_bytes(buf_span(&out), SPAN("HTTP/1.1 200 OK\r\n"
                                      "Via: 1.0 p\r\n"
                                      "Content-Type: message/http\r\n"
                                      "Content-Length: 45\r\n"
                                      "Connection: close\r\n\r\n"
                                      "TRACE http://h/ HTTP/1.0\r\n"
                                      "Max-Forwards: 0\r\n\r\n"));
    read_head(HTTP1_REQUEST, "OPTIONS http://h/ HTTP/1.1\r\nMax-Forwards: 0\r\n\r\n");
    assert_ok(http1_forward_put_answer(&head, SPAN(""), SPAN(""), &out));
    assert_bytes(buf_span(&out),
                 SPAN("HTTP/1.1 200 OK\r\n"
                      "Allow: CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE\r\n"
                      "Content-Length: 0\r\n"
                      "Connection: close\r\n\r\n"));
    forget();
}

/* ---- responses ---- */

static struct http1_forward_response response_of(const char *method, uint8_t client_minor,
                                                 const char *text)
{
    struct http1_forward_response response = {
        .head = &head, .client_minor = client_minor, .is_to_head = strcmp(method, "HEAD") == 0};
    struct http1_body_answer answer = {.method = span_str(method)};
    enum http1_fault fault;

    read_head(HTTP1_RESPONSE, text);
    answer.status = head.status;
    answer.version_minor = head.version_minor;
    assert_ok(http1_body_of_response(head.fields, &answer, &response.body, &fault));
    return response;
}

#define assert_response(response, text)                         \
    do {                                                        \
        assert_ok(http1_forward_put_response(&response, &out)); \
        assert_bytes(buf_span(&out), span_str(text));           \
    } while (0)

static void a_response_loses_what_belongs_to_one_hop(void **state)
{
    struct http1_forward_response response = response_of("GET", 1,
                                                         "HTTP/1.0 200 Fine\r\n"
                                                         "Connection: keep-alive, X-Hop\r\n"
                                                         "X-Hop: 1\r\n"
                                                         "Keep-Alive: timeout=5\r\n"
                                                         "Upgrade: h2\r\n"
                                                         "Proxy-Authenticate: Basic\r\n"
                                                         "Set-Cookie: a\r\n"
                                                         "Set-Cookie: b\r\n"
                                                         "Content-Length: 5\r\n\r\n");

    (void)state;
    response.via = (struct http1_forward_via){HTTP1_FORWARD_VIA_ADD, SPAN("p"), SPAN("")};
    response.date = SPAN("Sun, 06 Nov 1994 08:49:37 GMT");
    assert_response(response, "HTTP/1.1 200 Fine\r\n"
                              "Set-Cookie: a\r\n"
                              "Set-Cookie: b\r\n"
                              "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                              "Content-Length: 5\r\n"
                              "Via: 1.0 p\r\n\r\n");
    buf_truncate(&out, 0);
    response.via.mode = HTTP1_FORWARD_VIA_OFF;
    response.date = SPAN("");
    response.keeps_challenge = true;
    response.closes = true;
    assert_response(response, "HTTP/1.1 200 Fine\r\n"
                              "Proxy-Authenticate: Basic\r\n"
                              "Set-Cookie: a\r\n"
                              "Set-Cookie: b\r\n"
                              "Content-Length: 5\r\n"
                              "Connection: close\r\n\r\n");
    forget();
}

static const struct {
    const char *method;
    uint8_t minor;
    const char *head, *sent;
    enum http1_body_type type;
} framings[] = {
    {"GET", 1, "200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n",
     "200 OK\r\nTrailer: x\r\nTransfer-Encoding: chunked\r\n", HTTP1_BODY_CHUNKED},
    {"GET", 0, "200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n", "200 OK\r\n",
     HTTP1_BODY_UNTIL_CLOSE},
    {"GET", 1, "200 OK\r\n", "200 OK\r\nTransfer-Encoding: chunked\r\n", HTTP1_BODY_CHUNKED},
    {"GET", 0, "200 OK\r\n", "200 OK\r\n", HTTP1_BODY_UNTIL_CLOSE},
    {"GET", 1, "200 OK\r\nContent-Length: 0\r\n", "200 OK\r\nContent-Length: 0\r\n",
     HTTP1_BODY_NONE},
    {"HEAD", 1, "200 OK\r\nContent-Length: 99\r\n", "200 OK\r\nContent-Length: 99\r\n",
     HTTP1_BODY_NONE},
    {"HEAD", 1, "200 OK\r\nTransfer-Encoding: chunked\r\n", "200 OK\r\n", HTTP1_BODY_NONE},
    {"GET", 1, "304 Not Modified\r\nContent-Length: 99\r\n",
     "304 Not Modified\r\nContent-Length: 99\r\n", HTTP1_BODY_NONE},
    {"GET", 1, "204 No Content\r\nContent-Length: 0\r\n", "204 No Content\r\n",
     HTTP1_BODY_NONE},
    {"GET", 1, "103 Early Hints\r\nLink: </a>\r\n", "103 Early Hints\r\nLink: </a>\r\n",
     HTTP1_BODY_NONE},
};

static void the_framing_is_chosen_for_the_client(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof framings / sizeof framings[0]; i++) {
        struct http1_forward_response response;
        char text[200], sent[200];

        snprintf(text, sizeof text, "HTTP/1.1 %s\r\n", framings[i].head);
        snprintf(sent, sizeof sent, "HTTP/1.1 %s\r\n", framings[i].sent);
        response = response_of(framings[i].method, framings[i].minor, text);
        assert_int_equal(http1_forward_body(&response).type, framings[i].type);
        assert_response(response, sent);
    }
    forget();
}

static void trailers_end_a_chunked_body(void **state)
{
    const struct http1_field fields[] = {{SPAN_INIT("A"), SPAN_INIT("b")}};
    const struct http1_field bad[] = {{SPAN_INIT("A"), SPAN_INIT("b\r\nC: d")}};

    (void)state;
    forget();
    assert_ok(http1_forward_put_trailers((struct http1_fields){fields, 1}, &out));
    assert_bytes(buf_span(&out), SPAN("0\r\nA: b\r\n\r\n"));
    assert_int_equal(http1_forward_put_trailers((struct http1_fields){bad, 1}, &out),
                     ERR_PROTO);
    assert_int_equal(out.len, 11);
    forget();
}

/* ---- persistence ---- */

static bool client_persists(const char *text)
{
    read_head(HTTP1_REQUEST, text);
    return http1_forward_client_persists(&head);
}

static bool server_persists(const char *request_text, const char *text)
{
    struct http1_head request;
    struct span input = span_str(request_text);
    bool persists;

    http1_head_init(&request, HTTP1_REQUEST, &limits);
    assert_ok(http1_head_next(&request, &input));
    read_head(HTTP1_RESPONSE, text);
    persists = http1_forward_server_persists(&request, &head);
    http1_head_fini(&request);
    return persists;
}

static void connections_persist_where_both_may(void **state)
{
    static const char get[] = "GET / HTTP/1.1\r\n\r\n";

    (void)state;
    assert_true(client_persists(get));
    assert_false(client_persists("GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n"));
    assert_false(client_persists("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    assert_true(server_persists(get, "HTTP/1.1 200 OK\r\n\r\n"));
    assert_false(server_persists(get, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"));
    assert_false(server_persists(get, "HTTP/1.0 200 OK\r\n\r\n"));
    assert_true(server_persists(get, "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n"));
    assert_false(
        server_persists(get, "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic, NTLM\r\n\r\n"));
    assert_false(server_persists("GET / HTTP/1.1\r\nAuthorization: negotiate abc\r\n\r\n",
                                 "HTTP/1.1 200 OK\r\n\r\n"));
    assert_true(server_persists("GET / HTTP/1.1\r\nAuthorization: Basic abc\r\n\r\n",
                                "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\n\r\n"));
    forget();
}

static void only_some_methods_may_be_tried_twice(void **state)
{
    (void)state;
    assert_true(http1_forward_is_idempotent(SPAN("GET")));
    assert_true(http1_forward_is_idempotent(SPAN("PUT")));
    assert_false(http1_forward_is_idempotent(SPAN("get")));
    assert_false(http1_forward_is_idempotent(SPAN("POST")));
    assert_false(http1_forward_is_idempotent(SPAN("PATCH")));
}

static void what_does_not_fit_is_not_written_in_part(void **state)
{
    struct http1_forward_request request =
        request_of("GET http://h/ HTTP/1.1\r\nHost: h\r\nA: 0123456789\r\n\r\n");
    struct buf small;

    (void)state;
    buf_init(&small, 30);
    assert_ok(buf_append(&small, SPAN("x")));
    assert_int_equal(http1_forward_put_request(&request, &small), ERR_LIMIT);
    assert_bytes(buf_span(&small), SPAN("x"));
    buf_fini(&small);
    forget();
}

static void put_while_memory_fails(void)
{
    const struct http1_field fields[] = {{SPAN_INIT("Host"), SPAN_INIT("h")},
                                         {SPAN_INIT("A"), SPAN_INIT("b")}};
    const struct http1_target plain = {.form = HTTP1_TARGET_ABSOLUTE,
                                       .scheme = SPAN_INIT("http"),
                                       .authority = {.host = SPAN_INIT("h")}};
    const struct http1_head whole = {
        .method = SPAN_INIT("TRACE"), .target = SPAN_INIT("http://h"), .fields = {fields, 2}};
    const struct http1_forward_request request = {.head = &whole, .target = &plain};
    struct buf text;

    enum err e;

    buf_init(&text, 1000);
    e = http1_forward_put_request(&request, &text);
    assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : OK);
    assert_true(e == OK || text.len == 0);
    if (e == OK) {
        e = http1_forward_put_answer(&whole, SPAN(""), SPAN(""), &text);
        assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : OK);
    }
    buf_fini(&text);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(put_while_memory_fails);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_becomes_one_for_the_origin),
        cmocka_unit_test(every_form_of_target_is_rebuilt),
        cmocka_unit_test(what_belongs_to_one_hop_stays_there),
        cmocka_unit_test(connection_cannot_take_host_or_framing_away),
        cmocka_unit_test(an_expectation_goes_with_content_in_http_1_1_only),
        cmocka_unit_test(a_parent_gets_our_login_or_the_clients_on_purpose),
        cmocka_unit_test(via_is_added_left_alone_or_blocked),
        cmocka_unit_test(max_forwards_and_expect_are_judged),
        cmocka_unit_test(max_forwards_is_counted_down),
        cmocka_unit_test(a_trace_that_ends_here_is_echoed_without_its_secrets),
        cmocka_unit_test(a_response_loses_what_belongs_to_one_hop),
        cmocka_unit_test(the_framing_is_chosen_for_the_client),
        cmocka_unit_test(trailers_end_a_chunked_body),
        cmocka_unit_test(connections_persist_where_both_may),
        cmocka_unit_test(only_some_methods_may_be_tried_twice),
        cmocka_unit_test(what_does_not_fit_is_not_written_in_part),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
