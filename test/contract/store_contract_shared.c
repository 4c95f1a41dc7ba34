/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "contract/store_contract_shared.h"

#include "contract/store_contract_lock.h"
#include "contract/store_contract_pair.h"
#include "contract/store_contract_queue.h"

#include <stdio.h>
#include <stdlib.h>

static void what_another_appends_is_told_with_its_bytes(void **state)
{
    struct store_contract_pair pair;

    store_contract_pair_begin(&pair, state, STORE_KEEP_ALL);
    assert_int_equal(pair.realms[0].stream->epoch, pair.realms[1].stream->epoch);
    assert_int_equal(store_contract_pair_append(&pair, 0, "a"), 1);
    assert_int_equal(store_contract_pair_append(&pair, 0, "b"), 2);
    store_contract_pair_await(&pair, 1, "+1:a +2:b ");
    assert_string_equal(pair.realms[0].log, ""); /* one's own come with `done` */
    assert_int_equal(store_contract_pair_append(&pair, 1, "c"), 3);
    store_contract_pair_await(&pair, 0, "+3:c ");
    store_contract_rig_assert_eids(pair.realms[0].stream, (const uint64_t[]){1, 2, 3}, 3);
    store_contract_rig_assert_eids(pair.realms[1].stream, (const uint64_t[]){1, 2, 3}, 3);
    store_contract_pair_end(&pair);
}

/* A submission that notes its event in the realm's log, as on_event does. */
struct sent {
    struct store_contract_pair_realm *realm;
    struct event *event;
    size_t *left;
};

static void note_done(void *ctx, enum err e, const uint64_t *eids)
{
    struct sent *sent = ctx;

    assert_ok(e);
    assert_int_equal(sent->realm->stream->next_eid, eids[0] + 1);
    store_contract_pair_note_event(sent->realm, sent->event, eids[0]);
    event_unref(sent->event);
    (*sent->left)--;
    free(sent);
}

static void send_one(struct store_contract_pair *pair, size_t which, int number, size_t *left)
{
    struct sent *sent = calloc(1, sizeof *sent);
    struct store_op op = {.type = STORE_APPEND, .stream = pair->realms[which].stream};
    char body[16];

    (void)snprintf(body, sizeof body, "%c%d", which == 0 ? 'a' : 'b', number);
    sent->realm = &pair->realms[which];
    sent->event = op.event = store_contract_rig_event(span_str(body));
    sent->left = left;
    (*left)++;
    assert_ok(store_submit(pair->realms[which].store, &op, 1, note_done, sent));
}

static void both_are_told_the_same_in_the_same_order(void **state)
{
    struct rng dice = rng_seeded(5);
    size_t left = 0;
    struct store_contract_pair pair;

    store_contract_pair_begin(&pair, state, STORE_KEEP_ALL);
    for (int i = 0; i < 300; i++) {
        send_one(&pair, rng_u32(&dice) % 2, i, &left);
        while (rng_u32(&dice) % 3 == 0) {
            store_contract_pair_turn(&pair, rng_u32(&dice) % 2);
        }
    }
    while (left > 0 || pair.realms[0].stream->next_eid != pair.realms[1].stream->next_eid) {
        store_contract_pair_turn(&pair, 0);
        store_contract_pair_turn(&pair, 1);
    }
    assert_string_equal(pair.realms[0].log, pair.realms[1].log);
    assert_int_equal(pair.realms[0].stream->next_eid, 301);
    store_contract_pair_end(&pair);
}

static void await_gone(struct store_contract_pair *pair, size_t which, const uint64_t *eids,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        while (!pair->realms[which].gone[eids[i]]) {
            store_contract_pair_turn(pair, which);
        }
    }
}

static void what_another_removes_is_told(void **state)
{
    struct store_contract_pair pair;

    store_contract_pair_begin(&pair, state, STORE_KEEP_ALL);
    for (int i = 0; i < 6; i++) {
        store_contract_pair_append(&pair, 0, "x");
    }
    store_contract_pair_await(&pair, 1, "+6:x ");
    store_contract_pair_change(&pair, 1, STORE_REMOVE, 4);
    await_gone(&pair, 0, (const uint64_t[]){4}, 1);
    store_contract_rig_assert_eids(pair.realms[0].stream, (const uint64_t[]){1, 2, 3, 5, 6}, 5);
    assert_false(pair.realms[0].gone[3] || pair.realms[0].gone[5]);
    store_contract_pair_change(&pair, 0, STORE_TRIM, 0); /* nothing is below it */
    store_contract_pair_change(&pair, 0, STORE_TRIM, 3);
    await_gone(&pair, 1, (const uint64_t[]){1, 2}, 2);
    store_contract_rig_assert_eids(pair.realms[1].stream, (const uint64_t[]){3, 5, 6}, 3);
    assert_false(pair.realms[1].gone[3] || pair.realms[1].gone[5]);
    store_contract_pair_change(&pair, 0, STORE_PURGE, 0);
    await_gone(&pair, 1, (const uint64_t[]){3, 5, 6}, 3);
    store_contract_rig_assert_eids(pair.realms[1].stream, NULL, 0);
    assert_false(pair.realms[1].gone[7]);
    assert_int_equal(store_contract_pair_append(&pair, 1, "y"), 7);
    store_contract_pair_end(&pair);
}

