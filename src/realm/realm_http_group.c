/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_http_group.h"

#include "base/json.h"
#include "base/text.h"
#include "pubsub/datagroup.h"
#include "realm/realm_access.h"
#include "realm/realm_http_api.h"
#include "realm/realm_stomp.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    STREAMS_DEFAULT = 100,
    STREAMS_MAX = 1000,
    GROUPS_MAX = 100, /* shown of one stream */
    NAME_TEXT_BYTES = 96,
};

/* ---- a stream ---- */

/* The first ones it was put into; the count tells that there are more. */
static enum err write_groups(const struct datagroup_stream *stream, struct buf *body)
{
    size_t shown = 0;

    TRY(buf_printf(body, ", \"groupCount\": %zu, \"groups\": [", stream->member_count));
    LIST_FOREACH (node, after, (struct list *)(uintptr_t)&stream->members) {
        const struct datagroup_member *member =
            LIST_ENTRY(node, struct datagroup_member, in_stream);

        if (shown == GROUPS_MAX) {
            break;
        }
        TRY(buf_printf(body, "%s", shown == 0 ? "" : ", "));
        TRY(json_put_string(body, member->of.group->route->channel.name));
        shown++;
    }
    return buf_append(body, SPAN("]}"));
}

static enum err write_stream(const struct datagroup_stream *stream, struct buf *body)
{
    const struct realm_stomp *stomp = stream->owner;
    const struct realm_acl_subject subject = realm_login_subject(stomp->login);
    char id[DATAGROUP_ID_BYTES], host[ADDR_TEXT_BYTES];

    TRY(buf_printf(body, "{\"id\": \"%s\", \"session\": \"%" PRIu64 "\", \"name\": ",
                   datagroup_stream_id(stream, id), stomp->id));
    TRY(json_put_string(body, datagroup_stream_name(stream)));
    TRY(buf_append(body, SPAN(", \"user\": ")));
    TRY(subject.user.len == 0 ? buf_append(body, SPAN("null"))
                              : json_put_string(body, subject.user));
    TRY(buf_append(body, SPAN(", \"address\": ")));
    TRY(json_put_string(body, span_str(addr_host_text(&subject.host, host))));
    return write_groups(stream, body);
}

/* ---- pages ---- */

struct page {
    uint64_t after; /* number of a stream */
    uint64_t max;
    uint64_t last;                 /* that was written; 0: none */
    const struct datagroup *group; /* NULL: all streams */
};

/* False when that was refused. */
static bool read_page(const struct realm_http_question *question, struct page *page)
{
    struct span after;

    return realm_http_question_number(question, "max", STREAMS_DEFAULT, STREAMS_MAX,
                                      &page->max) &&
           page->max > 0 &&
           (!realm_http_question_text(question, "after", &after) || after.len == 0 ||
            datagroup_stream_number(after, &page->after));
}

static enum err refuse_page(const struct realm_http_question *question)
{
    return realm_http_question_refuse(question, 400,
                                      "write ?max=1...1000&after=ID, with what \"next\" said");
}

/* In the order of their birth. */
static enum err write_page(struct datagroup_set *set, struct page *page, struct buf *body)
{
    const struct datagroup_stream *last = NULL;
    char id[DATAGROUP_ID_BYTES];

    TRY(buf_printf(body, "{\"streams\": ["));
    LIST_FOREACH (node, after, &set->streams) {
        const struct datagroup_stream *stream = LIST_ENTRY(node, struct datagroup_stream, node);

        if (stream->number <= page->after ||
            (page->group != NULL && !datagroup_has(page->group, stream))) {
            continue;
        }
        TRY(buf_printf(body, "%s\n  ", last == NULL ? "" : ","));
        TRY(write_stream(stream, body));
        last = stream;
        if (--page->max == 0 || body->len > REALM_HTTP_API_PAGE_BYTES) {
            return buf_printf(body, "],\n \"next\": \"%s\"}\n", datagroup_stream_id(last, id));
        }
    }
    return buf_append(body, SPAN("],\n \"next\": null}\n"));
}

static enum err give_page(const struct realm_http_question *question, struct page *page)
{
    struct realm_http_question_answer answer = {.status = 200};
    struct buf body;

