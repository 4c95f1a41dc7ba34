/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/inherited.h"

#include "base/text.h"
#include "io/sock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    FIRST_FD = 3 /* SD_LISTEN_FDS_START */
};

static int option_of(int fd, int level, int name)
{
    int value = 0;
    socklen_t len = sizeof value;

    return getsockopt(fd, level, name, &value, &len) == 0 ? value : -1;
}

static bool is_listening_tcp(int fd, struct addr *ret_addr)
{
    return option_of(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1 &&
           option_of(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM &&
           sock_local_addr(fd, ret_addr) == OK;
}

/* systemd's are blocking, and we must not hand them on. */
static bool make_ours(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static void add(struct inherited *inherited, int fd, struct span name, struct diag *diag)
{
    struct addr addr;

    if (inherited->count == INHERITED_MAX || !is_listening_tcp(fd, &addr) || !make_ours(fd)) {
        diag_warn(
            diag, NULL, 0,
            "the socket \"%.*s\" that systemd handed over is not used: it does not listen "
            "for TCP (write ListenStream= and an address with a port)",
            SPAN_ARG(name));
        close(fd);
        return;
    }
    inherited->sockets[inherited->count].fd = fd;
    inherited->sockets[inherited->count].addr = addr;
    inherited->sockets[inherited->count].is_dual =
        addr.sa.any.sa_family == AF_INET6 && option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
    text_printable(name, inherited->sockets[inherited->count].name, INHERITED_NAME_BYTES);
    inherited->count++;
}

static void read_sockets(struct inherited *inherited, uint64_t count, struct span names,
                         struct diag *diag)
{
    for (uint64_t i = 0; i < count; i++) {
        size_t len = span_find(names, ':');

        add(inherited, FIRST_FD + (int)i, len == 0 ? SPAN("unknown") : span_head(names, len),
            diag);
        names = span_tail(names, len < names.len ? len + 1 : len);
    }
}

void inherited_init(struct inherited *inherited, struct diag *diag)
{
    uint64_t pid;
    uint64_t count;

    *inherited = (struct inherited){0};
    if (text_u64(span_str(getenv("LISTEN_PID")), INT32_MAX, &pid) &&
        pid == (uint64_t)getpid() &&
        text_u64(span_str(getenv("LISTEN_FDS")), INT16_MAX, &count)) {
        read_sockets(inherited, count, span_str(getenv("LISTEN_FDNAMES")), diag);
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}

int inherited_take(struct inherited *inherited, const struct addr *addr, bool *ret_is_dual)
{
    for (size_t i = 0; i < inherited->count; i++) {
        int fd = inherited->sockets[i].fd;

        if (fd != -1 && inherited->sockets[i].addr.sa.any.sa_family == addr->sa.any.sa_family &&
            addr_equal(&inherited->sockets[i].addr, addr)) {
            inherited->sockets[i].fd = -1;
            *ret_is_dual = inherited->sockets[i].is_dual;
            return fd;
        }
    }
    return -1;
}

void inherited_fini(struct inherited *inherited, struct diag *diag)
{
    char text[ADDR_TEXT_BYTES];

    for (size_t i = 0; i < inherited->count; i++) {
        if (inherited->sockets[i].fd != -1) {
            addr_text(&inherited->sockets[i].addr, text);
            diag_warn(diag, NULL, 0,
                      "the socket \"%s\" for %s that systemd handed over is not used: no line "
                      "asks for it (add Listen %s)",
                      inherited->sockets[i].name, text, text);
            sock_close(&inherited->sockets[i].fd);
        }
    }
    inherited->count = 0;
}
