/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Every socket call of the program. All sockets are non-blocking and close-on-exec.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "io/addr.h"

enum sock_listen_flag {
    SOCK_LISTEN_SHARED = 1u << 0, /* several sockets may share the address (one per worker);
                                     without it an address that anybody listens on is refused */
    SOCK_LISTEN_TRANSPARENT = 1u << 1, /* takes what TPROXY gives it, whatever the destination:
                                          sock_is_transparent(). Needs CAP_NET_RAW or
                                          CAP_NET_ADMIN */
};

/** A listening socket; `flags` of enum sock_listen_flag. IPv6 sockets take IPv6 alone. ERR_IO
 *  with errno (EADDRINUSE, EACCES, EPERM ...). */
must_check enum err sock_listen(int *ret_fd, const struct addr *addr, int backlog,
                                unsigned flags);

/** ERR_AGAIN: nobody waits. ERR_LIMIT: out of descriptors or memory. ERR_IO with errno. */
must_check enum err sock_accept(int listen_fd, int *ret_fd, struct addr *ret_peer);

/** Begins to connect. OK in both cases: connected, or under way (writable tells). ERR_IO:
 * errno. */
must_check enum err sock_connect(int *ret_fd, const struct addr *addr);

/** The same from an address that need not be this host's (its port is not used): what comes
 * back must be routed to this host. As SOCK_LISTEN_TRANSPARENT; EPERM without the capability.
 * Both addresses are of one family. */
must_check enum err sock_connect_from(int *ret_fd, const struct addr *addr,
                                      const struct addr *source);

/** Whether this process could do that now. ERR_IO with errno: EPERM, ENOPROTOOPT. */
must_check enum err sock_may_be_transparent(int family);

/** Whether a socket may have addresses that are not this host's. Accepted ones inherit that
 * from their listener: then their local address is where the client was going. */
bool sock_is_transparent(int fd);

/** Where an accepted connection was going before a rule of this host's NAT (REDIRECT) had it
 *  come here; its local address when none did. ERR_IO with errno: nobody keeps track of it. */
must_check enum err sock_original_dst(int fd, struct addr *ret_addr);

/** Once writable: OK connected, ERR_AGAIN still under way, ERR_IO with errno set to the reason.
 */
must_check enum err sock_connect_result(int fd);

/** OK with *ret_len 0: end of stream. ERR_AGAIN. ERR_CLOSED: reset. ERR_IO with errno. */
must_check enum err sock_recv(int fd, struct mspan room, size_t *ret_len);

/** OK with what the kernel took (>= 1). ERR_AGAIN. ERR_CLOSED: reset or closed. ERR_IO. */
must_check enum err sock_send(int fd, struct span bytes, size_t *ret_len);

/** Our FIN; reading goes on. Errors do not matter: the next read tells. */
void sock_shutdown_write(int fd);

/** The next close sends RST instead of FIN: for a peer that must not take a cut for an end. */
void sock_reset_on_close(int fd);

/** TCP_NODELAY and keep-alive (idle 60 s, every 15 s, 4 times). Errors are ignored: advice
 * only. */
void sock_tune(int fd);

must_check enum err sock_local_addr(int fd, struct addr *ret_addr);
must_check enum err sock_peer_addr(int fd, struct addr *ret_addr);

/** Whether an address is this machine's, as far as routing tells; nothing is sent. */
bool sock_addr_is_own(const struct addr *addr);

/** Closes and sets *fd to -1; nothing happens when it is -1. errno is kept. */
void sock_close(int *fd);
