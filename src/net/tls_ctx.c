/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Contexts, and the certificate for localhost. Every failure becomes a sentence that names the
 * file, because whoever reads it has just mistyped its name.
 */
#include "net/tls_ctx.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    LOCALHOST_DAYS = 825, /* the longest that Apple's clients take */
    LOCALHOST_SERIAL_BITS = 127,
    PATH_BYTES = 4096,
};

struct tls_ctx {
    SSL_CTX *ssl; /* owned */
};

/* RFC 7301 3.1: a list of names, each behind its length */
static const unsigned char alpn_http11[] = "\x08http/1.1";
enum {
    ALPN_HTTP11_BYTES = sizeof alpn_http11 - 1
};

__attribute__((format(printf, 3, 4))) static enum err say(struct mspan why, enum err e,
                                                          const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (why.len > 0) {
        vsnprintf((char *)why.ptr, why.len, format, args);
    }
    va_end(args);
    return e;
}

/* OpenSSL's own words for the oldest error it remembers, which is nearest to the cause. */
static const char *openssl_words(void)
{
    const char *words = ERR_reason_error_string(ERR_peek_error());

    return words == NULL ? "OpenSSL gives no reason" : words;
}

static bool openssl_says(int lib, int reason)
{
    unsigned long error = ERR_peek_error();

    return ERR_GET_LIB(error) == lib && ERR_GET_REASON(error) == reason;
}

static enum err check_readable(const char *what, const char *file, struct mspan why)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return say(why, ERR_CONF, "cannot read the %s %s: %s", what, file,
                   strerrordesc_np(errno));
    }
    close(fd);
    return OK;
}

static enum err new_ctx(const SSL_METHOD *method, struct tls_ctx **ret_ctx)
{
    struct tls_ctx *ctx = calloc(1, sizeof *ctx);

