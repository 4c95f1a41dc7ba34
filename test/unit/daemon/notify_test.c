/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/notify.h"

#include "lib/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A manager with a socket of the abstract name space; returns it and says it in the
 * environment. */
static int manager(void)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    char name[sizeof addr.sun_path];
    int len = snprintf(name, sizeof name, "@wayleave-notify-%ld", (long)getpid());
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    memcpy(addr.sun_path, name, (size_t)len);
    addr.sun_path[0] = '\0';
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)),
                     0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

static const char *received(int fd)
{
    static char text[2048];
    ssize_t len = recv(fd, text, sizeof text - 1, 0);

    assert_true(len >= 0);
    text[len] = '\0';
    return text;
}

static void a_message_is_one_datagram(void **state)
{
    int fd = manager();
    struct notify notify;

    (void)state;
    notify_init(&notify);
    assert_null(getenv("NOTIFY_SOCKET")); /* not for children */
    notify_send(&notify, "READY=1\nSTATUS=%s", "serving");
    assert_string_equal(received(fd), "READY=1\nSTATUS=serving");
    notify_reloading(&notify);
    assert_non_null(strstr(received(fd), "RELOADING=1\nMONOTONIC_USEC="));
    notify_fini(&notify);
    close(fd);
}

static void without_a_manager_nothing_happens(void **state)
{
    struct notify notify;

    (void)state;
    unsetenv("NOTIFY_SOCKET");
    notify_init(&notify);
    assert_int_equal(notify.fd, -1);
    notify_send(&notify, "READY=1");
    notify_fini(&notify);
}

static void a_name_that_cannot_be_a_socket_is_not_used(void **state)
{
    static const char *const names[] = {"", "/", "relative", "vsock:2:1234"};
    char longer[300];
    struct notify notify;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        notify_init(&notify);
        assert_int_equal(notify.fd, -1);
    }
    memset(longer, 'a', sizeof longer);
    longer[0] = '/';
    longer[sizeof longer - 1] = '\0';
    setenv("NOTIFY_SOCKET", longer, 1);
    notify_init(&notify);
    assert_int_equal(notify.fd, -1);
}

static void a_manager_that_has_gone_is_no_fault(void **state)
{
    int fd = manager();
    struct notify notify;

    (void)state;
    notify_init(&notify);
    close(fd);
    notify_send(&notify, "READY=1");
    notify_fini(&notify);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_one_datagram),
        cmocka_unit_test(without_a_manager_nothing_happens),
        cmocka_unit_test(a_name_that_cannot_be_a_socket_is_not_used),
        cmocka_unit_test(a_manager_that_has_gone_is_no_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
