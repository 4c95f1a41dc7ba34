/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * OpenSSL reads and writes through a BIO of our own, which calls the stream below; so TLS
 * stands on tcp, on a CONNECT tunnel or on another TLS alike. OpenSSL's codes become enum err
 * and a sentence here and nowhere else.
 */
#include "net/stream_tls.h"

#include "io/addr.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    NAME_BYTES = 254, /* RFC 1035 2.3.4: 255 on the wire, which is 253 in letters; a zero */
    WHY_BYTES = 160,
    ALERT_REASONS = 1000, /* OpenSSL counts received alerts from here: SSL_AD_REASON_OFFSET */
};

struct stream_tls {
    struct stream base;
    SSL *ssl;             /* owned, and with it the BIO */
    enum err below;       /* what the stream below failed with during this call */
    enum err failed;      /* final; every later call says it again */
    bool has_below_ended; /* the stream below has reached its end */
    bool is_ready;        /* hands are shaken */
    bool has_shut;        /* close_notify is on its way, or nobody can hear it */
    char why[WHY_BYTES];  /* empty: the stream below knows, or nothing failed */
};

static struct stream_tls *tls_of(struct stream *stream)
{
    return (struct stream_tls *)(void *)stream; /* base is the first member */
}

/* The BIO. Return values are those of BIO_read(): 1 moved, 0 end, -1 not now or never. */

static int bio_not_moved(struct stream_tls *tls, BIO *bio, enum err e, int retry_flag)
{
    if (e == ERR_AGAIN) {
        BIO_set_flags(bio, retry_flag | BIO_FLAGS_SHOULD_RETRY);
    } else {
        tls->below = e;
    }
    return -1;
}

static int bio_read(BIO *bio, char *room, size_t room_bytes, size_t *ret_len)
{
    struct stream_tls *tls = BIO_get_data(bio);
    enum err e;

    BIO_clear_retry_flags(bio);
    *ret_len = 0;
    if (room_bytes == 0) {
        return 0;
    }
    e = stream_read(tls->base.below, mspan_of(room, room_bytes), ret_len);
    if (e != OK) {
        return bio_not_moved(tls, bio, e, BIO_FLAGS_READ);
    }
    tls->has_below_ended = *ret_len == 0;
    return tls->has_below_ended ? 0 : 1;
}

static int bio_write(BIO *bio, const char *bytes, size_t len, size_t *ret_len)
{
    struct stream_tls *tls = BIO_get_data(bio);
    enum err e;

    BIO_clear_retry_flags(bio);
    *ret_len = 0;
    if (len == 0) {
        return 1;
    }
    e = stream_write(tls->base.below, span_of(bytes, len), ret_len);
    return e == OK ? 1 : bio_not_moved(tls, bio, e, BIO_FLAGS_WRITE);
}

static long bio_ctrl(BIO *bio, int command, long number, void *ptr)
{
    struct stream_tls *tls = BIO_get_data(bio);

    (void)number;
    (void)ptr;
    switch (command) {
    case BIO_CTRL_FLUSH: return 1; /* the stream below keeps nothing back */
    case BIO_CTRL_EOF: return tls->has_below_ended;
    default: return 0; /* OpenSSL asks for much that only sockets have */
    }
}

static pthread_once_t bio_method_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *bio_method; /* for the life of the process; NULL: out of memory */

static void make_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "stream");

    if (method != NULL && BIO_meth_set_read_ex(method, bio_read) == 1 &&
        BIO_meth_set_write_ex(method, bio_write) == 1 &&
        BIO_meth_set_ctrl(method, bio_ctrl) == 1) {
        bio_method = method;
        return;
    }
    BIO_meth_free(method);
}

/* Failures. */

static enum err explain_end(struct stream_tls *tls)
{
    snprintf(tls->why, sizeof tls->why, "the peer cut the connection %s",
             tls->is_ready ? "without ending TLS (no close_notify)"
                           : "during the TLS handshake");
    return ERR_CLOSED;
}