static void who_opens_a_stream_late_finds_what_is_there(void **state)
{
    struct store_contract_pair pair;
    struct store *third;
    struct store_stream *stream;
    uint64_t epoch;

    store_contract_pair_begin(&pair, state, STORE_KEEP_ALL);
    store_contract_pair_append(&pair, 0, "a");
    store_contract_pair_append(&pair, 1, "b");
    store_contract_pair_change(&pair, 0, STORE_REMOVE, 1);
    store_contract_pair_put(&pair, 1, "k", "v");
    epoch = pair.realms[0].stream->epoch;
    assert_ok(store_contract_rig_kind->open_second(pair.rig, &third));
    assert_ok(store_open_stream(third, SPAN("/q"), STORE_KEEP_ALL, &stream));
    assert_int_equal(stream->epoch, epoch);
    store_contract_rig_assert_eids(stream, (const uint64_t[]){2}, 1);
    assert_int_equal(stream->next_eid, 3);
    store_close(third);
    store_contract_pair_end(&pair);
}

static void what_another_puts_and_deletes_is_told(void **state)
{
    struct store_contract_pair pair;
    struct buf value;
    bool found;

    store_contract_pair_begin(&pair, state, STORE_KEEP_ALL);
    store_contract_pair_put(&pair, 0, "k", "v");
    store_contract_pair_await(&pair, 1, "k=v ");
    buf_init(&value, 10);
    assert_ok(store_get(pair.realms[1].store, SPAN("k"), &value, &found));
    assert_true(found);
    assert_bytes(buf_span(&value), SPAN("v"));
    buf_fini(&value);
    store_contract_pair_put(&pair, 0, "k", "");
    store_contract_pair_await(&pair, 1, "k= ");
    store_contract_pair_put(&pair, 1, "k", NULL);
    store_contract_pair_await(&pair, 0, "k! ");
    store_contract_rig_assert_value(pair.rig, "k", NULL);
    store_contract_pair_end(&pair);
}

static void a_publish_id_that_another_has_just_used_appends_nothing(void **state)
{
    const struct event_parts parts = {.body = SPAN("x"), .publish_id = SPAN("id-1")};
    struct store_op ops[2] = {{.type = STORE_APPEND}, {.type = STORE_APPEND}};
    struct store_contract_rig_told told;
    struct store_contract_pair pair;

    store_contract_pair_begin(&pair, state, STORE_KEEP_ALL);
    assert_ok(event_new(0, &parts, &ops[0].event));
    ops[1].event = store_contract_rig_event(SPAN("y"));
    ops[0].stream = pair.realms[0].stream;
    store_contract_pair_submit(&pair, 0, ops, 1, &told);
    assert_int_equal(told.eids[0], 1);
    ops[0].stream = ops[1].stream = pair.realms[1].stream;
    store_contract_pair_submit(&pair, 1, ops, 2, &told);
    assert_int_equal(told.eids[0], 1);
    assert_int_equal(told.eids[1], 2);
    assert_string_equal(pair.realms[1].log, "+1:x "); /* told before */
    store_contract_pair_await(&pair, 0, "+2:y ");
    store_contract_rig_assert_eids(pair.realms[0].stream, (const uint64_t[]){1, 2}, 2);
    event_unref(ops[0].event);
    event_unref(ops[1].event);
    store_contract_pair_end(&pair);
}

static void what_is_not_kept_is_told_to_those_who_are_there(void **state)
{
    struct store_stream *stream;
    struct store *third;
    struct store_contract_pair pair;

    store_contract_pair_begin(&pair, state, STORE_KEEP_NONE);
    assert_int_equal(store_contract_pair_append(&pair, 0, "a"), 1);
    assert_int_equal(store_contract_pair_append(&pair, 1, "b"), 2);
    store_contract_pair_await(&pair, 1, "+1:a ");
    store_contract_pair_await(&pair, 0, "+2:b ");
    store_contract_rig_assert_eids(pair.realms[0].stream, NULL, 0);
    store_contract_rig_assert_eids(pair.realms[1].stream, NULL, 0);
    assert_ok(store_contract_rig_kind->open_second(pair.rig, &third));
    assert_ok(store_open_stream(third, SPAN("/q"), STORE_KEEP_NONE, &stream));
    store_contract_rig_assert_eids(stream, NULL, 0);
    store_close(third);
    assert_int_equal(store_contract_pair_append(&pair, 0, "c"), 3);
    store_contract_pair_end(&pair);
}

int store_contract_shared_run(void)
{
#define PROMISE(test) \
    cmocka_unit_test_setup_teardown(test, store_contract_rig_begin, store_contract_rig_end)
    const struct CMUnitTest tests[] = {
        PROMISE(what_another_appends_is_told_with_its_bytes),
        PROMISE(both_are_told_the_same_in_the_same_order),
        PROMISE(what_another_removes_is_told),
        PROMISE(who_opens_a_stream_late_finds_what_is_there),
        PROMISE(what_another_puts_and_deletes_is_told),
        PROMISE(a_publish_id_that_another_has_just_used_appends_nothing),
        PROMISE(what_is_not_kept_is_told_to_those_who_are_there),
    };
#undef PROMISE

    return cmocka_run_group_tests(tests, NULL, NULL) + store_contract_lock_run() +
           store_contract_queue_run();
}
