/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_head.h"

#include "lib/cut.h"
#include "lib/oom.h"
#include "lib/testing.h"

static const struct http1_limits roomy = {.line_bytes = 4096,
                                          .field_bytes = 4096,
                                          .field_count = 50,
                                          .head_bytes = 16384};

/* Feeds a cut input; *ret_rest is how much the head left alone. */
static enum err feed(struct http1_head *head, const struct cut *cut, size_t *ret_rest)
{
    size_t at = 0;
    enum err e = ERR_AGAIN;

    while (e == ERR_AGAIN) {
        struct mspan part = cut_next(cut, &at);
        struct span input = span_ro(part);

        if (part.ptr == NULL) {
            break;
        }
        e = http1_head_next(head, &input);
        *ret_rest = cut->whole.len - at + input.len;
        assert_true(e != ERR_AGAIN || input.len == 0);
    }
    return e;
}

static void check_connect(const struct cut *cut)
{
    struct http1_head head;
    size_t rest;

    http1_head_init(&head, HTTP1_REQUEST, &roomy);
    assert_int_equal(feed(&head, cut, &rest), OK);
    assert_bytes(head.method, SPAN("CONNECT"));
    assert_bytes(head.target, SPAN("realm.example:9000"));
    assert_int_equal(head.version_minor, 1);
    assert_int_equal(head.fields.count, 3);
    assert_bytes(head.fields.ptr[0].name, SPAN("Host"));
    assert_bytes(head.fields.ptr[0].value, SPAN("realm.example:9000"));
    assert_bytes(head.fields.ptr[1].name, SPAN("X-Empty"));
    assert_bytes(head.fields.ptr[1].value, SPAN(""));
    assert_bytes(head.fields.ptr[2].value, SPAN("a: b\t\xc3\xa9"));
    assert_int_equal(rest, 5);
    assert_int_equal(http1_head_fault(&head), HTTP1_FAULT_NONE);
    http1_head_fini(&head);
}

static void a_request_survives_any_cut_and_the_bytes_behind_it_are_kept(void **state)
{
    (void)state;
    every_cut(hex("'CONNECT realm.example:9000 HTTP/1.1' 0d0a 'Host: realm.example:9000' 0d0a"
                  "'X-Empty:' 0d0a 'x-odd:' 09 ' a: b' 09 c3a9 '  ' 0d0a 0d0a 16 03 01 00 05"),
              check_connect);
}

static void check_response(const struct cut *cut)
{
    struct http1_head head;
    size_t rest;

    http1_head_init(&head, HTTP1_RESPONSE, &roomy);
    assert_int_equal(feed(&head, cut, &rest), OK);
    assert_int_equal(head.status, 503);
    assert_int_equal(head.version_minor, 0);
    assert_bytes(head.reason, SPAN("Try later"));
    assert_int_equal(head.fields.count, 1);
    assert_int_equal(rest, 4);
    http1_head_fini(&head);
}

static void a_response_survives_any_cut(void **state)
{
    (void)state;
    every_cut(hex("'HTTP/1.0 503 Try later' 0d0a 'Retry-After: 1' 0d0a 0d0a 'body'"),
              check_response);
}

static enum err read_all(struct http1_head *head, enum http1_head_kind kind,
                         const struct http1_limits *limits, struct span input)
{
    http1_head_init(head, kind, limits);
    return http1_head_next(head, &input);
}

static void a_response_may_come_without_a_phrase_and_without_its_space(void **state)
{
    struct http1_head head;

    (void)state;
    assert_ok(read_all(&head, HTTP1_RESPONSE, &roomy, SPAN("HTTP/1.1 200\r\n\r\n")));
    assert_int_equal(head.status, 200);
    assert_int_equal(head.reason.len, 0);
    assert_int_equal(head.fields.count, 0);
    http1_head_fini(&head);
    assert_ok(read_all(&head, HTTP1_RESPONSE, &roomy, SPAN("HTTP/1.1 200 \r\n\r\n")));
    assert_int_equal(head.reason.len, 0);
    http1_head_fini(&head);
}

static void one_empty_line_before_a_request_is_skipped(void **state)
{
    struct http1_head head;

    (void)state;
    assert_ok(read_all(&head, HTTP1_REQUEST, &roomy, SPAN("\r\nGET / HTTP/1.0\r\n\r\n")));
    assert_bytes(head.method, SPAN("GET"));
    http1_head_fini(&head);
}

