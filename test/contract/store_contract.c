/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "contract/store_contract_copy.h"
#include "contract/store_contract_rig.h"
#include "contract/store_contract_shared.h"

#include <stdio.h>

static const char many[] = "/many"; /* the stream with more than one reading shows */

static void a_stream_is_there_once_something_was_put_into_it(void **state)
{
    struct store_contract_rig *rig = *state;
    char name[STORE_NAME_MAX + 1];
    bool has = true;

    memset(name, 'n', sizeof name);
    assert_ok(store_has_stream(rig->store, SPAN("/a"), &has));
    assert_false(has);
    store_contract_rig_append(rig, store_contract_rig_stream(rig, "/a"), "x");
    for (int i = 0; i < 2; i++) {
        assert_ok(store_has_stream(rig->store, SPAN("/a"), &has));
        assert_true(has);
        assert_ok(store_has_stream(rig->store, SPAN("/"), &has));
        assert_false(has);
        assert_ok(store_has_stream(rig->store, span_of(name, sizeof name), &has));
        assert_false(has);
        store_contract_rig_restart(rig);
    }
}

static void eids_begin_with_one_and_each_stream_has_its_own(void **state)
{
    struct store_contract_rig *rig = *state;
    struct store_stream *fx = store_contract_rig_stream(rig, "/fx");
    struct store_stream *news = store_contract_rig_stream(rig, "/news");

    assert_int_equal(fx->first_eid, 1);
    assert_int_equal(fx->next_eid, 1);
    assert_true(fx->epoch != news->epoch);
    assert_int_equal(store_contract_rig_append(rig, fx, "a"), 1);
    assert_int_equal(store_contract_rig_append(rig, fx, "b"), 2);
    assert_int_equal(store_contract_rig_append(rig, news, "c"), 1);
    store_contract_rig_assert_eids(fx, (const uint64_t[]){1, 2}, 2);
    store_contract_rig_assert_eids(news, (const uint64_t[]){1}, 1);
}

static bool compare_event(void *ctx, const struct event *event)
{
    const struct event *expected = ctx;
    struct event_header header, other;
    size_t at = 0, other_at = 0;

    assert_int_equal(event->time, expected->time);
    assert_int_equal(event->expiry, expected->expiry);
    assert_int_equal(event->is_text, expected->is_text);
    assert_bytes(event_publish_id(event), event_publish_id(expected));
    assert_bytes(event_body(event), event_body(expected));
    while (event_next_header(expected, &other_at, &other)) {
        assert_true(event_next_header(event, &at, &header));
        assert_bytes(header.name, other.name);
        assert_bytes(header.value, other.value);
    }
    assert_false(event_next_header(event, &at, &header));
    return true;
}

static void an_event_comes_back_as_it_was_appended(void **state)
{
    struct store_contract_rig *rig = *state;
    const struct event_header headers[] = {{SPAN("content-type"), SPAN("text/plain")},
                                           {SPAN("empty"), SPAN("")}};
    const struct event_parts parts[] = {
        {.headers = headers,
         .header_count = 2,
         .body = SPAN("gr\xc3\xbc\xc3\x9f"),
         .publish_id = SPAN("p-1"),
         .time = 1700000000123,
         .ttl = 5000},
        {.body = SPAN("\xff\x00\xfe")},
        {.time = 1},
    };
    struct store_stream *stream = store_contract_rig_stream(rig, "/fx");

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct store_op op = {.type = STORE_APPEND, .stream = stream};
        uint64_t next;

        assert_ok(event_new(0, &parts[i], &op.event));
        assert_ok(store_contract_rig_do(rig, &op, 1).e);
        assert_ok(store_read(stream, i + 1, compare_event, op.event, &next));
        assert_int_equal(next, i + 2);
        event_unref(op.event);
    }
}

