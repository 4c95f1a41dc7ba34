/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "contract/store_contract_shared.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LOG_BYTES = 16 * 1024,
    GONE_MAX = 16
};

/* One of the two, and what it was told: "+3:body " its own and others' events, "k=v " and "k! "
 * keys, "lock:theirs(value) " locks. */
struct realm {
    struct store *store;
    struct store_stream *stream; /* "/q" */
    char log[LOG_BYTES];
    bool gone[GONE_MAX]; /* EIDs that are stored no longer */
};

struct pair {
    struct store_contract_rig *rig;
    struct realm realms[2]; /* the first has the rig's store */
};

static void note(struct realm *realm, const char *text)
{
    size_t used = strlen(realm->log);

    assert_true(used + strlen(text) < sizeof realm->log);
    memcpy(realm->log + used, text, strlen(text) + 1);
}

static void note_event(struct realm *realm, const struct event *event, uint64_t eid)
{
    struct span body = event_body(event);
    char text[64];

    (void)snprintf(text, sizeof text, "+%llu:%.*s ", (unsigned long long)eid, SPAN_ARG(body));
    note(realm, text);
}

static bool stop_at_first(void *ctx, const struct event *event)
{
    *(uint64_t *)ctx = event->eid;
    return false;
}

static void on_event(void *ctx, struct event *event)
{
    struct realm *realm = ctx;
    uint64_t shown = 0, next;

    assert_int_equal(realm->stream->next_eid, event->eid + 1);
    assert_ok(store_read(realm->stream, event->eid, stop_at_first, &shown, &next));
    assert_true(shown == event->eid || realm->stream->count == 0);
    event_unref(event_ref(event)); /* its bytes are its own */
    note_event(realm, event, event->eid);
}

static void on_gone(void *ctx, uint64_t first_eid, uint64_t last_eid)
{
    struct realm *realm = ctx;

    assert_true(first_eid <= last_eid);
    for (uint64_t eid = first_eid; eid <= last_eid && eid < GONE_MAX; eid++) {
        realm->gone[eid] = true;
    }
}

static void on_key(void *ctx, struct span key, const struct span *value)
{
    char text[128];

    if (value == NULL) {
        (void)snprintf(text, sizeof text, "%.*s! ", SPAN_ARG(key));
    } else {
        (void)snprintf(text, sizeof text, "%.*s=%.*s ", SPAN_ARG(key), SPAN_ARG(*value));
    }
    note(ctx, text);
}

static const char *word_of(enum store_lock_state state)
{
    static const char *const words[] = {
        [STORE_LOCK_FREE] = "free", [STORE_LOCK_OURS] = "ours", [STORE_LOCK_THEIRS] = "theirs"};

    return words[state];
}

static void on_lock(void *ctx, struct span key, enum store_lock_state state, struct span value)
{
    struct realm *realm = ctx;
    struct span known;
    char text[128];

    assert_int_equal(store_lock_state(realm->store, key, &known), state);
    assert_bytes(known, value);
    (void)snprintf(text, sizeof text, "%.*s:%s(%.*s) ", SPAN_ARG(key), word_of(state),
                   SPAN_ARG(value));
    note(realm, text);
}

static void watch(struct realm *realm, enum store_keep keep)
{
    static const struct store_stream_watch stream_watch = {on_event, on_gone};
    static const struct store_watch store_watch = {on_key, on_lock};

    assert_true(realm->store->is_shared);
    realm->store->watch = &store_watch;
    realm->store->watch_ctx = realm;
    assert_ok(store_open_stream(realm->store, SPAN("/q"), keep, &realm->stream));
    realm->stream->watch = &stream_watch;
    realm->stream->watch_ctx = realm;
}

static void begin(struct pair *pair, void **state, enum store_keep keep)
{
    *pair = (struct pair){.rig = *state};
    pair->realms[0].store = pair->rig->store;
    assert_ok(store_contract_rig_kind->open_second(pair->rig, &pair->realms[1].store));
    watch(&pair->realms[0], keep);
    watch(&pair->realms[1], keep);
}

static void end(struct pair *pair)
{
    store_close(pair->realms[1].store);
}

static void turn(struct pair *pair, size_t which)
{
    store_contract_rig_kind->turn_one(pair->rig, pair->realms[which].store);
}

/* Until the realm was told this, as the newest. */
static void await(struct pair *pair, size_t which, const char *tail)
{
    const char *log = pair->realms[which].log;

    while (strlen(log) < strlen(tail) || strcmp(log + strlen(log) - strlen(tail), tail) != 0) {
        turn(pair, which);
    }
}

