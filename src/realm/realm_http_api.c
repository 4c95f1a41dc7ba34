/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_http_api.h"

#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "realm/realm_access.h"
#include "realm/realm_channels.h"
#include "realm/realm_http_login.h"
#include "realm/realm_metrics.h"
#include "realm/realm_stomp_send.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CHANNELS_DEFAULT = 100,
    EVENTS_DEFAULT = 100,
    BODY_BYTES_MAX = 16 * 1024 * 1024, /* of an answer */
    NAME_TEXT_BYTES = 96,
    LOCATION_BYTES = 3 * ROUTER_NAME_MAX + 80,
};

/* ---- names ---- */

static int digit_of(uint8_t c)
{
    c = span_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A name as it stands in a URL, behind a "/" of its own unless it begins with one. RFC 3986
 * section 2.1. */
static bool decode_name(struct span text, uint8_t room[ROUTER_NAME_MAX], struct span *ret_name)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        int c = text.ptr[i];

        if (c == '%') {
            int high = i + 2 < text.len ? digit_of(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? digit_of(text.ptr[i + 2]) : -1;

            if (high < 0 || low < 0) {
                return false;
            }
            c = high * 16 + low;
            i += 2;
        }
        if (len == 0 && c != '/') {
            room[len++] = '/';
        }
        if (len == ROUTER_NAME_MAX) {
            return false;
        }
        room[len++] = (uint8_t)c;
    }
    *ret_name = span_of(room, len);
    return len > 1;
}

/* What the path is about. */
enum place {
    PLACE_NOWHERE,
    PLACE_HEALTH,
    PLACE_LIST,
    PLACE_CHANNEL,
    PLACE_EVENTS,
};

/* *ret_name is the name as it stands in the path. What ends in "/events" there means events; a
 * channel whose own name does so is written "%2Fevents". */
static enum place find_place(struct span path, struct span *ret_name)
{
    const struct span prefix = SPAN("/api/channels");
    const struct span suffix = SPAN("/events");
    struct span rest;

    if (span_equals(path, "/api/health")) {
        return PLACE_HEALTH;
    }
    if (!span_starts(path, prefix)) {
        return PLACE_NOWHERE;
    }
    rest = span_tail(path, prefix.len);
    if (rest.len <= 1) {
        return rest.len == 0 || rest.ptr[0] == '/' ? PLACE_LIST : PLACE_NOWHERE;
    }
    if (rest.ptr[0] != '/') {
        return PLACE_NOWHERE;
    }
    *ret_name = span_tail(rest, 1);
    if (ret_name->len > suffix.len &&
        span_equal(span_tail(*ret_name, ret_name->len - suffix.len), suffix)) {
        *ret_name = span_head(*ret_name, ret_name->len - suffix.len);
        return PLACE_EVENTS;
    }
    return PLACE_CHANNEL;
}

static enum err refuse_queue(const struct realm_http_question *question, struct span name)
{
    char shown[NAME_TEXT_BYTES];
    char sentence[REALM_HTTP_WHY_BYTES];

    snprintf(sentence, sizeof sentence, "%s is a queue, and those are used over STOMP alone",
             text_printable(name, shown, sizeof shown));
    return realm_http_question_refuse(question, 404, sentence);
}

/* NULL: there is none, or the client may not do that to it, and the refusal is in `out`. */
static enum err find_channel(const struct realm_http_question *question,
                             enum realm_acl_right right, struct span text,
                             const struct router_route **ret_route)
{
    uint8_t room[ROUTER_NAME_MAX];
    char shown[NAME_TEXT_BYTES];
    char sentence[REALM_HTTP_WHY_BYTES];
    struct span name;
    bool may, is_queue;

    *ret_route = NULL;
    if (!decode_name(text, room, &name)) {
        return realm_http_question_refuse(question, 400, "that is not a channel's name");
    }
    TRY(realm_http_login_may(question, right, name, &may));
    if (!may) {
        return OK;
    }
    *ret_route = realm_channels_find(question->env->router, name);
    if (*ret_route != NULL && (*ret_route)->kind == ROUTER_CHANNEL) {
        return OK;
    }
    is_queue = *ret_route != NULL;
    *ret_route = NULL;
    if (is_queue) {
        return refuse_queue(question, name);
    }
    snprintf(sentence, sizeof sentence, "there is no channel %s, or nobody has used it yet",
             text_printable(name, shown, sizeof shown));
    return realm_http_question_refuse(question, 404, sentence);
}

