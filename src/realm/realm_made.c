/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_made.h"

#include "base/text.h"
#include "pubsub/dict_json_write.h"
#include "realm/realm_access.h"
#include "realm/realm_channels.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ARENA_BYTES_MAX = 256 * 1024,
    VALUE_BYTES_MAX = STORE_VALUE_MAX,
    NAME_TEXT_BYTES = 96,
};

static struct span name_of(const struct realm_made_one *one)
{
    return span_of(one->name, one->name_len);
}

void realm_made_init(struct realm_made *made, struct router *router, const struct log *log)
{
    *made = (struct realm_made){.router = router, .log = log};
    map_init(&made->map, router->conf.limits.channels);
}

void realm_made_drop(struct realm_made_one *one)
{
    struct realm_made *made = one->made;

    if (map_find(&made->map, name_of(one)) == one) {
        map_remove(&made->map, name_of(one));
        router_made_drop(made->router, name_of(one));
    }
    buf_fini(&one->record.attributes);
    arena_fini(&one->arena);
    free(one);
}

static void on_last_visit(void *ctx, void *one)
{
    (void)ctx;
    realm_made_drop(one);
}

void realm_made_fini(struct realm_made *made)
{
    map_visit(&made->map, on_last_visit, NULL);
    map_fini(&made->map);
}

/* It is in the map, without a rule. */
static enum err one_new(struct realm_made *made, struct span name, enum router_kind kind,
                        struct realm_made_one **ret_one)
{
    struct realm_made_one *one = calloc(1, sizeof *one + name.len);
    enum err e;

    if (one == NULL) {
        return ERR_NOMEM;
    }
    one->made = made;
    one->record.kind = kind;
    buf_init(&one->record.attributes, VALUE_BYTES_MAX);
    arena_init(&one->arena, ARENA_BYTES_MAX);
    one->name_len = name.len;
    memcpy(one->name, name.ptr, name.len);
    e = map_insert(&made->map, name_of(one), one);
    if (e != OK) {
        free(one);
        return e;
    }
    *ret_one = one;
    return OK;
}

const struct realm_made_one *realm_made_find(const struct realm_made *made, struct span name)
{
    return map_find(&made->map, name);
}

/* ---- rules ---- */

static const struct router_rule *find_rule(const void *ctx, struct span name)
{
    const struct realm_made *made = ctx;
    const struct realm_made_one *one = map_find(&made->map, name);

    return one != NULL && one->is_usable ? &one->rule
                                         : realm_conf_route_section(made->conf, name);
}

static enum err check(struct realm_made_one *one, char sentence[REALM_MADE_RULE_SENTENCE_BYTES])
{
    const struct diag_message *message;
    struct diag diag;
    enum err e = OK;

    diag_init(&diag);
    one->is_usable = true;
    realm_conf_route_check_one(one->made->conf, &one->rule, find_rule, one->made, &diag);
    message = diag_next(&diag, NULL);
    if (diag_count(&diag, DIAG_ERROR) > 0) {
        one->is_usable = false;
        e = ERR_CONF;
        snprintf(sentence, REALM_MADE_RULE_SENTENCE_BYTES, "%s",
                 message == NULL ? err_text(ERR_NOMEM) : message->text);
    }
    diag_fini(&diag);
    return e;
}

/* The rule by what was asked for and the present configuration. ERR_CONF with a sentence,
 * ERR_NOMEM: then it is not usable, and the router does not know it. */
static enum err build(struct realm_made_one *one, char sentence[REALM_MADE_RULE_SENTENCE_BYTES])
{
    struct realm_made_rule_wish wish = {.name = name_of(one), .kind = one->record.kind};
    struct router *router = one->made->router;
    struct dict *attributes;
    enum err e;

    one->is_usable = false;
    router_made_drop(router, wish.name);
    arena_fini(&one->arena);
    arena_init(&one->arena, ARENA_BYTES_MAX);
    TRY(realm_made_rule_parse(buf_span(&one->record.attributes), sentence, &attributes));
    wish.attributes = attributes;
    e = realm_made_rule_read(one->made->conf, &wish, &one->arena, sentence, &one->rule);
    dict_free(attributes);
    TRY(e);
    TRY(check(one, sentence));
    e = router_made_put(router, &one->rule);
    one->is_usable = e == OK;
    return e == OK ? OK : ERR_NOMEM;
}

