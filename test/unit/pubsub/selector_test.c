/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What selectors mean, sentence by sentence: JMS 1.1 section 3.8.1, and what doc/selectors.md
 * adds.
 */
#include "pubsub/selector.h"

#include "base/buf.h"
#include "lib/oom.h"
#include "lib/testing.h"
#include "pubsub/dict_json.h"

#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
static const char dictionary[] =
    "{\"t\":true,\"f\":false,\"nil\":null,"
    "\"one\":1,\"two\":2,\"half\":0.5,\"big\":{\"$long\":\"9007199254740993\"},"
    "\"least\":{\"$long\":\"-9223372036854775808\"},\"most\":{\"$long\":\"9223372036854775807\"},"
    "\"byte\":{\"$byte\":-3},\"float\":{\"$float\":1.2261},\"nan\":{\"$double\":\"NaN\"},"
    "\"name\":\"Deutsche Bank AG\",\"empty\":\"\",\"percent\":\"50%\",\"under\":\"a_b\","
    "\"euro\":\"1€\",\"char\":{\"$char\":\"x\"},\"digits\":\"5\",\"quote\":\"it's\","
    "\"bytes\":{\"$bytes\":\"AAE=\"},\"a.b\":\"dotted\",\"my key\":7,\"or\":8,\"größe\":9,"
    "\"NAMES\":[\"x\",\"y\",\"z\"],\"NUMBERS\":[1,5,9],\"NONE\":[],\"HOLES\":[null,\"h\"],"
    "\"GRID\":[[1,2],[],[3]],"
    "\"CONTACTS\":[{\"name\":\"ann\",\"age\":30,\"phones\":[\"1\",\"2\"]},"
                  "{\"name\":\"bob\",\"phones\":[]},"
                  "{\"name\":\"cy\",\"age\":7,\"phones\":[\"3\"],\"in\":{\"or\":\"deep\"}}],"
    "\"a\":{\"b\":\"nested\",\"c\":{\"d\":4}},\"both\":\"dict\",\"$tag2\":1}";
/* clang-format on */

static bool find_header(void *ctx, struct span name, struct span *ret_value)
{
    static const struct {
        const char *name;
        struct span value;
    } headers[] = {
        {"size", SPAN_INIT("10")},
        {"price", SPAN_INIT("-2.5e0")},
        {"word", SPAN_INIT("ten")},
        {"flag", SPAN_INIT("true")},
        {"off", SPAN_INIT("false")},
        {"both", SPAN_INIT("header")},
        {"content-type", SPAN_INIT("text/plain")},
        {"x.y", SPAN_INIT("dotted header")},
        {"correlation-id", SPAN_INIT("c1")},
        {"type", SPAN_INIT("car")},
        {"reply-to", SPAN_INIT("/r")},
        {"message-id", SPAN_INIT("/a@7")},
        {"blank", SPAN_INIT("")},
        {"same", SPAN_INIT("10.0")},
        {"nil", SPAN_INIT("hidden")},
        {"huge", SPAN_INIT("99999999999999999999")},
    };

    assert_non_null(ctx);
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        if (span_equals(name, headers[i].name)) {
            *ret_value = headers[i].value;
            return true;
        }
    }
    return false;
}

static const struct dict_limits roomy = {.bytes = 1 << 24, .values = 1 << 20};

static struct dict *read_dict(const char *text)
{
    struct dict_fault fault;
    struct dict *root = NULL;

    if (dict_json_read(span_str(text), &roomy, &fault, &root) != OK) {
        fail_msg("byte %zu: %s", fault.at, dict_fault_text(fault.reason));
    }
    return root;
}

static struct selector *compile(const char *text)
{
    struct selector_fault fault;
    struct selector *selector = NULL;

    if (selector_parse(span_str(text), &fault, &selector) != OK) {
        fail_msg("%s: byte %zu: %s", text, fault.at, selector_fault_text(fault.reason));
    }
    return selector;
}

static enum selector_truth judge(const char *text, const struct selector_source *source)
{
    struct selector *selector = compile(text);
    enum selector_truth truth = selector_judge(selector, source);

    assert_int_equal(selector_matches(selector, source), truth == SELECTOR_TRUE);
    selector_unref(selector);
    return truth;
}

struct sentence {
    const char *text;
    enum selector_truth truth;
};

static const char *const truths[] = {"false", "unknown", "true"};

