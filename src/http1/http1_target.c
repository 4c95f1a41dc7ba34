/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_target.h"

#include "http1/http1_char.h"

/* RFC 3986 3.1: ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) */
static bool is_scheme(struct span text)
{
    return text.len > 0 && http1_char_is_alpha(text.ptr[0]) &&
           http1_char_are(text, http1_char_is_scheme);
}

static void cut_path(struct span text, struct http1_target *target)
{
    size_t mark = span_find(text, '?');

    target->path = span_head(text, mark);
    target->has_query = mark < text.len;
    if (target->has_query) {
        target->query = span_tail(text, mark + 1);
    }
}

/* RFC 9112 3.2.2: absolute-form = absolute-URI, here always with an authority */
static enum err read_absolute(struct span text, struct http1_target *target,
                              enum http1_fault *fault)
{
    size_t colon = span_find(text, ':');
    size_t end = 0;
    struct span rest = span_tail(text, colon);

    target->form = HTTP1_TARGET_ABSOLUTE;
    target->scheme = span_head(text, colon);
    if (!is_scheme(target->scheme) || !span_starts(rest, SPAN("://"))) {
        *fault = HTTP1_FAULT_TARGET_FORM;
        return ERR_PROTO;
    }
    rest = span_tail(rest, 3);
    /* RFC 3986 3.2: the authority ends at the next slash or question mark, or at the end. A
     * backslash, where browsers end it too, is refused as part of a host. */
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?') {
        end++;
    }
    cut_path(span_tail(rest, end), target);
    return http1_authority_read(span_head(rest, end), &target->authority, fault);
}

static enum err read_form(struct span method, struct span text, struct http1_target *target,
                          enum http1_fault *fault)
{
    /* RFC 9112 3.2.3: a client MUST send only host and port as the target of CONNECT */
    if (span_equals(method, "CONNECT")) {
        target->form = HTTP1_TARGET_AUTHORITY;
        return http1_authority_read_tunnel(text, &target->authority, fault);
    }
    /* RFC 9112 3.2.4: the asterisk is only for a server-wide OPTIONS */
    if (span_equals(text, "*")) {
        target->form = HTTP1_TARGET_ASTERISK;
        target->path = text;
        *fault = HTTP1_FAULT_TARGET_FORM;
        return span_equals(method, "OPTIONS") ? OK : ERR_PROTO;
    }
    if (text.len > 0 && text.ptr[0] == '/') {
        target->form = HTTP1_TARGET_ORIGIN;
        cut_path(text, target);
        return OK;
    }
    return read_absolute(text, target, fault);
}

enum err http1_target_read(struct span method, struct span text,
                           struct http1_target *ret_target, enum http1_fault *fault)
{
    struct http1_target target = {0};
    enum http1_fault found = HTTP1_FAULT_NONE;
    enum err e = read_form(method, text, &target, &found);

    /* RFC 9112 3.2: no form has a fragment. Other bytes that RFC 3986 does not list, such as
     * "|" in a query, are sent by browsers and mean the same to everybody. */
    if (e == OK && span_find(text, '#') < text.len) {
        found = HTTP1_FAULT_TARGET_BYTE;
        e = ERR_PROTO;
    }
    if (e != OK) {
        *fault = found;
        return e;
    }
    *ret_target = target;
    return OK;
}

struct span http1_target_path_query(const struct http1_target *target)
{
    if (!target->has_query) {
        return target->path;
    }
    /* They lie next to each other, with the question mark between them. */
    return target->path.len > 0
               ? span_of(target->path.ptr, target->path.len + 1 + target->query.len)
               : span_of(target->query.ptr - 1, target->query.len + 1);
}
