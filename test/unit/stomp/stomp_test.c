/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "stomp/stomp.h"

#include "lib/testing.h"

#define X(name, word, sender, has_body) name,
static const enum stomp_command all[] = {STOMP_COMMANDS(X)};
#undef X

static void each_command_is_found_by_its_name(void **state)
{
    (void)state;
    assert_int_equal(sizeof all / sizeof all[0], 15);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        enum stomp_command command;

        assert_true(stomp_command_find(span_str(stomp_command_name(all[i])), &command));
        assert_int_equal(command, all[i]);
    }
}

static void capitals_and_spaces_count(void **state)
{
    enum stomp_command command = STOMP_ACK;

    (void)state;
    assert_false(stomp_command_find(SPAN("send"), &command));
    assert_false(stomp_command_find(SPAN("SEND "), &command));
    assert_false(stomp_command_find(SPAN("SEN"), &command));
    assert_false(stomp_command_find(SPAN(""), &command));
    assert_int_equal(command, STOMP_ACK);
}

static void three_commands_have_a_body_and_two_no_escapes(void **state)
{
    size_t bodies = 0, plain = 0, from_server = 0;

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        bodies += stomp_command_has_body(all[i]) ? 1 : 0;
        plain += stomp_command_has_escapes(all[i]) ? 0 : 1;
        from_server += stomp_command_sender(all[i]) == STOMP_FROM_SERVER ? 1 : 0;
    }
    assert_int_equal(bodies, 3);
    assert_int_equal(plain, 2);
    assert_int_equal(from_server, 4);
    assert_true(stomp_command_has_body(STOMP_SEND));
    assert_false(stomp_command_has_escapes(STOMP_CONNECTED));
    assert_true(stomp_command_has_escapes(STOMP_STOMP));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_command_is_found_by_its_name),
        cmocka_unit_test(capitals_and_spaces_count),
        cmocka_unit_test(three_commands_have_a_body_and_two_no_escapes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
