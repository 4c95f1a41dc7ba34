/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "stomp/stomp_decoder.h"

#include "lib/cut.h"
#include "lib/oom.h"
#include "lib/testing.h"

static const struct stomp_limits roomy = {.line_bytes = 200,
                                          .header_count = 20,
                                          .head_bytes = 1000,
                                          .body_bytes = 100000};

/* What was decoded, one piece after the other: "EOL", or "SEND [a=b][c=d] <body>". */
struct transcript {
    struct buf text;
    size_t pieces;
    enum err e;
    enum stomp_fault fault;
};

static void note_frame(struct buf *text, const struct stomp_frame *frame)
{
    assert_ok(buf_printf(text, "%s ", stomp_command_name(frame->command)));
    for (size_t i = 0; i < frame->header_count; i++) {
        assert_ok(buf_append_byte(text, '['));
        assert_ok(buf_append(text, frame->headers[i].name));
        assert_ok(buf_append_byte(text, '='));
        assert_ok(buf_append(text, frame->headers[i].value));
        assert_ok(buf_append_byte(text, ']'));
    }
    assert_ok(buf_append(text, SPAN(" <")));
    assert_ok(buf_append(text, frame->body));
    assert_ok(buf_append(text, SPAN(">\n")));
}

static struct transcript decode(const struct stomp_limits *limits, const struct cut *cut)
{
    struct transcript seen = {.e = ERR_AGAIN};
    struct stomp_decoder decoder;
    struct mspan part;
    size_t at = 0;

    buf_init(&seen.text, 1000000);
    stomp_decoder_init(&decoder, limits);
    while (seen.e == ERR_AGAIN && (part = cut_next(cut, &at)).ptr != NULL) {
        struct span input = span_ro(part);
        struct stomp_piece piece;

        while ((seen.e = stomp_decoder_next(&decoder, &input, &piece)) == OK) {
            seen.pieces++;
            if (piece.type == STOMP_PIECE_EOL) {
                assert_ok(buf_append(&seen.text, SPAN("EOL\n")));
            } else {
                note_frame(&seen.text, &piece.frame);
            }
        }
        assert_true(seen.e != ERR_AGAIN || input.len == 0);
    }
    seen.fault = stomp_decoder_fault(&decoder);
    if (seen.e != ERR_AGAIN) { /* final and repeatable */
        struct span more = SPAN("\n");
        struct stomp_piece piece;

        assert_int_equal(stomp_decoder_next(&decoder, &more, &piece), seen.e);
        assert_int_equal(more.len, 1);
        assert_int_equal(stomp_decoder_fault(&decoder), seen.fault);
    }
    stomp_decoder_fini(&decoder);
    return seen;
}

static struct span expected_in_hand;

static void check_transcript(const struct cut *cut)
{
    struct transcript seen = decode(&roomy, cut);

    assert_int_equal(seen.e, ERR_AGAIN);
    assert_int_equal(seen.fault, STOMP_FAULT_NONE);
    assert_bytes(buf_span(&seen.text), expected_in_hand);
    buf_fini(&seen.text);
}

static void assert_decoded(struct mspan input, struct span expected)
{
    expected_in_hand = expected;
    every_cut(input, check_transcript);
}

static void a_frame_survives_any_cut(void **state)
{
    (void)state;
    assert_decoded(hex("'SEND' 0a 'destination:/demo/chat' 0a 'content-type:text/plain' 0a 0a"
                       "'Hello' 00"),
                   SPAN("SEND [destination=/demo/chat][content-type=text/plain] <Hello>\n"));
}

static void frames_and_heart_beats_follow_each_other(void **state)
{
    (void)state;
    assert_decoded(hex("0a 0d0a 'SUBSCRIBE' 0d0a 'id:1' 0d0a 'destination:a' 0d0a 0d0a 00 0a"
                       "'DISCONNECT' 0a 0a 00 'ERROR' 0a 0a 00"),
                   SPAN("EOL\nEOL\nSUBSCRIBE [id=1][destination=a] <>\nEOL\n"
                        "DISCONNECT  <>\nERROR  <>\n"));
}

static void a_body_with_a_length_may_hold_anything(void **state)
{
    (void)state;
    assert_decoded(hex("'SEND' 0a 'content-length:5' 0a 0a 0001000a00 00"
                       "'MESSAGE' 0a 'content-length:0' 0a 'content-length:9' 0a 0a 00"
                       "'RECEIPT' 0a 'content-length:0' 0a 0a 00"),
                   SPAN("SEND [content-length=5] <\0\1\0\n\0>\n"
                        "MESSAGE [content-length=0][content-length=9] <>\n"
                        "RECEIPT [content-length=0] <>\n"));
}