/* Each of them, with NOT in front of it, and in parentheses. */
static void check_sentences(const struct sentence *sentences, size_t count)
{
    int anything = 0;
    struct dict *dict = read_dict(dictionary);
    const struct selector_source source = {
        .dict = dict,
        .find_header = find_header,
        .ctx = &anything,
        .eid = 7,
        .time = 1700000000000,
        .tag = SPAN("fx"),
        .publisher = SPAN("ann"),
    };

    for (size_t i = 0; i < count; i++) {
        char negated[5000];
        enum selector_truth truth = judge(sentences[i].text, &source);

        if (truth != sentences[i].truth) {
            fail_msg("%s is %s", sentences[i].text, truths[truth]);
        }
        snprintf(negated, sizeof negated, "not((%s))", sentences[i].text);
        truth = judge(negated, &source);
        if (truth != (enum selector_truth)(SELECTOR_TRUE - sentences[i].truth)) {
            fail_msg("%s is %s", negated, truths[truth]);
        }
    }
    dict_free(dict);
}

#define check_table(table) check_sentences(table, sizeof(table) / sizeof(table)[0])
#define T                  SELECTOR_TRUE
#define F                  SELECTOR_FALSE
#define U                  SELECTOR_UNKNOWN

static void the_truth_tables_of_jms_hold(void **state)
{
    /* clang-format off */
    static const struct sentence table[] = {
        /* table 3-4 */
        {"t AND t", T}, {"t AND f", F}, {"t AND gone", U}, {"f AND t", F}, {"f AND f", F},
        {"f AND gone", F}, {"gone AND t", U}, {"gone AND f", F}, {"gone AND gone", U},
        /* table 3-5 */
        {"t OR t", T}, {"t OR f", T}, {"t OR gone", T}, {"f OR t", T}, {"f OR f", F},
        {"f OR gone", U}, {"gone OR t", T}, {"gone OR f", U}, {"gone OR gone", U},
        /* table 3-6 */
        {"NOT t", F}, {"NOT f", T}, {"NOT gone", U}, {"NOT NOT t", T}, {"not Not nOT f", T},
        /* three of them */
        {"t AND t AND f", F}, {"gone AND t AND f", F}, {"f OR gone OR t", T},
        {"t AND gone AND t", U}, {"f OR f OR gone", U},
    };
    /* clang-format on */

    (void)state;
    check_table(table);
}

static void operators_bind_as_in_sql(void **state)
{
    /* clang-format off */
    static const struct sentence table[] = {
        {"t OR t AND f", T}, {"(t OR t) AND f", F}, {"NOT f AND f", F}, {"NOT (f AND f)", T},
        {"NOT one = 2", T}, {"NOT f OR t", T}, {"f AND f OR t", T}, {"f AND (f OR t)", F},
        {"1 + 2 * 3 = 7", T}, {"(1 + 2) * 3 = 9", T}, {"10 - 3 - 2 = 5", T},
        {"10 - (3 - 2) = 9", T}, {"100 / 10 / 5 = 2", T}, {"100 / (10 / 5) = 50", T},
        {"2 * 3 / 4 = 1", T}, {"2 - 3 + 4 = 3", T}, {"-2 * -3 = 6", T}, {"- two = -2", T},
        {"+ two = 2", T}, {"- - two = 2", T}, {"-(1 + 1) = -2", T}, {"1--1=2", T},
        {"1-+1=0", T}, {"2*-two=-4", T}, {"one BETWEEN 0 AND 2 AND t", T},
        {"one + one BETWEEN two AND two", T}, {"((((one)))) = (((1)))", T},
        {"one=1 AND two=2", T},
    };
    /* clang-format on */

    (void)state;
    check_table(table);
}

static void numbers_compare_by_value(void **state)
{
    /* clang-format off */
    static const struct sentence table[] = {
        {"one = 1", T}, {"one <> 1", F}, {"one < 2", T}, {"one <= 1", T}, {"one > 0", T},
        {"one >= 2", F}, {"one < 1", F}, {"one > 1", F}, {"one <> 2", T}, {"1 = one", T},
        {"one = 1.0", T}, {"half = .5", T}, {"half < 1", T}, {"one > half", T},
        {"byte = -3", T}, {"byte < 0", T}, {"two = one + one", T},
        {"big = 9007199254740993", T}, {"big = 9007199254740992", F},
        {"big = 9007199254740992.", T}, {"float = 1.2261", T}, {"float < 1.2262", T},
        {"float > 1.2260", T}, {"1.0 = 1", T}, {"least = -9223372036854775808", T},
        {"most = 9223372036854775807", T}, {"least < most", T}, {"nan = nan", F},
        {"nan <> nan", T}, {"nan < 1", F}, {"nan >= 1", F}, {"0 = -0.0", T},
    };
    /* clang-format on */

    (void)state;
    check_table(table);
}

