/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The vectors in test/data/dict_vectors.json hold for every implementation; what only concerns
 * this one (limits, bytes that are no text, memory) stands here.
 */
#include "pubsub/dict_json.h"
#include "pubsub/dict_json_write.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct dict_limits roomy = {.bytes = 4000000, .values = 100000};

static struct dict *read_ok(const char *text)
{
    struct dict_fault fault;
    struct dict *root = NULL;

    if (dict_json_read(span_str(text), &roomy, &fault, &root) != OK) {
        fail_msg("%s: byte %zu: %s", text, fault.at, dict_fault_text(fault.reason));
    }
    assert_int_equal(fault.reason, DICT_FAULT_NONE);
    return root;
}

/* ---- the meaning of a dictionary, as the vectors write it ---- */

static void say(struct buf *out, const char *text)
{
    assert_ok(buf_append(out, span_str(text)));
}

static void say_quoted(struct buf *out, struct span text)
{
    say(out, "\"");
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];

        if (c < 0x20) {
            assert_ok(buf_printf(out, "\\u%04x", c));
        } else {
            assert_ok(buf_printf(out, c == '"' || c == '\\' ? "\\%c" : "%c", c));
        }
    }
    say(out, "\"");
}

/* Not the writer's: a wrong digit there must not be wrong here too. The vectors have the text.
 */
static void say_real(struct buf *out, double number)
{
    if (isnan(number)) {
        say(out, "NaN");
    } else if (isinf(number)) {
        say(out, number < 0 ? "-Infinity" : "Infinity");
    } else {
        assert_ok(buf_printf(out, "%.17g", number));
    }
}

static void say_value(struct buf *out, const struct dict_value *value);

static void say_dict(struct buf *out, const struct dict *dict)
{
    say(out, "{");
    for (size_t i = 0; i < dict->count; i++) {
        say(out, i > 0 ? ", " : "");
        say_quoted(out, dict->members[i].name);
        say(out, ": ");
        say_value(out, &dict->members[i].value);
    }
    say(out, "}");
}

static void say_array(struct buf *out, const struct dict_array *array)
{
    assert_ok(buf_printf(out, "%s[] [", dict_type_name(array->of)));
    for (size_t i = 0; i < array->count; i++) {
        assert_true(array->of == DICT_MIXED || array->values[i].type == array->of);
        say(out, i > 0 ? ", " : "");
        say_value(out, &array->values[i]);
    }
    say(out, "]");
}

static void say_value(struct buf *out, const struct dict_value *value)
{
    if (value->type == DICT_DICT) {
        say_dict(out, value->dict);
        return;
    }
    if (value->type == DICT_ARRAY) {
        say_array(out, value->array);
        return;
    }
    say(out, dict_type_name(value->type));
    if (value->type == DICT_NULL) {
        return;
    }
    say(out, " ");
    if (value->type == DICT_BOOLEAN) {
        say(out, value->boolean ? "true" : "false");
    } else if (value->type == DICT_CHAR || value->type == DICT_STRING) {
        say_quoted(out, value->text);
    } else if (value->type == DICT_BYTES) {
        for (size_t i = 0; i < value->text.len; i++) {
            assert_ok(buf_printf(out, "%02x", value->text.ptr[i]));
        }
    } else if (value->type == DICT_FLOAT || value->type == DICT_DOUBLE) {
        say_real(out, value->real);
    } else {
        assert_ok(buf_printf(out, "%lld", (long long)value->integer));
    }
}

/* The vectors print reals as short as they can be; here they are put into the same form. */
static void say_meaning(struct buf *out, struct span meaning)
{
    for (size_t at = 0; at < meaning.len; at++) {
        struct span rest = span_tail(meaning, at);
        size_t word = span_starts(rest, SPAN("double "))  ? 7
                      : span_starts(rest, SPAN("float ")) ? 6
                                                          : 0;

        assert_ok(buf_append_byte(out, meaning.ptr[at]));
        if (word > 0) {
            char *end;
            double number = strtod((const char *)rest.ptr + word, &end);

            assert_ok(buf_append(out, span_of(rest.ptr + 1, word - 1)));
            say_real(out, number);
            at = (size_t)((const uint8_t *)end - meaning.ptr) - 1;
        }
    }
}

