/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * TLS for a client that trusts everybody, over a socket that does not block. As send() and
 * recv(): -1 with EAGAIN where it is to be tried again, 0 or -1 when it is over.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ssl_st; /* OpenSSL's SSL */

/** NULL: out of memory. */
struct ssl_st *load_tls_new(int fd);

/** Takes NULL. */
void load_tls_free(struct ssl_st *tls);

/** Shakes hands; whether that is over. *ret_failed: it will not be. */
bool load_tls_shake(struct ssl_st *tls, bool *ret_failed);

ssize_t load_tls_send(struct ssl_st *tls, const void *bytes, size_t len);
ssize_t load_tls_recv(struct ssl_st *tls, void *room, size_t len);
