/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_char.h"

#include "lib/testing.h"

static size_t count_of(bool (*is)(uint8_t c))
{
    size_t count = 0;

    for (unsigned c = 0; c < 256; c++) {
        count += is((uint8_t)c) ? 1 : 0;
    }
    return count;
}

static void each_kind_of_byte_has_the_size_that_its_grammar_gives_it(void **state)
{
    (void)state;
    assert_int_equal(count_of(http1_char_is_digit), 10);
    assert_int_equal(count_of(http1_char_is_alpha), 52);
    assert_int_equal(count_of(http1_char_is_hex), 22);
    assert_int_equal(count_of(http1_char_is_token), 62 + 15);
    assert_int_equal(count_of(http1_char_is_scheme), 62 + 3);
    assert_int_equal(count_of(http1_char_is_visible), 94);
    assert_int_equal(count_of(http1_char_is_value), 256 - 32 - 1 + 1);
}

static void delimiters_are_no_token_bytes(void **state)
{
    const char *delimiters = "\"(),/:;<=>?@[\\]{} \t";

    (void)state;
    for (; *delimiters != '\0'; delimiters++) {
        assert_false(http1_char_is_token((uint8_t)*delimiters));
    }
    assert_false(http1_char_is_token('\0'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_byte_has_the_size_that_its_grammar_gives_it),
        cmocka_unit_test(delimiters_are_no_token_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
