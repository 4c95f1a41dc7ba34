/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "contract/store_contract_copy.h"

#include "contract/store_contract_pair.h"

#include <stdio.h>

enum {
    TEXT_BYTES = 200
};

/* "12:join-eid=7,a=b,body " of each event. */
static void describe(const struct event *event, char text[TEXT_BYTES])
{
    size_t at = 0, used = strlen(text);
    struct event_header header;

    used += (size_t)snprintf(text + used, TEXT_BYTES - used,
                             "%llu:", (unsigned long long)event->eid);
    while (event_next_header(event, &at, &header)) {
        used += (size_t)snprintf(text + used, TEXT_BYTES - used, "%.*s=%.*s,",
                                 SPAN_ARG(header.name), SPAN_ARG(header.value));
    }
    (void)snprintf(text + used, TEXT_BYTES - used, "%.*s ", SPAN_ARG(event_body(event)));
}

static bool on_shown(void *ctx, const struct event *event)
{
    describe(event, ctx);
    return true;
}

static void assert_stored(struct store_stream *stream, uint64_t from, const char *wanted)
{
    char text[TEXT_BYTES] = "";
    uint64_t next;

    assert_ok(store_read(stream, from, on_shown, text, &next));
    assert_string_equal(text, wanted);
}

static struct event *copy_event(void)
{
    const struct event_header headers[] = {{EVENT_ORIGIN, EVENT_ORIGIN_HOLE},
                                           {SPAN("a"), SPAN("b")}};
    const struct event_parts parts = {
        .headers = headers, .header_count = 2, .body = SPAN("copy")};
    struct event *event;

    assert_ok(event_new(0, &parts, &event));
    return event;
}

static struct event *source_event(const char *id)
{
    const struct event_parts parts = {.body = SPAN("source"), .publish_id = span_str(id)};
    struct event *event;

    assert_ok(event_new(0, &parts, &event));
    return event;
}

static void a_copy_says_what_it_was_made_of(void **state)
{
    struct store_contract_rig *rig = *state;
    struct store_stream *in = store_contract_rig_stream(rig, "/in");
    struct store_stream *mid = store_contract_rig_stream(rig, "/mid");
    struct store_stream *end = store_contract_rig_stream(rig, "/end");
    struct event *source = source_event(""), *first = copy_event(), *second = copy_event();
    const struct store_op ops[] = {
        {.type = STORE_APPEND, .stream = end, .event = source},
        {.type = STORE_APPEND, .stream = in, .event = source},
        {.type = STORE_APPEND, .stream = mid, .event = first, .copy_of = 2},
        {.type = STORE_APPEND, .stream = end, .event = second, .copy_of = 3},
    };
    struct store_contract_rig_told told;

    for (int i = 1; i < 12; i++) {
        assert_int_equal(store_contract_rig_append(rig, in, "x"), i);
    }
    told = store_contract_rig_do(rig, ops, 4);
    assert_ok(told.e);
    assert_int_equal(told.eids[1], 12);
    assert_int_equal(told.eids[2], 1);
    assert_int_equal(told.eids[3], 2);
    for (int i = 0; i < 2; i++) {
        assert_stored(in, 12, "12:source ");
        assert_stored(mid, 1, "1:join-eid=12,a=b,copy ");
        assert_stored(end, 1, "1:source 2:join-eid=1,a=b,copy ");
        store_contract_rig_restart(rig);
        in = store_contract_rig_stream(rig, "/in");
        mid = store_contract_rig_stream(rig, "/mid");
        end = store_contract_rig_stream(rig, "/end");
    }
    event_unref(source);
    event_unref(first);
    event_unref(second);
}

static void what_does_not_fit_is_stored_without_its_copies(void **state)
{
    static uint8_t body[STORE_CONTRACT_BYTES_MAX];
    struct store_contract_rig *rig = *state;
    struct event *source = source_event(""), *copy = copy_event();
    struct event *large = store_contract_rig_event(span_of(body, sizeof body));
    struct store_stream *in = store_contract_rig_stream(rig, "/in");
    struct store_stream *out = store_contract_rig_stream(rig, "/out");
    const struct store_op ops[] = {
        {.type = STORE_APPEND, .stream = in, .event = source},
        {.type = STORE_APPEND, .stream = out, .event = copy, .copy_of = 1},
        {.type = STORE_APPEND, .stream = in, .event = large},
    };

    assert_int_equal(store_contract_rig_do(rig, ops, 3).e, ERR_LIMIT);
    assert_stored(in, 1, "");
    assert_stored(out, 1, "");
    assert_ok(store_contract_rig_do(rig, ops, 2).e); /* nothing has changed the events */
    event_unref(source);
    event_unref(copy);
    event_unref(large);
}

/* ---- several realms ---- */

static void on_event(void *ctx, struct event *event)
{
    describe(event, ctx);
}

static void on_gone(void *ctx, uint64_t first_eid, uint64_t last_eid)
{
    (void)ctx;
    (void)first_eid;
    (void)last_eid;
}

static const struct store_stream_watch watch = {on_event, on_gone};

static struct store_contract_rig_told publish(struct store_contract_pair *pair, size_t which,
                                              struct store_stream *out)
{
    struct event *source = source_event("id"), *copy = copy_event();
    const struct store_op ops[] = {
        {.type = STORE_APPEND, .stream = pair->realms[which].stream, .event = source},
        {.type = STORE_APPEND, .stream = out, .event = copy, .copy_of = 1},
        {.type = STORE_APPEND, .stream = out, .event = source}, /* another stream's id */
    };
    struct store_contract_rig_told told = {.count = 3};

    store_contract_pair_submit(pair, which, ops, 3, &told);
    event_unref(source);
    event_unref(copy);
    return told;
}

static void copies_are_told_to_others_and_made_once(void **state)
{
    char heard[TEXT_BYTES] = "";
    struct store_contract_pair pair;
    struct store_contract_rig_told told;
    struct store_stream *out[2];

    store_contract_pair_begin(&pair, state, STORE_KEEP_ALL);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(
            store_open_stream(pair.realms[i].store, SPAN("/out"), STORE_KEEP_ALL, &out[i]));
    }
    out[1]->watch = &watch;
    out[1]->watch_ctx = heard;
    for (int i = 1; i < 10; i++) {
        store_contract_pair_append(&pair, 0, "x");
    }
    told = publish(&pair, 0, out[0]);
    assert_ok(told.e);
    assert_int_equal(told.eids[0], 10);
    assert_int_equal(told.eids[1], 1);
    while (strstr(heard, "2:source ") == NULL) {
        store_contract_pair_turn(&pair, 1);
    }
    assert_string_equal(heard, "1:join-eid=10,a=b,copy 2:source ");
    told = publish(&pair, 1, out[1]); /* the same again: the first one counts */
    assert_ok(told.e);
    assert_int_equal(told.eids[0], 10);
    assert_int_equal(told.eids[1], 0);
    assert_int_equal(told.eids[2], 2);
    assert_stored(out[1], 1, "1:join-eid=10,a=b,copy 2:source ");
    store_contract_pair_end(&pair);
}

#define PROMISE(test) \
    cmocka_unit_test_setup_teardown(test, store_contract_rig_begin, store_contract_rig_end)

int store_contract_copy_run(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(a_copy_says_what_it_was_made_of),
        PROMISE(what_does_not_fit_is_stored_without_its_copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int store_contract_copy_run_shared(void)
{
    const struct CMUnitTest tests[] = {PROMISE(copies_are_told_to_others_and_made_once)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
