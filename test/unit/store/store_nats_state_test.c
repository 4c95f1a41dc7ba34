/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_state.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <stdlib.h>

enum {
    WHOLE = STORE_NATS_ENTRY_FIRST | STORE_NATS_ENTRY_LAST
};

static struct store_nats_entry_head message(uint64_t author, uint64_t number, uint64_t previous,
                                            unsigned flags)
{
    return (struct store_nats_entry_head){
        .author = author, .number = number, .previous = previous, .flags = flags};
}

static enum store_nats_state_verdict judge(struct store_nats_state *state, uint64_t place,
                                           struct store_nats_entry_head head)
{
    return store_nats_state_judge(state, place, &head);
}

static struct store_nats_state *with_author(uint64_t id)
{
    struct store_nats_state *state = malloc(sizeof *state);
    struct store_nats_entry_head join = message(id, 1, 0, WHOLE);

    assert_non_null(state);
    store_nats_state_init(state);
    state->at.place = 1;
    assert_int_equal(judge(state, 2, join), STORE_NATS_STATE_STRANGER);
    assert_true(store_nats_state_join(state, &join, 0));
    return state;
}

static void done(struct store_nats_state *state)
{
    store_nats_state_fini(state);
    free(state);
}

static void messages_count_in_their_order_and_once(void **unused)
{
    struct store_nats_state *state = with_author(5);
    struct store_nats_state_author *author = store_nats_state_author(state, 5);
    struct store_nats_entry_head second = message(5, 2, 1, WHOLE);

    (void)unused;
    assert_int_equal(judge(state, 2, message(5, 3, 2, WHOLE)), STORE_NATS_STATE_IGNORED);
    assert_int_equal(judge(state, 2, second), STORE_NATS_STATE_COUNTS);
    store_nats_state_count(author, 2, &second);
    assert_int_equal(judge(state, 3, second), STORE_NATS_STATE_IGNORED);
    assert_int_equal(judge(state, 3, message(5, 3, 2, WHOLE)), STORE_NATS_STATE_COUNTS);
    assert_int_equal(judge(state, 3, message(5, 4, 2, WHOLE)), STORE_NATS_STATE_COUNTS);
    assert_int_equal(judge(state, 1, message(5, 3, 2, WHOLE)), STORE_NATS_STATE_IGNORED);
    done(state);
}

static void who_has_left_counts_no_more(void **unused)
{
    struct store_nats_state *state = with_author(5);

    (void)unused;
    assert_true(store_nats_state_leave(state, 5));
    assert_false(store_nats_state_leave(state, 5));
    assert_int_equal(judge(state, 2, message(5, 2, 1, WHOLE)), STORE_NATS_STATE_IGNORED);
    assert_int_equal(judge(state, 2, message(6, 1, 0, STORE_NATS_ENTRY_FIRST)),
                     STORE_NATS_STATE_IGNORED);
    assert_int_equal(judge(state, 2, message(0, 1, 0, WHOLE)), STORE_NATS_STATE_IGNORED);
    done(state);
}

/* A restart in the middle of an entry: what was applied is not applied again, but collected. */
static void the_parts_of_an_entry_are_had_again(void **unused)
{
    struct store_nats_state *state = with_author(5);
    struct store_nats_state_author *author = store_nats_state_author(state, 5);
    struct store_nats_entry_head first = message(5, 2, 1, STORE_NATS_ENTRY_FIRST);
    struct store_nats_entry_head middle = message(5, 3, 2, 0);
    struct store_nats_entry_head last = message(5, 4, 3, STORE_NATS_ENTRY_LAST);

    (void)unused;
    store_nats_state_count(author, 10, &first);
    store_nats_state_count(author, 12, &middle);
    state->at.place = 13;
    assert_int_equal(store_nats_state_needed(state), 10);
    assert_int_equal(judge(state, 11, middle), STORE_NATS_STATE_IGNORED); /* first the first */
    assert_int_equal(judge(state, 10, first), STORE_NATS_STATE_AGAIN);
    assert_ok(store_nats_state_collect(author, &first, SPAN("one ")));
    assert_int_equal(judge(state, 11, first), STORE_NATS_STATE_IGNORED);
    assert_int_equal(judge(state, 12, middle), STORE_NATS_STATE_AGAIN);
    assert_ok(store_nats_state_collect(author, &middle, SPAN("two ")));
    assert_int_equal(judge(state, 14, last), STORE_NATS_STATE_COUNTS);
    assert_ok(store_nats_state_collect(author, &last, SPAN("three")));
    assert_bytes(buf_span(&author->body), SPAN("one two three"));
    store_nats_state_count(author, 14, &last);
    state->at.place = 14;
    assert_int_equal(store_nats_state_needed(state), 15);
    done(state);
}

static void there_are_so_many_authors_and_no_more(void **unused)
{
    struct store_nats_state *state = with_author(1);

    (void)unused;
    for (uint64_t id = 2; id <= STORE_NATS_STATE_AUTHORS_MAX + 1; id++) {
        struct store_nats_entry_head join = message(id, 1, 0, WHOLE);

        assert_int_equal(store_nats_state_join(state, &join, 0),
                         id <= STORE_NATS_STATE_AUTHORS_MAX);
    }
    assert_int_equal(store_nats_state_needed_by_all(state, 1), 2);
    done(state);
}

