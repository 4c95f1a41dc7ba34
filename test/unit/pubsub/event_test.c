/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/event.h"

#include "lib/oom.h"
#include "lib/testing.h"

static const struct event_header two_headers[] = {
    {SPAN_INIT("content-type"), SPAN_INIT("text/plain")},
    {SPAN_INIT("x-empty"), SPAN_INIT("")},
};

static struct event *event_of(struct span body)
{
    const struct event_parts parts = {
        .headers = two_headers, .header_count = 2, .body = body, .publish_id = SPAN("p-1")};
    struct event *event;

    assert_ok(event_new(7, &parts, &event));
    return event;
}

static void an_event_keeps_what_it_was_made_of(void **state)
{
    struct event *event = event_of(SPAN("hello"));
    struct event_header header;
    size_t at = 0;

    (void)state;
    assert_int_equal(event->eid, 7);
    assert_bytes(event_publish_id(event), SPAN("p-1"));
    assert_bytes(event_body(event), SPAN("hello"));
    assert_true(event_next_header(event, &at, &header));
    assert_bytes(header.name, SPAN("content-type"));
    assert_bytes(header.value, SPAN("text/plain"));
    assert_true(event_next_header(event, &at, &header));
    assert_bytes(header.name, SPAN("x-empty"));
    assert_bytes(header.value, SPAN(""));
    assert_false(event_next_header(event, &at, &header));
    event_unref(event);
}

static void an_event_lives_until_the_last_one_lets_go(void **state)
{
    struct event *event = event_of(SPAN("x"));
    struct event *second = event_ref(event);

    (void)state;
    event_unref(event);
    assert_bytes(event_body(second), SPAN("x"));
    event_unref(second);
    event_unref(NULL);
}

static void an_event_is_text_when_headers_and_body_are_utf8(void **state)
{
    const struct event_header bad = {SPAN("x"), SPAN("\xff")};
    const struct event_parts parts = {.headers = &bad, .header_count = 1};
    struct event *text = event_of(SPAN("gr\xc3\xbc\xc3\x9f"));
    struct event *binary = event_of(SPAN("\xc3"));
    struct event *odd_header;

    (void)state;
    assert_ok(event_new(1, &parts, &odd_header));
    assert_true(text->is_text);
    assert_false(binary->is_text);
    assert_false(odd_header->is_text);
    event_unref(text);
    event_unref(binary);
    event_unref(odd_header);
}

static void an_event_expires_when_its_time_to_live_is_over(void **state)
{
    struct event_parts parts = {.time = 1000, .ttl = 50};
    struct event *event;

    (void)state;
    assert_ok(event_new(1, &parts, &event));
    assert_int_equal(event->time, 1000);
    assert_false(event_is_expired(event, 1049));
    assert_true(event_is_expired(event, 1050));
    event_unref(event);
    parts.ttl = 0;
    assert_ok(event_new(1, &parts, &event));
    assert_true(event->expiry == EVENT_NEVER);
    event_unref(event);
    parts.ttl = UINT64_MAX; /* no overflow into the past */
    assert_ok(event_new(1, &parts, &event));
    assert_true(event->expiry == EVENT_NEVER);
    event_unref(event);
}

static struct event_record record_of(const struct event *event)
{
    return (struct event_record){
        .eid = event->eid,
        .time = event->time,
        .expiry = event->expiry,
        .id_len = event->id_len,
        .headers_len = event->headers_len,
        .is_text = event->is_text,
        .bytes = span_of(event->bytes, event_len(event)),
    };
}

