/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/notify.h"

#include "io/sock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    TEXT_BYTES = 1024
};

void notify_init(struct notify *notify)
{
    struct span path = span_str(getenv("NOTIFY_SOCKET"));

    *notify = (struct notify){.fd = -1, .addr.sun_family = AF_UNIX};
    /* "/path", or "@name" for a socket of the abstract name space */
    if (path.len > 1 && path.len < sizeof notify->addr.sun_path &&
        (path.ptr[0] == '/' || path.ptr[0] == '@')) {
        memcpy(notify->addr.sun_path, path.ptr, path.len);
        if (path.ptr[0] == '@') {
            notify->addr.sun_path[0] = '\0';
        }
        notify->addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len);
        notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    }
    unsetenv("NOTIFY_SOCKET");
}

void notify_send(const struct notify *notify, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list args;
    ssize_t sent;
    int len;

    if (notify->fd == -1) {
        return;
    }
    va_start(args, format);
    len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len >= (int)sizeof text) {
        len = sizeof text - 1;
    }
    sent = sendto(notify->fd, text, (size_t)len, MSG_NOSIGNAL,
                  (const struct sockaddr *)&notify->addr, notify->addr_len);
    (void)sent;
}

void notify_reloading(const struct notify *notify)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    notify_send(notify, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading the configuration",
                (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void notify_fini(struct notify *notify)
{
    sock_close(&notify->fd);
}
