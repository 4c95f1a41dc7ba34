/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/utf8.h"

#include "lib/cut.h"
#include "lib/testing.h"

#include <stdlib.h>

/* How many bytes are taken before the first wrong one; SIZE_MAX: all, and the text is complete;
 * SIZE_MAX - 1: all, and a sequence is open. */
static size_t bytes_taken(const struct cut *cut)
{
    struct utf8 utf8;
    struct mspan part;
    size_t at = 0;
    size_t taken = 0;

    utf8_init(&utf8);
    while ((part = cut_next(cut, &at)).len > 0) {
        for (size_t i = 0; i < part.len; i++) {
            struct utf8 before = utf8;

            if (!utf8_feed(&utf8, span_of(part.ptr + i, 1))) {
                /* and the whole part is refused as well as the single byte */
                assert_false(utf8_feed(&before, span_of(part.ptr + i, part.len - i)));
                return taken;
            }
            taken++;
        }
    }
    return utf8_is_complete(&utf8) ? SIZE_MAX : SIZE_MAX - 1;
}

static size_t expected;

static void check_taken(const struct cut *cut)
{
    assert_int_equal(bytes_taken(cut), expected);
}

static void expect(const char *text, size_t taken)
{
    struct mspan bytes = hex(text);

    expected = taken;
    every_cut(bytes, check_taken);
    assert_int_equal(utf8_is_valid(span_ro(bytes)), taken == SIZE_MAX);
}

static void text_is_taken_whole_whatever_the_cut(void **state)
{
    (void)state;
    expect("", SIZE_MAX);
    expect("'plain ASCII that is longer than a word'", SIZE_MAX);
    expect("ce ba e1 bd b9 cf 83 ce bc ce b5", SIZE_MAX);
    expect("f0 9f 98 80 ef bf bf f4 8f bf bf", SIZE_MAX);
    expect("00 7f c2 80 df bf e0 a0 80 ed 9f bf ee 80 80 f0 90 80 80", SIZE_MAX);
    expect("'12345678' c3 a9 '12345678'", SIZE_MAX);
}

static void the_first_byte_that_cannot_be_is_refused(void **state)
{
    (void)state;
    expect("80", 0);
    expect("'abc' ff", 3);
    expect("c0 80", 0);                 /* overlong */
    expect("c1 bf", 0);                 /* overlong */
    expect("e0 9f 80", 1);              /* overlong */
    expect("f0 8f 80 80", 1);           /* overlong */
    expect("ed a0 80", 1);              /* a surrogate */
    expect("f4 90 80 80", 1);           /* beyond U+10FFFF */
    expect("f5 80 80 80", 0);           /* beyond U+10FFFF */
    expect("c3 28", 1);                 /* not a continuation */
    expect("'12345678' e2 82 '1'", 10); /* not a continuation */
}

static void an_open_sequence_is_not_complete(void **state)
{
    (void)state;
    expect("c3", SIZE_MAX - 1);
    expect("e2 82", SIZE_MAX - 1);
    expect("f0 9f 98", SIZE_MAX - 1);
}

/* Every code point, and every encoding of up to three bytes, against the definition. */
static void all_three_byte_inputs_agree_with_the_definition(void **state)
{
    (void)state;
    for (uint32_t value = 0; value < 0x1000000; value += 1) {
        const uint8_t bytes[3] = {(uint8_t)(value >> 16), (uint8_t)(value >> 8),
                                  (uint8_t)value};
        bool is_three;

        if (bytes[0] < 0xe0 || bytes[0] > 0xef) {
            continue;
        }
        is_three = (bytes[1] & 0xc0) == 0x80 && (bytes[2] & 0xc0) == 0x80;
        if (is_three) {
            uint32_t point =
                (bytes[0] & 0x0fu) << 12 | (bytes[1] & 0x3fu) << 6 | (bytes[2] & 0x3fu);

            is_three = point >= 0x800 && (point < 0xd800 || point > 0xdfff);
        }
        if (utf8_is_valid(span_of(bytes, 3)) != is_three) {
            fail_msg("%06x", value);
        }
    }
}

static void the_place_of_the_first_wrong_byte_is_known(void **state)
{
    (void)state;
    assert_int_equal(utf8_wrong_at(SPAN("")), 0);
    assert_int_equal(utf8_wrong_at(SPAN("abc")), 3);
    assert_int_equal(utf8_wrong_at(SPAN("ab\xff")), 2);
    assert_int_equal(utf8_wrong_at(SPAN("a\xc3(")), 2);
    assert_int_equal(utf8_wrong_at(SPAN("a\xc3")), 2); /* ends inside a character */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_taken_whole_whatever_the_cut),
        cmocka_unit_test(the_first_byte_that_cannot_be_is_refused),
        cmocka_unit_test(an_open_sequence_is_not_complete),
        cmocka_unit_test(all_three_byte_inputs_agree_with_the_definition),
        cmocka_unit_test(the_place_of_the_first_wrong_byte_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
