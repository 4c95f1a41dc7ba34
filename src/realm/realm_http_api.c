/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_http_api.h"

#include "base/json.h"
#include "base/text.h"
#include "realm/realm_access.h"
#include "realm/realm_channels.h"
#include "realm/realm_conf_route.h"
#include "realm/realm_http_admin.h"
#include "realm/realm_http_group.h"
#include "realm/realm_http_login.h"
#include "realm/realm_http_publish.h"
#include "realm/realm_http_queue.h"
#include "realm/realm_made.h"
#include "realm/realm_share.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CHANNELS_DEFAULT = 100,
    EVENTS_DEFAULT = 100,
    NAME_TEXT_BYTES = 96,
};

enum err realm_http_api_refuse_route(const struct realm_http_question *question,
                                     const struct realm_http_place *place,
                                     enum router_verdict verdict, struct span name)
{
    const char *kind = realm_http_place_kind(place);
    char shown[NAME_TEXT_BYTES];
    char sentence[REALM_HTTP_WHY_BYTES];

    text_printable(name, shown, sizeof shown);
    switch (verdict) {
    case ROUTER_MISSING:
        snprintf(sentence, sizeof sentence,
                 "there is no %s %s, and no <%s> section lets it be made", kind, shown,
                 realm_conf_route_kind(place->kind)->section);
        return realm_http_question_refuse(question, 404, sentence);
    case ROUTER_BAD_NAME:
        snprintf(sentence, sizeof sentence, "that is not a %s's name", kind);
        return realm_http_question_refuse(question, 400, sentence);
    case ROUTER_FULL: /* realm_http_publish.c's */
    case ROUTER_FAILED:
        return realm_http_question_refuse(question, 500, "the store has failed to open it");
    case ROUTER_FOUND:
    case ROUTER_NOMEM: break;
    }
    return ERR_NOMEM;
}

static enum err refuse_kind(const struct realm_http_question *question,
                            const struct router_route *route)
{
    const char *kind = realm_conf_route_kind(route->kind)->word;
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

/* RFC 9110 15.5.4: "a request might be forbidden for reasons unrelated to the credentials". No
 * time makes the share larger, so it is neither 429 nor 503. That the realm itself is full is
 * 503, without a Retry-After: nobody knows when. */
static enum err refuse_full(const struct realm_http_question *question,
                            const struct realm_share_refusal *refusal)
{
    struct realm_http_question_answer answer = {.status = refusal->is_own ? 403 : 503,
                                                .word = "LimitException"};

    return realm_http_question_give_refusal(question, &answer, refusal->sentence);
}

enum err realm_http_api_open(const struct realm_http_question *question,
                             const struct realm_http_place *place, struct span name,
                             struct router_route **ret_route)
{
    struct realm_share_refusal refusal;
    struct router_route *route;
    enum router_verdict found =
        realm_share_open(question->env->login, question->env->router, name, &refusal, &route);

    *ret_route = NULL;
    if (found == ROUTER_FULL) {
        return refuse_full(question, &refusal);
    }
    if (found != ROUTER_FOUND) {
        return realm_http_api_refuse_route(question, place, found, name);
    }
    if (route->kind != place->kind) {
        return refuse_kind(question, route);
    }
    *ret_route = route;
    return OK;
}

enum err realm_http_api_name(const struct realm_http_question *question,
                             enum realm_acl_right right, const struct realm_http_place *place,
                             uint8_t room[ROUTER_NAME_MAX], struct span *ret_name,
                             bool *ret_may)
{
    *ret_may = false;
    if (!realm_http_place_name(place->name, room, ret_name)) {
        return realm_http_api_refuse_route(question, place, ROUTER_BAD_NAME, place->name);
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

/* ---- bodies ---- */

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
        if (place->kind == ROUTER_GROUP) { /* nothing of it is kept for those who ask */
            break;
        }
        return place->kind == ROUTER_QUEUE ? realm_http_queue_peek(question, place)
                                           : give_events(question, place);
    case REALM_HTTP_PLACE_MEMBERS: return realm_http_group_members(question, place);
    case REALM_HTTP_PLACE_STREAMS: return realm_http_group_streams(question);
    case REALM_HTTP_PLACE_DURABLES: return realm_http_admin_durables(question, place);
    case REALM_HTTP_PLACE_PURGE:
    case REALM_HTTP_PLACE_DURABLE:
    case REALM_HTTP_PLACE_MEMBER:
    case REALM_HTTP_PLACE_NOWHERE: break;
    }
    return realm_http_question_refuse_method(question, realm_http_place_methods(place));
}

/* What is misspelt must not be taken for what is left out: "purge?too=7" is not all of it. */
static enum err check_query(const struct realm_http_question *question,
                            const struct realm_http_place *place, bool *ret_may)
{
    const char *known = realm_http_place_query(place, question->head->method);
    char shown[NAME_TEXT_BYTES];
    char sentence[REALM_HTTP_WHY_BYTES];
    struct span name;

    *ret_may = !realm_http_question_unknown(question, known, &name);
    if (*ret_may) {
        return OK;
    }
    snprintf(sentence, sizeof sentence, "%s in the query means nothing here (%s%s)",
             text_printable(name, shown, sizeof shown),
             known[0] == '\0' ? "nothing may be asked for behind the ?" : "there is only ",
             known);
    return realm_http_question_refuse(question, 400, sentence);
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
            question, 404,
            "there are /api/channels, /api/queues, /api/groups and what is below them, and "
            "/api/streams");
    }
    if (span_equals(method, "OPTIONS")) {
        return give_permission(question, methods);
    }
    TRY(realm_http_login_admit(question, place.what == REALM_HTTP_PLACE_HEALTH, &may));
    if (!may) {
        return OK;
    }
    if (place.what != REALM_HTTP_PLACE_HEALTH) { /* a probe may say what it likes */
        TRY(check_query(question, &place, &may));
        if (!may) {
            return OK;
        }
    }
    if (question->is_head || span_equals(method, "GET")) {
        return give(question, &place);
    }
    if (place.what == REALM_HTTP_PLACE_EVENTS && span_equals(method, "POST")) {
        return realm_http_publish_judge(question, &place);
    }
    if (realm_http_group_has(&place, method)) {
        return realm_http_group_change(question, &place);
    }
    if (realm_http_admin_has(&place, method)) {
        return realm_http_admin_judge(question, &place);
    }
    return realm_http_question_refuse_method(question, methods);
}
