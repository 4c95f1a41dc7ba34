/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The life of a daemon: its hooks in their order, reloads, the drain.
 */
#include "unit/daemon/daemon_rig.h"

static void the_hooks_come_in_their_order(void **state)
{
    struct child *child = *state;

    configure(child, "");
    spawn(child, &fake);
    await_log(child, "log", "ready on nowhere (2 workers");
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
    assert_string_equal(child->seen, "prepare 1\nreopen 1\nstart\nstart\nstop\nstop\nrelease\n"
                                     "forget 1\n");
}

static void a_single_worker_has_the_threads_of_all(void **state)
{
    struct child *child = *state;
    struct service single = fake;

    single.single_worker = true;
    configure(child, "");
    spawn(child, &single);
    await_log(child, "log", "ready on nowhere (2 workers");
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
    assert_string_equal(child->seen, "prepare 1\nreopen 1\nstart, 2 hands\nstop\nrelease\n"
                                     "forget 1\n");
}

static void a_reload_reaches_every_worker_and_the_old_goes(void **state)
{
    struct child *child = *state;

    configure(child, "");
    spawn(child, &fake);
    await_log(child, "log", "ready");
    configure(child, "Number 2\n");
    kill(child->pid, SIGHUP);
    await(child, "adopt 2\n", 2);
    await(child, "forget 1\n", 1);
    await_log(child, "log", "reloaded");
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
    assert_int_equal(count(child->seen, "forget 2\n"), 1);
    assert_int_equal(count(child->seen, "reopen 2\n"), 1);
}

static void many_reloads_end_at_the_last(void **state)
{
    struct child *child = *state;

    configure(child, "");
    spawn(child, &fake);
    await_log(child, "log", "ready");
    for (int i = 2; i < 22; i++) {
        char text[32];
        char word[32];

        snprintf(text, sizeof text, "Number %d\n", i + 100);
        snprintf(word, sizeof word, "reload %d\n", i + 100);
        configure(child, text);
        kill(child->pid, SIGHUP);
        await(child, word, 1); /* read already; not adopted yet, perhaps */
    }
    await(child, "adopt 121\n", 2);
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
    assert_int_equal(count(child->seen, "reload "), 20);
    assert_int_equal(count(child->seen, "adopt "), 40);
    assert_int_equal(count(child->seen, "forget "), 21);
}

static void a_wrong_file_changes_nothing_and_all_is_said(void **state)
{
    struct child *child = *state;

    configure(child, "");
    spawn(child, &fake);
    await_log(child, "log", "ready");
    configure(child, "Number x\nNonsense\n");
    kill(child->pid, SIGHUP);
    await_log(child, "log", "was not reloaded");
    await_log(child, "log", "Nonsense");
    await_log(child, "log", "Number");
    configure(child, "Number 13\n"); /* read well, refused by check() */
    kill(child->pid, SIGHUP);
    await_log(child, "log", "bad luck");
    configure(child, "Number 5\nRefused On\n"); /* refused by reload() */
    kill(child->pid, SIGHUP);
    await(child, "forget 5\n", 1);
    await_log(child, "log", "not this one");
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
    assert_int_equal(count(child->seen, "adopt"), 0);
    assert_int_equal(count(child->seen, "forget 1\n"), 1);
}

static void a_service_that_cannot_reload_says_so(void **state)
{
    struct child *child = *state;
    struct service plain = fake;

    plain.reload = NULL;
    plain.adopt = NULL;
    plain.drain = NULL;
    plain.reopen = NULL;
    configure(child, "");
    spawn(child, &plain);
    await_log(child, "log", "ready");
    kill(child->pid, SIGHUP);
    await_log(child, "log", "only restarted");
    kill(child->pid, SIGTERM); /* nothing drains: at once */
    assert_int_equal(end(child), 0);
}

static void the_drain_ends_when_every_worker_is_idle(void **state)
{
    struct child *child = *state;

    configure(child, "GracefulShutdownTimeout 1h\n");
    spawn(child, &fake);
    await_log(child, "log", "ready");
    kill(child->pid, SIGTERM);
    assert_int_equal(end(child), 0);
    assert_int_equal(count(child->seen, "drain\n"), 2);
    assert_non_null(strstr(read_file(child->dir, "log"), "everything has finished"));
}

static void the_drain_ends_when_its_time_is_up(void **state)
{
    struct child *child = *state;

    configure(child, "Busy On\nGracefulShutdownTimeout 10ms\n");
    spawn(child, &fake);
    await_log(child, "log", "ready");
    kill(child->pid, SIGTERM);
    assert_int_equal(end(child), 0);
    assert_non_null(strstr(read_file(child->dir, "log"), "the time to drain is up"));
}

static void a_second_sigterm_ends_the_drain(void **state)
{
    struct child *child = *state;

    configure(child, "Busy On\nGracefulShutdownTimeout 1h\n");
    spawn(child, &fake);
    await_log(child, "log", "ready");
    kill(child->pid, SIGTERM);
    await(child, "drain\n", 2);
    kill(child->pid, SIGHUP);
    await_log(child, "log", "not reloaded any more");
    kill(child->pid, SIGUSR2); /* means nothing from outside */
    kill(child->pid, SIGTERM);
    assert_int_equal(end(child), 0);
    assert_int_equal(count(child->seen, "stop\n"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_CHILD(the_hooks_come_in_their_order),
        IN_CHILD(a_single_worker_has_the_threads_of_all),
        IN_CHILD(a_reload_reaches_every_worker_and_the_old_goes),
        IN_CHILD(many_reloads_end_at_the_last),
        IN_CHILD(a_wrong_file_changes_nothing_and_all_is_said),
        IN_CHILD(a_service_that_cannot_reload_says_so),
        IN_CHILD(the_drain_ends_when_every_worker_is_idle),
        IN_CHILD(the_drain_ends_when_its_time_is_up),
        IN_CHILD(a_second_sigterm_ends_the_drain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
