/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_write.h"

#include "http1/http1_head.h"
#include "lib/oom.h"
#include "lib/testing.h"

static const struct http1_field more[] = {
    {SPAN_INIT("Via"), SPAN_INIT("1.1 wayleave")},
    {SPAN_INIT("Proxy-Status"), SPAN_INIT("wayleave; error=dns_error")},
};

static void assert_holds(struct buf *out, const char *expected)
{
    assert_bytes(buf_span(out), span_str(expected));
    buf_fini(out);
}

static void a_request_is_written_line_by_line(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    assert_ok(http1_write_request_line(&out, SPAN("CONNECT"), SPAN("realm.example:9000")));
    assert_ok(http1_write_field(&out, SPAN("Host"), SPAN("realm.example:9000")));
    assert_ok(http1_write_end(&out));
    assert_holds(&out,
                 "CONNECT realm.example:9000 HTTP/1.1\r\nHost: realm.example:9000\r\n\r\n");
}

static void a_status_line_has_the_registered_phrase_or_another_or_none(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    assert_ok(http1_write_status_line(&out, 101, SPAN("")));
    assert_ok(http1_write_status_line(&out, 200, SPAN("Connection established")));
    assert_ok(http1_write_status_line(&out, 299, SPAN("")));
    assert_holds(&out, "HTTP/1.1 101 Switching Protocols\r\n"
                       "HTTP/1.1 200 Connection established\r\n"
                       "HTTP/1.1 299 \r\n");
}

