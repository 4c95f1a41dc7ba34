/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_policy.h"

#include "proxy/proxy_conf.h"

/* ---- reading ---- */

static bool is_name(struct span word)
{
    if (word.len == 0 || word.len > 253) {
        return false;
    }
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = span_lower(word.ptr[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
              c == '.')) {
            return false;
        }
    }
    /* All digits and dots is an address that failed to be one. */
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.ptr[i];

        if (c != '.' && (c < '0' || c > '9')) {
            return true;
        }
    }
    return false;
}

static enum err add_rule(struct proxy_policy_rule **list, struct proxy_policy_rule rule,
                         const struct conf_apply *apply)
{
    void *room;

    TRY(arena_alloc(apply->arena, sizeof rule, &room));
    while (*list != NULL) {
        list = &(*list)->next;
    }
    *list = room;
    **list = rule;
    return OK;
}

static enum err add_address(struct proxy_policy_rule **list, struct span word,
                            const struct conf_node *node, const struct conf_apply *apply)
{
    struct proxy_policy_rule rule = {.kind = PROXY_POLICY_NET, .line = node->line};

    if (!addr_net_parse(word, &rule.net)) {
        diag_error(apply->diag, node->file, node->line,
                   "%.*s: \"%.*s\" is not an address (write 10.1.2.3, 10.0.0.0/8, 10.1 or "
                   "2001:db8::/32, with spaces between several)",
                   SPAN_ARG(node->name), SPAN_ARG(diag_word(word)));
        return OK;
    }
    return add_rule(list, rule, apply);
}

static enum err add_host(struct proxy_policy_rule **list, struct span word,
                         const struct conf_node *node, const struct conf_apply *apply)
{
    struct proxy_policy_rule rule = {.kind = PROXY_POLICY_HOST, .line = node->line};

    if (!is_name(word)) {
        diag_error(apply->diag, node->file, node->line,
                   "%.*s: \"%.*s\" is neither an address nor a host name (write 127.0.0.1, "
                   "10.0.0.0/8, 10.1, host.example or .example, with spaces between several)",
                   SPAN_ARG(node->name), SPAN_ARG(diag_word(word)));
        return OK;
    }
    rule.host = word.ptr[0] == '.' ? span_tail(word, 1) : word;
    return add_rule(list, rule, apply);
}

static enum err set_order(void *conf, const struct conf_node *node,
                          const struct conf_apply *apply)
{
    struct proxy_policy *policy = conf;

    policy->has_access = true;
    if (span_equals_nocase(node->words[0], "deny,allow")) {
        policy->deny_first = true;
    } else if (span_equals_nocase(node->words[0], "allow,deny") ||
               span_equals_nocase(node->words[0], "mutual-failure")) {
        policy->deny_first = false;
    } else {
        diag_error(apply->diag, node->file, node->line,
                   "Order: \"%.*s\" is no order (write deny,allow or allow,deny, without a "
                   "space)",
                   SPAN_ARG(diag_word(node->words[0])));
    }
    return OK;
}

/* Allow and Deny: "from", then any number of all, addresses and names. */
static enum err set_access(struct proxy_policy *policy, struct proxy_policy_rule **list,
                           const struct conf_node *node, const struct conf_apply *apply)
{
    policy->has_access = true;
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
                  SPAN_ARG(node->name), list == &policy->allow ? "allowing" : "denying",
                  SPAN_ARG(node->name));
    }
    for (size_t i = 1; i < node->word_count; i++) {
        struct span word = node->words[i];
        struct addr_net net;

        if (span_equals_nocase(word, "all")) {
            const struct proxy_policy_rule all = {.kind = PROXY_POLICY_ALL, .line = node->line};

            TRY(add_rule(list, all, apply));
        } else if (word.len > 4 && span_equals_nocase(span_head(word, 4), "env=")) {
            diag_error(apply->diag, node->file, node->line,
                       "%.*s: \"%.*s\": rules by environment variable are not supported (name "
                       "addresses or hosts)",
                       SPAN_ARG(node->name), SPAN_ARG(diag_word(word)));
        } else if (addr_net_parse(word, &net)) {
            TRY(add_address(list, word, node, apply));
        } else {
            TRY(add_host(list, word, node, apply));
        }
    }
    return OK;
}

static enum err set_allow(void *conf, const struct conf_node *node,
                          const struct conf_apply *apply)
{
    struct proxy_policy *policy = conf;

    return set_access(policy, &policy->allow, node, apply);
}

