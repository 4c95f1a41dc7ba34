/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_http_publish.h"

#include "base/text.h"
#include "base/utf8.h"
#include "pubsub/event_source.h"
#include "pubsub/queue_set.h"
#include "realm/realm_http_api.h"
#include "realm/realm_http_login.h"
#include "realm/realm_metrics.h"
#include "realm/realm_publishers.h"
#include "realm/realm_share.h"
#include "realm/realm_stomp_send.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    LOCATION_BYTES = 3 * ROUTER_NAME_MAX + 80,
    SECONDS_BYTES = 24,
    NAME_TEXT_BYTES = 96,
    SECOND_MS = 1000,
};

/* *ret_may false: the refusal is in `out`. */
static enum err count(const struct realm_http_question *question, bool *ret_may)
{
    const struct realm_http_env *env = question->env;
    const struct realm_conf_access *access = &env->conf->access;
    struct realm_http_question_answer answer = {.status = 429};
    uint8_t room[REALM_LOGIN_KEY_BYTES];
    char sentence[REALM_HTTP_WHY_BYTES], seconds[SECONDS_BYTES];
    msec wait;
    enum err e;

    *ret_may = true;
    if (access->publish_rate == 0 || env->publishers == NULL) {
        return OK;
    }
    e = realm_publishers_count(env->publishers, realm_login_key(env->login, room),
                               access->publish_rate, access->publish_burst, env->now, &wait);
    if (e != ERR_AGAIN) {
        return e;
    }
    *ret_may = false;
    /* RFC 9110 10.2.3: whole seconds */
    snprintf(seconds, sizeof seconds, "%" PRIu64, (wait + SECOND_MS - 1) / SECOND_MS);
    snprintf(sentence, sizeof sentence,
             "more events than may be published in a second (PublishRate): try again in %s s",
             seconds);
    realm_http_question_add(&answer, SPAN("Retry-After"), span_str(seconds));
    return realm_http_question_give_refusal(question, &answer, sentence);
}

/* RFC 9110 15.5.16: a coding of the body that we do not take off. */
static bool is_coded(struct http1_fields fields)
{
    const struct http1_field *coding = http1_fields_find(fields, SPAN("content-encoding"));

    return coding != NULL && !span_equal_nocase(coding->value, SPAN("identity"));
}

enum err realm_http_publish_judge(const struct realm_http_question *question,
                                  const struct realm_http_place *place)
{
    uint8_t room[ROUTER_NAME_MAX];
    struct span name;
    bool may;

    TRY(realm_http_api_name(question, REALM_ACL_PUBLISH, place, room, &name, &may));
    if (!may) {
        return OK;
    }
    if (question->body.type == HTTP1_BODY_LENGTH &&
        question->body.length > question->env->event_bytes) {
        return realm_http_question_refuse(question, 413,
                                          "the event is longer than EventBytesMax");
    }
    if (is_coded(question->head->fields)) {
        return realm_http_question_refuse(
            question, 415,
            "an event's body has no Content-Encoding: its readers would not be told of it (send "
            "it as it is)");
    }
    TRY(count(question, &may));
    if (!may) {
        return OK;
    }
    realm_http_api_ask_for_body(question, REALM_HTTP_PUBLISH, question->env->event_bytes);
    return OK;
}

/* What an event's headers take so far. */
struct used {
    size_t names;  /* of publish->names */
    size_t values; /* bytes */
};

/* Why it cannot be added, to go behind the field's name; NULL when it was. A session's frame is
 * bounded in the same way: what is longer could not be delivered. */
static const char *add_header(struct realm_http_publish *publish, struct used *used,
                              struct span name, struct span value)
{
    uint8_t *room = publish->names + used->names;

    if (publish->parts.header_count == REALM_HTTP_PUBLISH_HEADERS_MAX ||
        name.len > sizeof publish->names - used->names ||
        value.len > REALM_HTTP_PUBLISH_VALUES_MAX - used->values) {
        return "is one more than an event may have: 32 fields, 15 KiB together";
    }
    if (!utf8_is_valid(value)) {
        return "is not UTF-8";
    }
    used->values += value.len;
    for (size_t i = 0; i < name.len; i++) {
        room[i] = span_lower(name.ptr[i]);
    }
    used->names += name.len;
    publish->headers[publish->parts.header_count++] =
        (struct event_header){span_of(room, name.len), value};
    return NULL;
}

