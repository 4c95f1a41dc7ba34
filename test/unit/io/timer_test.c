/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/timer.h"

#include "lib/oom.h"
#include "lib/testing.h"

static struct loop *loop;
static char seen[32]; /* a letter for each timer that was called */

struct named {
    struct timer timer;
    char letter;
    msec again; /* set itself to this, once; 0: not */
    struct named *cancel;
};

static int open_loop(void **state)
{
    (void)state;
    seen[0] = '\0';
    return loop_new(&loop) == OK ? 0 : -1;
}

static int close_loop(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static void on_timer(void *ctx)
{
    struct named *named = ctx;
    size_t len = strlen(seen);

    assert_false(timer_is_set(&named->timer));
    assert_true(len + 1 < sizeof seen);
    seen[len] = named->letter;
    seen[len + 1] = '\0';
    if (named->again != 0) {
        assert_ok(timer_set(&named->timer, named->again));
        named->again = 0;
    }
    if (named->cancel != NULL) {
        timer_cancel(&named->cancel->timer);
    }
}

static void named_init(struct named *named, char letter)
{
    *named = (struct named){.letter = letter};
    timer_init(&named->timer, loop, on_timer, named);
}

/* Waits as long as timers say, at most `turns` times. */
static void turn_until_seen(const char *letters)
{
    for (int turns = 0; turns < 1000 && strcmp(seen, letters) != 0; turns++) {
        assert_ok(loop_turn(loop, 1000));
    }
    assert_string_equal(seen, letters);
}

static void timers_come_in_the_order_of_their_times(void **state)
{
    struct named a, b, c;
    msec now = loop_now(loop);

    (void)state;
    named_init(&a, 'a');
    named_init(&b, 'b');
    named_init(&c, 'c');
    assert_ok(timer_set(&c.timer, now + 6));
    assert_ok(timer_set(&a.timer, now + 2));
    assert_ok(timer_set(&b.timer, now + 4));
    turn_until_seen("abc");
    assert_true(loop_now(loop) >= now + 6);
}

static void a_timer_never_comes_early(void **state)
{
    struct named a;
    msec at = loop_now(loop) + 15;

    (void)state;
    named_init(&a, 'a');
    assert_ok(timer_set(&a.timer, at));
    turn_until_seen("a");
    assert_true(loop_now(loop) >= at);
}

static void setting_again_moves_and_never_cancels(void **state)
{
    struct named a, b;

    (void)state;
    named_init(&a, 'a');
    named_init(&b, 'b');
    assert_ok(timer_set(&a.timer, 1));
    assert_ok(timer_set(&b.timer, 2));
    assert_ok(timer_set(&a.timer, 3)); /* all long ago, so due at once, in this order */
    turn_until_seen("ba");
    assert_ok(timer_set(&a.timer, 1));
    assert_ok(timer_set(&a.timer, MSEC_NEVER));
    assert_false(timer_is_set(&a.timer));
    assert_ok(loop_turn(loop, 0));
    assert_string_equal(seen, "ba");
}

static void a_timer_may_cancel_another_that_is_due_too(void **state)
{
    struct named a, b;

    (void)state;
    named_init(&a, 'a');
    named_init(&b, 'b');
    a.cancel = &b;
    assert_ok(timer_set(&a.timer, 1));
    assert_ok(timer_set(&b.timer, 2));
    assert_ok(loop_turn(loop, 0));
    assert_ok(loop_turn(loop, 0));
    assert_string_equal(seen, "a");
}

static void a_timer_that_sets_itself_to_the_past_waits_for_the_next_turn(void **state)
{
    struct named a, b;

    (void)state;
    named_init(&a, 'a');
    named_init(&b, 'b');
    a.again = 1;
    assert_ok(timer_set(&a.timer, 1));
    assert_ok(timer_set(&b.timer, 2));
    assert_ok(loop_turn(loop, 0));
    assert_string_equal(seen, "ab");
    turn_until_seen("aba");
}

static void many_timers_come_in_order(void **state)
{
    struct named timers[26];

    (void)state;
    for (size_t i = 0; i < 26; i++) {
        size_t place = i * 7 % 26;

        named_init(&timers[place], (char)('a' + place));
        assert_ok(timer_set(&timers[place].timer, 1 + place));
    }
    assert_ok(loop_turn(loop, 0));
    assert_string_equal(seen, "abcdefghijklmnopqrstuvwxyz");
}

static void set_and_move_twenty_timers(void)
{
    struct named timers[20];

    if (loop_new(&loop) != OK) {
        return;
    }
    for (size_t i = 0; i < 20; i++) {
        named_init(&timers[i], 'x');
        if (timer_set(&timers[i].timer, 1) == OK) {
            assert_ok(timer_set(&timers[i].timer, 2)); /* moving needs no memory */
        } else {
            assert_true(oom_has_struck());
            assert_false(timer_is_set(&timers[i].timer));
        }
    }
    for (size_t i = 0; i < 20; i++) {
        timer_cancel(&timers[i].timer);
    }
    loop_free(loop);
}

static void running_out_of_memory_sets_nothing(void **state)
{
    (void)state;
    every_oom(set_and_move_twenty_timers);
}

int main(void)
{
#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, open_loop, close_loop)
    const struct CMUnitTest tests[] = {
        WITH_LOOP(timers_come_in_the_order_of_their_times),
        WITH_LOOP(a_timer_never_comes_early),
        WITH_LOOP(setting_again_moves_and_never_cancels),
        WITH_LOOP(a_timer_may_cancel_another_that_is_due_too),
        WITH_LOOP(a_timer_that_sets_itself_to_the_past_waits_for_the_next_turn),
        WITH_LOOP(many_timers_come_in_order),
        cmocka_unit_test(running_out_of_memory_sets_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