static enum err explain_certificate(struct stream_tls *tls)
{
    long result = SSL_get_verify_result(tls->ssl);
    const char *name = SSL_get0_peername(tls->ssl);

    if (name == NULL) {
        name = SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name);
    }
    snprintf(tls->why, sizeof tls->why, "the certificate of %s is refused: %s",
             name == NULL ? "the peer" : name, X509_verify_cert_error_string(result));
    return ERR_PROTO;
}

static enum err explain_error(struct stream_tls *tls, unsigned long error)
{
    int reason = ERR_GET_REASON(error);
    const char *words = ERR_reason_error_string(error);

    if (reason == ERR_R_MALLOC_FAILURE) {
        return ERR_NOMEM;
    }
    if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
        if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
            return explain_certificate(tls);
        }
        if (reason > ALERT_REASONS) {
            snprintf(tls->why, sizeof tls->why, "the peer sent the TLS alert \"%s\"",
                     SSL_alert_desc_string_long(reason - ALERT_REASONS));
            return ERR_PROTO;
        }
        if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST) {
            snprintf(tls->why, sizeof tls->why, "the peer does not speak TLS (%s)", words);
            return ERR_PROTO;
        }
    }
    snprintf(tls->why, sizeof tls->why, "TLS failed: %s",
             words == NULL ? "OpenSSL gives no reason" : words);
    return ERR_PROTO;
}

static bool is_truncation(unsigned long error)
{
    return ERR_GET_LIB(error) == ERR_LIB_SSL &&
           ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

/* Why an SSL_ function did not return success; the caller deals with close_notify. OpenSSL's
 * own reason counts first: a refused certificate is one even if the alert could not be sent. */
static enum err explain(struct stream_tls *tls, int result)
{
    int ssl_error = SSL_get_error(tls->ssl, result);
    unsigned long error = ERR_peek_error();

    if (ssl_error == SSL_ERROR_WANT_READ || ssl_error == SSL_ERROR_WANT_WRITE) {
        return ERR_AGAIN;
    }
    if (tls->below != OK && ssl_error != SSL_ERROR_SSL) {
        /* Not final, and stream_why() asks further down: after a failed write there may still
         * be something to read. */
        return tls->below;
    }
    tls->failed = tls->has_below_ended && (error == 0 || is_truncation(error))
                      ? explain_end(tls)
                      : explain_error(tls, error);
    return tls->failed;
}

/* What OpenSSL and the stream below said about the last call is no longer true. */
static void forget_errors(struct stream_tls *tls)
{
    ERR_clear_error();
    tls->below = OK;
}

/* The filter. */

static enum err tls_handshake(struct stream *stream)
{
    struct stream_tls *tls = tls_of(stream);
    int result;

    if (tls->is_ready || tls->failed != OK) {
        return tls->failed;
    }
    forget_errors(tls);
    result = SSL_do_handshake(tls->ssl);
    if (result != 1) {
        return explain(tls, result);
    }
    tls->is_ready = true;
    return OK;
}

static enum err tls_read(struct stream *stream, struct mspan room, size_t *ret_len)
{
    struct stream_tls *tls = tls_of(stream);
    size_t len = 0;
    int result;

    TRY(tls->failed);
    forget_errors(tls);
    result = SSL_read_ex(tls->ssl, room.ptr, room.len, &len);
    if (result != 1 && SSL_get_error(tls->ssl, result) != SSL_ERROR_ZERO_RETURN) {
        return explain(tls, result);
    }
    *ret_len = len; /* 0 after close_notify: RFC 8446 6.1 */
    return OK;
}

static enum err tls_write(struct stream *stream, struct span bytes, size_t *ret_len)
{
    struct stream_tls *tls = tls_of(stream);
    size_t len = 0;
    int result;

    TRY(tls->failed);
    forget_errors(tls);
    result = SSL_write_ex(tls->ssl, bytes.ptr, bytes.len, &len);
    if (result != 1) {
        return explain(tls, result);
    }
    *ret_len = len;
    return OK;
}

/* RFC 8446 6.1: each side MUST send close_notify before it closes its write side. */
static enum err tls_shutdown(struct stream *stream)
{
    struct stream_tls *tls = tls_of(stream);

    if (!tls->has_shut && tls->is_ready && tls->failed == OK) {
        int result;

        forget_errors(tls);
        result = SSL_shutdown(tls->ssl); /* 0: sent, and not yet answered; that is enough */
        if (result < 0 && explain(tls, result) == ERR_AGAIN) {
            return ERR_AGAIN;
        }
    }
    tls->has_shut = true; /* a second SSL_shutdown() would read and drop what the peer sends */
    return stream_shutdown(tls->base.below);
}

static void tls_free(struct stream *stream)
{
    struct stream_tls *tls = tls_of(stream);

    SSL_free(tls->ssl);
    free(tls);
}

static const char *tls_why(const struct stream *stream)
{
    const struct stream_tls *tls = (const struct stream_tls *)(const void *)stream;

    return tls->why[0] == '\0' ? NULL : tls->why;
}

static const struct stream_ops tls_ops = {
    .name = "tls",
    .handshake = tls_handshake,
    .read = tls_read,
    .write = tls_write,
    .shutdown = tls_shutdown,
    .free = tls_free,
    .why = tls_why,
};

/* Not yet on the stack: `below` is still the caller's. */
static enum err new_tls(struct tls_ctx *ctx, struct stream_tls **ret_tls)
{
    struct stream_tls *tls;
    BIO *bio;

    pthread_once(&bio_method_once, make_bio_method);
    if (bio_method == NULL) {
        return ERR_NOMEM;
    }
    tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        return ERR_NOMEM;
    }
    tls->base.ops = &tls_ops;
    ERR_clear_error();
    tls->ssl = SSL_new(tls_ctx_openssl(ctx));
    bio = tls->ssl == NULL ? NULL : BIO_new(bio_method);
    if (bio == NULL) {
        tls_free(&tls->base);
        return ERR_NOMEM;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio); /* takes the one reference */
    *ret_tls = tls;
    return OK;
}

