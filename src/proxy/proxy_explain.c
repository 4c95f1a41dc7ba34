/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_explain.h"

#include "http1/http1_target.h"
#include "proxy/proxy_dest.h"
#include "proxy/proxy_policy_explain.h"

/* The three words, understood. */
struct request {
    struct proxy_policy_query query;
    struct http1_target target;
    bool is_tunnel;
    bool has_name;
};

/* "[user@]address[=name]" */
static bool read_client(struct span word, struct request *request)
{
    size_t at = word.len;
    size_t equals;

    while (at > 0 && word.ptr[at - 1] != '@') {
        at--;
    }
    if (at > 0) {
        request->query.user = span_head(word, at - 1);
        word = span_tail(word, at);
    }
    equals = span_find(word, '=');
    request->has_name = equals < word.len;
    if (request->has_name) {
        request->query.client.name = span_tail(word, equals + 1);
    }
    return (at == 0 || request->query.user.len > 0) &&
           addr_parse(span_head(word, equals), 1, &request->query.client.addr);
}

static bool read_target(struct span method, struct span url, struct request *request)
{
    enum http1_fault fault;

    if (http1_target_read(method, url, &request->target, &fault) != OK) {
        return false;
    }
    request->is_tunnel = request->target.form == HTTP1_TARGET_AUTHORITY;
    return request->is_tunnel || request->target.form == HTTP1_TARGET_ABSOLUTE;
}

static void set_url(struct request *request)
{
    const struct http1_target *target = &request->target;
    uint16_t port = target->authority.port;

    request->query.url = (struct proxy_section_url){
        .scheme = target->scheme,
        .host = target->authority.host,
        .port = port != 0 ? port : http1_authority_default_port(target->scheme),
        .path = target->path,
        .query = target->has_query ? target->query : SPAN(""),
    };
    if (!target->has_query) {
        request->query.url.query.ptr = NULL;
    }
}

/* Where the client reaches the proxy: the first address that it listens on and that is one. */
static void set_local(const struct proxy_conf *conf, struct request *request)
{
    bool is_address = addr_parse(SPAN("127.0.0.1"), 1, &request->query.client.local);

    assert(is_address);
    (void)is_address;
    for (size_t i = 0; i < conf->listens.count; i++) {
        if (!addr_is_any(&conf->listens.ptr[i].addr)) {
            request->query.client.local = conf->listens.ptr[i].addr;
            return;
        }
    }
}

/* Whoever asks names a user as one whose password was right, in whichever file holds. */
static enum err decide(const struct proxy_conf *conf, struct request *request,
                       struct proxy_policy_decision *ret_decision)
{
    struct span user = request->query.user;

    request->query.user = SPAN("");
    request->query.users = NULL;
    TRY(proxy_policy_decide(&conf->policy, &request->query, ret_decision));
    if (ret_decision->verdict != PROXY_POLICY_LOGIN || user.len == 0 ||
        htpasswd_find(ret_decision->users, user) == NULL) {
        return OK;
    }
    request->query.user = user;
    request->query.users = ret_decision->users;
    return proxy_policy_decide(&conf->policy, &request->query, ret_decision);
}

static enum err say_what_is_asked(const struct request *request, struct span user,
                                  struct span method, struct span url, struct buf *out)
{
    const struct proxy_policy_client *client = &request->query.client;
    char text[ADDR_TEXT_BYTES];

    TRY(buf_printf(out, "%.*s %.*s by a client at %s", SPAN_ARG(method), SPAN_ARG(url),
                   addr_host_text(&client->addr, text)));
    if (request->has_name) {
        TRY(buf_printf(out, " (%.*s)", SPAN_ARG(client->name)));
    }
    if (user.len > 0) {
        TRY(buf_printf(out, " who logs in as %.*s", SPAN_ARG(user)));
    }
    return buf_append(out, SPAN("\n"));
}

static enum err say_user_is_unknown(const struct proxy_policy_decision *decision,
                                    struct span user, struct buf *out)
{
    if (decision->verdict != PROXY_POLICY_LOGIN || user.len == 0 ||
        htpasswd_find(decision->users, user) != NULL) {
        return OK;
    }
    return buf_printf(out, "%s has no user %.*s.\n", decision->users->file, SPAN_ARG(user));
}

/* Rules by name are judged as for most clients, who have none. */
static enum err say_name_matters(const struct proxy_conf *conf, const struct request *request,
                                 struct buf *out)
{
    struct proxy_policy_query query = request->query;
    struct proxy_policy_decision decision;

    query.name_is_known = false;
    TRY(proxy_policy_decide(&conf->policy, &query, &decision));
    if (request->has_name || decision.verdict != PROXY_POLICY_NEEDS_NAME) {
        return OK;
    }
    return buf_printf(out, "A rule asks for the client's host name: this is how it is without "
                           "one; write address=host.example to try one.\n");
}

