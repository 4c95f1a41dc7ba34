/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_http_question.h"

#include "base/json.h"
#include "base/text.h"
#include "http1/http1_host.h"
#include "http1/http1_write.h"
#include "realm/realm_metrics.h"
#include "ws/ws_handshake.h"

#include <stdio.h>

enum {
    ORIGIN_TEXT_BYTES = 90,
    JSON_BYTES_MAX = 6 * REALM_HTTP_WHY_BYTES + 100,
};

/* ---- the head ---- */

enum http1_fault realm_http_question_read(struct realm_http_question *question)
{
    const struct http1_head *head = question->head;
    enum http1_fault fault = HTTP1_FAULT_NONE;

    question->is_head = span_equals(head->method, "HEAD");
    question->verdict->method = head->method;
    question->verdict->target = head->target;
    if (http1_target_read(head->method, head->target, &question->target, &fault) != OK ||
        http1_host_of_request(head->fields, head->version_minor, &question->host, &fault) !=
            OK ||
        http1_body_of_request(head->fields, head->version_minor, &question->body, &fault) !=
            OK) {
        return fault;
    }
    if (question->target.form == HTTP1_TARGET_ABSOLUTE) {
        /* RFC 9112 section 3.2.2: the target's authority counts, not the Host field's. */
        question->host = question->target.authority;
    }
    question->naming =
        realm_host_judge(question->env->conf, &question->host, question->env->way);
    question->origin =
        realm_origin_judge(question->env->conf, &question->host, question->naming, head->fields,
                           &question->verdict->origin);
    question->is_api = span_starts(question->target.path, SPAN("/api/"));
    /* What a body was, that nobody reads, the next request would be read from. */
    question->verdict->keeps =
        head->version_minor >= 1 && question->body.type == HTTP1_BODY_NONE &&
        !question->env->is_full && !question->env->is_draining &&
        !http1_fields_has_token(head->fields, SPAN("connection"), SPAN("close"));
    return HTTP1_FAULT_NONE;
}

bool realm_http_question_text(const struct realm_http_question *question, const char *name,
                              struct span *ret_text)
{
    struct span query = question->target.query;

    while (query.len > 0) {
        size_t len = span_find(query, '&');
        struct span item = span_head(query, len);
        size_t equals = span_find(item, '=');

        if (span_equals(span_head(item, equals), name)) {
            *ret_text = span_tail(item, equals < item.len ? equals + 1 : equals);
            return true;
        }
        query = span_tail(query, len < query.len ? len + 1 : len);
    }
    return false;
}

static bool is_in(const char *list, struct span name)
{
    struct span rest = span_str(list);

    while (rest.len > 0) {
        size_t len = span_find(rest, ',');

        if (span_equal(span_head(rest, len), name)) {
            return true;
        }
        rest = span_tail(rest, len < rest.len ? len + sizeof ", " - 1 : len);
    }
    return false;
}

bool realm_http_question_unknown(const struct realm_http_question *question, const char *known,
                                 struct span *ret_name)
{
    struct span query = question->target.query;

    while (query.len > 0) {
        size_t len = span_find(query, '&');
        struct span item = span_head(query, len);

        *ret_name = span_head(item, span_find(item, '='));
        if (item.len > 0 && !is_in(known, *ret_name)) {
            return true;
        }
        query = span_tail(query, len < query.len ? len + 1 : len);
    }
    return false;
}

bool realm_http_question_number(const struct realm_http_question *question, const char *name,
                                uint64_t initial, uint64_t max, uint64_t *ret_number)
{
    struct span text;

    *ret_number = initial;
    return !realm_http_question_text(question, name, &text) || text_u64(text, max, ret_number);
}

/* RFC 9110 section 13.1.2: tags are compared weakly. */
bool realm_http_question_knows(const struct realm_http_question *question, struct span tag)
{
    struct http1_fields_list list =
        http1_fields_list(question->head->fields, SPAN("if-none-match"));
    struct span item;

    while (http1_fields_list_next(&list, &item)) {
        if (span_starts(item, SPAN("W/"))) {
            item = span_tail(item, 2);
        }
        if (span_equals(item, "*") || span_equal(item, tag)) {
            return true;
        }
    }
    return false;
}

