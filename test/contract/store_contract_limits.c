/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The contract where something is missing, broken or too much; and a long random run beside the
 * reference.
 */
#include "contract/store_contract_rig.h"
#include "lib/oom.h"
#include "store/store_mem.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    BODY_BYTES = 64 * 1024
};

static uint8_t body[BODY_BYTES];

static void all_of_a_submission_is_stored_or_nothing(void **state)
{
    struct store_contract_rig *rig = *state;
    struct store_stream *fx = store_contract_rig_stream(rig, "/fx");
    struct store_stream *news = store_contract_rig_stream(rig, "/news");
    struct event *small = store_contract_rig_event(SPAN("x"));
    struct event *large = store_contract_rig_event(span_of(body, sizeof body));
    struct store_op ops[4 + STORE_CONTRACT_BYTES_MAX / BODY_BYTES] = {
        {.type = STORE_APPEND, .stream = fx, .event = small},
        {.type = STORE_PUT, .key = SPAN("tx/1"), .value = SPAN("committed")},
        {.type = STORE_APPEND, .stream = news, .event = small},
        {.type = STORE_TRIM, .stream = fx, .eid = UINT64_MAX},
    };
    size_t count = sizeof ops / sizeof ops[0];
    struct store_contract_rig_told told;

    for (size_t i = 4; i < count; i++) {
        ops[i] = (struct store_op){.type = STORE_APPEND, .stream = fx, .event = large};
    }
    store_contract_rig_append(rig, fx, "before");
    told = store_contract_rig_do(rig, ops, count);
    assert_int_equal(told.e, ERR_LIMIT);
    assert_int_equal(rig->store->refused_count, 1);
    for (int i = 0; i < 2; i++) {
        store_contract_rig_assert_eids(fx, (const uint64_t[]){1}, 1);
        store_contract_rig_assert_eids(news, NULL, 0);
        store_contract_rig_assert_value(rig, "tx/1", NULL);
        store_contract_rig_restart(rig);
        fx = ops[0].stream = ops[3].stream = store_contract_rig_stream(rig, "/fx");
        news = ops[2].stream = store_contract_rig_stream(rig, "/news");
    }
    ops[3] = ops[0];
    assert_ok(store_contract_rig_do(rig, ops, 4).e);
    store_contract_rig_assert_value(rig, "tx/1", "committed");
    assert_int_equal(fx->count, 3);
    assert_int_equal(news->count, 1);
    event_unref(small);
    event_unref(large);
}

/* Appends until there is no room; returns how many were stored. */
static size_t fill(struct store_contract_rig *rig, struct store_stream *stream)
{
    struct event *event = store_contract_rig_event(span_of(body, sizeof body / 2));
    const struct store_op op = {.type = STORE_APPEND, .stream = stream, .event = event};
    struct store_contract_rig_told told;
    size_t stored = 0;

    while ((told = store_contract_rig_do(rig, &op, 1)).e == OK) {
        stored++;
        assert_true(stored < 10 * STORE_CONTRACT_BYTES_MAX / BODY_BYTES);
    }
    assert_int_equal(told.e, ERR_LIMIT);
    event_unref(event);
    return stored;
}

static void a_full_store_loses_nothing_and_works_again_when_there_is_room(void **state)
{
    struct store_contract_rig *rig = *state;
    struct store_stream *stream = store_contract_rig_stream(rig, "/fx");
    size_t first = fill(rig, stream);
    size_t stored = first;

    assert_true(first > 50);
    for (int round = 0; round < 3; round++) {
        struct store_contract_rig_seen seen = store_contract_rig_read(stream, 0, 0);
        size_t again;

        assert_int_equal(seen.count, stored);
        assert_int_equal(seen.last, stream->next_eid - 1);
        store_contract_rig_restart(rig);
        stream = store_contract_rig_stream(rig, "/fx");
        assert_int_equal(stream->count, stored);
        store_contract_rig_change(rig, STORE_TRIM, stream, stream->first_eid + stored / 2);
        assert_int_equal(stream->count, stored - stored / 2);
        again = fill(rig, stream);
        assert_true(again > stored / 4); /* what was given back can be had */
        stored = stream->count;
    }
    store_contract_rig_change(rig, STORE_PURGE, stream, 0);
    assert_true(fill(rig, stream) > first / 2);
}