    buf_init(&body, REALM_HTTP_QUESTION_BODY_MAX);
    return realm_http_question_give_json(
        question, write_page(question->env->groups, page, &body), &answer, &body);
}

/* Some group that there is or may come to be. A pattern covers itself, as a name. */
static bool manages_any(const struct realm_http_question *question)
{
    const struct realm_conf *conf = question->env->conf;

    for (size_t i = 0; i < conf->rule_count; i++) {
        if (conf->rules[i].kind == ROUTER_GROUP &&
            realm_access_has(question->env->login, REALM_ACL_MANAGE, conf->rules[i].pattern)) {
            return true;
        }
    }
    return false;
}

enum err realm_http_group_streams(const struct realm_http_question *question)
{
    struct page page = {0};

    if (!read_page(question, &page)) {
        return refuse_page(question);
    }
    if (!manages_any(question)) {
        return realm_http_question_refuse(
            question, 403, "the data streams are shown to those who may manage a data group");
    }
    return give_page(question, &page);
}

enum err realm_http_group_members(const struct realm_http_question *question,
                                  const struct realm_http_place *place)
{
    struct router_route *route;
    struct page page = {0};

    if (!read_page(question, &page)) {
        return refuse_page(question);
    }
    TRY(realm_http_api_find(question, REALM_ACL_MANAGE, place, &route));
    if (route == NULL) {
        return OK;
    }
    page.group = datagroup_find(route);
    return give_page(question, &page);
}

/* ---- members ---- */

bool realm_http_group_has(const struct realm_http_place *place, struct span method)
{
    return place->what == REALM_HTTP_PLACE_MEMBER &&
           (span_equals(method, "PUT") || span_equals(method, "DELETE"));
}

static enum err give_word(const struct realm_http_question *question, const char *word,
                          const struct datagroup_stream *stream)
{
    struct realm_http_question_answer answer = {.status = 200};
    char id[DATAGROUP_ID_BYTES];
    struct buf body;

    buf_init(&body, REALM_HTTP_QUESTION_BODY_MAX);
    return realm_http_question_give_json(
        question,
        buf_printf(&body, "{\"%s\": \"%s\"}\n", word, datagroup_stream_id(stream, id)), &answer,
        &body);
}

static enum err refuse_stream(const struct realm_http_question *question)
{
    return realm_http_question_refuse(question, 404,
                                      "there is no data stream of that id; it may have ended");
}

static enum err add(const struct realm_http_question *question,
                    const struct realm_http_place *place, struct span name,
                    struct datagroup_stream *stream)
{
    char shown[NAME_TEXT_BYTES];
    char sentence[REALM_HTTP_WHY_BYTES];
    struct router_route *route;

    if (!question->env->groups->may(stream->owner, name)) {
        snprintf(sentence, sizeof sentence,
                 "the client of that data stream may not subscribe to %s",
                 text_printable(name, shown, sizeof shown));
        return realm_http_question_refuse(question, 403, sentence);
    }
    TRY(realm_http_api_open(question, place, name, &route));
    if (route == NULL) {
        return OK;
    }
    TRY(datagroup_add(datagroup_find(route), stream));
    return give_word(question, "added", stream);
}

static enum err take_out(const struct realm_http_question *question,
                         const struct realm_http_place *place, struct datagroup_stream *stream)
{
    struct router_route *route;

    TRY(realm_http_api_find(question, REALM_ACL_MANAGE, place, &route));
    if (route == NULL) {
        return OK;
    }
    if (!datagroup_remove(datagroup_find(route), stream)) {
        return realm_http_question_refuse(question, 404,
                                          "that data stream is not in the group");
    }
    return give_word(question, "removed", stream);
}

enum err realm_http_group_change(const struct realm_http_question *question,
                                 const struct realm_http_place *place)
{
    struct datagroup_stream *stream;
    uint8_t room[ROUTER_NAME_MAX];
    struct span name;
    bool may;

    TRY(realm_http_api_name(question, REALM_ACL_MANAGE, place, room, &name, &may));
    if (!may) {
        return OK;
    }
    stream = datagroup_stream_find(question->env->groups, place->stream);
    if (stream == NULL) {
        return refuse_stream(question);
    }
    return span_equals(question->head->method, "PUT") ? add(question, place, name, stream)
                                                      : take_out(question, place, stream);
}