static void literals_are_written_as_in_java(void **state)
{
    /* clang-format off */
    static const struct sentence table[] = {
        {"57 = 57L", T}, {"57l = +57", T}, {"-957 = - 957", T}, {"0x1F = 31", T},
        {"0XffL = 255", T}, {"017 = 15", T}, {"0 = 00", T}, {"7E3 = 7000", T},
        {"-57.9E2 = -5790", T}, {"7. = 7", T}, {"-95.7 = -95.70", T}, {"+6.2 = 6.2", T},
        {".5 = 0.5", T}, {"1e-2 = .01", T}, {"1e+2 = 100", T}, {"2f = 2.0", T},
        {"2.5D = 2.5", T}, {"1e3d = 1000", T}, {"08.5 = 8.5", T}, {"09f = 9", T},
        {"'it''s' = quote", T}, {"'' = empty", T}, {"'€' = 'e'", F}, {"TRUE = true", T},
        {"FALSE = TRUE", F}, {"TRUE", T}, {"false", F}, {"0x7fffffffffffffff = most", T},
        {"1e-400 = 0", T},
    };
    /* clang-format on */

    (void)state;
    check_table(table);
}

static void arithmetic_is_exact_or_unknown(void **state)
{
    /* clang-format off */
    static const struct sentence table[] = {
        {"7 / 2 = 3", T}, {"-7 / 2 = -3", T}, {"7 / 2.0 = 3.5", T}, {"one / 0 = 1", U},
        {"one / 0.0 = 1", U}, {"most + 1 = 0", U}, {"most + 1.0 > 0", T}, {"least - 1 = 0", U},
        {"most * 2 = 0", U}, {"-least = 0", U}, {"least / -1 = 0", U}, {"0 - most < 0", T},
        {"nil + 1 = 1", U}, {"gone * 2 = 2", U}, {"name + 1 = 1", U}, {"t + 1 = 2", U},
        {"-name = 1", U}, {"+name = 'Deutsche Bank AG'", U}, {"two * half = 1", T},
        {"byte + 4 = 1", T}, {"big - 1 = 9007199254740992", T}, {"bytes + 1 = 1", U},
    };
    /* clang-format on */

    (void)state;
    check_table(table);
}

static void null_makes_a_comparison_unknown(void **state)
{
    /* clang-format off */
    static const struct sentence table[] = {
        {"gone = 1", U}, {"gone <> 1", U}, {"nil = 1", U}, {"nil = nil", U}, {"gone = 'x'", U},
        {"gone < 1", U}, {"1 >= gone", U}, {"gone = TRUE", U}, {"gone", U}, {"nil", U},
        {"gone IS NULL", T}, {"gone IS NOT NULL", F}, {"nil is null", T}, {"one IS NULL", F},
        {"one Is Not Null", T}, {"empty IS NULL", F}, {"bytes IS NOT NULL", T},
        {"NAMES IS NOT NULL", T}, {"a IS NOT NULL", T}, {"gone LIKE '%'", U},
        {"gone NOT LIKE '%'", U}, {"gone IN ('x')", U}, {"gone NOT IN ('x')", U},
        {"gone BETWEEN 1 AND 2", U}, {"gone NOT BETWEEN 1 AND 2", U},
        {"one BETWEEN gone AND 2", U}, {"one BETWEEN 0 AND gone", U},
        {"one BETWEEN 2 AND gone", F}, {"one NOT BETWEEN 2 AND gone", T},
    };
    /* clang-format on */

    (void)state;
    check_table(table);
}

