/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_route.h"

#include "daemon/service.h"
#include "http1/http1_authority.h"
#include "proxy/proxy_route_read.h"

enum {
    URL_BYTES_MAX = 128 * 1024, /* more than any request line that was let in */
    VIEWS_MAX = 2,
};

#define ROW(directive, kind, member) \
    .name = (directive), .type = (kind), CONF_SCHEMA_FIELD(struct proxy_route_conf, member)

/* clang-format off */
const struct directive proxy_route_rows[] = {
    /* httpd's */
    {.name = "ProxyRemote", .type = CONF_CUSTOM, .min = 2, .max = 2,
     .set = proxy_route_read_remote, .where = SERVICE_IN_SERVER,
     .form = "*|scheme|url http[s]://[user:password@]host[:port]",
     .help = "Send requests that match to a parent proxy; the first line that matches counts.",
     .more = "* matches every request; a scheme matches its requests, https also CONNECT; a URL "
             "matches what begins with it, its host being the whole host; host:port matches "
             "CONNECT to it. Tunnels go through the parent by CONNECT, other requests in "
             "absolute form. With https:// the parent is spoken to by TLS; user and password go "
             "to it as Basic credentials, with special characters percent-encoded.\n\n"
             "When a parent fails, the request fails: nothing goes direct instead (httpd does "
             "so after a 502)."},
    {.name = "ProxyRemoteMatch", .type = CONF_CUSTOM, .min = 2, .max = 2,
     .set = proxy_route_read_remote_match, .where = SERVICE_IN_SERVER,
     .form = "regex http[s]://[user:password@]host[:port]",
     .help = "As ProxyRemote, for URLs in which the expression is found.",
     .more = "The expression is not anchored. CONNECT is matched as host:port, and as "
             "https://host:port/. Scheme and host are in lower case, a port that the scheme "
             "implies is left out."},
    {.name = "NoProxy", .type = CONF_CUSTOM, .min = 1,
     .set = proxy_route_read_excludes, .where = SERVICE_IN_SERVER,
     .form = "host|.domain|address|network ...",
     .help = "Destinations that are reached directly, whatever ProxyRemote says.",
     .more = "Networks also count for a host that is asked for by name: the name is looked up "
             "first when such a rule could decide."},
    {.name = "ProxyDomain", .type = CONF_CUSTOM, .min = 1, .max = 1, .once = true,
     .set = proxy_route_read_domain, .where = SERVICE_IN_SERVER, .form = ".domain",
     .help = "What a GET for a host without a dot is redirected to, behind the host's name."},
    {.name = "ProxyBlock", .type = CONF_CUSTOM, .min = 1,
     .set = proxy_route_read_words, .where = SERVICE_IN_SERVER, .form = "*|word|host|address ...",
     .help = "Refuse requests for hosts whose name contains a word; * refuses all.",
     .more = "Case does not matter. An address, and every address that a host named here has, is "
             "refused under any name, unless the request goes to a parent proxy."},
    {ROW("SSLProxyCACertificateFile", CONF_PATH, ca_file), .min = 1, .max = 4095,
     .where = SERVICE_IN_SERVER,
     .help = "Certificates (PEM) that are trusted for parents by https://, besides the "
             "system's."},
    /* ours */
    {ROW("DNSCacheMax", CONF_DURATION, dns_cache_max), .min = 1000, .max = 86400000,
     .initial = "300s", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "How long the address of a name is remembered at most; less when its name server "
             "says so."},
    {ROW("DNSCacheEntries", CONF_NUMBER, dns_cache_entries), .min = 16, .max = 1000000,
     .initial = "4096", .unit = "names", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "The most names that each worker remembers the addresses of."},
    {.name = NULL},
};
/* clang-format on */

/* ---- how a request looks to a rule ---- */

struct view {
    struct span scheme; /* empty: "host:port", as CONNECT has it */
};

static size_t views_of(const struct proxy_route_request *request, struct view views[VIEWS_MAX])
{
    if (request->is_tunnel) {
        views[0].scheme = SPAN("");
        views[1].scheme = SPAN("https");
        return 2;
    }
    views[0].scheme = request->scheme;
    if (span_equals_nocase(request->scheme, "ws")) {
        views[1].scheme = SPAN("http");
        return 2;
    }
    if (span_equals_nocase(request->scheme, "wss")) {
        views[1].scheme = SPAN("https");
        return 2;
    }
    return 1;
}

static struct span path_of(const struct proxy_route_request *request)
{
    return request->is_tunnel || request->path.len == 0 ? SPAN("/") : request->path;
}

/* Addresses are the same however they are written. */
static bool host_is(const struct proxy_route_request *request, struct span name)
{
    struct addr asked;
    struct addr named;

    if (addr_parse(request->host, 0, &asked) && addr_parse(name, 0, &named)) {
        return addr_same_host(&asked, &named);
    }
    return span_equal_nocase(proxy_route_read_undotted(request->host), name);
}

static enum err append_lower(struct buf *out, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        TRY(buf_append_byte(out, span_lower(bytes.ptr[i])));
    }
    return OK;
}