static void a_borrowed_event_looks_like_the_one_it_was_made_of(void **state)
{
    struct event *event = event_of(SPAN("hello"));
    const struct event_record record = record_of(event);
    struct event_header header;
    struct event borrowed;
    struct event *copy;
    size_t at = 0;

    (void)state;
    assert_true(event_borrow(&record, &borrowed));
    assert_ptr_equal(borrowed.bytes, event->bytes);
    assert_ok(event_copy(&borrowed, &copy));
    event_unref(event);
    assert_int_equal(copy->eid, 7);
    assert_bytes(event_publish_id(copy), SPAN("p-1"));
    assert_bytes(event_body(copy), SPAN("hello"));
    assert_true(event_next_header(copy, &at, &header));
    assert_true(event_next_header(copy, &at, &header));
    assert_bytes(header.name, SPAN("x-empty"));
    event_unref(copy);
}

static void a_copy_is_given_its_origin_whatever_its_digits(void **state)
{
    static const struct {
        uint64_t eid;
        struct span text;
    } rows[] = {{1, SPAN_INIT("1")},
                {4294967296, SPAN_INIT("4294967296")},
                {UINT64_MAX, SPAN_INIT("18446744073709551615")}};
    const struct event_header headers[] = {{EVENT_ORIGIN, EVENT_ORIGIN_HOLE},
                                           {SPAN("a"), SPAN("b")}};
    const struct event_parts parts = {
        .headers = headers, .header_count = 2, .body = SPAN("body")};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct event_header header;
        struct event *event, *copy;
        size_t at = 0;

        assert_ok(event_new(0, &parts, &event));
        assert_true(event_has_hole(event));
        event_set_origin(event, rows[i].eid);
        assert_false(event_has_hole(event));
        event_set_origin(event, 77); /* it has one */
        assert_ok(event_copy(event, &copy));
        assert_true(event_next_header(copy, &at, &header));
        assert_bytes(header.name, SPAN("join-eid"));
        assert_bytes(header.value, rows[i].text);
        assert_true(event_next_header(copy, &at, &header));
        assert_bytes(header.name, SPAN("a"));
        assert_bytes(header.value, SPAN("b"));
        assert_false(event_next_header(copy, &at, &header));
        assert_bytes(event_body(copy), SPAN("body"));
        event_unref(event);
        event_unref(copy);
    }
}

static void who_has_no_hole_is_given_no_origin(void **state)
{
    struct event *event = event_of(SPAN("x"));

    (void)state;
    assert_false(event_has_hole(event));
    event_set_origin(event, 5);
    assert_bytes(event_publish_id(event), SPAN("p-1"));
    event_unref(event);
}

static void a_record_that_contradicts_itself_is_no_event(void **state)
{
    struct event *event = event_of(SPAN(""));
    struct event_record record = record_of(event);
    struct event borrowed;

    (void)state;
    assert_true(event_borrow(&record, &borrowed));
    for (size_t len = 0; len < record.bytes.len; len++) { /* cut anywhere */
        struct event_record cut = record;

        cut.bytes.len = len;
        assert_false(event_borrow(&cut, &borrowed));
        cut = record;
        cut.id_len += len + 1;
        assert_false(event_borrow(&cut, &borrowed));
    }
    record.id_len = SIZE_MAX;
    assert_false(event_borrow(&record, &borrowed));
    event_unref(event);
}

static void make_and_drop(void)
{
    const struct event_parts parts = {.body = SPAN("x")};
    struct event *event = NULL;
    struct event *copy = NULL;

    if (event_new(1, &parts, &event) != OK) {
        assert_null(event);
    } else if (event_copy(event, &copy) != OK) {
        assert_null(copy);
    }
    event_unref(event);
    event_unref(copy);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(make_and_drop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_keeps_what_it_was_made_of),
        cmocka_unit_test(an_event_lives_until_the_last_one_lets_go),
        cmocka_unit_test(an_event_is_text_when_headers_and_body_are_utf8),
        cmocka_unit_test(an_event_expires_when_its_time_to_live_is_over),
        cmocka_unit_test(a_borrowed_event_looks_like_the_one_it_was_made_of),
        cmocka_unit_test(a_copy_is_given_its_origin_whatever_its_digits),
        cmocka_unit_test(who_has_no_hole_is_given_no_origin),
        cmocka_unit_test(a_record_that_contradicts_itself_is_no_event),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
