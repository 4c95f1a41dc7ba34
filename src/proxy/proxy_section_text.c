/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_section_text.h"

#include "io/addr.h"

/* Bytes written one after the other; whoever makes one knows that there is room. */
struct writer {
    uint8_t *room;
    size_t len;
};

static void put(struct writer *out, uint8_t c)
{
    out->room[out->len++] = c;
}

static void put_span(struct writer *out, struct span bytes)
{
    if (bytes.len > 0) {
        memmove(out->room + out->len, bytes.ptr, bytes.len);
        out->len += bytes.len;
    }
}

static int hex_digit(uint8_t c)
{
    c = span_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 2.3 */
static bool is_unreserved(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '.' || c == '_' || c == '~';
}

/* The byte that "%xx" at `at` stands for; -1 when there is no such thing. */
static int encoded_at(struct span text, size_t at)
{
    int high, low;

    if (text.len - at < 3 || text.ptr[at] != '%') {
        return -1;
    }
    high = hex_digit(text.ptr[at + 1]);
    low = hex_digit(text.ptr[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* RFC 3986 6.2.2.2: what needs no encoding is decoded; digits of the rest in upper case. */
static void put_decoded(struct writer *out, struct span text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        int byte = encoded_at(text, i);

        if (byte < 0) {
            put(out, text.ptr[i]);
            continue;
        }
        if (is_unreserved(byte)) {
            put(out, (uint8_t)byte);
        } else {
            put(out, '%');
            put(out, (uint8_t)digits[byte / 16]);
            put(out, (uint8_t)digits[byte % 16]);
        }
        i += 2;
    }
}

/* ---- hosts ---- */

size_t proxy_section_text_host(struct span host, uint8_t *room)
{
    struct writer out = {room, 0};
    struct addr addr;

    if (addr_parse(host, 0, &addr)) {
        char text[ADDR_TEXT_BYTES];
        struct addr plain = addr_unmapped(&addr);
        bool is_v6 = plain.sa.any.sa_family == AF_INET6;

        put_span(&out, span_str(is_v6 ? "[" : ""));
        put_span(&out, span_str(addr_host_text(&plain, text)));
        put_span(&out, span_str(is_v6 ? "]" : ""));
        return out.len;
    }
    if (host.len > 1 && host.ptr[host.len - 1] == '.') {
        host.len--; /* the root's dot: the same name */
    }
    for (size_t i = 0; i < host.len; i++) {
        put(&out, span_lower(host.ptr[i]));
    }
    return out.len;
}

/* ---- patterns ---- */

static bool is_wild(uint8_t c)
{
    return c == '*' || c == '?' || c == '[' || c == '\\';
}

static size_t find_text(struct span text, struct span what)
{
    for (size_t i = 0; i + what.len <= text.len; i++) {
        if (span_starts(span_tail(text, i), what)) {
            return i;
        }
    }
    return text.len;
}

/* "[::1]": in a pattern it looks like a class of characters. */
static size_t bracketed_len(struct span text)
{
    size_t len = span_find(text, ']');
    struct addr addr;

    if (text.len == 0 || text.ptr[0] != '[' || len == text.len) {
        return 0;
    }
    return addr_parse(span_head(text, len + 1), 0, &addr) ? len + 1 : 0;
}

/* Up to the port, the path, a wildcard or the end. */
static size_t literal_host_len(struct span text)
{
    size_t len = 0;

    while (len < text.len && text.ptr[len] != ':' && text.ptr[len] != '/' &&
           !is_wild(text.ptr[len])) {
        len++;
    }
    return len;
}

/* Returns how much of the authority was read. */
static size_t put_pattern_host(struct writer *out, struct span authority, bool is_pattern,
                               bool *ret_names_host)
{
    size_t len = bracketed_len(authority);

    *ret_names_host = true;
    if (len > 0) {
        uint8_t host[64];
        struct span plain =
            span_of(host, proxy_section_text_host(span_of(authority.ptr + 1, len - 2), host));

        for (size_t i = 0; i < plain.len; i++) {
            if (is_pattern && (plain.ptr[i] == '[' || plain.ptr[i] == ']')) {
                put(out, '\\');
            }
            put(out, plain.ptr[i]);
        }
        return len;
    }
    len = literal_host_len(authority);
    /* Only a host with something behind it is whole: "10." may be meant as the beginning of
     * one. */
    *ret_names_host = len > 0 && (len == authority.len || !is_wild(authority.ptr[len]));
    if (len < authority.len && *ret_names_host) {
        out->len += proxy_section_text_host(span_head(authority, len), out->room + out->len);
        return len;
    }
    return 0;
}

/* httpd's apr_fnmatch_test(): a bracket counts only when it is closed, and here only when it
 * is no address's. */
static bool is_glob(struct span pattern)
{
    bool is_open = false;

    for (size_t i = 0; i < pattern.len; i++) {
        switch (pattern.ptr[i]) {
        case '*':
        case '?': return true;
        case '\\': i++; break;
        case '[':
            if (bracketed_len(span_tail(pattern, i)) == 0) {
                is_open = true;
            } else {
                i += bracketed_len(span_tail(pattern, i)) - 1;
            }
            break;
        case ']':
            if (is_open) {
                return true;
            }
            break;
        default: break;
        }
    }
    return false;
}

void proxy_section_text_pattern(struct span pattern, uint8_t *room,
                                struct proxy_section_text_pattern *ret_parts)
{
    struct proxy_section_text_pattern parts = {.has_scheme = true, .is_glob = is_glob(pattern)};
    struct writer out = {room, 0};
    size_t authority = find_text(pattern, SPAN("://"));
    size_t i;

    if (authority == pattern.len) {
        parts.has_scheme = false;
        authority = 0;
    } else {
        authority += 3;
    }
    for (i = 0; i < authority; i++) {
        put(&out, span_lower(pattern.ptr[i]));
    }
    i +=
        put_pattern_host(&out, span_tail(pattern, authority), parts.is_glob, &parts.names_host);
    for (; i < pattern.len && pattern.ptr[i] != '/'; i++) {
        put(&out, span_lower(pattern.ptr[i]));
    }
    parts.path_at = out.len;
    put_decoded(&out, span_tail(pattern, i));
    parts.text = span_of(room, out.len);
    *ret_parts = parts;
}

/* ---- paths ---- */

size_t proxy_section_text_sent(struct span path, struct span query, uint8_t *room)
{
    struct writer out = {room, 0};

    if (path.len == 0) {
        put(&out, '/'); /* RFC 3986 6.2.3 */
    }
    put_decoded(&out, path);
    if (query.ptr != NULL) {
        put(&out, '?');
        put_decoded(&out, query);
    }
    return out.len;
}

static void drop_last_segment(struct writer *out)
{
    while (out->len > 0 && out->room[--out->len] != '/') {
    }
}

/* RFC 3986 5.2.4, and empty segments dropped. */
static void put_resolved(struct writer *out, struct span path)
{
    bool is_open = true; /* a slash is to follow: the path ends in a directory */

    for (size_t i = 0; i < path.len;) {
        struct span rest = span_tail(path, i + 1);
        struct span segment = span_head(rest, span_find(rest, '/'));

        is_open = segment.len == 0 || span_equals(segment, ".") || span_equals(segment, "..");
        if (span_equals(segment, "..")) {
            drop_last_segment(out);
        } else if (!is_open) {
            put(out, '/');
            put_span(out, segment);
        }
        i += 1 + segment.len;
    }
    if (is_open) {
        put(out, '/');
    }
}

static struct span path_of(struct span sent)
{
    return span_head(sent, span_find(sent, '?'));
}

size_t proxy_section_text_resolved(struct span sent, uint8_t *room)
{
    struct span path = path_of(sent);
    struct writer out = {room, 0};

    put_resolved(&out, path);
    put_span(&out, span_tail(sent, path.len));
    return out.len;
}

static bool looks_like_slash(int c)
{
    return c == '/' || c == '\\';
}

size_t proxy_section_text_bare(struct span sent, uint8_t *room)
{
    struct span path = path_of(sent);
    struct writer out = {room, 0};
    bool is_parameter = false; /* behind a semicolon, up to the next slash */

    for (size_t i = 0; i < path.len; i++) {
        int byte = encoded_at(path, i);
        bool is_encoded = looks_like_slash(byte) || byte == ';';
        int c = is_encoded ? byte : path.ptr[i];

        i += is_encoded ? 2 : 0;
        if (looks_like_slash(c)) {
            is_parameter = false;
            put(&out, '/');
        } else if (c == ';' || is_parameter) {
            is_parameter = true;
        } else {
            put(&out, (uint8_t)c);
        }
    }
    /* In place: what is written never overtakes what is read. */
    path = span_of(room, out.len);
    out.len = 0;
    put_resolved(&out, path);
    put_span(&out, span_tail(sent, path_of(sent).len));
    return out.len;
}