/* ---- the vectors ---- */

static struct span read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    static uint8_t room[65536];
    size_t len;

    assert_non_null(file);
    len = fread(room, 1, sizeof room, file);
    assert_true(len > 0 && len < sizeof room);
    fclose(file);
    return span_of(room, len);
}

static struct dict *read_vectors(void)
{
    struct dict_fault fault;
    struct dict *root = NULL;

    if (dict_json_read(read_file(TEST_DATA "/dict_vectors.json"), &roomy, &fault, &root) !=
        OK) {
        fail_msg("byte %zu: %s", fault.at, dict_fault_text(fault.reason));
    }
    return root;
}

static const struct dict_array *array_of(const struct dict *root, const char *name)
{
    const struct dict_value *value = dict_find(root, span_str(name));

    assert_non_null(value);
    assert_int_equal(value->type, DICT_ARRAY);
    assert_int_equal(value->array->of, DICT_DICT);
    assert_true(value->array->count > 20);
    return value->array;
}

static struct span text_of(const struct dict *dict, const char *name)
{
    const struct dict_value *value = dict_find(dict, span_str(name));

    assert_non_null(value);
    assert_int_equal(value->type, DICT_STRING);
    return value->text;
}

/* On the heap in exactly its size, so that a sanitizer sees any step over its end. */
static enum err read_tight(struct span text, const struct dict_limits *limits,
                           struct dict_fault *ret_fault, struct dict **ret_root)
{
    uint8_t *copy = malloc(text.len == 0 ? 1 : text.len);
    enum err e;

    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    e = dict_json_read(span_of(copy, text.len), limits, ret_fault, ret_root);
    free(copy);
    return e;
}

static void check_readable(const struct dict *vector)
{
    struct span text = text_of(vector, "text");
    struct span written =
        dict_find(vector, SPAN("written")) == NULL ? text : text_of(vector, "written");
    struct buf meaning, expected, out;
    struct dict_fault fault;
    struct dict *root = NULL;

    buf_init(&meaning, 100000);
    buf_init(&expected, 100000);
    buf_init(&out, 100000);
    if (read_tight(text, &roomy, &fault, &root) != OK) {
        fail_msg("%.*s: byte %zu: %s", SPAN_ARG(text), fault.at, dict_fault_text(fault.reason));
    }
    say_dict(&meaning, root);
    say_meaning(&expected, text_of(vector, "meaning"));
    assert_bytes(buf_span(&meaning), buf_span(&expected));
    assert_ok(dict_json_write(root, &out));
    assert_bytes(buf_span(&out), written);
    dict_free(root);

    assert_ok(read_tight(written, &roomy, &fault, &root));
    buf_truncate(&meaning, 0);
    say_dict(&meaning, root);
    assert_bytes(buf_span(&meaning), buf_span(&expected));
    dict_free(root);
    buf_fini(&meaning);
    buf_fini(&expected);
    buf_fini(&out);
}

static void the_readable_vectors_mean_what_they_say_and_are_written_so(void **state)
{
    struct dict *root = read_vectors();
    const struct dict_array *vectors = array_of(root, "readable");

    (void)state;
    for (size_t i = 0; i < vectors->count; i++) {
        check_readable(vectors->values[i].dict);
    }
    dict_free(root);
}

static void check_refused(const struct dict *vector)
{
    struct span text = text_of(vector, "text");
    const struct dict_value *at = dict_find(vector, SPAN("at"));
    struct dict_fault fault;
    struct dict *untouched = NULL;

    assert_int_equal(at->type, DICT_INT);
    if (read_tight(text, &roomy, &fault, &untouched) != ERR_PROTO) {
        fail_msg("%.*s was not refused", SPAN_ARG(text));
    }
    if (!span_equals(text_of(vector, "why"), dict_fault_text(fault.reason)) ||
        fault.at != (size_t)at->integer) {
        fail_msg("%.*s: byte %zu: %s", SPAN_ARG(text), fault.at, dict_fault_text(fault.reason));
    }
    assert_null(untouched);
}