static void submit_in(struct pair *pair, size_t which, const struct store_op *ops, size_t count,
                      struct store_contract_rig_told *told)
{
    *told = (struct store_contract_rig_told){.count = count};
    assert_ok(
        store_submit(pair->realms[which].store, ops, count, store_contract_rig_on_done, told));
    while (told->times == 0) {
        turn(pair, which);
    }
    assert_int_equal(told->times, 1);
    assert_ok(told->e);
}

static uint64_t append_in(struct pair *pair, size_t which, const char *body)
{
    struct event *event = store_contract_rig_event(span_str(body));
    const struct store_op op = {
        .type = STORE_APPEND, .stream = pair->realms[which].stream, .event = event};
    struct store_contract_rig_told told;

    submit_in(pair, which, &op, 1, &told);
    event_unref(event);
    return told.eids[0];
}

static void change_in(struct pair *pair, size_t which, enum store_op_type type, uint64_t eid)
{
    const struct store_op op = {.type = type, .stream = pair->realms[which].stream, .eid = eid};
    struct store_contract_rig_told told;

    submit_in(pair, which, &op, 1, &told);
}

static void put_in(struct pair *pair, size_t which, const char *key, const char *value)
{
    const struct store_op op = {.type = value == NULL ? STORE_DELETE : STORE_PUT,
                                .key = span_str(key),
                                .value = span_str(value)};
    struct store_contract_rig_told told;

    submit_in(pair, which, &op, 1, &told);
}

/* ---- events and keys ---- */

static void what_another_appends_is_told_with_its_bytes(void **state)
{
    struct pair pair;

    begin(&pair, state, STORE_KEEP_ALL);
    assert_int_equal(pair.realms[0].stream->epoch, pair.realms[1].stream->epoch);
    assert_int_equal(append_in(&pair, 0, "a"), 1);
    assert_int_equal(append_in(&pair, 0, "b"), 2);
    await(&pair, 1, "+1:a +2:b ");
    assert_string_equal(pair.realms[0].log, ""); /* one's own come with `done` */
    assert_int_equal(append_in(&pair, 1, "c"), 3);
    await(&pair, 0, "+3:c ");
    store_contract_rig_assert_eids(pair.realms[0].stream, (const uint64_t[]){1, 2, 3}, 3);
    store_contract_rig_assert_eids(pair.realms[1].stream, (const uint64_t[]){1, 2, 3}, 3);
    end(&pair);
}

/* A submission that notes its event in the realm's log, as on_event does. */
struct sent {
    struct realm *realm;
    struct event *event;
    size_t *left;
};

static void note_done(void *ctx, enum err e, const uint64_t *eids)
{
    struct sent *sent = ctx;

    assert_ok(e);
    assert_int_equal(sent->realm->stream->next_eid, eids[0] + 1);
    note_event(sent->realm, sent->event, eids[0]);
    event_unref(sent->event);
    (*sent->left)--;
    free(sent);
}

static void send_one(struct pair *pair, size_t which, int number, size_t *left)
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
    struct pair pair;

    begin(&pair, state, STORE_KEEP_ALL);
    for (int i = 0; i < 300; i++) {
        send_one(&pair, rng_u32(&dice) % 2, i, &left);
        while (rng_u32(&dice) % 3 == 0) {
            turn(&pair, rng_u32(&dice) % 2);
        }
    }
    while (left > 0 || pair.realms[0].stream->next_eid != pair.realms[1].stream->next_eid) {
        turn(&pair, 0);
        turn(&pair, 1);
    }
    assert_string_equal(pair.realms[0].log, pair.realms[1].log);
    assert_int_equal(pair.realms[0].stream->next_eid, 301);
    end(&pair);
}

static void await_gone(struct pair *pair, size_t which, const uint64_t *eids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        while (!pair->realms[which].gone[eids[i]]) {
            turn(pair, which);
        }
    }
}

