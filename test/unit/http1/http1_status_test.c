/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_status.h"

#include "lib/testing.h"

#include "http1/http1_fault.h"
#include "http1/http1_proxy_status.h"

static void known_codes_have_their_phrase_and_others_none(void **state)
{
    (void)state;
    assert_string_equal(http1_status_reason(101), "Switching Protocols");
    assert_string_equal(http1_status_reason(200), "OK");
    assert_string_equal(http1_status_reason(504), "Gateway Timeout");
    assert_string_equal(http1_status_reason(299), "");
    assert_string_equal(http1_status_reason(0), "");
}

static void each_code_that_we_answer_with_has_a_phrase(void **state)
{
#define X(name, status, section, did) status,
    static const uint16_t of_faults[] = {HTTP1_FAULTS(X)};
#undef X
#define X(name, type, status) status,
    static const uint16_t of_errors[] = {HTTP1_PROXY_STATUS_TYPES(X)};
#undef X

    (void)state;
    for (size_t i = 0; i < sizeof of_faults / sizeof of_faults[0]; i++) {
        assert_string_not_equal(http1_status_reason(of_faults[i]), "");
    }
    for (size_t i = 0; i < sizeof of_errors / sizeof of_errors[0]; i++) {
        assert_string_not_equal(http1_status_reason(of_errors[i]), "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_codes_have_their_phrase_and_others_none),
        cmocka_unit_test(each_code_that_we_answer_with_has_a_phrase),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