void realm_made_build(struct realm_made_one *one)
{
    char sentence[REALM_MADE_RULE_SENTENCE_BYTES];
    char shown[NAME_TEXT_BYTES];
    enum err e = build(one, sentence);

    if (e != OK) {
        log_warn(one->made->log, "%s, which %s has made, is not used now: %s",
                 text_printable(name_of(one), shown, sizeof shown), one->record.by,
                 e == ERR_CONF ? sentence : err_text(e));
    }
}

static void on_unuse(void *ctx, void *value)
{
    struct realm_made_one *one = value;

    (void)ctx;
    one->is_usable = false;
}

static void on_build(void *ctx, void *value)
{
    (void)ctx;
    realm_made_build(value);
}

void realm_made_adopt(struct realm_made *made, const struct realm_conf *conf)
{
    made->conf = conf;
    map_visit(&made->map, on_unuse, NULL); /* rings are looked for among those that are built */
    map_visit(&made->map, on_build, NULL);
}

void realm_made_open_one(const struct realm_made_one *one)
{
    char shown[NAME_TEXT_BYTES];
    struct router_route *route;

    if (one->is_usable &&
        router_open(one->made->router, name_of(one), &route) != ROUTER_FOUND) {
        log_warn(one->made->log,
                 "%s, which %s has made, could not be opened (ChannelsMax, or "
                 "the store has failed); it is tried again when it is used",
                 text_printable(name_of(one), shown, sizeof shown), one->record.by);
    }
}

static void on_open(void *ctx, void *value)
{
    (void)ctx;
    realm_made_open_one(value);
}

void realm_made_open(struct realm_made *made)
{
    map_visit(&made->map, on_open, NULL);
}

/* ---- what the store has ---- */

static enum err read_record(struct realm_made *made, struct span name, struct span value,
                            struct realm_made_one **ret_one)
{
    struct realm_made_record record;
    struct realm_made_one *one;
    enum err e;

    TRY(realm_made_record_read(value, &record));
    e = one_new(made, name, record.kind, &one);
    if (e != OK) {
        buf_fini(&record.attributes);
        return e;
    }
    one->record = record;
    *ret_one = one;
    return OK;
}

enum err realm_made_read(struct realm_made *made, struct span name, struct span value,
                         struct realm_made_one **ret_one)
{
    char shown[NAME_TEXT_BYTES];
    enum err e = read_record(made, name, value, ret_one);

    if (e != OK && e != ERR_NOMEM) {
        log_warn(made->log, "the store says of %s that it was made, but %s",
                 text_printable(name, shown, sizeof shown),
                 e == ERR_LIMIT ? "there are more than may be (ChannelsMax)"
                                : "nobody can read how");
    }
    return e;
}

struct loading {
    struct realm_made *made;
    enum err e;
};

static bool on_key(void *ctx, struct span key, struct span value)
{
    struct loading *loading = ctx;
    struct span name = realm_made_record_name(key);
    struct realm_made_one *one;
    enum err e = realm_made_read(loading->made, name, value, &one);

    loading->e = e == ERR_NOMEM ? e : OK;
    return e != ERR_NOMEM;
}

enum err realm_made_load(struct realm_made *made, const struct realm_conf *conf)
{
    struct loading loading = {made, OK};
    struct store *store = made->router->conf.store;

    if (store != NULL) {
        TRY(store_list(store, realm_made_record_prefix, on_key, &loading));
        TRY(loading.e);
    }
    realm_made_adopt(made, conf);
    return OK;
}

/* ---- making ---- */

static enum realm_made_verdict verdict_of(enum err e)
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

void realm_made_drop_route(struct router *router, struct span name)
{
    struct router_route *route = router_find(router, name);

    if (route != NULL) {
        router_hold(route);
        router_leave(route);
        router_unname(route);
        router_release(route);
    }
}

static void on_kept(void *ctx, enum err e)
{
    struct realm_made_one *one = ctx;

    one->is_pending = false;
    if (e != OK) {
        realm_made_drop_route(one->made->router, name_of(one));
        realm_made_drop(one);
    }
}

static enum realm_made_verdict open_route(struct realm_made *made, struct span name,
                                          char sentence[REALM_MADE_RULE_SENTENCE_BYTES])
{
    struct router_route *route;
    char shown[NAME_TEXT_BYTES];

    text_printable(name, shown, sizeof shown);
    switch (router_open(made->router, name, &route)) {
    case ROUTER_FOUND: return REALM_MADE_ASKED;
    case ROUTER_MISSING: return REALM_MADE_BEHIND; /* it is being removed */
    case ROUTER_BAD_NAME:
        snprintf(sentence, REALM_MADE_RULE_SENTENCE_BYTES,
                 "%s is no name (1 to %d bytes of printable UTF-8)", shown, ROUTER_NAME_MAX);
        return REALM_MADE_BAD;
    case ROUTER_FULL: return REALM_MADE_FULL;
    case ROUTER_FAILED: return REALM_MADE_FAILED;
    case ROUTER_NOMEM: break;
    }
    return REALM_MADE_NOMEM;
}

