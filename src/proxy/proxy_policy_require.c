/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_policy_require.h"

#include "proxy/proxy_conf.h"

#include <stdio.h>

enum {
    TITLE_BYTES = 160, /* of a line in messages; longer ones are cut */
    HOST_BYTES_MAX = 253,
};

/* ---- adding ---- */

enum err proxy_policy_require_add(struct proxy_policy_rule **list,
                                  const struct proxy_policy_rule *rule, struct arena *arena)
{
    void *room;

    TRY(arena_alloc(arena, sizeof *rule, &room));
    while (*list != NULL) {
        list = &(*list)->next;
    }
    *list = room;
    **list = *rule;
    return OK;
}

enum err proxy_policy_require_add_net(struct proxy_policy_rule **list, struct span word,
                                      const struct conf_node *node,
                                      const struct conf_apply *apply)
{
    struct proxy_policy_rule rule = {
        .kind = PROXY_POLICY_RULE_NET, .word = word, .file = node->file, .line = node->line};

    if (!addr_net_parse(word, &rule.net)) {
        diag_error(apply->diag, node->file, node->line,
                   "%.*s: \"%.*s\" is not an address (write 10.1.2.3, 10.0.0.0/8, 10.1 or "
                   "2001:db8::/32, with spaces between several)",
                   SPAN_ARG(node->name), SPAN_ARG(diag_word(word)));
        return OK;
    }
    return proxy_policy_require_add(list, &rule, apply->arena);
}

static bool is_digit_or_dot(uint8_t c)
{
    return c == '.' || (c >= '0' && c <= '9');
}

static bool is_name_byte(uint8_t c)
{
    c = span_lower(c);
    return (c >= 'a' && c <= 'z') || is_digit_or_dot(c) || c == '-' || c == '_';
}

/* All digits and dots is an address that failed to be one. */
static bool is_name(struct span word)
{
    bool has_letter = false;

    if (word.len == 0 || word.len > HOST_BYTES_MAX || span_equals(word, ".")) {
        return false;
    }
    for (size_t i = 0; i < word.len; i++) {
        if (!is_name_byte(word.ptr[i])) {
            return false;
        }
        has_letter = has_letter || !is_digit_or_dot(word.ptr[i]);
    }
    return has_letter;
}

enum err proxy_policy_require_add_host(struct proxy_policy_rule **list, struct span word,
                                       const struct conf_node *node,
                                       const struct conf_apply *apply)
{
    struct proxy_policy_rule rule = {
        .kind = PROXY_POLICY_RULE_HOST, .file = node->file, .line = node->line};

    if (!is_name(word)) {
        diag_error(apply->diag, node->file, node->line,
                   "%.*s: \"%.*s\" is neither an address nor a host name (write 127.0.0.1, "
                   "10.0.0.0/8, 10.1, host.example or .example, with spaces between several)",
                   SPAN_ARG(node->name), SPAN_ARG(diag_word(word)));
        return OK;
    }
    rule.word = word.ptr[0] == '.' ? span_tail(word, 1) : word;
    if (rule.word.ptr[rule.word.len - 1] == '.') {
        rule.word.len--; /* the root's dot */
    }
    return proxy_policy_require_add(list, &rule, apply->arena);
}

/* ---- one line ---- */

/* A Require line that is being read: `words` are those behind the kind. */
struct line {
    struct proxy_policy_rule *rule;
    const struct conf_node *node;
    const struct conf_apply *apply;
    struct span kind;
    const struct span *words;
    size_t word_count;
};

struct line_kind {
    const char *name;
    enum err (*read)(const struct line *line, const struct line_kind *kind);
    enum proxy_policy_rule_kind rule; /* of its words */
    const char *usage;
};

static enum err add_word(const struct line *line, enum proxy_policy_rule_kind kind,
                         struct span word)
{
    const struct proxy_policy_rule rule = {
        .kind = kind, .word = word, .file = line->node->file, .line = line->node->line};

