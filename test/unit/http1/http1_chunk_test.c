/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_chunk.h"

#include "base/buf.h"
#include "lib/cut.h"
#include "lib/testing.h"

struct outcome {
    struct buf content;
    enum err e;
    enum http1_chunk_fault fault;
    size_t used;
};

static struct outcome read_cut(const struct cut *cut)
{
    struct outcome outcome = {.e = ERR_AGAIN};
    struct http1_chunk chunk;
    struct mspan part;
    size_t at = 0;

    buf_init(&outcome.content, 4096);
    http1_chunk_init(&chunk);
    while (outcome.e == ERR_AGAIN && (part = cut_next(cut, &at)).ptr != NULL) {
        struct span input = span_ro(part);
        struct span data;

        while ((outcome.e = http1_chunk_next(&chunk, &input, &data)) == OK && data.len > 0) {
            assert_ok(buf_append(&outcome.content, data));
        }
        outcome.used += part.len - input.len;
    }
    outcome.fault = http1_chunk_fault(&chunk);
    return outcome;
}

static const struct {
    const char *text;
    const char *content;
    size_t behind; /* bytes that are not the coding's */
} good[] = {
    {"0\r\n", "", 0},
    {"0\r\n\r\nGET", "", 5},
    {"5\r\nhello\r\n0\r\n", "hello", 0},
    {"5\r\nhello\r\n000\r\n\r\n", "hello", 2},
    {"0005\r\nhello\r\n1\r\n!\r\n0\r\n", "hello!", 0},
    {"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n", "01234567890123456789", 0},
    {"2\r\n\r\n\r\n0\r\n", "\r\n", 0},
    {"1;a\r\nx\r\n0;b\r\n", "x", 0},
    {"1 ;\ta = \"q;\\\"\\\\ \xc3\xa4\" ; b=c;d\r\nx\r\n0\r\n", "x", 0},
};

static size_t row;

static void check_good(const struct cut *cut)
{
    struct outcome outcome = read_cut(cut);

    assert_int_equal(outcome.e, OK);
    assert_bytes(buf_span(&outcome.content), span_str(good[row].content));
    assert_int_equal(outcome.used, strlen(good[row].text) - good[row].behind);
    buf_fini(&outcome.content);
}

static void content_is_the_same_however_the_coding_is_cut(void **state)
{
    (void)state;
    for (row = 0; row < sizeof good / sizeof good[0]; row++) {
        cut_every(span_str(good[row].text), check_good);
    }
}

static const struct {
    const char *text;
    enum http1_chunk_fault fault;
} bad[] = {
    {"\r\n", HTTP1_CHUNK_FAULT_SIZE},
    {" 5\r\nhello\r\n", HTTP1_CHUNK_FAULT_SIZE},
    {"\t5\r\nhello\r\n", HTTP1_CHUNK_FAULT_SIZE},
    {"+5\r\nhello\r\n", HTTP1_CHUNK_FAULT_SIZE},
    {"-5\r\nhello\r\n", HTTP1_CHUNK_FAULT_SIZE},
    {"0x5\r\nhello\r\n", HTTP1_CHUNK_FAULT_SIZE},
    {"5g\r\nhello\r\n", HTTP1_CHUNK_FAULT_SIZE},
    {"5_0\r\nhello\r\n", HTTP1_CHUNK_FAULT_SIZE},
    {"5,5\r\nhello\r\n", HTTP1_CHUNK_FAULT_SIZE},
    {";a\r\n", HTTP1_CHUNK_FAULT_SIZE},
    {"g\r\n", HTTP1_CHUNK_FAULT_SIZE},
    {"\n", HTTP1_CHUNK_FAULT_SIZE},
    {"10000000000000000\r\n", HTTP1_CHUNK_FAULT_SIZE_LIMIT},
    {"ffffffffffffffff0\r\n", HTTP1_CHUNK_FAULT_SIZE_LIMIT},
    {"000000000000000000000000000000005\r\n", HTTP1_CHUNK_FAULT_SIZE_LIMIT},
    {"5 \r\nhello\r\n", HTTP1_CHUNK_FAULT_EXTENSION},
    {"5 5\r\nhello\r\n", HTTP1_CHUNK_FAULT_EXTENSION},
    {"5;\r\nhello\r\n", HTTP1_CHUNK_FAULT_EXTENSION},
    {"5;a \r\nhello\r\n", HTTP1_CHUNK_FAULT_EXTENSION},
    {"5;a=\r\nhello\r\n", HTTP1_CHUNK_FAULT_EXTENSION},
    {"5;=b\r\nhello\r\n", HTTP1_CHUNK_FAULT_EXTENSION},
    {"5;a=b=c\r\nhello\r\n", HTTP1_CHUNK_FAULT_EXTENSION},
    {"5;a=\"b\"c\r\nhello\r\n", HTTP1_CHUNK_FAULT_EXTENSION},
    {"5;a=\"b\r\nhello\r\n", HTTP1_CHUNK_FAULT_EXTENSION},
    {"5;a=\"\x01\"\r\nhello\r\n", HTTP1_CHUNK_FAULT_EXTENSION},
    {"5;a\x7f\r\nhello\r\n", HTTP1_CHUNK_FAULT_EXTENSION},
    {"5\nhello\n0\n", HTTP1_CHUNK_FAULT_BARE_LF},
    {"5;a\nhello\r\n", HTTP1_CHUNK_FAULT_BARE_LF},
    {"5;\"\nhello\r\n", HTTP1_CHUNK_FAULT_EXTENSION},
    {"5;a=\"\nhello\r\n", HTTP1_CHUNK_FAULT_BARE_LF},
    {"5 \nhello\r\n", HTTP1_CHUNK_FAULT_BARE_LF},
    {"5\rhello\r\n", HTTP1_CHUNK_FAULT_BARE_CR},
    {"5;a\rb\r\nhello\r\n", HTTP1_CHUNK_FAULT_BARE_CR},
    {"0\r\r\n", HTTP1_CHUNK_FAULT_BARE_CR},
    {"5\r\nhello!\r\n0\r\n", HTTP1_CHUNK_FAULT_DATA_END},
    {"5\r\nhello\n0\r\n", HTTP1_CHUNK_FAULT_DATA_END},
    {"5\r\nhello\r0\r\n", HTTP1_CHUNK_FAULT_DATA_END},
    {"5\r\nhello0\r\n", HTTP1_CHUNK_FAULT_DATA_END},
};

