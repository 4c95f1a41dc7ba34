/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_section.h"

#include "http1/http1_authority.h"
#include "proxy/proxy_regex.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    REGEX_FAULT_BYTES = 128,
};

/* ---- reading ---- */

/* Host names are compared in lower case. Letters behind a backslash mean something else. */
static void lower_regex_host(struct mspan text)
{
    bool is_in_class = false; /* where a slash does not end the host */

    for (size_t i = 0; i < text.len && (is_in_class || text.ptr[i] != '/'); i++) {
        if (text.ptr[i] == '\\') {
            i++;
        } else if (span_starts(span_tail(span_ro(text), i), SPAN("://"))) {
            i += 2;
        } else {
            is_in_class = text.ptr[i] == '[' || (is_in_class && text.ptr[i] != ']');
            text.ptr[i] = span_lower(text.ptr[i]);
        }
    }
}

static enum err read_regex(struct span pattern, struct arena *arena,
                           struct proxy_section *section, char *fault)
{
    char why[REGEX_FAULT_BYTES] = "";
    struct span copy;
    enum err e;

    TRY(arena_copy(arena, pattern, &copy));
    lower_regex_host(mspan_of((uint8_t *)(uintptr_t)copy.ptr, copy.len));
    section->kind = PROXY_SECTION_REGEX;
    section->text = copy;
    e = proxy_regex_compile(arena, copy, false, mspan_of((uint8_t *)why, sizeof why),
                            &section->regex);
    if (e == ERR_CONF) {
        snprintf(fault, PROXY_SECTION_FAULT_BYTES, "%s (correct the expression)", why);
    }
    return e;
}

static struct span without_proxy_word(struct span pattern)
{
    /* httpd leaves it out as well: it is how the request is called inside of it */
    return span_equals_nocase(span_head(pattern, 6), "proxy:") ? span_tail(pattern, 6)
                                                               : pattern;
}

static enum err read_pattern(struct span pattern, struct arena *arena,
                             struct proxy_section *section)
{
    struct proxy_section_text_pattern parts;
    void *room;

    TRY(arena_alloc(arena, PROXY_SECTION_TEXT_PATTERN_BYTES(pattern.len), &room));
    proxy_section_text_pattern(pattern, room, &parts);
    section->kind = parts.is_glob ? PROXY_SECTION_GLOB : PROXY_SECTION_PREFIX;
    section->text = parts.text;
    section->path_at = parts.path_at;
    section->has_scheme = parts.has_scheme;
    section->names_host = parts.names_host;
    return OK;
}

enum err proxy_section_read(struct span pattern, bool is_regex, struct arena *arena,
                            struct proxy_section *ret_section, char *fault)
{
    struct proxy_section section = {.kind = PROXY_SECTION_ALL};

    TRY(arena_copy(arena, pattern, &section.written));
    pattern = without_proxy_word(section.written);
    if (pattern.len == 0) {
        snprintf(fault, PROXY_SECTION_FAULT_BYTES,
                 "it names nothing (write *, or the beginning of an address)");
        return ERR_CONF;
    }
    if (is_regex) {
        TRY(read_regex(pattern, arena, &section, fault));
    } else if (!span_equals(pattern, "*")) {
        TRY(read_pattern(pattern, arena, &section));
    }
    *ret_section = section;
    return OK;
}

/* ---- matching ---- */

/* Where the pattern's element behind `at` ends, a class's closing bracket included; `at` when
 * the bracket is never closed and stands for itself. */
static size_t class_end(struct span pattern, size_t at)
{
    size_t i = at + 1;

    if (i < pattern.len && (pattern.ptr[i] == '!' || pattern.ptr[i] == '^')) {
        i++;
    }
    for (size_t first = i; i < pattern.len; i++) {
        if (pattern.ptr[i] == ']' && i > first) {
            return i + 1;
        }
        if (pattern.ptr[i] == '\\' && i + 1 < pattern.len) {
            i++;
        }
    }
    return at;
}

static uint8_t folded(uint8_t c, bool fold)
{
    return fold ? span_lower(c) : c;
}

static uint8_t next_of_class(struct span class, size_t *at)
{
    if (class.ptr[*at] == '\\' && *at + 1 < class.len) {
        ++*at;
    }
    return class.ptr[(*at)++];
}

