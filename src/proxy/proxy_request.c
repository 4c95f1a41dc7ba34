/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_request.h"

#include "http1/http1_forward.h"
#include "http1/http1_host.h"
#include "proxy/proxy_pac.h"
#include "proxy/proxy_upgrade.h"

enum {
    PORTS_TEXT_BYTES = 120
};

/* The directive that a fault is about; "": none. */
static const char *directive_of(enum http1_fault fault)
{
    return fault == HTTP1_FAULT_LINE_LENGTH    ? ", see LimitRequestLine"
           : fault == HTTP1_FAULT_FIELD_LENGTH ? ", see LimitRequestFieldSize"
           : fault == HTTP1_FAULT_FIELD_COUNT  ? ", see LimitRequestFields"
                                               : "";
}

void proxy_request_refuse_fault(enum http1_fault fault, struct proxy_refusal *ret_refusal)
{
    proxy_refusal_set(ret_refusal, http1_fault_status(fault), HTTP1_PROXY_STATUS_REQUEST_ERROR,
                      "the request cannot be understood: the client %s%s",
                      http1_fault_text(fault), directive_of(fault));
}

static enum err refuse(struct proxy_refusal *ret_refusal, enum http1_fault fault)
{
    proxy_request_refuse_fault(fault, ret_refusal);
    return ERR_PROTO;
}

/* To the proxy itself. */
static enum err read_own(const struct http1_head *head, struct proxy_request *request,
                         struct proxy_refusal *ret_refusal)
{
    bool is_get = span_equals(head->method, "GET") || span_equals(head->method, "HEAD");

    if (is_get && request->target.form == HTTP1_TARGET_ORIGIN &&
        proxy_pac_is_path(request->target.path)) {
        request->kind = PROXY_REQUEST_PAC;
        return OK;
    }
    proxy_refusal_set(ret_refusal, 405, HTTP1_PROXY_STATUS_REQUEST_DENIED,
                      "this is a forward proxy, not a web server: it answers CONNECT host:port "
                      "and GET http://host/ (set it as the proxy of a browser or program; "
                      "/proxy.pac is a script that does so)");
    return ERR_PROTO;
}

static enum err read_tunnel(struct proxy_request *request, struct proxy_refusal *ret_refusal)
{
    /* RFC 9110 9.3.6: a CONNECT request has no content; what follows belongs to the tunnel. */
    if (request->body.type != HTTP1_BODY_NONE) {
        proxy_refusal_set(ret_refusal, 400, HTTP1_PROXY_STATUS_REQUEST_ERROR,
                          "a CONNECT request has no body, but this one announces one "
                          "(RFC 9110 9.3.6)");
        return ERR_PROTO;
    }
    request->kind = PROXY_REQUEST_TUNNEL;
    request->port = request->target.authority.port;
    return OK;
}

static enum err read_forward(const struct http1_head *head, struct proxy_request *request,
                             struct proxy_refusal *ret_refusal)
{
    struct span scheme = request->target.scheme;
    enum http1_forward_verdict verdict;
    bool is_upgrade = false;

    if (!span_equals_nocase(scheme, "http") && !span_equals_nocase(scheme, "ws") &&
        !span_equals_nocase(scheme, "wss")) {
        proxy_refusal_set(ret_refusal, 501, HTTP1_PROXY_STATUS_REQUEST_DENIED,
                          "this proxy forwards http:// and ws:// requests; for others, https "
                          "too, the client must ask for a tunnel with CONNECT");
        return ERR_PROTO;
    }
    TRY(proxy_upgrade_read(head, &request->target, &request->body, &is_upgrade, ret_refusal));

    verdict = http1_forward_judge(head);
    if (verdict == HTTP1_FORWARD_ANSWER) {
        request->kind = PROXY_REQUEST_ANSWER;
    } else if (verdict != HTTP1_FORWARD_ON) {
        proxy_refusal_set(ret_refusal, http1_forward_verdict_status(verdict),
                          HTTP1_PROXY_STATUS_REQUEST_ERROR,
                          "the request cannot be forwarded: the client %s",
                          http1_forward_verdict_text(verdict));
        return ERR_PROTO;
    } else {
        request->kind = is_upgrade ? PROXY_REQUEST_UPGRADE : PROXY_REQUEST_FORWARD;
    }
    request->port = request->target.authority.port;
    if (request->port == 0) {
        request->port = http1_authority_default_port(scheme);
    }
    return OK;
}

/* What is read the same way for everybody; *ret_host is empty where there is no Host. */
static enum err read_head(const struct http1_head *head, struct proxy_request *request,
                          struct http1_authority *ret_host, struct proxy_refusal *ret_refusal)
{
    bool is_connect = span_equals(head->method, "CONNECT");
    enum http1_fault fault = HTTP1_FAULT_NONE;

    *ret_host = (struct http1_authority){0};
    /* RFC 9112 3.2: one Host. None is forgiven with CONNECT: the target says it all. */
    if (!(is_connect && http1_fields_count(head->fields, SPAN("host")) == 0) &&
        http1_host_of_request(head->fields, head->version_minor, ret_host, &fault) != OK) {
        return refuse(ret_refusal, fault);
    }
    if (http1_body_of_request(head->fields, head->version_minor, &request->body, &fault) !=
            OK ||
        http1_target_read(head->method, head->target, &request->target, &fault) != OK) {
        return refuse(ret_refusal, fault);
    }
    return OK;
}

