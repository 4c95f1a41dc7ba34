/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "stomp/stomp_fault.h"

#include "lib/testing.h"

static void each_row_has_a_word_for_the_peer_and_a_sentence(void **state)
{
#define X(name, word, heading, did) name,
    static const enum stomp_fault all[] = {STOMP_FAULTS(X)};
#undef X

    (void)state;
    for (size_t i = 1; i < sizeof all / sizeof all[0]; i++) {
        assert_non_null(strstr(stomp_fault_word(all[i]), "Exception"));
        assert_non_null(strstr(stomp_fault_text(all[i]), " (STOMP 1.2, "));
    }
    assert_string_equal(stomp_fault_word(STOMP_FAULT_BODY_LENGTH), "LimitException");
    assert_string_equal(stomp_fault_text(STOMP_FAULT_NO_COLON),
                        "sent a header without a colon (STOMP 1.2, Augmented BNF)");
}

static void no_fault_reads_like_none(void **state)
{
    (void)state;
    assert_string_equal(stomp_fault_word(STOMP_FAULT_NONE), "");
    assert_string_equal(stomp_fault_text(STOMP_FAULT_NONE), "did nothing wrong");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_has_a_word_for_the_peer_and_a_sentence),
        cmocka_unit_test(no_fault_reads_like_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
