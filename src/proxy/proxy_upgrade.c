/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_upgrade.h"

#include "http1/http1_write.h"
#include "ws/ws_handshake.h"

/* RFC 9110 7.8: a server MUST ignore Upgrade in an HTTP/1.0 request, and may with any method
 * that a protocol cannot begin with. */
static bool asks_for_websocket(const struct http1_head *head)
{
    return span_equals(head->method, "GET") && head->version_minor > 0 &&
           http1_fields_has_token(head->fields, SPAN("upgrade"), SPAN("websocket"));
}

/* The handshake as a server would judge it. RFC 6455 section 4.2.1. */
static enum ws_handshake_fault judge_request(const struct http1_head *head)
{
    struct ws_handshake_request request;

    ws_handshake_request_init(&request, head->method, head->version_minor > 0,
                              (struct ws_handshake_protocols){0});
    for (size_t i = 0; i < head->fields.count; i++) {
        ws_handshake_request_field(&request, head->fields.ptr[i].name,
                                   head->fields.ptr[i].value);
    }
    return ws_handshake_request_check(&request);
}

static enum err refuse(struct proxy_refusal *refusal, uint16_t status, const char *why)
{
    proxy_refusal_set(refusal, status, HTTP1_PROXY_STATUS_REQUEST_ERROR, "%s", why);
    return ERR_PROTO;
}

enum err proxy_upgrade_read(const struct http1_head *head, const struct http1_target *target,
                            const struct http1_body *body, bool *ret_is_upgrade,
                            struct proxy_refusal *ret_refusal)
{
    const bool is_ws = span_equals_nocase(target->scheme, "ws");
    enum ws_handshake_fault fault;

    if (span_equals_nocase(target->scheme, "wss")) {
        return refuse(ret_refusal, 400,
                      "wss:// cannot be asked for in the clear: let the client open a tunnel "
                      "with CONNECT and speak TLS inside it");
    }
    if (!asks_for_websocket(head)) {
        if (is_ws) {
            return refuse(ret_refusal, 426,
                          "a ws:// request must ask for Upgrade: websocket (RFC 6455 4.1)");
        }
        *ret_is_upgrade = false;
        return OK;
    }
    fault = judge_request(head);
    if (fault != WS_HANDSHAKE_FAULT_NONE) {
        proxy_refusal_set(ret_refusal, (uint16_t)ws_handshake_fault_status(fault),
                          HTTP1_PROXY_STATUS_REQUEST_ERROR,
                          "the WebSocket handshake cannot be forwarded: the client %s",
                          ws_handshake_fault_text(fault));
        return ERR_PROTO;
    }
    if (body->type != HTTP1_BODY_NONE) {
        return refuse(ret_refusal, 400,
                      "a WebSocket handshake has no body, but this one announces one");
    }
    *ret_is_upgrade = true;
    return OK;
}

/* ---- the handshake for the origin ---- */

static bool is_of_handshake(struct span name)
{
    static const struct span prefix = SPAN_INIT("sec-websocket-");

    return name.len >= prefix.len && span_equal_nocase(span_head(name, prefix.len), prefix);
}

/* End-to-end fields pass: Origin, Cookie, Authorization, User-Agent and the like. */
static bool passes(const struct http1_forward_request *request, struct span name)
{
    static const struct span others[] = {SPAN_INIT("host"), SPAN_INIT("content-length"),
                                         SPAN_INIT("expect"), SPAN_INIT("trailer")};

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (span_equal_nocase(name, others[i])) {
            return false;
        }
    }
    if (span_equals_nocase(name, "via")) {
        return request->via.mode != HTTP1_FORWARD_VIA_BLOCK;
    }
    if (span_equals_nocase(name, "proxy-authorization")) {
        return request->to_parent && request->keeps_login && request->login.len == 0;
    }
    return !is_of_handshake(name) && !http1_forward_is_hop(request->head->fields, name);
}

/* All the fields of one name as one list. */
static enum err put_list(struct http1_fields fields, struct span name, struct buf *out)
{
    struct http1_fields_list list = http1_fields_list(fields, name);
    struct span item;
    bool has_item = false;

    while (http1_fields_list_next(&list, &item)) {
        if (has_item) {
            TRY(buf_append(out, SPAN(", ")));
        } else {
            TRY(buf_append(out, name));
            TRY(buf_append(out, SPAN(": ")));
        }
        has_item = true;
        TRY(buf_append(out, item));
    }
    return has_item ? buf_append(out, SPAN("\r\n")) : OK;
}

/* RFC 6455 4.1: the key, version 13 (proxy_upgrade_read() has seen both), subprotocols and
 * extensions as offered. */
static enum err put_handshake_fields(const struct http1_head *head, struct buf *out)
{
    const struct http1_field *key = http1_fields_find(head->fields, SPAN("sec-websocket-key"));

    if (key == NULL) {
        return ERR_PROTO;
    }
    TRY(http1_write_field(out, SPAN("Upgrade"), SPAN("websocket")));
    TRY(http1_write_field(out, SPAN("Connection"), SPAN("Upgrade")));
    TRY(http1_write_field(out, SPAN("Sec-WebSocket-Key"), key->value));
    TRY(http1_write_field(out, SPAN("Sec-WebSocket-Version"), SPAN("13")));
    TRY(put_list(head->fields, SPAN("Sec-WebSocket-Protocol"), out));
    return put_list(head->fields, SPAN("Sec-WebSocket-Extensions"), out);
}

static enum err put_request(const struct http1_forward_request *request, struct buf *out)
{
    const struct http1_head *head = request->head;

