/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the client of a diverted connection speaks, told from its first bytes: TLS (read to the
 * end of its ClientHello, for the name in it), HTTP (its first line) or something else. No I/O;
 * the same however the bytes are cut.
 */
#pragma once

#include "proxy/proxy_sniff.h"
#include "tls/tls_hello.h"

enum proxy_detect_kind {
    PROXY_DETECT_UNKNOWN, /* too little has been sent */
    PROXY_DETECT_TLS,
    PROXY_DETECT_HTTP,
    PROXY_DETECT_OTHER,
    PROXY_DETECT_KINDS,
};

enum {
    PROXY_DETECT_START_BYTES = 12 /* "OPTIONS /" and a little */
};

/* To be read by anyone, changed by proxy_detect.c alone. */
struct proxy_detect {
    enum proxy_detect_kind
        kind;                 /* as far as it has come: may be TLS or HTTP before it is sure */
    struct tls_hello hello;   /* of TLS */
    struct proxy_sniff sniff; /* of the rest */
    uint8_t start[PROXY_DETECT_START_BYTES];
    uint8_t start_len;
};

/** Takes no memory. */
void proxy_detect_init(struct proxy_detect *detect);
void proxy_detect_fini(struct proxy_detect *detect);

/**
 * The next bytes of the client.
 *
 * Returns OK         the kind is known for good; of TLS, the hello is complete
 *         ERR_AGAIN  more are needed
 *         ERR_PROTO, ERR_LIMIT  a ClientHello that nobody can read; see tls_hello_fault()
 *         ERR_NOMEM
 */
must_check enum err proxy_detect_next(struct proxy_detect *detect, struct span bytes);

/** "tls", "http", "other"; "unknown". Static storage. */
const char *proxy_detect_kind_name(enum proxy_detect_kind kind);
