/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/diag.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <stdio.h>

static void assert_text(const struct diag_message *message, const char *expected)
{
    char room[DIAG_MAX_LINE];

    assert_non_null(message);
    assert_string_equal(diag_format(message, room, sizeof room), expected);
}

static void messages_stand_by_file_and_line_however_they_came(void **state)
{
    const struct diag_message *message;
    struct diag diag;

    (void)state;
    diag_init(&diag);
    diag_warn(&diag, "a.conf", 8, "second");
    diag_error(&diag, "b.conf", 1, "fifth");
    diag_note(&diag, "a.conf", 9, "fourth");
    diag_error(&diag, "a.conf", 8, "third %d", 3);
    diag_note(&diag, "a.conf", 0, "first");
    diag_error(&diag, NULL, 0, "sixth");

    assert_text(message = diag_next(&diag, NULL), "a.conf: note: first");
    assert_text(message = diag_next(&diag, message), "a.conf:8: warning: second");
    assert_text(message = diag_next(&diag, message), "a.conf:8: third 3");
    assert_text(message = diag_next(&diag, message), "a.conf:9: note: fourth");
    assert_text(message = diag_next(&diag, message), "b.conf:1: fifth");
    assert_text(message = diag_next(&diag, message), "sixth");
    assert_null(diag_next(&diag, message));
    assert_int_equal(diag_count(&diag, DIAG_ERROR), 3);
    assert_int_equal(diag_count(&diag, DIAG_WARNING), 1);
    assert_int_equal(diag_count(&diag, DIAG_NOTE), 2);
    assert_false(diag.is_lossy);
    diag_fini(&diag);
}

static void too_many_messages_are_counted_and_do_not_push_out_an_error(void **state)
{
    const struct diag_message *message = NULL;
    struct diag diag;
    size_t kept = 0;

    (void)state;
    diag_init(&diag);
    for (unsigned i = 1; i <= DIAG_MAX_MESSAGES + 5; i++) {
        diag_note(&diag, "a.conf", i, "note");
    }
    assert_true(diag.is_lossy);
    diag_error(&diag, "a.conf", 9999, "the one that counts");
    while (diag_next(&diag, message) != NULL) {
        message = diag_next(&diag, message);
        kept++;
    }
    assert_int_equal(kept, DIAG_MAX_MESSAGES + 1);
    assert_int_equal(diag_count(&diag, DIAG_NOTE), DIAG_MAX_MESSAGES + 5);
    assert_text(message, "a.conf:9999: the one that counts");
    diag_fini(&diag);
}

static void a_terminal_sees_no_control_characters_and_no_broken_text(void **state)
{
    static const struct {
        const char *said;
        const char *shown;
    } rows[] = {
        {"a\x1b[31m\nb\x7f", "a?[31m?b?"},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"c1 \xc2\x9b.", "c1 ??."},
        {"latin \xfc", "latin ?"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct diag diag;

        diag_init(&diag);
        diag_error(&diag, NULL, 0, "%s", rows[i].said);
        assert_text(diag_next(&diag, NULL), rows[i].shown);
        diag_fini(&diag);
    }
}

static void a_long_message_is_cut_between_characters(void **state)
{
    char text[2 * DIAG_MAX_TEXT + 1];
    char line[DIAG_MAX_LINE];
    const char *shown;
    struct diag diag;

    (void)state;
    text[0] = 'x'; /* so that the cut falls into a character of two bytes */
    for (size_t i = 1; i + 1 < sizeof text; i += 2) {
        memcpy(text + i, "\xc3\xbc", 2);
    }
    text[sizeof text - 1] = '\0';
    text[sizeof text - 2] = '\0';
    diag_init(&diag);
    diag_error(&diag, NULL, 0, "%s", text);
    diag_error(&diag, NULL, 0, "y%s", text);
    shown = diag_format(diag_next(&diag, NULL), line, sizeof line);
    assert_true(strlen(shown) >= DIAG_MAX_TEXT - 4 && strlen(shown) <= DIAG_MAX_TEXT);
    assert_null(strchr(shown, '?'));
    shown = diag_format(diag_next(&diag, diag_next(&diag, NULL)), line, sizeof line);
    assert_true(strlen(shown) >= DIAG_MAX_TEXT - 4 && strlen(shown) <= DIAG_MAX_TEXT);
    assert_null(strchr(shown, '?'));
    assert_int_equal(diag_word(span_of(text, DIAG_MAX_WORD)).len, DIAG_MAX_WORD);
    assert_int_equal(diag_word(span_of(text, DIAG_MAX_WORD + 1)).len, DIAG_MAX_WORD - 1);
    diag_fini(&diag);
}

static void say_something(void)
{
    struct diag diag;

    diag_init(&diag);
    diag_error(&diag, "a.conf", 1, "one");
    diag_error(&diag, "b.conf", 2, "two");
    assert_int_equal(diag_count(&diag, DIAG_ERROR), 2);
    assert_int_equal(diag.is_lossy, oom_has_struck());
    diag_fini(&diag);
}

static void without_memory_a_message_is_lost_and_its_error_still_counts(void **state)
{
    (void)state;
    every_oom(say_something);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_stand_by_file_and_line_however_they_came),
        cmocka_unit_test(too_many_messages_are_counted_and_do_not_push_out_an_error),
        cmocka_unit_test(a_terminal_sees_no_control_characters_and_no_broken_text),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
        cmocka_unit_test(without_memory_a_message_is_lost_and_its_error_still_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