static void what_is_not_alike_compares_false(void **state)
{
    /* clang-format off */
    static const struct sentence table[] = {
        {"name = 5", F}, {"name <> 5", F}, {"digits = 5", F}, {"digits <> 5", F},
        {"one = '1'", F}, {"one <> '1'", F}, {"t = 1", F}, {"t <> 'true'", F},
        {"name < one", F}, {"name > name", F}, {"name >= name", F}, {"t > f", F}, {"t <= t", F},
        {"t = t", T}, {"t <> f", T}, {"t = TRUE", T}, {"f = TRUE", F}, {"one", F}, {"name", F},
        {"bytes = 'x'", F}, {"bytes <> 'x'", F}, {"a = a", F}, {"NAMES = 'x'", F},
        {"name BETWEEN 1 AND 2", F}, {"name NOT BETWEEN 1 AND 2", F}, {"one LIKE '1'", F},
        {"one NOT LIKE '1'", T}, {"one IN ('1')", F}, {"one NOT IN ('1')", T},
        {"char = 'x'", T}, {"name = 'Deutsche Bank AG'", T}, {"name = 'deutsche bank ag'", F},
        {"name <> 'x'", T},
    };
    /* clang-format on */

    (void)state;
    check_table(table);
}

static void between_and_in_are_what_they_stand_for(void **state)
{
    /* clang-format off */
    static const struct sentence table[] = {
        {"two BETWEEN 1 AND 3", T}, {"two BETWEEN 2 AND 2", T}, {"two BETWEEN 3 AND 1", F},
        {"two NOT BETWEEN 1 AND 3", F}, {"two NOT BETWEEN 3 AND 4", T},
        {"2.5 BETWEEN two AND 3", T}, {"5 between one + 3 and two * 3", T},
        {"char IN ('x')", T}, {"char in ('a', 'x', 'b')", T}, {"char IN ('a','b')", F},
        {"char NOT IN ('a','b')", T}, {"char NOT IN ('x')", F}, {"two IN (1, 2)", T},
        {"two IN (-2, +2)", T}, {"byte IN (-3)", T}, {"two NOT IN (1.5, 'x')", T},
        {"t IN (TRUE)", T}, {"two IN (2.0)", T}, {"quote IN ('it''s')", T},
        {"euro IN ('1€')", T},
    };
    /* clang-format on */

    (void)state;
    check_table(table);
}

static void like_matches_whole_texts(void **state)
{
    /* clang-format off */
    static const struct sentence table[] = {
        {"name LIKE '%Bank%'", T}, {"name LIKE 'Bank'", F}, {"name LIKE 'Deutsche%'", T},
        {"name like '%AG'", T}, {"name LIKE '%ag'", F}, {"name NOT LIKE '%ag'", T},
        {"name LIKE '%'", T}, {"empty LIKE ''", T}, {"empty LIKE '%'", T},
        {"empty LIKE '_'", F}, {"char LIKE '_'", T}, {"euro LIKE '1_'", T},
        {"euro LIKE '1__'", F}, {"euro LIKE '%€'", T}, {"euro LIKE '_%_'", T},
        {"name LIKE 'D%e%k%G'", T}, {"name LIKE '%e%e%e%'", F}, {"name LIKE '%%B__k%%'", T},
        {"percent LIKE '50!%' ESCAPE '!'", T}, {"name LIKE '%!%' ESCAPE '!'", F},
        {"percent LIKE '%!%' ESCAPE '!'", T}, {"under LIKE 'a\\_b' ESCAPE '\\'", T},
        {"char LIKE '\\_' ESCAPE '\\'", F}, {"percent LIKE '50%%' ESCAPE '%'", T},
        {"under LIKE 'a____' ESCAPE '_'", F}, {"under LIKE 'a__b' ESCAPE '_'", T},
        {"euro LIKE '€_' ESCAPE 'x'", F}, {"under LIKE 'a€_b' ESCAPE '€'", T},
        {"quote LIKE 'it''_'", T}, {"quote LIKE '%''s'", T}, {"name LIKE '%Bank AG%_'", F},
        {"digits LIKE '5'", T}, {"name LIKE 'Deutsche Bank A'", F},
        {"name LIKE 'Deutsche Bank AGG'", F},
    };
    /* clang-format on */

    (void)state;
    check_table(table);
}

