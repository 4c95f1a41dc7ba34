/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "sockjs/sockjs_messages.h"

#include "lib/oom.h"
#include "lib/testing.h"

/* The messages of a body, each behind a "|". */
static void says(struct span body, const char *expected)
{
    struct sockjs_messages messages;
    struct buf out;
    enum err e;

    buf_init(&out, 10000);
    assert_ok(sockjs_messages_begin(&messages, body));
    do {
        assert_ok(buf_append_byte(&out, '|'));
        e = sockjs_messages_next(&messages, &out);
    } while (e == OK);
    assert_int_equal(e, ERR_AGAIN);
    buf_truncate(&out, out.len - 1);
    assert_bytes(buf_span(&out), span_str(expected));
    buf_fini(&out);
}

static void an_array_has_each_of_its_strings(void **state)
{
    (void)state;
    says(SPAN("[\"a\"]"), "|a");
    says(SPAN("[\"a\",\"\",\"b c\"]"), "|a||b c");
    says(SPAN(" [ \"a\" ,\r\n\t\"b\" ] \n"), "|a|b");
    says(SPAN("[\",\",\"]\",\"[\"]"), "|,|]|[");
    says(SPAN("[]"), "");
    says(SPAN("[ ]"), "");
}

static void a_string_alone_is_a_message(void **state)
{
    (void)state;
    says(SPAN("\"a\""), "|a");
    says(SPAN(" \"\" "), "|");
}

static void escapes_say_what_they_stand_for(void **state)
{
    (void)state;
    says(SPAN("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"), "|\"\\/\b\f\n\r\t");
    says(SPAN("[\"\\u0041\\u00e9\\u20AC\"]"), "|A\u00e9\u20ac");
    says(SPAN("[\"\\ud83d\\ude00\"]"), "|\U0001f600");
    says(SPAN("[\"Gr\u00fc\u00dfe\"]"), "|Gr\u00fc\u00dfe");
}

static void half_a_surrogate_pair_becomes_a_replacement(void **state)
{
    (void)state;
    says(SPAN("[\"\\ud83d\"]"), "|\ufffd");
    says(SPAN("[\"\\ude00x\"]"), "|\ufffdx");
    says(SPAN("[\"\\ud83d\\u0041\"]"), "|\ufffdA");
    says(SPAN("[\"\\ud83d\\n\"]"), "|\ufffd\n");
    says(SPAN("[\"\\ud83d\\ud83d\\ude00\"]"), "|\ufffd\U0001f600");
}

static void a_zero_may_be_in_it(void **state)
{
    struct sockjs_messages messages;
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    assert_ok(sockjs_messages_begin(&messages, SPAN("[\"SEND\\n\\n\\u0000\"]")));
    assert_ok(sockjs_messages_next(&messages, &out));
    assert_bytes(buf_span(&out), SPAN("SEND\n\n\0"));
    assert_int_equal(sockjs_messages_next(&messages, &out), ERR_AGAIN);
    buf_fini(&out);
}

static void what_is_no_array_of_strings_is_refused_as_a_whole(void **state)
{
    static const struct span bodies[] = {
        SPAN_INIT(""),
        SPAN_INIT(" "),
        SPAN_INIT("x"),
        SPAN_INIT("1"),
        SPAN_INIT("null"),
        SPAN_INIT("{\"a\":\"b\"}"),
        SPAN_INIT("["),
        SPAN_INIT("]"),
        SPAN_INIT("[,]"),
        SPAN_INIT("[1]"),
        SPAN_INIT("[\"a\",1]"),
        SPAN_INIT("[\"a\",]"),
        SPAN_INIT("[,\"a\"]"),
        SPAN_INIT("[\"a\" \"b\"]"),
        SPAN_INIT("[\"a\"],"),
        SPAN_INIT("[\"a\"]]"),
        SPAN_INIT("[[\"a\"]]"),
        SPAN_INIT("[\"a"),
        SPAN_INIT("[\"a\\\"]"),
        SPAN_INIT("[\"\\x\"]"),
        SPAN_INIT("[\"\\u12\"]"),
        SPAN_INIT("[\"\\u12g4\"]"),
        SPAN_INIT("[\"a\nb\"]"),
        SPAN_INIT("[\"\xff\"]"),
        SPAN_INIT("[\"\xed\xa0\x80\"]"),
        SPAN_INIT("\"a\" x"),
        SPAN_INIT("\"a"),
        SPAN_INIT("[\"a\"\0]"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct sockjs_messages untouched = {.rest = SPAN("untouched")};

        assert_int_equal(sockjs_messages_begin(&untouched, bodies[i]), ERR_PROTO);
        assert_bytes(untouched.rest, SPAN("untouched"));
    }
}

static void all_of_them_are_one_text(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 8);
    assert_ok(sockjs_messages_text(SPAN("[\"ab\",\"\",\"c\"]"), &out));
    assert_ok(sockjs_messages_text(SPAN("[]"), &out));
    assert_ok(sockjs_messages_text(SPAN("\"de\""), &out));
    assert_int_equal(sockjs_messages_text(SPAN("[\"f\",1]"), &out), ERR_PROTO);
    assert_bytes(buf_span(&out), SPAN("abcde"));
    assert_int_equal(sockjs_messages_text(SPAN("\"too long\""), &out), ERR_LIMIT);
    buf_fini(&out);
}

static void read_messages(void)
{
    struct sockjs_messages messages;
    struct buf out;
    enum err e;

    buf_init(&out, 1000);
    assert_ok(sockjs_messages_begin(&messages, SPAN("[\"a\\nb\",\"\\u0041\"]")));
    do {
        e = sockjs_messages_next(&messages, &out);
    } while (e == OK);
    assert_true(e == ERR_AGAIN || e == ERR_NOMEM);
    buf_fini(&out);
}

static void running_out_of_memory_is_told(void **state)
{
    (void)state;
    every_oom(read_messages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_has_each_of_its_strings),
        cmocka_unit_test(a_string_alone_is_a_message),
        cmocka_unit_test(escapes_say_what_they_stand_for),
        cmocka_unit_test(half_a_surrogate_pair_becomes_a_replacement),
        cmocka_unit_test(a_zero_may_be_in_it),
        cmocka_unit_test(what_is_no_array_of_strings_is_refused_as_a_whole),
        cmocka_unit_test(all_of_them_are_one_text),
        cmocka_unit_test(running_out_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