    return proxy_policy_require_add(&line->rule->children, &rule, line->apply->arena);
}

static enum err read_all(const struct line *line, const struct line_kind *kind)
{
    if (line->word_count == 1 && span_equals_nocase(line->words[0], "granted")) {
        return add_word(line, PROXY_POLICY_RULE_ALL, line->words[0]);
    }
    if (line->word_count == 1 && span_equals_nocase(line->words[0], "denied")) {
        return add_word(line, PROXY_POLICY_RULE_NOBODY, line->words[0]);
    }
    diag_error(line->apply->diag, line->node->file, line->node->line,
               "Require all: needs one word behind it (write %s or Require all denied)",
               kind->usage);
    return OK;
}

/* local, valid-user */
static enum err read_bare(const struct line *line, const struct line_kind *kind)
{
    if (line->word_count > 0) {
        diag_error(line->apply->diag, line->node->file, line->node->line,
                   "Require %s: \"%.*s\" is one word too many (write %s)", kind->name,
                   SPAN_ARG(diag_word(line->words[0])), kind->usage);
        return OK;
    }
    return add_word(line, kind->rule, line->kind);
}

/* As httpd knows them: another word is a slip. */
static bool is_method(struct span word)
{
    static const char *const known[] = {
        "GET",        "HEAD",
        "PUT",        "POST",
        "DELETE",     "CONNECT",
        "TRACE",      "OPTIONS",
        "PATCH",      "PROPFIND",
        "PROPPATCH",  "MKCOL",
        "COPY",       "MOVE",
        "LOCK",       "UNLOCK",
        "CHECKOUT",   "UNCHECKOUT",
        "LABEL",      "VERSION-CONTROL",
        "CHECKIN",    "UPDATE",
        "REPORT",     "MKWORKSPACE",
        "MERGE",      "BASELINE-CONTROL",
        "MKACTIVITY",
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (span_equals(word, known[i])) {
            return true;
        }
    }
    return false;
}

static enum err read_word(const struct line *line, const struct line_kind *kind,
                          struct span word)
{
    struct proxy_policy_rule **list = &line->rule->children;

    if (kind->rule == PROXY_POLICY_RULE_NET) {
        return proxy_policy_require_add_net(list, word, line->node, line->apply);
    }
    if (kind->rule == PROXY_POLICY_RULE_HOST) {
        return proxy_policy_require_add_host(list, word, line->node, line->apply);
    }
    if (kind->rule == PROXY_POLICY_RULE_METHOD && !is_method(word)) {
        diag_error(line->apply->diag, line->node->file, line->node->line,
                   "Require method: \"%.*s\" is not a method (write GET, POST or CONNECT, in "
                   "capitals)",
                   SPAN_ARG(diag_word(word)));
        return OK;
    }
    return add_word(line, kind->rule, word);
}

static enum err read_words(const struct line *line, const struct line_kind *kind)
{
    if (line->word_count == 0) {
        diag_error(line->apply->diag, line->node->file, line->node->line,
                   "Require %s: names nobody (write %s)", kind->name, kind->usage);
    }
    for (size_t i = 0; i < line->word_count; i++) {
        TRY(read_word(line, kind, line->words[i]));
    }
    return OK;
}

static enum err refuse_kind(const struct line *line, const struct line_kind *kind)
{
    diag_error(line->apply->diag, line->node->file, line->node->line,
               "Require %s: is not supported (%s)", kind->name, kind->usage);
    return OK;
}

