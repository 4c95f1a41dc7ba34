/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_onread.h"

#include "base/text.h"
#include "conf/conf_path.h"

#include <regex.h>
#include <stdio.h>

enum {
    MAX_MODULE = 80, /* bytes of "mod_proxy.c" */
    MAX_VERSION = 80,
};

/* clang-format off */
const struct directive conf_onread_rows[] = {
    {.name = "Define", .type = CONF_CUSTOM, .min = 1, .max = 2, .where = UINT32_MAX,
     .form = "NAME [value]",
     .help = "From here on ${NAME} stands for the value, and <IfDefine NAME> holds.",
     .more = "It acts wherever it stands, also inside a section, unless the section is a "
             "condition that does not hold. ${NAME} is replaced before the line is cut into "
             "words, so a value with spaces is several words, unless ${NAME} stands in quotes. "
             "What has no value here is taken from the environment; what has none there "
             "either stays as it is, with a warning.\n\n"
             "Case does not matter in ${NAME}, but does in <IfDefine NAME>, as in httpd. The "
             "option -D NAME does the same as Define NAME in front of the file."},
    {.name = "UnDefine", .type = CONF_CUSTOM, .min = 1, .max = 1, .where = UINT32_MAX,
     .form = "NAME",
     .help = "Takes back a Define; from here on ${NAME} is the environment's, if anybody's."},
    {.name = "Include", .type = CONF_CUSTOM, .min = 1, .max = 1, .where = UINT32_MAX,
     .form = "path",
     .help = "Reads other files in this place: one file, all files in and below a directory, "
             "or those that a pattern with * ? [...] names.",
     .more = "Files come in the order of their names. A relative path begins in ServerRoot, "
             "or, where there is none, in the directory of the file that the line stands in. "
             "It is an error when there is nothing to read. A section that an included file "
             "opens ends in it, at the latest with the file."},
    {.name = "IncludeOptional", .type = CONF_CUSTOM, .min = 1, .max = 1, .where = UINT32_MAX,
     .form = "path",
     .help = "The same, but in silence when there is no such file; one that cannot be read is "
             "an error here too."},
    {.name = "ServerRoot", .type = CONF_CUSTOM, .min = 1, .max = 1, .where = UINT32_MAX,
     .form = "directory",
     .help = "The directory in which relative names of files begin, from here on.",
     .more = "Without it they begin in the directory of the file that they stand in."},
    {.name = "IfDefine", .type = CONF_SECTION, .min = 1, .max = 1, .where = UINT32_MAX,
     .form = "[!]NAME",
     .help = "The content counts if the name is defined; with ! if it is not."},
    {.name = "IfModule", .type = CONF_SECTION, .min = 1, .max = 1, .where = UINT32_MAX,
     .form = "[!]mod_name.c|name_module",
     .help = "The content counts if the directives of that httpd module are known here; with "
             "! if they are not.",
     .more = "Nothing has to be loaded for it. It holds for core, http_core, mod_access_compat, "
             "mod_auth_basic, mod_authn_core, mod_authn_file, mod_authz_core, "
             "mod_authz_groupfile, mod_authz_host, mod_authz_user, mod_log_config, mod_proxy, "
             "mod_proxy_connect, mod_proxy_http, mod_proxy_wstunnel, mod_reqtimeout, mod_so, "
             "mod_ssl, mod_unixd and mod_version."},
    {.name = "IfVersion", .type = CONF_SECTION, .min = 1, .max = 2, .where = UINT32_MAX,
     .form = "[[!]operator] version",
     .help = "The content counts if httpd 2.4.71 would find it so: operators are = == > >= < "
             "<= and ~ for a regular expression, which may also stand in slashes."},
    {.name = NULL},
};
/* clang-format on */

enum err conf_onread_init(struct conf_onread *onread, struct arena *arena, struct diag *diag,
                          const struct conf_source *source)
{
    *onread = (struct conf_onread){.arena = arena, .diag = diag, .source = source};
    return conf_vars_init(&onread->vars, arena, source);
}

static void fault(const struct conf_onread *onread, const struct conf_node *node,
                  const char *what)
{
    diag_error(onread->diag, node->file, node->line, "%.*s: %s", SPAN_ARG(node->name), what);
}

