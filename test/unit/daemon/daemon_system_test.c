/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A daemon and its system: the files that it leaves, and whom it becomes.
 */
#include "unit/daemon/daemon_rig.h"

static void a_log_that_was_renamed_is_opened_again(void **state)
{
    struct child *child = *state;
    char text[SCRATCH_PATH_BYTES + 20];
    char old[SCRATCH_PATH_BYTES];
    char new[SCRATCH_PATH_BYTES];

    scratch_path(child->dir, "log", old);
    scratch_path(child->dir, "log.1", new);
    snprintf(text, sizeof text, "ErrorLog %s\n", old);
    configure(child, text);
    spawn(child, &fake);
    await_log(child, "log", "ready");
    assert_int_equal(rename(old, new), 0);
    kill(child->pid, SIGUSR1);
    await_log(child, "log", "opened its logs again");
    assert_null(strstr(read_file(child->dir, "log"), "ready"));
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
    assert_int_equal(count(child->seen, "reopen"), 2);
}

static void the_pid_file_is_there_while_it_runs(void **state)
{
    struct child *child = *state;
    struct child other = *child;
    char text[100];
    char number[24];

    snprintf(text, sizeof text, "PidFile %s/pid\n", child->dir);
    configure(child, text);
    spawn(child, &fake);
    await_log(child, "log", "ready");
    snprintf(number, sizeof number, "%ld\n", (long)child->pid);
    assert_string_equal(read_file(child->dir, "pid"), number);

    spawn(&other, &fake); /* the same file */
    assert_int_equal(end(&other), 1);
    assert_int_equal(count(other.seen, "prepare"), 0);
    await_log(child, "log", "belongs to a daemon that is running");
    assert_string_equal(read_file(child->dir, "pid"), number);

    kill(child->pid, SIGKILL); /* it leaves its file behind, which is no obstacle */
    assert_int_equal(end(child), -1);
    assert_string_equal(read_file(child->dir, "pid"), number);
    spawn(child, &fake);
    await(child, "start\n", 2);
    snprintf(number, sizeof number, "pid %ld)", (long)child->pid);
    await_log(child, "log", number);
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
    assert_null(read_file(child->dir, "pid"));
}

static void must_be_root(void)
{
    if (geteuid() != 0) {
        print_message("only root can become somebody else\n");
        skip();
    }
}

/* What proc(5) says of its process. */
static const char *status_of(const struct child *child)
{
    char path[24];
    const char *status;

    (void)snprintf(path, sizeof path, "/proc/%ld", (long)child->pid);
    status = read_file(path, "status");
    assert_non_null(status);
    return status;
}

static void root_without_a_user_line_serves_as_nobody(void **state)
{
    struct child *child = *state;
    struct service careful = fake;

    must_be_root();
    careful.leaves_root = true;
    scratch_write(child->dir, "conf", "Workers 1\n");
    spawn(child, &careful);
    await_log(child, "log", "ready");
    await_log(child, "log", "served as nobody");
    assert_non_null(strstr(status_of(child), "Uid:\t65534\t65534\t65534\t65534"));
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
}

static void an_option_goes_before_user(void **state)
{
    struct child *child = *state;
    struct service careful = fake;

    must_be_root();
    careful.leaves_root = true;
    child->is_root_by_option = true;
    scratch_write(child->dir, "conf", "Workers 1\nUser nobody\n");
    spawn(child, &careful);
    await_log(child, "log", "ready");
    assert_non_null(strstr(status_of(child), "Uid:\t0\t0\t0\t0"));
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
}

static void root_becomes_the_user_before_a_worker_starts(void **state)
{
    struct child *child = *state;
    const char *status;

    must_be_root();
    scratch_write(child->dir, "conf", "Workers 1\nUser nobody\n");
    spawn(child, &fake);
    await_log(child, "log", "ready");
    status = status_of(child);
    assert_null(strstr(status, "Uid:\t0"));
    assert_non_null(strstr(status, "NoNewPrivs:\t1"));
    assert_non_null(strstr(status, "CapEff:\t0000000000000000"));
    kill(child->pid, SIGINT);
    assert_int_equal(end(child), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_CHILD(a_log_that_was_renamed_is_opened_again),
        IN_CHILD(the_pid_file_is_there_while_it_runs),
        IN_CHILD(root_without_a_user_line_serves_as_nobody),
        IN_CHILD(an_option_goes_before_user),
        IN_CHILD(root_becomes_the_user_before_a_worker_starts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
