/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_made_rule.h"

#include "base/text.h"
#include "pubsub/dict_json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    WORD_BYTES = 32,
    WORDS_MAX = 4, /* of one line */
};

static enum err complain(char *sentence, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum err complain(char *sentence, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sentence, REALM_MADE_RULE_SENTENCE_BYTES, format, args);
    va_end(args);
    for (; *sentence != '\0'; sentence++) { /* it goes to the log, too */
        if ((unsigned char)*sentence < 0x20 || *sentence == 0x7f) {
            *sentence = '?';
        }
    }
    return ERR_CONF;
}

enum err realm_made_rule_parse(struct span text, char sentence[REALM_MADE_RULE_SENTENCE_BYTES],
                               struct dict **ret_attributes)
{
    const struct dict_limits limits = {.bytes = 16 * REALM_MADE_RULE_TEXT_MAX, .values = 1000};
    struct dict_fault fault;
    enum err e = dict_json_read(span_trim(text).len == 0 ? SPAN("{}") : text, &limits, &fault,
                                ret_attributes);

    if (e == OK || e == ERR_NOMEM) {
        return e;
    }
    return complain(sentence, "the attributes are not a JSON object: at byte %zu %s", fault.at,
                    dict_fault_text(fault.reason));
}

/* ---- members to lines ---- */

/* The lines that are made of one object. */
struct lines {
    struct arena *arena;
    struct conf_node *first;
    struct conf_node **last; /* where the next one goes */
    char *sentence;
};

/* As it would stand in the configuration. False: it could not. */
static bool word_of(const struct dict_value *value, char room[WORD_BYTES],
                    struct span *ret_word)
{
    if (value->type == DICT_STRING || value->type == DICT_CHAR) {
        *ret_word = value->text;
        return true;
    }
    if (value->type == DICT_BOOLEAN) {
        *ret_word = span_str(value->boolean ? "On" : "Off");
        return true;
    }
    if (value->type < DICT_BYTE || value->type > DICT_LONG) {
        return false;
    }
    snprintf(room, WORD_BYTES, "%" PRId64, value->integer);
    *ret_word = span_str(room);
    return true;
}

static enum err add_line(struct lines *lines, struct span name, const struct dict_value *values,
                         size_t count)
{
    char room[WORD_BYTES];
    struct conf_node *node;
    void *memory, *words;

    if (count > WORDS_MAX) {
        return complain(lines->sentence, "%.*s: there are too many values in one array",
                        SPAN_ARG(diag_word(name)));
    }
    TRY(arena_alloc(lines->arena, sizeof *node, &memory));
    TRY(arena_alloc(lines->arena, (count + 1) * sizeof(struct span), &words));
    node = memory;
    TRY(arena_copy(lines->arena, name, &node->name));
    for (size_t i = 0; i < count; i++) {
        struct span word;

        if (!word_of(&values[i], room, &word)) {
            return complain(lines->sentence,
                            "%.*s: write a string, a whole number, true or false, or where "
                            "there may be several an array of them",
                            SPAN_ARG(diag_word(name)));
        }
        TRY(arena_copy(lines->arena, word, &((struct span *)words)[i]));
    }
    node->words = words;
    node->word_count = count;
    node->file = "the attributes";
    node->base = "";
    node->line = 1;
    *lines->last = node;
    lines->last = &node->next;
    return OK;
}

/* ["symbol", ["region", 2]] is two lines. */
static enum err add_member(struct lines *lines, const struct dict_member *member)
{
    const struct dict_value *value = &member->value;

    if (value->type != DICT_ARRAY) {
        return add_line(lines, member->name, value, 1);
    }
    for (size_t i = 0; i < value->array->count; i++) {
        const struct dict_value *line = &value->array->values[i];
        bool has_words = line->type == DICT_ARRAY;

        TRY(add_line(lines, member->name, has_words ? line->array->values : line,
                     has_words ? line->array->count : 1));
    }
    return OK;
}

