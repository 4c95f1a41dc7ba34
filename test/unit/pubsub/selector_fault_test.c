/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What is no selector, and which place and reason its author is given.
 */
#include "pubsub/selector_fault.h"

#include "base/buf.h"
#include "lib/testing.h"
#include "pubsub/selector.h"

#include <stdio.h>
#include <stdlib.h>

/* On the heap in exactly its size, so that a sanitizer sees any step over its end. */
static enum err parse_tight(struct span text, struct selector_fault *ret_fault,
                            struct selector **ret_selector)
{
    uint8_t *copy = malloc(text.len == 0 ? 1 : text.len);
    enum err e;

    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    e = selector_parse(span_of(copy, text.len), ret_fault, ret_selector);
    free(copy);
    return e;
}

static void check_refused(struct span text, enum selector_fault_reason reason, size_t at)
{
    struct selector_fault fault;
    struct selector *untouched = NULL;
    enum err e = parse_tight(text, &fault, &untouched);

    if (e != (reason >= SELECTOR_FAULT_TEXT ? ERR_LIMIT : ERR_PROTO)) {
        fail_msg("%.*s: %s", SPAN_ARG(span_head(text, 200)), err_text(e));
    }
    if (fault.reason != reason || fault.at != at) {
        fail_msg("%.*s: byte %zu: %s", SPAN_ARG(span_head(text, 200)), fault.at,
                 selector_fault_text(fault.reason));
    }
    assert_null(untouched);
}

struct refusal {
    const char *text;
    enum selector_fault_reason reason;
    size_t at;
};

static void check_refusals(const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_refused(span_str(refusals[i].text), refusals[i].reason, refusals[i].at);
    }
}

#define check_table(table) check_refusals(table, sizeof(table) / sizeof(table)[0])
#define FAULT(name)        SELECTOR_FAULT_##name

static void wrong_words_are_refused(void **state)
{
    static const struct refusal table[] = {
        {"a == 1", FAULT(EQUALS), 2},
        {"a != 1", FAULT(EQUALS), 2},
        {"a # 1", FAULT(CHARACTER), 2},
        {"a = 1;", FAULT(CHARACTER), 5},
        {"a ! b", FAULT(CHARACTER), 2},
        {"a || b", FAULT(CHARACTER), 2},
        {"a = `x`", FAULT(CHARACTER), 4},
        {"a = {1}", FAULT(CHARACTER), 4},
        {"a\xc2\xa0= 1", FAULT(CHARACTER), 1},
        {"a =\xe2\x80\x8b 1", FAULT(CHARACTER), 3},
        {"\xef\xbb\xbf"
         "a = 1",
         FAULT(CHARACTER), 0},
        {"a = 'x", FAULT(STRING), 4},
        {"a = 'it''s", FAULT(STRING), 4},
        {"a = '", FAULT(STRING), 4},
        {"\"a = 1", FAULT(NAME), 0},
        {"\"\" = 1", FAULT(NAME), 0},
        {"a = 1x", FAULT(NUMBER), 4},
        {"a = 1.2.3", FAULT(NUMBER), 4},
        {"a = 1e", FAULT(NUMBER), 4},
        {"a = 1e+", FAULT(NUMBER), 4},
        {"a = 0x", FAULT(NUMBER), 4},
        {"a = 0xg", FAULT(NUMBER), 4},
        {"a = 1_000", FAULT(NUMBER), 4},
        {"a = 0x1.8p1", FAULT(NUMBER), 4},
        {"a = 1AND b", FAULT(NUMBER), 4},
        {"a = 5.AND b", FAULT(NUMBER), 4},
        {"a = 1.5L", FAULT(NUMBER), 4},
        {"a = 1lf", FAULT(NUMBER), 4},
        {"a = 08", FAULT(OCTAL), 4},
        {"a = 0129", FAULT(OCTAL), 4},
        {"a = 9223372036854775808", FAULT(RANGE), 4},
        {"a = - + 9223372036854775808", FAULT(RANGE), 8},
        {"a = 9223372036854775809", FAULT(RANGE), 4},
        {"a = -9223372036854775809", FAULT(RANGE), 5},
        {"a = 99999999999999999999", FAULT(RANGE), 4},
        {"a = 0xffffffffffffffff", FAULT(RANGE), 4},
        {"a = 0x10000000000000000", FAULT(RANGE), 4},
        {"a = 07777777777777777777777", FAULT(RANGE), 4},
        {"a = 1e999", FAULT(RANGE), 4},
    };

    (void)state;
    check_table(table);
}

