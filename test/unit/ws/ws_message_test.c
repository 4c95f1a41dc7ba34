/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Streams are written as a server sends them (no masks, so that they can be read), and read by
 * a client; what masks do is ws_decoder_test's subject. The cases of the Autobahn suite,
 * sections 2 to 7, are here.
 */
#include "ws/ws_message.h"

#include "lib/oom.h"
#include "unit/ws/transcript.h"

#include <stdio.h>

/* What the check of every cut is to see. */
static uint64_t max_bytes;
static uint64_t max_inflated; /* 0: no message may be compressed */
static const char *expected;
static enum err expected_end;
static enum ws_fault expected_fault;

static void check(const struct cut *cut)
{
    struct ws_message message;
    struct transcript seen;
    struct ws_message_piece piece;
    struct mspan part;
    size_t at = 0;
    enum err e = ERR_AGAIN;

    ws_message_init(&message, WS_CLIENT, max_bytes);
    if (max_inflated > 0) {
        ws_message_take_compressed(&message, max_inflated);
    }
    transcript_init(&seen);
    while (e != ERR_PROTO && (part = cut_next(cut, &at)).ptr != NULL) {
        while ((e = ws_message_next(&message, &part, &piece)) == OK) {
            transcript_message_piece(&seen, &piece);
        }
        assert_true(e == ERR_PROTO || part.len == 0);
    }
    assert_int_equal(e, expected_end);
    assert_int_equal(ws_message_fault(&message), expected_fault);
    transcript_expect(&seen, expected);
    ws_message_fini(&message);
}

static void run(const char *bytes, const char *pieces, enum err end, enum ws_fault fault)
{
    expected = pieces;
    expected_end = end;
    expected_fault = fault;
    every_cut(hex(bytes), check);
}

static void yields(const char *bytes, const char *pieces)
{
    max_bytes = 1000;
    run(bytes, pieces, ERR_AGAIN, WS_FAULT_NONE);
}

static void closes(const char *bytes, const char *pieces)
{
    max_bytes = 1000;
    run(bytes, pieces, ERR_CLOSED, WS_FAULT_NONE);
}

static void refuses(const char *bytes, const char *pieces, enum ws_fault fault)
{
    max_bytes = 1000;
    run(bytes, pieces, ERR_PROTO, fault);
}

/* A whole text frame around the bytes, refused after those that `pieces` shows. */
static void text_is(const char *bytes, const char *pieces, bool is_valid)
{
    char frame[256];

    snprintf(frame, sizeof frame, "81 %02x %s", (unsigned)hex(bytes).len, bytes);
    if (is_valid) {
        yields(frame, pieces);
    } else {
        refuses(frame, pieces, WS_FAULT_UTF8);
    }
}

static void a_message_in_one_frame_begins_and_ends(void **state)
{
    (void)state;
    yields("81 05 'Hello'", "text(Hello)");
    yields("82 02 00 ff", "binary(\\x00\\xff)");
    yields("81 00 82 00", "text()binary()");
}

static void fragments_become_one_message(void **state)
{
    (void)state;
    yields("01 03 'Hel' 00 01 'l' 80 01 'o'  81 01 '!'", "text(Hello)text(!)");
    yields("02 01 'a' 80 01 'b'", "binary(ab)");
    yields("01 00 00 00 80 00", "text()");
    yields("01 00 00 01 'x' 80 00", "text(x)");
}

static void control_frames_may_stand_between_fragments(void **state)
{
    (void)state;
    yields("01 03 'Hel' 89 02 'hi' 80 02 'lo'", "text(Hel<ping:hi>lo)");
    yields("01 03 'Hel' 8a 00 00 01 'l' 89 00 89 01 '2' 80 01 'o'",
           "text(Hel<pong:>l<ping:><ping:2>o)");
    closes("01 03 'Hel' 88 00 80 02 'lo'", "text(Hel<close:1005>");
}

