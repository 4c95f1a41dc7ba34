/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "ws/ws_mask.h"

#include "lib/testing.h"

#include <stdlib.h>

static const uint8_t key[WS_MASK_BYTES] = {0x37, 0xfa, 0x21, 0x3d};

static void the_example_of_the_rfc_is_unmasked(void **state)
{
    struct mspan bytes = hex("7f 9f 4d 51 58"); /* RFC 6455 section 5.7 */

    (void)state;
    ws_mask(bytes, key, 0);
    assert_bytes(span_ro(bytes), SPAN("Hello"));
}

static void masking_twice_is_unmasking(void **state)
{
    struct mspan bytes = hex("'The quick brown fox jumps over the lazy dog'");

    (void)state;
    ws_mask(bytes, key, 3);
    assert_false(span_starts(span_ro(bytes), SPAN("The")));
    ws_mask(bytes, key, 3);
    assert_bytes(span_ro(bytes), SPAN("The quick brown fox jumps over the lazy dog"));
}

/* The definition of section 5.3, byte by byte. */
static void mask_slowly(uint8_t *bytes, size_t len, uint64_t offset)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(bytes[i] ^ key[(offset + i) % 4]);
    }
}

static void any_length_alignment_and_offset_is_what_the_definition_says(void **state)
{
    uint8_t *room = malloc(64 + 40);
    uint8_t expected[64 + 40];

    (void)state;
    assert_non_null(room);
    for (size_t align = 0; align < 8; align++) {
        for (size_t len = 0; len <= 40; len++) {
            for (uint64_t offset = 0; offset < 9; offset++) {
                uint64_t at = offset == 8 ? UINT64_C(0x7ffffffffffffff5) : offset;

                for (size_t i = 0; i < sizeof expected; i++) {
                    room[i] = expected[i] = (uint8_t)(i * 7);
                }
                ws_mask(mspan_of(room + align, len), key, at);
                mask_slowly(expected + align, len, at);
                assert_memory_equal(room, expected, sizeof expected);
            }
        }
    }
    free(room);
}

static void a_payload_may_be_masked_in_pieces(void **state)
{
    (void)state;
    for (size_t first = 0; first <= 20; first++) {
        struct mspan whole = hex("'twenty bytes of data'");
        struct mspan pieces = hex("'twenty bytes of data'");

        ws_mask(whole, key, 0);
        ws_mask(mspan_of(pieces.ptr, first), key, 0);
        ws_mask(mspan_tail(pieces, first), key, first);
        assert_bytes(span_ro(pieces), span_ro(whole));
    }
}

static void nothing_is_masked_in_no_bytes(void **state)
{
    uint8_t next = 0x5a;

    (void)state;
    ws_mask(mspan_of(NULL, 0), key, 1);
    ws_mask(mspan_of(&next, 0), key, 1);
    assert_int_equal(next, 0x5a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_rfc_is_unmasked),
        cmocka_unit_test(masking_twice_is_unmasking),
        cmocka_unit_test(any_length_alignment_and_offset_is_what_the_definition_says),
        cmocka_unit_test(a_payload_may_be_masked_in_pieces),
        cmocka_unit_test(nothing_is_masked_in_no_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
