/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "stomp/stomp_version.h"

#include "lib/cut.h"
#include "lib/testing.h"
#include "stomp/stomp_decoder.h"
#include "stomp/stomp_encoder.h"

#include <stdio.h>

static const struct stomp_limits roomy = {200, 20, 1000, 1000};

static const struct {
    const char *accepted;
    const char *agreed; /* NULL: nothing in common */
} offers[] = {
    {"1.0", "1.0"},
    {"1.1", "1.1"},
    {"1.2", "1.2"},
    {"1.0,1.1,1.2", "1.2"},
    {"1.2,1.1,1.0", "1.2"},
    {"1.1, 1.0", "1.1"},
    {"1.0,2.0,1.1", "1.1"},
    {" 1.1 ,", "1.1"},
    {"", NULL},
    {"1.3", NULL},
    {"1", NULL},
    {"1.2.0", NULL},
    {"1.0.1,2", NULL},
    {",,", NULL},
    {"11", NULL},
};

static void the_best_version_that_both_speak_is_agreed_on(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
        enum stomp_version version = STOMP_VERSION_1_0;
        bool is_agreed = stomp_version_agree(span_str(offers[i].accepted), &version);

        assert_int_equal(is_agreed, offers[i].agreed != NULL);
        if (is_agreed) {
            assert_string_equal(stomp_version_name(version), offers[i].agreed);
        }
    }
}

/* One SEND, its headers as "[name=value]". */
static struct {
    enum stomp_version version;
    const char *expected;
    enum stomp_fault fault;
} in_hand;

static void check_send(const struct cut *cut)
{
    struct stomp_decoder decoder;
    struct buf seen;
    struct mspan part;
    size_t at = 0;
    enum err e = ERR_AGAIN;

    buf_init(&seen, 1000);
    stomp_decoder_init(&decoder, &roomy);
    stomp_decoder_set_version(&decoder, in_hand.version);
    while (e == ERR_AGAIN && (part = cut_next(cut, &at)).ptr != NULL) {
        struct span input = span_ro(part);
        struct stomp_piece piece;

        while ((e = stomp_decoder_next(&decoder, &input, &piece)) == OK) {
            for (size_t i = 0; i < piece.frame.header_count; i++) {
                const struct stomp_header *header = &piece.frame.headers[i];

                assert_ok(buf_printf(&seen, "[%.*s=%.*s]", SPAN_ARG(header->name),
                                     SPAN_ARG(header->value)));
            }
        }
    }
    assert_int_equal(stomp_decoder_fault(&decoder), in_hand.fault);
    if (in_hand.fault == STOMP_FAULT_NONE) {
        assert_bytes(buf_span(&seen), span_str(in_hand.expected));
    }
    stomp_decoder_fini(&decoder);
    buf_fini(&seen);
}

static void assert_read(enum stomp_version version, const char *input, const char *expected,
                        enum stomp_fault fault)
{
    in_hand.version = version;
    in_hand.expected = expected;
    in_hand.fault = fault;
    every_cut(hex(input), check_send);
}

static void each_version_reads_its_own_escapes_at_any_cut(void **state)
{
    (void)state;
    assert_read(STOMP_VERSION_1_0, "'SEND' 0a 'a:x\\ny\\t\\' 0a 0a 00", "[a=x\\ny\\t\\]",
                STOMP_FAULT_NONE);
    assert_read(STOMP_VERSION_1_1, "'SEND' 0a 'a\\cb:x\\ny\\\\' 0a 0a 00", "[a:b=x\ny\\]",
                STOMP_FAULT_NONE);
    assert_read(STOMP_VERSION_1_1, "'SEND' 0a 'a:x\\r' 0a 0a 00", NULL, STOMP_FAULT_ESCAPE);
    assert_read(STOMP_VERSION_1_1, "'SEND' 0a 'a:\\t' 0a 0a 00", NULL, STOMP_FAULT_ESCAPE);
    assert_read(STOMP_VERSION_1_2, "'SEND' 0a 'a:x\\r' 0a 0a 00", "[a=x\r]", STOMP_FAULT_NONE);
}

static void only_1_0_has_spaces_that_mean_nothing(void **state)
{
    (void)state;
    assert_read(STOMP_VERSION_1_0, "'SEND' 0a 'destination: /a ' 0a 0a 00", "[destination=/a]",
                STOMP_FAULT_NONE);
    assert_read(STOMP_VERSION_1_1, "'SEND' 0a 'destination: /a ' 0a 0a 00",
                "[destination= /a ]", STOMP_FAULT_NONE);
    assert_read(STOMP_VERSION_1_2, "'CONNECT' 0a 'login: a' 0a 0a 00", "[login=a]",
                STOMP_FAULT_NONE);
    assert_read(STOMP_VERSION_1_2, "'CONNECT' 0a 'accept-version:1.2' 0a 'login: a' 0a 0a 00",
                "[accept-version=1.2][login= a]", STOMP_FAULT_NONE);
}