/* Without a parent; an address can be judged, a name would have to be looked up. */
static enum err say_direct(const struct proxy_conf *conf, const struct request *request,
                           bool names_destination, bool *ret_allowed, struct buf *out)
{
    const struct proxy_section_url *url = &request->query.url;
    const struct proxy_policy_client *client = &request->query.client;
    enum proxy_dest_verdict verdict = PROXY_DEST_FINE;
    struct addr dest;

    if (addr_parse(url->host, url->port, &dest)) {
        verdict = proxy_dest_judge(conf, &client->addr, &client->local, &dest);
    }
    *ret_allowed =
        verdict == PROXY_DEST_FINE || (names_destination && proxy_dest_is_waivable(verdict));
    if (!*ret_allowed) {
        return buf_printf(out, "%.*s %s (403).\n=> refused\n", SPAN_ARG(url->host),
                          proxy_dest_text(verdict));
    }
    return buf_printf(out, "=> allowed\n");
}

/* ProxyBlock, ProxyDomain, NoProxy, ProxyRemote. */
static enum err say_route(const struct proxy_conf *conf, const struct request *request,
                          bool names_destination, bool *ret_allowed, struct buf *out)
{
    const struct proxy_section_url *url = &request->query.url;
    const struct proxy_route_request wanted = {
        .is_tunnel = request->is_tunnel,
        .is_get = span_equals(request->query.method, "GET"),
        .scheme = url->scheme,
        .host = url->host,
        .port = url->port,
        .path = http1_target_path_query(&request->target),
    };
    struct proxy_route route;

    TRY(proxy_route_find(&conf->route, &wanted, &route));
    *ret_allowed = route.way != PROXY_ROUTE_BLOCKED;
    switch (route.way) {
    case PROXY_ROUTE_DIRECT:
        return say_direct(conf, request, names_destination, ret_allowed, out);
    case PROXY_ROUTE_PARENT:
        return buf_printf(out, "ProxyRemote in line %u sends it to %.*s%s.\n=> allowed\n",
                          route.line, SPAN_ARG(route.parent->text),
                          route.needs_addrs ? ", unless its address is among those of NoProxy"
                                            : "");
    case PROXY_ROUTE_BLOCKED:
        return buf_printf(out, "ProxyBlock in line %u has it (403).\n=> refused\n", route.line);
    case PROXY_ROUTE_REDIRECT:
        return buf_printf(out,
                          "ProxyDomain in line %u answers with a redirection (301).\n"
                          "=> allowed\n",
                          route.line);
    }
    return OK;
}

/* What comes after the rules. */
static enum err say_rest(const struct proxy_conf *conf, const struct request *request,
                         bool names_destination, bool *ret_allowed, struct buf *out)
{
    uint16_t port = request->query.url.port;

    *ret_allowed = false;
    if (request->is_tunnel && !conf_ports_has(&conf->connect_ports, port)) {
        return buf_printf(out,
                          "AllowCONNECT does not have port %u (403).\n"
                          "=> refused\n",
                          (unsigned)port);
    }
    if (request->is_tunnel) {
        TRY(buf_printf(out, "AllowCONNECT has its port.\n"));
    }
    return say_route(conf, request, names_destination, ret_allowed, out);
}

static enum err say_verdict(const struct proxy_conf *conf, struct request *request,
                            bool *ret_allowed, struct buf *out)
{
    struct span user = request->query.user;
    struct proxy_policy_decision decision;

    TRY(decide(conf, request, &decision));
    TRY(proxy_policy_explain(&conf->policy, &request->query, out));
    TRY(say_user_is_unknown(&decision, user, out));
    TRY(say_name_matters(conf, request, out));
    if (decision.verdict == PROXY_POLICY_ALLOW) {
        return say_rest(conf, request, decision.names_destination, ret_allowed, out);
    }
    *ret_allowed = false;
    return buf_printf(out, "=> %s\n",
                      decision.verdict == PROXY_POLICY_LOGIN ? "a login is asked for"
                                                             : "refused");
}

static enum err misunderstood(struct span word, const char *remedy, struct buf *out)
{
    TRY(buf_printf(out,
                   "wayleave config: --explain: \"%.*s\" cannot be understood (write %s)\n",
                   SPAN_ARG(diag_word(word)), remedy));
    return ERR_CONF;
}

enum err proxy_explain(const struct proxy_conf *conf, struct span client, struct span method,
                       struct span url, struct buf *out, bool *ret_allowed)
{
    /* A name that was not given is one that the client does not have: how it is for most. */
    struct request request = {.query = {.name_is_known = true, .method = method}};

    if (!read_client(client, &request)) {
        return misunderstood(client, "10.1.2.3, alice@10.1.2.3 or 10.1.2.3=host.example", out);
    }
    if (!read_target(method, url, &request)) {
        return misunderstood(url,
                             span_equals(method, "CONNECT") ? "host.example:443"
                                                            : "http://host.example/path",
                             out);
    }
    set_url(&request);
    set_local(conf, &request);
    TRY(say_what_is_asked(&request, request.query.user, method, url, out));
    if (!conf->requests && conf->divert.listens.count == 0) {
        *ret_allowed = false;
        return buf_append(out, SPAN("ProxyRequests is Off (405).\n=> refused\n"));
    }
    if (!conf->requests) {
        TRY(buf_append(out, SPAN("ProxyRequests is Off: at a Listen it is refused (405). For a "
                                 "client that is diverted to a TransparentListen:\n")));
    }
    return say_verdict(conf, &request, ret_allowed, out);
}