static void push(struct stream **top, struct stream_tls *tls)
{
    tls->base.below = *top;
    *top = &tls->base;
}

enum err stream_tls_accept(struct stream **top, struct tls_ctx *ctx)
{
    struct stream_tls *tls = NULL;

    TRY(new_tls(ctx, &tls));
    SSL_set_accept_state(tls->ssl);
    push(top, tls);
    return OK;
}

/* What OpenSSL gets is a C string: a zero inside would cut the name short, and the certificate
 * of another host would do. The final point of a rooted name is in no certificate and in no SNI
 * (RFC 6066 3). */
static enum err copy_name(struct span name, char room[NAME_BYTES])
{
    if (name.len > 0 && name.ptr[name.len - 1] == '.') {
        name.len--;
    }
    if (name.len == 0 || name.len >= NAME_BYTES || span_find(name, '\0') < name.len) {
        return ERR_LIMIT;
    }
    memcpy(room, name.ptr, name.len);
    room[name.len] = '\0';
    return OK;
}

static bool expect_address(SSL *ssl, const struct addr *addr)
{
    char text[ADDR_TEXT_BYTES];

    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), addr_host_text(addr, text)) == 1;
}

static bool expect_host(SSL *ssl, const char *name)
{
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

enum err stream_tls_push(struct stream **top, struct tls_ctx *ctx, struct span name)
{
    struct stream_tls *tls = NULL;
    char text[NAME_BYTES];
    struct addr addr;

    TRY(copy_name(name, text));
    TRY(new_tls(ctx, &tls));
    SSL_set_connect_state(tls->ssl);
    if (!(addr_parse(name, 0, &addr) ? expect_address(tls->ssl, &addr)
                                     : expect_host(tls->ssl, text))) {
        tls_free(&tls->base);
        return ERR_NOMEM;
    }
    push(top, tls);
    return OK;
}