/* ---- JSON ---- */

/* `e` is what came of writing `body`, which is given back. */
static enum err give_json(const struct realm_http_question *question, enum err e,
                          struct realm_http_question_answer *answer, struct buf *body)
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

static bool sees(void *login, struct span name)
{
    return realm_access_has(login, REALM_ACL_EID, name);
}

static enum err write_list(const struct realm_http_question *question, struct span after,
                           size_t max, struct buf *body)
{
    const struct router_route **page = calloc(max, sizeof *page);
    const char *gap = "";
    size_t count;
    enum err e;

    if (page == NULL) {
        return ERR_NOMEM;
    }
    count = realm_channels_page_for(question->env->router, after, sees, question->env->login,
                                    page, max);
    e = buf_printf(body, "{\"channels\": [");
    for (size_t i = 0; i < count && e == OK; i++) {
        if (page[i]->kind != ROUTER_CHANNEL) {
            continue; /* nothing could be asked about it here */
        }
        e = buf_printf(body, "%s\n  ", gap);
        e = e == OK ? realm_channels_write(page[i], body) : e;
        gap = ",";
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

static enum err give_list(const struct realm_http_question *question)
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
         !decode_name(text, room, &after))) {
        return realm_http_question_refuse(
            question, 400, "write ?max=1...1000&after=NAME, with what \"next\" said");
    }
    buf_init(&body, BODY_BYTES_MAX);
    return give_json(question, write_list(question, after, (size_t)max, &body), &answer, &body);
}

static enum err give_channel(const struct realm_http_question *question, struct span name)
{
    struct realm_http_question_answer answer = {.status = 200};
    const struct router_route *route;
    struct buf body;
    enum err e;

    TRY(find_channel(question, REALM_ACL_EID, name, &route));
    if (route == NULL) {
        return OK;
    }
    buf_init(&body, BODY_BYTES_MAX);
    e = realm_channels_write(route, &body);
    return give_json(question, e == OK ? buf_append_byte(&body, '\n') : e, &answer, &body);
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
    TRY(e == OK ? page.e : e);
    return buf_printf(body, "],\n \"next\": %" PRIu64 "}\n", page.next);
}

static enum err give_events(const struct realm_http_question *question, struct span name)
{
    struct realm_http_question_answer answer = {.status = 200};
    struct range range;
    const struct router_route *route;
    struct buf body;

    if (!realm_http_question_number(question, "from", 1, UINT64_MAX, &range.from) ||
        !realm_http_question_number(question, "max", EVENTS_DEFAULT, REALM_HTTP_API_EVENTS_MAX,
                                    &range.max)) {
        return realm_http_question_refuse(question, 400,
                                          "write ?from=EID&max=0...1000, both optional");
    }
    TRY(find_channel(question, REALM_ACL_SUBSCRIBE, name, &route));
    if (route == NULL) {
        return OK;
    }
    buf_init(&body, BODY_BYTES_MAX);
    return give_json(question, write_events(route, &range, &body), &answer, &body);
}

/* ---- publishing ---- */

static enum err refuse_route(const struct realm_http_question *question,
                             enum router_verdict verdict, struct span name)
{
    char shown[NAME_TEXT_BYTES];
    char sentence[REALM_HTTP_WHY_BYTES];