/* clang-format off */
static const struct line_kind kinds[] = {
    {"all", read_all, PROXY_POLICY_RULE_ALL, "Require all granted"},
    {"ip", read_words, PROXY_POLICY_RULE_NET, "Require ip 10.0.0.0/8"},
    {"host", read_words, PROXY_POLICY_RULE_HOST, "Require host host.example"},
    {"local", read_bare, PROXY_POLICY_RULE_LOCAL, "Require local"},
    {"method", read_words, PROXY_POLICY_RULE_METHOD, "Require method GET CONNECT"},
    {"user", read_words, PROXY_POLICY_RULE_USER, "Require user alice"},
    {"valid-user", read_bare, PROXY_POLICY_RULE_VALID_USER, "Require valid-user"},
    {"group", read_words, PROXY_POLICY_RULE_GROUP, "Require group staff"},
    {"expr", refuse_kind, PROXY_POLICY_RULE_NOBODY,
     "say it by Require ip, host, method or user, in <RequireAll> or <RequireAny>"},
    {"env", refuse_kind, PROXY_POLICY_RULE_NOBODY,
     "there are no environment variables; name addresses, hosts or users"},
    {"forward-dns", refuse_kind, PROXY_POLICY_RULE_NOBODY,
     "write Require host, whose names are looked up in both directions"},
    {"file-owner", refuse_kind, PROXY_POLICY_RULE_NOBODY, "a proxy serves no files"},
    {"file-group", refuse_kind, PROXY_POLICY_RULE_NOBODY, "a proxy serves no files"},
    {NULL, NULL, PROXY_POLICY_RULE_NOBODY, NULL},
};
/* clang-format on */

static enum err make_title(const struct conf_node *node, struct arena *arena,
                           struct span *ret_title)
{
    char text[TITLE_BYTES];
    size_t len = (size_t)snprintf(text, sizeof text, "%s%.*s", node->is_section ? "<" : "",
                                  SPAN_ARG(diag_word(node->name)));

    for (size_t i = 0; i < node->word_count && len < sizeof text; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, " %.*s",
                                SPAN_ARG(diag_word(node->words[i])));
    }
    if (len < sizeof text && node->is_section) {
        len += (size_t)snprintf(text + len, sizeof text - len, ">");
    }
    len = len < sizeof text ? len : sizeof text - 1;
    return arena_copy(arena, span_of(text, len), ret_title);
}

static enum err read_kind(const struct line *line)
{
    for (const struct line_kind *kind = kinds; kind->name != NULL; kind++) {
        if (span_equals_nocase(line->kind, kind->name)) {
            return kind->read(line, kind);
        }
    }
    diag_error(line->apply->diag, line->node->file, line->node->line,
               "Require: \"%.*s\" is not supported (write Require all, ip, host, local, "
               "method, user, valid-user or group)",
               SPAN_ARG(diag_word(line->kind)));
    return OK;
}

static enum err read_line(struct proxy_policy_rule *rule, const struct conf_node *node,
                          const struct conf_apply *apply)
{
    size_t at = rule->is_negated ? 1 : 0;
    struct line line = {.rule = rule, .node = node, .apply = apply};

    if (node->word_count <= at) {
        diag_error(apply->diag, node->file, node->line,
                   "Require not: there is nothing behind it (write Require not ip 10.0.0.1)");
        return OK;
    }
    line.kind = node->words[at];
    line.words = node->words + at + 1;
    line.word_count = node->word_count - at - 1;
    return read_kind(&line);
}

/* ---- containers ---- */

static enum err set_inner(void *conf, const struct conf_node *node,
                          const struct conf_apply *apply)
{
    return proxy_policy_require_read(conf, node, apply);
}

#define PLACES PROXY_CONF_IN_REQUIRE

/* clang-format off */
const struct directive proxy_policy_require_rows[] = {
    {.name = "Require", .type = CONF_CUSTOM, .min = 1, .max = 255, .set = set_inner,
     .where = PLACES, .form = "[not] all|ip|host|local|method|user|valid-user|group ...",
     .help = "Who passes; in <RequireAll> with `not` also who does not."},
    {.name = "RequireAll", .type = CONF_SECTION, .max = 0, .set = set_inner,
     .where = PLACES, .opens = PROXY_CONF_IN_REQUIRE, .inner = proxy_policy_require_rows,
     .form = "", .help = "Passes when none of its rules refuses and one of them grants."},
    {.name = "RequireAny", .type = CONF_SECTION, .max = 0, .set = set_inner,
     .where = PLACES, .opens = PROXY_CONF_IN_REQUIRE, .inner = proxy_policy_require_rows,
     .form = "", .help = "Passes when one of its rules grants."},
    {.name = "RequireNone", .type = CONF_SECTION, .max = 0, .set = set_inner,
     .where = PLACES, .opens = PROXY_CONF_IN_REQUIRE, .inner = proxy_policy_require_rows,
     .form = "", .help = "Refuses when one of its rules grants; stands in <RequireAll>."},
    {.name = NULL},
};
/* clang-format on */

