/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_http_sockjs.h"

#include "base/digest.h"
#include "http1/http1_char.h"
#include "http1/http1_write.h"
#include "realm/realm_http_login.h"
#include "sockjs/sockjs_frame.h"

#include <stdio.h>

#define BASE "/sockjs"

enum {
    COOKIE_BYTES_MAX = 256,
    COOKIE_PAIR_BYTES_MAX = 200, /* so that its attributes have room */
    PAGE_BYTES_MAX = 4096,
    TAG_BYTES = 2 * DIGEST_SHA1_BYTES + 3,
};

/* "max-age must be large, one year (31536000) is best". Expires counts for caches that know no
 * max-age: a date that is far away for all of them. */
#define ONE_YEAR "public, max-age=31536000"
#define FAR_AWAY "Thu, 31 Dec 2037 23:55:55 GMT"

#define COOKIE_OVER_TLS "; SameSite=None; Secure"

/* no-transform: a proxy that compresses a stream gathers it first. */
#define NOT_CACHED "no-store, no-cache, no-transform, must-revalidate, max-age=0"

bool realm_http_sockjs_has(struct span path)
{
    return span_equals(path, BASE) || span_starts(path, SPAN(BASE "/"));
}

/* ---- fields that many answers have ---- */

/* The fields of an answer of a session; the cookie's room lives as long as they do. */
static void add_session_fields(const struct realm_http_question *question,
                               struct realm_http_question_answer *answer)
{
    const struct http1_field *wanted =
        http1_fields_find(question->head->fields, SPAN("access-control-request-headers"));

    realm_http_question_add(answer, SPAN("Cache-Control"), SPAN(NOT_CACHED));
    if (wanted != NULL && wanted->value.len > 0) {
        realm_http_question_add(answer, SPAN("Access-Control-Allow-Headers"), wanted->value);
    }
}

static bool is_cookie_octet(uint8_t c)
{
    return c > ' ' && c < 0x7f && strchr("\",;\\", c) == NULL;
}

/* The value of JSESSIONID that the client has; "dummy" when it has none. RFC 6265 4.2.1. */
static struct span cookie_of(const struct realm_http_question *question)
{
    const struct http1_field *field = http1_fields_find(question->head->fields, SPAN("cookie"));
    struct span rest = field == NULL ? SPAN("") : field->value;

    while (rest.len > 0) {
        size_t len = span_find(rest, ';');
        struct span pair = span_trim(span_head(rest, len));

        if (span_starts(pair, SPAN("JSESSIONID=")) && pair.len <= COOKIE_PAIR_BYTES_MAX) {
            struct span value = span_tail(pair, strlen("JSESSIONID="));

            if (value.len > 0 && http1_char_are(value, is_cookie_octet)) {
                return value;
            }
        }
        rest = span_tail(rest, len < rest.len ? len + 1 : len);
    }
    return SPAN("dummy");
}

/* "Some load balancers enable [stickiness] only when they see JSESSIONID cookie." */
static void add_cookie(const struct realm_http_question *question,
                       struct realm_http_question_answer *answer, char room[COOKIE_BYTES_MAX])
{
    if (question->env->conf->sockjs.sets_cookie) {
        /* RFC 6265bis 5.6.7: without SameSite=None a browser leaves it out of what the pages of
         * other sites ask for, and takes that only with Secure. */
        snprintf(room, COOKIE_BYTES_MAX, "JSESSIONID=%.*s; path=/%s",
                 SPAN_ARG(cookie_of(question)),
                 question->env->way == REALM_HOST_OVER_TLS ? COOKIE_OVER_TLS : "");
        realm_http_question_add(answer, SPAN("Set-Cookie"), span_str(room));
    }
}

/* ---- what anybody may ask ---- */

static enum err give_greeting(const struct realm_http_question *question)
{
    return realm_http_question_give(
        question,
        &(struct realm_http_question_answer){.status = 200,
                                             .content_type = SPAN("text/plain; charset=UTF-8"),
                                             .body = SPAN("Welcome to SockJS!\n")});
}

static enum err give_info(const struct realm_http_question *question)
{
    const struct realm_conf_sockjs *conf = &question->env->conf->sockjs;
    struct realm_http_question_answer answer = {
        .status = 200, .content_type = SPAN("application/json; charset=UTF-8")};
    char body[160];

