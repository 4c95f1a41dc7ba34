/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_forward.h"

#include "base/text.h"
#include "http1/http1_write.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    ECHO_BYTES_MAX = 64 * 1024 /* of a TRACE; more than a head's limits let in */
};

/* RFC 9110 7.6.1: what is for this connection alone even if Connection forgets it, and what is
 * between a client and its proxy (11.7). */
static const struct span hop_names[] = {
    SPAN_INIT("connection"),
    SPAN_INIT("keep-alive"),
    SPAN_INIT("proxy-connection"),
    SPAN_INIT("proxy-authenticate"),
    SPAN_INIT("proxy-authorization"),
    SPAN_INIT("proxy-authentication-info"),
    SPAN_INIT("te"),
    SPAN_INIT("transfer-encoding"),
    SPAN_INIT("upgrade"),
};

static bool is_one_of(struct span name, const struct span *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (span_equal_nocase(name, names[i])) {
            return true;
        }
    }
    return false;
}

bool http1_forward_is_hop(struct http1_fields fields, struct span name)
{
    return is_one_of(name, hop_names, sizeof hop_names / sizeof hop_names[0]) ||
           http1_fields_has_token(fields, SPAN("connection"), name);
}

/* ---- verdicts ---- */

/* RFC 9110 7.6.2: a recipient MAY ignore Max-Forwards with any other method */
static bool counts_forwards(struct span method)
{
    return span_equals(method, "TRACE") || span_equals(method, "OPTIONS");
}

static enum http1_forward_verdict judge_max_forwards(const struct http1_head *head)
{
    const struct http1_field *field = http1_fields_find(head->fields, SPAN("max-forwards"));
    uint64_t left;

    if (field == NULL || !counts_forwards(head->method)) {
        return HTTP1_FORWARD_ON;
    }
    if (http1_fields_count(head->fields, SPAN("max-forwards")) > 1 ||
        !text_u64(field->value, UINT64_MAX, &left)) {
        return HTTP1_FORWARD_NO_MAX_FORWARDS;
    }
    /* RFC 9110 7.6.2: with zero, MUST NOT forward but respond as the final recipient */
    return left == 0 ? HTTP1_FORWARD_ANSWER : HTTP1_FORWARD_ON;
}

enum http1_forward_verdict http1_forward_judge(const struct http1_head *head)
{
    struct http1_fields_list list = http1_fields_list(head->fields, SPAN("expect"));
    struct span item;

    /* RFC 9110 10.1.1: MAY respond with 417 to anything but 100-continue; in HTTP/1.0 MUST
     * ignore even that */
    while (head->version_minor > 0 && http1_fields_list_next(&list, &item)) {
        if (!span_equals_nocase(item, "100-continue")) {
            return HTTP1_FORWARD_NO_EXPECTATION;
        }
    }
    return judge_max_forwards(head);
}

const char *http1_forward_verdict_text(enum http1_forward_verdict verdict)
{
    switch (verdict) {
    case HTTP1_FORWARD_ON:
    case HTTP1_FORWARD_ANSWER: break;
    case HTTP1_FORWARD_NO_MAX_FORWARDS:
        return "sent a Max-Forwards that is not one plain decimal number (RFC 9110 7.6.2)";
    case HTTP1_FORWARD_NO_EXPECTATION:
        return "expects something else than 100-continue (RFC 9110 10.1.1)";
    }
    return "did nothing wrong";
}

uint16_t http1_forward_verdict_status(enum http1_forward_verdict verdict)
{
    switch (verdict) {
    case HTTP1_FORWARD_ON: break;
    case HTTP1_FORWARD_ANSWER: return 200;
    case HTTP1_FORWARD_NO_MAX_FORWARDS: return 400;
    case HTTP1_FORWARD_NO_EXPECTATION: return 417;
    }
    return 0;
}

/* ---- answering ourselves ---- */