static void pings_and_pongs_carry_up_to_125_bytes(void **state)
{
    char bytes[600] = "89 7d ";
    char pieces[600] = "<ping:";

    (void)state;
    for (int i = 0; i < 125; i++) {
        strcat(bytes, "fe ");
        strcat(pieces, "\\xfe");
    }
    strcat(pieces, ">");
    yields(bytes, pieces);
    yields("89 00 8a 00 8a 03 'abc'", "<ping:><pong:><pong:abc>");
    refuses("89 7e 00 7e", "", WS_FAULT_CONTROL);
}

static void a_continuation_without_a_beginning_is_refused(void **state)
{
    (void)state;
    refuses("80 05 'Hello'", "", WS_FAULT_ORPHAN);
    refuses("00 05 'Hello'", "", WS_FAULT_ORPHAN);
    refuses("81 01 'a' 80 00", "text(a)", WS_FAULT_ORPHAN);
    refuses("01 01 'a' 80 00 80 00", "text(a)", WS_FAULT_ORPHAN);
}

static void a_message_inside_another_is_refused(void **state)
{
    (void)state;
    refuses("01 01 'a' 81 01 'b'", "text(a", WS_FAULT_INTERLEAVED);
    refuses("01 01 'a' 02 01 'b'", "text(a", WS_FAULT_INTERLEAVED);
    refuses("02 01 'a' 00 01 'b' 82 00", "binary(ab", WS_FAULT_INTERLEAVED);
}

static void what_is_wrong_with_a_frame_is_passed_on(void **state)
{
    (void)state;
    refuses("81 01 'a' c1 00", "text(a)", WS_FAULT_RSV);
    refuses("01 01 'a' 83 00", "text(a", WS_FAULT_OPCODE);
    refuses("81 7e 00 01 'a'", "", WS_FAULT_LENGTH);
    refuses("81 80 00 00 00 00", "", WS_FAULT_MASKED);
}

static void valid_utf8_passes(void **state)
{
    (void)state;
    text_is("ce ba e1 bd b9 cf 83", "text(\\xce\\xba\\xe1\\xbd\\xb9\\xcf\\x83)", true);
    text_is("00 7f c2 80 df bf", "text(\\x00\\x7f\\xc2\\x80\\xdf\\xbf)", true);
    text_is("e0 a0 80 ef bf bf", "text(\\xe0\\xa0\\x80\\xef\\xbf\\xbf)", true);
    text_is("ed 9f bf ee 80 80", "text(\\xed\\x9f\\xbf\\xee\\x80\\x80)", true);
    text_is("f0 90 80 80 f4 8f bf bf", "text(\\xf0\\x90\\x80\\x80\\xf4\\x8f\\xbf\\xbf)", true);
}

static void a_code_point_may_be_cut_by_fragments(void **state)
{
    (void)state;
    yields("01 01 ce 80 01 ba", "text(\\xce\\xba)");
    yields("01 02 f0 90 00 01 80 89 00 80 01 80", "text(\\xf0\\x90\\x80<ping:>\\x80)");
}

static void text_that_is_not_utf8_is_refused_at_the_first_wrong_byte(void **state)
{
    (void)state;
    text_is("'a' 80 'b'", "text(a", false);            /* a continuation alone */
    text_is("'a' ff 'b'", "text(a", false);            /* never a byte of UTF-8 */
    text_is("c0 af", "text(", false);                  /* overlong */
    text_is("e0 80 af", "text(\\xe0", false);          /* overlong */
    text_is("f0 80 80 af", "text(\\xf0", false);       /* overlong */
    text_is("ed a0 80 'edited'", "text(\\xed", false); /* a surrogate */
    text_is("f4 90 80 80", "text(\\xf4", false);       /* beyond U+10FFFF */
    text_is("f5 80 80 80", "text(", false);            /* beyond, at once */
    text_is("ce 'a'", "text(\\xce", false);            /* cut short inside */
    text_is("'12345678' ce ba '12345678' fe", "text(12345678\\xce\\xba12345678", false);
    /* Autobahn 6.4.1: fail fast, the rest of the message has not come. */
    refuses("01 03 ce ba e1 00 01 f4", "text(\\xce\\xba\\xe1", WS_FAULT_UTF8);
    refuses("01 05 'ab' f4 90 80", "text(ab\\xf4", WS_FAULT_UTF8);
}