static bool has_positive(const struct proxy_policy_rule *rule)
{
    for (const struct proxy_policy_rule *child = rule->children; child != NULL;
         child = child->next) {
        if (!child->is_negated) {
            return true;
        }
    }
    return false;
}

static enum err read_container(struct proxy_policy_rule *rule, const struct conf_node *node,
                               const struct conf_apply *apply)
{
    const struct conf_table table = {proxy_policy_require_rows, rule};
    const struct conf_apply inner = {
        .tables = &table,
        .table_count = 1,
        .place = PROXY_CONF_IN_REQUIRE,
        .arena = apply->arena,
        .diag = apply->diag,
        .outer = apply,
    };

    if (node->word_count > 0) {
        diag_error(apply->diag, node->file, node->line,
                   "<%.*s>: \"%.*s\" is one word too many (write <%.*s>)", SPAN_ARG(node->name),
                   SPAN_ARG(diag_word(node->words[0])), SPAN_ARG(node->name));
    }
    if (node->children == NULL) {
        diag_error(apply->diag, node->file, node->line,
                   "<%.*s>: holds no rule (write Require lines into it, or remove it)",
                   SPAN_ARG(node->name));
    }
    TRY(conf_schema_apply(&inner, node->children));
    if (rule->kind == PROXY_POLICY_RULE_ALL_OF && rule->children != NULL &&
        !has_positive(rule)) {
        diag_error(apply->diag, node->file, node->line,
                   "<%.*s>: holds only rules that refuse, so nobody passes (add Require all "
                   "granted to it)",
                   SPAN_ARG(node->name));
    }
    return OK;
}

static bool check_negation(const struct proxy_policy_rule *parent,
                           const struct proxy_policy_rule *rule, const struct conf_node *node,
                           const struct conf_apply *apply)
{
    if (!rule->is_negated || parent->kind == PROXY_POLICY_RULE_ALL_OF) {
        return true;
    }
    diag_error(apply->diag, node->file, node->line,
               "%.*s: refuses nobody here, where one rule that grants is enough (write "
               "<RequireAll>, Require all granted, this rule, </RequireAll>)",
               SPAN_ARG(diag_word(rule->title)));
    return false;
}

enum err proxy_policy_require_read(struct proxy_policy_rule *parent,
                                   const struct conf_node *node, const struct conf_apply *apply)
{
    struct proxy_policy_rule rule = {
        .kind = PROXY_POLICY_RULE_ANY_OF, .file = node->file, .line = node->line};
    struct proxy_policy_rule **last = &parent->children;

    TRY(make_title(node, apply->arena, &rule.title));
    if (!node->is_section) {
        rule.is_negated = span_equals_nocase(node->words[0], "not");
    } else if (span_equals_nocase(node->name, "RequireNone")) {
        rule.is_negated = true;
    } else if (span_equals_nocase(node->name, "RequireAll")) {
        rule.kind = PROXY_POLICY_RULE_ALL_OF;
    }
    if (!check_negation(parent, &rule, node, apply)) {
        return OK;
    }
    TRY(proxy_policy_require_add(last, &rule, apply->arena));
    while ((*last)->next != NULL) {
        last = &(*last)->next;
    }
    return node->is_section ? read_container(*last, node, apply)
                            : read_line(*last, node, apply);
}