/* Behind "Event-". */
static const char *add_own_header(struct realm_http_publish *publish, struct used *used,
                                  struct span name, struct span value)
{
    size_t at = publish->parts.header_count;
    const char *why = add_header(publish, used, name, value);
    struct span lower = why == NULL ? publish->headers[at].name : SPAN("");

    if (span_equals(lower, "content-type") || span_equals(lower, "ttl") ||
        span_equals(lower, "merge") || span_equals(lower, "publish-id")) {
        return "is a field without Event- in front";
    }
    return why != NULL                       ? why
           : realm_stomp_send_travels(lower) ? NULL
                                             : "has a name that only the realm gives";
}

/* "Event-Colour: red" is the header colour:red of the event. *ret_field is the one that cannot
 * be, with the reason, or NULL: all were read. */
static const char *read_headers(struct http1_fields fields, struct realm_http_publish *publish,
                                const struct http1_field **ret_field)
{
    const struct span prefix = SPAN("event-");
    const struct http1_field *type = http1_fields_find(fields, SPAN("content-type"));
    struct used used = {0, 0};
    const char *why = NULL;

    publish->parts.headers = publish->headers;
    *ret_field = type;
    if (type != NULL) {
        why = add_header(publish, &used, SPAN("content-type"), type->value);
    }
    for (size_t i = 0; i < fields.count && why == NULL; i++) {
        struct span name = fields.ptr[i].name;

        if (name.len > prefix.len && span_equal_nocase(span_head(name, prefix.len), prefix)) {
            *ret_field = &fields.ptr[i];
            why = add_own_header(publish, &used, span_tail(name, prefix.len),
                                 fields.ptr[i].value);
        }
    }
    return why;
}

/* The fields that say how it is published. NULL, or the sentence of the refusal. */
static const char *read_options(struct http1_fields fields, struct event_parts *parts)
{
    const struct http1_field *id = http1_fields_find(fields, SPAN("publish-id"));
    const struct http1_field *merge = http1_fields_find(fields, SPAN("merge"));
    const struct http1_field *ttl = http1_fields_find(fields, SPAN("ttl"));

    if (id != NULL && id->value.len > REALM_STOMP_SEND_ID_MAX) {
        return "Publish-Id is too long";
    }
    if (merge != NULL && !span_equals(merge->value, "true") &&
        !span_equals(merge->value, "false")) {
        return "Merge must be true or false";
    }
    if (ttl != NULL && !text_u64(ttl->value, UINT64_MAX, &parts->ttl)) {
        return "Ttl must be a number of milliseconds";
    }
    if (id != NULL) {
        parts->publish_id = id->value;
    }
    parts->is_change = merge != NULL && span_equals(merge->value, "true");
    return NULL;
}

static enum err refuse_field(const struct realm_http_question *question,
                             const struct http1_field *field, const char *why)
{
    char shown[NAME_TEXT_BYTES];
    char sentence[REALM_HTTP_WHY_BYTES];

    snprintf(sentence, sizeof sentence, "the field %s %s",
             text_printable(field->name, shown, sizeof shown), why);
    return realm_http_question_refuse(question, 400, sentence);
}

/* *ret_may false: the refusal is in `out`. */
static enum err check_body(const struct realm_http_question *question, struct span body,
                           bool *ret_may)
{
    const struct http1_field *type =
        http1_fields_find(question->head->fields, SPAN("content-type"));
    struct dict_fault fault = {DICT_FAULT_NONE, 0};
    char sentence[REALM_HTTP_WHY_BYTES];
    enum err e = type == NULL ? OK : event_source_check(type->value, body, &fault);

    *ret_may = e == OK;
    if (e == OK || e == ERR_NOMEM) {
        return e;
    }
    snprintf(sentence, sizeof sentence, "the body is no event+json, at byte %zu: %s", fault.at,
             dict_fault_text(fault.reason));
    return realm_http_question_refuse(question, e == ERR_LIMIT ? 413 : 400, sentence);
}

