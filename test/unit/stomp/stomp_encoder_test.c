/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "stomp/stomp_encoder.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "stomp/stomp_decoder.h"

static void assert_holds(struct buf *out, struct span expected)
{
    assert_bytes(buf_span(out), expected);
    buf_fini(out);
}

static void a_message_has_its_length_and_its_nul(void **state)
{
    struct stomp_encoder encoder;
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    stomp_encoder_begin(&encoder, &out, STOMP_MESSAGE);
    stomp_encoder_header(&encoder, SPAN("destination"), SPAN("/demo/chat"));
    stomp_encoder_header_u64(&encoder, SPAN("eid"), UINT64_MAX);
    stomp_encoder_header_u64(&encoder, SPAN("zero"), 0);
    assert_ok(stomp_encoder_end(&encoder, SPAN("a\0b")));
    assert_holds(&out,
                 SPAN("MESSAGE\ndestination:/demo/chat\neid:18446744073709551615\nzero:0\n"
                      "content-length:3\n\na\0b\0"));
}

static void frames_without_a_body_have_no_length(void **state)
{
    struct stomp_encoder encoder;
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    stomp_encoder_begin(&encoder, &out, STOMP_RECEIPT);
    stomp_encoder_header(&encoder, SPAN("receipt-id"), SPAN("7"));
    assert_ok(stomp_encoder_end(&encoder, SPAN("")));
    assert_ok(stomp_encoder_eol(&out));
    stomp_encoder_begin(&encoder, &out, STOMP_DISCONNECT);
    assert_ok(stomp_encoder_end(&encoder, SPAN("")));
    assert_holds(&out, SPAN("RECEIPT\nreceipt-id:7\n\n\0\nDISCONNECT\n\n\0"));
}

static void headers_are_escaped_except_in_connect(void **state)
{
    struct stomp_encoder encoder;
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    stomp_encoder_begin(&encoder, &out, STOMP_SUBSCRIBE);
    stomp_encoder_header(&encoder, SPAN("a:b"), SPAN("\\c\r\n: d"));
    stomp_encoder_header(&encoder, SPAN("e"), SPAN(""));
    assert_ok(stomp_encoder_end(&encoder, SPAN("")));
    stomp_encoder_begin(&encoder, &out, STOMP_CONNECT);
    stomp_encoder_header(&encoder, SPAN("passcode"), SPAN("a:b\\"));
    assert_ok(stomp_encoder_end(&encoder, SPAN("")));
    assert_holds(&out, SPAN("SUBSCRIBE\na\\cb:\\\\c\\r\\n\\c d\ne:\n\n\0"
                            "CONNECT\npasscode:a:b\\\n\n\0"));
}

struct refusal {
    enum stomp_command command;
    struct span name;
    struct span value;
};

static void what_cannot_be_said_is_refused_and_leaves_nothing(void **state)
{
    const struct refusal refusals[] = {
        {STOMP_SEND, SPAN(""), SPAN("x")},
        {STOMP_SEND, SPAN("a\0b"), SPAN("x")},
        {STOMP_SEND, SPAN("a"), SPAN("x\0")},
        {STOMP_SEND, SPAN("content-length"), SPAN("1")},
        {STOMP_CONNECTED, SPAN("a"), SPAN("x\ny")},
        {STOMP_CONNECTED, SPAN("a"), SPAN("x\ry")},
        {STOMP_CONNECT, SPAN("a:b"), SPAN("x")},
        {STOMP_CONNECT, SPAN("a\nb"), SPAN("x")},
    };
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    assert_ok(buf_append(&out, SPAN("kept")));
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct stomp_encoder encoder;

        stomp_encoder_begin(&encoder, &out, refusals[i].command);
        stomp_encoder_header(&encoder, SPAN("before"), SPAN("x"));
        stomp_encoder_header(&encoder, refusals[i].name, refusals[i].value);
        assert_bytes(buf_span(&out), SPAN("kept"));
        stomp_encoder_header(&encoder, SPAN("behind"), SPAN("x"));
        assert_int_equal(stomp_encoder_end(&encoder, SPAN("")), ERR_PROTO);
        assert_bytes(buf_span(&out), SPAN("kept"));
    }
    buf_fini(&out);
}

static enum err encode_a_frame(struct buf *out)
{
    struct stomp_encoder encoder;

    stomp_encoder_begin(&encoder, out, STOMP_ERROR);
    stomp_encoder_header(&encoder, SPAN("message"), SPAN("LimitException: too\nmany"));
    return stomp_encoder_end(&encoder, SPAN("Details"));
}

static void a_full_buffer_is_left_as_it_was(void **state)
{
    struct buf out;
    size_t whole;

    (void)state;
    buf_init(&out, 1000);
    assert_ok(encode_a_frame(&out));
    whole = out.len;
    buf_fini(&out);
    for (size_t max = 0; max < whole; max++) {
        buf_init(&out, max);
        assert_int_equal(encode_a_frame(&out), ERR_LIMIT);
        assert_int_equal(out.len, 0);
        buf_fini(&out);
    }
    buf_init(&out, whole);
    assert_ok(encode_a_frame(&out));
    buf_fini(&out);
}

static void what_is_encoded_is_decoded_as_it_was(void **state)
{
    static const struct stomp_limits limits = {600, 600, 4000, 600};
    struct stomp_encoder encoder;
    struct stomp_decoder decoder;
    struct stomp_piece piece;
    struct span input;
    struct buf out;
    char text[127]; /* every ASCII byte but NUL */

    (void)state;
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)(i + 1);
    }
    buf_init(&out, 4000);
    stomp_encoder_begin(&encoder, &out, STOMP_SEND);
    stomp_encoder_header(&encoder, span_of(text, sizeof text), span_of(text, sizeof text));
    assert_ok(stomp_encoder_end(&encoder, span_of(text, sizeof text)));
    input = buf_span(&out);
    stomp_decoder_init(&decoder, &limits);
    assert_ok(stomp_decoder_next(&decoder, &input, &piece));
    assert_int_equal(input.len, 0);
    assert_int_equal(piece.frame.command, STOMP_SEND);
    assert_int_equal(piece.frame.header_count, 2);
    assert_bytes(piece.frame.headers[0].name, span_of(text, sizeof text));
    assert_bytes(piece.frame.headers[0].value, span_of(text, sizeof text));
    assert_bytes(piece.frame.headers[1].value, SPAN("127"));
    assert_bytes(piece.frame.body, span_of(text, sizeof text));
    stomp_decoder_fini(&decoder);
    buf_fini(&out);
}

static void encode_one(void)
{
    struct buf out;
    enum err e;

    buf_init(&out, 10000);
    e = encode_a_frame(&out);
    assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : OK);
    assert_true(e == OK || out.len == 0);
    buf_fini(&out);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(encode_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_has_its_length_and_its_nul),
        cmocka_unit_test(frames_without_a_body_have_no_length),
        cmocka_unit_test(headers_are_escaped_except_in_connect),
        cmocka_unit_test(what_cannot_be_said_is_refused_and_leaves_nothing),
        cmocka_unit_test(a_full_buffer_is_left_as_it_was),
        cmocka_unit_test(what_is_encoded_is_decoded_as_it_was),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