static void text_that_ends_inside_a_code_point_is_refused(void **state)
{
    (void)state;
    text_is("'a' ce", "text(a\\xce", false);
    text_is("f0 90 80", "text(\\xf0\\x90\\x80", false);
    refuses("01 02 'a' ce 80 00", "text(a\\xce", WS_FAULT_UTF8);
}

static void each_message_begins_its_text_anew(void **state)
{
    (void)state;
    yields("81 02 ce ba 82 01 ce 81 02 ce ba", "text(\\xce\\xba)binary(\\xce)text(\\xce\\xba)");
}

static void a_message_at_the_maximum_passes_and_one_byte_more_does_not(void **state)
{
    (void)state;
    max_bytes = 5;
    run("81 05 'Hello' 82 05 'World'", "text(Hello)binary(World)", ERR_AGAIN, WS_FAULT_NONE);
    run("81 06 'Hello!'", "", ERR_PROTO, WS_FAULT_TOO_BIG);
    run("01 03 'Hel' 80 02 'lo'", "text(Hello)", ERR_AGAIN, WS_FAULT_NONE);
    run("01 03 'Hel' 80 03 'lo!'", "text(Hel", ERR_PROTO, WS_FAULT_TOO_BIG);
    run("01 03 'Hel' 89 03 'abc' 00 02 'lo' 80 01 '!'", "text(Hel<ping:abc>lo", ERR_PROTO,
        WS_FAULT_TOO_BIG);
    /* The head is enough. */
    run("82 7f 7f ff ff ff ff ff ff ff", "", ERR_PROTO, WS_FAULT_TOO_BIG);
    max_bytes = UINT64_MAX;
    run("02 01 'a' 80 7f 7f ff ff ff ff ff ff ff 'b'", "binary(ab", ERR_AGAIN, WS_FAULT_NONE);
    max_bytes = 0;
    run("81 00", "text()", ERR_AGAIN, WS_FAULT_NONE);
    run("81 01", "", ERR_PROTO, WS_FAULT_TOO_BIG);
}

static void a_close_has_nothing_or_a_code_or_a_code_and_a_reason(void **state)
{
    (void)state;
    closes("88 00", "<close:1005>");
    closes("88 02 03 e8", "<close:1000>");
    closes("88 05 03 e9 'bye'", "<close:1001 bye>");
    closes("88 06 03 e8 f0 90 80 80", "<close:1000 \\xf0\\x90\\x80\\x80>");
}

static void a_close_reason_may_take_123_bytes(void **state)
{
    char bytes[600] = "88 7d 03 e8 ";
    char pieces[600] = "<close:1000 ";

    (void)state;
    for (int i = 0; i < 123; i++) {
        strcat(bytes, "2a ");
        strcat(pieces, "*");
    }
    strcat(pieces, ">");
    closes(bytes, pieces);
    refuses("88 7e 00 7e 03 e8", "", WS_FAULT_CONTROL);
}

static void half_a_close_code_is_refused(void **state)
{
    (void)state;
    refuses("88 01 03", "", WS_FAULT_CLOSE_SHORT);
}

static void a_close_reason_that_is_not_utf8_is_refused(void **state)
{
    (void)state;
    refuses("88 03 03 e8 ff", "", WS_FAULT_CLOSE_UTF8);
    refuses("88 03 03 e8 ce", "", WS_FAULT_CLOSE_UTF8);
    refuses("88 05 03 e8 ed a0 80", "", WS_FAULT_CLOSE_UTF8);
}

static void close_codes_are_those_that_may_travel(void **state)
{
    static const uint16_t good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                    1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
    static const uint16_t bad[] = {0,    1,    999,  1004, 1005, 1006, 1015,
                                   1016, 1100, 2000, 2999, 5000, 65535};
    char bytes[32];
    char pieces[32];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        snprintf(bytes, sizeof bytes, "88 02 %04x", good[i]);
        snprintf(pieces, sizeof pieces, "<close:%u>", good[i]);
        closes(bytes, pieces);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(bytes, sizeof bytes, "88 02 %04x", bad[i]);
        refuses(bytes, "", WS_FAULT_CLOSE_CODE);
    }
}