/* `class` is what stands between the brackets. */
static bool is_in_class(struct span class, uint8_t c, bool fold)
{
    bool is_negated = class.len > 0 && (class.ptr[0] == '!' || class.ptr[0] == '^');
    bool is_in = false;

    for (size_t i = is_negated ? 1 : 0; i < class.len;) {
        uint8_t low = next_of_class(class, &i);
        uint8_t high = low;

        if (i + 1 < class.len && class.ptr[i] == '-') {
            i++;
            high = next_of_class(class, &i);
        }
        if (folded(low, fold) <= c && c <= folded(high, fold)) {
            is_in = true;
        }
    }
    return is_in != is_negated;
}

/* The length of the element at `at`, which is not "*", when it takes the character; else 0. */
static size_t element_takes(struct span pattern, size_t at, uint8_t c, bool fold)
{
    size_t end;

    c = folded(c, fold);
    switch (pattern.ptr[at]) {
    case '?': return 1;
    case '[':
        end = class_end(pattern, at);
        if (end > at) {
            struct span class = span_of(pattern.ptr + at + 1, end - at - 2);

            return is_in_class(class, c, fold) ? end - at : 0;
        }
        return c == '[' ? 1 : 0;
    case '\\':
        if (at + 1 < pattern.len) {
            return folded(pattern.ptr[at + 1], fold) == c ? 2 : 0;
        }
        return c == '\\' ? 1 : 0;
    default: return folded(pattern.ptr[at], fold) == c ? 1 : 0;
    }
}