static void wrong_sentences_are_refused(void **state)
{
    static const struct refusal table[] = {
        {"", FAULT(END), 0},
        {"  ", FAULT(END), 2},
        {"a =", FAULT(END), 3},
        {"(a = 1", FAULT(END), 6},
        {"a AND", FAULT(END), 5},
        {"NOT", FAULT(END), 3},
        {"a = 1 OR ", FAULT(END), 9},
        {"a BETWEEN 1", FAULT(END), 11},
        {"a IN (", FAULT(END), 6},
        {"a IN ('x'", FAULT(END), 9},
        {"a LIKE", FAULT(END), 6},
        {"a IS", FAULT(END), 4},
        {"a IS NOT", FAULT(END), 8},
        {"a NOT", FAULT(END), 5},
        {"a[", FAULT(END), 2},
        {"a.", FAULT(END), 2},
        {"a LIKE 'x' ESCAPE", FAULT(END), 17},
        {"1 +", FAULT(END), 3},
        {"a b", FAULT(BEHIND), 2},
        {"a = 1 b", FAULT(BEHIND), 6},
        {"a = 1)", FAULT(BEHIND), 5},
        {"a = 1, b", FAULT(BEHIND), 5},
        {"a.5 = 1", FAULT(BEHIND), 1},
        {"a = 1 'x'", FAULT(BEHIND), 6},
        {"a NULL", FAULT(BEHIND), 2},
        {"a = = 1", FAULT(VALUE), 4},
        {"= 1", FAULT(VALUE), 0},
        {"a = AND", FAULT(VALUE), 4},
        {"AND a", FAULT(VALUE), 0},
        {"a AND OR b", FAULT(VALUE), 6},
        {"()", FAULT(VALUE), 1},
        {"a > NOT b", FAULT(VALUE), 4},
        {"a = * 1", FAULT(VALUE), 4},
        {"a = []", FAULT(VALUE), 4},
        {"like = 1", FAULT(VALUE), 0},
        {".a = 1", FAULT(VALUE), 0},
        {"(a = 1 b", FAULT(PARENTHESIS), 7},
        {"(1 + 2 = 3", FAULT(END), 10},
        {"(a, b)", FAULT(PARENTHESIS), 2},
    };

    (void)state;
    check_table(table);
}

static void values_and_conditions_are_not_mixed_up(void **state)
{
    static const struct refusal table[] = {
        {"1", FAULT(CONDITION), 0},
        {"'x'", FAULT(CONDITION), 0},
        {"a + 1", FAULT(CONDITION), 0},
        {"-a", FAULT(CONDITION), 0},
        {"a = 1 AND 2", FAULT(CONDITION), 10},
        {"NOT 'x'", FAULT(CONDITION), 4},
        {"a OR (1)", FAULT(CONDITION), 6},
        {"NOT (a + 1)", FAULT(CONDITION), 5},
        {"a = b = c", FAULT(OPERAND), 0},
        {"a = 1 IS NULL", FAULT(OPERAND), 0},
        {"(a = 1) = 2", FAULT(OPERAND), 1},
        {"2 = (a = 1)", FAULT(OPERAND), 5},
        {"(a AND b) + 1 = 2", FAULT(OPERAND), 1},
        {"1 + (NOT a) = 2", FAULT(OPERAND), 5},
        {"-(a = 1) = 1", FAULT(OPERAND), 2},
        {"(a OR b) BETWEEN 1 AND 2", FAULT(OPERAND), 1},
        {"a < 1 < 2", FAULT(OPERAND), 0},
        {"a BETWEEN 1 AND 2 = 3", FAULT(OPERAND), 0},
        {"a = NULL", FAULT(NULL), 4},
        {"NULL IS NULL", FAULT(NULL), 0},
        {"NOT NULL", FAULT(NULL), 4},
        {"upper(a) = 'X'", FAULT(FUNCTION), 0},
        {"a = now ()", FAULT(FUNCTION), 4},
        {"a.b[1](1) = 2", FAULT(FUNCTION), 0},
        {"a < 'x'", FAULT(ORDER), 4},
        {"'x' >= a", FAULT(ORDER), 0},
        {"a > TRUE", FAULT(ORDER), 4},
        {"a BETWEEN 'a' AND 'b'", FAULT(ORDER), 10},
        {"'b' BETWEEN a AND c", FAULT(ORDER), 0},
        {"a BETWEEN 1 AND 'b'", FAULT(ORDER), 16},
        {"a + 'x' = 1", FAULT(ARITHMETIC), 4},
        {"'x' * 2 = 1", FAULT(ARITHMETIC), 0},
        {"-'x' = 1", FAULT(ARITHMETIC), 1},
        {"1 - TRUE = 1", FAULT(ARITHMETIC), 4},
    };

    (void)state;
    check_table(table);
}