static enum realm_made_verdict keep(struct realm_made_one *one,
                                    struct router_admin_ticket *ticket)
{
    uint8_t room[STORE_KEY_MAX];
    struct buf value;
    struct router_admin_state state = {.apply = on_kept, .ctx = one};
    enum err e;

    buf_init(&value, VALUE_BYTES_MAX);
    e = realm_made_record_write(&one->record, &value);
    state.op = (struct store_op){.type = STORE_PUT,
                                 .key = realm_made_record_key(name_of(one), room),
                                 .value = buf_span(&value)};
    if (e == OK) {
        one->is_pending = true;
        e = router_admin_keep(one->made->router, &state, ticket);
    }
    buf_fini(&value);
    return verdict_of(e);
}

/* What is asked about other channels than this one. */
static bool may_bury(const struct realm_made_request *request, const struct realm_made_one *one,
                     char sentence[REALM_ACCESS_SENTENCE_BYTES])
{
    const struct router_rule *section =
        realm_conf_route_section(one->made->conf, request->name);
    struct span dead = one->rule.dead_events;

    return dead.len == 0 || span_equal(dead, section->dead_events) ||
           realm_access_may(request->login, REALM_ACL_PUBLISH, dead, sentence);
}

static enum realm_made_verdict make(struct realm_made_one *one,
                                    const struct realm_made_request *request,
                                    struct router_admin_ticket *ticket,
                                    char sentence[REALM_MADE_RULE_SENTENCE_BYTES])
{
    char denied[REALM_ACCESS_SENTENCE_BYTES];
    enum realm_made_verdict verdict;
    enum err e = build(one, sentence);

    if (e != OK) {
        return e == ERR_CONF ? REALM_MADE_BAD : REALM_MADE_NOMEM;
    }
    if (!may_bury(request, one, denied)) {
        snprintf(sentence, REALM_MADE_RULE_SENTENCE_BYTES, "%.*s",
                 REALM_MADE_RULE_SENTENCE_BYTES - 1, denied);
        return REALM_MADE_DENIED;
    }
    verdict = open_route(one->made, request->name, sentence);
    if (verdict != REALM_MADE_ASKED) {
        return verdict;
    }
    verdict = keep(one, ticket);
    if (verdict != REALM_MADE_ASKED) {
        realm_made_drop_route(one->made->router, request->name);
    }
    return verdict;
}

/* REALM_MADE_ASKED: nothing is in the way. */
static enum realm_made_verdict look(const struct realm_made *made,
                                    const struct realm_made_request *request,
                                    const struct buf *attributes,
                                    char sentence[REALM_MADE_RULE_SENTENCE_BYTES])
{
    const struct realm_made_one *one = realm_made_find(made, request->name);
    const struct router_rule *section = realm_conf_route_section(made->conf, request->name);
    char shown[NAME_TEXT_BYTES];

    text_printable(request->name, shown, sizeof shown);
    if (one != NULL && one->is_pending) {
        return REALM_MADE_BEHIND;
    }
    if (one != NULL && one->record.kind == request->kind &&
        span_equal(buf_span(attributes), buf_span(&one->record.attributes))) {
        return REALM_MADE_ALREADY;
    }
    if (one != NULL) {
        snprintf(sentence, REALM_MADE_RULE_SENTENCE_BYTES,
                 "%s was made already, with other attributes (DELETE it first)", shown);
        return REALM_MADE_CONFLICT;
    }
    if (section != NULL && span_equal(section->pattern, request->name)) {
        snprintf(sentence, REALM_MADE_RULE_SENTENCE_BYTES,
                 "%s is declared in the configuration (change it there)", shown);
        return REALM_MADE_CONFLICT;
    }
    if (section != NULL && section->kind != request->kind) {
        snprintf(sentence, REALM_MADE_RULE_SENTENCE_BYTES,
                 "%s cannot be a %s: a <%s> section covers it", shown,
                 request->kind == ROUTER_QUEUE ? "queue" : "channel",
                 section->kind == ROUTER_QUEUE ? "Queue" : "Channel");
        return REALM_MADE_CONFLICT;
    }
    if (router_find(made->router, request->name) != NULL) {
        snprintf(sentence, REALM_MADE_RULE_SENTENCE_BYTES,
                 "%s is there already, made by its first use (DELETE it first)", shown);
        return REALM_MADE_CONFLICT;
    }
    return REALM_MADE_ASKED;
}