enum err realm_http_publish_parts(const struct realm_http_env *env,
                                  const struct http1_head *head, struct span body,
                                  struct buf *out, struct realm_http_verdict *verdict,
                                  struct realm_http_publish *ret_publish)
{
    const bool keeps = verdict->keeps;
    struct realm_http_question question = {
        .env = env, .head = head, .out = out, .verdict = verdict};
    struct realm_http_place place;
    const struct http1_field *field;
    uint8_t room[ROUTER_NAME_MAX];
    struct span name;
    const char *why;
    bool may;

    (void)realm_http_question_read(&question);
    verdict->keeps = keeps;
    place = realm_http_place_of(question.target.path);
    *ret_publish = (struct realm_http_publish){.parts = {.body = body}};
    if (!realm_http_place_name(place.name, room, &name)) {
        return realm_http_api_refuse_route(&question, &place, ROUTER_BAD_NAME, place.name);
    }
    TRY(realm_http_login_may_still(&question, REALM_ACL_PUBLISH, name, &may));
    if (!may) {
        return OK;
    }
    why = read_headers(head->fields, ret_publish, &field);
    if (why != NULL) {
        return refuse_field(&question, field, why);
    }
    why = read_options(head->fields, &ret_publish->parts);
    if (why != NULL) {
        return realm_http_question_refuse(&question, 400, why);
    }
    TRY(check_body(&question, body, &may));
    if (!may) {
        return OK;
    }
    ret_publish->parts.merged_max = env->event_bytes;
    TRY(realm_http_api_open(&question, &place, name, &ret_publish->route));
    if (ret_publish->route == NULL) {
        return OK;
    }
    ret_publish->known_eid =
        queue_set_find_id(ret_publish->route, ret_publish->parts.publish_id);
    verdict->action = REALM_HTTP_PUBLISH;
    return OK;
}

static enum err give_receipt(const struct realm_http_question *question,
                             const struct realm_http_publish_receipt *receipt)
{
    struct realm_http_question_answer answer = {.status = 201};
    char location[LOCATION_BYTES];
    struct buf body;
    enum err e;

    if (realm_http_place_of(question->target.path).kind != ROUTER_GROUP) {
        snprintf(location, sizeof location, "%.*s?from=%" PRIu64 "&max=1",
                 SPAN_ARG(question->target.path), receipt->eid);
        realm_http_question_add(&answer, SPAN("Location"), span_str(location));
    }
    buf_init(&body, REALM_HTTP_QUESTION_BODY_MAX);
    e = buf_printf(&body, "{\"eid\": %" PRIu64 ", \"repeated\": %s}\n", receipt->eid,
                   receipt->is_repeat ? "true" : "false");
    metric_add(question->env->metrics, REALM_METRICS_EVENTS_IN, !receipt->is_repeat);
    return realm_http_question_give_json(question, e, &answer, &body);
}

/* RFC 9110 15.6.4: "likely be alleviated after some delay" */
static enum err refuse_behind(const struct realm_http_question *question)
{
    struct realm_http_question_answer answer = {.status = 503};

    realm_http_question_add(&answer, SPAN("Retry-After"), SPAN("1"));
    return realm_http_question_give_refusal(question, &answer,
                                            "the store is behind (publish again in a moment)");
}

enum err realm_http_publish_done(const struct realm_http_env *env,
                                 const struct http1_head *head,
                                 const struct realm_http_publish_receipt *receipt,
                                 struct buf *out, struct realm_http_verdict *verdict)
{
    const bool keeps = verdict->keeps && !env->is_draining;
    struct realm_http_question question = {
        .env = env, .head = head, .out = out, .verdict = verdict};

    (void)realm_http_question_read(&question);
    verdict->keeps = keeps;
    switch (receipt->e) {
    case OK: return give_receipt(&question, receipt);
    case ERR_LIMIT:
        return realm_http_question_refuse(
            &question, 413,
            "the event, or what it is merged into, is longer than EventBytesMax or than what "
            "the channel may store");
    case ERR_NOMEM: return ERR_NOMEM;
    case ERR_AGAIN: return refuse_behind(&question);
    case ERR_CLOSED:
        return realm_http_question_refuse(
            &question, 503,
            "the store has not answered, and whether the event is stored is not known (with a "
            "Publish-Id it is safe to publish it again)");
    case ERR_PROTO:
    case ERR_IO:
    case ERR_TIMEOUT:
    case ERR_CONF: break;
    }
    return realm_http_question_refuse(
        &question, 500, "the event could not be stored (the realm's log says why)");
}