static void wrong_tests_are_refused(void **state)
{
    static const struct refusal table[] = {
        {"a BETWEEN 1 OR 2", FAULT(BETWEEN), 12},
        {"a BETWEEN 1, 2", FAULT(BETWEEN), 11},
        {"a NOT = 1", FAULT(NOT), 6},
        {"a NOT IS NULL", FAULT(NOT), 6},
        {"a NOT NOT IN ('x')", FAULT(NOT), 6},
        {"a IS 1", FAULT(IS), 5},
        {"a IS TRUE", FAULT(IS), 5},
        {"a IS NOT b", FAULT(IS), 9},
        {"1 IS NULL", FAULT(SUBJECT), 0},
        {"a + 1 IS NULL", FAULT(SUBJECT), 0},
        {"'x' LIKE 'x'", FAULT(SUBJECT), 0},
        {"1 IN (1)", FAULT(SUBJECT), 0},
        {"(a = 1) IN (TRUE)", FAULT(SUBJECT), 1},
        {"a IN 'x'", FAULT(IN), 5},
        {"a IN ()", FAULT(IN), 6},
        {"a IN ('x',)", FAULT(IN), 10},
        {"a IN ('x' 'y')", FAULT(IN), 10},
        {"a IN (b)", FAULT(IN), 6},
        {"a IN (NULL)", FAULT(IN), 6},
        {"a IN (1 + 2)", FAULT(IN), 8},
        {"a IN (-'x')", FAULT(IN), 7},
        {"a LIKE b", FAULT(LIKE), 7},
        {"a LIKE 5", FAULT(LIKE), 7},
        {"a LIKE ('x')", FAULT(LIKE), 7},
        {"a LIKE 'x' ESCAPE ''", FAULT(ESCAPE), 18},
        {"a LIKE 'x' ESCAPE '!!'", FAULT(ESCAPE), 18},
        {"a LIKE 'x' ESCAPE b", FAULT(ESCAPE), 18},
        {"a LIKE 'x' ESCAPE '\xe2\x82\xac!'", FAULT(ESCAPE), 18},
        {"a LIKE 'x!' ESCAPE '!'", FAULT(ESCAPED), 7},
        {"a LIKE '!x' ESCAPE '!'", FAULT(ESCAPED), 7},
    };

    (void)state;
    check_table(table);
}

static void wrong_paths_are_refused(void **state)
{
    static const struct refusal table[] = {
        {"a. = 1", FAULT(PATH), 3},
        {"a..b = 1", FAULT(PATH), 2},
        {"a.[1] = 1", FAULT(PATH), 2},
        {"a.'x' = 1", FAULT(PATH), 2},
        {"a[x] = 1", FAULT(BRACKET), 2},
        {"a[-1] = 1", FAULT(BRACKET), 2},
        {"a[1.5] = 1", FAULT(BRACKET), 2},
        {"a['x'] = 1", FAULT(BRACKET), 2},
        {"a[*] = 1", FAULT(BRACKET), 2},
        {"a[1,2] = 1", FAULT(BRACKET), 3},
        {"a[1 = 1", FAULT(BRACKET), 4},
        {"a[99999999999999999999] = 1", FAULT(RANGE), 2},
        {"a[]b = 1", FAULT(BEHIND), 3},
        {"'a'[1] = 1", FAULT(BEHIND), 3},
        {"a[][][][][][][][][] = 1", FAULT(ANY), 18},
        {"a[][][][][] = b[][][][]", FAULT(ANY), 22},
    };

    (void)state;
    check_table(table);
}

static void what_is_no_utf8_is_refused(void **state)
{
    (void)state;
    check_refused(SPAN("a = '\xff'"), SELECTOR_FAULT_UTF8, 5);
    check_refused(SPAN("a = '\xc3"), SELECTOR_FAULT_UTF8, 6);
    check_refused(SPAN("a = 1\0"), SELECTOR_FAULT_CHARACTER, 5);
}

/* ---- limits ---- */

static struct buf repeated(const char *first, const char *again, size_t count)
{
    struct buf text;

    buf_init(&text, 100000);
    for (size_t i = 0; i < count; i++) {
        assert_ok(buf_append(&text, span_str(i == 0 ? first : again)));
    }
    return text;
}

static void append(struct buf *text, const char *more, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_ok(buf_append(text, span_str(more)));
    }
}