static bool is_name(const struct conf_onread *onread, const struct conf_node *node,
                    struct span name)
{
    if (name.len == 0 || name.len > CONF_VARS_MAX_NAME) {
        fault(onread, node, "a name has 1 to 255 bytes (write a shorter one)");
        return false;
    }
    if (span_find(name, ':') < name.len || span_find(name, '}') < name.len) {
        fault(onread, node, "a name cannot hold : or } (leave them out)");
        return false;
    }
    return true;
}

static enum err do_define(struct conf_onread *onread, const struct conf_node *node)
{
    const struct span *value = node->word_count == 2 ? &node->words[1] : NULL;
    enum err e;

    if (!is_name(onread, node, node->words[0])) {
        return OK;
    }
    e = conf_vars_define(&onread->vars, node->words[0], value);
    if (e == ERR_LIMIT && onread->vars.count == CONF_VARS_MAX) {
        fault(onread, node, "there are more than 1000 names and values (define fewer)");
        return OK;
    }
    return e;
}

static enum err do_root(struct conf_onread *onread, const struct conf_node *node)
{
    struct span root;

    if (node->words[0].len == 0) {
        fault(onread, node, "the name is empty (write ServerRoot /etc/wayleave)");
        return OK;
    }
    TRY(conf_path_join(onread->arena, node->base, node->words[0], &root));
    while (root.len > 1 && root.ptr[root.len - 1] == '/') {
        root.len--;
    }
    TRY(arena_copy(onread->arena, root, &root));
    onread->root = (const char *)root.ptr;
    return OK;
}

enum err conf_onread_do(struct conf_onread *onread, const struct conf_node *node)
{
    const struct directive *row = conf_schema_find(conf_onread_rows, node->name, false);

    assert(row != NULL);
    if (!conf_schema_check_count(row, node, onread->diag)) {
        return OK;
    }
    if (strcmp(row->name, "Define") == 0) {
        return do_define(onread, node);
    }
    if (strcmp(row->name, "UnDefine") == 0) {
        if (is_name(onread, node, node->words[0])) {
            conf_vars_undefine(&onread->vars, node->words[0]);
        }
        return OK;
    }
    assert(strcmp(row->name, "ServerRoot") == 0);
    return do_root(onread, node);
}

/* ---- conditions ---- */

/* httpd knows a module by its source, mod_proxy.c, and by its symbol, proxy_module. */
static bool is_module(const char *module, struct span word)
{
    const char *stem = strncmp(module, "mod_", 4) == 0 ? module + 4 : module;
    char source[MAX_MODULE], symbol[MAX_MODULE];

    snprintf(source, sizeof source, "%s.c", module);
    snprintf(symbol, sizeof symbol, "%s_module",
             strcmp(module, "http_core") == 0 ? "http" : stem);
    return span_equals(word, source) || span_equals(word, symbol);
}

/* What no module is called for httpd, though it was clearly meant. */
static bool is_nearly_module(const char *module, struct span word)
{
    char source[MAX_MODULE];

    snprintf(source, sizeof source, "%s.c", module);
    return span_equals_nocase(word, module) || span_equals_nocase(word, source);
}

static bool module_holds(const struct conf_onread *onread, const struct conf_node *node,
                         struct span word)
{
    const char *const *modules = onread->source == NULL ? NULL : onread->source->modules;

    for (; modules != NULL && *modules != NULL; modules++) {
        if (is_module(*modules, word)) {
            return true;
        }
        if (is_nearly_module(*modules, word)) {
            diag_warn(
                onread->diag, node->file, node->line,
                "<IfModule>: \"%.*s\" is no module for httpd; understood as a module that "
                "is not there (write %s.c)",
                SPAN_ARG(diag_word(word)), *modules);
            return false;
        }
    }
    return false;
}

static bool version_fault(const struct conf_onread *onread, const struct conf_node *node)
{
    diag_error(onread->diag, node->file, node->line,
               "<IfVersion>: \"%.*s\" cannot be compared with httpd's 2.4.71 (write <IfVersion "
               ">= 2.4>, or another of = > < <= and ~)",
               SPAN_ARG(diag_word(node->words[node->word_count - 1])));
    return false;
}

