/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Socket activation: listening sockets that systemd opened before we were started, by the
 * protocol of sd_listen_fds(3): LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, descriptors from 3
 * on.
 */
#pragma once

#include "conf/diag.h"
#include "io/addr.h"

enum {
    INHERITED_MAX = 64,
    INHERITED_NAME_BYTES = 64,
};

struct inherited {
    struct {
        int fd; /* owned; -1 once it was taken */
        struct addr addr;
        bool is_dual; /* an IPv6 socket that takes IPv4 as well */
        char name[INHERITED_NAME_BYTES];
    } sockets[INHERITED_MAX];
    size_t count;
};

/** Reads and clears the environment; nothing there, or meant for another process: none. What
 *  is no listening TCP socket is closed with a sentence in the diag. */
void inherited_init(struct inherited *inherited, struct diag *diag);

/** The socket for an address: the caller's to close. -1: there is none. *ret_is_dual: it serves
 *  the same port of IPv4 as well. */
int inherited_take(struct inherited *inherited, const struct addr *addr, bool *ret_is_dual);

/** Closes what nobody took, with a sentence in the diag for each. */
void inherited_fini(struct inherited *inherited, struct diag *diag);
