/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_body_reader.h"

#include "lib/cut.h"
#include "lib/oom.h"
#include "lib/testing.h"

static const struct http1_limits limits = {.field_bytes = 40,
                                           .field_count = 3,
                                           .head_bytes = 100};

struct outcome {
    char text[512]; /* content, "|", then "name=value;" for each trailer */
    size_t len;
    enum err e;
    bool has_ended;
    size_t left; /* bytes behind the end */
    struct http1_body_reader reader;
};

static void put(struct outcome *outcome, struct span bytes)
{
    assert_true(outcome->len + bytes.len < sizeof outcome->text);
    memcpy(outcome->text + outcome->len, bytes.ptr, bytes.len);
    outcome->len += bytes.len;
}

static void take(struct outcome *outcome, struct span input)
{
    struct http1_body_reader_piece piece;

    while ((outcome->e = http1_body_reader_next(&outcome->reader, &input, &piece)) == OK) {
        if (piece.type == HTTP1_BODY_READER_DATA) {
            assert_false(outcome->has_ended);
            assert_true(piece.data.len > 0);
            put(outcome, piece.data);
            continue;
        }
        assert_false(outcome->has_ended);
        outcome->has_ended = true;
        put(outcome, SPAN("|"));
        for (size_t i = 0; i < piece.trailers.count; i++) {
            put(outcome, piece.trailers.ptr[i].name);
            put(outcome, SPAN("="));
            put(outcome, piece.trailers.ptr[i].value);
            put(outcome, SPAN(";"));
        }
    }
    outcome->left += input.len;
    assert_int_equal(http1_body_reader_has_ended(&outcome->reader), outcome->has_ended);
}

static struct outcome read_cut(const struct cut *cut, struct http1_body body)
{
    struct outcome outcome = {.e = ERR_AGAIN};
    struct mspan part;
    size_t at = 0;

    http1_body_reader_init(&outcome.reader, &body, &limits);
    while (outcome.e == ERR_AGAIN && (part = cut_next(cut, &at)).ptr != NULL) {
        take(&outcome, span_ro(part));
    }
    return outcome;
}

struct row {
    struct http1_body body;
    const char *text;
    const char *content;
    size_t left;
    bool may_close;
};

#define CHUNKED               \
    {                         \
        HTTP1_BODY_CHUNKED, 0 \
    }
#define LENGTH(n)            \
    {                        \
        HTTP1_BODY_LENGTH, n \
    }

static const struct row rows[] = {
    {{HTTP1_BODY_NONE, 0}, "GET", "|", 3, true},
    {LENGTH(5), "hello", "hello|", 0, true},
    {LENGTH(5), "helloGET", "hello|", 3, true},
    {LENGTH(5), "hell", "hell", 0, false},
    {{HTTP1_BODY_UNTIL_CLOSE, 0}, "hello", "hello", 0, true},
    {CHUNKED, "5\r\nhello\r\n0\r\n\r\n", "hello|", 0, true},
    {CHUNKED, "5\r\nhello\r\n0\r\n\r\nGET", "hello|", 3, true},
    {CHUNKED, "5\r\nhello\r\n0\r\n", "hello", 0, false},
    {CHUNKED, "5\r\nhello\r\n0\r\nA: b\r\nC:d\r\n\r\nG", "hello|A=b;C=d;", 1, true},
    {CHUNKED, "0\r\nContent-Length: 7\r\nX: y\r\nHOST: z\r\n\r\n", "|X=y;", 0, true},
    {CHUNKED, "0\r\nTransfer-Encoding: chunked\r\n\r\n", "|", 0, true},
    {CHUNKED, "0\r\nAuthorization: Basic eDp5\r\n\r\n", "|", 0, true},
};

static size_t at_row;