void realm_http_question_read_body(const struct realm_http_question *question)
{
    struct realm_http_verdict *verdict = question->verdict;
    const struct http1_head *head = question->head;

    /* The body is read, so that what is behind it is the next request. */
    verdict->keeps = head->version_minor >= 1 && !question->env->is_draining &&
                     !http1_fields_has_token(head->fields, SPAN("connection"), SPAN("close"));
    /* RFC 9110 10.1.1: in HTTP/1.0 the expectation must be ignored */
    verdict->wants_continue =
        head->version_minor >= 1 && question->body.type != HTTP1_BODY_NONE &&
        http1_fields_has_token(head->fields, SPAN("expect"), SPAN("100-continue"));
}

/* ---- answers ---- */

void realm_http_question_add(struct realm_http_question_answer *answer, struct span name,
                             struct span value)
{
    assert(answer->more_count < REALM_HTTP_QUESTION_MORE_MAX);
    answer->more[answer->more_count++] = (struct http1_field){name, value};
}

/* Fetch Standard section 3.2: which page may read it. Never "*" for one that can be named: it
 * forbids cookies; so caches must know that it depends on who asks. */
static void add_cors(const struct realm_http_question *question,
                     struct realm_http_question_answer *answer)
{
    const struct realm_conf *conf = question->env->conf;

    realm_http_question_add(answer, SPAN("Vary"), SPAN("Origin"));
    if (question->origin == REALM_ORIGIN_ABSENT || !realm_origin_may(question->origin)) {
        return;
    }
    /* SockJS: "just echoing back "null" won't work" */
    realm_http_question_add(
        answer, SPAN("Access-Control-Allow-Origin"),
        span_equals(question->verdict->origin, "null") ? SPAN("*") : question->verdict->origin);
    if (conf->allows_credentials && !conf->any_origin) {
        realm_http_question_add(answer, SPAN("Access-Control-Allow-Credentials"), SPAN("true"));
    }
    if (question
            ->is_api) { /* 3.2.3: what a script may read, besides Content-Type and the like */
        realm_http_question_add(answer, SPAN("Access-Control-Expose-Headers"),
                                SPAN("Location, Retry-After"));
    }
}

void realm_http_question_add_common(const struct realm_http_question *question,
                                    struct realm_http_question_answer *answer)
{
    realm_http_question_add(answer, SPAN("X-Content-Type-Options"), SPAN("nosniff"));
    if (question->is_api || question->is_sockjs) {
        add_cors(question, answer);
    }
    if (question->is_api) {
        realm_http_question_add(answer, SPAN("Cache-Control"), SPAN("no-store"));
    }
}

enum err realm_http_question_give(const struct realm_http_question *question,
                                  struct realm_http_question_answer *answer)
{
    struct http1_response response = {
        .status = answer->status,
        .date = question->env->date,
        .content_type = answer->content_type,
        .body = answer->body,
        .is_to_head = question->is_head,
        .closes = !question->verdict->keeps,
    };

    question->verdict->action = REALM_HTTP_ANSWER;
    question->verdict->status = answer->status;
    realm_http_question_add_common(question, answer);
    response.more = (struct http1_fields){answer->more, answer->more_count};
    return http1_write_response(question->out, &response);
}

static const char *word_for(uint16_t status)
{
    switch (status) {
    case 401:
    case 403:
    case 421: return "SecurityException";
    case 404: return "MissingResourceException";
    case 405:
    case 415:
    case 501: return "UnsupportedOperationException";
    case 408:
    case 413:
    case 429:
    case 503: return "LimitException";
    case 500: return "StoreException";
    default: return "IllegalArgumentException";
    }
}

static enum err put_json_refusal(const char *word, const char *sentence, struct buf *body)
{
    TRY(buf_printf(body, "{\"error\": \"%s\", \"message\": ", word));
    TRY(json_put_string(body, span_str(sentence)));
    return buf_append(body, SPAN("}\n"));
}