    if (ctx == NULL) {
        return ERR_NOMEM;
    }
    ERR_clear_error();
    ctx->ssl = SSL_CTX_new(method);
    if (ctx->ssl == NULL || SSL_CTX_set_min_proto_version(ctx->ssl, TLS1_2_VERSION) != 1) {
        tls_ctx_free(ctx);
        return ERR_NOMEM;
    }
    SSL_CTX_set_options(ctx->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* A record's header and body with one read from below, instead of two. */
    SSL_CTX_set_read_ahead(ctx->ssl, 1);
    SSL_CTX_set_session_cache_mode(ctx->ssl, SSL_SESS_CACHE_OFF);
    *ret_ctx = ctx;
    return OK;
}

/* RFC 7301 3.2: a server that supports none of the client's protocols sends a fatal alert. */
static int choose_http11(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                         const unsigned char *in, unsigned in_len, void *ctx)
{
    unsigned char *chosen;

    (void)ssl;
    (void)ctx;
    if (SSL_select_next_proto(&chosen, out_len, alpn_http11, ALPN_HTTP11_BYTES, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* Nobody sits at a terminal to type a pass phrase. */
static int refuse_pass_phrase(char *room, int size, int is_write, void *ctx)
{
    (void)room;
    (void)size;
    (void)is_write;
    (void)ctx;
    return 0;
}

static enum err load_certificate(SSL_CTX *ssl, const char *file, struct mspan why)
{
    TRY(check_readable("certificate", file, why));
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ssl, file) == 1) {
        return OK;
    }
    if (openssl_says(ERR_LIB_PEM, PEM_R_NO_START_LINE)) {
        return say(why, ERR_CONF, "%s is not a certificate in PEM form", file);
    }
    return say(why, ERR_CONF, "cannot use the certificate %s: %s", file, openssl_words());
}

static enum err load_key(SSL_CTX *ssl, const char *file, const char *certificate_file,
                         struct mspan why)
{
    TRY(check_readable("key", file, why));
    ERR_clear_error();
    if (SSL_CTX_use_PrivateKey_file(ssl, file, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_check_private_key(ssl) == 1) {
        return OK;
    }
    /* OpenSSL puts a key of another kind (RSA, EC) beside the certificate, not against it. */
    if (openssl_says(ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH) ||
        openssl_says(ERR_LIB_X509, X509_R_KEY_TYPE_MISMATCH) ||
        openssl_says(ERR_LIB_SSL, SSL_R_NO_CERTIFICATE_ASSIGNED)) {
        return say(why, ERR_CONF, "the key %s does not belong to the certificate %s", file,
                   certificate_file);
    }
    if (openssl_says(ERR_LIB_PEM, PEM_R_BAD_PASSWORD_READ)) {
        return say(why, ERR_CONF, "the key %s has a pass phrase (take it off)", file);
    }
    return say(why, ERR_CONF, "%s is not a key in PEM form: %s", file, openssl_words());
}

static enum err set_up_server(SSL_CTX *ssl, const char *certificate_file, const char *key_file,
                              struct mspan why)
{
    SSL_CTX_set_default_passwd_cb(ssl, refuse_pass_phrase);
    TRY(load_certificate(ssl, certificate_file, why));
    TRY(load_key(ssl, key_file, certificate_file, why));
    /* Forward secrecy and authenticated encryption only; TLS 1.3 knows nothing else. */
    if (SSL_CTX_set_cipher_list(ssl, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
        return say(why, ERR_CONF, "OpenSSL has none of our ciphers: %s", openssl_words());
    }
    SSL_CTX_set_alpn_select_cb(ssl, choose_http11, NULL);
    /* No session is resumed, hence no ticket is sent: a ticket that meets a client which has
     * already closed would be answered with a reset, and the reset would eat our last bytes. */
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
    if (SSL_CTX_set_num_tickets(ssl, 0) != 1) {
        return say(why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    }
    return OK;
}

enum err tls_ctx_server(const char *certificate_file, const char *key_file, struct mspan why,
                        struct tls_ctx **ret_ctx)
{
    struct tls_ctx *ctx = NULL;
    enum err e = new_ctx(TLS_server_method(), &ctx);

    if (e != OK) {
        return say(why, e, "%s", err_text(e));
    }
    e = set_up_server(ctx->ssl, certificate_file, key_file, why);
    if (e != OK) {
        tls_ctx_free(ctx);
        return e;
    }
    *ret_ctx = ctx;
    return OK;
}

static enum err set_up_client(SSL_CTX *ssl, const char *ca_file, bool verify, struct mspan why)
{
    /* An empty store of the system is no fault by itself: ca_file may be all there is. */
    (void)SSL_CTX_set_default_verify_paths(ssl);
    if (ca_file != NULL) {
        TRY(check_readable("CA file", ca_file, why));
        ERR_clear_error();
        if (SSL_CTX_load_verify_file(ssl, ca_file) != 1) {
            return say(why, ERR_CONF, "%s holds no certificate in PEM form: %s", ca_file,
                       openssl_words());
        }
    }
    SSL_CTX_set_verify(ssl, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    /* Here 0 is success. */
    if (SSL_CTX_set_alpn_protos(ssl, alpn_http11, ALPN_HTTP11_BYTES) != 0) {
        return say(why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    }
    return OK;
}

enum err tls_ctx_client(const char *ca_file, bool verify, struct mspan why,
                        struct tls_ctx **ret_ctx)
{
    struct tls_ctx *ctx = NULL;
    enum err e = new_ctx(TLS_client_method(), &ctx);

    if (e != OK) {
        return say(why, e, "%s", err_text(e));
    }
    e = set_up_client(ctx->ssl, ca_file, verify, why);
    if (e != OK) {
        tls_ctx_free(ctx);
        return e;
    }
    *ret_ctx = ctx;
    return OK;
}

void tls_ctx_free(struct tls_ctx *ctx)
{
    if (ctx == NULL) {
        return;
    }
    SSL_CTX_free(ctx->ssl);
    free(ctx);
}

struct ssl_ctx_st *tls_ctx_openssl(struct tls_ctx *ctx)
{
    return ctx->ssl;
}

/* Seconds since 1970, or `otherwise`. */
static int64_t time_of(const ASN1_TIME *when, int64_t otherwise)
{
    struct tm parts;

    return when != NULL && ASN1_TIME_to_tm(when, &parts) == 1 ? (int64_t)timegm(&parts)
                                                              : otherwise;
}

void tls_ctx_dates(const struct tls_ctx *ctx, struct tls_dates *ret_dates)
{
    const X509 *certificate = SSL_CTX_get0_certificate(ctx->ssl);

    *ret_dates = (struct tls_dates){
        .not_before = time_of(X509_get0_notBefore(certificate), INT64_MIN),
        .not_after = time_of(X509_get0_notAfter(certificate), INT64_MAX),
    };
}

/* The certificate for localhost. */

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;
    bool is_added;

    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    is_added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_added;
}

/* Random, so that a browser that remembers an older one does not see its number twice. */
static bool set_serial(X509 *certificate)
{
    BIGNUM *number = BN_new();
    bool is_set = number != NULL &&
                  BN_rand(number, LOCALHOST_SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
                  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;

    BN_free(number);
    return is_set;
}

static bool set_names_and_dates(X509 *certificate, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(certificate);

    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), 0) != NULL &&
           X509_time_adj_ex(X509_getm_notAfter(certificate), LOCALHOST_DAYS, 0, NULL) != NULL &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      (const unsigned char *)"localhost", -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 &&
           X509_set_pubkey(certificate, key) == 1;
}

static bool set_extensions(X509 *certificate)
{
    return add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, NID_subject_alt_name,
                         "DNS:localhost,IP:127.0.0.1,IP:::1");
}

/* NULL when OpenSSL cannot. */
static X509 *new_localhost(EVP_PKEY *key)
{
    X509 *certificate = X509_new();

    if (certificate != NULL && set_names_and_dates(certificate, key) &&
        set_extensions(certificate) && X509_sign(certificate, key, EVP_sha256()) > 0) {
        return certificate;
    }
    X509_free(certificate);
    return NULL;
}

static bool exists(const char *file)
{
    struct stat found;

    return stat(file, &found) == 0;
}

/* A file under a name of its own, to be renamed when it is whole. */
static enum err write_beside(const char *file, mode_t mode, EVP_PKEY *key, X509 *certificate,
                             char *ret_name, struct mspan why)
{
    int len = snprintf(ret_name, PATH_BYTES, "%s.XXXXXX", file);
    int fd = len < 0 || len >= PATH_BYTES ? -1 : mkostemp(ret_name, O_CLOEXEC);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    bool is_written;

    if (out == NULL) {
        int error = len >= PATH_BYTES ? ENAMETOOLONG : errno;

        if (fd >= 0) {
            close(fd);
            unlink(ret_name);
        }
        ret_name[0] = '\0';
        return say(why, ERR_IO, "cannot write %s: %s", file, strerrordesc_np(error));
    }
    is_written = key != NULL ? PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1
                             : PEM_write_X509(out, certificate) == 1;
    if (is_written && fflush(out) == 0 && fchmod(fd, mode) == 0 && fsync(fd) == 0) {
        fclose(out);
        return OK;
    }
    (void)say(why, ERR_IO, "cannot write %s: %s", file, strerrordesc_np(errno));
    fclose(out);
    return ERR_IO;
}

static enum err rename_to(const char *from, const char *file, struct mspan why)
{
    if (rename(from, file) != 0) {
        return say(why, ERR_IO, "cannot write %s: %s", file, strerrordesc_np(errno));
    }
    return OK;
}

static enum err write_both(const char *certificate_file, const char *key_file, EVP_PKEY *key,
                           X509 *certificate, struct mspan why)
{
    char new_key[PATH_BYTES] = "";
    char new_certificate[PATH_BYTES] = "";
    enum err e = write_beside(key_file, S_IRUSR | S_IWUSR, key, NULL, new_key, why);

    if (e == OK) {
        e = write_beside(certificate_file, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH, NULL,
                         certificate, new_certificate, why);
    }
    if (e == OK) {
        e = rename_to(new_key, key_file, why);
    }
    if (e == OK) {
        e = rename_to(new_certificate, certificate_file, why);
        if (e != OK) {
            unlink(key_file); /* half a pair would stop the next attempt */
        }
    }
    if (e != OK) { /* names that were used, or renamed away, are no longer there: no harm */
        unlink(new_key);
        unlink(new_certificate);
    }
    return e;
}

enum err tls_ctx_make_localhost(const char *certificate_file, const char *key_file,
                                struct mspan why)
{
    bool has_certificate = exists(certificate_file);
    bool has_key = exists(key_file);
    EVP_PKEY *key;
    X509 *certificate = NULL;
    enum err e;

    if (has_certificate && has_key) {
        return OK;
    }
    if (has_certificate || has_key) {
        return say(why, ERR_IO, "%s exists without %s (remove it, or bring the other back)",
                   has_key ? key_file : certificate_file,
                   has_key ? certificate_file : key_file);
    }
    ERR_clear_error();
    key = EVP_EC_gen("P-256");
    certificate = key == NULL ? NULL : new_localhost(key);
    if (certificate == NULL) {
        e = say(why, ERR_IO, "cannot make a certificate: %s", openssl_words());
    } else {
        e = write_both(certificate_file, key_file, key, certificate, why);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    return e;
}