static enum err check_name(struct span name, char *sentence)
{
    static const struct {
        const char *name;
        const char *why;
    } refused[] = {
        {"Allow", "rights are given by the section that covers the name"},
        {"Deny", "rights are given by the section that covers the name"},
        {"Join", "joins are made in the configuration"},
        {"CreateOnUse", "it is made by this request"},
    };

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (span_equals_nocase(name, refused[i].name)) {
            return complain(sentence, "%s cannot be said here: %s", refused[i].name,
                            refused[i].why);
        }
    }
    return OK;
}

static enum err read_lines(const struct dict *attributes, struct lines *lines,
                           struct router_rule *rule)
{
    for (size_t i = 0; i < attributes->count; i++) {
        const struct dict_member *member = &attributes->members[i];

        TRY(check_name(member->name, lines->sentence));
        if (span_equals_nocase(member->name, "PublishKey")) {
            rule->channel.key_count = 0; /* in place of the section's */
        }
        TRY(add_member(lines, member));
    }
    return OK;
}

/* ---- the rule ---- */

static enum err apply(const struct lines *lines, struct router_rule *rule)
{
    const struct realm_conf_route_kind *about = realm_conf_route_kind(rule->kind);
    const struct conf_table table = {about->rows, rule};
    const struct diag_message *message;
    struct diag diag;
    const struct conf_apply apply = {
        .tables = &table,
        .table_count = 1,
        .place = about->place,
        .arena = lines->arena,
        .diag = &diag,
    };
    enum err e;

    diag_init(&diag);
    e = conf_schema_apply(&apply, lines->first);
    message = diag_next(&diag, NULL);
    if (e == OK && diag_count(&diag, DIAG_ERROR) > 0) {
        e = complain(lines->sentence, "%s",
                     message == NULL ? "an attribute will not do" : message->text);
    }
    diag_fini(&diag);
    return e;
}

static enum err begin_with_section(const struct realm_conf *conf,
                                   const struct realm_made_rule_wish *wish, char *sentence,
                                   struct router_rule *rule)
{
    const struct router_rule *section = realm_conf_route_section(conf, wish->name);
    const char *kind = realm_conf_route_kind(wish->kind)->word;

    if (section == NULL) {
        return complain(sentence, "no section of the configuration covers %.*s",
                        SPAN_ARG(diag_word(wish->name)));
    }
    if (span_find(wish->name, '*') < wish->name.len) {
        return complain(sentence, "a %s that is made has a name without *", kind);
    }
    if (span_equal(section->pattern, wish->name)) {
        return complain(sentence, "%.*s is declared in the configuration: it is changed there",
                        SPAN_ARG(diag_word(wish->name)));
    }
    if (section->kind != wish->kind) {
        return complain(sentence, "%.*s cannot be a %s: <%s \"%.*s\"> covers it",
                        SPAN_ARG(diag_word(wish->name)), kind,
                        realm_conf_route_kind(section->kind)->section,
                        SPAN_ARG(diag_word(section->pattern)));
    }
    *rule = *section;
    return OK;
}

enum err realm_made_rule_read(const struct realm_conf *conf,
                              const struct realm_made_rule_wish *wish, struct arena *arena,
                              char sentence[REALM_MADE_RULE_SENTENCE_BYTES],
                              struct router_rule *ret_rule)
{
    struct lines lines = {.arena = arena, .sentence = sentence};
    struct router_rule rule;
    enum err e;

    lines.last = &lines.first;
    TRY(begin_with_section(conf, wish, sentence, &rule));
    e = arena_copy(arena, wish->name, &rule.pattern);
    rule.is_closed = false;
    if (e == OK) {
        e = read_lines(wish->attributes, &lines, &rule);
    }
    if (e == OK) {
        e = apply(&lines, &rule);
    }
    if (e == ERR_LIMIT) {
        return complain(sentence, "there are too many attributes");
    }
    TRY(e);
    *ret_rule = rule;
    return OK;
}
