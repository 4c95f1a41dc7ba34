/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_http_api.h"

#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "pubsub/queue_set.h"
#include "realm/realm_access.h"
#include "realm/realm_channels.h"
#include "realm/realm_http_admin.h"
#include "realm/realm_http_login.h"
#include "realm/realm_http_queue.h"
#include "realm/realm_made.h"
#include "realm/realm_metrics.h"
#include "realm/realm_stomp_send.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CHANNELS_DEFAULT = 100,
    EVENTS_DEFAULT = 100,
    NAME_TEXT_BYTES = 96,
    LOCATION_BYTES = 3 * ROUTER_NAME_MAX + 80,
};

static enum err refuse_route(const struct realm_http_question *question,
                             const struct realm_http_place *place, enum router_verdict verdict,
                             struct span name)
{
    const char *kind = realm_http_place_kind(place);
    char shown[NAME_TEXT_BYTES];
    char sentence[REALM_HTTP_WHY_BYTES];

    text_printable(name, shown, sizeof shown);
    switch (verdict) {
    case ROUTER_MISSING:
        snprintf(sentence, sizeof sentence,
                 "there is no %s %s, and no <%s> section lets it be made", kind, shown,
                 place->kind == ROUTER_QUEUE ? "Queue" : "Channel");
        return realm_http_question_refuse(question, 404, sentence);
    case ROUTER_BAD_NAME:
        snprintf(sentence, sizeof sentence, "that is not a %s's name", kind);
        return realm_http_question_refuse(question, 400, sentence);
    case ROUTER_FULL:
        snprintf(sentence, sizeof sentence,
                 "%s would be one channel more than the realm may have", shown);
        return realm_http_question_refuse(question, 503, sentence);
    case ROUTER_FAILED:
        return realm_http_question_refuse(question, 500, "the store has failed to open it");
    case ROUTER_FOUND:
    case ROUTER_NOMEM: break;
    }
    return ERR_NOMEM;
}

/* It is the other of the two. */
static enum err refuse_kind(const struct realm_http_question *question,
                            const struct router_route *route)
{
    const char *kind = route->kind == ROUTER_QUEUE ? "queue" : "channel";
    char shown[NAME_TEXT_BYTES];
    char sentence[REALM_HTTP_WHY_BYTES];

    snprintf(sentence, sizeof sentence, "%s is a %s (ask below /api/%ss)",
             text_printable(route->channel.name, shown, sizeof shown), kind, kind);
    return realm_http_question_refuse(question, 404, sentence);
}

enum err realm_http_api_find(const struct realm_http_question *question,
                             enum realm_acl_right right, const struct realm_http_place *place,
                             struct router_route **ret_route)
{
    const char *kind = realm_http_place_kind(place);
    uint8_t room[ROUTER_NAME_MAX];
    char shown[NAME_TEXT_BYTES];
    char sentence[REALM_HTTP_WHY_BYTES];
    const struct router_route *other;
    struct span name;
    bool may;

    *ret_route = NULL;
    TRY(realm_http_api_name(question, right, place, room, &name, &may));
    if (!may) {
        return OK;
    }
    *ret_route = realm_channels_find(question->env->router, place->kind, name);
    if (*ret_route != NULL) {
        return OK;
    }
    other = router_find(question->env->router, name);
    if (other != NULL && other->kind != place->kind && other->rule != NULL) {
        return refuse_kind(question, other);
    }
    snprintf(sentence, sizeof sentence, "there is no %s %s, or nobody has used it yet", kind,
             text_printable(name, shown, sizeof shown));
    return realm_http_question_refuse(question, 404, sentence);
}

enum err realm_http_api_name(const struct realm_http_question *question,
                             enum realm_acl_right right, const struct realm_http_place *place,
                             uint8_t room[ROUTER_NAME_MAX], struct span *ret_name,
                             bool *ret_may)
{
    *ret_may = false;
    if (!realm_http_place_name(place->name, room, ret_name)) {
        return refuse_route(question, place, ROUTER_BAD_NAME, place->name);
    }
    return realm_http_login_may(question, right, *ret_name, ret_may);
}