static void a_cr_inside_a_line_is_a_fault_in_1_2_alone(void **state)
{
    (void)state;
    assert_read(STOMP_VERSION_1_0, "'SEND' 0d0a 'a:x' 0d 'y' 0d0a 0d0a 00", "[a=x\ry]",
                STOMP_FAULT_NONE);
    assert_read(STOMP_VERSION_1_1, "'SEND' 0d0a 'a:x' 0d 'y' 0d0a 0d0a 00", "[a=x\ry]",
                STOMP_FAULT_NONE);
    assert_read(STOMP_VERSION_1_2, "'SEND' 0d0a 'a:x' 0d 'y' 0d0a 0d0a 00", NULL,
                STOMP_FAULT_CR);
}

static struct buf write_message(enum stomp_version version, struct span name, struct span value,
                                enum err *ret_e)
{
    struct stomp_encoder encoder;
    struct buf out;

    buf_init(&out, 1000);
    stomp_encoder_begin_in(&encoder, &out, version, STOMP_MESSAGE);
    stomp_encoder_header(&encoder, name, value);
    *ret_e = stomp_encoder_end(&encoder, SPAN(""));
    return out;
}

static void assert_written(enum stomp_version version, const char *line)
{
    char expected[100];
    enum err e;
    struct buf out = write_message(version, SPAN("a:b"), SPAN("\\x:\r\n."), &e);

    snprintf(expected, sizeof expected, "MESSAGE\n%s\ncontent-length:0\n\n", line);
    assert_ok(e);
    assert_bytes(buf_span(&out), span_of(expected, strlen(expected) + 1));
    buf_fini(&out);
}

static void each_version_writes_its_own_escapes(void **state)
{
    (void)state;
    assert_written(STOMP_VERSION_1_2, "a\\cb:\\\\x\\c\\r\\n.");
    assert_written(STOMP_VERSION_1_1, "a\\cb:\\\\x\\c\r\\n.");
}

static const struct {
    struct span name;
    struct span value;
    bool can_1_0;
} headers[] = {
    {SPAN_INIT("a"), SPAN_INIT("x:\\y"), true}, {SPAN_INIT("a"), SPAN_INIT("x\ny"), false},
    {SPAN_INIT("a"), SPAN_INIT("x\ry"), false}, {SPAN_INIT("a:b"), SPAN_INIT("x"), false},
    {SPAN_INIT("a\nb"), SPAN_INIT("x"), false},
};

static void what_1_0_cannot_say_is_known_before_and_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        enum err e;
        struct buf out =
            write_message(STOMP_VERSION_1_0, headers[i].name, headers[i].value, &e);

        assert_int_equal(e, headers[i].can_1_0 ? OK : ERR_PROTO);
        assert_int_equal(out.len > 0, headers[i].can_1_0);
        assert_int_equal(
            stomp_encoder_can_carry(STOMP_VERSION_1_0, headers[i].name, headers[i].value),
            headers[i].can_1_0);
        assert_true(
            stomp_encoder_can_carry(STOMP_VERSION_1_1, headers[i].name, headers[i].value));
        buf_fini(&out);
    }
    assert_false(stomp_encoder_can_carry(STOMP_VERSION_1_1, SPAN("a"), SPAN("x\r")));
    assert_false(stomp_encoder_can_carry(STOMP_VERSION_1_2, SPAN(""), SPAN("x")));
    assert_false(stomp_encoder_can_carry(STOMP_VERSION_1_2, SPAN("a"), SPAN("x\0")));
}

static void the_version_changes_between_two_frames(void **state)
{
    struct span input = SPAN("CONNECT\naccept-version:1.1\n\n\0SEND\na:x\\c\n\n\0");
    struct stomp_decoder decoder;
    struct stomp_piece piece;

    (void)state;
    stomp_decoder_init(&decoder, &roomy);
    assert_ok(stomp_decoder_next(&decoder, &input, &piece));
    stomp_decoder_set_version(&decoder, STOMP_VERSION_1_0);
    assert_ok(stomp_decoder_next(&decoder, &input, &piece));
    assert_true(span_equals(piece.frame.headers[0].value, "x\\c"));
    stomp_decoder_fini(&decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_version_that_both_speak_is_agreed_on),
        cmocka_unit_test(each_version_reads_its_own_escapes_at_any_cut),
        cmocka_unit_test(only_1_0_has_spaces_that_mean_nothing),
        cmocka_unit_test(a_cr_inside_a_line_is_a_fault_in_1_2_alone),
        cmocka_unit_test(each_version_writes_its_own_escapes),
        cmocka_unit_test(what_1_0_cannot_say_is_known_before_and_refused),
        cmocka_unit_test(the_version_changes_between_two_frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