    snprintf(body, sizeof body,
             "{\"websocket\":%s,\"origins\":[\"*:*\"],\"cookie_needed\":%s,\"entropy\":%lu}",
             conf->has_websocket ? "true" : "false", conf->sets_cookie ? "true" : "false",
             (unsigned long)rng_u32(question->env->rng));
    answer.body = span_str(body);
    add_session_fields(question, &answer);
    return realm_http_question_give(question, &answer);
}

static enum err put_page(struct span script, struct buf *out)
{
    return buf_printf(out,
                      "<!DOCTYPE html>\n"
                      "<html>\n"
                      "<head>\n"
                      "  <meta http-equiv=\"X-UA-Compatible\" content=\"IE=edge\" />\n"
                      "  <meta http-equiv=\"Content-Type\" content=\"text/html; "
                      "charset=UTF-8\" />\n"
                      "  <script>\n"
                      "    document.domain = document.domain;\n"
                      "    _sockjs_onload = function(){SockJS.bootstrap_iframe();};\n"
                      "  </script>\n"
                      "  <script src=\"%.*s\"></script>\n"
                      "</head>\n"
                      "<body>\n"
                      "  <h2>Don't panic!</h2>\n"
                      "  <p>This is a SockJS hidden iframe. It's used for cross domain "
                      "magic.</p>\n"
                      "</body>\n"
                      "</html>\n",
                      SPAN_ARG(script));
}

static enum err write_tag(struct span page, char room[TAG_BYTES])
{
    uint8_t digest[DIGEST_SHA1_BYTES];
    size_t len = 0;

    TRY(digest_sha1(page, digest));
    room[len++] = '"';
    for (size_t i = 0; i < sizeof digest; i++) {
        len += (size_t)snprintf(room + len, 3, "%02x", (unsigned)digest[i]);
    }
    room[len++] = '"';
    room[len] = '\0';
    return OK;
}

static enum err give_iframe_page(const struct realm_http_question *question, struct span page)
{
    struct realm_http_question_answer answer = {
        .status = 200, .content_type = SPAN("text/html; charset=UTF-8"), .body = page};
    char tag[TAG_BYTES];

    TRY(write_tag(page, tag));
    if (realm_http_question_knows(question, span_str(tag))) {
        answer = (struct realm_http_question_answer){.status = 304};
    }
    realm_http_question_add(&answer, SPAN("ETag"), span_str(tag));
    realm_http_question_add(&answer, SPAN("Cache-Control"), SPAN(ONE_YEAR));
    realm_http_question_add(&answer, SPAN("Expires"), SPAN(FAR_AWAY));
    return realm_http_question_give(question, &answer);
}

static enum err give_iframe(const struct realm_http_question *question)
{
    struct buf page;
    enum err e;

    if (question->env->conf->sockjs.script.len == 0) {
        return realm_http_question_refuse(
            question, 404, "there is no page for frames here (SockJSScript is not set)");
    }
    buf_init(&page, PAGE_BYTES_MAX);
    e = put_page(question->env->conf->sockjs.script, &page);
    if (e == OK) {
        e = give_iframe_page(question, buf_span(&page));
    }
    buf_fini(&page);
    return e;
}

/* "All responses to OPTIONS requests must be cacheable and contain appropriate headers." */
static enum err give_options(const struct realm_http_question *question, const char *method)
{
    struct realm_http_question_answer answer = {.status = 204};
    const struct http1_field *wanted =
        http1_fields_find(question->head->fields, SPAN("access-control-request-headers"));
    bool is_get = strcmp(method, "GET") == 0;
    char cookie[COOKIE_BYTES_MAX];

    realm_http_question_add(&answer, SPAN("Cache-Control"), SPAN(ONE_YEAR));
    realm_http_question_add(&answer, SPAN("Expires"), SPAN(FAR_AWAY));
    realm_http_question_add(&answer, SPAN("Access-Control-Max-Age"), SPAN("31536000"));
    realm_http_question_add(&answer, SPAN("Access-Control-Allow-Methods"),
                            is_get ? SPAN("OPTIONS, GET") : SPAN("OPTIONS, POST"));
    if (wanted != NULL && wanted->value.len > 0) {
        realm_http_question_add(&answer, SPAN("Access-Control-Allow-Headers"), wanted->value);
    }
    add_cookie(question, &answer, cookie);
    return realm_http_question_give(question, &answer);
}

static enum err refuse_method(const struct realm_http_question *question, const char *method)
{
    struct realm_http_question_answer answer = {.status = 405};

