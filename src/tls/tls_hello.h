/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Reads what a TLS client says first, its ClientHello, and what in there is readable for
 * everybody: the name of the server and the protocols that the client offers (RFC 8446 sections
 * 4.1.2 and 5.1, RFC 6066 section 3, RFC 7301). Sans-IO, bounded, for onlookers: nothing is
 * decrypted, answered or changed, and the handshake is left to the two ends.
 *
 * Strict in what decides where the message and the two extensions begin and end, because a
 * server that read them otherwise would hear another name than we did; everything else
 * (ciphers, versions, unknown extensions, GREASE of RFC 8701) is the server's to judge.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/* clang-format off */
/*    name                       alert  specification      what the peer did (alerts: RFC 8446 6.2) */
#define TLS_HELLO_FAULTS(X)                                                                           \
    X(TLS_HELLO_FAULT_NONE,            0, "",                "did nothing wrong")                     \
    /* records */                                                                                     \
    X(TLS_HELLO_FAULT_NOT_TLS,        10, "RFC 8446 5.1",    "sent bytes that begin no TLS handshake") \
    X(TLS_HELLO_FAULT_SSL2,           70, "RFC 8446 D.5",    "sent a hello of SSL 2.0")               \
    X(TLS_HELLO_FAULT_RECORD_VERSION, 70, "RFC 8446 5.1",    "sent a TLS record of a version other than 3.0 to 3.4") \
    X(TLS_HELLO_FAULT_RECORD_EMPTY,   10, "RFC 8446 5.1",    "sent an empty TLS handshake record")    \
    X(TLS_HELLO_FAULT_RECORD_LENGTH,  22, "RFC 8446 5.1",    "sent a TLS record over 16384 bytes")    \
    X(TLS_HELLO_FAULT_INTERLEAVED,    10, "RFC 8446 5.1",    "sent another TLS record inside its ClientHello") \
    X(TLS_HELLO_FAULT_TRAILING,       10, "RFC 8446 5.1",    "sent more in the TLS record that ends its ClientHello") \
    /* the message */                                                                                 \
    X(TLS_HELLO_FAULT_MESSAGE,        10, "RFC 8446 4.1.2",  "began with a TLS handshake message that is no ClientHello") \
    X(TLS_HELLO_FAULT_TOO_LONG,       47, "RFC 8446 4",      "sent a ClientHello over 16384 bytes")   \
    X(TLS_HELLO_FAULT_BODY,           50, "RFC 8446 4.1.2",  "sent a ClientHello whose parts do not fit its length") \
    X(TLS_HELLO_FAULT_EXTENSIONS,     50, "RFC 8446 4.2",    "sent TLS extensions that do not fit their length") \
    X(TLS_HELLO_FAULT_TWICE,          47, "RFC 8446 4.2",    "sent the same TLS extension twice")     \
    /* the two extensions that are read */                                                            \
    X(TLS_HELLO_FAULT_SNI,            50, "RFC 6066 3",      "sent a malformed server_name extension") \
    X(TLS_HELLO_FAULT_SNI_TWICE,      47, "RFC 6066 3",      "sent more than one server name")        \
    X(TLS_HELLO_FAULT_SNI_NAME,       47, "RFC 6066 3",      "sent a server name that is no host name") \
    X(TLS_HELLO_FAULT_ALPN,           50, "RFC 7301 3.1",    "sent a malformed list of application protocols")
/* clang-format on */

#define X(name, alert, section, did) name,
enum tls_hello_fault {
    TLS_HELLO_FAULTS(X)
};
#undef X

/** To go behind "the client": "sent an empty TLS handshake record (RFC 8446 5.1)". Static. */
const char *tls_hello_fault_text(enum tls_hello_fault fault);

/** The description for a fatal alert that tells the peer. 0 for TLS_HELLO_FAULT_NONE alone. */
uint8_t tls_hello_fault_alert(enum tls_hello_fault fault);

enum {
    TLS_HELLO_BYTES_MAX = 16384, /* of a ClientHello; they may come in as many records */
    TLS_HELLO_NAME_MAX = 253,    /* RFC 1035 2.3.4: 255 on the wire, written with dots */
    TLS_HELLO_ALPN_MAX = 128,
    TLS_HELLO_RECORD_HEAD_BYTES = 5
};

struct tls_hello {
    /* To be read when tls_hello_next() has returned OK. The spans point into `message`:
     * borrowed until tls_hello_fini(). */
    struct span sni; /* a host name in lower case, without a final dot; empty: none was given */
    struct span alpn; /* "h2,http/1.1": printable, TLS_HELLO_ALPN_MAX at most; empty: none */
    bool has_ech;     /* carries encrypted_client_hello (RFC 9849): then `sni` may be a public
                       * name before another. Browsers send one without meaning it, too */

    /* The reader's own. */
    struct buf message; /* the handshake message, out of its records */
    uint8_t record_head[TLS_HELLO_RECORD_HEAD_BYTES];
    uint8_t record_head_len; /* of it, so much is here */
    uint16_t record_left;    /* bytes of the record that have not come */
    bool is_ended;
    enum tls_hello_fault fault;
    enum err ended; /* what tls_hello_next() says from then on */
};

/** Takes no memory. */
void tls_hello_init(struct tls_hello *hello);

/** Gives the memory back. To read another one, init again. */
void tls_hello_fini(struct tls_hello *hello);

/**
 * Reads on. Moves *input past what it used, and never past the end of the ClientHello.
 *
 * The result is the same however the stream is cut, in records or in reads. All results but
 * ERR_AGAIN are final.
 *
 * Returns OK         the ClientHello is complete
 *         ERR_AGAIN  *input is empty and the ClientHello is not complete
 *         ERR_PROTO  this is no ClientHello, or a faulty one: tls_hello_fault() says how
 *         ERR_LIMIT  it is over TLS_HELLO_BYTES_MAX
 *         ERR_NOMEM
 */
must_check enum err tls_hello_next(struct tls_hello *hello, struct span *input);

/** TLS_HELLO_FAULT_NONE until tls_hello_next() has refused. */
enum tls_hello_fault tls_hello_fault(const struct tls_hello *hello);
