/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_crc.h"

#include "lib/testing.h"

/* RFC 3720 appendix B.4, and the usual check value. */
static void the_checksums_of_the_specification_come_out(void **state)
{
    uint8_t bytes[32] = {0};

    (void)state;
    assert_int_equal(store_crc(0, SPAN("")), 0);
    assert_int_equal(store_crc(0, SPAN("123456789")), 0xe3069283);
    assert_int_equal(store_crc(0, span_of(bytes, 32)), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(store_crc(0, span_of(bytes, 32)), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++) {
        bytes[i] = i;
    }
    assert_int_equal(store_crc(0, span_of(bytes, 32)), 0x46dd794e);
    for (uint8_t i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)(31 - i);
    }
    assert_int_equal(store_crc(0, span_of(bytes, 32)), 0x113fdb5c);
}

static void a_checksum_can_be_taken_in_two_parts_anywhere(void **state)
{
    struct span whole = SPAN("an input that is longer than two steps of eight");
    uint32_t expected = store_crc(0, whole);

    (void)state;
    for (size_t first = 0; first <= whole.len; first++) {
        assert_int_equal(
            store_crc(store_crc(0, span_head(whole, first)), span_tail(whole, first)),
            expected);
    }
}

/* Files go from one machine to another of its kind, which may be older. */
static void what_the_processor_says_is_what_the_tables_say(void **state)
{
    uint8_t bytes[64];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 37 + 11);
    }
    for (size_t from = 0; from < 8; from++) {
        for (size_t len = 0; from + len <= sizeof bytes; len++) {
            struct span part = span_of(bytes + from, len);

            assert_int_equal(store_crc(0, part), store_crc_by_tables(0, part));
            assert_int_equal(store_crc(77, part), store_crc_by_tables(77, part));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checksums_of_the_specification_come_out),
        cmocka_unit_test(a_checksum_can_be_taken_in_two_parts_anywhere),
        cmocka_unit_test(what_the_processor_says_is_what_the_tables_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