static void a_large_event_comes_back_whole(void **state)
{
    static uint8_t body[300 * 1024];
    struct store_contract_rig *rig = *state;
    struct store_stream *stream = store_contract_rig_stream(rig, "/fx");
    struct store_op op = {.type = STORE_APPEND, .stream = stream};
    uint64_t next;

    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (uint8_t)(i * 7 + i / 256);
    }
    op.event = store_contract_rig_event(span_of(body, sizeof body));
    assert_ok(store_contract_rig_do(rig, &op, 1).e);
    assert_ok(store_read(stream, 1, compare_event, op.event, &next));
    assert_int_equal(next, 2);
    event_unref(op.event);
}

static void submissions_are_told_later_and_in_order(void **state)
{
    struct store_contract_rig *rig = *state;
    struct store_stream *stream = store_contract_rig_stream(rig, "/fx");
    struct event *event = store_contract_rig_event(SPAN("x"));
    const struct store_op ops[] = {
        {.type = STORE_APPEND, .stream = stream, .event = event},
        {.type = STORE_PUT, .key = SPAN("k"), .value = SPAN("v")},
        {.type = STORE_APPEND, .stream = stream, .event = event},
    };
    struct store_contract_rig_told told[20] = {{.times = 0}};

    for (size_t i = 0; i < 20; i++) {
        told[i].count = 3;
        assert_ok(store_submit(rig->store, ops, 3, store_contract_rig_on_done, &told[i]));
        assert_int_equal(told[i].times, 0);
    }
    event_unref(event); /* the store has its own references */
    assert_int_equal(rig->store->pending_count, 20);
    while (told[19].times == 0) {
        size_t first = 0;

        store_contract_rig_kind->turn(rig);
        while (first < 20 && told[first].times == 1) {
            first++;
        }
        for (size_t i = first; i < 20; i++) {
            assert_int_equal(told[i].times, 0);
        }
    }
    for (size_t i = 0; i < 20; i++) {
        assert_ok(told[i].e);
        assert_int_equal(told[i].eids[0], 2 * i + 1);
        assert_int_equal(told[i].eids[1], 0);
        assert_int_equal(told[i].eids[2], 2 * i + 2);
    }
    assert_int_equal(rig->store->pending_count, 0);
    assert_int_equal(rig->store->pending_bytes, 0);
}

static void nothing_is_shown_before_it_is_told(void **state)
{
    struct store_contract_rig *rig = *state;
    struct store_stream *stream = store_contract_rig_stream(rig, "/fx");
    struct event *event = store_contract_rig_event(SPAN("x"));
    const struct store_op op = {.type = STORE_APPEND, .stream = stream, .event = event};
    struct store_contract_rig_told told = {.count = 1};

    assert_ok(store_submit(rig->store, &op, 1, store_contract_rig_on_done, &told));
    event_unref(event);
    for (int i = 0; i < 1000; i++) { /* whatever a thread behind it does meanwhile */
        assert_int_equal(store_contract_rig_read(stream, 0, 0).count, 0);
        assert_int_equal(stream->next_eid, 1);
    }
    while (told.times == 0) {
        store_contract_rig_kind->turn(rig);
    }
    store_contract_rig_assert_eids(stream, (const uint64_t[]){1}, 1);
}

struct chain {
    struct store_contract_rig *rig;
    struct store_stream *stream;
    struct event *event;
    unsigned left;
    size_t shown;
};

static void append_another(void *ctx, enum err e, const uint64_t *eids)
{
    struct chain *chain = ctx;
    const struct store_op op = {
        .type = STORE_APPEND, .stream = chain->stream, .event = chain->event};

    assert_ok(e);
    chain->shown = store_contract_rig_read(chain->stream, eids[0], 0).count;
    assert_int_equal(chain->shown, 1);
    if (--chain->left > 0) {
        assert_ok(store_submit(chain->rig->store, &op, 1, append_another, chain));
    }
}

static void who_is_told_may_read_and_submit(void **state)
{
    struct store_contract_rig *rig = *state;
    struct chain chain = {.rig = rig,
                          .stream = store_contract_rig_stream(rig, "/fx"),
                          .event = store_contract_rig_event(SPAN("x")),
                          .left = 5};
    const struct store_op op = {
        .type = STORE_APPEND, .stream = chain.stream, .event = chain.event};

    assert_ok(store_submit(rig->store, &op, 1, append_another, &chain));
    while (chain.left > 0) {
        store_contract_rig_kind->turn(rig);
    }
    event_unref(chain.event);
    assert_int_equal(chain.stream->next_eid, 6);
}

