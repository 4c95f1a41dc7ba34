/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_http_admin.h"

#include "base/json.h"
#include "base/text.h"
#include "realm/realm_channels.h"
#include "realm/realm_http_api.h"
#include "realm/realm_http_login.h"
#include "realm/realm_made.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    NAME_TEXT_BYTES = 96
};

/* What a request asks for. */
enum change {
    CHANGE_NONE,
    CHANGE_PUT,
    CHANGE_DELETE,
    CHANGE_PURGE,
    CHANGE_FORGET, /* a durable subscription */
};

static enum change change_of(const struct realm_http_place *place, struct span method)
{
    switch (place->what) {
    case REALM_HTTP_PLACE_ONE:
        return span_equals(method, "PUT")      ? CHANGE_PUT
               : span_equals(method, "DELETE") ? CHANGE_DELETE
                                               : CHANGE_NONE;
    case REALM_HTTP_PLACE_PURGE:
        return span_equals(method, "POST") ? CHANGE_PURGE : CHANGE_NONE;
    case REALM_HTTP_PLACE_DURABLE:
        return span_equals(method, "DELETE") ? CHANGE_FORGET : CHANGE_NONE;
    case REALM_HTTP_PLACE_NOWHERE:
    case REALM_HTTP_PLACE_HEALTH:
    case REALM_HTTP_PLACE_LIST:
    case REALM_HTTP_PLACE_EVENTS:
    case REALM_HTTP_PLACE_DURABLES:
    case REALM_HTTP_PLACE_MEMBERS:
    case REALM_HTTP_PLACE_MEMBER:
    case REALM_HTTP_PLACE_STREAMS: break;
    }
    return CHANGE_NONE;
}

bool realm_http_admin_has(const struct realm_http_place *place, struct span method)
{
    return change_of(place, method) != CHANGE_NONE;
}

/* ---- durable subscriptions ---- */

struct durables {
    struct buf *body;
    const char *comma;
    enum err e;
};

static enum err write_durable(const struct durables *list, const struct durable *durable)
{
    TRY(buf_printf(list->body, "%s\n  {\"name\": ", list->comma));
    TRY(json_put_string(list->body, durable_name(durable)));
    TRY(buf_printf(list->body, ", \"active\": %s",
                   durable_is_read(durable) ? "true" : "false"));
    if (durable->has_place) {
        TRY(buf_printf(list->body, ", \"epoch\": \"%016" PRIx64 "\", \"next\": %" PRIu64,
                       durable->epoch, durable->next_eid));
    }
    return buf_append_byte(list->body, '}');
}

static void on_durable(void *ctx, const struct durable *durable)
{
    struct durables *list = ctx;

    if (list->e == OK) {
        list->e = write_durable(list, durable);
        list->comma = ",";
    }
}

enum err realm_http_admin_durables(const struct realm_http_question *question,
                                   const struct realm_http_place *place)
{
    struct realm_http_question_answer answer = {.status = 200};
    struct durables list = {.comma = ""};
    uint8_t room[ROUTER_NAME_MAX];
    struct span name;
    struct buf body;
    bool may;

    TRY(realm_http_api_name(question, REALM_ACL_MANAGE, place, room, &name, &may));
    if (!may) {
        return OK;
    }
    buf_init(&body, REALM_HTTP_QUESTION_BODY_MAX);
    list.body = &body;
    list.e = buf_printf(&body, "{\"durables\": [");
    durable_visit(&question->env->router->durables, name, on_durable, &list);
    if (list.e == OK) {
        list.e = buf_append(&body, SPAN("]}\n"));
    }
    return realm_http_question_give_json(question, list.e, &answer, &body);
}

static enum err give_word(const struct realm_http_question *question, const char *word,
                          struct span name)
{
    struct realm_http_question_answer answer = {.status = 200};
    struct buf body;
    enum err e;

    buf_init(&body, REALM_HTTP_QUESTION_BODY_MAX);
    e = buf_printf(&body, "{\"%s\": ", word);
    e = e == OK ? json_put_string(&body, name) : e;
    e = e == OK ? buf_append(&body, SPAN("}\n")) : e;
    return realm_http_question_give_json(question, e, &answer, &body);
}

static enum err forget(const struct realm_http_question *question,
                       const struct realm_http_place *place, struct span channel)
{
    struct durable_set *set = &question->env->router->durables;
    uint8_t room[ROUTER_NAME_MAX];
    struct span name;

    if (!realm_http_place_text(place->durable, room, &name) ||
        !durable_is_known(set, channel, name)) {
        return realm_http_question_refuse(question, 404,
                                          "there is no durable subscription of that name");
    }
    switch (durable_forget(set, channel, name)) {
    case OK: return give_word(question, "forgotten", name);
    case ERR_AGAIN:
        return realm_http_question_refuse(
            question, 409, "it has a reader, or the store is behind (try again later)");
    case ERR_NOMEM:
    case ERR_LIMIT:
    case ERR_PROTO:
    case ERR_IO:
    case ERR_TIMEOUT:
    case ERR_CONF:
    case ERR_CLOSED: break;
    }
    return ERR_NOMEM;
}