/* ---- what there is ---- */

struct sight {
    enum router_kind kind;
    struct realm_login *login;
};

static bool sees(void *ctx, const struct router_route *route)
{
    const struct sight *sight = ctx;

    return route->kind == sight->kind &&
           realm_access_has(sight->login, REALM_ACL_EID, route->channel.name);
}

static enum err write_list(const struct realm_http_question *question,
                           const struct realm_http_place *place, struct span after, size_t max,
                           struct buf *body)
{
    const struct router_route **page = calloc(max, sizeof *page);
    struct sight sight = {place->kind, question->env->login};
    size_t count;
    enum err e;

    if (page == NULL) {
        return ERR_NOMEM;
    }
    count = realm_channels_page_for(question->env->router, after, sees, &sight, page, max);
    e = buf_printf(body, "{\"%ss\": [", realm_http_place_kind(place));
    for (size_t i = 0; i < count && e == OK; i++) {
        e = buf_printf(body, "%s\n  ", i == 0 ? "" : ",");
        e = e == OK ? realm_channels_write(page[i], body) : e;
    }
    e = e == OK ? buf_printf(body, "],\n \"next\": ") : e;
    if (e == OK && count == max) {
        e = json_put_string(body, page[count - 1]->channel.name);
    } else if (e == OK) {
        e = buf_append(body, SPAN("null"));
    }
    free(page);
    return e == OK ? buf_append(body, SPAN("}\n")) : e;
}

static enum err give_list(const struct realm_http_question *question,
                          const struct realm_http_place *place)
{
    struct realm_http_question_answer answer = {.status = 200};
    uint8_t room[ROUTER_NAME_MAX];
    struct span text, after = SPAN("");
    uint64_t max;
    struct buf body;

    if (!realm_http_question_number(question, "max", CHANNELS_DEFAULT, REALM_CHANNELS_PAGE_MAX,
                                    &max) ||
        max == 0 ||
        (realm_http_question_text(question, "after", &text) && text.len > 0 &&
         !realm_http_place_name(text, room, &after))) {
        return realm_http_question_refuse(
            question, 400, "write ?max=1...1000&after=NAME, with what \"next\" said");
    }
    buf_init(&body, REALM_HTTP_QUESTION_BODY_MAX);
    return realm_http_question_give_json(
        question, write_list(question, place, after, (size_t)max, &body), &answer, &body);
}

/* By whom and when it was made, where somebody has. */
static enum err write_maker(const struct realm_http_question *question,
                            const struct router_route *route, struct buf *body)
{
    const struct realm_made *made = question->env->made;
    const struct realm_made_one *one =
        made == NULL ? NULL : realm_made_find(made, route->channel.name);

    if (one == NULL) {
        return OK;
    }
    TRY(buf_printf(body, ", \"madeBy\": "));
    TRY(json_put_string(body, span_str(one->record.by)));
    return buf_printf(body, ", \"madeAt\": %" PRIu64 ", \"made\": %.*s", one->record.at,
                      SPAN_ARG(buf_span(&one->record.attributes)));
}

enum err realm_http_api_write(const struct realm_http_question *question,
                              const struct router_route *route, struct buf *body)
{
    TRY(realm_channels_write(route, body));
    buf_truncate(body, body->len - 1); /* further members */
    TRY(realm_channels_write_attributes(route, body));
    TRY(write_maker(question, route, body));
    return buf_append(body, SPAN("}\n"));
}

static enum err give_one(const struct realm_http_question *question,
                         const struct realm_http_place *place)
{
    struct realm_http_question_answer answer = {.status = 200};
    struct router_route *route;
    struct buf body;

    TRY(realm_http_api_find(question, REALM_ACL_EID, place, &route));
    if (route == NULL) {
        return OK;
    }
    buf_init(&body, REALM_HTTP_QUESTION_BODY_MAX);
    return realm_http_question_give_json(question, realm_http_api_write(question, route, &body),
                                         &answer, &body);
}

/* ---- stored events ---- */

struct range {
    uint64_t from;
    uint64_t max;
};