static enum err append_host(struct buf *out, struct span host)
{
    bool is_v6 = span_find(host, ':') < host.len;

    TRY(buf_append(out, is_v6 ? SPAN("[") : SPAN("")));
    TRY(append_lower(out, proxy_route_read_undotted(host)));
    return buf_append(out, is_v6 ? SPAN("]") : SPAN(""));
}

static enum err write_view(const struct proxy_route_request *request, struct view view,
                           struct buf *out)
{
    if (view.scheme.len == 0) {
        TRY(append_host(out, request->host));
        return buf_printf(out, ":%u", request->port);
    }
    TRY(append_lower(out, view.scheme));
    TRY(buf_append(out, SPAN("://")));
    TRY(append_host(out, request->host));
    if (request->port != http1_authority_default_port(view.scheme)) {
        TRY(buf_printf(out, ":%u", request->port));
    }
    return buf_append(out, path_of(request));
}

static enum err find_regex(const struct proxy_regex *regex,
                           const struct proxy_route_request *request, struct view view,
                           bool *ret_matches)
{
    struct buf url;
    enum err e;

    buf_init(&url, URL_BYTES_MAX);
    e = write_view(request, view, &url);
    if (e == OK) {
        e = proxy_regex_find(regex, buf_span(&url), ret_matches);
    }
    buf_fini(&url);
    return e;
}

/* ---- ProxyRemote ---- */

static bool url_matches(const struct proxy_route_remote *remote,
                        const struct proxy_route_request *request, struct view view)
{
    return span_equal_nocase(view.scheme, remote->scheme) && host_is(request, remote->host) &&
           (remote->port == 0 || remote->port == request->port) &&
           span_starts(path_of(request), remote->path);
}

static enum err view_matches(const struct proxy_route_remote *remote,
                             const struct proxy_route_request *request, struct view view,
                             bool *ret_matches)
{
    switch (remote->match) {
    case PROXY_ROUTE_READ_ANY: *ret_matches = true; return OK;
    case PROXY_ROUTE_READ_SCHEME:
        *ret_matches = span_equal_nocase(view.scheme, remote->scheme);
        return OK;
    case PROXY_ROUTE_READ_URL: *ret_matches = url_matches(remote, request, view); return OK;
    case PROXY_ROUTE_READ_AUTHORITY:
        *ret_matches = view.scheme.len == 0 && host_is(request, remote->host) &&
                       remote->port == request->port;
        return OK;
    case PROXY_ROUTE_READ_REGEX: return find_regex(remote->regex, request, view, ret_matches);
    }
    return ERR_CONF;
}

/* *ret_remote is NULL when none matches. */
static enum err find_remote(const struct proxy_route_conf *conf,
                            const struct proxy_route_request *request,
                            const struct proxy_route_remote **ret_remote)
{
    struct view views[VIEWS_MAX] = {0};
    size_t count = views_of(request, views);
    const struct proxy_route_remote *remote = conf->remotes;

    for (; remote != NULL; remote = remote->next) {
        for (size_t i = 0; i < count; i++) {
            bool matches = false;

            TRY(view_matches(remote, request, views[i], &matches));
            if (matches) {
                *ret_remote = remote;
                return OK;
            }
        }
    }
    *ret_remote = NULL;
    return OK;
}

/* ---- NoProxy ---- */

static bool ends_in(struct span host, struct span domain)
{
    return host.len > domain.len &&
           span_equal_nocase(span_tail(host, host.len - domain.len), domain);
}

static bool net_has_any(const struct addr_net *net, const struct addr *addrs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct addr addr = addr_unmapped(&addrs[i]);

        if (addr_net_has(net, &addr)) {
            return true;
        }
    }
    return false;
}

/* The rule that has it reached directly, or NULL. */
static const struct proxy_route_exclude *find_exclude(const struct proxy_route_conf *conf,
                                                      const struct proxy_route_request *request,
                                                      const struct addr *addrs, size_t count)
{
    struct span host = proxy_route_read_undotted(request->host);

    for (const struct proxy_route_exclude *rule = conf->excludes; rule != NULL;
         rule = rule->next) {
        bool matches = false;

        switch (rule->kind) {
        case PROXY_ROUTE_READ_NET: matches = net_has_any(&rule->net, addrs, count); break;
        case PROXY_ROUTE_READ_DOMAIN: matches = ends_in(host, rule->name); break;
        case PROXY_ROUTE_READ_HOST: matches = span_equal_nocase(host, rule->name); break;
        }
        if (matches) {
            return rule;
        }
    }
    return NULL;
}

static bool has_net_exclude(const struct proxy_route_conf *conf)
{
    for (const struct proxy_route_exclude *rule = conf->excludes; rule != NULL;
         rule = rule->next) {
        if (rule->kind == PROXY_ROUTE_READ_NET) {
            return true;
        }
    }
    return false;
}