static void a_full_store_is_emptied_one_by_one_with_notes(void **state)
{
    struct store_contract_rig *rig = *state;
    struct store_stream *stream = store_contract_rig_stream(rig, "/q");
    size_t stored = fill(rig, stream);

    for (uint64_t eid = stream->first_eid; eid < stream->next_eid; eid++) {
        char key[32];
        struct store_op ops[] = {
            {.type = STORE_REMOVE, .stream = stream, .eid = eid},
            {.type = STORE_PUT, .value = SPAN("consumed")},
        };

        (void)snprintf(key, sizeof key, "note/%llu", (unsigned long long)eid);
        ops[1].key = span_str(key);
        assert_ok(store_contract_rig_do(rig, ops, 2).e);
        assert_int_equal(stream->count, --stored);
        store_contract_rig_assert_value(rig, key, "consumed");
    }
    store_contract_rig_append(rig, stream, "x");
}

static void what_is_pending_has_a_maximum(void **state)
{
    struct store_contract_rig *rig = *state;
    struct store_stream *stream = store_contract_rig_stream(rig, "/fx");
    struct event *event = store_contract_rig_event(span_of(body, sizeof body));
    const struct store_op op = {.type = STORE_APPEND, .stream = stream, .event = event};
    struct store_contract_rig_told told = {.count = 1};
    unsigned accepted = 0;
    enum err e;

    assert_false(store_is_congested(rig->store));
    while ((e = store_submit(rig->store, &op, 1, store_contract_rig_on_done, &told)) == OK) {
        accepted++;
        assert_true(rig->store->pending_bytes <= STORE_CONTRACT_PENDING_MAX);
    }
    assert_int_equal(e, ERR_AGAIN);
    assert_true(accepted > 5);
    assert_true(store_is_congested(rig->store));
    while (told.times < accepted) {
        store_contract_rig_kind->turn(rig);
    }
    assert_false(store_is_congested(rig->store));
    assert_ok(store_contract_rig_do(rig, &op, 1).e);
    assert_int_equal(stream->count, accepted + 1);
    event_unref(event);
}

static void one_event_over_the_pending_maximum_has_its_turn_alone(void **state)
{
    struct store_contract_rig *rig = *state;
    struct store_stream *stream = store_contract_rig_stream(rig, "/fx");
    struct span bytes =
        span_of(calloc(2, STORE_CONTRACT_PENDING_MAX), (size_t)2 * STORE_CONTRACT_PENDING_MAX);
    struct event *event = store_contract_rig_event(bytes);
    const struct store_op op = {.type = STORE_APPEND, .stream = stream, .event = event};
    struct store_contract_rig_told told = {.count = 1};

    free((void *)(uintptr_t)bytes.ptr);
    assert_ok(store_submit(rig->store, &op, 1, store_contract_rig_on_done, &told));
    assert_int_equal(store_submit(rig->store, &op, 1, store_contract_rig_on_done, &told),
                     ERR_AGAIN);
    event_unref(event);
    while (told.times == 0) {
        store_contract_rig_kind->turn(rig);
    }
    assert_ok(told.e);
    store_contract_rig_assert_eids(stream, (const uint64_t[]){1}, 1);
}

static void never_told(void *ctx, enum err e, const uint64_t *eids)
{
    (void)ctx, (void)e, (void)eids;
    fail_msg("a submission that was not accepted was told");
}