static void escapes_are_undone_in_names_and_values(void **state)
{
    (void)state;
    assert_decoded(hex("'SEND' 0a 'a\\cb\\\\:x\\r\\n\\\\n\\c' 0a 'url:http://x' 0a ' c : d ' 0a"
                       "'empty:' 0a 0a 00"),
                   SPAN("SEND [a:b\\=x\r\n\\n:][url=http://x][ c = d ][empty=] <>\n"));
}

static void connect_knows_no_escapes(void **state)
{
    (void)state;
    assert_decoded(hex("'CONNECT' 0a 'passcode:a\\cb\\t:\\' 0a 0a 00"
                       "'CONNECTED' 0a 'server:\\n' 0a 0a 00"),
                   SPAN("CONNECT [passcode=a\\cb\\t:\\] <>\nCONNECTED [server=\\n] <>\n"));
}

struct refusal {
    const char *input; /* as for hex() */
    enum stomp_fault fault;
};

/* clang-format off */
static const struct refusal refusals[] = {
    {"'HELLO' 0a 0a 00",                                STOMP_FAULT_COMMAND},
    {"'send' 0a 0a 00",                                 STOMP_FAULT_COMMAND},
    {"' ' 0a",                                          STOMP_FAULT_COMMAND},
    {"0d 'SEND' 0a",                                    STOMP_FAULT_CR},
    {"0d0d0a",                                          STOMP_FAULT_CR},
    {"'SEND' 0d0d0a",                                   STOMP_FAULT_CR},
    {"'SEND' 0a 'a:b' 0d 'c' 0a",                       STOMP_FAULT_CR},
    {"'SEND' 0a 0d0d0a",                                STOMP_FAULT_CR},
    {"00",                                              STOMP_FAULT_NUL},
    {"'DISCONNECT' 00",                                 STOMP_FAULT_NUL},
    {"'DISCONNECT' 0a 00",                              STOMP_FAULT_NUL},
    {"'DISCONNECT' 0a 'receipt:1' 0a 00 0a",            STOMP_FAULT_NUL},
    {"'DISCONNECT' 0a 'receipt:' 00 '1' 0a 0a 00",      STOMP_FAULT_NUL},
    {"'SEND' 0a 'destination' 0a 0a 00",                STOMP_FAULT_NO_COLON},
    {"'SEND' 0a ':/demo' 0a 0a 00",                     STOMP_FAULT_NO_NAME},
    {"'SEND' 0a 'a:b\\t' 0a 0a 00",                     STOMP_FAULT_ESCAPE},
    {"'SEND' 0a 'a:b\\' 0a 0a 00",                      STOMP_FAULT_ESCAPE},
    {"'SEND' 0a 'a\\:b' 0a 0a 00",                      STOMP_FAULT_ESCAPE},
    {"'SEND' 0a 'a:\\R' 0a 0a 00",                      STOMP_FAULT_ESCAPE},
    {"'STOMP' 0a 'a:\\t' 0a 0a 00",                     STOMP_FAULT_ESCAPE},
    {"'SEND' 0a 'a:' c3 0a 0a 00",                      STOMP_FAULT_UTF8},
    {"'CONNECT' 0a ff ':b' 0a 0a 00",                   STOMP_FAULT_UTF8},
    {"'SEND' 0a 'content-length:' 0a 0a 00",            STOMP_FAULT_CONTENT_LENGTH},
    {"'SEND' 0a 'content-length:-1' 0a 0a 00",          STOMP_FAULT_CONTENT_LENGTH},
    {"'SEND' 0a 'content-length: 1' 0a 0a 00",          STOMP_FAULT_CONTENT_LENGTH},
    {"'SEND' 0a 'content-length:18446744073709551616' 0a 0a 00", STOMP_FAULT_CONTENT_LENGTH},
    {"'ACK' 0a 'content-length:x' 0a 0a 00",            STOMP_FAULT_CONTENT_LENGTH},
    {"'SEND' 0a 'content-length:2' 0a 0a 'abc' 00",     STOMP_FAULT_NO_NUL},
    {"'SEND' 0a 'content-length:0' 0a 0a 'a' 00",       STOMP_FAULT_NO_NUL},
    {"'SUBSCRIBE' 0a 'id:1' 0a 0a 'a' 00",              STOMP_FAULT_BODY},
    {"'SUBSCRIBE' 0a 'content-length:1' 0a 0a 'a' 00",  STOMP_FAULT_BODY},
    {"'RECEIPT' 0a 'content-length:0' 0a 0a 'a' 00",    STOMP_FAULT_BODY},
};
/* clang-format on */

