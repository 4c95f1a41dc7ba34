/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Words to rules. A parent's URL may hold a password, so no message repeats one.
 */
#include "proxy/proxy_route_read.h"

#include "base/digest.h"
#include "http1/http1_authority.h"
#include "http1/http1_char.h"

#include <stdio.h>

enum {
    LOGIN_BYTES_MAX = 510, /* user and password */
    WHY_BYTES = 200,
};

struct span proxy_route_read_undotted(struct span name)
{
    if (name.len > 1 && name.ptr[name.len - 1] == '.') {
        name.len--;
    }
    return name;
}

/* Cuts "scheme://" off the front of *text. False, and nothing is cut, when none is there. */
static bool take_scheme(struct span *text, struct span *ret_scheme)
{
    size_t colon = span_find(*text, ':');

    if (colon == 0 || colon == text->len ||
        !span_starts(span_tail(*text, colon), SPAN("://")) ||
        !http1_char_are(span_head(*text, colon), http1_char_is_scheme)) {
        return false;
    }
    *ret_scheme = span_head(*text, colon);
    *text = span_tail(*text, colon + 3);
    return true;
}

/* ---- the parent: scheme://[user:password@]host[:port][/] ---- */

static int hex_digit(uint8_t c)
{
    c = span_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 2.1. False: a percent sign without its digits, or no room. */
static bool decode(struct span text, struct mspan room, size_t *ret_len)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];

        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;

            if (high < 0 || low < 0) {
                return false;
            }
            c = (uint8_t)(high * 16 + low);
            i += 2;
        }
        if (len == room.len) {
            return false;
        }
        room.ptr[len++] = c;
    }
    *ret_len = len;
    return true;
}

static bool has_control(struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] < 0x20 || bytes.ptr[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

/* RFC 7617 section 2: user-id and password are parted by the first colon, and neither has
 * control characters. ERR_CONF: reported. */
static enum err read_login(struct span userinfo, const struct conf_node *node,
                           const struct conf_apply *apply, struct span *ret_login)
{
    size_t colon = span_find(userinfo, ':');
    struct span password = span_tail(userinfo, colon < userinfo.len ? colon + 1 : colon);
    uint8_t plain[LOGIN_BYTES_MAX + 2];
    char text[sizeof "Basic " + (LOGIN_BYTES_MAX + 3) / 3 * 4 + 1] = "Basic ";
    size_t user_len = 0;
    size_t password_len = 0;

    if (!decode(span_head(userinfo, colon), mspan_of(plain, LOGIN_BYTES_MAX), &user_len) ||
        !decode(password, mspan_of(plain + user_len + 1, LOGIN_BYTES_MAX - user_len),
                &password_len) ||
        has_control(span_of(plain, user_len)) ||
        has_control(span_of(plain + user_len + 1, password_len)) ||
        span_find(span_of(plain, user_len), ':') < user_len) {
        diag_error(apply->diag, node->file, node->line,
                   "%.*s: what stands before the @ is not user:password (percent-encode "
                   "special characters; no colon in the user's name, %d bytes at most)",
                   SPAN_ARG(node->name), LOGIN_BYTES_MAX);
        return ERR_CONF;
    }
    plain[user_len] = ':';
    digest_base64(span_of(plain, user_len + 1 + password_len), text + strlen(text));
    return arena_copy(apply->arena, span_str(text), ret_login);
}

/* What a message may show of it. */
static struct span without_login(struct span url)
{
    size_t at = url.len;

    while (at > 0 && url.ptr[at - 1] != '@') {
        at--;
    }
    return span_tail(url, at);
}

static enum err refuse_parent(struct span url, const char *why, const struct conf_node *node,
                              const struct conf_apply *apply)
{
    struct span shown = diag_word(without_login(url));

    diag_error(apply->diag, node->file, node->line,
               "%.*s: \"%.*s\" is not a parent proxy: %s (write http://proxy.example:3128, "
               "or https://user:password@proxy.example:3129)",
               SPAN_ARG(node->name), SPAN_ARG(shown), why);
    return ERR_CONF;
}

static enum err name_parent(struct proxy_route_parent *parent, enum http1_host_kind kind,
                            const struct conf_apply *apply)
{
    bool is_v6 = kind == HTTP1_HOST_IPV6;
    char text[320];
    int len =
        snprintf(text, sizeof text, "%s://%s%.*s%s:%u", parent->is_tls ? "https" : "http",
                 is_v6 ? "[" : "", SPAN_ARG(parent->host), is_v6 ? "]" : "", parent->port);

    assert(len > 0 && (size_t)len < sizeof text); /* a host has 254 bytes at most */
    return arena_copy(apply->arena, span_of(text, (size_t)len), &parent->text);
}

/* ERR_CONF: reported. */
static enum err read_parent(struct span url, const struct conf_node *node,
                            const struct conf_apply *apply,
                            struct proxy_route_parent *ret_parent)
{
    struct proxy_route_parent parent = {.line = node->line};
    struct http1_authority authority;
    struct span rest = url;
    struct span scheme;
    enum http1_fault fault;
    size_t at;

    if (!take_scheme(&rest, &scheme)) {
        return refuse_parent(url, "it is no URL", node, apply);
    }
    parent.is_tls = span_equals_nocase(scheme, "https");
    if (!parent.is_tls && !span_equals_nocase(scheme, "http")) {
        return refuse_parent(url, "parents are reached by http or https", node, apply);
    }
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '/') {
        rest.len--;
    }
    at = rest.len - without_login(rest).len;
    if (http1_authority_read(span_tail(rest, at), &authority, &fault) != OK) {
        return refuse_parent(url, "its host or port cannot be read", node, apply);
    }
    if (at > 0) {
        TRY(read_login(span_head(rest, at - 1), node, apply, &parent.login));
    }
    parent.host = authority.host;
    parent.port = authority.port != 0 ? authority.port : http1_authority_default_port(scheme);
    TRY(name_parent(&parent, authority.kind, apply));
    *ret_parent = parent;
    return OK;
}