/* A page being written. */
struct events {
    struct buf *body;
    uint64_t left;
    uint64_t next; /* the EID to go on with */
    bool has_some;
    enum err e;
};

static bool on_event(void *ctx, const struct event *event)
{
    struct events *page = ctx;

    page->e = buf_printf(page->body, "%s\n  ", page->has_some ? "," : "");
    if (page->e == OK) {
        page->e = realm_channels_write_event(event, page->body);
    }
    page->has_some = true;
    page->next = event->eid + 1;
    return page->e == OK && --page->left > 0 && page->body->len <= REALM_HTTP_API_PAGE_BYTES;
}

static enum err write_events(const struct router_route *route, const struct range *range,
                             struct buf *body)
{
    uint64_t first = channel_first_eid(&route->channel);
    struct events page = {
        .body = body, .left = range->max, .next = range->from < first ? first : range->from};
    enum err e;

    TRY(buf_printf(body, "{\"channel\": "));
    TRY(realm_channels_write(route, body));
    TRY(buf_printf(body, ",\n \"events\": ["));
    e = range->max == 0 ? OK
                        : channel_read(&route->channel, page.next, route->router->room.now,
                                       on_event, &page);
    /* At the limit: what comes next has just gone. */
    TRY(e == OK || e == ERR_LIMIT ? page.e : e);
    return buf_printf(body, "],\n \"next\": %" PRIu64 "}\n", page.next);
}

static enum err give_events(const struct realm_http_question *question,
                            const struct realm_http_place *place)
{
    struct realm_http_question_answer answer = {.status = 200};
    struct range range;
    struct router_route *route;
    struct buf body;

    if (!realm_http_question_number(question, "from", 1, UINT64_MAX, &range.from) ||
        !realm_http_question_number(question, "max", EVENTS_DEFAULT, REALM_HTTP_API_EVENTS_MAX,
                                    &range.max)) {
        return realm_http_question_refuse(question, 400,
                                          "write ?from=EID&max=0...1000, both optional");
    }
    TRY(realm_http_api_find(question, REALM_ACL_SUBSCRIBE, place, &route));
    if (route == NULL) {
        return OK;
    }
    buf_init(&body, REALM_HTTP_QUESTION_BODY_MAX);
    return realm_http_question_give_json(question, write_events(route, &range, &body), &answer,
                                         &body);
}

/* ---- publishing ---- */

void realm_http_api_ask_for_body(const struct realm_http_question *question,
                                 enum realm_http_action action, uint64_t max)
{
    const struct http1_fields fields = question->head->fields;
    struct realm_http_verdict *verdict = question->verdict;

    verdict->body = question->body;
    verdict->body_max = max;
    /* The body is read, so that what is behind it is the next request. */
    verdict->keeps = question->head->version_minor >= 1 && !question->env->is_draining &&
                     !http1_fields_has_token(fields, SPAN("connection"), SPAN("close"));
    /* RFC 9110 10.1.1: in HTTP/1.0 the expectation must be ignored */
    verdict->wants_continue =
        question->head->version_minor >= 1 && question->body.type != HTTP1_BODY_NONE &&
        http1_fields_has_token(fields, SPAN("expect"), SPAN("100-continue"));
    verdict->action = action;
}

static enum err begin_publish(const struct realm_http_question *question,
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
    realm_http_api_ask_for_body(question, REALM_HTTP_PUBLISH, question->env->event_bytes);
    return OK;
}

/* What an event's headers take so far. */
struct used {
    size_t names;  /* of publish->names */
    size_t values; /* bytes */
};

/* False when there are too many, or one is no text. A session's frame is bounded in the same
 * way: what is longer could not be delivered. */
static bool add_header(struct realm_http_api_publish *publish, struct used *used,
                       struct span name, struct span value)
{
    uint8_t *room = publish->names + used->names;

    if (publish->parts.header_count == REALM_HTTP_API_HEADERS_MAX ||
        name.len > sizeof publish->names - used->names ||
        value.len > REALM_HTTP_API_VALUES_MAX - used->values || !utf8_is_valid(value)) {
        return false;
    }
    used->values += value.len;
    for (size_t i = 0; i < name.len; i++) {
        room[i] = span_lower(name.ptr[i]);
    }
    used->names += name.len;
    publish->headers[publish->parts.header_count++] =
        (struct event_header){span_of(room, name.len), value};
    return true;
}