static void fill_many(struct store_contract_rig *rig, size_t count)
{
    struct store_stream *stream = store_contract_rig_stream(rig, many);
    struct event *event = store_contract_rig_event(SPAN("one of many"));
    struct store_op ops[50];

    for (size_t i = 0; i < 50; i++) {
        ops[i] = (struct store_op){.type = STORE_APPEND, .stream = stream, .event = event};
    }
    for (size_t i = 0; i < count; i += 50) {
        assert_ok(store_contract_rig_do(rig, ops, 50).e);
    }
    event_unref(event);
}

static void a_reading_shows_everything_once_in_bounded_pieces(void **state)
{
    struct store_contract_rig *rig = *state;
    struct store_contract_rig_seen seen;
    struct store_stream *stream;

    fill_many(rig, 2 * STORE_READ_EVENTS_MAX + 102);
    stream = store_contract_rig_stream(rig, many);
    seen = store_contract_rig_read(stream, 0, 0);
    assert_int_equal(seen.count, 2150);
    assert_int_equal(seen.last, 2150);
    assert_int_equal(seen.next, 2151);
    assert_int_equal(store_contract_rig_read(stream, 2100, 0).count, 51);
    assert_int_equal(store_contract_rig_read(stream, 2151, 0).count, 0);
    assert_int_equal(store_contract_rig_read(stream, UINT64_MAX, 0).count, 0);
    seen = store_contract_rig_read(stream, 7, 3);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.next, 10);
}

struct nested {
    struct store_contract_rig *rig;
    struct store_stream *stream;
    size_t count;
};

static bool read_inside(void *ctx, const struct event *event)
{
    struct nested *nested = ctx;

    nested->count++;
    assert_int_equal(store_contract_rig_read(nested->stream, event->eid, 0).count,
                     4 - nested->count);
    store_contract_rig_assert_value(nested->rig, "k", "v");
    return true;
}

static void who_is_shown_an_event_may_read(void **state)
{
    struct store_contract_rig *rig = *state;
    struct nested nested = {.rig = rig, .stream = store_contract_rig_stream(rig, "/fx")};
    uint64_t next;

    store_contract_rig_put(rig, "k", "v");
    for (int i = 0; i < 3; i++) {
        store_contract_rig_append(rig, nested.stream, "x");
    }
    assert_ok(store_read(nested.stream, 0, read_inside, &nested, &next));
    assert_int_equal(nested.count, 3);
}

static void what_is_removed_is_gone_and_the_rest_stays(void **state)
{
    struct store_contract_rig *rig = *state;
    struct store_stream *stream = store_contract_rig_stream(rig, "/fx");

    for (int i = 0; i < 8; i++) {
        store_contract_rig_append(rig, stream, "x");
    }
    store_contract_rig_change(rig, STORE_REMOVE, stream, 4);
    store_contract_rig_change(rig, STORE_REMOVE, stream, 1);
    store_contract_rig_change(rig, STORE_REMOVE, stream, 1);  /* was there */
    store_contract_rig_change(rig, STORE_REMOVE, stream, 99); /* never was */
    store_contract_rig_assert_eids(stream, (const uint64_t[]){2, 3, 5, 6, 7, 8}, 6);
    store_contract_rig_change(rig, STORE_TRIM, stream, 4);
    store_contract_rig_change(rig, STORE_TRIM, stream, 2);
    store_contract_rig_assert_eids(stream, (const uint64_t[]){5, 6, 7, 8}, 4);
    store_contract_rig_change(rig, STORE_PURGE, stream, 0);
    store_contract_rig_assert_eids(stream, NULL, 0);
    assert_int_equal(store_contract_rig_append(rig, stream, "x"), 9);
    store_contract_rig_change(rig, STORE_TRIM, stream, UINT64_MAX);
    store_contract_rig_assert_eids(stream, NULL, 0);
    assert_int_equal(stream->next_eid, 10);
}