static void names_are_looked_up_in_order(void **state)
{
    /* clang-format off */
    static const struct sentence table[] = {
        {"both = 'dict'", T}, {"size = 10", T}, {"size = '10'", T}, {"size > 9.5", T},
        {"size + 1 = 11", T}, {"size <> 10", F}, {"size = '010'", F}, {"price < 0", T},
        {"price = -2.5", T}, {"word = 'ten'", T}, {"word = 10", F}, {"word > 1", F},
        {"size = same", T}, {"size BETWEEN 9 AND 11", T}, {"size IN (10)", T},
        {"size IN ('10')", T}, {"size LIKE '1_'", T}, {"flag", T}, {"off", F},
        {"flag = TRUE", T}, {"flag = 'true'", T}, {"off <> TRUE", T}, {"word = TRUE", F},
        {"-size = -10", T}, {"blank IS NULL", F}, {"blank = ''", T}, {"blank = 0", F},
        {"nil = 'hidden'", U}, {"nil IS NULL", T}, {"huge > 99999999999999999998.", F},
        {"huge = 1e20", T}, {"\"content-type\" LIKE 'text/%'", T}, {"x.y = 'dotted header'", T},
        {"$eid = 7", T}, {"$eid BETWEEN 5 AND 9", T}, {"$tag = 'fx'", T},
        {"$time > 1600000000000", T}, {"$publisher = 'ann'", T}, {"$other IS NULL", T},
        {"$tag2 = 1", T}, {"$eid = '7'", F}, {"JMSCorrelationID = 'c1'", T},
        {"JMSType = 'car'", T}, {"JMSReplyTo = '/r'", T}, {"JMSMessageID = '/a@7'", T},
        {"JMSTimestamp = $time", T}, {"JMSPriority = 4", T},
        {"JMSDeliveryMode = 'NON_PERSISTENT'", T}, {"JMSRedelivered IS NULL", T},
        {"jmstype IS NULL", T}, {"ONE IS NULL", T}, {"\"my key\" = 7", T}, {"\"or\" = 8", T},
        {"größe = 9", T},
    };
    /* clang-format on */

    (void)state;
    check_table(table);
}

static void paths_reach_into_dictionaries_and_arrays(void **state)
{
    /* clang-format off */
    static const struct sentence table[] = {
        {"a.b = 'dotted'", T}, {"a.c.d = 4", T}, {"a.\"c\".d = 4", T}, {"a.c.x IS NULL", T},
        {"one.b IS NULL", T}, {"NAMES[0] = 'x'", T}, {"NAMES[1] = 'x'", F},
        {"NAMES[1] = 'y'", T}, {"NAMES[3] = 'x'", U}, {"NAMES[9223372036854775807] IS NULL", T},
        {"NAMES[0x1] = 'y'", T}, {"NAMES [ 1 ] = 'y'", T}, {"NAMES.x IS NULL", T},
        {"name[0] IS NULL", T}, {"GRID[0][1] = 2", T}, {"GRID[2][0] = 3", T},
        {"CONTACTS[1].name = 'bob'", T}, {"CONTACTS[0].phones[1] = '2'", T},
        {"CONTACTS[2].in.or = 'deep'", T}, {"CONTACTS[1].age IS NULL", T},
        {"CONTACTS[0].name.x IS NULL", T}, {"NUMBERS[1] * 2 = 10", T},
    };
    /* clang-format on */

    (void)state;
    check_table(table);
}

