/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/event_source.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <stdio.h>
#include <stdlib.h>

static const struct event_header headers[] = {
    {SPAN_INIT("content-type"), SPAN_INIT("application/vnd.wayleave.event+json")},
    {SPAN_INIT("attributes"),
     SPAN_INIT(
         "{\"publisherName\":\"desk 7\",\"correlationId\":\"c9\",\"priority\":7,\"replyToName\":\"/r\"}")},
    {SPAN_INIT("region"), SPAN_INIT("emea")},
};

static const struct event_parts parts = {
    .headers = headers,
    .header_count = 3,
    .body = SPAN_INIT("{\"dict\":{\"symbol\":\"EURUSD\",\"price\":1.25,\"size\":10,"
                      "\"live\":true,\"list\":[1],\"tick\":1.1,\"rate\":{\"$float\":1.1},"
                      "\"none\":{\"$double\":\"NaN\"}},\"tag\":\"fx\"}"),
    .time = 5000,
};

static bool matches(const struct event_parts *made_of, const char *text)
{
    struct event_source source;
    struct selector_fault fault;
    struct selector *selector;
    struct event *event;
    bool is_match;

    assert_ok(selector_parse(span_str(text), &fault, &selector));
    assert_ok(event_new(7, made_of, &event));
    event_source_init(&source, event, SPAN("/fx"));
    is_match = event_source_matches(&source, selector);
    assert_int_equal(event_source_matches(&source, selector), is_match);
    event_source_fini(&source);
    event_unref(event);
    selector_unref(selector);
    return is_match;
}

static void a_selector_sees_dictionary_headers_and_what_the_realm_knows(void **state)
{
    static const char *const true_of_it[] = {
        "symbol = 'EURUSD'",
        "price > 1",
        "region = 'emea'",
        "$tag = 'fx'",
        "$eid = 7",
        "$time = 5000",
        "$publisher = 'desk 7'",
        "JMSCorrelationID = 'c9' AND JMSReplyTo = '/r' AND JMSType IS NULL",
        "JMSPriority = 7",
        "correlationId IS NULL",
        "symbol = 'EURUSD' AND size BETWEEN 5 AND 15",
    };

    (void)state;
    for (size_t i = 0; i < sizeof true_of_it / sizeof true_of_it[0]; i++) {
        if (!matches(&parts, true_of_it[i])) {
            fail_msg("%s", true_of_it[i]);
        }
    }
    assert_false(matches(&parts, "symbol = 'GBPUSD'"));
    assert_false(matches(&parts, "nothing = 1"));
}

static void what_says_it_is_a_dictionary_and_is_not_has_none(void **state)
{
    static const struct span bodies[] = {SPAN_INIT("{\"dict\":{"), SPAN_INIT(""),
                                         SPAN_INIT("{\"dict\":7}"), SPAN_INIT("\xff")};

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct event_parts broken = parts;

        broken.body = bodies[i];
        assert_true(matches(&broken, "symbol IS NULL"));
        assert_true(matches(&broken, "region = 'emea'"));
    }
}

static void keys_are_scalars_as_text(void **state)
{
    static const struct {
        struct span name;
        const char *value; /* NULL: none */
    } keys[] = {
        {SPAN_INIT("symbol"), "EURUSD"}, {SPAN_INIT("price"), "1.25"},
        {SPAN_INIT("size"), "10"},       {SPAN_INIT("live"), "true"},
        {SPAN_INIT("region"), "emea"},   {SPAN_INIT("list"), NULL},
        {SPAN_INIT("missing"), NULL},    {SPAN_INIT("tick"), "1.1"},
        {SPAN_INIT("rate"), "1.1"},      {SPAN_INIT("none"), "nan"},
    };
    struct event_source source;
    struct event *event;
    struct span value;
    char room[64];

    (void)state;
    assert_ok(event_new(7, &parts, &event));
    event_source_init(&source, event, SPAN("/fx"));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        bool found = event_source_key(&source, keys[i].name, room, sizeof room, &value);

        assert_int_equal(found, keys[i].value != NULL);
        if (found) {
            assert_bytes(value, span_str(keys[i].value));
        }
    }
    event_source_fini(&source);
    event_unref(event);
}

static void who_publishes_is_told_what_is_no_event(void **state)
{
    static const struct {
        const char *body;
        enum err e;
        enum dict_fault_reason reason;
        size_t at;
    } rows[] = {
        {"{}", OK, DICT_FAULT_NONE, 0},
        {"{\"data\":\"x\",\"dict\":{\"a\":{\"$long\":\"9223372036854775807\"}}}", OK,
         DICT_FAULT_NONE, 0},
        {"", ERR_PROTO, DICT_FAULT_END, 0},
        {"{\"dict\":{\"a\":{\"$int\":2147483648}}}", ERR_PROTO, DICT_FAULT_RANGE, 21},
        {"{\"dict\":7}", ERR_PROTO, DICT_FAULT_EVENT_DICT, 0},
        /* A dictionary may be 16 deep; the event is around it. */
        {"{\"dict\":{\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}}", OK, DICT_FAULT_NONE, 0},
        {"{\"dict\":{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}}", ERR_LIMIT, DICT_FAULT_DEPTH,
         28},
    };
    const struct span type = headers[0].value;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dict_fault fault = {DICT_FAULT_NONE, 0};

        assert_int_equal(event_source_check(type, span_str(rows[i].body), &fault), rows[i].e);
        assert_int_equal(fault.reason, rows[i].reason);
        assert_int_equal(fault.at, rows[i].at);
        assert_ok(event_source_check(SPAN("text/plain"), span_str(rows[i].body), &fault));
    }
}

static void what_is_too_much_for_us_is_for_its_readers(void **state)
{
    static const size_t values = EVENT_SOURCE_DICT_VALUES + 10;
    char *text = malloc(2 * values + 100);
    struct dict_fault fault;
    size_t len = (size_t)sprintf(text, "{\"dict\":{\"a\":[1");

    (void)state;
    for (size_t i = 0; i < values; i++) {
        len += (size_t)sprintf(text + len, ",1");
    }
    len += (size_t)sprintf(text + len, "]}}");
    assert_ok(event_source_check(headers[0].value, span_of(text, len), &fault));
    free(text);
}

static void check(void)
{
    struct dict_fault fault;
    enum err e = event_source_check(headers[0].value, parts.body, &fault);

    assert_true(e == OK || e == ERR_NOMEM);
}

static void judge(void)
{
    struct event_source source;
    struct selector_fault fault;
    struct selector *selector;
    struct event *event;

    if (selector_parse(SPAN("symbol = 'EURUSD'"), &fault, &selector) != OK) {
        return;
    }
    if (event_new(7, &parts, &event) == OK) {
        event_source_init(&source, event, SPAN("/fx"));
        (void)event_source_matches(&source, selector); /* false without memory */
        event_source_fini(&source);
        event_unref(event);
    }
    selector_unref(selector);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(judge);
    every_oom(check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_selector_sees_dictionary_headers_and_what_the_realm_knows),
        cmocka_unit_test(what_says_it_is_a_dictionary_and_is_not_has_none),
        cmocka_unit_test(who_publishes_is_told_what_is_no_event),
        cmocka_unit_test(what_is_too_much_for_us_is_for_its_readers),
        cmocka_unit_test(keys_are_scalars_as_text),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