static void a_large_purge_is_complete_at_once(void **state)
{
    struct store_contract_rig *rig = *state;
    struct store_stream *stream;

    fill_many(rig, 5000);
    stream = store_contract_rig_stream(rig, many);
    store_contract_rig_change(rig, STORE_TRIM, stream, 4999);
    store_contract_rig_assert_eids(stream, (const uint64_t[]){4999, 5000}, 2);
    store_contract_rig_change(rig, STORE_REMOVE, stream, 17); /* trimmed before */
    store_contract_rig_change(rig, STORE_PURGE, stream, 0);
    store_contract_rig_assert_eids(stream, NULL, 0);
    store_contract_rig_restart(rig);
    stream = store_contract_rig_stream(rig, many);
    store_contract_rig_assert_eids(stream, NULL, 0);
    assert_int_equal(store_contract_rig_append(rig, stream, "x"), 5001);
}

static void eids_never_go_back(void **state)
{
    struct store_contract_rig *rig = *state;
    struct store_stream *stream = store_contract_rig_stream(rig, "/fx");
    uint64_t epoch = stream->epoch;

    store_contract_rig_append(rig, stream, "x");
    store_contract_rig_append(rig, stream, "y");
    store_contract_rig_change(rig, STORE_REMOVE, stream, 2);
    store_contract_rig_restart(rig);
    stream = store_contract_rig_stream(rig, "/fx");
    assert_int_equal(stream->epoch, epoch);
    store_contract_rig_assert_eids(stream, (const uint64_t[]){1}, 1);
    assert_int_equal(store_contract_rig_append(rig, stream, "z"), 3);
    store_contract_rig_change(rig, STORE_PURGE, stream, 0);
    store_contract_rig_restart(rig);
    stream = store_contract_rig_stream(rig, "/fx");
    assert_int_equal(stream->epoch, epoch);
    assert_int_equal(stream->next_eid, 4);
    store_contract_rig_change(rig, STORE_RESERVE, stream, 100);
    store_contract_rig_change(rig, STORE_RESERVE, stream, 50); /* is already past it */
    store_contract_rig_restart(rig);
    stream = store_contract_rig_stream(rig, "/fx");
    assert_int_equal(stream->epoch, epoch);
    store_contract_rig_assert_eids(stream, NULL, 0);
    assert_int_equal(store_contract_rig_append(rig, stream, "z"), 100);
}

static void a_restart_finds_what_was_stored(void **state)
{
    struct store_contract_rig *rig = *state;
    struct store_stream *stream = store_contract_rig_stream(rig, "/fx");
    uint64_t bytes;

    for (int i = 0; i < 10; i++) {
        store_contract_rig_append(rig, stream, "some bytes");
    }
    store_contract_rig_change(rig, STORE_TRIM, stream, 3);
    store_contract_rig_change(rig, STORE_REMOVE, stream, 5);
    store_contract_rig_put(rig, "durable/a", "1");
    store_contract_rig_put(rig, "durable/b", "2");
    store_contract_rig_put(rig, "durable/b", NULL);
    bytes = stream->bytes;
    store_contract_rig_restart(rig);
    stream = store_contract_rig_stream(rig, "/fx");
    assert_int_equal(stream->bytes, bytes);
    store_contract_rig_assert_eids(stream, (const uint64_t[]){3, 4, 6, 7, 8, 9, 10}, 7);
    store_contract_rig_assert_value(rig, "durable/a", "1");
    store_contract_rig_assert_value(rig, "durable/b", NULL);
}

static void what_was_accepted_is_done_before_the_store_closes(void **state)
{
    struct store_contract_rig *rig = *state;
    struct store_stream *stream = store_contract_rig_stream(rig, "/fx");
    struct event *event = store_contract_rig_event(SPAN("x"));
    const struct store_op op = {.type = STORE_APPEND, .stream = stream, .event = event};
    struct store_contract_rig_told told[5];

    for (size_t i = 0; i < 5; i++) {
        told[i] = (struct store_contract_rig_told){.count = 1};
        assert_ok(store_submit(rig->store, &op, 1, store_contract_rig_on_done, &told[i]));
    }
    event_unref(event);
    store_contract_rig_restart(rig);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(told[i].times, 1);
        assert_ok(told[i].e);
    }
    stream = store_contract_rig_stream(rig, "/fx");
    store_contract_rig_assert_eids(stream, (const uint64_t[]){1, 2, 3, 4, 5}, 5);
}