/* ---- ProxyRemote, ProxyRemoteMatch ---- */

static enum err add_remote(struct proxy_route_conf *conf,
                           const struct proxy_route_remote *remote,
                           const struct conf_apply *apply)
{
    struct proxy_route_remote **end = &conf->remotes;
    void *room;

    TRY(arena_alloc(apply->arena, sizeof *remote, &room));
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = room;
    **end = *remote;
    conf->has_tls_parent = conf->has_tls_parent || remote->parent.is_tls;
    return OK;
}

/* False: it is neither *, nor a scheme, nor the beginning of a URL. */
static bool read_match(struct span word, struct proxy_route_remote *remote)
{
    struct http1_authority authority;
    enum http1_fault fault;
    size_t slash;

    if (span_equals(word, "*")) {
        remote->match = PROXY_ROUTE_READ_ANY;
        return true;
    }
    if (span_find(word, ':') == word.len) {
        remote->match = PROXY_ROUTE_READ_SCHEME;
        remote->scheme = word;
        return word.len > 0 && http1_char_is_alpha(word.ptr[0]) &&
               http1_char_are(word, http1_char_is_scheme);
    }
    remote->match =
        take_scheme(&word, &remote->scheme) ? PROXY_ROUTE_READ_URL : PROXY_ROUTE_READ_AUTHORITY;
    slash = span_find(word, '/');
    if (http1_authority_read(span_head(word, slash), &authority, &fault) != OK) {
        return false;
    }
    remote->host = proxy_route_read_undotted(authority.host);
    remote->port = authority.port;
    if (remote->match == PROXY_ROUTE_READ_AUTHORITY) {
        return slash == word.len && authority.port != 0;
    }
    remote->path = span_tail(word, slash);
    if (remote->port == 0 && remote->path.len > 0) { /* http://host/ is on the scheme's port */
        remote->port = http1_authority_default_port(remote->scheme);
    }
    return true;
}

enum err proxy_route_read_remote(void *conf, const struct conf_node *node,
                                 const struct conf_apply *apply)
{
    struct proxy_route_remote remote = {0};
    enum err e = read_parent(node->words[1], node, apply, &remote.parent);

    if (e != OK) {
        return e;
    }
    if (!read_match(node->words[0], &remote)) {
        diag_error(apply->diag, node->file, node->line,
                   "ProxyRemote: \"%.*s\" is not what a request could match (write *, a scheme "
                   "like http, the beginning of a URL with its whole host like "
                   "http://host.example/, host:port for CONNECT; or use ProxyRemoteMatch)",
                   SPAN_ARG(diag_word(node->words[0])));
        return ERR_CONF;
    }
    return add_remote(conf, &remote, apply);
}

enum err proxy_route_read_remote_match(void *conf, const struct conf_node *node,
                                       const struct conf_apply *apply)
{
    struct proxy_route_remote remote = {.match = PROXY_ROUTE_READ_REGEX};
    char why[WHY_BYTES];
    enum err e = read_parent(node->words[1], node, apply, &remote.parent);

    if (e == OK) {
        e = proxy_regex_compile(apply->arena, node->words[0], false,
                                mspan_of((uint8_t *)why, sizeof why), &remote.regex);
        if (e == ERR_CONF) {
            diag_error(apply->diag, node->file, node->line,
                       "ProxyRemoteMatch: \"%.*s\" is not a regular expression: %s (a \\ "
                       "takes a character's special meaning away)",
                       SPAN_ARG(diag_word(node->words[0])), why);
        }
    }
    return e == OK ? add_remote(conf, &remote, apply) : e;
}