static void empty_brackets_are_any_element(void **state)
{
    /* clang-format off */
    static const struct sentence table[] = {
        {"NAMES[] = 'x'", T}, {"NAMES[] = 'z'", T}, {"NAMES[] = 'q'", F}, {"NAMES[] <> 'x'", T},
        {"'y' = NAMES[]", T}, {"NAMES[] IN ('q','z')", T}, {"NAMES[] NOT IN ('x','y','z')", F},
        {"NAMES[] LIKE '_'", T}, {"NAMES[] LIKE '__'", F}, {"NUMBERS[] BETWEEN 4 AND 6", T},
        /* one element has to do it all */
        {"NUMBERS[] BETWEEN 6 AND 8", F}, {"NUMBERS[] > 8 AND NUMBERS[] < 2", T},
        {"NUMBERS[] + 1 = 6", T}, {"NUMBERS[] = 'x'", F}, {"CONTACTS[].name = 'bob'", T},
        {"CONTACTS[].name = 'dan'", F}, {"CONTACTS[].age > 20", T}, {"CONTACTS[].age > 40", U},
        {"CONTACTS[].age IS NULL", T}, {"CONTACTS[].name IS NULL", F},
        {"CONTACTS[].phones[] = '3'", T}, {"CONTACTS[].phones[] = '4'", F},
        {"CONTACTS[].phones[0] = '3'", T}, {"CONTACTS[1].phones[] = '3'", F},
        {"GRID[][] = 3", T}, {"GRID[][] = 2", T}, {"GRID[][] = 4", F}, {"GRID[1][] = 4", F},
        {"GRID[1][] IS NULL", F}, {"NONE[] = 1", F}, {"NONE[] IS NULL", F}, {"NONE[] <> 1", F},
        {"HOLES[] IS NULL", T}, {"HOLES[] = 'h'", T}, {"HOLES[] = 'x'", U},
        {"HOLES[] IS NOT NULL", T}, {"gone[] = 1", U}, {"gone[] IS NULL", T},
        {"name[] = 'x'", U}, {"NAMES[] = NAMES[]", T}, {"NUMBERS[] = GRID[][]", T},
        {"NUMBERS[] + GRID[][] = 12", T}, {"NUMBERS[] + GRID[][] = 13", F},
        {"NUMBERS[] = NONE[]", F}, {"CONTACTS[].age = NUMBERS[] * 6 + CONTACTS[].age", U},
        {"NAMES[]", F}, {"(NAMES[]) = ('y')", T}, {"(NUMBERS[]) + (NUMBERS[]) = 14", T},
        {"t AND (NAMES[] = 'z') AND NUMBERS[] = 9", T},
        {"(NUMBERS[] = 1 OR f) AND (f OR NUMBERS[] = 9)", T},
    };
    /* clang-format on */

    (void)state;
    check_table(table);
}

static void an_event_without_anything_is_judged_too(void **state)
{
    const struct selector_source nothing = {.dict = NULL};

    (void)state;
    assert_int_equal(judge("a = 1", &nothing), U);
    assert_int_equal(judge("a.b[] = 1 OR $eid = 1 OR $tag = '' OR $publisher = ''", &nothing),
                     U);
    assert_int_equal(
        judge("$time IS NULL AND JMSTimestamp IS NULL AND JMSType IS NULL", &nothing), T);
    assert_int_equal(judge("JMSPriority = 4 AND JMSDeliveryMode = 'NON_PERSISTENT'", &nothing),
                     T);
}

static bool find_jms_header(void *ctx, struct span name, struct span *ret_value)
{
    (void)ctx;
    *ret_value = span_equals(name, "priority") ? SPAN("9") : SPAN("true");
    return span_equals(name, "priority") || span_equals(name, "persistent");
}

static void jms_names_take_the_publishers_headers(void **state)
{
    const struct selector_source source = {.find_header = find_jms_header};

    (void)state;
    assert_int_equal(judge("JMSPriority >= 9", &source), T);
    assert_int_equal(judge("JMSDeliveryMode = 'PERSISTENT'", &source), T);
}

/* ---- what it may cost ---- */

/* {"a":[0,0,...],"s":"aaa..."} */
static struct dict *large_dict(size_t elements, size_t letters)
{
    struct buf text;
    struct dict *dict;

    buf_init(&text, 1 << 22);
    assert_ok(buf_append(&text, SPAN("{\"a\":[0")));
    for (size_t i = 1; i < elements; i++) {
        assert_ok(buf_append(&text, SPAN(",0")));
    }
    assert_ok(buf_append(&text, SPAN("],\"s\":\"")));
    for (size_t i = 0; i < letters; i++) {
        assert_ok(buf_append_byte(&text, 'a'));
    }
    assert_ok(buf_append(&text, span_of("\"}", 3)));
    dict = read_dict((const char *)text.ptr);
    buf_fini(&text);
    return dict;
}

static void a_costly_selector_is_broken_off_and_matches_nothing(void **state)
{
    struct dict *dict = large_dict(1000, 20000);
    const struct selector_source source = {.dict = dict};

    (void)state;
    /* These end ... */
    assert_int_equal(judge("a[] = 1", &source), F);
    assert_int_equal(judge("s LIKE '%b%'", &source), F);
    assert_int_equal(judge("s LIKE '%a%a%a%a%a%a%a%a%a'", &source), T);
    /* ... and these would look at 10^24 choices, or at 20,000 * 2,000 bytes. */
    assert_int_equal(judge("a[]+a[]+a[]+a[]+a[]+a[]+a[]+a[] = 1", &source), U);
    assert_int_equal(judge("NOT a[]+a[]+a[]+a[]+a[]+a[]+a[]+a[] = 1", &source), U);
    assert_int_equal(judge("a[]+a[]+a[] = 1 OR TRUE", &source), U);
    assert_int_equal(judge("TRUE OR a[]+a[]+a[] = 1", &source), T);
    dict_free(dict);
}