static enum err give_json_refusal(const struct realm_http_question *question,
                                  struct realm_http_question_answer *answer,
                                  const char *sentence)
{
    const char *word = answer->word != NULL ? answer->word : word_for(answer->status);
    struct buf body;
    enum err e;

    buf_init(&body, JSON_BYTES_MAX);
    e = put_json_refusal(word, sentence, &body);
    if (e == OK) {
        answer->body = buf_span(&body);
        answer->content_type = SPAN("application/json");
        e = realm_http_question_give(question, answer);
    }
    buf_fini(&body);
    realm_metrics_refused(question->env->metrics, span_str(word));
    return e;
}

enum err realm_http_question_give_refusal(const struct realm_http_question *question,
                                          struct realm_http_question_answer *answer,
                                          const char *sentence)
{
    char body[REALM_HTTP_WHY_BYTES + 1];

    snprintf(question->verdict->why, sizeof question->verdict->why, "%s", sentence);
    if (question->is_api) {
        return give_json_refusal(question, answer, sentence);
    }
    snprintf(body, sizeof body, "%s\n", question->verdict->why);
    answer->body = span_str(body);
    return realm_http_question_give(question, answer);
}

enum err realm_http_question_refuse(const struct realm_http_question *question, uint16_t status,
                                    const char *sentence)
{
    return realm_http_question_give_refusal(
        question, &(struct realm_http_question_answer){.status = status}, sentence);
}

enum err realm_http_question_give_json(const struct realm_http_question *question, enum err e,
                                       struct realm_http_question_answer *answer,
                                       struct buf *body)
{
    if (e == OK) {
        answer->content_type = SPAN("application/json");
        answer->body = buf_span(body);
        e = realm_http_question_give(question, answer);
    } else if (e == ERR_LIMIT) {
        e = realm_http_question_refuse(
            question, 413,
            "the answer would be longer than answers may be (ask for "
            "less with max, or open a session)");
    }
    buf_fini(body);
    return e;
}

enum err realm_http_question_refuse_method(const struct realm_http_question *question,
                                           const char *methods)
{
    struct realm_http_question_answer answer = {.status = 405};
    char sentence[REALM_HTTP_WHY_BYTES];

    snprintf(sentence, sizeof sentence, "only %s can be asked for here", methods);
    realm_http_question_add(&answer, SPAN("Allow"), span_str(methods));
    return realm_http_question_give_refusal(question, &answer, sentence);
}

/* RFC 9110 section 15.5.20: a request for a target that is not this server's. */
enum err realm_http_question_refuse_host(const struct realm_http_question *question)
{
    char sentence[REALM_HTTP_WHY_BYTES];
    char host[ORIGIN_TEXT_BYTES];

    text_printable(question->host.host, host, sizeof host);
    snprintf(sentence, sizeof sentence,
             "%s is not a name of this realm (if it is: ServerName %s, or ServerAlias)", host,
             host);
    question->verdict->is_foreign = true;
    return realm_http_question_refuse(question, 421, sentence);
}

enum err realm_http_question_refuse_origin(const struct realm_http_question *question)
{
    bool is_unnamed = question->origin == REALM_ORIGIN_UNNAMED;
    char sentence[REALM_HTTP_WHY_BYTES];
    char origin[ORIGIN_TEXT_BYTES], host[ORIGIN_TEXT_BYTES];

    const char *what = question->is_api ? "ask" : "open sessions";

    text_printable(question->verdict->origin, origin, sizeof origin);
    text_printable(question->host.host, host, sizeof host);
    if (span_equals(question->verdict->origin, "null")) {
        /* WHATWG HTML 7.1.1: all such pages say the same, so one of them cannot be named */
        snprintf(
            sentence, sizeof sentence,
            "pages without an origin, as of a file or in a sandbox, may not %s here (serve "
            "the page from a site and name that: AllowOrigin https://app.example)",
            what);
    } else {
        snprintf(sentence, sizeof sentence,
                 "pages from %s may not %s here (if they should: %s %s)", origin, what,
                 is_unnamed ? "ServerName" : "AllowOrigin", is_unnamed ? host : origin);
    }
    question->verdict->is_foreign = true;
    return realm_http_question_refuse(question, 403, sentence);
}