static void names_keys_values_and_counts_over_their_maximum_are_refused(void **state)
{
    struct store_contract_rig *rig = *state;
    const struct store_op op = {.type = STORE_DELETE, .key = span_of(body, 1)};
    struct store_op bad[] = {
        {.type = STORE_PUT, .key = span_of(body, STORE_KEY_MAX + 1)},
        {.type = STORE_PUT, .key = SPAN("")},
        {.type = STORE_DELETE, .key = SPAN("")},
        {.type = STORE_PUT, .key = SPAN("k"), .value = span_of(body, STORE_VALUE_MAX + 1)},
    };
    struct store_op *ops = calloc(STORE_OPS_MAX + 1, sizeof *ops);
    struct store_stream *stream;
    struct buf buf;
    bool found;
    char name[STORE_NAME_MAX + 2];

    static_assert(sizeof body >= STORE_VALUE_MAX, "the body is long enough");
    for (size_t i = 0; i < 3; i++) { /* the last would look behind `body` */
        assert_int_equal(store_submit(rig->store, &bad[i], 1, never_told, NULL), ERR_LIMIT);
    }
    bad[3].value.ptr = (const uint8_t *)ops;
    assert_int_equal(store_submit(rig->store, &bad[3], 1, never_told, NULL), ERR_LIMIT);
    for (size_t i = 0; i <= STORE_OPS_MAX; i++) {
        ops[i] = op;
    }
    assert_int_equal(store_submit(rig->store, ops, STORE_OPS_MAX + 1, never_told, NULL),
                     ERR_LIMIT);
    free(ops);
    buf_init(&buf, 10);
    assert_ok(store_get(rig->store, bad[0].key, &buf, &found));
    assert_false(found);
    memset(name, 'n', sizeof name);
    assert_int_equal(
        store_open_stream(rig->store, span_of(name, sizeof name - 1), STORE_KEEP_ALL, &stream),
        ERR_LIMIT);
    assert_int_equal(store_open_stream(rig->store, SPAN(""), STORE_KEEP_ALL, &stream),
                     ERR_LIMIT);
    assert_ok(
        store_open_stream(rig->store, span_of(name, STORE_NAME_MAX), STORE_KEEP_ALL, &stream));
    assert_int_equal(store_contract_rig_append(rig, stream, "x"), 1);
}

static void the_longest_key_and_value_are_kept(void **state)
{
    struct store_contract_rig *rig = *state;
    const struct store_op op = {.type = STORE_PUT,
                                .key = span_of(body, STORE_KEY_MAX),
                                .value = span_of(body, STORE_VALUE_MAX)};
    struct buf buf;
    bool found;

    assert_ok(store_contract_rig_do(rig, &op, 1).e);
    buf_init(&buf, STORE_VALUE_MAX);
    assert_ok(store_get(rig->store, op.key, &buf, &found));
    assert_true(found);
    assert_bytes(buf_span(&buf), op.value);
    buf_fini(&buf);
    buf_init(&buf, 10);
    assert_int_equal(store_get(rig->store, op.key, &buf, &found), ERR_LIMIT);
    buf_fini(&buf);
}

static void streams_have_a_maximum_and_a_name_is_one_stream(void **state)
{
    struct store_contract_rig *rig = *state;
    struct store_stream *first = store_contract_rig_stream(rig, "/0");
    struct store_stream *stream;

    for (int i = 0; i < STORE_CONTRACT_STREAMS_MAX; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "/%d", i);
        stream = store_contract_rig_stream(rig, name);
        assert_bytes(stream->name, span_str(name));
        assert_ptr_equal(store_contract_rig_stream(rig, name), stream);
    }
    assert_int_equal(store_open_stream(rig->store, SPAN("/more"), STORE_KEEP_ALL, &stream),
                     ERR_LIMIT);
    assert_ptr_equal(store_contract_rig_stream(rig, "/0"), first);
}

static void a_corrupt_record_is_named_and_skipped(void **state)
{
    struct store_contract_rig *rig = *state;
    struct store_stream *stream = store_contract_rig_stream(rig, "/fx");

    if (store_contract_rig_kind->no_corruption != NULL) {
        print_message("not here: %s\n", store_contract_rig_kind->no_corruption);
        skip();
    }
    for (int i = 0; i < 4; i++) {
        store_contract_rig_append(rig, stream, "a body that can be found");
    }
    store_close(rig->store);
    rig->store = NULL;
    store_contract_rig_kind->corrupt(rig, "/fx", 2);
    store_contract_rig_kind->corrupt(rig, "/fx", 4);
    assert_ok(store_contract_rig_kind->open(rig));
    stream = store_contract_rig_stream(rig, "/fx");
    for (unsigned times = 1; times <= 10; times++) {
        struct store_contract_rig_seen seen = store_contract_rig_read(stream, 0, 0);

        assert_int_equal(seen.count, 2);
        assert_int_equal(seen.eids[0], 1);
        assert_int_equal(seen.eids[1], 3);
        assert_int_equal(seen.next, 5);
        assert_int_equal(stream->corrupt_count, 2 * times);
        assert_int_equal(rig->store->corrupt_count, 2 * times);
    }
    assert_non_null(strstr(rig->said, "event 2 of /fx cannot be read, its checksum is wrong: "
                                      "it is skipped\n"));
    assert_non_null(strstr(rig->said, "event 4 of /fx cannot be read"));
    assert_non_null(strstr(rig->said, "; more of this stream are only counted\n"));
    assert_int_equal(store_contract_rig_append(rig, stream, "x"), 5);
    store_contract_rig_change(rig, STORE_REMOVE, stream, 2);
    store_contract_rig_change(rig, STORE_REMOVE, stream, 4);
    store_contract_rig_assert_eids(stream, (const uint64_t[]){1, 3, 5}, 3);
}

