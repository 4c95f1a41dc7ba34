/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Every socket call of the program. All sockets are non-blocking and close-on-exec.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "io/addr.h"

/** A listening socket. `reuse_port`: several sockets may share the address (one per worker);
 *  without it an address that anybody listens on is refused. IPv6 sockets take IPv6 alone.
 *  ERR_IO with errno (EADDRINUSE, EACCES ...). */
must_check enum err sock_listen(int *ret_fd, const struct addr *addr, int backlog,
                                bool reuse_port);

/** ERR_AGAIN: nobody waits. ERR_LIMIT: out of descriptors or memory. ERR_IO with errno. */
must_check enum err sock_accept(int listen_fd, int *ret_fd, struct addr *ret_peer);

/** Begins to connect. OK in both cases: connected, or under way (writable tells). ERR_IO:
 * errno. */
must_check enum err sock_connect(int *ret_fd, const struct addr *addr);

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