/* "Event-Colour: red" is the header colour:red of the event. */
static bool read_headers(struct http1_fields fields, struct realm_http_api_publish *publish)
{
    const struct span prefix = SPAN("event-");
    const struct http1_field *type = http1_fields_find(fields, SPAN("content-type"));
    struct used used = {0, 0};

    publish->parts.headers = publish->headers;
    if (type != NULL && !add_header(publish, &used, SPAN("content-type"), type->value)) {
        return false;
    }
    for (size_t i = 0; i < fields.count; i++) {
        struct span name = fields.ptr[i].name;
        size_t before = publish->parts.header_count;

        if (name.len <= prefix.len || !span_equal_nocase(span_head(name, prefix.len), prefix)) {
            continue;
        }
        if (!add_header(publish, &used, span_tail(name, prefix.len), fields.ptr[i].value) ||
            span_equals(publish->headers[before].name, "content-type") ||
            !realm_stomp_send_travels(publish->headers[before].name)) {
            return false;
        }
    }
    return true;
}

enum err realm_http_api_parts(const struct realm_http_env *env, const struct http1_head *head,
                              struct span body, struct buf *out,
                              struct realm_http_verdict *verdict,
                              struct realm_http_api_publish *ret_publish)
{
    const bool keeps = verdict->keeps;
    const struct http1_field *id = http1_fields_find(head->fields, SPAN("publish-id"));
    struct realm_http_question question = {
        .env = env, .head = head, .out = out, .verdict = verdict};
    struct realm_http_place place;
    uint8_t room[ROUTER_NAME_MAX];
    enum router_verdict found;
    struct span name;

    (void)realm_http_question_read(&question);
    verdict->keeps = keeps;
    place = realm_http_place_of(question.target.path);
    *ret_publish = (struct realm_http_api_publish){.parts = {.body = body}};
    if (!realm_http_place_name(place.name, room, &name)) {
        return refuse_route(&question, &place, ROUTER_BAD_NAME, place.name);
    }
    if (!read_headers(head->fields, ret_publish)) {
        return realm_http_question_refuse(
            &question, 400,
            "an Event- field has a name that only the realm gives, or is not UTF-8, "
            "or there are too many");
    }
    if (id != NULL && id->value.len > REALM_STOMP_SEND_ID_MAX) {
        return realm_http_question_refuse(&question, 400, "Publish-Id is too long");
    }
    if (id != NULL) {
        ret_publish->parts.publish_id = id->value;
    }
    found = router_open(env->router, name, &ret_publish->route);
    if (found != ROUTER_FOUND) {
        return refuse_route(&question, &place, found, name);
    }
    if (ret_publish->route->kind != place.kind) {
        return refuse_kind(&question, ret_publish->route);
    }
    ret_publish->known_eid =
        queue_set_find_id(ret_publish->route, ret_publish->parts.publish_id);
    verdict->action = REALM_HTTP_PUBLISH;
    return OK;
}

static enum err give_receipt(const struct realm_http_question *question,
                             const struct realm_http_api_receipt *receipt)
{
    struct realm_http_question_answer answer = {.status = 201};
    char location[LOCATION_BYTES];
    struct buf body;
    enum err e;

    snprintf(location, sizeof location, "%.*s?from=%" PRIu64 "&max=1",
             SPAN_ARG(question->target.path), receipt->eid);
    realm_http_question_add(&answer, SPAN("Location"), span_str(location));
    buf_init(&body, REALM_HTTP_QUESTION_BODY_MAX);
    e = buf_printf(&body, "{\"eid\": %" PRIu64 ", \"repeated\": %s}\n", receipt->eid,
                   receipt->is_repeat ? "true" : "false");
    metric_add(question->env->metrics, REALM_METRICS_EVENTS_IN, !receipt->is_repeat);
    return realm_http_question_give_json(question, e, &answer, &body);
}