struct listed {
    char keys[256];
    size_t count;
    size_t enough;
};

static bool on_key(void *ctx, struct span key, struct span value)
{
    struct listed *listed = ctx;
    size_t used = strlen(listed->keys);

    assert_true(used + key.len + value.len + 3 < sizeof listed->keys);
    (void)snprintf(listed->keys + used, sizeof listed->keys - used, "%.*s=%.*s ", SPAN_ARG(key),
                   SPAN_ARG(value));
    return ++listed->count != listed->enough;
}

static void assert_list(struct store_contract_rig *rig, const char *prefix, size_t enough,
                        const char *expected)
{
    struct listed listed = {.enough = enough};

    assert_ok(store_list(rig->store, span_str(prefix), on_key, &listed));
    assert_string_equal(listed.keys, expected);
}

static void keys_are_put_replaced_listed_and_deleted(void **state)
{
    struct store_contract_rig *rig = *state;

    store_contract_rig_put(rig, "tx/2", "two");
    store_contract_rig_put(rig, "tx/10", "ten");
    store_contract_rig_put(rig, "tx", "itself");
    store_contract_rig_put(rig, "ty", "");
    store_contract_rig_put(rig, "durable/x", "d");
    store_contract_rig_put(rig, "tx/2", "two again");
    store_contract_rig_assert_value(rig, "tx/2", "two again");
    store_contract_rig_assert_value(rig, "ty", "");
    store_contract_rig_assert_value(rig, "tx/", NULL);
    store_contract_rig_assert_value(rig, "", NULL);
    assert_list(rig, "tx/", 0, "tx/10=ten tx/2=two again ");
    assert_list(rig, "tx", 2, "tx=itself tx/10=ten ");
    assert_list(rig, "tz", 0, "");
    assert_list(rig, "", 0, "durable/x=d tx=itself tx/10=ten tx/2=two again ty= ");
    store_contract_rig_put(rig, "tx/10", NULL);
    store_contract_rig_put(rig, "tx/10", NULL);
    assert_list(rig, "tx/", 0, "tx/2=two again ");
}

int store_contract_run(const struct store_contract_kind *kind)
{
#define PROMISE(test) \
    cmocka_unit_test_setup_teardown(test, store_contract_rig_begin, store_contract_rig_end)
    const struct CMUnitTest tests[] = {
        PROMISE(a_stream_is_there_once_something_was_put_into_it),
        PROMISE(eids_begin_with_one_and_each_stream_has_its_own),
        PROMISE(an_event_comes_back_as_it_was_appended),
        PROMISE(a_large_event_comes_back_whole),
        PROMISE(submissions_are_told_later_and_in_order),
        PROMISE(nothing_is_shown_before_it_is_told),
        PROMISE(who_is_told_may_read_and_submit),
        PROMISE(a_reading_shows_everything_once_in_bounded_pieces),
        PROMISE(who_is_shown_an_event_may_read),
        PROMISE(what_is_removed_is_gone_and_the_rest_stays),
        PROMISE(a_large_purge_is_complete_at_once),
        PROMISE(eids_never_go_back),
        PROMISE(a_restart_finds_what_was_stored),
        PROMISE(what_was_accepted_is_done_before_the_store_closes),
        PROMISE(keys_are_put_replaced_listed_and_deleted),
    };
#undef PROMISE
    int failed;

    store_contract_rig_kind = kind;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    failed += store_contract_rig_run_limits();
    failed += store_contract_copy_run();
    if (kind->open_second != NULL) {
        failed += store_contract_copy_run_shared();
        failed += store_contract_shared_run();
    }
    return failed;
}