enum err proxy_request_read(const struct http1_head *head, const struct proxy_conf *conf,
                            struct proxy_request *ret_request,
                            struct proxy_refusal *ret_refusal)
{
    struct proxy_request request = {.kind = PROXY_REQUEST_FORWARD};
    struct http1_authority host;

    TRY(read_head(head, &request, &host, ret_refusal));
    if (!conf->requests) {
        proxy_refusal_set(
            ret_refusal, 405, HTTP1_PROXY_STATUS_CONFIGURATION_ERROR,
            "this proxy is switched off (ProxyRequests Off in its configuration)");
        return ERR_PROTO;
    }
    switch (request.target.form) {
    case HTTP1_TARGET_AUTHORITY: TRY(read_tunnel(&request, ret_refusal)); break;
    case HTTP1_TARGET_ABSOLUTE: TRY(read_forward(head, &request, ret_refusal)); break;
    case HTTP1_TARGET_ORIGIN:
    case HTTP1_TARGET_ASTERISK: TRY(read_own(head, &request, ret_refusal)); break;
    }
    *ret_request = request;
    return OK;
}

/* RFC 9110 7.1: the client means the origin that it has connected to, by the name in Host.
 * HTTP/1.0 may have none: then its address is all there is. */
static void take_authority(const struct proxy_request_origin *origin,
                           const struct http1_authority *host, struct http1_target *target)
{
    if (target->form == HTTP1_TARGET_ASTERISK) {
        target->path = SPAN(""); /* RFC 9112 3.2.4: the same, as a URI has it */
    }
    target->form = HTTP1_TARGET_ABSOLUTE;
    target->scheme = SPAN("http");
    target->authority = *host;
    if (host->host.len == 0) {
        target->authority = (struct http1_authority){
            .kind = span_find(origin->host, ':') < origin->host.len ? HTTP1_HOST_IPV6
                                                                    : HTTP1_HOST_IPV4,
            .host = origin->host,
            .port = origin->port == 80 ? 0 : origin->port,
        };
    }
}

static void refuse_connect(const struct proxy_request_origin *origin,
                           struct proxy_refusal *ret_refusal)
{
    bool is_v6 = span_find(origin->host, ':') < origin->host.len;

    proxy_refusal_set(
        ret_refusal, 400, HTTP1_PROXY_STATUS_REQUEST_ERROR,
        "this client asks a proxy that it knows for a tunnel, but its connection to "
        "%s%.*s%s:%u was diverted to this one (exempt that address from diverting, or "
        "set this proxy's Listen as the client's proxy)",
        is_v6 ? "[" : "", SPAN_ARG(origin->host), is_v6 ? "]" : "", origin->port);
}

enum err proxy_request_read_diverted(const struct http1_head *head,
                                     const struct proxy_request_origin *origin,
                                     struct proxy_request *ret_request,
                                     struct proxy_refusal *ret_refusal)
{
    struct proxy_request request = {.kind = PROXY_REQUEST_FORWARD};
    struct http1_authority host;

    TRY(read_head(head, &request, &host, ret_refusal));
    if (request.target.form == HTTP1_TARGET_AUTHORITY && !origin->is_tunnel) {
        refuse_connect(origin, ret_refusal);
        return ERR_PROTO;
    }
    if (request.target.form == HTTP1_TARGET_AUTHORITY) {
        TRY(read_tunnel(&request, ret_refusal));
    } else {
        if (request.target.form != HTTP1_TARGET_ABSOLUTE) {
            take_authority(origin, &host, &request.target);
        }
        TRY(read_forward(head, &request, ret_refusal));
    }
    request.port = origin->port;
    *ret_request = request;
    return OK;
}

bool proxy_request_port_is_allowed(const struct proxy_conf *conf, uint16_t port,
                                   struct proxy_refusal *ret_refusal)
{
    char list[PORTS_TEXT_BYTES] = "a list";
    struct buf text;

    if (conf_ports_has(&conf->connect_ports, port)) {
        return true;
    }
    buf_init(&text, sizeof list);
    if (conf_ports_print(&conf->connect_ports, &text) == OK && text.len < sizeof list) {
        memcpy(list, text.ptr, text.len);
        list[text.len] = '\0';
    }
    buf_fini(&text);
    proxy_refusal_set(
        ret_refusal, 403, HTTP1_PROXY_STATUS_REQUEST_DENIED,
        "CONNECT to port %u is not allowed here, only to %s (use an allowed port, "
        "or ask the administrator for AllowCONNECT %u)",
        port, list, port);
    return false;
}

struct proxy_section_url proxy_request_url(const struct proxy_request *request)
{
    struct proxy_section_url url = {
        .host = request->target.authority.host,
        .port = request->port,
    };

    if (request->kind == PROXY_REQUEST_TUNNEL) {
        return url;
    }
    url.scheme = request->kind == PROXY_REQUEST_UPGRADE ? SPAN("ws") : request->target.scheme;
    url.path = request->target.path;
    url.query = request->target.has_query ? request->target.query : span_of(NULL, 0);
    return url;
}