static void what_another_removes_is_told(void **state)
{
    struct pair pair;

    begin(&pair, state, STORE_KEEP_ALL);
    for (int i = 0; i < 6; i++) {
        append_in(&pair, 0, "x");
    }
    await(&pair, 1, "+6:x ");
    change_in(&pair, 1, STORE_REMOVE, 4);
    await_gone(&pair, 0, (const uint64_t[]){4}, 1);
    store_contract_rig_assert_eids(pair.realms[0].stream, (const uint64_t[]){1, 2, 3, 5, 6}, 5);
    assert_false(pair.realms[0].gone[3] || pair.realms[0].gone[5]);
    change_in(&pair, 0, STORE_TRIM, 3);
    await_gone(&pair, 1, (const uint64_t[]){1, 2}, 2);
    store_contract_rig_assert_eids(pair.realms[1].stream, (const uint64_t[]){3, 5, 6}, 3);
    assert_false(pair.realms[1].gone[3]);
    change_in(&pair, 0, STORE_PURGE, 0);
    await_gone(&pair, 1, (const uint64_t[]){3, 5, 6}, 3);
    store_contract_rig_assert_eids(pair.realms[1].stream, NULL, 0);
    assert_false(pair.realms[1].gone[7]);
    assert_int_equal(append_in(&pair, 1, "y"), 7);
    end(&pair);
}

static void who_opens_a_stream_late_finds_what_is_there(void **state)
{
    struct pair pair;
    struct store *third;
    struct store_stream *stream;
    uint64_t epoch;

    begin(&pair, state, STORE_KEEP_ALL);
    append_in(&pair, 0, "a");
    append_in(&pair, 1, "b");
    change_in(&pair, 0, STORE_REMOVE, 1);
    put_in(&pair, 1, "k", "v");
    epoch = pair.realms[0].stream->epoch;
    assert_ok(store_contract_rig_kind->open_second(pair.rig, &third));
    assert_ok(store_open_stream(third, SPAN("/q"), STORE_KEEP_ALL, &stream));
    assert_int_equal(stream->epoch, epoch);
    store_contract_rig_assert_eids(stream, (const uint64_t[]){2}, 1);
    assert_int_equal(stream->next_eid, 3);
    store_close(third);
    end(&pair);
}

static void what_another_puts_and_deletes_is_told(void **state)
{
    struct pair pair;
    struct buf value;
    bool found;

    begin(&pair, state, STORE_KEEP_ALL);
    put_in(&pair, 0, "k", "v");
    await(&pair, 1, "k=v ");
    buf_init(&value, 10);
    assert_ok(store_get(pair.realms[1].store, SPAN("k"), &value, &found));
    assert_true(found);
    assert_bytes(buf_span(&value), SPAN("v"));
    buf_fini(&value);
    put_in(&pair, 0, "k", "");
    await(&pair, 1, "k= ");
    put_in(&pair, 1, "k", NULL);
    await(&pair, 0, "k! ");
    store_contract_rig_assert_value(pair.rig, "k", NULL);
    end(&pair);
}

static void a_publish_id_that_another_has_just_used_appends_nothing(void **state)
{
    const struct event_parts parts = {.body = SPAN("x"), .publish_id = SPAN("id-1")};
    struct store_op ops[2] = {{.type = STORE_APPEND}, {.type = STORE_APPEND}};
    struct store_contract_rig_told told;
    struct pair pair;

    begin(&pair, state, STORE_KEEP_ALL);
    assert_ok(event_new(0, &parts, &ops[0].event));
    ops[1].event = store_contract_rig_event(SPAN("y"));
    ops[0].stream = pair.realms[0].stream;
    submit_in(&pair, 0, ops, 1, &told);
    assert_int_equal(told.eids[0], 1);
    ops[0].stream = ops[1].stream = pair.realms[1].stream;
    submit_in(&pair, 1, ops, 2, &told);
    assert_int_equal(told.eids[0], 1);
    assert_int_equal(told.eids[1], 2);
    assert_string_equal(pair.realms[1].log, "+1:x "); /* told before */
    await(&pair, 0, "+2:y ");
    store_contract_rig_assert_eids(pair.realms[0].stream, (const uint64_t[]){1, 2}, 2);
    event_unref(ops[0].event);
    event_unref(ops[1].event);
    end(&pair);
}

static void what_is_not_kept_is_told_to_those_who_are_there(void **state)
{
    struct store_stream *stream;
    struct store *third;
    struct pair pair;

    begin(&pair, state, STORE_KEEP_NONE);
    assert_int_equal(append_in(&pair, 0, "a"), 1);
    assert_int_equal(append_in(&pair, 1, "b"), 2);
    await(&pair, 1, "+1:a ");
    await(&pair, 0, "+2:b ");
    store_contract_rig_assert_eids(pair.realms[0].stream, NULL, 0);
    store_contract_rig_assert_eids(pair.realms[1].stream, NULL, 0);
    assert_ok(store_contract_rig_kind->open_second(pair.rig, &third));
    assert_ok(store_open_stream(third, SPAN("/q"), STORE_KEEP_NONE, &stream));
    store_contract_rig_assert_eids(stream, NULL, 0);
    store_close(third);
    assert_int_equal(append_in(&pair, 0, "c"), 3);
    end(&pair);
}