static void a_later_minor_version_counts_as_1_1(void **state)
{
    struct http1_head head;

    (void)state;
    assert_ok(read_all(&head, HTTP1_REQUEST, &roomy, SPAN("GET / HTTP/1.7\r\n\r\n")));
    assert_int_equal(head.version_minor, 1);
    http1_head_fini(&head);
}

struct refusal {
    enum http1_head_kind kind;
    const char *input; /* as for hex() */
    enum http1_fault fault;
};

/* clang-format off */
static const struct refusal refusals[] = {
    {HTTP1_REQUEST, "16 03 01 02 00 01",                           HTTP1_FAULT_TLS},
    {HTTP1_REQUEST, "'GET / HTTP/1.1' 0a 0a",                      HTTP1_FAULT_BARE_LF},
    {HTTP1_REQUEST, "0a 'GET / HTTP/1.1' 0d0a 0d0a",               HTTP1_FAULT_BARE_LF},
    {HTTP1_REQUEST, "'GET / HTTP/1.1' 0d0a 'A: b' 0a 0d0a",        HTTP1_FAULT_BARE_LF},
    {HTTP1_REQUEST, "'GET / HTTP/1.1' 0d0a 'A: b' 0d0a 0a",        HTTP1_FAULT_BARE_LF},
    {HTTP1_REQUEST, "'GET / HTTP/1.1' 0d0a 'A: b' 0d 'c' 0d0a",    HTTP1_FAULT_BARE_CR},
    {HTTP1_REQUEST, "'GET / HTTP/1.1' 0d 0d0a",                    HTTP1_FAULT_BARE_CR},
    {HTTP1_REQUEST, "'GET / HTTP/1.1' 0d0a 0d0d0a",                HTTP1_FAULT_BARE_CR},
    {HTTP1_REQUEST, "0d0a 0d0a 'GET / HTTP/1.1' 0d0a 0d0a",        HTTP1_FAULT_EMPTY_LINE},
    {HTTP1_REQUEST, "' GET / HTTP/1.1' 0d0a",                      HTTP1_FAULT_METHOD},
    {HTTP1_REQUEST, "'G(T / HTTP/1.1' 0d0a",                       HTTP1_FAULT_METHOD},
    {HTTP1_REQUEST, "80",                                          HTTP1_FAULT_METHOD},
    {HTTP1_REQUEST, "'GET' 09 '/ HTTP/1.1' 0d0a",                  HTTP1_FAULT_METHOD},
    {HTTP1_REQUEST, "'GET' 0d0a",                                  HTTP1_FAULT_REQUEST_LINE},
    {HTTP1_REQUEST, "'GET  / HTTP/1.1' 0d0a",                      HTTP1_FAULT_REQUEST_LINE},
    {HTTP1_REQUEST, "'GET / HTTP/1.1 ' 0d0a",                      HTTP1_FAULT_REQUEST_LINE},
    {HTTP1_REQUEST, "'GET /a b HTTP/1.1' 0d0a",                    HTTP1_FAULT_REQUEST_LINE},
    {HTTP1_REQUEST, "'GET / ' 0d0a",                               HTTP1_FAULT_REQUEST_LINE},
    {HTTP1_REQUEST, "'GET /' 0d0a",                                HTTP1_FAULT_NO_VERSION},
    {HTTP1_REQUEST, "'GET /' c3a9 ' HTTP/1.1' 0d0a",               HTTP1_FAULT_TARGET_BYTE},
    {HTTP1_REQUEST, "'GET /' 00 ' HTTP/1.1' 0d0a",                 HTTP1_FAULT_TARGET_BYTE},
    {HTTP1_REQUEST, "'GET / http/1.1' 0d0a",                       HTTP1_FAULT_VERSION},
    {HTTP1_REQUEST, "'GET / HTTP/1.10' 0d0a",                      HTTP1_FAULT_VERSION},
    {HTTP1_REQUEST, "'GET / HTTP/2' 0d0a",                         HTTP1_FAULT_VERSION},
    {HTTP1_REQUEST, "'GET / HTTP/1.x' 0d0a",                       HTTP1_FAULT_VERSION},
    {HTTP1_REQUEST, "'PRI * HTTP/2.0' 0d0a 0d0a",                  HTTP1_FAULT_VERSION_MAJOR},
    {HTTP1_REQUEST, "'GET / HTTP/0.9' 0d0a",                       HTTP1_FAULT_VERSION_MAJOR},
    {HTTP1_RESPONSE, "'HTTP/1.1 20 OK' 0d0a",                      HTTP1_FAULT_STATUS_LINE},
    {HTTP1_RESPONSE, "'HTTP/1.1 2000' 0d0a",                       HTTP1_FAULT_STATUS_LINE},
    {HTTP1_RESPONSE, "'HTTP/1.1  200' 0d0a",                       HTTP1_FAULT_STATUS_LINE},
    {HTTP1_RESPONSE, "'HTTP/1.1 200 O' 07 'K' 0d0a",               HTTP1_FAULT_STATUS_LINE},
    {HTTP1_RESPONSE, "'HTTP/1.1 099 Low' 0d0a",                    HTTP1_FAULT_STATUS},
    {HTTP1_RESPONSE, "'HTTP/1.1 600 High' 0d0a",                   HTTP1_FAULT_STATUS},
    {HTTP1_RESPONSE, "0d0a 'HTTP/1.1 200 OK' 0d0a",                HTTP1_FAULT_VERSION},
    {HTTP1_RESPONSE, "'ICY 200 OK' 0d0a",                          HTTP1_FAULT_VERSION},
    {HTTP1_REQUEST, "'GET / HTTP/1.1' 0d0a ' A: b' 0d0a",          HTTP1_FAULT_LEADING_SPACE},
    {HTTP1_REQUEST, "'GET / HTTP/1.1' 0d0a 'A: b' 0d0a 09 'c' 0d0a", HTTP1_FAULT_OBS_FOLD},
    {HTTP1_REQUEST, "'GET / HTTP/1.1' 0d0a 'A: b' 0d0a ' ' 0d0a",  HTTP1_FAULT_OBS_FOLD},
    {HTTP1_REQUEST, "'GET / HTTP/1.1' 0d0a 'A b' 0d0a",            HTTP1_FAULT_NO_COLON},
    {HTTP1_REQUEST, "'GET / HTTP/1.1' 0d0a ': b' 0d0a",            HTTP1_FAULT_NO_NAME},
    {HTTP1_REQUEST, "'GET / HTTP/1.1' 0d0a 'A : b' 0d0a",          HTTP1_FAULT_SPACE_BEFORE_COLON},
    {HTTP1_REQUEST, "'GET / HTTP/1.1' 0d0a 'A' 09 ': b' 0d0a",     HTTP1_FAULT_SPACE_BEFORE_COLON},
    {HTTP1_REQUEST, "'GET / HTTP/1.1' 0d0a 'A B: c' 0d0a",         HTTP1_FAULT_NAME_BYTE},
    {HTTP1_REQUEST, "'GET / HTTP/1.1' 0d0a 'A' 00 ': c' 0d0a",     HTTP1_FAULT_NAME_BYTE},
    {HTTP1_REQUEST, "'GET / HTTP/1.1' 0d0a c3a9 ': c' 0d0a",       HTTP1_FAULT_NAME_BYTE},
    {HTTP1_REQUEST, "'GET / HTTP/1.1' 0d0a 'A: b' 00 0d0a",        HTTP1_FAULT_VALUE_BYTE},
    {HTTP1_REQUEST, "'GET / HTTP/1.1' 0d0a 'A: ' 7f 0d0a",         HTTP1_FAULT_VALUE_BYTE},
};
/* clang-format on */

