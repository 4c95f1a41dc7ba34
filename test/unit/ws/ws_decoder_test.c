/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "ws/ws_decoder.h"

#include "unit/ws/transcript.h"

#include <stdlib.h>

/* What the check of every cut is to see. */
static enum ws_role role;
static const char *expected;
static enum ws_fault expected_fault;

static void check(const struct cut *cut)
{
    struct ws_decoder decoder;
    struct transcript seen;
    struct ws_piece piece;
    struct mspan part;
    size_t at = 0;
    enum err e = ERR_AGAIN;

    ws_decoder_init(&decoder, role);
    transcript_init(&seen);
    while (e == ERR_AGAIN && (part = cut_next(cut, &at)).ptr != NULL) {
        while ((e = ws_decoder_next(&decoder, &part, &piece)) == OK) {
            transcript_piece(&seen, &piece);
        }
        assert_true(e == ERR_PROTO || part.len == 0);
    }
    assert_int_equal(e, expected_fault == WS_FAULT_NONE ? ERR_AGAIN : ERR_PROTO);
    assert_int_equal(ws_decoder_fault(&decoder), expected_fault);
    transcript_expect(&seen, expected);
}

/* A server reads what a client sent, cut everywhere. */
static void from_client(const char *bytes, const char *pieces, enum ws_fault fault)
{
    role = WS_SERVER;
    expected = pieces;
    expected_fault = fault;
    every_cut(hex(bytes), check);
}

/* A client reads what a server sent, cut everywhere. */
static void from_server(const char *bytes, const char *pieces, enum ws_fault fault)
{
    role = WS_CLIENT;
    expected = pieces;
    expected_fault = fault;
    every_cut(hex(bytes), check);
}

/* RFC 6455 section 5.7 gives these examples. */

static void a_masked_message_survives_any_cut(void **state)
{
    (void)state;
    from_client("81 85 37 fa 21 3d 7f 9f 4d 51 58", "text(Hello)", WS_FAULT_NONE);
}

static void an_unmasked_message_survives_any_cut(void **state)
{
    (void)state;
    from_server("81 05 48 65 6c 6c 6f", "text(Hello)", WS_FAULT_NONE);
}

static void fragments_survive_any_cut(void **state)
{
    (void)state;
    from_server("01 03 48 65 6c 80 02 6c 6f", "text+(Hel)more(lo)", WS_FAULT_NONE);
}

static void a_ping_and_its_pong_survive_any_cut(void **state)
{
    (void)state;
    from_server("89 05 48 65 6c 6c 6f", "ping(Hello)", WS_FAULT_NONE);
    from_client("8a 85 37 fa 21 3d 7f 9f 4d 51 58", "pong(Hello)", WS_FAULT_NONE);
}

static void empty_frames_survive_any_cut(void **state)
{
    (void)state;
    from_server("81 00 02 00 80 00 88 00", "text()binary+()more()close()", WS_FAULT_NONE);
    from_client("81 80 01 02 03 04 89 80 01 02 03 04", "text()ping()", WS_FAULT_NONE);
}

static void each_frame_has_its_own_key(void **state)
{
    (void)state;
    from_client("01 82 01 01 01 01 60 63  80 83 02 02 02 02 61 66 67", "text+(ab)more(cde)",
                WS_FAULT_NONE);
}

static void an_unmasked_frame_from_a_client_is_refused(void **state)
{
    (void)state;
    from_client("81 05 48 65 6c 6c 6f", "", WS_FAULT_UNMASKED);
    from_client("81 80 00 00 00 00  81 00", "text()", WS_FAULT_UNMASKED);
}

static void a_masked_frame_from_a_server_is_refused(void **state)
{
    (void)state;
    from_server("81 85 37 fa 21 3d 7f 9f 4d 51 58", "", WS_FAULT_MASKED);
}

static void reserved_bits_are_refused_anywhere_in_a_stream(void **state)
{
    (void)state;
    from_server("81 01 61  c1 01 62", "text(a)", WS_FAULT_RSV);
    from_server("a1 00", "", WS_FAULT_RSV);
    from_server("01 01 61  90 00", "text+(a)", WS_FAULT_RSV);
}

static void reserved_opcodes_are_refused_anywhere_in_a_stream(void **state)
{
    (void)state;
    from_server("81 01 61  83 00", "text(a)", WS_FAULT_OPCODE);
    from_server("8b 00", "", WS_FAULT_OPCODE);
}

static void a_bad_length_is_refused(void **state)
{
    (void)state;
    from_server("81 7e 00 05 48 65 6c 6c 6f", "", WS_FAULT_LENGTH);
    from_server("81 7f 00 00 00 00 00 00 ff ff 48", "", WS_FAULT_LENGTH);
    from_server("81 7f 80 00 00 00 00 00 00 05 48", "", WS_FAULT_LENGTH_SIGN);
}

static void a_bad_control_frame_is_refused(void **state)
{
    (void)state;
    from_server("09 00", "", WS_FAULT_CONTROL);
    from_server("89 7e 00 7e", "", WS_FAULT_CONTROL);
}