/* ---- locks ---- */

struct asked {
    unsigned times;
    enum err e;
    char value[STORE_LOCK_VALUE_MAX + 1];
};

static void on_locked(void *ctx, enum err e, struct span value)
{
    struct asked *asked = ctx;

    asked->times++;
    asked->e = e;
    (void)snprintf(asked->value, sizeof asked->value, "%.*s", SPAN_ARG(value));
}

static struct asked lock_in(struct pair *pair, size_t which, const char *key)
{
    struct asked asked = {0};

    assert_ok(store_lock(pair->realms[which].store, span_str(key), on_locked, &asked));
    assert_int_equal(asked.times, 0);
    while (asked.times == 0) {
        turn(pair, which);
    }
    assert_int_equal(asked.times, 1);
    return asked;
}

static enum store_lock_state state_in(const struct pair *pair, size_t which, const char *key)
{
    return store_lock_state(pair->realms[which].store, span_str(key), NULL);
}

static void a_lock_goes_from_one_to_the_other_with_what_was_left(void **state)
{
    struct asked asked;
    struct pair pair;

    begin(&pair, state, STORE_KEEP_ALL);
    asked = lock_in(&pair, 0, "l");
    assert_ok(asked.e);
    assert_string_equal(asked.value, "");
    assert_int_equal(state_in(&pair, 0, "l"), STORE_LOCK_OURS);
    await(&pair, 1, "l:theirs() ");
    assert_int_equal(store_lock(pair.realms[1].store, SPAN("l"), on_locked, &asked), ERR_AGAIN);
    assert_ok(lock_in(&pair, 1, "another").e);
    store_unlock(pair.realms[0].store, SPAN("l"), SPAN("one"));
    assert_int_equal(state_in(&pair, 0, "l"), STORE_LOCK_FREE);
    await(&pair, 1, "l:free(one) ");
    asked = lock_in(&pair, 1, "l");
    assert_ok(asked.e);
    assert_string_equal(asked.value, "one");
    await(&pair, 0, "l:theirs(one) ");
    store_unlock(pair.realms[1].store, SPAN("l"), SPAN(""));
    await(&pair, 0, "l:free() ");
    asked = lock_in(&pair, 0, "l");
    assert_ok(asked.e);
    assert_string_equal(asked.value, "");
    end(&pair);
}

static void of_two_who_ask_one_has_the_lock(void **state)
{
    struct pair pair;
    unsigned granted[2] = {0, 0};

    begin(&pair, state, STORE_KEEP_ALL);
    for (unsigned i = 0; i < 20; i++) {
        struct asked asked[2] = {{.times = 0}, {.times = 0}};
        size_t first = i % 2;
        char key[8];

        (void)snprintf(key, sizeof key, "l%u", i);
        for (size_t n = 0; n < 2; n++) {
            assert_ok(store_lock(pair.realms[n].store, span_str(key), on_locked, &asked[n]));
        }
        while (asked[0].times == 0 || asked[1].times == 0) {
            turn(&pair, first);
            turn(&pair, 1 - first);
        }
        for (size_t n = 0; n < 2; n++) {
            granted[n] += asked[n].e == OK;
            assert_true(asked[n].e == OK || asked[n].e == ERR_AGAIN);
        }
        assert_int_equal(granted[0] + granted[1], i + 1);
    }
    end(&pair);
}

static void who_has_a_lock_was_told_what_its_last_holder_did(void **state)
{
    struct pair pair;

    begin(&pair, state, STORE_KEEP_ALL);
    for (uint64_t i = 0; i < 40; i++) {
        size_t which = i / 3 % 2;
        struct asked asked;

        while (state_in(&pair, which, "l") == STORE_LOCK_THEIRS) {
            turn(&pair, which);
        }
        while ((asked = lock_in(&pair, which, "l")).e != OK) {
            assert_int_equal(asked.e, ERR_AGAIN);
        }
        assert_int_equal(pair.realms[which].stream->next_eid, i + 1);
        assert_int_equal(pair.realms[which].stream->count, i > 0);
        append_in(&pair, which, "x");
        change_in(&pair, which, STORE_TRIM, i + 1);
        store_unlock(pair.realms[which].store, SPAN("l"), i % 2 == 0 ? SPAN("v") : SPAN(""));
    }
    end(&pair);
}

