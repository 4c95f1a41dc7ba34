/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/loop.h"

#include "io/timer.h"
#include "lib/oom.h"
#include "lib/testing.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct watched {
    struct loop_watch watch;
    int fds[2]; /* fds[0] is watched */
    int calls;
    struct watched *unwatch; /* this one, when called */
};

static struct loop *loop;

static int open_loop(void **state)
{
    (void)state;
    return loop_new(&loop) == OK ? 0 : -1;
}

static int close_loop(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static void on_watched(void *ctx)
{
    struct watched *watched = ctx;

    watched->calls++;
    if (watched->unwatch != NULL) {
        loop_unwatch(&watched->unwatch->watch);
    }
}

static void watched_open(struct watched *watched)
{
    *watched = (struct watched){0};
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, watched->fds), 0);
    assert_ok(loop_watch(loop, &watched->watch, watched->fds[0], on_watched, watched));
}

static void watched_close(struct watched *watched)
{
    loop_unwatch(&watched->watch);
    loop_unwatch(&watched->watch); /* twice is fine */
    close(watched->fds[0]);
    close(watched->fds[1]);
}

static void turn(void)
{
    assert_ok(loop_turn(loop, 0));
}

static void a_watch_tells_changes_once_and_remembers_what_is_ready(void **state)
{
    struct watched watched;
    char byte;

    (void)state;
    watched_open(&watched);
    turn();
    assert_int_equal(watched.calls, 1);
    assert_int_equal(watched.watch.ready, LOOP_WRITABLE);
    turn();
    assert_int_equal(watched.calls, 1);

    assert_int_equal(write(watched.fds[1], "a", 1), 1);
    turn();
    assert_int_equal(watched.calls, 2);
    assert_int_equal(watched.watch.ready, LOOP_READABLE | LOOP_WRITABLE);
    turn(); /* nothing was read, nothing changed */
    assert_int_equal(watched.calls, 2);

    assert_int_equal(read(watched.fds[0], &byte, 1), 1);
    loop_watch_clear(&watched.watch, LOOP_READABLE);
    assert_int_equal(watched.watch.ready, LOOP_WRITABLE);
    assert_int_equal(write(watched.fds[1], "b", 1), 1);
    turn();
    assert_int_equal(watched.calls, 3);
    assert_int_equal(watched.watch.ready, LOOP_READABLE | LOOP_WRITABLE);
    watched_close(&watched);
}

static void a_half_close_is_readable_and_nothing_wrong(void **state)
{
    struct watched watched;

    (void)state;
    watched_open(&watched);
    turn();
    assert_int_equal(shutdown(watched.fds[1], SHUT_WR), 0);
    turn();
    assert_int_equal(watched.watch.ready, LOOP_READABLE | LOOP_WRITABLE);
    assert_false(watched.watch.wrong);
    watched_close(&watched);
}

static void a_hang_up_is_wrong_and_wakes_both_directions(void **state)
{
    struct watched watched;

    (void)state;
    watched_open(&watched);
    turn();
    loop_watch_clear(&watched.watch, LOOP_WRITABLE);
    close(watched.fds[1]);
    watched.fds[1] = dup(watched.fds[0]);
    turn();
    assert_int_equal(watched.watch.ready, LOOP_READABLE | LOOP_WRITABLE);
    assert_true(watched.watch.wrong);
    watched_close(&watched);
}

static void who_is_unwatched_in_a_batch_is_not_called_later_in_it(void **state)
{
    struct watched left, right;

    (void)state;
    watched_open(&left);
    watched_open(&right);
    left.unwatch = &right; /* both are writable in the first turn; one of them comes first */
    right.unwatch = &left;
    turn();
    assert_int_equal(left.calls + right.calls, 1);
    turn();
    assert_int_equal(left.calls + right.calls, 1);
    watched_close(&left);
    watched_close(&right);
}

static void a_watch_may_unwatch_itself(void **state)
{
    struct watched watched;

    (void)state;
    watched_open(&watched);
    watched.unwatch = &watched;
    turn();
    assert_int_equal(watched.calls, 1);
    assert_null(watched.watch.loop);
    assert_int_equal(watched.watch.ready, 0);
    watched_close(&watched);
}

static void a_closed_descriptor_cannot_be_watched(void **state)
{
    struct loop_watch watch;

    (void)state;
    assert_int_equal(loop_watch(loop, &watch, -1, on_watched, NULL), ERR_IO);
    assert_null(watch.loop);
    loop_unwatch(&watch);
}

struct deferred {
    struct loop_later later;
    int calls;
    bool again;
    struct deferred *undefer;
};

static void on_deferred(void *ctx)
{
    struct deferred *deferred = ctx;

    deferred->calls++;
    if (deferred->again) {
        loop_defer(loop, &deferred->later);
    }
    if (deferred->undefer != NULL) {
        loop_undefer(&deferred->undefer->later);
    }
}

