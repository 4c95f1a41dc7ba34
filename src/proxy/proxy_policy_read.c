/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_policy_read.h"

#include "conf/conf_path.h"
#include "proxy/proxy_conf.h"
#include "proxy/proxy_policy_require.h"

/* ---- Order, Allow, Deny, Satisfy ---- */

static enum err set_order(void *conf, const struct conf_node *node,
                          const struct conf_apply *apply)
{
    struct proxy_policy_section *section = conf;

    section->has_access = true;
    section->order_line = node->line;
    if (span_equals_nocase(node->words[0], "deny,allow")) {
        section->deny_first = true;
    } else if (span_equals_nocase(node->words[0], "allow,deny") ||
               span_equals_nocase(node->words[0], "mutual-failure")) {
        section->deny_first = false;
    } else {
        diag_error(apply->diag, node->file, node->line,
                   "Order: \"%.*s\" is no order (write deny,allow or allow,deny, without a "
                   "space)",
                   SPAN_ARG(diag_word(node->words[0])));
    }
    return OK;
}

static enum err add_client(struct proxy_policy_rule **list, struct span word,
                           const struct conf_node *node, const struct conf_apply *apply)
{
    struct addr_net net;

    if (span_equals_nocase(word, "all")) {
        const struct proxy_policy_rule all = {.kind = PROXY_POLICY_RULE_ALL,
                                              .word = word,
                                              .file = node->file,
                                              .line = node->line};

        return proxy_policy_require_add(list, &all, apply->arena);
    }
    if (span_equals_nocase(span_head(word, 4), "env=")) {
        diag_error(apply->diag, node->file, node->line,
                   "%.*s: \"%.*s\": rules by environment variable are not supported (name "
                   "addresses or hosts)",
                   SPAN_ARG(node->name), SPAN_ARG(diag_word(word)));
        return OK;
    }
    if (addr_net_parse(word, &net)) {
        return proxy_policy_require_add_net(list, word, node, apply);
    }
    return proxy_policy_require_add_host(list, word, node, apply);
}

/* Allow and Deny: "from", then any number of all, addresses and names. */
static enum err set_access(struct proxy_policy_section *section,
                           struct proxy_policy_rule **list, const struct conf_node *node,
                           const struct conf_apply *apply)
{
    section->has_access = true;
    if (!span_equals_nocase(node->words[0], "from")) {
        diag_error(apply->diag, node->file, node->line,
                   "%.*s: \"%.*s\" stands where \"from\" belongs (write %.*s from 127.0.0.1)",
                   SPAN_ARG(node->name), SPAN_ARG(diag_word(node->words[0])),
                   SPAN_ARG(node->name));
        return OK;
    }
    if (node->word_count == 1) {
        diag_warn(apply->diag, node->file, node->line,
                  "%.*s from: names nobody; understood as %s nobody (write %.*s from "
                  "127.0.0.1, or the network it is for)",
                  SPAN_ARG(node->name), list == &section->allow ? "allowing" : "denying",
                  SPAN_ARG(node->name));
    }
    for (size_t i = 1; i < node->word_count; i++) {
        TRY(add_client(list, node->words[i], node, apply));
    }
    return OK;
}

static enum err set_allow(void *conf, const struct conf_node *node,
                          const struct conf_apply *apply)
{
    struct proxy_policy_section *section = conf;

    return set_access(section, &section->allow, node, apply);
}

static enum err set_deny(void *conf, const struct conf_node *node,
                         const struct conf_apply *apply)
{
    struct proxy_policy_section *section = conf;

    return set_access(section, &section->deny, node, apply);
}

static enum err set_satisfy(void *conf, const struct conf_node *node,
                            const struct conf_apply *apply)
{
    struct proxy_policy_section *section = conf;

    section->has_access = true;
    section->satisfy_line = node->line;
    section->satisfy_any = span_equals_nocase(node->words[0], "any");
    if (!section->satisfy_any && !span_equals_nocase(node->words[0], "all")) {
        diag_error(apply->diag, node->file, node->line,
                   "Satisfy: \"%.*s\" is neither any nor all (write Satisfy all)",
                   SPAN_ARG(diag_word(node->words[0])));
    }
    return OK;
}

/* ---- Require ---- */