/* RFC 9110 9.3.8: the echo SHOULD leave out what could be misused, such as credentials */
static enum err put_echo(const struct http1_head *head, struct buf *out)
{
    static const struct span secrets[] = {SPAN_INIT("authorization"), SPAN_INIT("cookie"),
                                          SPAN_INIT("proxy-authorization")};

    TRY(buf_append(out, head->method));
    TRY(buf_append_byte(out, ' '));
    TRY(buf_append(out, head->target));
    TRY(buf_printf(out, " HTTP/1.%u\r\n", (unsigned)head->version_minor));
    for (size_t i = 0; i < head->fields.count; i++) {
        const struct http1_field *field = &head->fields.ptr[i];

        if (!is_one_of(field->name, secrets, sizeof secrets / sizeof secrets[0])) {
            TRY(http1_write_field(out, field->name, field->value));
        }
    }
    return http1_write_end(out);
}

enum err http1_forward_put_answer(const struct http1_head *head, struct span via,
                                  struct span date, struct buf *out)
{
    struct http1_field fields[2];
    struct http1_response answer = {
        .status = 200, .date = date, .more = {.ptr = fields}, .closes = true};
    struct buf echo;
    enum err e = OK;

    buf_init(&echo, ECHO_BYTES_MAX);
    if (via.len > 0) {
        fields[answer.more.count++] = (struct http1_field){SPAN("Via"), via};
    }
    if (span_equals(head->method, "TRACE")) {
        e = put_echo(head, &echo);
        answer.body = buf_span(&echo);
        answer.content_type = SPAN("message/http");
    } else {
        fields[answer.more.count++] = (struct http1_field){
            SPAN("Allow"),
            SPAN("CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE")};
    }
    if (e == OK) {
        e = http1_write_response(out, &answer);
    }
    buf_fini(&echo);
    return e;
}

/* ---- what requests and responses share ---- */

static enum err all_or_nothing(struct buf *out, size_t start, enum err e)
{
    if (e != OK) {
        buf_truncate(out, start);
    }
    return e;
}

/* RFC 9112 6.2 and 6.1: written from what was understood. `fields` of the message tell whether
 * it named a length that is no body's: 0, or that of an answer to HEAD. */
static enum err put_framing(struct http1_body body, struct http1_fields fields,
                            bool may_tell_length, struct buf *out)
{
    const struct http1_field *field = http1_fields_find(fields, SPAN("content-length"));
    uint64_t length = body.length;

    switch (body.type) {
    case HTTP1_BODY_CHUNKED:
        return http1_write_field(out, SPAN("Transfer-Encoding"), SPAN("chunked"));
    case HTTP1_BODY_UNTIL_CLOSE: return OK;
    case HTTP1_BODY_NONE:
        if (field == NULL || !may_tell_length || !text_u64(field->value, UINT64_MAX, &length)) {
            return OK;
        }
        break;
    case HTTP1_BODY_LENGTH: break;
    }
    return buf_printf(out, "Content-Length: %llu\r\n", (unsigned long long)length);
}

static enum err put_connection(bool closes, struct span option, struct buf *out)
{
    if (!closes && option.len == 0) {
        return OK;
    }
    return buf_printf(out, "Connection: %s%s%.*s\r\n", closes ? "close" : "",
                      closes && option.len > 0 ? ", " : "", SPAN_ARG(option));
}

enum err http1_forward_put_via(const struct http1_forward_via *via, uint8_t version_minor,
                               struct buf *out)
{
    if (via->mode != HTTP1_FORWARD_VIA_ADD) {
        return OK;
    }
    /* A field of our own behind the others means the same as one list (RFC 9110 5.2). */
    TRY(buf_append(out, SPAN("Via: ")));
    TRY(http1_write_via(out, version_minor, via->pseudonym, via->comment));
    return http1_write_end(out);
}