    snprintf(question->verdict->why, sizeof question->verdict->why,
             "only %s can be asked for here", method);
    realm_http_question_add(&answer, SPAN("Allow"), span_str(method));
    return realm_http_question_give(question, &answer);
}

/* ---- what it is ---- */

static struct sockjs_path path_of(const struct realm_http_question *question)
{
    return sockjs_path_read(span_tail(question->target.path, strlen(BASE)));
}

static bool is_socket(enum sockjs_path_kind kind)
{
    return kind == SOCKJS_PATH_WEBSOCKET || kind == SOCKJS_PATH_RAW_WEBSOCKET;
}

static bool may_have_method(const struct realm_http_question *question, const char *method)
{
    return span_equals(question->head->method, method) ||
           (question->is_head && strcmp(method, "GET") == 0);
}

enum err realm_http_sockjs_judge(struct realm_http_question *question, bool *ret_is_answered)
{
    const struct sockjs_path path = path_of(question);
    const char *method;

    *ret_is_answered = true;
    question->is_sockjs = true;
    if (path.kind == SOCKJS_PATH_NONE ||
        (is_socket(path.kind) && !question->env->conf->sockjs.has_websocket)) {
        return realm_http_question_refuse(question, 404, "there is nothing here");
    }
    method = sockjs_path_method(path.kind);
    /* A page that may not is told so by the missing fields, RFC 6454: the browser asks no more.
     */
    if (span_equals(question->head->method, "OPTIONS") && !is_socket(path.kind)) {
        return give_options(question, method);
    }
    if (!may_have_method(question, method)) {
        return refuse_method(question, method);
    }
    if (path.kind == SOCKJS_PATH_GREETING) {
        return give_greeting(question);
    }
    if (path.kind == SOCKJS_PATH_IFRAME) {
        return give_iframe(question);
    }
    if (!realm_origin_may(question->origin)) {
        return realm_http_question_refuse_origin(question);
    }
    if (path.kind == SOCKJS_PATH_INFO) {
        return give_info(question);
    }
    *ret_is_answered = false;
    return OK;
}

/* ---- sessions ---- */

static enum err upgrade(struct realm_http_question *question, enum sockjs_path_kind kind)
{
    question->dialect =
        kind == SOCKJS_PATH_WEBSOCKET ? REALM_HTTP_QUESTION_SOCKJS : REALM_HTTP_QUESTION_RAW;
    if (http1_fields_find(question->head->fields, SPAN("upgrade")) == NULL ||
        !http1_fields_has_token(question->head->fields, SPAN("upgrade"), SPAN("websocket"))) {
        return realm_http_question_refuse(question, 400,
                                          "Can \"Upgrade\" only to \"WebSocket\".");
    }
    if (!realm_http_question_wants_upgrade(question, "websocket")) {
        return realm_http_question_refuse(question, 400, "\"Connection\" must be \"Upgrade\".");
    }
    return realm_http_question_upgrade(question, REALM_HTTP_STOMP);
}

enum err realm_http_sockjs_enter(struct realm_http_question *question)
{
    const struct sockjs_path path = path_of(question);
    struct realm_http_verdict *verdict = question->verdict;
    bool may;

    question->is_sockjs = true;
    TRY(realm_http_login_admit(question, true, &may));
    if (!may) {
        return OK;
    }
    if (is_socket(path.kind)) {
        return upgrade(question, path.kind);
    }
    if (question->is_head) {
        return refuse_method(question, sockjs_path_method(path.kind));
    }
    verdict->action = path.kind == SOCKJS_PATH_XHR_SEND ? REALM_HTTP_SEND : REALM_HTTP_RECEIVE;
    verdict->sockjs = path;
    verdict->carrier =
        path.kind == SOCKJS_PATH_EVENTSOURCE ? REALM_CARRIER_EVENTSOURCE : REALM_CARRIER_XHR;
    verdict->body = question->body;
    verdict->body_max = verdict->action == REALM_HTTP_SEND
                            ? question->env->conf->sockjs.body_bytes
                            : REALM_HTTP_SOCKJS_RECEIVE_BYTES;
    if (question->body.type == HTTP1_BODY_LENGTH && question->body.length > verdict->body_max) {
        return realm_http_question_refuse(question, 413,
                                          "the body is longer than SockJSBodyBytesMax");
    }
    realm_http_question_read_body(question);
    return OK;
}

/* ---- later ---- */