static enum err set_require(void *conf, const struct conf_node *node,
                            const struct conf_apply *apply)
{
    struct proxy_policy_section *section = conf;
    const struct proxy_policy_rule root = {.kind = PROXY_POLICY_RULE_ANY_OF,
                                           .title = SPAN("Require"),
                                           .file = node->file,
                                           .line = node->line};

    if (section->require == NULL) {
        TRY(proxy_policy_require_add(&section->require, &root, apply->arena));
    }
    section->require->line = node->line; /* who passes none of them, fails at the last */
    return proxy_policy_require_read(section->require, node, apply);
}

/* ---- logins ---- */

static enum err set_auth_type(void *conf, const struct conf_node *node,
                              const struct conf_apply *apply)
{
    struct proxy_policy_section *section = conf;
    struct span word = node->words[0];

    if (span_equals_nocase(word, "Basic")) {
        section->auth_type = PROXY_POLICY_AUTH_BASIC;
    } else if (span_equals_nocase(word, "None")) {
        section->auth_type = PROXY_POLICY_AUTH_NONE;
    } else {
        diag_error(apply->diag, node->file, node->line,
                   "AuthType: \"%.*s\" is not supported (write AuthType Basic)",
                   SPAN_ARG(diag_word(word)));
    }
    return OK;
}

static enum err set_auth_name(void *conf, const struct conf_node *node,
                              const struct conf_apply *apply)
{
    struct proxy_policy_section *section = conf;

    (void)apply;
    section->realm = node->words[0];
    return OK;
}

static enum err report_unread(enum err e, const char *fault, const struct conf_node *node,
                              const struct conf_apply *apply)
{
    if (e == ERR_CONF) {
        diag_error(apply->diag, node->file, node->line, "%.*s: %s", SPAN_ARG(node->name),
                   fault);
        return OK;
    }
    return e;
}

static enum err set_auth_user_file(void *conf, const struct conf_node *node,
                                   const struct conf_apply *apply)
{
    struct proxy_policy_section *section = conf;
    char fault[DIAG_MAX_TEXT];
    struct span path;

    TRY(conf_path_join(apply->arena, node->base, node->words[0], &path));
    section->users_line = node->line;
    return report_unread(htpasswd_read((const char *)path.ptr, apply->arena, apply->diag, fault,
                                       &section->users),
                         fault, node, apply);
}

static enum err set_auth_group_file(void *conf, const struct conf_node *node,
                                    const struct conf_apply *apply)
{
    struct proxy_policy_section *section = conf;
    char fault[DIAG_MAX_TEXT];
    struct span path;

    TRY(conf_path_join(apply->arena, node->base, node->words[0], &path));
    section->groups_line = node->line;
    return report_unread(htpasswd_groups_read((const char *)path.ptr, apply->arena, apply->diag,
                                              fault, &section->groups),
                         fault, node, apply);
}

static enum err set_auth_provider(void *conf, const struct conf_node *node,
                                  const struct conf_apply *apply)
{
    (void)conf;
    for (size_t i = 0; i < node->word_count; i++) {
        if (!span_equals_nocase(node->words[i], "file")) {
            diag_error(apply->diag, node->file, node->line,
                       "AuthBasicProvider: \"%.*s\" is not supported (write AuthBasicProvider "
                       "file, and AuthUserFile)",
                       SPAN_ARG(diag_word(node->words[i])));
        }
    }
    return OK;
}

/* Directives that httpd has and of which only the default is what we do. */
static enum err set_fixed(void *conf, const struct conf_node *node,
                          const struct conf_apply *apply)
{
    static const struct {
        const char *name;
        const char *value;
    } fixed[] = {{"AuthMerging", "Off"},
                 {"AuthBasicAuthoritative", "On"},
                 {"AuthzSendForbiddenOnFailure", "Off"}};

    (void)conf;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (span_equals_nocase(node->name, fixed[i].name) &&
            !span_equals_nocase(node->words[0], fixed[i].value)) {
            diag_error(apply->diag, node->file, node->line,
                       "%s: only %s is supported (write %s %s, or remove the line)",
                       fixed[i].name, fixed[i].value, fixed[i].name, fixed[i].value);
        }
    }
    return OK;
}