/* ---- NoProxy, ProxyDomain, ProxyBlock ---- */

/* Without dots at its ends, it is what a request can name as its host. */
static bool is_host_name(struct span word)
{
    struct http1_authority authority;
    enum http1_fault fault;

    return http1_authority_read(word, &authority, &fault) == OK && authority.port == 0 &&
           authority.host.len == word.len && authority.kind == HTTP1_HOST_NAME;
}

static enum err add_exclude(struct proxy_route_exclude ***end, struct span word,
                            const struct conf_node *node, const struct conf_apply *apply)
{
    struct proxy_route_exclude exclude = {.kind = PROXY_ROUTE_READ_NET, .line = node->line};
    void *room;

    if (!addr_net_parse(word, &exclude.net)) {
        bool is_domain = word.len > 1 && word.ptr[0] == '.';

        exclude.kind = is_domain ? PROXY_ROUTE_READ_DOMAIN : PROXY_ROUTE_READ_HOST;
        exclude.name = proxy_route_read_undotted(word);
        if (!is_host_name(span_tail(exclude.name, is_domain ? 1 : 0))) {
            diag_error(apply->diag, node->file, node->line,
                       "NoProxy: \"%.*s\" is neither a host nor a network (write host.example, "
                       ".example for all below it, 10.0.0.0/8, 10.1 or 2001:db8::/32, with "
                       "spaces between several)",
                       SPAN_ARG(diag_word(word)));
            return OK;
        }
    }
    TRY(arena_alloc(apply->arena, sizeof exclude, &room));
    **end = room;
    ***end = exclude;
    *end = &(**end)->next;
    return OK;
}

enum err proxy_route_read_excludes(void *conf, const struct conf_node *node,
                                   const struct conf_apply *apply)
{
    struct proxy_route_exclude **end = &((struct proxy_route_conf *)conf)->excludes;

    while (*end != NULL) {
        end = &(*end)->next;
    }
    for (size_t i = 0; i < node->word_count; i++) {
        TRY(add_exclude(&end, node->words[i], node, apply));
    }
    return OK;
}

enum err proxy_route_read_domain(void *opaque, const struct conf_node *node,
                                 const struct conf_apply *apply)
{
    struct proxy_route_conf *conf = opaque;
    struct span word = node->words[0];

    if (word.len < 2 || word.ptr[0] != '.' || !is_host_name(span_tail(word, 1))) {
        diag_error(apply->diag, node->file, node->line,
                   "ProxyDomain: \"%.*s\" is not a domain with a dot before it (write "
                   ".example.com)",
                   SPAN_ARG(diag_word(word)));
        return ERR_CONF;
    }
    conf->domain = word;
    conf->domain_line = node->line;
    return OK;
}

static enum err add_word(struct proxy_route_word ***end, struct span text,
                         const struct conf_node *node, const struct conf_apply *apply)
{
    struct proxy_route_word word = {.line = node->line,
                                    .is_any = span_equals(text, "*"),
                                    .text = proxy_route_read_undotted(text)};
    void *room;

    if (addr_parse(text, 0, &word.addr)) {
        word.is_addr = true;
        word.addr = addr_unmapped(&word.addr);
    } else if (!word.is_any &&
               (text.len == 0 || span_find(text, '*') < text.len ||
                span_find(text, ':') < text.len || span_find(text, '/') < text.len)) {
        diag_error(apply->diag, node->file, node->line,
                   "ProxyBlock: \"%.*s\" cannot be part of a host's name (write * for "
                   "everything, or letters that stand anywhere in the name)",
                   SPAN_ARG(diag_word(text)));
        return OK;
    }
    word.is_host_name = !word.is_addr && is_host_name(word.text) &&
                        (span_find(word.text, '.') < word.text.len ||
                         span_equals_nocase(word.text, "localhost"));
    TRY(arena_alloc(apply->arena, sizeof word, &room));
    **end = room;
    ***end = word;
    *end = &(**end)->next;
    return OK;
}

enum err proxy_route_read_words(void *conf, const struct conf_node *node,
                                const struct conf_apply *apply)
{
    struct proxy_route_word **end = &((struct proxy_route_conf *)conf)->words;

    while (*end != NULL) {
        end = &(*end)->next;
    }
    for (size_t i = 0; i < node->word_count; i++) {
        TRY(add_word(&end, node->words[i], node, apply));
    }
    return OK;
}
