/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "contract/store_contract_lock.h"

#include "contract/store_contract_pair.h"

#include <stdio.h>

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

static struct asked lock_in(struct store_contract_pair *pair, size_t which, const char *key)
{
    struct asked asked = {0};

    assert_ok(store_lock(pair->realms[which].store, span_str(key), on_locked, &asked));
    assert_int_equal(asked.times, 0);
    while (asked.times == 0) {
        store_contract_pair_turn(pair, which);
    }
    assert_int_equal(asked.times, 1);
    return asked;
}

static enum store_lock_state state_in(const struct store_contract_pair *pair, size_t which,
                                      const char *key)
{
    return store_lock_state(pair->realms[which].store, span_str(key), NULL);
}

static void a_lock_goes_from_one_to_the_other_with_what_was_left(void **state)
{
    struct asked asked;
    struct store_contract_pair pair;

    store_contract_pair_begin(&pair, state, STORE_KEEP_ALL);
    asked = lock_in(&pair, 0, "l");
    assert_ok(asked.e);
    assert_string_equal(asked.value, "");
    assert_int_equal(state_in(&pair, 0, "l"), STORE_LOCK_OURS);
    store_contract_pair_await(&pair, 1, "l:theirs() ");
    assert_int_equal(store_lock(pair.realms[1].store, SPAN("l"), on_locked, &asked), ERR_AGAIN);
    assert_ok(lock_in(&pair, 1, "another").e);
    store_unlock(pair.realms[0].store, SPAN("l"), SPAN("one"));
    assert_int_equal(state_in(&pair, 0, "l"), STORE_LOCK_FREE);
    store_contract_pair_await(&pair, 1, "l:free(one) ");
    asked = lock_in(&pair, 1, "l");
    assert_ok(asked.e);
    assert_string_equal(asked.value, "one");
    store_contract_pair_await(&pair, 0, "l:theirs(one) ");
    store_unlock(pair.realms[1].store, SPAN("l"), SPAN(""));
    store_contract_pair_await(&pair, 0, "l:free() ");
    asked = lock_in(&pair, 0, "l");
    assert_ok(asked.e);
    assert_string_equal(asked.value, "");
    store_contract_pair_end(&pair);
}

static void of_two_who_ask_one_has_the_lock(void **state)
{
    struct store_contract_pair pair;
    unsigned granted[2] = {0, 0};

    store_contract_pair_begin(&pair, state, STORE_KEEP_ALL);
    for (unsigned i = 0; i < 20; i++) {
        struct asked asked[2] = {{.times = 0}, {.times = 0}};
        size_t first = i % 2;
        char key[8];

        (void)snprintf(key, sizeof key, "l%u", i);
        for (size_t n = 0; n < 2; n++) {
            assert_ok(store_lock(pair.realms[n].store, span_str(key), on_locked, &asked[n]));
        }
        while (asked[0].times == 0 || asked[1].times == 0) {
            store_contract_pair_turn(&pair, first);
            store_contract_pair_turn(&pair, 1 - first);
        }
        for (size_t n = 0; n < 2; n++) {
            granted[n] += asked[n].e == OK;
            assert_true(asked[n].e == OK || asked[n].e == ERR_AGAIN);
        }
        assert_int_equal(granted[0] + granted[1], i + 1);
    }
    store_contract_pair_end(&pair);
}

struct hasty {
    struct store *store;
    unsigned times;
    bool had_it;
};

static void give_back_at_once(void *ctx, enum err e, struct span value)
{
    struct hasty *hasty = ctx;

    (void)value;
    assert_true(e == OK || e == ERR_AGAIN);
    hasty->times++;
    hasty->had_it = e == OK;
    if (e == OK) {
        store_unlock(hasty->store, SPAN("l"), SPAN("left"));
    }
}

static void what_was_given_back_stays_so_while_others_ask_for_it(void **state)
{
    struct store_contract_pair pair;

    store_contract_pair_begin(&pair, state, STORE_KEEP_ALL);
    for (int round = 0; round < 10; round++) {
        struct hasty hasty[2] = {{.store = pair.realms[0].store},
                                 {.store = pair.realms[1].store}};

        for (size_t n = 0; n < 2; n++) {
            enum err e = store_lock(hasty[n].store, SPAN("l"), give_back_at_once, &hasty[n]);

            assert_true(e == OK || e == ERR_AGAIN);
            hasty[n].times = e == ERR_AGAIN;
        }
        for (int turns = 0; turns < 5 || hasty[0].times == 0 || hasty[1].times == 0; turns++) {
            store_contract_pair_turn(&pair, 0);
            store_contract_pair_turn(&pair, 1);
            assert_true(state_in(&pair, 0, "l") != STORE_LOCK_OURS);
            assert_true(state_in(&pair, 1, "l") != STORE_LOCK_OURS);
        }
        assert_true(hasty[0].had_it || hasty[1].had_it);
    }
    store_contract_pair_end(&pair);
}

