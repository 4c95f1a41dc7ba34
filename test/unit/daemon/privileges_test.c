/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Becoming somebody else, in a child each time: there is no way back. privileges_plan() is
 * tested with the configuration that it reads.
 */
#include "daemon/privileges.h"

#include "io/sock.h"
#include "lib/testing.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SOMEBODY = 54321,
    RAW = 1 << CAP_NET_RAW,
};

/* What /proc/self/status has behind a name; -1: it could not be read. */
static long long status_of(const char *name)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    unsigned long long value = 0;
    bool is_found = false;

    while (file != NULL && !is_found && fgets(line, sizeof line, file) != NULL) {
        is_found = strncmp(line, name, strlen(name)) == 0 &&
                   sscanf(line + strlen(name), ":\t%llx", &value) == 1;
    }
    if (file != NULL) {
        fclose(file);
    }
    return is_found ? (long long)value : -1;
}

/* 0, or which of the promises was not kept. */
static int drop(uint64_t keep)
{
    const struct privileges plan = {.uid = SOMEBODY, .gid = SOMEBODY, .is_change = true};
    struct diag diag;

    diag_init(&diag);
    if (privileges_drop(&plan, keep, &diag) != OK) {
        return 1;
    }
    diag_fini(&diag);
    return getuid() != SOMEBODY || geteuid() != SOMEBODY             ? 2
           : setuid(0) == 0 || seteuid(0) == 0                       ? 3
           : status_of("CapPrm") != (long long)keep                  ? 4
           : status_of("CapEff") != (long long)keep                  ? 5
           : status_of("CapInh") != 0 || status_of("CapAmb") != 0    ? 6
           : (sock_may_be_transparent(AF_INET) == OK) != (keep != 0) ? 7
                                                                     : 0;
}

static int in_a_child(uint64_t keep)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        _exit(drop(keep));
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void root_keeps_what_was_asked_for_and_nothing_else(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("not root: nothing can be given up\n");
        skip();
    }
    assert_int_equal(in_a_child(0), 0);
    assert_int_equal(in_a_child(RAW), 0);
}

static void who_cannot_change_is_told(void **state)
{
    const struct privileges plan = {.uid = SOMEBODY, .gid = SOMEBODY, .is_change = true};
    bool is_root = geteuid() == 0;
    struct diag diag;

    (void)state;
    diag_init(&diag);
    assert_int_equal(is_root ? seteuid(65534) : 0, 0);
    assert_int_equal(privileges_drop(&plan, RAW, &diag), ERR_CONF);
    assert_int_equal(is_root ? seteuid(0) : 0, 0);
    assert_non_null(strstr(diag_next(&diag, NULL)->text, "could not become user 54321"));
    diag_fini(&diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_keeps_what_was_asked_for_and_nothing_else),
        cmocka_unit_test(who_cannot_change_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
