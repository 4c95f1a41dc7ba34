/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What TLS connections share: versions, certificate, key, trust. OpenSSL stays inside net/.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "net/tls_dates.h"

struct ssl_ctx_st; /* OpenSSL's SSL_CTX, by the name its headers forward-declare */

struct tls_ctx; /* made at start, then shared by all workers: never changed again */

/** A server's: TLS 1.2 and up, ALPN http/1.1. On ERR_CONF `why` has a sentence that names the
 * file (missing, not PEM, key does not fit). */
must_check enum err tls_ctx_server(const char *certificate_file, const char *key_file,
                                   struct mspan why, struct tls_ctx **ret_ctx);

/** A client's: TLS 1.2 and up, ALPN http/1.1, the system's trust, and `ca_file` when it is not
 *  NULL. `verify` off is for tests and for people who say so on the command line. Errors as
 *  above. */
must_check enum err tls_ctx_client(const char *ca_file, bool verify, struct mspan why,
                                   struct tls_ctx **ret_ctx);

/** Every stream that was made of it must be gone. Takes NULL. */
void tls_ctx_free(struct tls_ctx *ctx);

/** How long a server's own certificate is valid; not those above it in the file, of which
 * clients choose what they need. A date that cannot be read is none: for ever. */
void tls_ctx_dates(const struct tls_ctx *ctx, struct tls_dates *ret_dates);

/** For stream_tls alone. Borrowed from `ctx`. */
struct ssl_ctx_st *tls_ctx_openssl(struct tls_ctx *ctx);

/** Makes a key and a self-signed certificate for localhost, 127.0.0.1 and ::1, valid 825 days,
 * in two new files (the key readable by the owner alone). Files that exist are left alone: OK.
 *  ERR_IO: `why` has a sentence, also when one of the files exists without the other. */
must_check enum err tls_ctx_make_localhost(const char *certificate_file, const char *key_file,
                                           struct mspan why);
