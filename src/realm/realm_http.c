/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_http.h"

#include "base/text.h"
#include "http1/http1_body.h"
#include "http1/http1_host.h"
#include "http1/http1_target.h"
#include "http1/http1_write.h"
#include "realm/realm_origin.h"
#include "realm/realm_static.h"
#include "ws/ws_handshake.h"

#include <stdio.h>

enum {
    ORIGIN_TEXT_BYTES = 90,
    MORE_FIELDS_MAX = 4,
};

/* One request in hand. */
struct question {
    const struct realm_http_env *env;
    const struct http1_head *head;
    struct http1_target target;
    struct http1_authority host;
    bool is_head;
    struct buf *out;
    struct realm_http_verdict *verdict;
};

/* ---- answers ---- */

struct answer {
    uint16_t status;
    struct span content_type;
    struct span body;
    struct http1_field more[MORE_FIELDS_MAX];
    size_t more_count;
};

static void add_field(struct answer *answer, struct span name, struct span value)
{
    assert(answer->more_count < MORE_FIELDS_MAX);
    answer->more[answer->more_count++] = (struct http1_field){name, value};
}

static enum err put_answer(const struct realm_http_env *env, struct answer *answer,
                           bool is_head, struct buf *out)
{
    struct http1_response response = {
        .status = answer->status,
        .date = env->date,
        .content_type = answer->content_type,
        .body = answer->body,
        .is_to_head = is_head,
        .closes = true,
    };

    add_field(answer, SPAN("X-Content-Type-Options"), SPAN("nosniff"));
    response.more = (struct http1_fields){answer->more, answer->more_count};
    return http1_write_response(out, &response);
}

static enum err give(const struct question *question, struct answer *answer)
{
    question->verdict->status = answer->status;
    return put_answer(question->env, answer, question->is_head, question->out);
}

/* The sentence goes to the client and, without its line end, to the log. */
static enum err give_refusal(const struct question *question, struct answer *answer,
                             const char *sentence)
{
    char body[REALM_HTTP_WHY_BYTES + 1];

    snprintf(question->verdict->why, sizeof question->verdict->why, "%s", sentence);
    snprintf(body, sizeof body, "%s\n", question->verdict->why);
    answer->body = span_str(body);
    return give(question, answer);
}

static enum err refuse(const struct question *question, uint16_t status, const char *sentence)
{
    return give_refusal(question, &(struct answer){.status = status}, sentence);
}

static enum err refuse_fault(const struct question *question, enum http1_fault fault)
{
    char sentence[REALM_HTTP_WHY_BYTES];

    snprintf(sentence, sizeof sentence, "the client %s", http1_fault_text(fault));
    return refuse(question, http1_fault_status(fault), sentence);
}

/* ---- files ---- */

static enum err redirect(const struct question *question, const char *to)
{
    struct answer answer = {.status = 302, .body = span_str(to)};

    add_field(&answer, SPAN("Location"), span_str(to));
    return give(question, &answer);
}

static enum err give_file(const struct question *question, const struct realm_static *file)
{
    struct answer answer = {
        .status = 200, .content_type = file->content_type, .body = file->bytes};

    add_field(&answer, SPAN("Cache-Control"), SPAN("no-cache"));
    if (file->is_page) {
        add_field(&answer, SPAN("Content-Security-Policy"),
                  SPAN("default-src 'self'; connect-src 'self' ws: wss: http: https:"));
    }
    if (span_starts(question->target.path, SPAN("/lib/js/"))) {
        /* The library may be imported by pages that live elsewhere. */
        add_field(&answer, SPAN("Access-Control-Allow-Origin"), SPAN("*"));
    }
    return give(question, &answer);
}

static enum err give_page(const struct question *question)
{
    struct span path = question->target.path;
    struct realm_static file;

    if (!span_equals(question->head->method, "GET") && !question->is_head) {
        struct answer answer = {.status = 405};

        add_field(&answer, SPAN("Allow"), SPAN("GET, HEAD"));
        return give_refusal(question, &answer, "only GET and HEAD are understood here");
    }
    if (span_equals(path, "/") || span_equals(path, "") || span_equals(path, "/demo")) {
        return redirect(question, "/demo/");
    }
    if (span_equals(path, "/health")) {
        return give(question, &(struct answer){.status = 200, .body = SPAN("ok\n")});
    }
    if (realm_static_find(question->env->assets, path, &file)) {
        return give_file(question, &file);
    }
    return refuse(question, 404, "there is nothing here");
}

/* ---- WebSocket ---- */

static enum err refuse_origin(const struct question *question)
{
    char sentence[REALM_HTTP_WHY_BYTES];
    char origin[ORIGIN_TEXT_BYTES];

