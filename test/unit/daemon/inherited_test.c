/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Descriptors begin at 3 there, so each test runs in a child that has nothing else open.
 */
#include "daemon/inherited.h"

#include "io/sock.h"
#include "lib/testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define expect(what)                \
    do {                            \
        if (!(what)) {              \
            _exit(__LINE__ & 0xff); \
        }                           \
    } while (0)

static void in_child(void (*scene)(void))
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        scene();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void set_env(long pid, const char *fds, const char *names)
{
    char text[24];

    snprintf(text, sizeof text, "%ld", pid);
    setenv("LISTEN_PID", text, 1);
    setenv("LISTEN_FDS", fds, 1);
    setenv("LISTEN_FDNAMES", names, 1);
}

static void listen_as(int fd, struct addr *ret_addr)
{
    struct addr addr;
    int made;

    expect(addr_parse(SPAN("127.0.0.1"), 0, &addr));
    expect(sock_listen(&made, &addr, 1, 0) == OK);
    expect(sock_local_addr(made, ret_addr) == OK);
    if (made != fd) {
        expect(dup2(made, fd) == fd);
        close(made);
    }
    fcntl(fd, F_SETFL, 0); /* as systemd has them */
}

static void take_two(void)
{
    struct inherited inherited;
    struct addr addrs[2];
    struct diag diag;
    bool is_dual;

    diag_init(&diag);
    listen_as(4, &addrs[1]);
    listen_as(3, &addrs[0]);
    set_env(getpid(), "2", "web:admin");
    inherited_init(&inherited, &diag);
    expect(getenv("LISTEN_FDS") == NULL);
    expect(inherited.count == 2);
    expect(strcmp(inherited.sockets[1].name, "admin") == 0);
    expect(inherited_take(&inherited, &addrs[1], &is_dual) == 4 && !is_dual);
    expect(inherited_take(&inherited, &addrs[1], &is_dual) == -1);
    expect((fcntl(4, F_GETFD) & FD_CLOEXEC) != 0 && (fcntl(4, F_GETFL) & O_NONBLOCK) != 0);
    inherited_fini(&inherited, &diag);
    expect(diag_count(&diag, DIAG_WARNING) == 1); /* nobody took "web" */
    expect(strstr(diag_next(&diag, NULL)->text, "\"web\"") != NULL);
    expect(fcntl(3, F_GETFD) == -1);
    diag_fini(&diag);
    close(4);
}

static void another_pid(void)
{
    struct inherited inherited;
    struct addr addr;
    struct diag diag;

    diag_init(&diag);
    listen_as(3, &addr);
    set_env(getppid(), "1", "web");
    inherited_init(&inherited, &diag);
    expect(inherited.count == 0 && fcntl(3, F_GETFD) != -1); /* it is not ours to close */
    inherited_fini(&inherited, &diag);
    diag_fini(&diag);
}

static void not_listening(void)
{
    struct inherited inherited;
    struct diag diag;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    diag_init(&diag);
    expect(dup2(fd, 3) == 3);
    expect(dup2(fd, 4) == 4);
    set_env(getpid(), "2", "");
    inherited_init(&inherited, &diag);
    expect(inherited.count == 0 && diag_count(&diag, DIAG_WARNING) == 2);
    inherited_fini(&inherited, &diag);
    diag_fini(&diag);
}

static void garbage(void)
{
    static const char *const counts[] = {"", "-1", "x", "99999999999999999999"};
    struct inherited inherited;
    struct diag diag;

    diag_init(&diag);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        set_env(getpid(), counts[i], "a");
        inherited_init(&inherited, &diag);
        expect(inherited.count == 0);
    }
    diag_fini(&diag);
}

static void sockets_are_found_by_address_and_the_rest_is_said(void **state)
{
    (void)state;
    in_child(take_two);
}

static void what_is_meant_for_another_process_is_left_alone(void **state)
{
    (void)state;
    in_child(another_pid);
}

static void what_does_not_listen_is_refused(void **state)
{
    (void)state;
    in_child(not_listening);
}

static void a_count_that_is_none_is_none(void **state)
{
    (void)state;
    in_child(garbage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sockets_are_found_by_address_and_the_rest_is_said),
        cmocka_unit_test(what_is_meant_for_another_process_is_left_alone),
        cmocka_unit_test(what_does_not_listen_is_refused),
        cmocka_unit_test(a_count_that_is_none_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