    text_printable(name, shown, sizeof shown);
    switch (verdict) {
    case ROUTER_MISSING:
        snprintf(sentence, sizeof sentence,
                 "there is no channel %s, and no <Channel> section lets it be made", shown);
        return realm_http_question_refuse(question, 404, sentence);
    case ROUTER_BAD_NAME:
        return realm_http_question_refuse(question, 400, "that is not a channel's name");
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

static enum err ask_for_body(const struct realm_http_question *question, struct span text)
{
    const struct http1_fields fields = question->head->fields;
    struct realm_http_verdict *verdict = question->verdict;
    uint8_t room[ROUTER_NAME_MAX];
    struct span name;
    bool may;

    if (!decode_name(text, room, &name)) {
        return refuse_route(question, ROUTER_BAD_NAME, text);
    }
    TRY(realm_http_login_may(question, REALM_ACL_PUBLISH, name, &may));
    if (!may) {
        return OK;
    }
    verdict->body = question->body;
    verdict->body_max = question->env->event_bytes;
    if (question->body.type == HTTP1_BODY_LENGTH && question->body.length > verdict->body_max) {
        return realm_http_question_refuse(question, 413,
                                          "the event is longer than EventBytesMax");
    }
    /* The body is read, so that what is behind it is the next request. */
    verdict->keeps = question->head->version_minor >= 1 && !question->env->is_draining &&
                     !http1_fields_has_token(fields, SPAN("connection"), SPAN("close"));
    /* RFC 9110 10.1.1: in HTTP/1.0 the expectation must be ignored */
    verdict->wants_continue =
        question->head->version_minor >= 1 && question->body.type != HTTP1_BODY_NONE &&
        http1_fields_has_token(fields, SPAN("expect"), SPAN("100-continue"));
    verdict->action = REALM_HTTP_PUBLISH;
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
    struct span text = SPAN(""), name;
    uint8_t room[ROUTER_NAME_MAX];
    enum router_verdict found;

    (void)realm_http_question_read(&question);
    verdict->keeps = keeps;
    (void)find_place(question.target.path, &text);
    *ret_publish = (struct realm_http_api_publish){.parts = {.body = body}};
    if (!decode_name(text, room, &name)) {
        return refuse_route(&question, ROUTER_BAD_NAME, text);
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
        return refuse_route(&question, found, name);
    }
    if (ret_publish->route->kind != ROUTER_CHANNEL) {
        return refuse_queue(&question, name);
    }
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
    buf_init(&body, BODY_BYTES_MAX);
    e = buf_printf(&body, "{\"eid\": %" PRIu64 ", \"repeated\": %s}\n", receipt->eid,
                   receipt->is_repeat ? "true" : "false");
    metric_add(question->env->metrics, REALM_METRICS_EVENTS_IN, !receipt->is_repeat);
    return give_json(question, e, &answer, &body);
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

enum err realm_http_api_judge(struct realm_http_question *question)
{
    struct span method = question->head->method;
    struct span name = SPAN("");
    enum place place = find_place(question->target.path, &name);
    const char *methods =
        place == PLACE_EVENTS ? "GET, HEAD, POST, OPTIONS" : "GET, HEAD, OPTIONS";
    bool is_get = question->is_head || span_equals(method, "GET");
    bool may;

    if (!realm_origin_may(question->origin)) {
        return realm_http_question_refuse_origin(question);
    }
    if (place == PLACE_NOWHERE) {
        return realm_http_question_refuse(
            question, 404, "there are /api/channels, /api/channels/NAME and .../events");
    }
    if (span_equals(method, "OPTIONS")) {
        return give_permission(question, methods);
    }
    TRY(realm_http_login_admit(question, place == PLACE_HEALTH, &may));
    if (!may) {
        return OK;
    }
    if (place == PLACE_EVENTS && span_equals(method, "POST")) {
        return ask_for_body(question, name);
    }
    if (!is_get) {
        return realm_http_question_refuse_method(question, methods);
    }
    switch (place) {
    case PLACE_HEALTH:
        return realm_http_question_give(question, &(struct realm_http_question_answer){
                                                      .status = 200,
                                                      .content_type = SPAN("application/json"),
                                                      .body = SPAN("{\"status\": \"ok\"}\n")});
    case PLACE_LIST: return give_list(question);
    case PLACE_CHANNEL: return give_channel(question, name);
    case PLACE_EVENTS: return give_events(question, name);
    case PLACE_NOWHERE: break;
    }
    assert(false); /* refused above */
    return ERR_PROTO;
}