static void what_is_kept_is_restored(void **unused)
{
    static struct store_nats_state again;
    struct store_nats_state *state = with_author(5);
    struct store_nats_state_author *author = store_nats_state_author(state, 5);
    uint8_t room[STORE_NATS_STATE_KEY_BYTES];
    const struct span bad[] = {SPAN("\xff"),
                               SPAN("\xffx"),
                               SPAN("\xffp"),
                               SPAN("\xff"
                                    "a"),
                               SPAN("\xffi"),
                               SPAN("\xffl")};

    (void)unused;
    store_nats_state_init(&again);
    assert_ok(store_nats_state_restore(&again, store_nats_state_place_key(room),
                                       span_of(&state->at, sizeof state->at)));
    assert_ok(store_nats_state_restore(&again, store_nats_state_author_key(5, room),
                                       span_of(&author->image, sizeof author->image)));
    assert_int_equal(again.at.place, 1);
    assert_int_equal(store_nats_state_author(&again, 5)->image.last, 1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(store_nats_state_restore(&again, bad[i], SPAN("x")), ERR_PROTO);
    }
    store_nats_state_fini(&again);
    done(state);
}

static void the_newest_publish_ids_are_known_and_restored(void **unused)
{
    struct store_nats_ids ids, again;
    uint8_t sum[STORE_NATS_IDS_SUM_BYTES];

    (void)unused;
    store_nats_ids_init(&ids);
    store_nats_ids_init(&again);
    assert_ok(store_nats_ids_prepare(&ids));
    assert_ok(store_nats_ids_prepare(&again));
    for (uint32_t i = 0; i < STORE_NATS_IDS_MAX + 10; i++) {
        const struct store_nats_ids_slot *slot;

        assert_ok(store_nats_ids_sum(SPAN("/a"), span_of(&i, sizeof i), sum));
        assert_int_equal(store_nats_ids_find(&ids, sum), 0);
        slot = store_nats_ids_add(&ids, sum, i + 1);
        assert_int_equal(store_nats_ids_find(&ids, sum), i + 1);
        assert_true(store_nats_ids_restore(&again, span_of(slot, sizeof *slot)));
    }
    for (uint32_t i = 0; i < STORE_NATS_IDS_MAX + 10; i++) {
        uint64_t expected = i < 10 ? 0 : i + 1;

        assert_ok(store_nats_ids_sum(SPAN("/a"), span_of(&i, sizeof i), sum));
        assert_int_equal(store_nats_ids_find(&ids, sum), expected);
        assert_int_equal(store_nats_ids_find(&again, sum), expected);
        assert_ok(store_nats_ids_sum(SPAN("/b"), span_of(&i, sizeof i), sum));
        assert_int_equal(store_nats_ids_find(&ids, sum), 0);
    }
    assert_int_equal(again.turn, ids.turn);
    assert_false(store_nats_ids_restore(&again, SPAN("x")));
    store_nats_ids_fini(&ids);
    store_nats_ids_fini(&again);
}

static void locks_are_kept_while_there_is_something_to_keep(void **unused)
{
    const struct span left = SPAN("left");
    struct store_nats_locks locks, again;
    struct store_nats_lock *lock;
    enum err e = ERR_PROTO;

    (void)unused;
    store_nats_locks_init(&locks);
    store_nats_locks_init(&again);
    assert_ok(store_nats_locks_get(&locks, SPAN("k"), &lock));
    store_nats_locks_set(&locks, lock, 5, NULL);
    store_nats_locks_set(&locks, lock, 0, &left);
    assert_true(store_nats_locks_restore(&again, store_nats_locks_kept(lock), &e));
    assert_ok(e);
    assert_bytes(store_nats_locks_shown(store_nats_locks_find(&again, SPAN("k"))), left);
    store_nats_locks_set(&locks, lock, 0, &SPAN(""));
    assert_int_equal(store_nats_locks_kept(lock).len, 0);
    list_remove(&lock->changed);
    store_nats_locks_settle(&locks, lock);
    assert_null(store_nats_locks_find(&locks, SPAN("k")));
    assert_false(store_nats_locks_restore(&again, SPAN("x"), &e));
    store_nats_locks_fini(&locks);
    store_nats_locks_fini(&again);
}

static void take_memory(void)
{
    static struct store_nats_state state;
    struct store_nats_entry_head join = message(5, 1, 0, WHOLE);
    struct store_nats_entry_head first = message(5, 2, 1, STORE_NATS_ENTRY_FIRST);
    struct store_nats_lock *lock;

    store_nats_state_init(&state);
    assert_true(store_nats_state_join(&state, &join, 0));
    (void)!store_nats_state_collect(store_nats_state_author(&state, 5), &first, SPAN("x"));
    (void)!store_nats_ids_prepare(&state.ids);
    (void)!store_nats_locks_get(&state.locks, SPAN("k"), &lock);
    store_nats_state_fini(&state);
}

static void running_out_of_memory_leaks_nothing(void **unused)
{
    (void)unused;
    every_oom(take_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_count_in_their_order_and_once),
        cmocka_unit_test(who_has_left_counts_no_more),
        cmocka_unit_test(the_parts_of_an_entry_are_had_again),
        cmocka_unit_test(there_are_so_many_authors_and_no_more),
        cmocka_unit_test(what_is_kept_is_restored),
        cmocka_unit_test(the_newest_publish_ids_are_known_and_restored),
        cmocka_unit_test(locks_are_kept_while_there_is_something_to_keep),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