enum err http1_forward_put_trailers(struct http1_fields trailers, struct buf *out)
{
    size_t start = out->len;
    enum err e = buf_append(out, SPAN("0\r\n"));

    for (size_t i = 0; e == OK && i < trailers.count; i++) {
        e = http1_write_field(out, trailers.ptr[i].name, trailers.ptr[i].value);
    }
    if (e == OK) {
        e = http1_write_end(out);
    }
    return all_or_nothing(out, start, e);
}

/* ---- requests ---- */

enum err http1_forward_put_authority(const struct http1_authority *authority, struct buf *out)
{
    const bool is_ipv6 = authority->kind == HTTP1_HOST_IPV6;
    size_t start = out->len;
    enum err e = buf_printf(out, "%s%.*s%s", is_ipv6 ? "[" : "", SPAN_ARG(authority->host),
                            is_ipv6 ? "]" : "");

    if (e == OK && authority->port != 0) {
        e = buf_printf(out, ":%u", authority->port);
    }
    return all_or_nothing(out, start, e);
}

/* RFC 9112 3.2.1 and 3.2.2: the path and query; before them, towards a parent, all the rest.
 * 3.2.4: OPTIONS for a URI without path and query becomes "*" on its last way. */
static enum err put_request_target(const struct http1_forward_request *request, struct buf *out)
{
    const struct http1_target *target = request->target;
    const bool has_no_path = target->path.len == 0 && !target->has_query;

    if (request->to_parent) {
        /* A ws target is an http one with an upgrade (RFC 6455 3); parents know only http. */
        TRY(buf_append(out, span_equals_nocase(target->scheme, "ws") ? SPAN("http")
                                                                     : target->scheme));
        TRY(buf_append(out, SPAN("://")));
        TRY(http1_forward_put_authority(&target->authority, out));
    }
    if (has_no_path && span_equals(request->head->method, "OPTIONS")) {
        return request->to_parent ? OK : buf_append(out, SPAN("*"));
    }
    TRY(buf_append(out, target->path.len > 0 ? target->path : SPAN("/")));
    if (target->has_query) {
        TRY(buf_append_byte(out, '?'));
        TRY(buf_append(out, target->query));
    }
    return OK;
}

enum err http1_forward_put_target(const struct http1_forward_request *request, struct buf *out)
{
    struct buf text;
    enum err e;

    buf_init(&text, out->max);
    e = put_request_target(request, &text);
    if (e == OK) {
        e = http1_write_request_line(out, request->head->method, buf_span(&text));
    }
    /* RFC 9112 3.2.2: a proxy MUST ignore the received Host and replace it with that of the
     * target */
    buf_truncate(&text, 0);
    if (e == OK) {
        e = http1_forward_put_authority(&request->target->authority, &text);
    }
    if (e == OK) {
        e = http1_write_field(out, SPAN("Host"), buf_span(&text));
    }
    buf_fini(&text);
    return e;
}

/* RFC 9110 7.6.2: with a greater number than zero, an updated one. http1_forward_judge() has
 * seen that it is one. */
static enum err put_max_forwards(const struct http1_field *field, struct buf *out)
{
    uint64_t left = 0;

    if (!text_u64(field->value, UINT64_MAX, &left) || left == 0) {
        return ERR_PROTO;
    }
    return buf_printf(out, "Max-Forwards: %llu\r\n", (unsigned long long)(left - 1));
}

static bool keeps_login_field(const struct http1_forward_request *request, struct span name)
{
    return request->to_parent && request->keeps_login && request->login.len == 0 &&
           span_equals_nocase(name, "proxy-authorization");
}