static enum err find_parent(const struct proxy_route_conf *conf,
                            const struct proxy_route_request *request,
                            struct proxy_route *route)
{
    const struct proxy_route_remote *remote;
    const struct proxy_route_exclude *exclude;
    const struct addr *addrs = request->addrs;
    size_t count = request->addr_count;
    struct addr literal;
    bool is_literal = addr_parse(request->host, request->port, &literal);

    TRY(find_remote(conf, request, &remote));
    if (remote == NULL) {
        return OK;
    }
    if (is_literal) {
        addrs = &literal;
        count = 1;
    }
    exclude = find_exclude(conf, request, addrs, count);
    if (exclude != NULL) {
        route->line = exclude->line;
        return OK;
    }
    route->way = PROXY_ROUTE_PARENT;
    route->parent = &remote->parent;
    route->line = remote->parent.line;
    route->needs_addrs = count == 0 && has_net_exclude(conf);
    return OK;
}

/* ---- ProxyBlock, ProxyDomain ---- */

static bool contains_nocase(struct span text, struct span word)
{
    for (size_t i = 0; i + word.len <= text.len; i++) {
        if (span_equal_nocase(span_head(span_tail(text, i), word.len), word)) {
            return true;
        }
    }
    return false;
}

static bool is_blocked(const struct proxy_route_conf *conf,
                       const struct proxy_route_request *request, unsigned *ret_line)
{
    struct span host = proxy_route_read_undotted(request->host);
    struct addr literal;

    for (const struct proxy_route_word *word = conf->words; word != NULL; word = word->next) {
        if (word->is_any || contains_nocase(host, word->text)) {
            *ret_line = word->line;
            return true;
        }
    }
    return addr_parse(request->host, 0, &literal) &&
           proxy_route_blocks_addr(conf, &literal, ret_line);
}

bool proxy_route_blocks_addr(const struct proxy_route_conf *conf, const struct addr *addr,
                             unsigned *ret_line)
{
    struct addr plain = addr_unmapped(addr);

    for (const struct proxy_route_word *word = conf->words; word != NULL; word = word->next) {
        if (word->is_addr && addr_same_host(&word->addr, &plain)) {
            *ret_line = word->line;
            return true;
        }
    }
    return false;
}

/* httpd: GET alone, and a host without a dot that is not localhost. */
static bool lacks_domain(const struct proxy_route_conf *conf,
                         const struct proxy_route_request *request)
{
    struct span host = request->host;

    return conf->domain.len > 0 && request->is_get && !request->is_tunnel &&
           (span_equals_nocase(request->scheme, "http") ||
            span_equals_nocase(request->scheme, "https")) &&
           span_find(host, '.') == host.len && span_find(host, ':') == host.len &&
           !span_equals_nocase(host, "localhost");
}

enum err proxy_route_find(const struct proxy_route_conf *conf,
                          const struct proxy_route_request *request,
                          struct proxy_route *ret_route)
{
    struct proxy_route route = {.way = PROXY_ROUTE_DIRECT};

    if (is_blocked(conf, request, &route.line)) {
        route.way = PROXY_ROUTE_BLOCKED;
    } else if (lacks_domain(conf, request)) {
        route.way = PROXY_ROUTE_REDIRECT;
        route.line = conf->domain_line;
    } else {
        TRY(find_parent(conf, request, &route));
    }
    *ret_route = route;
    return OK;
}

enum err proxy_route_find_diverted(const struct proxy_route_conf *conf,
                                   const struct proxy_route_request *request,
                                   const struct addr *origin, bool is_verified,
                                   struct proxy_route *ret_route)
{
    struct proxy_route_request claimed = *request;
    struct proxy_route_request addressed;
    struct proxy_route named, other;
    char literal[ADDR_TEXT_BYTES];

    claimed.is_get = false; /* ProxyDomain answers GET alone */
    claimed.addrs = origin;
    claimed.addr_count = 1;
    addressed = claimed;
    addressed.host = span_str(addr_host_text(origin, literal));
    TRY(proxy_route_find(conf, &claimed, &named));
    TRY(proxy_route_find(conf, &addressed, &other));
    if (!is_verified &&
        (other.way == PROXY_ROUTE_BLOCKED ||
         (named.way == PROXY_ROUTE_DIRECT && other.way == PROXY_ROUTE_PARENT))) {
        named = other;
    }
    *ret_route = named;
    return OK;
}

static enum err write_location(const struct proxy_route_conf *conf,
                               const struct proxy_route_request *request, struct buf *out)
{
    TRY(append_lower(out, request->scheme));
    TRY(buf_append(out, SPAN("://")));
    TRY(append_host(out, request->host));
    TRY(buf_append(out, conf->domain));
    if (request->port != http1_authority_default_port(request->scheme)) {
        TRY(buf_printf(out, ":%u", request->port));
    }
    return buf_append(out, path_of(request));
}

enum err proxy_route_write_location(const struct proxy_route_conf *conf,
                                    const struct proxy_route_request *request, struct buf *out)
{
    size_t before = out->len;
    enum err e = write_location(conf, request, out);

    if (e != OK) {
        buf_truncate(out, before);
    }
    return e;
}