static void deferred_init(struct deferred *deferred)
{
    *deferred = (struct deferred){0};
    loop_later_init(&deferred->later, on_deferred, deferred);
}

static void a_deferred_call_runs_once_however_often_it_was_asked_for(void **state)
{
    struct deferred deferred;

    (void)state;
    deferred_init(&deferred);
    loop_defer(loop, &deferred.later);
    loop_defer(loop, &deferred.later);
    assert_int_equal(deferred.calls, 0);
    turn();
    turn();
    assert_int_equal(deferred.calls, 1);
}

static void who_defers_itself_again_runs_once_a_turn_and_the_turn_does_not_wait(void **state)
{
    struct deferred deferred;

    (void)state;
    deferred_init(&deferred);
    deferred.again = true;
    loop_defer(loop, &deferred.later);
    for (int i = 1; i <= 3; i++) {
        uint64_t turns = loop_turn_count(loop);

        assert_ok(loop_turn(loop, MSEC_NEVER)); /* would hang if it waited */
        assert_int_equal(deferred.calls, i);
        assert_int_equal(loop_turn_count(loop), turns + 1);
    }
    loop_undefer(&deferred.later);
    turn();
    assert_int_equal(deferred.calls, 3);
}

static void a_deferred_call_can_be_taken_back_by_the_one_before_it(void **state)
{
    struct deferred first, second;

    (void)state;
    deferred_init(&first);
    deferred_init(&second);
    first.undefer = &second;
    loop_defer(loop, &first.later);
    loop_defer(loop, &second.later);
    turn();
    turn();
    assert_int_equal(first.calls, 1);
    assert_int_equal(second.calls, 0);
}

static void what_was_never_initialised_is_not_due(void **state)
{
    struct loop_later later = {0};
    struct loop_watch watch = {0};
    struct timer timer = {0};

    (void)state;
    loop_undefer(&later);
    loop_unwatch(&watch);
    timer_cancel(&timer);
    assert_null(watch.loop);
    assert_false(timer_is_set(&timer));
}

static void stop_from_a_deferred(void *ctx)
{
    struct deferred *other = ctx;

    loop_stop(loop);
    loop_defer(loop, &other->later);
}

static void a_loop_that_is_stopped_finishes_its_turn_and_can_run_again(void **state)
{
    struct deferred other;
    struct loop_later later;

    (void)state;
    deferred_init(&other);
    loop_later_init(&later, stop_from_a_deferred, &other);
    loop_defer(loop, &later);
    assert_ok(loop_run(loop));
    assert_int_equal(other.calls, 0); /* was deferred to a turn that did not come */
    loop_defer(loop, &later);
    assert_ok(loop_run(loop));
    assert_int_equal(other.calls, 1);
    loop_undefer(&other.later);
}

static void ignore(int number)
{
    (void)number;
}

static void a_signal_ends_the_wait_without_an_error(void **state)
{
    struct sigaction action = {.sa_handler = ignore}, before;
    /* Again and again, so that one of them meets the wait. */
    struct itimerval soon = {.it_value = {.tv_usec = 1000}, .it_interval = {.tv_usec = 1000}};
    struct itimerval never = {0};

    (void)state;
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    assert_ok(loop_turn(loop, MSEC_NEVER));
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
}

static void open_and_close_a_loop(void)
{
    struct loop *mine;
    struct timer timer;

    if (loop_new(&mine) != OK) {
        return;
    }
    timer_init(&timer, mine, on_deferred, NULL);
    if (timer_set(&timer, 1) != OK) {
        assert_false(timer_is_set(&timer));
    }
    timer_cancel(&timer);
    loop_free(mine);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(open_and_close_a_loop);
    loop_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watch_tells_changes_once_and_remembers_what_is_ready),
        cmocka_unit_test(a_half_close_is_readable_and_nothing_wrong),
        cmocka_unit_test(a_hang_up_is_wrong_and_wakes_both_directions),
        cmocka_unit_test(who_is_unwatched_in_a_batch_is_not_called_later_in_it),
        cmocka_unit_test(a_watch_may_unwatch_itself),
        cmocka_unit_test(a_closed_descriptor_cannot_be_watched),
        cmocka_unit_test(a_deferred_call_runs_once_however_often_it_was_asked_for),
        cmocka_unit_test(who_defers_itself_again_runs_once_a_turn_and_the_turn_does_not_wait),
        cmocka_unit_test(a_deferred_call_can_be_taken_back_by_the_one_before_it),
        cmocka_unit_test(what_was_never_initialised_is_not_due),
        cmocka_unit_test(a_loop_that_is_stopped_finishes_its_turn_and_can_run_again),
        cmocka_unit_test(a_signal_ends_the_wait_without_an_error),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, open_loop, close_loop);
}