static void like_does_not_go_back_further_than_the_last_percent(void **state)
{
    struct dict *dict = large_dict(1, 3000);
    const struct selector_source source = {.dict = dict};
    char text[4000] = "s LIKE '";

    (void)state;
    for (int i = 0; i < 60; i++) {
        strcat(text, "%a_");
    }
    strcat(text, "%b'");
    assert_int_equal(judge(text, &source), F);
    /* A long tail behind one "%": bytes times bytes, and so over the budget. */
    strcpy(text, "NOT s LIKE '%");
    memset(text + strlen(text), 'a', 1500);
    strcat(text, "b'");
    assert_int_equal(judge(text, &source), U);
    dict_free(dict);
}

/* ---- its life ---- */

static void a_selector_keeps_its_text_and_counts_its_holders(void **state)
{
    char text[] = "a = 'x'";
    struct selector *selector = compile(text);
    struct dict *dict = read_dict("{\"a\":\"x\"}");
    const struct selector_source source = {.dict = dict};

    (void)state;
    memset(text, '?', sizeof text - 1); /* it was copied */
    assert_ptr_equal(selector_ref(selector), selector);
    selector_unref(selector);
    assert_bytes(selector_text(selector), SPAN("a = 'x'"));
    assert_true(selector_matches(selector, &source));
    selector_unref(selector);
    selector_unref(NULL);
    dict_free(dict);
}

static void compile_and_judge(void)
{
    static const char text[] =
        "a.\"b\"[1].c[] LIKE 'x!%%' ESCAPE '!' AND (b NOT IN ('x','y''z') OR "
        "-c * 2 + 1 BETWEEN 1 AND 2 OR d IS NULL OR NOT e)";
    struct selector_fault fault;
    struct selector *selector = NULL;
    enum err e = selector_parse(span_str(text), &fault, &selector);

    assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : OK);
    if (e == OK) {
        const struct selector_source nothing = {.dict = NULL};

        assert_int_equal(selector_judge(selector, &nothing), U);
    } else {
        assert_null(selector);
    }
    selector_unref(selector);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(compile_and_judge);
}

static struct selector *judged;
static struct dict *judged_dict;

static void judge_again(void)
{
    const struct selector_source source = {.dict = judged_dict};
    void *volatile first = malloc(1); /* the helper wants to see an allocation: this one */

    assert_int_equal(selector_judge(judged, &source), T);
    assert_true(first == NULL || !oom_has_struck()); /* there is no second one */
    free(first);
}

static void judging_allocates_nothing(void **state)
{
    (void)state;
    judged_dict = read_dict("{\"a\":[{\"b\":\"xyz\"}],\"n\":3}");
    judged = compile("a[].b LIKE '%z' AND n * 2 BETWEEN 6 AND 7 AND a[0].b IN ('xyz')");
    every_oom(judge_again);
    selector_unref(judged);
    dict_free(judged_dict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_truth_tables_of_jms_hold),
        cmocka_unit_test(operators_bind_as_in_sql),
        cmocka_unit_test(numbers_compare_by_value),
        cmocka_unit_test(literals_are_written_as_in_java),
        cmocka_unit_test(arithmetic_is_exact_or_unknown),
        cmocka_unit_test(null_makes_a_comparison_unknown),
        cmocka_unit_test(what_is_not_alike_compares_false),
        cmocka_unit_test(between_and_in_are_what_they_stand_for),
        cmocka_unit_test(like_matches_whole_texts),
        cmocka_unit_test(names_are_looked_up_in_order),
        cmocka_unit_test(paths_reach_into_dictionaries_and_arrays),
        cmocka_unit_test(empty_brackets_are_any_element),
        cmocka_unit_test(an_event_without_anything_is_judged_too),
        cmocka_unit_test(jms_names_take_the_publishers_headers),
        cmocka_unit_test(a_costly_selector_is_broken_off_and_matches_nothing),
        cmocka_unit_test(like_does_not_go_back_further_than_the_last_percent),
        cmocka_unit_test(a_selector_keeps_its_text_and_counts_its_holders),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
        cmocka_unit_test(judging_allocates_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