static void the_refused_vectors_are_refused_with_a_sentence_and_a_place(void **state)
{
    struct dict *root = read_vectors();
    const struct dict_array *json = array_of(root, "refused_json");
    const struct dict_array *marks = array_of(root, "refused_marks");

    (void)state;
    for (size_t i = 0; i < json->count; i++) {
        check_refused(json->values[i].dict);
    }
    for (size_t i = 0; i < marks->count; i++) {
        check_refused(marks->values[i].dict);
    }
    dict_free(root);
}

static void every_shorter_text_is_refused_at_its_end_or_before(void **state)
{
    static const char text[] =
        "{\"a\":{\"$long[]\":[1,\"2\"]},\"b\":[{\"$float\":1.5},null,true],\"c\":{\"$dict\":"
        "{\"$x\":\"\\ud83d\\ude00\"}},\"d\":-1.5e+3}";
    struct dict_fault fault;
    struct dict *root;

    (void)state;
    for (size_t len = 0; len < sizeof text - 1; len++) {
        assert_int_equal(read_tight(span_of(text, len), &roomy, &fault, &root), ERR_PROTO);
        assert_true(fault.at <= len);
    }
    assert_ok(read_tight(span_str(text), &roomy, &fault, &root));
    dict_free(root);
}

/* ---- what no vector can say ---- */

static void refused(struct span text, const struct dict_limits *limits,
                    enum dict_fault_reason reason, size_t at)
{
    struct dict_fault fault;
    struct dict *root = NULL;
    bool is_limit = reason >= DICT_FAULT_DEPTH;

    assert_int_equal(read_tight(text, limits, &fault, &root), is_limit ? ERR_LIMIT : ERR_PROTO);
    assert_int_equal(fault.reason, reason);
    assert_int_equal(fault.at, at);
    assert_null(root);
}

static void bytes_that_are_no_text_are_refused_where_they_stand(void **state)
{
    (void)state;
    refused(SPAN("{\"a\":\"\xff\"}"), &roomy, DICT_FAULT_UTF8, 6);
    refused(SPAN("{\"a\":\"\xc3\"}"), &roomy, DICT_FAULT_UTF8, 7);
    refused(SPAN("{\"a\":\"\xed\xa0\x80\"}"), &roomy, DICT_FAULT_UTF8, 7);
    refused(SPAN("{\"a\":1}\xe2\x82"), &roomy, DICT_FAULT_UTF8, 9);
    refused(SPAN("{\"a\":\0}"), &roomy, DICT_FAULT_VALUE, 5);
    refused(SPAN("{\"a\":\"\0\"}"), &roomy, DICT_FAULT_CONTROL, 6);
    refused(SPAN("{}\0"), &roomy, DICT_FAULT_BEHIND, 2);
}

static struct span repeat(struct buf *out, const char *before, const char *between,
                          size_t count)
{
    buf_init(out, 1000000);
    for (size_t i = 0; i < count; i++) {
        say(out, i == 0 ? before : between);
    }
    return buf_span(out);
}

static void sixteen_levels_are_read_and_the_seventeenth_is_refused(void **state)
{
    struct buf text;
    struct dict_fault fault;
    struct dict *root;

    (void)state;
    repeat(&text, "{\"a\":", "[", 16);
    for (size_t i = 0; i < 15; i++) {
        say(&text, "]");
    }
    say(&text, "}");
    assert_ok(read_tight(buf_span(&text), &roomy, &fault, &root));
    dict_free(root);
    buf_fini(&text);

    refused(repeat(&text, "{\"a\":", "[", 17), &roomy, DICT_FAULT_DEPTH, 20);
    buf_fini(&text);
    refused(repeat(&text, "{\"a\":", "{\"a\":", 17), &roomy, DICT_FAULT_DEPTH, 80);
    buf_fini(&text);
    /* Looking ahead for marks must not cost depth, nor fall for it. */
    refused(repeat(&text, "{\"a\":", "{\"$a\":", 10000), &roomy, DICT_FAULT_DEPTH, 95);
    buf_fini(&text);
}