static void what_follows_a_close_is_dropped(void **state)
{
    (void)state;
    closes("88 02 03 e8 81 05 'Hello'", "<close:1000>");
    closes("88 02 03 e8 89 00 88 02 03 e8", "<close:1000>");
    closes("88 02 03 e8 ff ff ff ff", "<close:1000>");
}

static void a_refusal_is_final(void **state)
{
    struct ws_message message;
    struct ws_message_piece piece = {.close_code = 4711};
    struct mspan wrong = hex("80 00");
    struct mspan right = hex("81 00");

    (void)state;
    ws_message_init(&message, WS_CLIENT, 1000);
    assert_int_equal(ws_message_next(&message, &wrong, &piece), ERR_PROTO);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ws_message_next(&message, &right, &piece), ERR_PROTO);
        assert_int_equal(ws_message_fault(&message), WS_FAULT_ORPHAN);
    }
    assert_int_equal(piece.close_code, 4711);
}

/* The rest of the message needs no room: 16 MiB pass through 1000 bytes. */
static void a_message_of_16_mib_passes_in_chops(void **state)
{
    const uint64_t total = UINT64_C(16) << 20;
    struct mspan head = hex("82 7f 00 00 00 00 01 00 00 00");
    struct ws_message message;
    struct ws_message_piece piece;
    static uint8_t room[1000];
    uint64_t got = 0;
    uint64_t sent = 0;

    (void)state;
    ws_message_init(&message, WS_CLIENT, total);
    assert_ok(ws_message_next(&message, &head, &piece));
    assert_int_equal(piece.type, WS_MESSAGE_BEGIN);
    while (sent < total) {
        size_t n = total - sent < sizeof room ? (size_t)(total - sent) : sizeof room;
        struct mspan part = mspan_of(room, n);

        sent += n;
        while (part.len > 0) {
            assert_ok(ws_message_next(&message, &part, &piece));
            assert_int_equal(piece.type, WS_MESSAGE_DATA);
            got += piece.data.len;
        }
    }
    assert_int_equal(got, total);
    assert_ok(ws_message_next(&message, &head, &piece));
    assert_int_equal(piece.type, WS_MESSAGE_END);
}

/* ---- RFC 7692 ---- */

#define HELLO "f2 48 cd c9 c9 07 00"

static void a_compressed_message_comes_out_as_it_was(void **state)
{
    (void)state;
    max_inflated = 1000;
    yields("c1 07 " HELLO, "text(Hello)");                     /* 7.2.3.1 */
    yields("41 03 f2 48 cd 80 04 c9 c9 07 00", "text(Hello)"); /* and in fragments */
    yields("41 03 f2 48 cd 89 02 'hi' 00 00 80 04 c9 c9 07 00", "text(He<ping:hi>llo)");
    yields("c2 07 " HELLO " 81 01 '!' c1 01 00 c1 07 " HELLO,
           "binary(Hello)text(!)text()text(Hello)");
    closes("41 03 f2 48 cd 88 00", "text(He<close:1005>");
    max_inflated = 0;
}

static void compression_that_was_not_agreed_on_is_refused(void **state)
{
    (void)state;
    refuses("c1 07 " HELLO, "", WS_FAULT_RSV);
    max_inflated = 1000;
    refuses("41 03 f2 48 cd c0 04 c9 c9 07 00", "text(He",
            WS_FAULT_RSV); /* 6: the first alone */
    refuses("c9 00", "", WS_FAULT_RSV);
    refuses("e1 00", "", WS_FAULT_RSV);
    refuses("a1 00", "", WS_FAULT_RSV);
    max_inflated = 0;
}