bool proxy_section_glob(struct span pattern, struct span text, size_t fold)
{
    size_t p = 0, t = 0;
    size_t star = SIZE_MAX, resume = 0; /* where to go back to: one more for the last star */

    while (t < text.len) {
        size_t len = 0;

        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            resume = t;
            continue;
        }
        if (p < pattern.len) {
            len = element_takes(pattern, p, text.ptr[t], t < fold);
        }
        if (len > 0) {
            p += len;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

/* A prefix must not end in the middle of a host or a port. */
static bool prefix_is_narrow(const struct proxy_section_text *text, size_t len)
{
    return len <= text->host_at || len >= text->authority_end || len == text->host_end;
}

/* A star in front of the path's slash must not reach into the path: "http://" "*.example.test/"
 * is no place at http://elsewhere.test/.example.test/. */
static bool glob_is_narrow(const struct proxy_section *section,
                           const struct proxy_section_text *text)
{
    struct span authority = span_head(text->text, text->authority_end);

    if (!section->has_scheme) {
        return true;
    }
    if (section->path_at == section->text.len) {
        return proxy_section_glob(section->text, authority, authority.len);
    }
    return proxy_section_glob(span_head(section->text, section->path_at), authority,
                              authority.len) &&
           proxy_section_glob(span_tail(section->text, section->path_at),
                              span_tail(text->text, text->authority_end), 0);
}

static struct proxy_section_match match_text(const struct proxy_section *section,
                                             const struct proxy_section_text *text)
{
    struct proxy_section_match match = {false};

    switch (section->kind) {
    case PROXY_SECTION_ALL: match.generous = match.narrow = true; break;
    case PROXY_SECTION_PREFIX:
        match.generous = span_starts(text->text, section->text);
        match.narrow = match.generous && prefix_is_narrow(text, section->text.len);
        match.names_host = match.narrow && section->text.len >= text->host_end;
        break;
    case PROXY_SECTION_GLOB:
        match.generous = proxy_section_glob(section->text, text->text, text->authority_end);
        match.narrow = match.generous && glob_is_narrow(section, text);
        match.names_host = match.narrow && section->names_host;
        break;
    case PROXY_SECTION_REGEX:
        match.is_unknown = proxy_regex_find(section->regex, text->text, &match.generous) != OK;
        match.narrow = match.generous;
        break;
    }
    return match;
}

struct proxy_section_match proxy_section_matches(const struct proxy_section *section,
                                                 const struct proxy_section_target *target)
{
    struct proxy_section_match all = {.narrow = true, .names_host = true};

    for (unsigned path = 0; path < target->path_count; path++) {
        bool narrow = false, names_host = false; /* in one of the ways to write this path */

        for (size_t i = 0; i < target->text_count; i++) {
            if (target->texts[i].path_number == path) {
                struct proxy_section_match one = match_text(section, &target->texts[i]);

                all.generous |= one.generous;
                all.is_unknown |= one.is_unknown;
                narrow |= one.narrow;
                names_host |= one.names_host;
            }
        }
        all.narrow &= narrow;
        all.names_host &= names_host;
    }
    return all;
}

/* ---- what is asked for ---- */

/* RFC 6455 3: ws and wss are http and https with an upgrade, and lead to the same places. */
static struct span twin_of(struct span scheme)
{
    if (span_equals_nocase(scheme, "ws")) {
        return SPAN("http");
    }
    return span_equals_nocase(scheme, "wss") ? SPAN("https") : SPAN("");
}

struct composer {
    struct proxy_section_target *target;
    uint8_t *at; /* the next free byte of the room */
    uint8_t *host;
    size_t host_len;
    uint16_t port;
};

static void append(struct composer *composer, struct span bytes)
{
    if (bytes.len > 0) {
        memcpy(composer->at, bytes.ptr, bytes.len);
        composer->at += bytes.len;
    }
}

static void compose(struct composer *composer, struct span scheme, bool with_port,
                    struct span path, unsigned path_number)
{
    struct proxy_section_target *target = composer->target;
    struct proxy_section_text *text = &target->texts[target->text_count];
    const uint8_t *begin = composer->at;
    char port[8];

    assert(target->text_count < PROXY_SECTION_TEXTS_MAX);
    for (size_t i = 0; i < scheme.len; i++) {
        *composer->at++ = span_lower(scheme.ptr[i]);
    }
    append(composer, scheme.len == 0 ? SPAN("") : SPAN("://"));
    text->host_at = (size_t)(composer->at - begin);
    append(composer, span_of(composer->host, composer->host_len));
    text->host_end = (size_t)(composer->at - begin);
    if (with_port) {
        snprintf(port, sizeof port, ":%u", (unsigned)composer->port);
        append(composer, span_str(port));
    }
    text->authority_end = (size_t)(composer->at - begin);
    append(composer, path);
    text->text = span_of(begin, (size_t)(composer->at - begin));
    text->path_number = path_number;
    target->text_count++;
}

static void compose_schemes(struct composer *composer, struct span scheme, struct span path,
                            unsigned path_number)
{
    bool is_default = composer->port == http1_authority_default_port(scheme);
    struct span twin = twin_of(scheme);

    compose(composer, scheme, true, path, path_number);
    if (is_default) {
        compose(composer, scheme, false, path, path_number);
    }
    if (twin.len > 0) {
        compose(composer, twin, true, path, path_number);
        if (is_default) {
            compose(composer, twin, false, path, path_number);
        }
    }
}

static void compose_paths(struct composer *composer, const struct proxy_section_url *url)
{
    size_t (*const spell[])(struct span, uint8_t *) = {proxy_section_text_resolved,
                                                       proxy_section_text_bare};
    struct span paths[3];
    size_t count = 1;

    paths[0] =
        span_of(composer->at, proxy_section_text_sent(url->path, url->query, composer->at));
    composer->at += paths[0].len;
    for (size_t i = 0; i < sizeof spell / sizeof spell[0]; i++) {
        struct span path = span_of(composer->at, spell[i](paths[0], composer->at));

        if (!span_equal(path, paths[count - 1])) {
            paths[count++] = path;
            composer->at += path.len;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        compose_schemes(composer, url->scheme, paths[i], i);
    }
    composer->target->path_count = (unsigned)count;
}

enum err proxy_section_target_init(struct proxy_section_target *target,
                                   const struct proxy_section_url *url)
{
    size_t path_bytes = url->path.len + url->query.len + 2;
    size_t text_bytes = url->scheme.len + url->host.len + path_bytes + 80;
    struct composer composer = {.target = target, .port = url->port};

    *target =
        (struct proxy_section_target){.room = malloc(url->host.len + 64 + 3 * path_bytes +
                                                     PROXY_SECTION_TEXTS_MAX * text_bytes)};
    if (target->room == NULL) {
        return ERR_NOMEM;
    }
    composer.host = target->room;
    composer.host_len = proxy_section_text_host(url->host, composer.host);
    composer.at = composer.host + composer.host_len;
    if (url->scheme.len == 0) {
        compose(&composer, SPAN(""), true, SPAN(""), 0);
        target->path_count = 1;
    } else {
        compose_paths(&composer, url);
    }
    return OK;
}

void proxy_section_target_fini(struct proxy_section_target *target)
{
    free(target->room);
    target->room = NULL;
}