static void who_has_a_lock_was_told_what_its_last_holder_did(void **state)
{
    struct store_contract_pair pair;

    store_contract_pair_begin(&pair, state, STORE_KEEP_ALL);
    for (uint64_t i = 0; i < 40; i++) {
        size_t which = i / 3 % 2;
        struct asked asked;

        do { /* what the other has given back may still be on its way */
            while (state_in(&pair, which, "l") == STORE_LOCK_THEIRS) {
                store_contract_pair_turn(&pair, which);
            }
            asked = lock_in(&pair, which, "l");
            assert_true(asked.e == OK || asked.e == ERR_AGAIN);
        } while (asked.e != OK);
        assert_int_equal(pair.realms[which].stream->next_eid, i + 1);
        assert_int_equal(pair.realms[which].stream->count, i > 0);
        store_contract_pair_append(&pair, which, "x");
        store_contract_pair_change(&pair, which, STORE_TRIM, i + 1);
        store_unlock(pair.realms[which].store, SPAN("l"), i % 2 == 0 ? SPAN("v") : SPAN(""));
    }
    store_contract_pair_end(&pair);
}

static void who_closes_gives_its_locks_back(void **state)
{
    struct store_contract_pair pair;

    store_contract_pair_begin(&pair, state, STORE_KEEP_ALL);
    assert_ok(lock_in(&pair, 1, "l").e);
    store_unlock(pair.realms[1].store, SPAN("l"), SPAN("left"));
    assert_ok(lock_in(&pair, 1, "l").e);
    store_contract_pair_await(&pair, 0, "l:theirs(left) ");
    store_contract_pair_end(&pair);
    store_contract_pair_await(&pair, 0, "l:free(left) ");
    assert_string_equal(lock_in(&pair, 0, "l").value, "left");
}

static void the_locks_of_a_realm_that_dies_are_free(void **state)
{
    struct store_contract_pair pair;
    struct asked never = {.times = 0};

    store_contract_pair_begin(&pair, state, STORE_KEEP_ALL);
    assert_ok(lock_in(&pair, 1, "l").e);
    store_contract_pair_await(&pair, 0, "l:theirs() ");
    assert_ok(store_lock(pair.realms[1].store, SPAN("asked"), on_locked, &never));
    store_contract_rig_kind->kill(pair.rig, pair.realms[1].store);
    while (state_in(&pair, 0, "l") != STORE_LOCK_FREE) {
        store_contract_pair_turn(&pair, 0);
    }
    assert_ok(lock_in(&pair, 0, "l").e);
    assert_int_equal(never.times, 0);
}

static void who_comes_late_knows_the_locks(void **state)
{
    struct store *third;
    struct span value;
    struct store_contract_pair pair;

    store_contract_pair_begin(&pair, state, STORE_KEEP_ALL);
    assert_ok(lock_in(&pair, 0, "held").e);
    assert_ok(lock_in(&pair, 0, "left").e);
    store_unlock(pair.realms[0].store, SPAN("left"), SPAN("v"));
    store_contract_pair_await(&pair, 1, "left:free(v) "); /* it has reached the others */
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
    store_contract_pair_end(&pair);
}

static void locks_have_keys_and_values_of_bounded_length(void **state)
{
    static uint8_t bytes[STORE_KEY_MAX + 1];
    struct asked asked = {0};
    struct span left, key = span_of(bytes, STORE_KEY_MAX);
    struct store_contract_pair pair;

    store_contract_pair_begin(&pair, state, STORE_KEEP_ALL);
    memset(bytes, 1, sizeof bytes); /* any bytes at all, but for the first and the last: */
    bytes[0] = 0;
    bytes[STORE_KEY_MAX - 1] = 0xff;
    assert_int_equal(
        store_lock(pair.realms[0].store, span_of(bytes, sizeof bytes), on_locked, &asked),
        ERR_LIMIT);
    assert_int_equal(store_lock(pair.realms[0].store, SPAN(""), on_locked, &asked), ERR_LIMIT);
    assert_ok(store_lock(pair.realms[0].store, key, on_locked, &asked));
    while (asked.times == 0) {
        store_contract_pair_turn(&pair, 0);
    }
    assert_ok(asked.e);
    store_unlock(pair.realms[0].store, key, span_of(bytes, STORE_LOCK_VALUE_MAX));
    do {
        store_contract_pair_turn(&pair, 1);
        (void)store_lock_state(pair.realms[1].store, key, &left);
    } while (left.len == 0);
    assert_bytes(left, span_of(bytes, STORE_LOCK_VALUE_MAX));
    store_contract_pair_end(&pair);
}

int store_contract_lock_run(void)
{
#define PROMISE(test) \
    cmocka_unit_test_setup_teardown(test, store_contract_rig_begin, store_contract_rig_end)
    const struct CMUnitTest tests[] = {
        PROMISE(a_lock_goes_from_one_to_the_other_with_what_was_left),
        PROMISE(of_two_who_ask_one_has_the_lock),
        PROMISE(what_was_given_back_stays_so_while_others_ask_for_it),
        PROMISE(who_has_a_lock_was_told_what_its_last_holder_did),
        PROMISE(who_closes_gives_its_locks_back),
        PROMISE(the_locks_of_a_realm_that_dies_are_free),
        PROMISE(who_comes_late_knows_the_locks),
        PROMISE(locks_have_keys_and_values_of_bounded_length),
    };
#undef PROMISE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