static void a_compressed_message_that_cannot_be_read_is_refused(void **state)
{
    (void)state;
    max_inflated = 1000;
    refuses("c1 01 07", "text(", WS_FAULT_DEFLATE);
    refuses("c1 00", "text(", WS_FAULT_DEFLATE);
    refuses("c2 04 f2 48 cd c9", "binary(Helh", WS_FAULT_DEFLATE);
    max_inflated = 0;
}

/* RFC 7692 6.1, RFC 6455 8.1: the text is what comes out. */
static void a_text_is_checked_after_it_has_come_out(void **state)
{
    (void)state;
    max_inflated = 1000;
    refuses("c1 09 00 03 00 fc ff 'a' ff 'b' 00", "text(a", WS_FAULT_UTF8);
    refuses("c1 08 00 02 00 fd ff 'a' c3 00", "text(a\\xc3", WS_FAULT_UTF8);
    yields("c2 09 00 03 00 fc ff 'a' ff 'b' 00", "binary(a\\xffb)");
    max_inflated = 0;
}

static void what_comes_out_has_a_maximum_of_its_own(void **state)
{
    (void)state;
    max_inflated = 5;
    yields("c1 07 " HELLO, "text(Hello)");
    max_inflated = 4;
    refuses("c1 07 " HELLO, "text(Hell", WS_FAULT_TOO_BIG);
    refuses("c1 08 00 02 00 fd ff 'a' c3 00 81 00", "text(a\\xc3", WS_FAULT_UTF8);
    yields("81 05 'Hello'", "text(Hello)"); /* which came as it is */
    max_inflated = 0;
}

static void take_a_compressed_message(void)
{
    uint8_t bytes[] = {0x41, 0x03, 0xf2, 0x48, 0xcd};
    struct mspan input = mspan_of(bytes, sizeof bytes);
    struct ws_message message;
    struct ws_message_piece piece;
    enum err e;

    ws_message_init(&message, WS_CLIENT, 1000);
    ws_message_take_compressed(&message, 1000);
    do {
        e = ws_message_next(&message, &input, &piece);
    } while (e == OK);
    assert_true(e == ERR_AGAIN || e == ERR_NOMEM);
    ws_message_fini(&message); /* in the middle of it */
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(take_a_compressed_message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_in_one_frame_begins_and_ends),
        cmocka_unit_test(fragments_become_one_message),
        cmocka_unit_test(control_frames_may_stand_between_fragments),
        cmocka_unit_test(pings_and_pongs_carry_up_to_125_bytes),
        cmocka_unit_test(a_continuation_without_a_beginning_is_refused),
        cmocka_unit_test(a_message_inside_another_is_refused),
        cmocka_unit_test(what_is_wrong_with_a_frame_is_passed_on),
        cmocka_unit_test(valid_utf8_passes),
        cmocka_unit_test(a_code_point_may_be_cut_by_fragments),
        cmocka_unit_test(text_that_is_not_utf8_is_refused_at_the_first_wrong_byte),
        cmocka_unit_test(text_that_ends_inside_a_code_point_is_refused),
        cmocka_unit_test(each_message_begins_its_text_anew),
        cmocka_unit_test(a_message_at_the_maximum_passes_and_one_byte_more_does_not),
        cmocka_unit_test(a_close_has_nothing_or_a_code_or_a_code_and_a_reason),
        cmocka_unit_test(a_close_reason_may_take_123_bytes),
        cmocka_unit_test(half_a_close_code_is_refused),
        cmocka_unit_test(a_close_reason_that_is_not_utf8_is_refused),
        cmocka_unit_test(close_codes_are_those_that_may_travel),
        cmocka_unit_test(what_follows_a_close_is_dropped),
        cmocka_unit_test(a_refusal_is_final),
        cmocka_unit_test(a_message_of_16_mib_passes_in_chops),
        cmocka_unit_test(a_compressed_message_comes_out_as_it_was),
        cmocka_unit_test(compression_that_was_not_agreed_on_is_refused),
        cmocka_unit_test(a_compressed_message_that_cannot_be_read_is_refused),
        cmocka_unit_test(a_text_is_checked_after_it_has_come_out),
        cmocka_unit_test(what_comes_out_has_a_maximum_of_its_own),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