static const struct refusal *refusal_in_hand;

static void check_refusal(const struct cut *cut)
{
    struct transcript seen = decode(&roomy, cut);

    assert_int_equal(seen.e, ERR_PROTO);
    assert_int_equal(seen.fault, refusal_in_hand->fault);
    assert_int_equal(seen.pieces, 0);
    buf_fini(&seen.text);
}

static void each_refusal_has_its_fault_at_any_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        refusal_in_hand = &refusals[i];
        every_cut(hex(refusals[i].input), check_refusal);
    }
}

static void frames_before_a_fault_are_still_seen(void **state)
{
    const struct cut cut = {.whole = SPAN("BEGIN\n\n\0\nNO\n\n\0"), .first = 0};
    struct transcript seen = decode(&roomy, &cut);

    (void)state;
    assert_int_equal(seen.e, ERR_PROTO);
    assert_bytes(buf_span(&seen.text), SPAN("BEGIN  <>\nEOL\n"));
    buf_fini(&seen.text);
}

static struct stomp_limits limits_in_hand;
static enum stomp_fault fault_in_hand;

static void check_limit(const struct cut *cut)
{
    struct transcript seen = decode(&limits_in_hand, cut);

    assert_int_equal(seen.fault, fault_in_hand);
    assert_int_equal(seen.e, fault_in_hand == STOMP_FAULT_NONE ? ERR_AGAIN : ERR_LIMIT);
    assert_int_equal(seen.pieces, fault_in_hand == STOMP_FAULT_NONE ? 1 : 0);
    buf_fini(&seen.text);
}

/* The limits that `input` just fits, then each of them one less. */
static void check_limits(struct mspan input, struct stomp_limits snug)
{
    limits_in_hand = snug;
    fault_in_hand = STOMP_FAULT_NONE;
    every_cut(input, check_limit);

    limits_in_hand.line_bytes--;
    fault_in_hand = STOMP_FAULT_LINE_LENGTH;
    every_cut(input, check_limit);

    limits_in_hand = snug;
    limits_in_hand.header_count--;
    fault_in_hand = STOMP_FAULT_HEADER_COUNT;
    every_cut(input, check_limit);

    limits_in_hand = snug;
    limits_in_hand.body_bytes--;
    fault_in_hand = STOMP_FAULT_BODY_LENGTH;
    every_cut(input, check_limit);

    limits_in_hand = snug;
    fault_in_hand = STOMP_FAULT_HEAD_LENGTH;
    while (--limits_in_hand.head_bytes > 0) {
        every_cut(input, check_limit);
    }
}

static void each_limit_can_be_reached_and_not_passed(void **state)
{
    (void)state;
    check_limits(hex("'SEND' 0a 'abcd:ef' 0a 'g:h' 0a 0a 'body' 00"),
                 (struct stomp_limits){7, 2, 18, 4});
    check_limits(hex("'SEND' 0d0a 'abcd:ef' 0d0a 'g:h' 0d0a 0d0a 'body' 00"),
                 (struct stomp_limits){7, 2, 22, 4});
    check_limits(hex("'SEND' 0a 'content-length:4' 0a 0a 'body' 00"),
                 (struct stomp_limits){16, 1, 23, 4});
}

static struct span receipt_in_hand;

static void check_refused_head(const struct cut *cut)
{
    const struct stomp_limits limits = {100, 2, 1000, 3};
    struct stomp_decoder decoder;
    struct mspan part;
    size_t at = 0;
    enum err e = ERR_AGAIN;

    stomp_decoder_init(&decoder, &limits);
    while (e == ERR_AGAIN && (part = cut_next(cut, &at)).ptr != NULL) {
        struct span input = span_ro(part);
        struct stomp_piece piece;

        assert_null(stomp_decoder_refused(&decoder));
        e = stomp_decoder_next(&decoder, &input, &piece);
    }
    assert_int_equal(e, ERR_LIMIT);
    if (receipt_in_hand.len == 0) {
        assert_null(stomp_decoder_refused(&decoder));
    } else {
        const struct stomp_frame *frame = stomp_decoder_refused(&decoder);

        assert_non_null(frame);
        assert_bytes(stomp_frame_find(frame, SPAN("receipt"))->value, receipt_in_hand);
    }
    stomp_decoder_fini(&decoder);
}

