/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_dump.h"

#include "conf/conf_lex.h"
#include "conf/conf_value.h"

#include <stdio.h>

enum {
    PORTS_PER_LINE = 12,
};

struct dump {
    const struct conf_apply *apply;
    const struct conf_node *nodes;
    struct buf *out;
    const char *base; /* that was printed last: put_base() */
};

static bool has_value(const struct directive *row)
{
    return row->type < CONF_CUSTOM;
}

/* Whether a name in this place means this row, and not one of an earlier table. */
static bool is_the_one(const struct dump *dump, const struct directive *row)
{
    for (size_t i = 0; i < dump->apply->table_count; i++) {
        const struct directive *rows = dump->apply->tables[i].rows;

        for (; rows->name != NULL; rows++) {
            if ((rows->where & dump->apply->place) != 0 && rows->type < CONF_IGNORED &&
                conf_schema_is_section(rows) == conf_schema_is_section(row) &&
                span_equals_nocase(span_str(rows->name), row->name)) {
                return rows == row;
            }
        }
    }
    return false;
}

static bool is_node_of(const struct conf_node *node, const struct directive *row)
{
    return node->is_section == conf_schema_is_section(row) &&
           span_equals_nocase(node->name, row->name);
}

static bool is_set(const struct dump *dump, const struct directive *row)
{
    for (const struct conf_node *node = dump->nodes; node != NULL; node = node->next) {
        if (is_node_of(node, row)) {
            return true;
        }
    }
    return false;
}

/* A member that nobody has written to: there is no value to be shown. */
static bool is_zero(const struct directive *row, const void *conf)
{
    const char *member = (const char *)conf + row->field;

    for (size_t i = 0; i < row->field_bytes; i++) {
        if (member[i] != 0) {
            return false;
        }
    }
    return true;
}

/* A line for every dozen: a line of a configuration is bounded, and so is patience. */
static enum err put_ports(const struct directive *row, const void *conf, const char *end,
                          struct buf *out)
{
    struct buf ports;
    struct span rest;
    enum err e;

    buf_init(&ports, out->max);
    e = conf_value_print(row, conf, &ports);
    rest = buf_span(&ports);
    for (size_t i = 0; e == OK && rest.len > 0; i++) {
        size_t len = span_find(rest, ' ');

        if (i % PORTS_PER_LINE == 0) {
            e = buf_printf(out, "%s%s%s", i == 0 ? "" : end, i == 0 ? "" : "\n", row->name);
        }
        if (e == OK) {
            e = buf_printf(out, " %.*s", SPAN_ARG(span_head(rest, len)));
        }
        rest = span_trim(span_tail(rest, len));
    }
    buf_fini(&ports);
    TRY(e);
    return buf_printf(out, "%s\n", end);
}

static enum err put_row(const struct dump *dump, const struct directive *row, const void *conf)
{
    bool was_set = is_set(dump, row);
    const char *end = was_set ? "" : " # default";

    if (!was_set && (!has_value(row) || (row->initial == NULL && is_zero(row, conf)))) {
        bool is_section = row->type == CONF_SECTION;

        return buf_printf(dump->out, "# %s%s%s is not set\n", is_section ? "<" : "", row->name,
                          is_section ? ">" : "");
    }
    if (!has_value(row)) {
        return OK; /* put_nodes() has it */
    }
    if (row->type == CONF_PORTS) {
        return put_ports(row, conf, end, dump->out);
    }
    TRY(buf_printf(dump->out, "%s ", row->name));
    TRY(conf_value_print(row, conf, dump->out));
    return buf_printf(dump->out, "%s\n", end);
}

static enum err put_rows(const struct dump *dump)
{
    for (size_t i = 0; i < dump->apply->table_count; i++) {
        const struct conf_table *table = &dump->apply->tables[i];

        for (const struct directive *row = table->rows; row->name != NULL; row++) {
            if (row->type < CONF_IGNORED && is_the_one(dump, row)) {
                TRY(put_row(dump, row, table->conf));
            }
        }
    }
    return OK;
}

/* ---- what is shown as it was read ---- */

static enum err put_indent(struct buf *out, size_t depth)
{
    return buf_printf(out, "%*s", (int)(4 * depth), "");
}

/* What a relative name of a file means, when the words are read again elsewhere. */
static enum err put_base(struct dump *dump, const struct conf_node *node, size_t depth)
{
    if (node->base[0] == '\0' || (dump->base != NULL && strcmp(dump->base, node->base) == 0)) {
        return OK;
    }
    dump->base = node->base;
    TRY(put_indent(dump->out, depth));
    TRY(buf_append(dump->out, SPAN("ServerRoot ")));
    TRY(conf_lex_put(span_str(node->base), dump->out));
    return buf_append_byte(dump->out, '\n');
}