/* httpd's comparison: parts that are not written are 0. */
static bool compare_version(struct span text, int *ret_order)
{
    static const uint64_t own[3] = {CONF_ONREAD_HTTPD_MAJOR, CONF_ONREAD_HTTPD_MINOR,
                                    CONF_ONREAD_HTTPD_PATCH};
    int order = 0;

    for (size_t i = 0; i < 3; i++) {
        size_t dot = span_find(text, '.');
        uint64_t number = 0;

        if (i == 0 || text.len > 0) {
            if (!text_u64(span_head(text, dot), 100000, &number)) {
                return false;
            }
            text = span_tail(text, dot < text.len ? dot + 1 : dot);
        }
        if (order == 0 && own[i] != number) {
            order = own[i] > number ? 1 : -1;
        }
    }
    *ret_order = order;
    return text.len == 0;
}

static bool match_version(struct span pattern, bool *ret_matches)
{
    char text[MAX_VERSION], own[MAX_VERSION];
    regex_t regex;

    if (pattern.len >= sizeof text) {
        return false;
    }
    snprintf(text, sizeof text, "%.*s", SPAN_ARG(pattern));
    snprintf(own, sizeof own, "%d.%d.%d", CONF_ONREAD_HTTPD_MAJOR, CONF_ONREAD_HTTPD_MINOR,
             CONF_ONREAD_HTTPD_PATCH);
    if (regcomp(&regex, text, REG_EXTENDED | REG_NOSUB) != 0) {
        return false;
    }
    *ret_matches = regexec(&regex, own, 0, NULL, 0) == 0;
    regfree(&regex);
    return true;
}

static bool version_holds(const struct conf_onread *onread, const struct conf_node *node)
{
    static const struct {
        const char *text;
        bool less, same, more;
    } operators[] = {
        {"=", false, true, false}, {"==", false, true, false}, {">", false, false, true},
        {">=", false, true, true}, {"<", true, false, false},  {"<=", true, true, false},
    };
    struct span sign = node->word_count == 2 ? node->words[0] : SPAN("=");
    struct span word = node->words[node->word_count - 1];
    bool is_negated = sign.len > 1 && sign.ptr[0] == '!';
    bool holds;
    int order;

    sign = span_tail(sign, is_negated ? 1 : 0);
    if (word.len > 1 && word.ptr[0] == '/' && word.ptr[word.len - 1] == '/' &&
        (span_equals(sign, "=") || span_equals(sign, "=="))) {
        word = span_of(word.ptr + 1, word.len - 2);
        sign = SPAN("~");
    }
    if (span_equals(sign, "~")) {
        return match_version(word, &holds) ? holds != is_negated : version_fault(onread, node);
    }
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (span_equals(sign, operators[i].text) && compare_version(word, &order)) {
            holds = order < 0   ? operators[i].less
                    : order > 0 ? operators[i].more
                                : operators[i].same;
            return holds != is_negated;
        }
    }
    return version_fault(onread, node);
}

bool conf_onread_holds(const struct conf_onread *onread, const struct conf_node *node)
{
    const struct directive *row = conf_schema_find(conf_onread_rows, node->name, true);
    struct span word;
    bool is_negated;
    bool holds;

    assert(row != NULL);
    if (!conf_schema_check_count(row, node, onread->diag)) {
        return false;
    }
    if (strcmp(row->name, "IfVersion") == 0) {
        return version_holds(onread, node);
    }
    word = node->words[0];
    is_negated = word.len > 0 && word.ptr[0] == '!';
    word = span_tail(word, is_negated ? 1 : 0);
    if (word.len == 0) {
        diag_error(onread->diag, node->file, node->line,
                   "<%s>: there is no name behind it (write <%s %s>)", row->name, row->name,
                   row->form);
        return false;
    }
    holds = strcmp(row->name, "IfDefine") == 0 ? conf_vars_has(&onread->vars, word)
                                               : module_holds(onread, node, word);
    return holds != is_negated;
}
