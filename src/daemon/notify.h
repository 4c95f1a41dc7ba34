/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Telling the service manager how we are: sd_notify(3), which is one datagram of lines
 * "NAME=value" to the socket in NOTIFY_SOCKET. Without one nothing is sent; what cannot be sent
 * is lost.
 */
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

struct notify {
    int fd; /* owned; -1: nobody wants to know */
    struct sockaddr_un addr;
    socklen_t addr_len;
};

/** Reads and clears the environment. */
void notify_init(struct notify *notify);

/** "READY=1\nSTATUS=..." */
void notify_send(const struct notify *notify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** RELOADING=1 with the time that systemd wants to see; "READY=1" ends it. */
void notify_reloading(const struct notify *notify);

void notify_fini(struct notify *notify);