/* The password of a URL is shown to nobody. */
static enum err put_word(struct span word, struct buf *out)
{
    static const struct span mark = SPAN_INIT("://");
    const uint8_t *at = word.len == 0 ? NULL : memmem(word.ptr, word.len, mark.ptr, mark.len);
    struct span who;
    size_t colon, begin;
    struct buf masked;
    enum err e;

    if (at == NULL) {
        return conf_lex_put(word, out);
    }
    begin = (size_t)(at - word.ptr) + mark.len;
    who = span_head(span_tail(word, begin), span_find(span_tail(word, begin), '@'));
    colon = span_find(who, ':');
    if (begin + who.len == word.len || colon == who.len) {
        return conf_lex_put(word, out);
    }
    buf_init(&masked, word.len + 3);
    e = buf_printf(&masked, "%.*s:***%.*s", SPAN_ARG(span_head(word, begin + colon)),
                   SPAN_ARG(span_tail(word, begin + who.len)));
    if (e == OK) {
        e = conf_lex_put(buf_span(&masked), out);
    }
    buf_fini(&masked);
    return e;
}

static enum err put_line(struct dump *dump, const struct conf_node *node, size_t depth)
{
    struct buf *out = dump->out;
    bool is_quoted = false;

    TRY(put_base(dump, node, depth));
    TRY(put_indent(out, depth));
    TRY(buf_printf(out, "%s%.*s", node->is_section ? "<" : "", SPAN_ARG(node->name)));
    for (size_t i = 0; i < node->word_count; i++) {
        TRY(buf_append_byte(out, ' '));
        TRY(put_word(node->words[i], out));
        is_quoted = buf_span(out).ptr[out->len - 1] == '"';
    }
    /* Behind a quoted word the bracket is a word of its own. */
    return buf_printf(out, "%s%s\n", node->is_section && is_quoted ? " " : "",
                      node->is_section ? ">" : "");
}

static enum err put_end(struct dump *dump, const struct conf_node *node, size_t depth)
{
    TRY(put_indent(dump->out, depth));
    return buf_printf(dump->out, "</%.*s>\n", SPAN_ARG(node->name));
}

/* One node of the server level, and all that is in it. */
static enum err put_tree(struct dump *dump, const struct conf_node *node)
{
    size_t depth = 0;

    while (node != NULL) {
        TRY(put_line(dump, node, depth));
        if (node->children != NULL) {
            node = node->children;
            depth++;
            continue;
        }
        if (node->is_section) {
            TRY(put_end(dump, node, depth));
        }
        while (depth > 0 && node->next == NULL) {
            node = node->parent;
            depth--;
            TRY(put_end(dump, node, depth));
        }
        node = depth == 0 ? NULL : node->next;
    }
    return OK;
}

/* The row that conf_schema has applied; NULL when it was ignored. */
static const struct directive *row_of(const struct dump *dump, const struct conf_node *node)
{
    for (size_t i = 0; i < dump->apply->table_count; i++) {
        const struct directive *row =
            conf_schema_find(dump->apply->tables[i].rows, node->name, node->is_section);

        if (row != NULL && row->type < CONF_IGNORED && (row->where & dump->apply->place) != 0) {
            return row;
        }
    }
    return NULL;
}

static enum err put_nodes(struct dump *dump)
{
    for (const struct conf_node *node = dump->nodes; node != NULL; node = node->next) {
        const struct directive *row = row_of(dump, node);

        if (row != NULL && !has_value(row)) {
            TRY(put_tree(dump, node));
        }
    }
    return OK;
}

static bool uses_dollar(struct span text)
{
    return text.len > 0 && memmem(text.ptr, text.len, "${" CONF_LEX_DOLLAR "}",
                                  sizeof "${" CONF_LEX_DOLLAR "}" - 1) != NULL;
}

enum err conf_dump(const struct conf_apply *apply, const struct conf_node *nodes,
                   struct buf *out)
{
    struct buf body;
    struct dump dump = {.apply = apply, .nodes = nodes, .out = &body};
    enum err e;

    buf_init(&body, out->max);
    e = put_rows(&dump);
    if (e == OK) {
        e = put_nodes(&dump);
    }
    if (e == OK && uses_dollar(buf_span(&body))) {
        e = buf_append(out, SPAN("Define " CONF_LEX_DOLLAR " $\n"));
    }
    if (e == OK) {
        e = buf_append(out, buf_span(&body));
    }
    buf_fini(&body);
    return e;
}