static enum realm_made_verdict put(struct realm_made *made,
                                   const struct realm_made_request *request,
                                   struct buf *take_attributes,
                                   struct router_admin_ticket *ticket,
                                   char sentence[REALM_MADE_RULE_SENTENCE_BYTES])
{
    const struct realm_acl_subject subject = realm_login_subject(request->login);
    enum realm_made_verdict verdict = look(made, request, take_attributes, sentence);
    struct realm_made_one *one;
    enum err e;

    if (verdict != REALM_MADE_ASKED) {
        return verdict;
    }
    e = one_new(made, request->name, request->kind, &one);
    if (e != OK) {
        return e == ERR_LIMIT ? REALM_MADE_FULL : REALM_MADE_NOMEM;
    }
    one->record.at = made->router->room.now;
    realm_acl_subject_text(&subject, one->record.by);
    one->record.attributes = *take_attributes;
    buf_init(take_attributes, 0);
    verdict = make(one, request, ticket, sentence);
    if (verdict != REALM_MADE_ASKED) {
        realm_made_drop(one);
    }
    return verdict;
}

enum realm_made_verdict realm_made_put(struct realm_made *made,
                                       const struct realm_made_request *request,
                                       struct router_admin_ticket *ticket,
                                       char sentence[REALM_MADE_RULE_SENTENCE_BYTES])
{
    enum realm_made_verdict verdict = REALM_MADE_NOMEM;
    struct dict *attributes;
    struct buf text;
    enum err e = realm_made_rule_parse(request->attributes, sentence, &attributes);

    if (e != OK) {
        return e == ERR_CONF ? REALM_MADE_BAD : REALM_MADE_NOMEM;
    }
    buf_init(&text, VALUE_BYTES_MAX);
    if (dict_json_write(attributes, &text) == OK) {
        verdict = put(made, request, &text, ticket, sentence);
    }
    buf_fini(&text);
    dict_free(attributes);
    return verdict;
}

/* ---- removing ---- */

static enum realm_made_verdict remove_both(struct realm_made *made, struct router_route *route,
                                           struct span name, struct router_admin_ticket *ticket)
{
    struct realm_made_one *one = map_find(&made->map, name);
    uint8_t room[STORE_KEY_MAX];
    const struct router_admin_state state = {
        .op = {.type = STORE_DELETE, .key = realm_made_record_key(name, room)}};
    enum realm_made_verdict verdict = verdict_of(
        route == NULL ? router_admin_keep(made->router, &state, ticket)
                      : router_admin_remove(route, one == NULL ? NULL : &state, ticket));

    if (verdict == REALM_MADE_ASKED) {
        durable_forget_all(&made->router->durables, name);
        if (one != NULL) {
            realm_made_drop(one);
        }
    }
    return verdict;
}

enum realm_made_verdict realm_made_remove(struct realm_made *made, enum router_kind kind,
                                          struct span name, bool force,
                                          struct router_admin_ticket *ticket,
                                          char sentence[REALM_MADE_RULE_SENTENCE_BYTES])
{
    const struct realm_made_one *one = realm_made_find(made, name);
    const struct router_rule *section = realm_conf_route_section(made->conf, name);
    struct router_route *route = realm_channels_find(made->router, kind, name);
    char shown[NAME_TEXT_BYTES];

    text_printable(name, shown, sizeof shown);
    if (section != NULL && section->kind == kind && span_equal(section->pattern, name)) {
        snprintf(sentence, REALM_MADE_RULE_SENTENCE_BYTES,
                 "%s is declared in the configuration (remove it there)", shown);
        return REALM_MADE_CONFLICT;
    }
    if (route == NULL && (one == NULL || one->record.kind != kind)) {
        return REALM_MADE_MISSING;
    }
    if (one != NULL && one->is_pending) {
        return REALM_MADE_BEHIND;
    }
    if (route != NULL && !force && !list_is_empty(&route->subs)) {
        snprintf(sentence, REALM_MADE_RULE_SENTENCE_BYTES,
                 "%s has subscribers (ask with ?force=true, and their sessions end)", shown);
        return REALM_MADE_CONFLICT;
    }
    return remove_both(made, route, name, ticket);
}
