/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/transaction_memory.h"

#include "lib/oom.h"
#include "lib/testing.h"

static void put(struct transaction_memory *memory, struct span id, msec now)
{
    assert_ok(transaction_memory_put(memory, id, TRANSACTION_MEMORY_COMMITTED, now));
}

static void an_outcome_is_known_until_its_time_is_over(void **state)
{
    struct transaction_memory memory;

    (void)state;
    transaction_memory_init(&memory, 3, 100);
    put(&memory, SPAN("a"), 10);
    assert_int_equal(transaction_memory_find(&memory, SPAN("a"), 109),
                     TRANSACTION_MEMORY_COMMITTED);
    assert_int_equal(transaction_memory_find(&memory, SPAN("a"), 110),
                     TRANSACTION_MEMORY_UNKNOWN);
    /* Wall time may go back. */
    assert_int_equal(transaction_memory_find(&memory, SPAN("a"), 5),
                     TRANSACTION_MEMORY_COMMITTED);
    transaction_memory_fini(&memory);
}

static void an_outcome_can_change_and_be_forgotten(void **state)
{
    struct transaction_memory memory;

    (void)state;
    transaction_memory_init(&memory, 3, 100);
    assert_ok(transaction_memory_put(&memory, SPAN("a"), TRANSACTION_MEMORY_PENDING, 1));
    assert_string_equal(transaction_memory_word(transaction_memory_find(&memory, SPAN("a"), 1)),
                        "unknown");
    put(&memory, SPAN("a"), 2);
    assert_string_equal(transaction_memory_word(transaction_memory_find(&memory, SPAN("a"), 2)),
                        "committed");
    transaction_memory_forget(&memory, SPAN("a"));
    transaction_memory_forget(&memory, SPAN("a"));
    assert_int_equal(transaction_memory_find(&memory, SPAN("a"), 2),
                     TRANSACTION_MEMORY_UNKNOWN);
    transaction_memory_fini(&memory);
}

static void what_a_store_is_to_forget_is_told_once_and_not_when_it_is_known_again(void **state)
{
    struct transaction_memory memory;

    (void)state;
    transaction_memory_init(&memory, 1, 100);
    memory.is_kept = true;
    put(&memory, SPAN("a"), 1);
    put(&memory, SPAN("b"), 1);
    put(&memory, SPAN("c"), 1);
    assert_bytes(transaction_memory_forgotten(&memory, 0), SPAN("a"));
    assert_bytes(transaction_memory_forgotten(&memory, 1), SPAN("b"));
    assert_int_equal(transaction_memory_forgotten(&memory, 2).len, 0);
    put(&memory, SPAN("b"), 1); /* "c" goes for it */
    assert_bytes(transaction_memory_forgotten(&memory, 1), SPAN("c"));
    transaction_memory_told(&memory, 1);
    assert_bytes(transaction_memory_forgotten(&memory, 0), SPAN("c"));
    assert_int_equal(transaction_memory_forgotten(&memory, 1).len, 0);
    transaction_memory_fini(&memory);
}

static void put_for(struct transaction_memory *memory, const char *owner, const char *id,
                    msec now)
{
    assert_ok(transaction_memory_put_for(memory, span_str(owner), span_str(id),
                                         TRANSACTION_MEMORY_COMMITTED, now));
}

static bool is_known(const struct transaction_memory *memory, const char *id)
{
    return transaction_memory_find(memory, span_str(id), 50) != TRANSACTION_MEMORY_UNKNOWN;
}