static void an_answer_is_whole(void **state)
{
    struct buf out;
    struct http1_response response = {
        .status = 502,
        .date = SPAN("Sun, 06 Nov 1994 08:49:37 GMT"),
        .more = {more, 2},
        .body = SPAN("No such host.\n"),
        .closes = true,
    };

    (void)state;
    buf_init(&out, 1000);
    assert_ok(http1_write_response(&out, &response));
    assert_holds(&out, "HTTP/1.1 502 Bad Gateway\r\n"
                       "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                       "Via: 1.1 wayleave\r\n"
                       "Proxy-Status: wayleave; error=dns_error\r\n"
                       "Content-Type: text/plain; charset=utf-8\r\n"
                       "Content-Length: 14\r\n"
                       "Connection: close\r\n"
                       "\r\n"
                       "No such host.\n");

    response = (struct http1_response){.status = 200,
                                       .content_type = SPAN("text/html"),
                                       .body = SPAN("<p>"),
                                       .is_to_head = true};
    assert_ok(http1_write_response(&out, &response));
    assert_holds(&out, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                       "Content-Length: 3\r\n\r\n");

    response = (struct http1_response){.status = 404};
    assert_ok(http1_write_response(&out, &response));
    assert_holds(&out, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

static void answers_without_a_body_have_no_length(void **state)
{
    static const uint16_t statuses[] = {101, 204, 304};
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    for (size_t i = 0; i < 3; i++) {
        const struct http1_response response = {.status = statuses[i]};

        assert_ok(http1_write_response(&out, &response));
    }
    assert_holds(&out, "HTTP/1.1 101 Switching Protocols\r\n\r\n"
                       "HTTP/1.1 204 No Content\r\n\r\n"
                       "HTTP/1.1 304 Not Modified\r\n\r\n");
}

static void nothing_can_end_a_line_early(void **state)
{
    static const struct http1_field split[] = {
        {SPAN_INIT("A"), SPAN_INIT("b\r\nSet-Cookie: c")}};
    const struct http1_response response = {.status = 200, .more = {split, 1}};
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    assert_ok(buf_append(&out, SPAN("kept")));
    assert_int_equal(http1_write_field(&out, SPAN("A"), SPAN("b\nc")), ERR_PROTO);
    assert_int_equal(http1_write_field(&out, SPAN("A"), SPAN("b\rc")), ERR_PROTO);
    assert_int_equal(http1_write_field(&out, SPAN("A"), SPAN("b\0c")), ERR_PROTO);
    assert_int_equal(http1_write_field(&out, SPAN("A: b\r\nC"), SPAN("d")), ERR_PROTO);
    assert_int_equal(http1_write_field(&out, SPAN(""), SPAN("d")), ERR_PROTO);
    assert_int_equal(http1_write_status_line(&out, 200, SPAN("O\nK")), ERR_PROTO);
    assert_int_equal(http1_write_request_line(&out, SPAN("GET"), SPAN("/ HTTP/1.1\r\nA: b")),
                     ERR_PROTO);
    assert_int_equal(http1_write_request_line(&out, SPAN("GET"), SPAN("")), ERR_PROTO);
    assert_int_equal(http1_write_request_line(&out, SPAN("G T"), SPAN("/")), ERR_PROTO);
    assert_int_equal(http1_write_request_line(&out, SPAN(""), SPAN("/")), ERR_PROTO);
    assert_int_equal(http1_write_response(&out, &response), ERR_PROTO);
    assert_holds(&out, "kept");
}

static void a_via_item_says_version_name_and_comment(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    assert_ok(http1_write_via(&out, 1, SPAN("proxy.test:8080"), SPAN("")));
    assert_ok(buf_append(&out, SPAN(", ")));
    assert_ok(http1_write_via(&out, 0, SPAN("[::1]:80"), SPAN("Wayleave/0.1 (a\\b)")));
    assert_int_equal(http1_write_via(&out, 1, SPAN("a b"), SPAN("")), ERR_PROTO);
    assert_int_equal(http1_write_via(&out, 1, SPAN(""), SPAN("")), ERR_PROTO);
    assert_int_equal(http1_write_via(&out, 1, SPAN("a"), SPAN("b\nc")), ERR_PROTO);
    assert_holds(&out, "1.1 proxy.test:8080, 1.0 [::1]:80 (Wayleave/0.1 \\(a\\\\b\\))");
}

static const struct http1_response long_response = {.status = 503,
                                                    .date = SPAN_INIT("now"),
                                                    .more = {more, 2},
                                                    .body = SPAN_INIT("Full."),
                                                    .closes = true};

static void a_full_buffer_is_left_as_it_was(void **state)
{
    struct buf out;
    size_t whole;

    (void)state;
    buf_init(&out, 1000);
    assert_ok(http1_write_response(&out, &long_response));
    whole = out.len;
    buf_fini(&out);
    for (size_t max = 0; max < whole; max++) {
        buf_init(&out, max);
        assert_int_equal(http1_write_response(&out, &long_response), ERR_LIMIT);
        assert_int_equal(out.len, 0);
        buf_fini(&out);
    }
}

static void what_is_written_can_be_read_back(void **state)
{
    static const struct http1_limits limits = {1000, 1000, 10, 1000};
    struct http1_head head;
    struct buf out;
    struct span input;

    (void)state;
    buf_init(&out, 1000);
    assert_ok(http1_write_response(&out, &long_response));
    input = buf_span(&out);
    http1_head_init(&head, HTTP1_RESPONSE, &limits);
    assert_ok(http1_head_next(&head, &input));
    assert_int_equal(head.status, 503);
    assert_bytes(head.reason, SPAN("Service Unavailable"));
    assert_int_equal(head.fields.count, 6);
    assert_bytes(head.fields.ptr[2].value, more[1].value);
    assert_bytes(input, SPAN("Full."));
    http1_head_fini(&head);
    buf_fini(&out);
}

static void write_an_answer(void)
{
    struct buf out;
    enum err e;

    buf_init(&out, 1000);
    e = http1_write_response(&out, &long_response);
    assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : OK);
    assert_true(e == OK || out.len == 0);
    buf_fini(&out);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(write_an_answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_written_line_by_line),
        cmocka_unit_test(a_status_line_has_the_registered_phrase_or_another_or_none),
        cmocka_unit_test(an_answer_is_whole),
        cmocka_unit_test(answers_without_a_body_have_no_length),
        cmocka_unit_test(nothing_can_end_a_line_early),
        cmocka_unit_test(a_via_item_says_version_name_and_comment),
        cmocka_unit_test(a_full_buffer_is_left_as_it_was),
        cmocka_unit_test(what_is_written_can_be_read_back),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
