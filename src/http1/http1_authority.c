/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_authority.h"

#include "http1/http1_char.h"

enum {
    NAME_BYTES_MAX = 253, /* RFC 1035 2.3.4: 255 on the wire, which is 253 written with dots */
    LABEL_BYTES_MAX = 63,
    IPV6_GROUPS = 8,
    PORT_DIGITS_MAX = 5
};

/* RFC 3986 3.2.2: dec-octet, without leading zeros */
static bool is_octet(struct span text)
{
    unsigned number = 0;

    if (text.len == 0 || text.len > 3 || (text.len > 1 && text.ptr[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!http1_char_is_digit(text.ptr[i])) {
            return false;
        }
        number = number * 10 + text.ptr[i] - '0';
    }
    return number <= 255;
}

/* RFC 3986 3.2.2: IPv4address */
static bool is_ipv4(struct span text)
{
    for (int i = 0; i < 3; i++) {
        size_t dot = span_find(text, '.');

        if (dot == text.len || !is_octet(span_head(text, dot))) {
            return false;
        }
        text = span_tail(text, dot + 1);
    }
    return is_octet(text);
}

/* RFC 3986 3.2.2: IPv6address. One "::" stands for at least one group of zeros; the last two
 * groups may be written as IPv4. */
static bool is_ipv6(struct span text)
{
    bool has_gap = span_starts(text, SPAN("::"));
    unsigned groups = 0;

    text = span_tail(text, has_gap ? 2 : 0);
    while (text.len > 0 || !has_gap) {
        size_t colon = span_find(text, ':');
        struct span group = span_head(text, colon);

        if (colon == text.len && span_find(group, '.') < group.len) {
            groups += 2;
            if (!is_ipv4(group)) {
                return false;
            }
            break;
        }
        if (group.len == 0 || group.len > 4 || !http1_char_are(group, http1_char_is_hex)) {
            return false;
        }
        groups++;
        if (colon == text.len) {
            break;
        }
        text = span_tail(text, colon + 1);
        if (text.len == 0) {
            return false; /* ends in one colon */
        }
        if (text.ptr[0] == ':') {
            if (has_gap) {
                return false;
            }
            has_gap = true;
            text = span_tail(text, 1);
        }
    }
    return has_gap ? groups < IPV6_GROUPS : groups == IPV6_GROUPS;
}

static bool is_name_byte(uint8_t c)
{
    return http1_char_is_alpha(c) || http1_char_is_digit(c) || c == '-' || c == '.' || c == '_';
}

/* Whether some resolver would take the name for an IPv4 address: "127.1", "0x7f000001", "017".
 * The rule is that of the browsers (WHATWG URL, "ends in a number"). */
static bool ends_in_number(struct span name)
{
    size_t start = name.len;
    struct span label;

    while (start > 0 && name.ptr[start - 1] != '.') {
        start--;
    }
    label = span_tail(name, start);
    if (label.len >= 2 && label.ptr[0] == '0' && span_lower(label.ptr[1]) == 'x') {
        return http1_char_are(span_tail(label, 2), http1_char_is_hex);
    }
    return http1_char_are(label, http1_char_is_digit);
}

/* RFC 3986 3.2.2 lets a reg-name hold percent-encoding and punctuation; RFC 9110 4.2.2 makes it
 * a name that is to be resolved, and no such name has them. */
static enum http1_fault read_name(struct span name)
{
    struct span rest;

    if (!http1_char_are(name, is_name_byte)) {
        return HTTP1_FAULT_HOST_BYTE;
    }
    if (name.ptr[name.len - 1] == '.') {
        name.len--;
    }
    if (name.len > NAME_BYTES_MAX) {
        return HTTP1_FAULT_HOST_LABEL;
    }
    rest = name;
    for (;;) {
        size_t dot = span_find(rest, '.');

        if (dot == 0 || dot > LABEL_BYTES_MAX) {
            return HTTP1_FAULT_HOST_LABEL;
        }
        if (dot == rest.len) {
            break;
        }
        rest = span_tail(rest, dot + 1);
    }
    return ends_in_number(name) ? HTTP1_FAULT_HOST_NUMBER : HTTP1_FAULT_NONE;
}

/* RFC 3986 3.2.3: port = *DIGIT. Other proxies let "+9000", "09000" and 65536 + 9000 pass as
 * 9000, and a rule about ports is then one about spellings. */
static enum http1_fault read_port(struct span text, uint16_t *ret_port)
{
    uint32_t port = 0;

    if (!http1_char_are(text, http1_char_is_digit) || (text.len > 1 && text.ptr[0] == '0')) {
        return HTTP1_FAULT_PORT;
    }
    for (size_t i = 0; i < text.len && i <= PORT_DIGITS_MAX; i++) {
        port = port * 10 + text.ptr[i] - '0';
    }
    if (port == 0 || port > UINT16_MAX) {
        return HTTP1_FAULT_PORT_RANGE;
    }
    *ret_port = (uint16_t)port;
    return HTTP1_FAULT_NONE;
}

/* Cuts the host off the front of *text; what is left is empty or begins behind the colon. */
static enum http1_fault take_host(struct span *text, struct http1_authority *authority)
{
    bool is_bracketed = text->len > 0 && text->ptr[0] == '[';
    size_t end = span_find(*text, is_bracketed ? ']' : ':');
    struct span rest;

    if (is_bracketed) {
        authority->kind = HTTP1_HOST_IPV6;
        authority->host = span_tail(span_head(*text, end), 1);
        rest = span_tail(*text, end < text->len ? end + 1 : end);
        if (end == text->len || !is_ipv6(authority->host) ||
            (rest.len > 0 && rest.ptr[0] != ':')) {
            return HTTP1_FAULT_HOST_IPV6;
        }
    } else {
        authority->host = span_head(*text, end);
        rest = span_tail(*text, end);
        if (rest.len > 0 && span_find(span_tail(rest, 1), ':') < rest.len - 1) {
            return HTTP1_FAULT_HOST_IPV6;
        }
        authority->kind = is_ipv4(authority->host) ? HTTP1_HOST_IPV4 : HTTP1_HOST_NAME;
    }
    *text = span_tail(rest, rest.len > 0 ? 1 : 0);
    return HTTP1_FAULT_NONE;
}

static enum http1_fault read_authority(struct span text, bool needs_port,
                                       struct http1_authority *authority)
{
    enum http1_fault fault;

    /* RFC 9110 4.2.4: a recipient SHOULD treat user information as an error */
    if (span_find(text, '@') < text.len) {
        return HTTP1_FAULT_USERINFO;
    }
    fault = take_host(&text, authority);
    if (fault != HTTP1_FAULT_NONE) {
        return fault;
    }
    /* RFC 9110 4.2.1: a sender MUST NOT, and a recipient MUST refuse, an empty host */
    if (authority->host.len == 0) {
        return HTTP1_FAULT_NO_HOST;
    }
    if (authority->kind == HTTP1_HOST_NAME) {
        fault = read_name(authority->host);
        if (fault != HTTP1_FAULT_NONE) {
            return fault;
        }
    }
    /* RFC 3986 6.2.3: "host:" means the same as "host". RFC 9110 9.3.6: but a server MUST
     * reject a CONNECT whose port is empty or invalid. */
    if (text.len == 0) {
        return needs_port ? HTTP1_FAULT_NO_PORT : HTTP1_FAULT_NONE;
    }
    return read_port(text, &authority->port);
}

static enum err read_to(struct span text, bool needs_port,
                        struct http1_authority *ret_authority, enum http1_fault *fault)
{
    struct http1_authority authority = {0};
    enum http1_fault found = read_authority(text, needs_port, &authority);

    if (found != HTTP1_FAULT_NONE) {
        *fault = found;
        return ERR_PROTO;
    }
    *ret_authority = authority;
    return OK;
}

enum err http1_authority_read_tunnel(struct span text, struct http1_authority *ret_authority,
                                     enum http1_fault *fault)
{
    return read_to(text, true, ret_authority, fault);
}

enum err http1_authority_read(struct span text, struct http1_authority *ret_authority,
                              enum http1_fault *fault)
{
    return read_to(text, false, ret_authority, fault);
}

uint16_t http1_authority_default_port(struct span scheme)
{
    if (span_equals_nocase(scheme, "http") || span_equals_nocase(scheme, "ws")) {
        return 80;
    }
    if (span_equals_nocase(scheme, "https") || span_equals_nocase(scheme, "wss")) {
        return 443;
    }
    return 0;
}