static void who_has_many_pushes_out_only_their_own(void **state)
{
    struct transaction_memory memory;
    char id[] = "m0";

    (void)state;
    transaction_memory_init(&memory, 6, 100);
    put_for(&memory, "alice", "a1", 1);
    put_for(&memory, "alice", "a2", 2);
    put(&memory, SPAN("n1"), 3); /* nobody's */
    for (int i = 0; i < 10; i++) {
        id[1] = (char)('0' + i);
        put_for(&memory, "mallory", id, 4 + (msec)i);
    }
    assert_true(is_known(&memory, "a1") && is_known(&memory, "a2") && is_known(&memory, "n1"));
    assert_true(is_known(&memory, "m9") && is_known(&memory, "m7"));
    assert_false(is_known(&memory, "m6"));
    /* What one has is a fair share: a third one gets one, too. */
    put_for(&memory, "bob", "b1", 20);
    assert_true(is_known(&memory, "b1"));
    assert_false(is_known(&memory, "m7"));
    /* Whose it is stays, whoever puts it. */
    put_for(&memory, "mallory", "a1", 22);
    put_for(&memory, "mallory", "m0", 23);
    assert_true(is_known(&memory, "n1") && is_known(&memory, "m0"));
    transaction_memory_adopt(&memory, 6, 10);
    put(&memory, SPAN("late"), 200); /* all others are too old */
    assert_int_equal(map_count(&memory.map), 1);
    assert_int_equal(map_count(&memory.owners), 1);
    transaction_memory_fini(&memory);
}

/* Whoever aborts without end would fill what is to be told. */
static void what_the_store_never_had_it_is_not_told(void **state)
{
    struct transaction_memory memory;

    (void)state;
    transaction_memory_init(&memory, 1, 100);
    memory.is_kept = true;
    assert_ok(transaction_memory_put(&memory, SPAN("a"), TRANSACTION_MEMORY_ABORTED, 1));
    assert_ok(transaction_memory_put(&memory, SPAN("b"), TRANSACTION_MEMORY_ABORTED, 1));
    assert_ok(transaction_memory_put(&memory, SPAN("c"), TRANSACTION_MEMORY_PENDING, 1));
    put(&memory, SPAN("d"), 1);
    put(&memory, SPAN("e"), 1);
    assert_bytes(transaction_memory_forgotten(&memory, 0), SPAN("d"));
    assert_int_equal(transaction_memory_forgotten(&memory, 1).len, 0);
    transaction_memory_fini(&memory);
}

static void other_bounds_count_from_the_next_one_on(void **state)
{
    struct transaction_memory memory;

    (void)state;
    transaction_memory_init(&memory, 3, 100);
    put(&memory, SPAN("a"), 1);
    put(&memory, SPAN("b"), 1);
    transaction_memory_adopt(&memory, 1, 100);
    put(&memory, SPAN("c"), 1);
    assert_int_equal(transaction_memory_find(&memory, SPAN("b"), 1),
                     TRANSACTION_MEMORY_UNKNOWN);
    assert_int_equal(transaction_memory_find(&memory, SPAN("c"), 1),
                     TRANSACTION_MEMORY_COMMITTED);
    transaction_memory_fini(&memory);
}

static void put_two(void)
{
    struct transaction_memory memory;
    enum err e;

    transaction_memory_init(&memory, 1, 100);
    e = transaction_memory_put(&memory, SPAN("a"), TRANSACTION_MEMORY_COMMITTED, 1);
    if (e == OK) { /* what is known needs no memory */
        assert_ok(transaction_memory_put(&memory, SPAN("a"), TRANSACTION_MEMORY_ABORTED, 1));
        e = transaction_memory_put(&memory, SPAN("b"), TRANSACTION_MEMORY_COMMITTED, 1);
        assert_int_equal(transaction_memory_find(&memory, SPAN("a"), 1),
                         e == OK ? TRANSACTION_MEMORY_UNKNOWN : TRANSACTION_MEMORY_ABORTED);
    }
    assert_true(e == OK || e == ERR_NOMEM);
    transaction_memory_fini(&memory);
}

static void running_out_of_memory_forgets_nothing_and_leaks_nothing(void **state)
{
    (void)state;
    every_oom(put_two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_outcome_is_known_until_its_time_is_over),
        cmocka_unit_test(an_outcome_can_change_and_be_forgotten),
        cmocka_unit_test(what_a_store_is_to_forget_is_told_once_and_not_when_it_is_known_again),
        cmocka_unit_test(who_has_many_pushes_out_only_their_own),
        cmocka_unit_test(what_the_store_never_had_it_is_not_told),
        cmocka_unit_test(other_bounds_count_from_the_next_one_on),
        cmocka_unit_test(running_out_of_memory_forgets_nothing_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