static struct realm_http_question again(const struct realm_http_env *env,
                                        const struct http1_head *head, struct buf *out,
                                        struct realm_http_verdict *verdict)
{
    struct realm_http_question question = {
        .env = env, .head = head, .out = out, .verdict = verdict};
    bool keeps = verdict->keeps && !env->is_draining;
    enum http1_fault fault = realm_http_question_read(&question);

    assert(fault == HTTP1_FAULT_NONE); /* else it had been refused before */
    (void)fault;
    question.is_sockjs = true;
    verdict->keeps = keeps;
    return question;
}

static enum err put_head(const struct realm_http_question *question,
                         const struct realm_http_question_answer *answer, bool chunks)
{
    struct buf *out = question->out;

    TRY(http1_write_status_line(out, answer->status, SPAN("")));
    if (question->env->date.len > 0) {
        TRY(http1_write_field(out, SPAN("Date"), question->env->date));
    }
    TRY(http1_write_field(out, SPAN("Content-Type"), answer->content_type));
    for (size_t i = 0; i < answer->more_count; i++) {
        TRY(http1_write_field(out, answer->more[i].name, answer->more[i].value));
    }
    /* nginx gathers an answer before it passes it on, unless it is told not to */
    TRY(http1_write_field(out, SPAN("X-Accel-Buffering"), SPAN("no")));
    if (chunks) {
        TRY(http1_write_field(out, SPAN("Transfer-Encoding"), SPAN("chunked")));
    }
    if (!question->verdict->keeps) {
        TRY(http1_write_field(out, SPAN("Connection"), SPAN("close")));
    }
    return http1_write_end(out);
}

/* Short: in one chunk. */
static enum err put_prelude(const struct sockjs_path *path, bool chunks, struct buf *out)
{
    bool is_events = path->kind == SOCKJS_PATH_EVENTSOURCE;

    if (path->kind == SOCKJS_PATH_XHR) {
        return OK;
    }
    if (chunks) {
        TRY(buf_printf(out, "%x\r\n",
                       is_events ? 2u : (unsigned)SOCKJS_FRAME_PRELUDE_BYTES + 1));
    }
    TRY(sockjs_frame_put_prelude(is_events ? SOCKJS_FRAME_EVENTSOURCE : SOCKJS_FRAME_XHR, out));
    return chunks ? buf_append(out, SPAN("\r\n")) : OK;
}

enum err realm_http_sockjs_begin(const struct realm_http_env *env,
                                 const struct http1_head *head, struct buf *out,
                                 struct realm_http_verdict *verdict, bool *ret_chunks)
{
    struct realm_http_question question = again(env, head, out, verdict);
    struct realm_http_question_answer answer = {
        .status = 200,
        .content_type = verdict->carrier == REALM_CARRIER_EVENTSOURCE
                            ? SPAN("text/event-stream; charset=UTF-8")
                            : SPAN("application/javascript; charset=UTF-8")};
    /* RFC 9112 6.1: "A server MUST NOT send a response containing Transfer-Encoding unless the
     * corresponding request indicates HTTP/1.1 (or later minor revisions)." */
    bool chunks = head->version_minor >= 1;
    size_t before = out->len;
    char cookie[COOKIE_BYTES_MAX];
    enum err e;

    verdict->keeps = verdict->keeps && chunks;
    verdict->status = answer.status;
    add_session_fields(&question, &answer);
    add_cookie(&question, &answer, cookie);
    realm_http_question_add_common(&question, &answer);
    e = put_head(&question, &answer, chunks);
    if (e == OK) {
        e = put_prelude(&verdict->sockjs, chunks, out);
    }
    if (e != OK) {
        buf_truncate(out, before);
        return e;
    }
    *ret_chunks = chunks;
    return OK;
}

enum err realm_http_sockjs_give(const struct realm_http_env *env, const struct http1_head *head,
                                uint16_t status, const char *text, struct buf *out,
                                struct realm_http_verdict *verdict)
{
    struct realm_http_question question = again(env, head, out, verdict);
    struct realm_http_question_answer answer = {
        .status = status, .content_type = SPAN("text/plain; charset=UTF-8")};
    char cookie[COOKIE_BYTES_MAX];

    add_session_fields(&question, &answer);
    add_cookie(&question, &answer, cookie);
    if (status == 204) {
        /* "even though the response code is 204. This is due to Firefox/Firebug behaviour" */
        realm_http_question_add(&answer, SPAN("Content-Type"), answer.content_type);
        return realm_http_question_give(&question, &answer);
    }
    return realm_http_question_give_refusal(&question, &answer, text);
}
