/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "ws/ws_fault.h"

#include "base/utf8.h"
#include "lib/testing.h"
#include "ws/ws.h"

#define X(name, close, section, did) {name, close, "(" section ")"},
static const struct {
    enum ws_fault fault;
    uint16_t close_code;
    const char *cited;
} rows[] = {WS_FAULTS(X)};
#undef X

static void every_fault_has_a_code_a_text_and_a_section(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(ws_fault_close_code(rows[i].fault), rows[i].close_code);
        assert_non_null(strstr(ws_fault_text(rows[i].fault), rows[i].cited));
    }
}

static void every_fault_fits_into_a_close_frame(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(ws_close_may_travel(ws_fault_close_code(rows[i].fault)));
        assert_true(strlen(ws_fault_text(rows[i].fault)) <= 123);
        assert_true(utf8_is_valid(span_str(ws_fault_text(rows[i].fault))));
    }
}

static void a_text_reads_behind_the_word_peer(void **state)
{
    (void)state;
    assert_string_equal(ws_fault_text(WS_FAULT_UNMASKED),
                        "sent a frame without a mask (RFC 6455 5.1)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_has_a_code_a_text_and_a_section),
        cmocka_unit_test(every_fault_fits_into_a_close_frame),
        cmocka_unit_test(a_text_reads_behind_the_word_peer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
