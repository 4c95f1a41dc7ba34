/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_origin.h"

#include "http1/http1_char.h"

enum err http1_origin_read(struct span text, struct http1_origin *ret_origin,
                           enum http1_fault *fault)
{
    struct http1_origin origin = {0};
    size_t colon = span_find(text, ':');
    struct span rest = span_tail(text, colon);

    if (span_equals(text, "null")) {
        *ret_origin = (struct http1_origin){.is_null = true};
        return OK;
    }
    origin.scheme = span_head(text, colon);
    /* RFC 6454 7.1: serialized-origin = scheme "://" host [ ":" port ]; a list of several,
     * which the grammar allows, is sent by no browser and refused with the space in it */
    if (colon == 0 || !http1_char_is_alpha(text.ptr[0]) ||
        !http1_char_are(origin.scheme, http1_char_is_scheme) ||
        !span_starts(rest, SPAN("://"))) {
        *fault = HTTP1_FAULT_ORIGIN;
        return ERR_PROTO;
    }
    TRY(http1_authority_read(span_tail(rest, 3), &origin.authority, fault));
    *ret_origin = origin;
    return OK;
}

static uint16_t port_of(const struct http1_origin *origin)
{
    return origin->authority.port != 0 ? origin->authority.port
                                       : http1_authority_default_port(origin->scheme);
}

bool http1_origin_is_same(const struct http1_origin *a, const struct http1_origin *b)
{
    return !a->is_null && !b->is_null && span_equal_nocase(a->scheme, b->scheme) &&
           a->authority.kind == b->authority.kind &&
           span_equal_nocase(a->authority.host, b->authority.host) && port_of(a) == port_of(b);
}