/* ---- from the head ---- */

static enum realm_acl_right right_of(enum change change)
{
    return change == CHANGE_PURGE ? REALM_ACL_PURGE : REALM_ACL_MANAGE;
}

enum err realm_http_admin_judge(const struct realm_http_question *question,
                                const struct realm_http_place *place)
{
    enum change change = change_of(place, question->head->method);
    uint8_t room[ROUTER_NAME_MAX];
    struct span name;
    bool may;

    TRY(realm_http_api_name(question, right_of(change), place, room, &name, &may));
    if (!may) {
        return OK;
    }
    if (change == CHANGE_FORGET) {
        return forget(question, place, name);
    }
    if (question->body.type == HTTP1_BODY_LENGTH &&
        question->body.length > REALM_MADE_RULE_TEXT_MAX) {
        return realm_http_question_refuse(question, 413,
                                          "the body is longer than attributes may be");
    }
    realm_http_api_ask_for_body(question, REALM_HTTP_CHANGE, REALM_MADE_RULE_TEXT_MAX);
    return OK;
}

/* ---- with the body ---- */

static uint16_t status_of(enum realm_made_verdict verdict)
{
    switch (verdict) {
    case REALM_MADE_BAD: return 400;
    case REALM_MADE_DENIED: return 403;
    case REALM_MADE_MISSING: return 404;
    case REALM_MADE_CONFLICT: return 409;
    case REALM_MADE_FULL:
    case REALM_MADE_BEHIND: return 503;
    case REALM_MADE_ASKED:
    case REALM_MADE_ALREADY:
    case REALM_MADE_FAILED:
    case REALM_MADE_NOMEM: break;
    }
    return 500;
}

/* Where the verdict brings none of its own. */
static const char *sentence_of(enum realm_made_verdict verdict, const char *sentence)
{
    switch (verdict) {
    case REALM_MADE_MISSING: return "there is nothing of that kind and name";
    case REALM_MADE_FULL: return "the realm has as many channels as it may have (ChannelsMax)";
    case REALM_MADE_BEHIND: return "the store is behind (ask again in a moment)";
    case REALM_MADE_FAILED: return "the store has failed (the realm's log says why)";
    case REALM_MADE_BAD:
    case REALM_MADE_DENIED:
    case REALM_MADE_CONFLICT:
    case REALM_MADE_ASKED:
    case REALM_MADE_ALREADY:
    case REALM_MADE_NOMEM: break;
    }
    return sentence;
}

/* One request on its way. */
struct work {
    struct realm_http_question question;
    struct realm_http_place place;
    uint8_t room[ROUTER_NAME_MAX];
    struct span name;
    enum change change;
};

static void begin_work(struct work *work)
{
    struct realm_http_question *question = &work->question;
    const bool keeps = question->verdict->keeps && !question->env->is_draining;
    bool is_name;

    (void)realm_http_question_read(question);
    question->verdict->keeps = keeps;
    work->place = realm_http_place_of(question->target.path);
    work->change = change_of(&work->place, question->head->method);
    is_name = realm_http_place_name(work->place.name, work->room, &work->name);
    assert(is_name); /* else it had been refused before its body */
    (void)is_name;
}

static enum err give_one(const struct work *work, uint16_t status)
{
    const struct realm_http_question *question = &work->question;
    struct realm_http_question_answer answer = {.status = status};
    const struct router_route *route = router_find(question->env->router, work->name);
    struct buf body;

    if (route == NULL) { /* removed again meanwhile */
        return realm_http_question_refuse(question, 404, sentence_of(REALM_MADE_MISSING, NULL));
    }
    buf_init(&body, REALM_HTTP_QUESTION_BODY_MAX);
    return realm_http_question_give_json(question, realm_http_api_write(question, route, &body),
                                         &answer, &body);
}

static enum err give_verdict(const struct work *work, enum realm_made_verdict verdict,
                             const char *sentence, bool *ret_is_asked)
{
    *ret_is_asked = verdict == REALM_MADE_ASKED;
    if (*ret_is_asked) {
        return OK;
    }
    if (verdict == REALM_MADE_NOMEM) {
        return ERR_NOMEM;
    }
    return verdict == REALM_MADE_ALREADY
               ? give_one(work, 200)
               : realm_http_question_refuse(&work->question, status_of(verdict),
                                            sentence_of(verdict, sentence));
}