static enum err set_deny(void *conf, const struct conf_node *node,
                         const struct conf_apply *apply)
{
    struct proxy_policy *policy = conf;

    return set_access(policy, &policy->deny, node, apply);
}

static enum err require_all(struct proxy_policy *policy, const struct conf_node *node,
                            const struct conf_apply *apply)
{
    const struct proxy_policy_rule all = {.kind = PROXY_POLICY_ALL, .line = node->line};

    if (node->word_count == 2 && span_equals_nocase(node->words[1], "granted")) {
        return add_rule(&policy->require, all, apply);
    }
    if (node->word_count == 2 && span_equals_nocase(node->words[1], "denied")) {
        return OK; /* adds nobody */
    }
    diag_error(apply->diag, node->file, node->line,
               "Require all: needs one word behind it (write Require all granted or Require "
               "all denied)");
    return OK;
}

static enum err require_list(struct proxy_policy *policy, const struct conf_node *node,
                             const struct conf_apply *apply,
                             enum err (*add)(struct proxy_policy_rule **, struct span,
                                             const struct conf_node *,
                                             const struct conf_apply *))
{
    if (node->word_count < 2) {
        diag_error(apply->diag, node->file, node->line,
                   "Require %.*s: names nobody (write Require %s)", SPAN_ARG(node->words[0]),
                   add == add_host ? "host host.example" : "ip 127.0.0.1");
        return OK;
    }
    for (size_t i = 1; i < node->word_count; i++) {
        TRY(add(&policy->require, node->words[i], node, apply));
    }
    return OK;
}

static enum err set_require(void *conf, const struct conf_node *node,
                            const struct conf_apply *apply)
{
    struct proxy_policy *policy = conf;
    struct span kind = node->words[0];

    policy->has_require = true;
    policy->require_line = node->line;
    if (span_equals_nocase(kind, "all")) {
        return require_all(policy, node, apply);
    }
    if (span_equals_nocase(kind, "ip")) {
        return require_list(policy, node, apply, add_address);
    }
    if (span_equals_nocase(kind, "host")) {
        return require_list(policy, node, apply, add_host);
    }
    if (span_equals_nocase(kind, "local") && node->word_count == 1) {
        const struct proxy_policy_rule local = {.kind = PROXY_POLICY_LOCAL, .line = node->line};

        return add_rule(&policy->require, local, apply);
    }
    if (span_equals_nocase(kind, "local")) {
        diag_error(apply->diag, node->file, node->line,
                   "Require local: \"%.*s\" is one word too many (write Require local)",
                   SPAN_ARG(diag_word(node->words[1])));
        return OK;
    }
    diag_error(apply->diag, node->file, node->line,
               "Require: \"%.*s\" is not supported (write Require all, ip, host or local)",
               SPAN_ARG(diag_word(kind)));
    return OK;
}

/* clang-format off */
const struct directive proxy_policy_rows[] = {
    {.name = "Order", .type = CONF_CUSTOM, .min = 1, .max = 1, .set = set_order,
     .where = PROXY_CONF_IN_PROXY, .form = "deny,allow or allow,deny",
     .help = "Which of Allow and Deny has the last word, and what holds for those whom neither "
             "names: deny,allow lets them in, allow,deny does not."},
    {.name = "Allow", .type = CONF_CUSTOM, .min = 1, .max = 255, .set = set_allow,
     .where = PROXY_CONF_IN_PROXY, .form = "from all|address|network|host ...",
     .help = "Clients that may use the proxy."},
    {.name = "Deny", .type = CONF_CUSTOM, .min = 1, .max = 255, .set = set_deny,
     .where = PROXY_CONF_IN_PROXY, .form = "from all|address|network|host ...",
     .help = "Clients that may not."},
    {.name = "Require", .type = CONF_CUSTOM, .min = 1, .max = 255, .set = set_require,
     .where = PROXY_CONF_IN_PROXY, .form = "all granted|all denied|ip ...|host ...|local",
     .help = "Clients that may use the proxy; of several Require lines one is enough."},
    {.name = NULL},
};
/* clang-format on */