static void the_first_wrong_byte_is_not_waited_beyond(void **state)
{
    struct ws_decoder decoder;
    struct ws_piece piece;
    struct mspan one = hex("c1");

    (void)state;
    ws_decoder_init(&decoder, WS_SERVER);
    assert_int_equal(ws_decoder_next(&decoder, &one, &piece), ERR_PROTO);
    assert_int_equal(ws_decoder_fault(&decoder), WS_FAULT_RSV);
}

static void a_refusal_is_final(void **state)
{
    struct ws_decoder decoder;
    struct ws_piece piece = {.payload_len = 4711};
    struct mspan wrong = hex("c1 00");
    struct mspan right = hex("81 80 00 00 00 00");

    (void)state;
    ws_decoder_init(&decoder, WS_SERVER);
    assert_int_equal(ws_decoder_next(&decoder, &wrong, &piece), ERR_PROTO);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ws_decoder_next(&decoder, &right, &piece), ERR_PROTO);
        assert_int_equal(ws_decoder_fault(&decoder), WS_FAULT_RSV);
    }
    assert_int_equal(right.len, 6);
    assert_int_equal(piece.payload_len, 4711);
}

static void payload_is_borrowed_from_the_input(void **state)
{
    struct ws_decoder decoder;
    struct ws_piece piece;
    struct mspan whole = hex("81 85 37 fa 21 3d 7f 9f 4d 51 58");
    struct mspan input = whole;

    (void)state;
    ws_decoder_init(&decoder, WS_SERVER);
    assert_ok(ws_decoder_next(&decoder, &input, &piece));
    assert_int_equal(piece.type, WS_FRAME_BEGIN);
    assert_int_equal(piece.payload_len, 5);
    assert_ok(ws_decoder_next(&decoder, &input, &piece));
    assert_int_equal(piece.type, WS_FRAME_DATA);
    assert_ptr_equal(piece.data.ptr, whole.ptr + 6);
    assert_int_equal(piece.data.len, 5);
    assert_int_equal(input.len, 0);
    assert_ok(ws_decoder_next(&decoder, &input, &piece)); /* the end needs no byte */
    assert_int_equal(piece.type, WS_FRAME_END);
    assert_int_equal(ws_decoder_next(&decoder, &input, &piece), ERR_AGAIN);
}

/* The lengths at which the head changes its form, in chops that fit no boundary. */
static void payloads_of_all_forms_of_length_arrive_whole(void **state)
{
    static const size_t lens[] = {0, 1, 125, 126, 127, 128, 65535, 65536, 65537};
    static const size_t chops[] = {1, 3, 997, 65536, SIZE_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof lens / sizeof lens[0] * (sizeof chops / sizeof chops[0]);
         i++) {
        size_t len = lens[i / 5];
        size_t chop = chops[i % 5];
        struct ws_frame frame = {.fin = true, .opcode = 2, .masked = true, .key = {9, 8, 7, 6}};
        uint8_t *payload = calloc(1, len + 1);
        struct ws_decoder decoder;
        struct ws_piece piece;
        struct buf wire;
        size_t got = 0;
        size_t ends = 0;

        for (size_t at = 0; at < len; at++) {
            payload[at] = (uint8_t)(at * 31);
        }
        buf_init(&wire, 100000);
        assert_ok(ws_frame_put(&frame, span_of(payload, len), &wire));
        ws_decoder_init(&decoder, WS_SERVER);
        for (size_t at = 0; at < wire.len;) {
            size_t n = wire.len - at < chop ? wire.len - at : chop;
            struct mspan part = mspan_of(wire.ptr + at, n);

            at += n;
            while (ws_decoder_next(&decoder, &part, &piece) == OK) {
                assert_int_equal(piece.payload_len, len);
                if (piece.type == WS_FRAME_DATA) {
                    assert_bytes(piece.data, span_of(payload + got, piece.data.len));
                    got += piece.data.len;
                }
                ends += piece.type == WS_FRAME_END;
            }
        }
        assert_int_equal(got, len);
        assert_int_equal(ends, 1);
        free(payload);
        buf_fini(&wire);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_masked_message_survives_any_cut),
        cmocka_unit_test(an_unmasked_message_survives_any_cut),
        cmocka_unit_test(fragments_survive_any_cut),
        cmocka_unit_test(a_ping_and_its_pong_survive_any_cut),
        cmocka_unit_test(empty_frames_survive_any_cut),
        cmocka_unit_test(each_frame_has_its_own_key),
        cmocka_unit_test(an_unmasked_frame_from_a_client_is_refused),
        cmocka_unit_test(a_masked_frame_from_a_server_is_refused),
        cmocka_unit_test(reserved_bits_are_refused_anywhere_in_a_stream),
        cmocka_unit_test(reserved_opcodes_are_refused_anywhere_in_a_stream),
        cmocka_unit_test(a_bad_length_is_refused),
        cmocka_unit_test(a_bad_control_frame_is_refused),
        cmocka_unit_test(the_first_wrong_byte_is_not_waited_beyond),
        cmocka_unit_test(a_refusal_is_final),
        cmocka_unit_test(payload_is_borrowed_from_the_input),
        cmocka_unit_test(payloads_of_all_forms_of_length_arrive_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