static void marks_are_no_levels(void **state)
{
    char text[400] = "{\"a\":";
    struct dict_fault fault;
    struct dict *root;

    (void)state;
    for (int i = 0; i < 14; i++) {
        strcat(text, "{\"$dict\":{\"b\":");
    }
    strcat(text, "{\"$int[]\":[]}");
    for (int i = 0; i < 14; i++) {
        strcat(text, "}}");
    }
    strcat(text, "}");
    assert_ok(read_tight(span_str(text), &roomy, &fault, &root));
    dict_free(root);
}

static void values_and_memory_are_bounded(void **state)
{
    static const struct dict_limits four_values = {.bytes = 4000, .values = 4};
    static const struct dict_limits little_memory = {.bytes = 300, .values = 1000};
    struct dict_fault fault;
    struct dict *root;

    (void)state;
    assert_ok(read_tight(SPAN("{\"a\":[1,2],\"b\":3}"), &four_values, &fault, &root));
    dict_free(root);
    refused(SPAN("{\"a\":[1,2],\"b\":3,\"c\":4}"), &four_values, DICT_FAULT_VALUES, 17);
    refused(SPAN("{\"a\":[1,2,3,4]}"), &four_values, DICT_FAULT_VALUES, 12);
    refused(SPAN("{\"a\":[1,2,3,4,5,6,7,8,9]}"), &little_memory, DICT_FAULT_BYTES, 25);
    assert_ok(read_tight(SPAN("{\"a\":[1,2]}"), &little_memory, &fault, &root));
    dict_free(root);
}

static void a_number_of_four_hundred_characters_is_enough(void **state)
{
    char text[500] = "{\"a\":0.";
    struct dict_fault fault;
    struct dict *root;

    (void)state;
    memset(text + 7, '3', 398);
    strcpy(text + 405, "}");
    assert_ok(read_tight(span_str(text), &roomy, &fault, &root));
    assert_true(dict_find(root, SPAN("a"))->real > 0.33);
    dict_free(root);
    strcpy(text + 405, "3}");
    refused(span_str(text), &roomy, DICT_FAULT_DIGITS, 5);
}

static void members_are_found_by_name_and_kept_in_their_order(void **state)
{
    struct dict *root = read_ok("{\"b\":1,\"a\":2,\"\":3,\"ab\":4,\"a\\u0000\":5,\"B\":6}");
    static const struct {
        struct span name;
        int64_t number;
    } members[] = {{SPAN_INIT("b"), 1},  {SPAN_INIT("a"), 2},   {SPAN_INIT(""), 3},
                   {SPAN_INIT("ab"), 4}, {SPAN_INIT("a\0"), 5}, {SPAN_INIT("B"), 6}};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(dict_find(root, members[i].name)->integer, members[i].number);
        assert_bytes(root->members[i].name, members[i].name);
    }
    assert_null(dict_find(root, SPAN("c")));
    assert_null(dict_find(root, SPAN("abc")));
    assert_null(dict_find(root, SPAN("A")));
    dict_free(root);
    root = read_ok("{}");
    assert_null(dict_find(root, SPAN("")));
    dict_free(root);
    dict_free(NULL);
}

static void a_thousand_members_are_found(void **state)
{
    struct buf text;
    struct dict *root;
    char name[16];

    (void)state;
    buf_init(&text, 100000);
    for (int i = 0; i < 1000; i++) {
        assert_ok(buf_printf(&text, "%s\"%d\":%d", i == 0 ? "{" : ",", i * 7919 % 1000, i));
    }
    assert_ok(buf_append(&text, span_of("}", 2)));
    root = read_ok((const char *)text.ptr);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "%d", i * 7919 % 1000);
        assert_int_equal(dict_find(root, span_str(name))->integer, i);
    }
    dict_free(root);
    buf_fini(&text);
}