enum err proxy_policy_set_section(void *conf, const struct conf_node *node,
                                  const struct conf_apply *apply)
{
    struct proxy_policy *policy = conf;
    struct proxy_policy section = {.deny_first = true}; /* httpd's default order */
    const struct conf_table table = {proxy_policy_rows, &section};
    const struct conf_apply inner = {
        .tables = &table,
        .table_count = 1,
        .place = PROXY_CONF_IN_PROXY,
        .arena = apply->arena,
        .diag = apply->diag,
        .outer = apply,
    };

    if (!span_equals(node->words[0], "*")) {
        diag_error(apply->diag, node->file, node->line,
                   "<Proxy %.*s>: sections for some destinations are not supported (write "
                   "<Proxy *>)",
                   SPAN_ARG(diag_word(node->words[0])));
        return OK;
    }
    TRY(conf_schema_apply(&inner, node->children));

    if (section.has_access) {
        policy->has_access = true;
        policy->deny_first = section.deny_first;
        policy->allow = section.allow;
        policy->deny = section.deny;
    }
    if (section.has_require) {
        policy->has_require = true;
        policy->require = section.require;
        policy->require_line = section.require_line;
    }
    return OK;
}

/* ---- deciding ---- */

static bool list_needs_name(const struct proxy_policy_rule *rule)
{
    for (; rule != NULL; rule = rule->next) {
        if (rule->kind == PROXY_POLICY_HOST) {
            return true;
        }
    }
    return false;
}

bool proxy_policy_needs_name(const struct proxy_policy *policy)
{
    return list_needs_name(policy->allow) || list_needs_name(policy->deny) ||
           list_needs_name(policy->require);
}

/* By whole labels: "ample.test" is not in "example.test". */
static bool name_is_within(struct span name, struct span host)
{
    if (name.len < host.len) {
        return false;
    }
    if (!span_equal_nocase(span_tail(name, name.len - host.len), host)) {
        return false;
    }
    return name.len == host.len || name.ptr[name.len - host.len - 1] == '.';
}

static bool rule_matches(const struct proxy_policy_rule *rule,
                         const struct proxy_policy_client *client)
{
    switch (rule->kind) {
    case PROXY_POLICY_ALL: return true;
    case PROXY_POLICY_NET: return addr_net_has(&rule->net, &client->addr);
    case PROXY_POLICY_HOST: return name_is_within(client->name, rule->host);
    case PROXY_POLICY_LOCAL:
        return addr_is_loopback(&client->addr) || addr_same_host(&client->addr, &client->local);
    }
    return false;
}

static const struct proxy_policy_rule *first_match(const struct proxy_policy_rule *rule,
                                                   const struct proxy_policy_client *client)
{
    while (rule != NULL && !rule_matches(rule, client)) {
        rule = rule->next;
    }
    return rule;
}

static bool access_admits(const struct proxy_policy *policy,
                          const struct proxy_policy_client *client, unsigned *ret_line)
{
    const struct proxy_policy_rule *allowed = first_match(policy->allow, client);
    const struct proxy_policy_rule *denied = first_match(policy->deny, client);
    bool admits = policy->deny_first ? allowed != NULL || denied == NULL
                                     : allowed != NULL && denied == NULL;

    if (!admits) {
        *ret_line = denied == NULL ? 0 : denied->line;
    }
    return admits;
}

bool proxy_policy_admits(const struct proxy_policy *policy,
                         const struct proxy_policy_client *client, unsigned *ret_line)
{
    if (policy->has_access && !access_admits(policy, client, ret_line)) {
        return false;
    }
    if (policy->has_require) {
        const struct proxy_policy_rule *match = first_match(policy->require, client);

        /* Of several Require lines one is enough. */
        if (match == NULL) {
            *ret_line = policy->require_line;
            return false;
        }
    }
    return true;
}

bool proxy_policy_admits_strangers(const struct proxy_policy *policy, int family)
{
    /* Addresses that nobody has, far apart: whoever lets one of them in did not restrict. */
    static const struct {
        int family;
        const char *text;
    } strangers[] = {
        {AF_INET, "0.255.255.254"}, /* RFC 1122 3.2.1.3: "this network" */
        {AF_INET, "192.0.0.8"},     /* RFC 7600: the dummy address */
        {AF_INET, "240.0.0.1"},     /* RFC 1112 4: reserved */
        {AF_INET6, "100::1"},       /* RFC 6666: discard only */
        {AF_INET6, "5f00::1"},      /* RFC 9602: segment identifiers */
        {AF_INET6, "ff0e::1"},      /* RFC 4291 2.7: multicast is no source */
    };

    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        struct proxy_policy_client client = {.name = {NULL, 0}};
        unsigned line;
        bool is_address = addr_parse(span_str(strangers[i].text), 1, &client.addr);

        assert(is_address);
        is_address = addr_parse(SPAN("127.0.0.1"), 1, &client.local);
        assert(is_address);
        if (strangers[i].family == family && proxy_policy_admits(policy, &client, &line)) {
            return true;
        }
    }
    return false;
}