static void check_bad(const struct cut *cut)
{
    struct outcome outcome = read_cut(cut);

    assert_int_equal(outcome.fault, bad[row].fault);
    assert_int_equal(outcome.e, ERR_PROTO);
    buf_fini(&outcome.content);
}

static void whatever_could_be_read_in_two_ways_is_refused(void **state)
{
    (void)state;
    for (row = 0; row < sizeof bad / sizeof bad[0]; row++) {
        cut_every(span_str(bad[row].text), check_bad);
    }
}

static void extensions_have_a_limit(void **state)
{
    static char line[HTTP1_CHUNK_EXTENSION_MAX + 16];
    struct http1_chunk chunk;
    struct span input;
    struct span data;

    (void)state;
    memset(line, 'a', sizeof line);
    memcpy(line, "1;", 2);
    /* One byte of extensions is the semicolon that begins them, and is not counted. */
    line[2 + HTTP1_CHUNK_EXTENSION_MAX - 1] = '\r';
    line[2 + HTTP1_CHUNK_EXTENSION_MAX] = '\n';
    http1_chunk_init(&chunk);
    input = span_of(line, 2 + HTTP1_CHUNK_EXTENSION_MAX + 1);
    assert_int_equal(http1_chunk_next(&chunk, &input, &data), ERR_AGAIN);
    line[2 + HTTP1_CHUNK_EXTENSION_MAX - 1] = 'a';
    line[2 + HTTP1_CHUNK_EXTENSION_MAX] = '\r';
    http1_chunk_init(&chunk);
    input = span_of(line, sizeof line);
    assert_int_equal(http1_chunk_next(&chunk, &input, &data), ERR_PROTO);
    assert_int_equal(http1_chunk_fault(&chunk), HTTP1_CHUNK_FAULT_EXTENSION_LIMIT);
}

static void a_refusal_is_final(void **state)
{
    struct http1_chunk chunk;
    struct span input = SPAN("x");
    struct span data;

    (void)state;
    http1_chunk_init(&chunk);
    assert_int_equal(http1_chunk_next(&chunk, &input, &data), ERR_PROTO);
    input = SPAN("0\r\n");
    assert_int_equal(http1_chunk_next(&chunk, &input, &data), ERR_PROTO);
    assert_int_equal(input.len, 3);
}

static void the_largest_chunk_is_of_64_bits(void **state)
{
    struct http1_chunk chunk;
    struct span input = SPAN("ffffffffffffffff\r\nabc");
    struct span data;

    (void)state;
    http1_chunk_init(&chunk);
    assert_ok(http1_chunk_next(&chunk, &input, &data));
    assert_bytes(data, SPAN("abc"));
    assert_int_equal(chunk.left, UINT64_MAX - 3);
}

static void what_is_written_can_be_read(void **state)
{
    static const size_t lengths[] = {1, 9, 15, 16, 255, 256, 65535, SIZE_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint8_t room[HTTP1_CHUNK_BEGIN_BYTES];
        struct span input = span_of(room, http1_chunk_put_begin(room, lengths[i]));
        struct http1_chunk chunk;
        struct span data;

        http1_chunk_init(&chunk);
        assert_int_equal(http1_chunk_next(&chunk, &input, &data), ERR_AGAIN);
        assert_int_equal(chunk.left, lengths[i]);
    }
}

static void each_row_can_be_told(void **state)
{
#define X(name, status, section, did) name,
    static const enum http1_chunk_fault all[] = {HTTP1_CHUNK_FAULTS(X)};
#undef X

    (void)state;
    assert_string_equal(http1_chunk_fault_text(HTTP1_CHUNK_FAULT_NONE), "did nothing wrong");
    for (size_t i = 1; i < sizeof all / sizeof all[0]; i++) {
        assert_int_equal(http1_chunk_fault_status(all[i]), 400);
        assert_non_null(strstr(http1_chunk_fault_text(all[i]), " (RFC "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_is_the_same_however_the_coding_is_cut),
        cmocka_unit_test(whatever_could_be_read_in_two_ways_is_refused),
        cmocka_unit_test(extensions_have_a_limit),
        cmocka_unit_test(a_refusal_is_final),
        cmocka_unit_test(the_largest_chunk_is_of_64_bits),
        cmocka_unit_test(what_is_written_can_be_read),
        cmocka_unit_test(each_row_can_be_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