static const struct refusal *refusal_in_hand;

static void check_refusal(const struct cut *cut)
{
    struct http1_head head;
    struct span more = SPAN("more");
    size_t rest;

    http1_head_init(&head, refusal_in_hand->kind, &roomy);
    assert_int_equal(feed(&head, cut, &rest), ERR_PROTO);
    assert_int_equal(http1_head_fault(&head), refusal_in_hand->fault);
    /* final and repeatable */
    assert_int_equal(http1_head_next(&head, &more), ERR_PROTO);
    assert_int_equal(more.len, 4);
    assert_int_equal(http1_head_fault(&head), refusal_in_hand->fault);
    http1_head_fini(&head);
}

static void each_refusal_has_its_fault_at_any_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        refusal_in_hand = &refusals[i];
        every_cut(hex(refusals[i].input), check_refusal);
    }
}

/* "GET / HTTP/1.1" is 14 bytes, "Field: value" 12; the whole is 16 + 2 * 14 + 2 = 46. */
static const struct http1_limits snug = {.line_bytes = 14,
                                         .field_bytes = 12,
                                         .field_count = 2,
                                         .head_bytes = 46};

static struct http1_limits limits_in_hand;
static enum http1_fault fault_in_hand;

static void check_limit(const struct cut *cut)
{
    struct http1_head head;
    size_t rest = 0;

    http1_head_init(&head, HTTP1_REQUEST, &limits_in_hand);
    assert_int_equal(feed(&head, cut, &rest),
                     fault_in_hand == HTTP1_FAULT_NONE ? OK : ERR_LIMIT);
    assert_int_equal(http1_head_fault(&head), fault_in_hand);
    assert_true(head.bytes.cap <= limits_in_hand.head_bytes);
    http1_head_fini(&head);
}