    TRY(http1_forward_put_target(request, out));
    TRY(put_handshake_fields(head, out));
    for (size_t i = 0; i < head->fields.count; i++) {
        if (passes(request, head->fields.ptr[i].name)) {
            TRY(http1_write_field(out, head->fields.ptr[i].name, head->fields.ptr[i].value));
        }
    }
    if (request->to_parent && request->login.len > 0) {
        TRY(http1_write_field(out, SPAN("Proxy-Authorization"), request->login));
    }
    TRY(http1_forward_put_via(&request->via, head->version_minor, out));
    return http1_write_end(out);
}

enum err proxy_upgrade_put_request(const struct http1_forward_request *request, struct buf *out)
{
    size_t start = out->len;
    enum err e = put_request(request, out);

    if (e != OK) {
        buf_truncate(out, start);
    }
    return e;
}

/* ---- the answer ---- */

/* RFC 6455 4.1 items 2 and 3: exactly websocket, and Connection with that option */
static bool switches_to_websocket(struct http1_fields fields)
{
    const struct http1_field *upgrade = http1_fields_find(fields, SPAN("upgrade"));

    return upgrade != NULL && http1_fields_count(fields, SPAN("upgrade")) == 1 &&
           span_equals_nocase(upgrade->value, "websocket") &&
           http1_fields_has_token(fields, SPAN("connection"), SPAN("upgrade"));
}

/* Item 4. The key's bytes have been checked. */
static bool accepts_key(const struct http1_head *request, const struct http1_head *answer)
{
    const struct http1_field *key =
        http1_fields_find(request->fields, SPAN("sec-websocket-key"));
    const struct http1_field *accept =
        http1_fields_find(answer->fields, SPAN("sec-websocket-accept"));
    char expected[WS_HANDSHAKE_ACCEPT_CHARS + 1];

    return key != NULL && accept != NULL &&
           http1_fields_count(answer->fields, SPAN("sec-websocket-accept")) == 1 &&
           ws_handshake_accept_key(key->value, expected) == OK &&
           span_equals(accept->value, expected);
}

static struct span extension_name(struct span item)
{
    return span_trim(span_head(item, span_find(item, ';')));
}

/* Item 5: "If the response includes a |Sec-WebSocket-Extensions| header field and this header
 * field indicates the use of an extension that was not present in the client's handshake" */
static bool extensions_were_offered(struct http1_fields request, struct http1_fields answer)
{
    const struct span name = SPAN("sec-websocket-extensions");
    struct http1_fields_list chosen = http1_fields_list(answer, name);
    struct span item;

    while (http1_fields_list_next(&chosen, &item)) {
        struct http1_fields_list offered = http1_fields_list(request, name);
        struct span offer;
        bool was_offered = false;

        while (!was_offered && http1_fields_list_next(&offered, &offer)) {
            was_offered = span_equal_nocase(extension_name(offer), extension_name(item));
        }
        if (!was_offered) {
            return false;
        }
    }
    return true;
}

/* Item 6, and 11.3.4: at most one, compared as it is */
static bool protocol_was_offered(struct http1_fields request, struct http1_fields answer)
{
    const struct span name = SPAN("sec-websocket-protocol");
    const struct http1_field *chosen = http1_fields_find(answer, name);
    struct http1_fields_list offered = http1_fields_list(request, name);
    struct span offer;

    if (chosen == NULL) {
        return true;
    }
    while (http1_fields_count(answer, name) == 1 && http1_fields_list_next(&offered, &offer)) {
        if (span_equal(offer, chosen->value)) {
            return true;
        }
    }
    return false;
}

const char *proxy_upgrade_judge(const struct http1_head *request,
                                const struct http1_head *answer)
{
    if (answer->version_minor == 0) {
        return "switched protocols in HTTP/1.0, which cannot (RFC 9110 7.8)";
    }
    if (!switches_to_websocket(answer->fields)) {
        return "sent a 101 that does not switch to websocket (RFC 6455 4.1)";
    }
    if (!accepts_key(request, answer)) {
        return "answered the WebSocket handshake with a wrong Sec-WebSocket-Accept (RFC 6455 "
               "4.1)";
    }
    if (!extensions_were_offered(request->fields, answer->fields)) {
        return "chose a WebSocket extension that was not offered (RFC 6455 4.1)";
    }
    if (!protocol_was_offered(request->fields, answer->fields)) {
        return "chose a subprotocol that was not offered (RFC 6455 4.1)";
    }
    return NULL;
}

static enum err put_answer(const struct http1_forward_response *response, struct buf *out)
{
    const struct http1_head *head = response->head;

    TRY(http1_write_status_line(out, head->status, head->reason));
    TRY(http1_write_field(out, SPAN("Upgrade"), SPAN("websocket")));
    TRY(http1_write_field(out, SPAN("Connection"), SPAN("Upgrade")));
    for (size_t i = 0; i < head->fields.count; i++) {
        const struct http1_field *field = &head->fields.ptr[i];
        const bool is_blocked_via = response->via.mode == HTTP1_FORWARD_VIA_BLOCK &&
                                    span_equals_nocase(field->name, "via");

        /* RFC 9112 6.1 and RFC 9110 8.6: a 101 has neither length nor coding */
        if (!is_blocked_via && !span_equals_nocase(field->name, "content-length") &&
            !http1_forward_is_hop(head->fields, field->name)) {
            TRY(http1_write_field(out, field->name, field->value));
        }
    }
    TRY(http1_forward_put_via(&response->via, head->version_minor, out));
    return http1_write_end(out);
}

enum err proxy_upgrade_put_answer(const struct http1_forward_response *response,
                                  struct buf *out)
{
    size_t start = out->len;
    enum err e = put_answer(response, out);

    if (e != OK) {
        buf_truncate(out, start);
    }
    return e;
}
