/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "load_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

static SSL_CTX *context(void)
{
    static SSL_CTX *all; /* for the life of the process */

    if (all == NULL) {
        all = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_mode(all, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }
    return all;
}

struct ssl_st *load_tls_new(int fd)
{
    SSL *tls = context() == NULL ? NULL : SSL_new(context());

    if (tls != NULL && SSL_set_fd(tls, fd) != 1) {
        SSL_free(tls);
        return NULL;
    }
    if (tls != NULL) {
        SSL_set_connect_state(tls);
    }
    return tls;
}

void load_tls_free(struct ssl_st *tls)
{
    SSL_free(tls);
}

static bool may_come(SSL *tls, int result)
{
    int error = SSL_get_error(tls, result);

    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

bool load_tls_shake(struct ssl_st *tls, bool *ret_failed)
{
    int result;

    ERR_clear_error();
    result = SSL_do_handshake(tls);
    *ret_failed = result != 1 && !may_come(tls, result);
    return result == 1;
}

static ssize_t outcome(SSL *tls, int result, size_t len)
{
    if (result == 1) {
        return (ssize_t)len;
    }
    if (may_come(tls, result)) {
        errno = EAGAIN;
        return -1;
    }
    return 0;
}

ssize_t load_tls_send(struct ssl_st *tls, const void *bytes, size_t len)
{
    size_t sent = 0;
    int result;

    ERR_clear_error();
    result = SSL_write_ex(tls, bytes, len, &sent);
    return outcome(tls, result, sent);
}

ssize_t load_tls_recv(struct ssl_st *tls, void *room, size_t len)
{
    size_t got = 0;
    int result;

    ERR_clear_error();
    result = SSL_read_ex(tls, room, len, &got);
    return outcome(tls, result, got);
}