static void who_closes_gives_its_locks_back(void **state)
{
    struct pair pair;

    begin(&pair, state, STORE_KEEP_ALL);
    assert_ok(lock_in(&pair, 1, "l").e);
    store_unlock(pair.realms[1].store, SPAN("l"), SPAN("left"));
    assert_ok(lock_in(&pair, 1, "l").e);
    await(&pair, 0, "l:theirs(left) ");
    end(&pair);
    await(&pair, 0, "l:free(left) ");
    assert_string_equal(lock_in(&pair, 0, "l").value, "left");
}

static void the_locks_of_a_realm_that_dies_are_free(void **state)
{
    struct pair pair;
    struct asked never = {.times = 0};

    begin(&pair, state, STORE_KEEP_ALL);
    assert_ok(lock_in(&pair, 1, "l").e);
    assert_ok(store_lock(pair.realms[1].store, SPAN("asked"), on_locked, &never));
    await(&pair, 0, "l:theirs() ");
    store_contract_rig_kind->kill(pair.rig, pair.realms[1].store);
    while (state_in(&pair, 0, "l") != STORE_LOCK_FREE) {
        turn(&pair, 0);
    }
    assert_ok(lock_in(&pair, 0, "l").e);
    assert_int_equal(never.times, 0);
}

static void who_comes_late_knows_the_locks(void **state)
{
    struct store *third;
    struct span value;
    struct pair pair;

    begin(&pair, state, STORE_KEEP_ALL);
    assert_ok(lock_in(&pair, 0, "held").e);
    assert_ok(lock_in(&pair, 0, "left").e);
    store_unlock(pair.realms[0].store, SPAN("left"), SPAN("v"));
    assert_ok(store_contract_rig_kind->open_second(pair.rig, &third));
    assert_int_equal(store_lock_state(third, SPAN("held"), NULL), STORE_LOCK_THEIRS);
    assert_int_equal(store_lock_state(third, SPAN("left"), &value), STORE_LOCK_FREE);
    assert_bytes(value, SPAN("v"));
    assert_int_equal(store_lock_state(third, SPAN("never"), &value), STORE_LOCK_FREE);
    assert_bytes(value, SPAN(""));
    store_unlock(pair.realms[0].store, SPAN("held"), SPAN(""));
    while (store_lock_state(third, SPAN("held"), NULL) != STORE_LOCK_FREE) {
        store_contract_rig_kind->turn_one(pair.rig, third);
    }
    store_close(third);
    end(&pair);
}

static void locks_have_keys_and_values_of_bounded_length(void **state)
{
    static uint8_t bytes[STORE_KEY_MAX + 1];
    struct asked asked = {0};
    struct span left, key = span_of(bytes, STORE_KEY_MAX);
    struct pair pair;

    begin(&pair, state, STORE_KEEP_ALL);
    memset(bytes, 1, sizeof bytes); /* any bytes at all, but for the first and the last: */
    bytes[0] = 0;
    bytes[STORE_KEY_MAX - 1] = 0xff;
    assert_int_equal(
        store_lock(pair.realms[0].store, span_of(bytes, sizeof bytes), on_locked, &asked),
        ERR_LIMIT);
    assert_int_equal(store_lock(pair.realms[0].store, SPAN(""), on_locked, &asked), ERR_LIMIT);
    assert_ok(store_lock(pair.realms[0].store, key, on_locked, &asked));
    while (asked.times == 0) {
        turn(&pair, 0);
    }
    assert_ok(asked.e);
    store_unlock(pair.realms[0].store, key, span_of(bytes, STORE_LOCK_VALUE_MAX));
    do {
        turn(&pair, 1);
        (void)store_lock_state(pair.realms[1].store, key, &left);
    } while (left.len == 0);
    assert_bytes(left, span_of(bytes, STORE_LOCK_VALUE_MAX));
    end(&pair);
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
        PROMISE(a_lock_goes_from_one_to_the_other_with_what_was_left),
        PROMISE(of_two_who_ask_one_has_the_lock),
        PROMISE(who_has_a_lock_was_told_what_its_last_holder_did),
        PROMISE(who_closes_gives_its_locks_back),
        PROMISE(the_locks_of_a_realm_that_dies_are_free),
        PROMISE(who_comes_late_knows_the_locks),
        PROMISE(locks_have_keys_and_values_of_bounded_length),
    };
#undef PROMISE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