static void each_limit_can_be_reached_and_not_passed(void **state)
{
    struct mspan input = hex("'GET / HTTP/1.1' 0d0a 'Field: value' 0d0a 'Other: value' 0d0a"
                             "0d0a 'tail'");

    (void)state;
    limits_in_hand = snug;
    fault_in_hand = HTTP1_FAULT_NONE;
    every_cut(input, check_limit);

    limits_in_hand.line_bytes--;
    fault_in_hand = HTTP1_FAULT_LINE_LENGTH;
    every_cut(input, check_limit);

    limits_in_hand = snug;
    limits_in_hand.field_bytes--;
    fault_in_hand = HTTP1_FAULT_FIELD_LENGTH;
    every_cut(input, check_limit);

    limits_in_hand = snug;
    limits_in_hand.field_count--;
    fault_in_hand = HTTP1_FAULT_FIELD_COUNT;
    every_cut(input, check_limit);

    limits_in_hand = snug;
    fault_in_hand = HTTP1_FAULT_HEAD_LENGTH;
    while (--limits_in_hand.head_bytes > 0) {
        every_cut(input, check_limit);
    }
}

static void an_endless_line_is_refused_without_its_end(void **state)
{
    struct http1_head head;

    (void)state;
    assert_int_equal(read_all(&head, HTTP1_REQUEST, &snug, SPAN("GET /aaaaaaaaaaaaaaaaaaaaaa")),
                     ERR_LIMIT);
    assert_int_equal(http1_head_fault(&head), HTTP1_FAULT_LINE_LENGTH);
    http1_head_fini(&head);
}

static void a_head_without_input_takes_no_memory_and_waits(void **state)
{
    struct http1_head head;

    (void)state;
    assert_int_equal(read_all(&head, HTTP1_REQUEST, &roomy, SPAN("")), ERR_AGAIN);
    assert_null(head.bytes.ptr);
    http1_head_fini(&head);
}

static void a_complete_head_takes_no_more(void **state)
{
    struct http1_head head;
    struct span input = SPAN("GET / HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");

    (void)state;
    http1_head_init(&head, HTTP1_REQUEST, &roomy);
    assert_ok(http1_head_next(&head, &input));
    assert_int_equal(input.len, 19);
    assert_ok(http1_head_next(&head, &input));
    assert_int_equal(input.len, 19);
    http1_head_fini(&head);
    http1_head_init(&head, HTTP1_REQUEST, &roomy);
    assert_ok(http1_head_next(&head, &input));
    assert_bytes(head.target, SPAN("/2"));
    http1_head_fini(&head);
}

static void read_a_long_head(void)
{
    struct http1_head head;
    struct span input = SPAN("GET / HTTP/1.1\r\nHost: h\r\n");
    struct span field = SPAN("Field: 0123456789012345678901234567890123456789012345678901\r\n");
    struct span end = SPAN("\r\n");
    enum err e;

    http1_head_init(&head, HTTP1_REQUEST, &roomy);
    e = http1_head_next(&head, &input);
    for (int i = 0; i < 20 && e == ERR_AGAIN; i++) {
        struct span more = field;

        e = http1_head_next(&head, &more);
    }
    if (e == ERR_AGAIN) {
        e = http1_head_next(&head, &end);
    }
    assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : OK);
    http1_head_fini(&head);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(read_a_long_head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_survives_any_cut_and_the_bytes_behind_it_are_kept),
        cmocka_unit_test(a_response_survives_any_cut),
        cmocka_unit_test(a_response_may_come_without_a_phrase_and_without_its_space),
        cmocka_unit_test(one_empty_line_before_a_request_is_skipped),
        cmocka_unit_test(a_later_minor_version_counts_as_1_1),
        cmocka_unit_test(each_refusal_has_its_fault_at_any_cut),
        cmocka_unit_test(each_limit_can_be_reached_and_not_passed),
        cmocka_unit_test(an_endless_line_is_refused_without_its_end),
        cmocka_unit_test(a_head_without_input_takes_no_memory_and_waits),
        cmocka_unit_test(a_complete_head_takes_no_more),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
