/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the first bytes of a diverted client are: the same however they are cut, and a name only
 * from a ClientHello.
 *
 *   byte 0   length of the parts in the second run; 0: byte by byte
 */
#include "proxy/proxy_detect.h"

#include <stdlib.h>

static void must(bool what)
{
    if (!what) {
        abort();
    }
}

/* As copies of exactly their size, so that a step over an end is seen. */
static enum err detect_in_parts(struct proxy_detect *detect, struct span bytes, size_t part)
{
    enum err e = ERR_AGAIN;

    proxy_detect_init(detect);
    while (e == ERR_AGAIN && bytes.len > 0) {
        struct span piece = span_head(bytes, part);
        uint8_t *copy = malloc(piece.len);

        must(copy != NULL);
        memcpy(copy, piece.ptr, piece.len);
        e = proxy_detect_next(detect, span_of(copy, piece.len));
        free(copy);
        bytes = span_tail(bytes, piece.len);
    }
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct proxy_detect whole, parts;
    struct span bytes;
    enum err e;

    if (len < 2) {
        return 0;
    }
    bytes = span_of(data + 1, len - 1);
    e = detect_in_parts(&whole, bytes, bytes.len);
    must(detect_in_parts(&parts, bytes, data[0] == 0 ? 1 : data[0]) == e);
    must(whole.kind == parts.kind);
    must(e != OK || whole.kind != PROXY_DETECT_UNKNOWN);
    if (e == OK && whole.kind == PROXY_DETECT_TLS) {
        must(span_equal(whole.hello.sni, parts.hello.sni));
        must(span_equal(whole.hello.alpn, parts.hello.alpn));
    }
    proxy_detect_fini(&whole);
    proxy_detect_fini(&parts);
    return 0;
}