    text_printable(question->verdict->origin, origin, sizeof origin);
    snprintf(sentence, sizeof sentence,
             "pages from %s may not open sessions here (if they should: AllowOrigin %s)",
             origin, origin);
    question->verdict->is_foreign = true;
    return refuse(question, 403, sentence);
}

static enum err refuse_handshake(const struct question *question, enum ws_handshake_fault fault)
{
    question->verdict->status = (uint16_t)ws_handshake_fault_status(fault);
    snprintf(question->verdict->why, sizeof question->verdict->why, "the client %s",
             ws_handshake_fault_text(fault));
    return ws_handshake_put_refusal(fault, question->out);
}

static enum err upgrade(const struct question *question, enum realm_http_action action)
{
    const struct span ours = SPAN("v12.stomp");
    const struct ws_handshake_protocols protocols = {&ours, action == REALM_HTTP_STOMP};
    const struct http1_head *head = question->head;
    struct ws_handshake_request request;
    enum ws_handshake_fault fault;

    ws_handshake_request_init(&request, head->method, head->version_minor >= 1, protocols);
    for (size_t i = 0; i < head->fields.count; i++) {
        ws_handshake_request_field(&request, head->fields.ptr[i].name,
                                   head->fields.ptr[i].value);
    }
    fault = ws_handshake_request_check(&request);
    if (fault != WS_HANDSHAKE_FAULT_NONE) {
        return refuse_handshake(question, fault);
    }
    if (!realm_origin_may(realm_origin_judge(question->env->conf, &question->host, head->fields,
                                             &question->verdict->origin))) {
        return refuse_origin(question);
    }
    if (action == REALM_HTTP_STOMP && request.protocol.len == 0) {
        return refuse(question, 400,
                      "this realm speaks STOMP 1.2 here (send Sec-WebSocket-Protocol: "
                      "v12.stomp)");
    }
    TRY(ws_handshake_put_switch(&request, span_of(NULL, 0), question->out));
    question->verdict->action = action;
    question->verdict->status = 101;
    return OK;
}

/* ---- the request ---- */

/* HTTP1_FAULT_NONE, or what is wrong with it as a request to a server. */
static enum http1_fault read_request(struct question *question)
{
    const struct http1_head *head = question->head;
    enum http1_fault fault = HTTP1_FAULT_NONE;
    struct http1_body body;

    if (http1_target_read(head->method, head->target, &question->target, &fault) != OK ||
        http1_host_of_request(head->fields, head->version_minor, &question->host, &fault) !=
            OK ||
        http1_body_of_request(head->fields, head->version_minor, &body, &fault) != OK) {
        return fault;
    }
    if (question->target.form == HTTP1_TARGET_ABSOLUTE) {
        /* RFC 9112 section 3.2.2: the target's authority counts, not the Host field's. */
        question->host = question->target.authority;
    }
    return HTTP1_FAULT_NONE;
}

static enum err judge(struct question *question)
{
    const struct http1_head *head = question->head;
    const struct http1_field *agent = http1_fields_find(head->fields, SPAN("user-agent"));
    enum http1_fault fault = read_request(question);

    question->is_head = span_equals(head->method, "HEAD");
    question->verdict->method = head->method;
    question->verdict->target = head->target;
    if (agent != NULL) {
        question->verdict->agent = agent->value;
    }
    if (fault != HTTP1_FAULT_NONE) {
        return refuse_fault(question, fault);
    }
    if (question->env->is_full) {
        return refuse(question, 503,
                      "this realm has as many sessions as it may have (SessionsMax)");
    }
    if (span_equals(question->target.path, "/stomp")) {
        return upgrade(question, REALM_HTTP_STOMP);
    }
    if (question->env->conf->has_diagnostics && span_equals(question->target.path, "/echo")) {
        return upgrade(question, REALM_HTTP_ECHO);
    }
    return give_page(question);
}

enum err realm_http_next(const struct realm_http_env *env, struct http1_head *head,
                         struct span *input, struct buf *out,
                         struct realm_http_verdict *ret_verdict)
{
    struct realm_http_verdict verdict = {.action = REALM_HTTP_ANSWER};
    struct question question = {.env = env, .head = head, .out = out, .verdict = &verdict};
    enum err e = http1_head_next(head, input);

    if (e == ERR_LIMIT || e == ERR_PROTO) {
        e = refuse_fault(&question, http1_head_fault(head));
    } else if (e == OK) {
        e = judge(&question);
    }
    if (e == OK) {
        *ret_verdict = verdict;
    }
    return e;
}
