/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_detect.h"

enum {
    TLS_HANDSHAKE = 0x16, /* RFC 8446 5.1: record type */
};

void proxy_detect_init(struct proxy_detect *detect)
{
    *detect = (struct proxy_detect){.kind = PROXY_DETECT_UNKNOWN};
    tls_hello_init(&detect->hello);
    proxy_sniff_init(&detect->sniff, 0);
}

void proxy_detect_fini(struct proxy_detect *detect)
{
    tls_hello_fini(&detect->hello);
}

static enum err decide(struct proxy_detect *detect, enum proxy_detect_kind kind)
{
    detect->kind = kind;
    return OK;
}

/* What only looked like TLS in its first byte. */
static bool is_no_record(enum tls_hello_fault fault)
{
    return fault == TLS_HELLO_FAULT_NOT_TLS || fault == TLS_HELLO_FAULT_RECORD_VERSION;
}

static enum err read_hello(struct proxy_detect *detect, struct span bytes)
{
    enum err e = tls_hello_next(&detect->hello, &bytes);

    if (e == ERR_PROTO && is_no_record(tls_hello_fault(&detect->hello))) {
        return decide(detect, PROXY_DETECT_OTHER);
    }
    return e;
}

/* A known method and a path are enough: what is wrong with the rest is HTTP's to say, in an
 * answer that the client understands. */
static bool begins_request(const struct proxy_detect *detect)
{
    static const struct span starts[] = {
        SPAN_INIT("GET /"),     SPAN_INIT("HEAD /"),  SPAN_INIT("POST /"),
        SPAN_INIT("PUT /"),     SPAN_INIT("PATCH /"), SPAN_INIT("DELETE /"),
        SPAN_INIT("OPTIONS /"), SPAN_INIT("TRACE /"), SPAN_INIT("OPTIONS *"),
    };

    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (span_starts(span_of(detect->start, detect->start_len), starts[i])) {
            return true;
        }
    }
    return false;
}

/* RFC 9113 3.4: HTTP/2 in the clear, which looks like a request and is none. */
static bool is_http2(const struct proxy_detect *detect)
{
    return span_starts(span_of(detect->start, detect->start_len), SPAN("PRI * HTTP/2"));
}

static enum err read_line(struct proxy_detect *detect, struct span bytes)
{
    proxy_sniff_bytes(&detect->sniff, RELAY_CLIENT, bytes);
    if (is_http2(detect)) {
        return decide(detect, PROXY_DETECT_OTHER);
    }
    if (begins_request(detect) || detect->sniff.is_request) {
        return decide(detect, PROXY_DETECT_HTTP);
    }
    if (detect->sniff.class == PROXY_SNIFF_OTHER) {
        return decide(detect, PROXY_DETECT_OTHER);
    }
    return ERR_AGAIN;
}

enum err proxy_detect_next(struct proxy_detect *detect, struct span bytes)
{
    size_t i = 0;

    if (bytes.len == 0) {
        return ERR_AGAIN;
    }
    while (detect->start_len < PROXY_DETECT_START_BYTES && i < bytes.len) {
        detect->start[detect->start_len++] = bytes.ptr[i++];
    }
    if (detect->kind == PROXY_DETECT_UNKNOWN) {
        detect->kind = detect->start[0] == TLS_HANDSHAKE ? PROXY_DETECT_TLS : PROXY_DETECT_HTTP;
    }
    return detect->kind == PROXY_DETECT_TLS ? read_hello(detect, bytes)
                                            : read_line(detect, bytes);
}

const char *proxy_detect_kind_name(enum proxy_detect_kind kind)
{
    static const char *const names[PROXY_DETECT_KINDS] = {
        [PROXY_DETECT_UNKNOWN] = "unknown",
        [PROXY_DETECT_TLS] = "tls",
        [PROXY_DETECT_HTTP] = "http",
        [PROXY_DETECT_OTHER] = "other",
    };

    return names[kind];
}