static enum realm_made_verdict verdict_of_purge(enum err e)
{
    switch (e) {
    case OK: return REALM_MADE_ASKED;
    case ERR_NOMEM: return REALM_MADE_NOMEM;
    case ERR_AGAIN: return REALM_MADE_BEHIND;
    case ERR_LIMIT:
    case ERR_PROTO:
    case ERR_IO:
    case ERR_TIMEOUT:
    case ERR_CONF:
    case ERR_CLOSED: break;
    }
    return REALM_MADE_FAILED;
}

static enum realm_made_verdict purge(const struct work *work,
                                     struct router_admin_ticket *ticket,
                                     char sentence[REALM_MADE_RULE_SENTENCE_BYTES])
{
    struct router_route *route =
        realm_channels_find(work->question.env->router, work->place.kind, work->name);
    uint64_t to;

    if (!realm_http_question_number(&work->question, "to", UINT64_MAX - 1, UINT64_MAX - 1,
                                    &to)) {
        snprintf(sentence, REALM_MADE_RULE_SENTENCE_BYTES,
                 "write ?to=EID, the last event to be removed, or nothing for all");
        return REALM_MADE_BAD;
    }
    return route == NULL ? REALM_MADE_MISSING
                         : verdict_of_purge(router_admin_purge(route, to + 1, ticket));
}

/* "?force=true" */
static enum realm_made_verdict drop(const struct work *work, struct router_admin_ticket *ticket,
                                    char sentence[REALM_MADE_RULE_SENTENCE_BYTES])
{
    struct span force = SPAN("false");

    realm_http_question_text(&work->question, "force", &force);
    if (!span_equals(force, "true") && !span_equals(force, "false")) {
        snprintf(sentence, REALM_MADE_RULE_SENTENCE_BYTES,
                 "force must be true or false: write ?force=true, or nothing");
        return REALM_MADE_BAD;
    }
    return realm_made_remove(work->question.env->made, work->place.kind, work->name,
                             span_equals(force, "true"), ticket, sentence);
}

enum err realm_http_admin_begin(const struct realm_http_env *env, const struct http1_head *head,
                                struct span body, struct router_admin_ticket *ticket,
                                struct buf *out, struct realm_http_verdict *verdict,
                                bool *ret_is_asked)
{
    struct work work = {.question = {.env = env, .head = head, .out = out, .verdict = verdict}};
    char sentence[REALM_MADE_RULE_SENTENCE_BYTES] = "";
    enum realm_made_verdict made = REALM_MADE_MISSING;
    bool may;

    begin_work(&work);
    *ret_is_asked = false;
    TRY(realm_http_login_may_still(&work.question, right_of(work.change), work.name, &may));
    if (!may) {
        return OK;
    }
    switch (work.change) {
    case CHANGE_PUT: {
        const struct realm_made_request request = {work.name, work.place.kind, body,
                                                   env->login};

        made = realm_made_put(env->made, &request, ticket, sentence);
        break;
    }
    case CHANGE_DELETE: made = drop(&work, ticket, sentence); break;
    case CHANGE_PURGE: made = purge(&work, ticket, sentence); break;
    case CHANGE_NONE:
    case CHANGE_FORGET: assert(false); /* nothing of them has a body */
    }
    return give_verdict(&work, made, sentence, ret_is_asked);
}

/* ---- when the store has done it ---- */

static enum err give_purged(const struct work *work, size_t count)
{
    struct realm_http_question_answer answer = {.status = 200};
    struct buf body;

    buf_init(&body, REALM_HTTP_QUESTION_BODY_MAX);
    return realm_http_question_give_json(
        &work->question, buf_printf(&body, "{\"purged\": %zu}\n", count), &answer, &body);
}

static const char *failure_of(enum change change)
{
    switch (change) {
    case CHANGE_PUT: return "the store could not keep it: it was not made";
    case CHANGE_DELETE:
        return "it is removed, but the store has not forgotten it: it may be back after a "
               "restart";
    case CHANGE_PURGE: return "the store has failed: nothing was purged";
    case CHANGE_NONE:
    case CHANGE_FORGET: break;
    }
    return "";
}

enum err realm_http_admin_done(const struct realm_http_env *env, const struct http1_head *head,
                               const struct realm_http_admin_outcome *outcome, struct buf *out,
                               struct realm_http_verdict *verdict)
{
    struct work work = {.question = {.env = env, .head = head, .out = out, .verdict = verdict}};

    begin_work(&work);
    if (outcome->e != OK) {
        return realm_http_question_refuse(&work.question, 500, failure_of(work.change));
    }
    switch (work.change) {
    case CHANGE_PUT: return give_one(&work, 201);
    case CHANGE_DELETE: return give_word(&work.question, "removed", work.name);
    case CHANGE_PURGE: return give_purged(&work, outcome->count);
    case CHANGE_NONE:
    case CHANGE_FORGET: break;
    }
    assert(false); /* nothing of them waits */
    return ERR_PROTO;
}