static enum err put_request_field(const struct http1_forward_request *request,
                                  const struct http1_field *field, struct buf *out)
{
    static const struct span rewritten[] = {SPAN_INIT("host"), SPAN_INIT("content-length"),
                                            SPAN_INIT("expect")};
    const bool is_bodiless = request->body.type == HTTP1_BODY_NONE;

    if (span_equals_nocase(field->name, "max-forwards") &&
        counts_forwards(request->head->method)) {
        return put_max_forwards(field, out);
    }
    if (is_one_of(field->name, rewritten, sizeof rewritten / sizeof rewritten[0]) ||
        (http1_forward_is_hop(request->head->fields, field->name) &&
         !keeps_login_field(request, field->name)) ||
        (is_bodiless && span_equals_nocase(field->name, "trailer")) ||
        (request->via.mode == HTTP1_FORWARD_VIA_BLOCK &&
         span_equals_nocase(field->name, "via"))) {
        return OK;
    }
    return http1_write_field(out, field->name, field->value);
}

/* RFC 9110 10.1.1: an expectation is forwarded with the content it is about; in HTTP/1.0 it is
 * ignored. */
static bool expects_continue(const struct http1_forward_request *request)
{
    return request->head->version_minor > 0 && request->body.type != HTTP1_BODY_NONE &&
           http1_fields_has_token(request->head->fields, SPAN("expect"), SPAN("100-continue"));
}

/* For a request that has none: httpd's ProxyMaxForwards. */
static enum err add_max_forwards(const struct http1_forward_request *request, struct buf *out)
{
    char number[16];
    int len;

    if (!request->adds_max_forwards ||
        http1_fields_find(request->head->fields, SPAN("max-forwards")) != NULL) {
        return OK;
    }
    len = snprintf(number, sizeof number, "%" PRIu32, request->max_forwards);
    return http1_write_field(out, SPAN("Max-Forwards"), span_of(number, (size_t)len));
}

static enum err put_request(const struct http1_forward_request *request, struct buf *out)
{
    const struct http1_head *head = request->head;
    /* RFC 9110 10.1.4: `trailers` is true of us, as trailers are passed on; codings are not. */
    const bool takes_trailers =
        head->version_minor > 0 &&
        http1_fields_has_token(head->fields, SPAN("te"), SPAN("trailers"));

    TRY(http1_forward_put_target(request, out));
    for (size_t i = 0; i < head->fields.count; i++) {
        TRY(put_request_field(request, &head->fields.ptr[i], out));
    }
    TRY(add_max_forwards(request, out));
    TRY(put_framing(request->body, head->fields, true, out));
    if (expects_continue(request)) {
        TRY(http1_write_field(out, SPAN("Expect"), SPAN("100-continue")));
    }
    if (takes_trailers) {
        TRY(http1_write_field(out, SPAN("TE"), SPAN("trailers")));
    }
    TRY(put_connection(request->closes, takes_trailers ? SPAN("TE") : SPAN(""), out));
    if (request->to_parent && request->login.len > 0) {
        TRY(http1_write_field(out, SPAN("Proxy-Authorization"), request->login));
    }
    TRY(http1_forward_put_via(&request->via, head->version_minor, out));
    return http1_write_end(out);
}

enum err http1_forward_put_request(const struct http1_forward_request *request, struct buf *out)
{
    size_t start = out->len;

    return all_or_nothing(out, start, put_request(request, out));
}

/* ---- responses ---- */

struct http1_body http1_forward_body(const struct http1_forward_response *response)
{
    struct http1_body body = response->body;

    if (body.type == HTTP1_BODY_CHUNKED || body.type == HTTP1_BODY_UNTIL_CLOSE) {
        /* RFC 9112 6.1: a server MUST NOT send Transfer-Encoding to an HTTP/1.0 client */
        body.type = response->client_minor > 0 ? HTTP1_BODY_CHUNKED : HTTP1_BODY_UNTIL_CLOSE;
    }
    return body;
}

static bool is_challenge(struct span name)
{
    return span_equals_nocase(name, "proxy-authenticate") ||
           span_equals_nocase(name, "proxy-authentication-info");
}