static void on_any(void *ctx, enum err e, const uint64_t *eids)
{
    (void)eids;
    assert_true(e == OK || e == ERR_NOMEM);
    *(bool *)ctx = true;
}

static bool any_event(void *ctx, const struct event *event)
{
    (void)ctx, (void)event;
    return true;
}

static void use_everything(struct store_contract_rig *rig)
{
    const struct event_parts parts = {.body = SPAN("x")};
    struct store_op ops[] = {{.type = STORE_APPEND},
                             {.type = STORE_PUT, .key = SPAN("k"), .value = SPAN("v")}};
    struct store_stream *stream;
    bool is_told = false;
    uint64_t next;

    if (store_open_stream(rig->store, SPAN("/fx"), STORE_KEEP_ALL, &stream) != OK ||
        event_new(0, &parts, &ops[0].event) != OK) {
        return;
    }
    ops[0].stream = stream;
    if (store_submit(rig->store, ops, 2, on_any, &is_told) == OK) {
        while (!is_told) {
            store_contract_rig_kind->turn(rig);
        }
    }
    event_unref(ops[0].event);
    assert_true(store_read(stream, 0, any_event, NULL, &next) != ERR_IO);
}

static void open_use_and_close(void)
{
    void *state;
    struct store_contract_rig *rig;

    rig = calloc(1, sizeof *rig);
    if (rig == NULL) {
        return;
    }
    rig->rng = rng_seeded(1);
    store_contract_rig_kind->begin(rig);
    if (rig->own != NULL && store_contract_rig_kind->open(rig) == OK) {
        use_everything(rig);
    }
    state = rig;
    store_contract_rig_end(&state);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    if (store_contract_rig_kind->no_oom != NULL) {
        print_message("not here: %s\n", store_contract_rig_kind->no_oom);
        skip();
    }
    every_oom(open_use_and_close);
}

/* ---- beside the reference ---- */

struct beside {
    struct store_contract_rig *rig;
    struct store *model;
    struct store_stream *streams[3];
    struct store_stream *models[3];
    struct rng dice;
    struct buf text; /* what a store shows, as text */
};

static bool print_event(void *ctx, const struct event *event)
{
    struct span shown = event_body(event);

    assert_ok(buf_printf(ctx, "%llu:%.*s ", (unsigned long long)event->eid, SPAN_ARG(shown)));
    return true;
}

static bool print_key(void *ctx, struct span key, struct span value)
{
    assert_ok(buf_printf(ctx, "%.*s=%.*s ", SPAN_ARG(key), SPAN_ARG(value)));
    return true;
}

static void print_store(struct buf *text, struct store *store, struct store_stream **streams)
{
    for (size_t i = 0; i < 3; i++) {
        struct store_stream *stream = streams[i];
        uint64_t next = 0;

        assert_ok(
            buf_printf(text, "[%llu %llu %llu %llu] ", (unsigned long long)stream->first_eid,
                       (unsigned long long)stream->next_eid, (unsigned long long)stream->count,
                       (unsigned long long)stream->bytes));
        do {
            assert_ok(store_read(stream, next, print_event, text, &next));
        } while (next < stream->next_eid);
    }
    assert_ok(store_list(store, SPAN(""), print_key, text));
}

static void assert_same(struct beside *beside)
{
    struct buf expected;

    buf_init(&expected, 1024 * 1024);
    buf_truncate(&beside->text, 0);
    print_store(&expected, beside->model, beside->models);
    print_store(&beside->text, beside->rig->store, beside->streams);
    assert_bytes(buf_span(&beside->text), buf_span(&expected));
    buf_fini(&expected);
}

static void open_streams(struct store *store, struct store_stream **streams)
{
    static const char *const names[] = {"/a", "/b", "/c"};

    for (size_t i = 0; i < 3; i++) {
        assert_ok(store_open_stream(store, span_str(names[i]), STORE_KEEP_ALL, &streams[i]));
    }
}