/* What <Limit GET> says about POST is nothing at all, which is rarely what is meant. */
static enum err refuse_limit(void *conf, const struct conf_node *node,
                             const struct conf_apply *apply)
{
    (void)conf;
    diag_error(apply->diag, node->file, node->line,
               "<%.*s> is not supported (write <RequireAll> with Require method GET and the "
               "other rules)",
               SPAN_ARG(node->name));
    return OK;
}

#define IN_PROXY PROXY_CONF_IN_PROXY

/* clang-format off */
const struct directive proxy_policy_read_rows[] = {
    {.name = "Order", .type = CONF_CUSTOM, .min = 1, .max = 1, .set = set_order,
     .where = IN_PROXY, .form = "deny,allow or allow,deny",
     .help = "Which of Allow and Deny has the last word, and what holds for those whom neither "
             "names: deny,allow lets them in, allow,deny does not."},
    {.name = "Allow", .type = CONF_CUSTOM, .min = 1, .max = 255, .set = set_allow,
     .where = IN_PROXY, .form = "from all|address|network|host ...",
     .help = "Clients that may use the proxy."},
    {.name = "Deny", .type = CONF_CUSTOM, .min = 1, .max = 255, .set = set_deny,
     .where = IN_PROXY, .form = "from all|address|network|host ...",
     .help = "Clients that may not."},
    {.name = "Satisfy", .type = CONF_CUSTOM, .min = 1, .max = 1, .set = set_satisfy,
     .where = IN_PROXY, .form = "any or all",
     .help = "Whether a client must pass Order, Allow and Deny and also Require (all), or one of "
             "the two is enough (any)."},
    {.name = "Require", .type = CONF_CUSTOM, .min = 1, .max = 255, .set = set_require,
     .where = IN_PROXY,
     .form = "all granted|all denied|ip ...|host ...|local|method ...|user ...|valid-user|"
             "group ...",
     .help = "Clients that may use the proxy; of several Require lines one is enough."},
    {.name = "RequireAll", .type = CONF_SECTION, .max = 0, .set = set_require,
     .where = IN_PROXY, .opens = PROXY_CONF_IN_REQUIRE, .inner = proxy_policy_require_rows,
     .form = "", .help = "Passes when none of its rules refuses and one of them grants."},
    {.name = "RequireAny", .type = CONF_SECTION, .max = 0, .set = set_require,
     .where = IN_PROXY, .opens = PROXY_CONF_IN_REQUIRE, .inner = proxy_policy_require_rows,
     .form = "", .help = "Passes when one of its rules grants."},
    {.name = "RequireNone", .type = CONF_SECTION, .max = 0, .set = set_require,
     .where = IN_PROXY, .opens = PROXY_CONF_IN_REQUIRE, .inner = proxy_policy_require_rows,
     .form = "", .help = "Refuses when one of its rules grants; stands in <RequireAll>."},
    {.name = "AuthType", .type = CONF_CUSTOM, .min = 1, .max = 1, .set = set_auth_type,
     .where = IN_PROXY, .form = "Basic or None",
     .help = "How users log in."},
    {.name = "AuthName", .type = CONF_CUSTOM, .min = 1, .max = 1, .set = set_auth_name,
     .where = IN_PROXY, .form = "\"a name\"",
     .help = "What users are told that they log in to; the realm of the challenge."},
    {.name = "AuthUserFile", .type = CONF_CUSTOM, .min = 1, .max = 1, .set = set_auth_user_file,
     .where = IN_PROXY, .form = "file",
     .help = "Users and their passwords, as htpasswd writes them. A relative name counts from "
             "the directory of the configuration file. Read at start and at reload."},
    {.name = "AuthGroupFile", .type = CONF_CUSTOM, .min = 1, .max = 1,
     .set = set_auth_group_file, .where = IN_PROXY, .form = "file",
     .help = "Groups, a line each: their name, a colon, their users. Found and read as "
             "AuthUserFile is."},
    {.name = "AuthBasicProvider", .type = CONF_CUSTOM, .min = 1, .max = 255,
     .set = set_auth_provider, .where = IN_PROXY, .form = "file",
     .help = "Where users are looked up: always in AuthUserFile."},
    {.name = "AuthMerging", .type = CONF_CUSTOM, .min = 1, .max = 1, .set = set_fixed,
     .where = IN_PROXY, .form = "Off",
     .help = "Require of a later section replaces that of earlier ones."},
    {.name = "AuthBasicAuthoritative", .type = CONF_CUSTOM, .min = 1, .max = 1,
     .set = set_fixed, .where = IN_PROXY, .form = "On",
     .help = "There is nobody else to ask for a password."},
    {.name = "AuthzSendForbiddenOnFailure", .type = CONF_CUSTOM, .min = 1, .max = 1,
     .set = set_fixed, .where = IN_PROXY, .form = "Off",
     .help = "A user who may not pass is asked for another login."},
    {.name = "Limit", .type = CONF_SECTION, .max = 0, .set = refuse_limit, .where = IN_PROXY,
     .form = "method ...", .help = "Not supported; see Require method."},
    {.name = "LimitExcept", .type = CONF_SECTION, .max = 0, .set = refuse_limit,
     .where = IN_PROXY, .form = "method ...", .help = "Not supported; see Require method."},
    {.name = NULL},
};
/* clang-format on */