static void an_events_parts_are_found(void **state)
{
    struct dict *root =
        read_ok("{\"data\":\"text\",\"dict\":{\"a\":1},\"tag\":\"fx\",\"x\":[]}");
    struct dict_json_event event;
    struct dict_fault fault;

    (void)state;
    assert_ok(dict_json_event(root, &fault, &event));
    assert_int_equal(event.data.type, DICT_STRING);
    assert_bytes(event.data.text, SPAN("text"));
    assert_bytes(event.tag, SPAN("fx"));
    assert_int_equal(dict_find(event.dict, SPAN("a"))->integer, 1);
    dict_free(root);

    root = read_ok("{\"data\":{\"$bytes\":\"/w==\"}}");
    assert_ok(dict_json_event(root, &fault, &event));
    assert_int_equal(event.data.type, DICT_BYTES);
    assert_bytes(event.data.text, SPAN("\xff"));
    assert_int_equal(event.tag.len, 0);
    assert_null(event.dict);
    dict_free(root);

    root = read_ok("{}");
    assert_ok(dict_json_event(root, &fault, &event));
    assert_int_equal(event.data.type, DICT_NULL);
    dict_free(root);
}

static void an_events_parts_have_their_types(void **state)
{
    static const struct {
        const char *text;
        enum dict_fault_reason reason;
    } wrong[] = {
        {"{\"data\":1}", DICT_FAULT_EVENT_DATA},
        {"{\"data\":null}", DICT_FAULT_EVENT_DATA},
        {"{\"tag\":1}", DICT_FAULT_EVENT_TAG},
        {"{\"dict\":[]}", DICT_FAULT_EVENT_DICT},
        {"{\"dict\":null}", DICT_FAULT_EVENT_DICT},
        {"{\"dict\":{\"$long\":1}}", DICT_FAULT_EVENT_DICT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct dict *root = read_ok(wrong[i].text);
        struct dict_json_event event;
        struct dict_fault fault;

        assert_int_equal(dict_json_event(root, &fault, &event), ERR_PROTO);
        assert_int_equal(fault.reason, wrong[i].reason);
        dict_free(root);
    }
}

static void a_text_that_does_not_fit_is_over_the_limit(void **state)
{
    struct dict *root = read_ok("{\"a\":{\"$bytes\":\"AAECAw==\"},\"b\":[1,{\"$char\":\"x\"}],"
                                "\"c\":{\"$float[]\":[1.5]},\"d\":\"\\u0001\\\"\"}");
    struct buf out;

    (void)state;
    for (size_t max = 0;; max++) {
        enum err e;

        buf_init(&out, max);
        e = dict_json_write(root, &out);
        buf_fini(&out);
        if (e == OK) {
            assert_true(max > 80);
            break;
        }
        assert_int_equal(e, ERR_LIMIT);
    }
    dict_free(root);
}

static void read_and_write(void)
{
    static const char text[] =
        "{\"a\":{\"$bytes\":\"AAECAw==\"},\"b\":[{\"c\":1},{\"$char\":\"x\"}],\"c\":{\"d\":{}},"
        "\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,\"7\":7,\"8\":8,\"9\":9,\"10\":10,"
        "\"11\":11,\"12\":12,\"13\":13,\"14\":14,\"15\":[1,2,{\"$long\":\"1\"}]}";
    struct dict_fault fault;
    struct dict *root = NULL;
    struct buf out;
    enum err e = dict_json_read(span_str(text), &roomy, &fault, &root);

    assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : OK);
    if (e != OK) {
        assert_null(root);
        return;
    }
    buf_init(&out, 1000);
    e = dict_json_write(root, &out);
    assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : OK);
    buf_fini(&out);
    dict_free(root);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(read_and_write);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_readable_vectors_mean_what_they_say_and_are_written_so),
        cmocka_unit_test(the_refused_vectors_are_refused_with_a_sentence_and_a_place),
        cmocka_unit_test(every_shorter_text_is_refused_at_its_end_or_before),
        cmocka_unit_test(bytes_that_are_no_text_are_refused_where_they_stand),
        cmocka_unit_test(sixteen_levels_are_read_and_the_seventeenth_is_refused),
        cmocka_unit_test(marks_are_no_levels),
        cmocka_unit_test(values_and_memory_are_bounded),
        cmocka_unit_test(a_number_of_four_hundred_characters_is_enough),
        cmocka_unit_test(members_are_found_by_name_and_kept_in_their_order),
        cmocka_unit_test(a_thousand_members_are_found),
        cmocka_unit_test(an_events_parts_are_found),
        cmocka_unit_test(an_events_parts_have_their_types),
        cmocka_unit_test(a_text_that_does_not_fit_is_over_the_limit),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