static bool passes_response_field(const struct http1_forward_response *response,
                                  struct span name)
{
    if (response->keeps_challenge && is_challenge(name)) {
        return true;
    }
    if (span_equals_nocase(name, "content-length") ||
        http1_forward_is_hop(response->head->fields, name)) {
        return false;
    }
    if (span_equals_nocase(name, "via")) {
        return response->via.mode != HTTP1_FORWARD_VIA_BLOCK;
    }
    /* It announces what only a chunked body can bring (RFC 9110 6.6.2). */
    return !span_equals_nocase(name, "trailer") ||
           http1_forward_body(response).type == HTTP1_BODY_CHUNKED;
}

static enum err put_response(const struct http1_forward_response *response, struct buf *out)
{
    const struct http1_head *head = response->head;
    const bool is_final = head->status >= 200;

    TRY(http1_write_status_line(out, head->status, head->reason));
    for (size_t i = 0; i < head->fields.count; i++) {
        const struct http1_field *field = &head->fields.ptr[i];

        if (passes_response_field(response, field->name)) {
            TRY(http1_write_field(out, field->name, field->value));
        }
    }
    /* RFC 9110 6.6.1: MUST append a Date to a response without one that is forwarded */
    if (is_final && response->date.len > 0 &&
        http1_fields_find(head->fields, SPAN("date")) == NULL) {
        TRY(http1_write_field(out, SPAN("Date"), response->date));
    }
    /* RFC 9110 8.6: MUST NOT send Content-Length with 1xx or 204 */
    TRY(put_framing(http1_forward_body(response), head->fields, is_final && head->status != 204,
                    out));
    TRY(put_connection(is_final && response->closes, SPAN(""), out));
    TRY(http1_forward_put_via(&response->via, head->version_minor, out));
    return http1_write_end(out);
}

enum err http1_forward_put_response(const struct http1_forward_response *response,
                                    struct buf *out)
{
    size_t start = out->len;

    return all_or_nothing(out, start, put_response(response, out));
}

/* ---- persistence ---- */

bool http1_forward_client_persists(const struct http1_head *request)
{
    return request->version_minor > 0 &&
           !http1_fields_has_token(request->fields, SPAN("connection"), SPAN("close"));
}

/* Whether an item of that field names a scheme that logs in the connection, not the request. */
static bool logs_in_connection(struct http1_fields fields, struct span name)
{
    struct http1_fields_list list = http1_fields_list(fields, name);
    struct span item;

    while (http1_fields_list_next(&list, &item)) {
        struct span scheme = span_head(item, span_find(item, ' '));

        if (span_equals_nocase(scheme, "NTLM") || span_equals_nocase(scheme, "Negotiate")) {
            return true;
        }
    }
    return false;
}

bool http1_forward_server_persists(const struct http1_head *request,
                                   const struct http1_head *response)
{
    const struct span connection = SPAN("connection");

    if (http1_fields_has_token(response->fields, connection, SPAN("close")) ||
        logs_in_connection(request->fields, SPAN("authorization")) ||
        logs_in_connection(request->fields, SPAN("proxy-authorization")) ||
        logs_in_connection(response->fields, SPAN("www-authenticate")) ||
        logs_in_connection(response->fields, SPAN("proxy-authenticate"))) {
        return false;
    }
    /* RFC 9112 9.3: HTTP/1.0 persists when it says so, in a response even to a proxy */
    return response->version_minor > 0 ||
           http1_fields_has_token(response->fields, connection, SPAN("keep-alive"));
}

bool http1_forward_is_idempotent(struct span method)
{
    static const struct span methods[] = {SPAN_INIT("GET"),     SPAN_INIT("HEAD"),
                                          SPAN_INIT("PUT"),     SPAN_INIT("DELETE"),
                                          SPAN_INIT("OPTIONS"), SPAN_INIT("TRACE")};

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (span_equal(method, methods[i])) { /* RFC 9110 9.1: case-sensitive */
            return true;
        }
    }
    return false;
}