static void take(struct buf *text)
{
    struct selector_fault fault;
    struct selector *selector;

    if (parse_tight(buf_span(text), &fault, &selector) != OK) {
        fail_msg("byte %zu: %s", fault.at, selector_fault_text(fault.reason));
    }
    selector_unref(selector);
    buf_fini(text);
}

static void refuse(struct buf *text, enum selector_fault_reason reason, size_t at)
{
    check_refused(buf_span(text), reason, at);
    buf_fini(text);
}

static void the_text_is_bounded(void **state)
{
    struct buf text = repeated("a", "a", SELECTOR_TEXT_MAX);

    (void)state;
    take(&text);
    text = repeated("a", "a", SELECTOR_TEXT_MAX + 1);
    refuse(&text, SELECTOR_FAULT_TEXT, SELECTOR_TEXT_MAX);
}

static void parentheses_signs_and_not_are_bounded(void **state)
{
    static const struct {
        const char *open;
        const char *close;
    } nests[] = {{"(", ")"}, {"NOT ", ""}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct buf text = repeated(nests[i].open, nests[i].open, SELECTOR_DEPTH_MAX);

        append(&text, "a=1", 1);
        append(&text, nests[i].close, SELECTOR_DEPTH_MAX);
        take(&text);
        text = repeated(nests[i].open, nests[i].open, SELECTOR_DEPTH_MAX + 1);
        append(&text, "a=1", 1);
        refuse(&text, SELECTOR_FAULT_DEPTH, SELECTOR_DEPTH_MAX * strlen(nests[i].open));
    }
}

static void signs_are_bounded_too(void **state)
{
    struct buf text = repeated("a=", "-", 1 + SELECTOR_DEPTH_MAX);

    (void)state;
    append(&text, "b", 1);
    take(&text);
    text = repeated("a=", "+", 2 + SELECTOR_DEPTH_MAX);
    append(&text, "b", 1);
    refuse(&text, SELECTOR_FAULT_DEPTH, 2 + SELECTOR_DEPTH_MAX);
}

static void parts_are_bounded(void **state)
{
    struct buf text = repeated("1", "+1", SELECTOR_NODES_MAX - 3);

    (void)state;
    append(&text, "=1", 1); /* with the sum and the comparison */
    take(&text);
    text = repeated("1", "+1", SELECTOR_NODES_MAX - 2);
    append(&text, "=1", 1);
    refuse(&text, SELECTOR_FAULT_NODES, 2 * (SELECTOR_NODES_MAX - 2));
    text = repeated("a IN (1", ",1", SELECTOR_NODES_MAX);
    append(&text, ")", 1);
    refuse(&text, SELECTOR_FAULT_NODES, 6 + 2 * (SELECTOR_NODES_MAX - 2));
}

static void eight_any_in_each_comparison_are_allowed(void **state)
{
    struct buf text = repeated("a[][][][]=b[][][][]", " AND a[][][][][][][][]=1", 20);

    (void)state;
    append(&text, " OR (a[]) OR NOT a[][][][][][][][]", 1);
    take(&text);
}

static void every_shorter_text_is_refused_or_read(void **state)
{
    static const char text[] =
        "(NOT (a.\"b\"[1].c[] LIKE 'x!%%' ESCAPE '!' AND b NOT IN ('x',-1.5) OR "
        "-c * 2 + 0x1F BETWEEN 1e3 AND 2 OR d IS NOT NULL))";

    (void)state;
    for (size_t len = 0; len <= sizeof text - 1; len++) {
        struct selector_fault fault;
        struct selector *selector = NULL;
        enum err e = parse_tight(span_of(text, len), &fault, &selector);

        assert_int_equal(e, len == sizeof text - 1 ? OK : ERR_PROTO);
        assert_true(fault.at <= len);
        selector_unref(selector);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_words_are_refused),
        cmocka_unit_test(wrong_sentences_are_refused),
        cmocka_unit_test(values_and_conditions_are_not_mixed_up),
        cmocka_unit_test(wrong_tests_are_refused),
        cmocka_unit_test(wrong_paths_are_refused),
        cmocka_unit_test(what_is_no_utf8_is_refused),
        cmocka_unit_test(the_text_is_bounded),
        cmocka_unit_test(parentheses_signs_and_not_are_bounded),
        cmocka_unit_test(signs_are_bounded_too),
        cmocka_unit_test(parts_are_bounded),
        cmocka_unit_test(eight_any_in_each_comparison_are_allowed),
        cmocka_unit_test(every_shorter_text_is_refused_or_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
