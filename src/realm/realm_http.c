/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_http.h"

#include "realm/realm_http_api.h"
#include "realm/realm_http_diag.h"
#include "realm/realm_http_login.h"
#include "realm/realm_http_question.h"
#include "realm/realm_http_sockjs.h"
#include "realm/realm_static.h"

#include <stdio.h>

enum {
    TAG_BYTES = 64
};

/* ---- files ---- */

static enum err redirect(const struct realm_http_question *question, const char *to)
{
    struct realm_http_question_answer answer = {.status = 302, .body = span_str(to)};

    realm_http_question_add(&answer, SPAN("Location"), span_str(to));
    return realm_http_question_give(question, &answer);
}

static enum err give_file(const struct realm_http_question *question,
                          const struct realm_static *file)
{
    struct realm_http_question_answer answer = {
        .status = 200, .content_type = file->content_type, .body = file->bytes};
    char tag[TAG_BYTES];

    snprintf(tag, sizeof tag, "\"%.*s\"", SPAN_ARG(file->tag));
    if (realm_http_question_knows(question, span_str(tag))) {
        answer = (struct realm_http_question_answer){.status = 304};
    }
    realm_http_question_add(&answer, SPAN("ETag"), span_str(tag));
    realm_http_question_add(&answer, SPAN("Cache-Control"), SPAN("no-cache"));
    if (file->is_page) {
        realm_http_question_add(
            &answer, SPAN("Content-Security-Policy"),
            SPAN("default-src 'self'; connect-src 'self' ws: wss: http: https:"));
    }
    if (span_starts(question->target.path, SPAN("/lib/js/"))) {
        /* The library may be imported by pages that live elsewhere. */
        realm_http_question_add(&answer, SPAN("Access-Control-Allow-Origin"), SPAN("*"));
    }
    return realm_http_question_give(question, &answer);
}

static enum err give_page(const struct realm_http_question *question)
{
    struct span path = question->target.path;
    struct realm_static file;

    if (!span_equals(question->head->method, "GET") && !question->is_head) {
        return realm_http_question_refuse_method(question, "GET, HEAD");
    }
    if (span_equals(path, "/") || span_equals(path, "") || span_equals(path, "/demo")) {
        return redirect(question, "/demo/");
    }
    if (span_equals(path, "/health")) {
        return realm_http_question_give(question, &(struct realm_http_question_answer){
                                                      .status = 200, .body = SPAN("ok\n")});
    }
    if (realm_static_find(question->env->assets, path, &file)) {
        return give_file(question, &file);
    }
    return realm_http_question_refuse(question, 404, "there is nothing here");
}

/* ---- the request ---- */

/* The directive that a fault is about; "": none. */
static const char *directive_of(enum http1_fault fault)
{
    return fault == HTTP1_FAULT_LINE_LENGTH    ? ", see LimitRequestLine"
           : fault == HTTP1_FAULT_FIELD_LENGTH ? ", see LimitRequestFieldSize"
           : fault == HTTP1_FAULT_FIELD_COUNT  ? ", see LimitRequestFields"
                                               : "";
}

static enum err refuse_fault(const struct realm_http_question *question, enum http1_fault fault)
{
    char sentence[REALM_HTTP_WHY_BYTES];

    question->verdict->keeps = false; /* nobody knows where the next request begins */
    snprintf(sentence, sizeof sentence, "the client %s%s", http1_fault_text(fault),
             directive_of(fault));
    return realm_http_question_refuse(question, http1_fault_status(fault), sentence);
}

/* What depends on who asks. */
static enum err judge_client(struct realm_http_question *question)
{
    bool may;

    if (!question->env->has_login && question->env->login != NULL) {
        question->verdict->action = REALM_HTTP_LOGIN;
        return OK;
    }
    if (question->env->login == NULL) {
        return realm_http_question_refuse(question, 403, "nobody may come in");
    }
    if (question->is_api) {
        return realm_http_api_judge(question);
    }
    if (question->is_sockjs) {
        return realm_http_sockjs_enter(question);
    }
    TRY(realm_http_login_admit(question, true, &may));
    return may ? realm_http_question_upgrade(question, REALM_HTTP_STOMP) : OK;
}

static enum err judge(struct realm_http_question *question)
{
    const struct http1_field *agent =
        http1_fields_find(question->head->fields, SPAN("user-agent"));
    enum http1_fault fault = realm_http_question_read(question);
    struct span path = question->target.path;

    if (agent != NULL) {
        question->verdict->agent = agent->value;
    }
    if (fault != HTTP1_FAULT_NONE) {
        return refuse_fault(question, fault);
    }
    if (question->naming == REALM_HOST_STRANGE) {
        return realm_http_question_refuse_host(question);
    }
    if (question->env->is_full) {
        return realm_http_question_refuse(
            question, 503, "this realm has as many sessions as it may have (SessionsMax)");
    }
    if (question->env->conf->sockjs.is_on && realm_http_sockjs_has(path)) {
        bool is_answered;

        TRY(realm_http_sockjs_judge(question, &is_answered));
        return is_answered ? OK : judge_client(question);
    }
    if (question->is_api || span_equals(path, "/stomp")) {
        return judge_client(question);
    }
    if (question->env->conf->has_diagnostics &&
        (span_equals(path, "/echo") || span_starts(path, SPAN("/diag/")))) {
        return realm_http_diag_judge(question);
    }
    return give_page(question);
}

enum err realm_http_next(const struct realm_http_env *env, struct http1_head *head,
                         struct span *input, struct buf *out,
                         struct realm_http_verdict *ret_verdict)
{
    struct realm_http_verdict verdict = {.action = REALM_HTTP_ANSWER};
    struct realm_http_question question = {
        .env = env, .head = head, .out = out, .verdict = &verdict};
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

enum err realm_http_judge_again(const struct realm_http_env *env, const struct http1_head *head,
                                struct buf *out, struct realm_http_verdict *ret_verdict)
{
    struct realm_http_verdict verdict = {.action = REALM_HTTP_ANSWER};
    struct realm_http_question question = {
        .env = env, .head = head, .out = out, .verdict = &verdict};

    assert(env->has_login);
    TRY(judge(&question));
    *ret_verdict = verdict;
    return OK;
}

enum err realm_http_refuse_late(const struct realm_http_env *env, const struct http1_head *head,
                                struct buf *out, struct realm_http_verdict *ret_verdict)
{
    struct realm_http_verdict verdict = {.action = REALM_HTTP_ANSWER};
    const struct realm_http_question question = {
        .env = env, .head = head, .out = out, .verdict = &verdict};

    /* RFC 9110 15.5.9: a request that was not complete in the time we were prepared to wait */
    TRY(realm_http_question_refuse(
        &question, 408, "the head of the request did not come whole within HandshakeTimeout"));
    *ret_verdict = verdict;
    return OK;
}

enum err realm_http_refuse_body(const struct realm_http_env *env, const struct http1_head *head,
                                uint16_t status, const char *why, struct buf *out,
                                struct realm_http_verdict *verdict)
{
    struct realm_http_question question = {
        .env = env, .head = head, .out = out, .verdict = verdict};
    enum http1_fault fault = realm_http_question_read(&question);

    assert(fault == HTTP1_FAULT_NONE); /* else it had been refused before its body */
    (void)fault;
    verdict->keeps = false;
    return realm_http_question_refuse(&question, status, why);
}