static void check_row(const struct cut *cut)
{
    const struct row *row = &rows[at_row];
    struct outcome outcome = read_cut(cut, row->body);

    assert_int_equal(outcome.e, ERR_AGAIN);
    assert_bytes(span_of(outcome.text, outcome.len), span_str(row->content));
    assert_int_equal(outcome.left, row->left);
    assert_int_equal(http1_body_reader_may_close(&outcome.reader), row->may_close);
    http1_body_reader_fini(&outcome.reader);
}

static void every_framing_is_read_however_it_is_cut(void **state)
{
    (void)state;
    for (at_row = 0; at_row < sizeof rows / sizeof rows[0]; at_row++) {
        cut_every(span_str(rows[at_row].text), check_row);
    }
}

static const struct {
    const char *text;
    enum err e;
    uint16_t status;
    const char *why;
} faults[] = {
    {"0\r\n A: b\r\n\r\n", ERR_PROTO, 400, "white space between the first line"},
    {"0\r\nA: b\r\n c\r\n\r\n", ERR_PROTO, 400, "folded"},
    {"0\r\nA : b\r\n\r\n", ERR_PROTO, 400, "and its colon"},
    {"0\r\nA: b\n\r\n", ERR_PROTO, 400, "LF alone"},
    {"0\r\nA: b\x01\r\n\r\n", ERR_PROTO, 400, "control byte"},
    {"0\r\nGET / HTTP/1.1\r\n\r\n", ERR_PROTO, 400, "colon"},
    {"0\r\n: b\r\n\r\n", ERR_PROTO, 400, "name"},
    {"0\r\n\n", ERR_PROTO, 400, "LF alone"},
    {"0\r\nA: 0123456789012345678901234567890123456789\r\n\r\n", ERR_LIMIT, 431, "field over"},
    {"0\r\na:1\r\nb:2\r\nc:3\r\nd:4\r\n\r\n", ERR_LIMIT, 431, "more fields"},
    {"0\r\nA: 012345678901234567890123456789012345\r\nA: "
     "012345678901234567890123456789012345\r\nA: 0123456789012345678\r\n\r\n",
     ERR_LIMIT, 431, "head over"},
    {"5\r\nhello!", ERR_PROTO, 400, "longer than its size"},
};

static void check_fault(const struct cut *cut)
{
    struct outcome outcome = read_cut(cut, (struct http1_body)CHUNKED);
    struct http1_body_reader_piece piece;
    struct span more = SPAN("0\r\n\r\n");

    assert_int_equal(outcome.e, faults[at_row].e);
    assert_false(outcome.has_ended);
    assert_int_equal(http1_body_reader_status(&outcome.reader), faults[at_row].status);
    assert_non_null(strstr(http1_body_reader_why(&outcome.reader), faults[at_row].why));
    assert_int_equal(http1_body_reader_next(&outcome.reader, &more, &piece), faults[at_row].e);
    assert_false(http1_body_reader_may_close(&outcome.reader));
    http1_body_reader_fini(&outcome.reader);
}

static void a_trailer_section_is_checked_like_a_head(void **state)
{
    (void)state;
    for (at_row = 0; at_row < sizeof faults / sizeof faults[0]; at_row++) {
        cut_every(span_str(faults[at_row].text), check_fault);
    }
}

static void only_a_trailer_section_takes_memory(void)
{
    const struct http1_body body = {HTTP1_BODY_CHUNKED, 0};
    struct outcome outcome = {.e = ERR_AGAIN};

    http1_body_reader_init(&outcome.reader, &body, &limits);
    take(&outcome, SPAN("5\r\nhello\r\n"));
    assert_int_equal(outcome.e, ERR_AGAIN);
    assert_int_equal(outcome.reader.trailer.bytes.cap, 0);
    take(&outcome, SPAN("0\r\nA: b\r\n\r\n"));
    assert_int_equal(outcome.e, oom_has_struck() ? ERR_NOMEM : ERR_AGAIN);
    http1_body_reader_fini(&outcome.reader);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(only_a_trailer_section_takes_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_framing_is_read_however_it_is_cut),
        cmocka_unit_test(a_trailer_section_is_checked_like_a_head),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
