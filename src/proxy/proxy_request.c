/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_request.h"

#include "base/text.h"
#include "http1/http1_body.h"
#include "http1/http1_target.h"

enum {
    PORTS_TEXT_BYTES = 120
};

void proxy_request_refuse_fault(enum http1_fault fault, struct proxy_refusal *ret_refusal)
{
    proxy_refusal_set(ret_refusal, http1_fault_status(fault), HTTP1_PROXY_STATUS_REQUEST_ERROR,
                      "the request cannot be understood: the client %s",
                      http1_fault_text(fault));
}

static enum err refuse_other_methods(const struct http1_head *head,
                                     struct proxy_refusal *ret_refusal)
{
    struct http1_target target;
    enum http1_fault fault = HTTP1_FAULT_NONE;

    if (http1_target_read(head->method, head->target, &target, &fault) != OK) {
        proxy_request_refuse_fault(fault, ret_refusal);
    } else if (target.form == HTTP1_TARGET_ABSOLUTE) {
        proxy_refusal_set(ret_refusal, 501, HTTP1_PROXY_STATUS_REQUEST_DENIED,
                          "this proxy opens tunnels only, it does not forward plain HTTP "
                          "requests yet (let the client use CONNECT, as for https and ws)");
    } else {
        proxy_refusal_set(ret_refusal, 405, HTTP1_PROXY_STATUS_REQUEST_DENIED,
                          "this is a forward proxy, not a web server: it answers CONNECT "
                          "host:port (set it as the proxy of a browser or program)");
    }
    return ERR_PROTO;
}

enum err proxy_request_read(const struct http1_head *head, const struct proxy_conf *conf,
                            struct http1_authority *ret_target,
                            struct proxy_refusal *ret_refusal)
{
    struct http1_body body;
    enum http1_fault fault = HTTP1_FAULT_NONE;

    /* RFC 9112 3.2: one Host at most. None is forgiven with CONNECT: the target says it all. */
    if (http1_fields_count(head->fields, SPAN("host")) > 1) {
        proxy_refusal_set(ret_refusal, 400, HTTP1_PROXY_STATUS_REQUEST_ERROR,
                          "the request has more than one Host field (RFC 9112 3.2)");
        return ERR_PROTO;
    }
    if (http1_body_of_request(head->fields, head->version_minor, &body, &fault) != OK) {
        proxy_request_refuse_fault(fault, ret_refusal);
        return ERR_PROTO;
    }
    if (!conf->requests) {
        proxy_refusal_set(
            ret_refusal, 405, HTTP1_PROXY_STATUS_CONFIGURATION_ERROR,
            "this proxy is switched off (ProxyRequests Off in its configuration)");
        return ERR_PROTO;
    }
    if (!span_equals(head->method, "CONNECT")) {
        return refuse_other_methods(head, ret_refusal);
    }
    /* RFC 9110 9.3.6: a CONNECT request has no content; what follows belongs to the tunnel. */
    if (body.type != HTTP1_BODY_NONE) {
        proxy_refusal_set(ret_refusal, 400, HTTP1_PROXY_STATUS_REQUEST_ERROR,
                          "a CONNECT request has no body, but this one announces one "
                          "(RFC 9110 9.3.6)");
        return ERR_PROTO;
    }
    if (http1_authority_read_tunnel(head->target, ret_target, &fault) != OK) {
        proxy_request_refuse_fault(fault, ret_refusal);
        return ERR_PROTO;
    }
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