enum err realm_http_api_published(const struct realm_http_env *env,
                                  const struct http1_head *head,
                                  const struct realm_http_api_receipt *receipt, struct buf *out,
                                  struct realm_http_verdict *verdict)
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
            &question, 413, "the event is longer than what the channel may store");
    case ERR_NOMEM: return ERR_NOMEM;
    case ERR_AGAIN:
        return realm_http_question_refuse(&question, 503,
                                          "the store is behind (publish again in a moment)");
    case ERR_PROTO:
    case ERR_IO:
    case ERR_TIMEOUT:
    case ERR_CONF:
    case ERR_CLOSED: break;
    }
    return realm_http_question_refuse(
        &question, 500, "the event could not be stored (the realm's log says why)");
}

/* ---- the request ---- */

/* Fetch Standard section 3.2.2: a page asks whether it may ask. */
static enum err give_permission(const struct realm_http_question *question, const char *methods)
{
    const struct http1_field *wanted =
        http1_fields_find(question->head->fields, SPAN("access-control-request-headers"));
    struct realm_http_question_answer answer = {.status = 204};

    realm_http_question_add(&answer, SPAN("Allow"), span_str(methods));
    if (question->origin != REALM_ORIGIN_ABSENT) {
        realm_http_question_add(&answer, SPAN("Access-Control-Allow-Methods"),
                                span_str(methods));
        realm_http_question_add(&answer, SPAN("Access-Control-Max-Age"), SPAN("600"));
        if (wanted != NULL) {
            realm_http_question_add(&answer, SPAN("Access-Control-Allow-Headers"),
                                    wanted->value);
        }
    }
    return realm_http_question_give(question, &answer);
}

static enum err give_health(const struct realm_http_question *question)
{
    struct realm_http_question_answer answer = {.status = 200,
                                                .content_type = SPAN("application/json"),
                                                .body = SPAN("{\"status\": \"ok\"}\n")};

    return realm_http_question_give(question, &answer);
}

static enum err give(const struct realm_http_question *question,
                     const struct realm_http_place *place)
{
    switch (place->what) {
    case REALM_HTTP_PLACE_HEALTH: return give_health(question);
    case REALM_HTTP_PLACE_LIST: return give_list(question, place);
    case REALM_HTTP_PLACE_ONE: return give_one(question, place);
    case REALM_HTTP_PLACE_EVENTS:
        return place->kind == ROUTER_QUEUE ? realm_http_queue_peek(question, place)
                                           : give_events(question, place);
    case REALM_HTTP_PLACE_DURABLES: return realm_http_admin_durables(question, place);
    case REALM_HTTP_PLACE_PURGE:
    case REALM_HTTP_PLACE_DURABLE:
    case REALM_HTTP_PLACE_NOWHERE: break;
    }
    return realm_http_question_refuse_method(question, realm_http_place_methods(place));
}

enum err realm_http_api_judge(struct realm_http_question *question)
{
    struct span method = question->head->method;
    const struct realm_http_place place = realm_http_place_of(question->target.path);
    const char *methods = realm_http_place_methods(&place);
    bool may;

    if (!realm_origin_may(question->origin)) {
        return realm_http_question_refuse_origin(question);
    }
    if (place.what == REALM_HTTP_PLACE_NOWHERE) {
        return realm_http_question_refuse(
            question, 404, "there are /api/channels, /api/queues, and what is below them");
    }
    if (span_equals(method, "OPTIONS")) {
        return give_permission(question, methods);
    }
    TRY(realm_http_login_admit(question, place.what == REALM_HTTP_PLACE_HEALTH, &may));
    if (!may) {
        return OK;
    }
    if (question->is_head || span_equals(method, "GET")) {
        return give(question, &place);
    }
    if (place.what == REALM_HTTP_PLACE_EVENTS && span_equals(method, "POST")) {
        return begin_publish(question, &place);
    }
    if (realm_http_admin_has(&place, method)) {
        return realm_http_admin_judge(question, &place);
    }
    return realm_http_question_refuse_method(question, methods);
}