static void a_refused_body_leaves_its_head_to_be_answered(void **state)
{
    (void)state;
    receipt_in_hand = SPAN("a:b");
    every_cut(hex("'SEND' 0a 'receipt:a\\cb' 0a 0a 'body' 00"), check_refused_head);
    every_cut(hex("'SEND' 0a 'receipt:a\\cb' 0a 'content-length:4' 0a 0a"), check_refused_head);
    receipt_in_hand = SPAN("");
    every_cut(hex("'SEND' 0a 'receipt:a' 0a 'b:c' 0a 'd:e' 0a 0a 00"), check_refused_head);
}

static void a_body_that_is_only_announced_takes_no_memory(void **state)
{
    const struct stomp_limits huge = {100, 10, 1000, SIZE_MAX / 2};
    struct span input = SPAN("SEND\ncontent-length:4000000000000\n\nabc");
    struct stomp_decoder decoder;
    struct stomp_piece piece;

    (void)state;
    stomp_decoder_init(&decoder, &huge);
    assert_int_equal(stomp_decoder_next(&decoder, &input, &piece), ERR_AGAIN);
    assert_true(decoder.body.cap <= 4096);
    stomp_decoder_fini(&decoder);
}

static void what_a_large_frame_took_is_given_back(void **state)
{
    static uint8_t body[50000];
    struct span head = SPAN("SEND\ncontent-length:50000\n\n");
    struct span end = SPAN("\0\n");
    struct span input = span_of(body, sizeof body);
    struct stomp_decoder decoder;
    struct stomp_piece piece;

    (void)state;
    stomp_decoder_init(&decoder, &roomy);
    assert_int_equal(stomp_decoder_next(&decoder, &head, &piece), ERR_AGAIN);
    assert_int_equal(stomp_decoder_next(&decoder, &input, &piece), ERR_AGAIN);
    assert_ok(stomp_decoder_next(&decoder, &end, &piece));
    assert_bytes(piece.frame.body, span_of(body, sizeof body));
    assert_true(decoder.body.cap >= sizeof body);
    assert_ok(stomp_decoder_next(&decoder, &end, &piece));
    assert_int_equal(piece.type, STOMP_PIECE_EOL);
    assert_int_equal(decoder.body.cap, 0);
    assert_true(decoder.head.cap > 0);
    stomp_decoder_fini(&decoder);
}

static void an_empty_input_is_waited_behind(void **state)
{
    struct span input = SPAN("");
    struct stomp_decoder decoder;
    struct stomp_piece piece;

    (void)state;
    stomp_decoder_init(&decoder, &roomy);
    assert_int_equal(stomp_decoder_next(&decoder, &input, &piece), ERR_AGAIN);
    assert_null(decoder.head.ptr);
    stomp_decoder_fini(&decoder);
}

static void decode_two_frames(void)
{
    struct span input = SPAN("SEND\na:b\n\nfirst\0MESSAGE\na:b\nc:d\n\nsecond\0");
    struct stomp_decoder decoder;
    struct stomp_piece piece;
    enum err e;

    stomp_decoder_init(&decoder, &roomy);
    while ((e = stomp_decoder_next(&decoder, &input, &piece)) == OK) {
        assert_int_equal(piece.type, STOMP_PIECE_FRAME);
    }
    assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : ERR_AGAIN);
    assert_int_equal(stomp_decoder_fault(&decoder), STOMP_FAULT_NONE);
    stomp_decoder_fini(&decoder);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(decode_two_frames);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_survives_any_cut),
        cmocka_unit_test(frames_and_heart_beats_follow_each_other),
        cmocka_unit_test(a_body_with_a_length_may_hold_anything),
        cmocka_unit_test(escapes_are_undone_in_names_and_values),
        cmocka_unit_test(connect_knows_no_escapes),
        cmocka_unit_test(each_refusal_has_its_fault_at_any_cut),
        cmocka_unit_test(frames_before_a_fault_are_still_seen),
        cmocka_unit_test(each_limit_can_be_reached_and_not_passed),
        cmocka_unit_test(a_refused_body_leaves_its_head_to_be_answered),
        cmocka_unit_test(a_body_that_is_only_announced_takes_no_memory),
        cmocka_unit_test(what_a_large_frame_took_is_given_back),
        cmocka_unit_test(an_empty_input_is_waited_behind),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