/* ---- WebSocket ---- */

static enum err refuse_handshake(const struct realm_http_question *question,
                                 enum ws_handshake_fault fault)
{
    question->verdict->status = (uint16_t)ws_handshake_fault_status(fault);
    question->verdict->keeps = false;
    snprintf(question->verdict->why, sizeof question->verdict->why, "the client %s",
             ws_handshake_fault_text(fault));
    return ws_handshake_put_refusal(fault, question->out);
}

bool realm_http_question_wants_upgrade(const struct realm_http_question *question,
                                       const char *protocol)
{
    return http1_fields_has_token(question->head->fields, SPAN("connection"),
                                  SPAN("upgrade")) &&
           http1_fields_has_token(question->head->fields, SPAN("upgrade"), span_str(protocol));
}

/* Scripts cannot leave the offer out, and there are proxies that spoil compressed messages: so
 * the URL can. What is silent, and SockJS's frames, are not worth it. */
static bool takes_deflate(const struct realm_http_question *question,
                          enum realm_http_action action)
{
    struct span text;

    return question->env->conf->takes_deflate && action != REALM_HTTP_SILENT &&
           question->dialect != REALM_HTTP_QUESTION_SOCKJS &&
           !(realm_http_question_text(question, "deflate", &text) && span_equals(text, "off"));
}

enum err realm_http_question_upgrade(const struct realm_http_question *question,
                                     enum realm_http_action action)
{
    static const struct span ours[] = {SPAN_INIT("v12.stomp"), SPAN_INIT("v11.stomp"),
                                       SPAN_INIT("v10.stomp")};
    bool names_stomp =
        action == REALM_HTTP_STOMP && question->dialect != REALM_HTTP_QUESTION_SOCKJS;
    const struct ws_handshake_protocols protocols = {
        ours, names_stomp ? sizeof ours / sizeof ours[0] : 0};
    const struct http1_head *head = question->head;
    struct ws_handshake_request request;
    enum ws_handshake_fault fault;

    ws_handshake_request_init(&request, head->method, head->version_minor >= 1, protocols);
    request.takes_deflate = takes_deflate(question, action);
    for (size_t i = 0; i < head->fields.count; i++) {
        ws_handshake_request_field(&request, head->fields.ptr[i].name,
                                   head->fields.ptr[i].value);
    }
    fault = ws_handshake_request_check(&request);
    if (fault != WS_HANDSHAKE_FAULT_NONE) {
        return refuse_handshake(question, fault);
    }
    if (question->env->is_draining) {
        return realm_http_question_refuse(question, 503,
                                          "this realm is about to stop (come back later)");
    }
    if (!realm_origin_may(question->origin)) {
        return realm_http_question_refuse_origin(question);
    }
    if (question->body.type != HTTP1_BODY_NONE) {
        return realm_http_question_refuse(question, 400, "a WebSocket begins without a body");
    }
    if (names_stomp && question->dialect == REALM_HTTP_QUESTION_STOMP &&
        request.protocol.len == 0) {
        return realm_http_question_refuse(
            question, 400,
            "this realm speaks STOMP here (send Sec-WebSocket-Protocol: v12.stomp, "
            "v11.stomp or v10.stomp)");
    }
    TRY(ws_handshake_put_switch(&request, span_of(NULL, 0), question->out));
    question->verdict->action = action;
    question->verdict->status = 101;
    question->verdict->carrier = question->dialect == REALM_HTTP_QUESTION_SOCKJS
                                     ? REALM_CARRIER_SOCKJS_WS
                                 : request.deflate.is_taken ? REALM_CARRIER_WS_DEFLATE
                                                            : REALM_CARRIER_WS;
    return OK;
}