static void roll_op(struct beside *beside, struct store_op *op, size_t which, char *key)
{
    uint32_t roll = rng_u32(&beside->dice) % 100;
    uint64_t next = beside->streams[which]->next_eid;

    *op = (struct store_op){.eid = next - rng_u32(&beside->dice) % 20};
    key[0] = (char)('a' + rng_u32(&beside->dice) % 10);
    if (roll < 50) {
        char text[300];
        size_t len = 1 + rng_u32(&beside->dice) % (sizeof text - 1);

        memset(text, 'A' + (int)(len % 26), len);
        op->type = STORE_APPEND;
        op->event = store_contract_rig_event(span_of(text, len));
    } else if (roll < 70) {
        op->type = STORE_REMOVE;
    } else if (roll < 80) {
        op->type = STORE_TRIM;
    } else if (roll < 82) {
        op->type = STORE_PURGE;
    } else if (roll < 85) {
        op->type = STORE_RESERVE;
        op->eid = next + op->eid % 8;
    } else {
        op->type = roll < 95 ? STORE_PUT : STORE_DELETE;
        op->key = span_of(key, 1);
        op->value = roll < 95 ? span_of("value", roll % 5) : SPAN("");
    }
}

static void submit_to_both(struct beside *beside)
{
    struct store_contract_rig_told told = {0}, model = {0};
    size_t count = 1 + rng_u32(&beside->dice) % 6;
    struct store_op ops[6], same[6];
    char keys[6];

    for (size_t i = 0; i < count; i++) {
        size_t which = rng_u32(&beside->dice) % 3;

        roll_op(beside, &ops[i], which, &keys[i]);
        same[i] = ops[i];
        ops[i].stream = beside->streams[which];
        same[i].stream = beside->models[which];
    }
    told.count = model.count = count;
    assert_ok(store_submit(beside->model, same, count, store_contract_rig_on_done, &model));
    store_mem_run(beside->model, 1);
    told = store_contract_rig_do(beside->rig, ops, count);
    assert_ok(told.e);
    assert_ok(model.e);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(told.eids[i], model.eids[i]);
        event_unref(ops[i].event);
    }
}

static void a_long_random_run_ends_as_the_reference_does(void **state)
{
    struct store_contract_rig *rig = *state;
    struct rng rng = rng_seeded(7);
    const struct store_mem_conf conf = {.bytes_max = UINT64_MAX,
                                        .streams_max = 3,
                                        .pending_bytes_max = STORE_CONTRACT_PENDING_MAX,
                                        .rng = &rng};
    struct beside beside = {.rig = rig, .dice = rng_seeded(42)};
    struct store_mem_disk *disk;

    buf_init(&beside.text, 1024 * 1024);
    assert_ok(store_mem_disk_new(&disk));
    assert_ok(store_mem_open(&conf, disk, &beside.model));
    open_streams(beside.model, beside.models);
    open_streams(rig->store, beside.streams);
    for (int step = 1; step <= 600; step++) {
        submit_to_both(&beside);
        if (step % 50 == 0) {
            assert_same(&beside);
        }
        if (step % 200 == 0) {
            store_contract_rig_restart(rig);
            open_streams(rig->store, beside.streams);
            assert_same(&beside);
        }
    }
    store_close(beside.model);
    store_mem_disk_free(disk);
    buf_fini(&beside.text);
}

int store_contract_rig_run_limits(void)
{
#define PROMISE(test) \
    cmocka_unit_test_setup_teardown(test, store_contract_rig_begin, store_contract_rig_end)
    const struct CMUnitTest tests[] = {
        PROMISE(all_of_a_submission_is_stored_or_nothing),
        PROMISE(a_full_store_loses_nothing_and_works_again_when_there_is_room),
        PROMISE(a_full_store_is_emptied_one_by_one_with_notes),
        PROMISE(what_is_pending_has_a_maximum),
        PROMISE(one_event_over_the_pending_maximum_has_its_turn_alone),
        PROMISE(names_keys_values_and_counts_over_their_maximum_are_refused),
        PROMISE(the_longest_key_and_value_are_kept),
        PROMISE(streams_have_a_maximum_and_a_name_is_one_stream),
        PROMISE(a_corrupt_record_is_named_and_skipped),
        PROMISE(a_long_random_run_ends_as_the_reference_does),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };
#undef PROMISE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