/* ---- sections ---- */

static void warn_of_pointless(const struct proxy_policy_section *section,
                              const struct conf_apply *apply)
{
    bool has_rules =
        section->order_line != 0 || section->allow != NULL || section->deny != NULL;

    if (section->satisfy_any && !has_rules) {
        diag_warn(apply->diag, section->file, section->satisfy_line,
                  "Satisfy any: without Order, Allow or Deny beside it everybody passes, with "
                  "or without a login (add Order deny,allow and Deny from all)");
    }
}

static bool check_words(const struct conf_node *node, bool is_regex,
                        const struct conf_apply *apply)
{
    if (!is_regex && span_equals(node->words[0], "~")) {
        diag_error(apply->diag, node->file, node->line,
                   "<Proxy ~>: is not how expressions are written (write <ProxyMatch "
                   "expression> and </ProxyMatch>)");
        return false;
    }
    if (node->word_count > 1) {
        diag_error(apply->diag, node->file, node->line,
                   "<%.*s>: \"%.*s\" is one word too many (write <%.*s %.*s>, with quotes "
                   "around a pattern with spaces)",
                   SPAN_ARG(node->name), SPAN_ARG(diag_word(node->words[1])),
                   SPAN_ARG(node->name), SPAN_ARG(diag_word(node->words[0])));
        return false;
    }
    return true;
}

static enum err read_section(struct proxy_policy_section *section, const struct conf_node *node,
                             bool is_regex, const struct conf_apply *apply)
{
    const struct conf_table table = {proxy_policy_read_rows, section};
    const struct conf_apply inner = {
        .tables = &table,
        .table_count = 1,
        .place = PROXY_CONF_IN_PROXY,
        .arena = apply->arena,
        .diag = apply->diag,
        .outer = apply,
    };
    char fault[PROXY_SECTION_FAULT_BYTES] = "";
    enum err e =
        proxy_section_read(node->words[0], is_regex, apply->arena, &section->pattern, fault);

    if (e == ERR_CONF) {
        diag_error(apply->diag, node->file, node->line, "<%.*s %.*s>: %s", SPAN_ARG(node->name),
                   SPAN_ARG(diag_word(node->words[0])), fault);
    } else if (e != OK) {
        return e;
    }
    TRY(conf_schema_apply(&inner, node->children));
    warn_of_pointless(section, apply);
    return OK;
}

static enum err add_section(struct proxy_policy *policy, const struct conf_node *node,
                            bool is_regex, const struct conf_apply *apply)
{
    struct proxy_policy_section *section;
    void *room;

    if (!check_words(node, is_regex, apply)) {
        return OK;
    }
    TRY(arena_alloc(apply->arena, sizeof *section, &room));
    section = room;
    section->file = node->file;
    section->line = node->line;
    section->deny_first = true; /* httpd's default order */
    if (policy->last == NULL) {
        policy->sections = section;
    } else {
        policy->last->next = section;
    }
    policy->last = section;
    return read_section(section, node, is_regex, apply);
}

enum err proxy_policy_read_proxy(void *conf, const struct conf_node *node,
                                 const struct conf_apply *apply)
{
    return add_section(conf, node, false, apply);
}

enum err proxy_policy_read_match(void *conf, const struct conf_node *node,
                                 const struct conf_apply *apply)
{
    return add_section(conf, node, true, apply);
}
