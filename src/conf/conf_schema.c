/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_schema.h"

#include "conf/conf_path.h"
#include "conf/conf_ports.h"
#include "conf/conf_unknown.h"
#include "conf/conf_value.h"

#include <stdio.h>

/* The state of one conf_schema_apply(). */
struct reading {
    const struct conf_apply *apply;
    const struct conf_node **seen; /* per row of all tables: the node that set it first */
};

/* A row, the struct it writes to, and its place in `seen`. */
struct target {
    const struct directive *row;
    void *conf;
    const struct conf_node **seen;
};

static bool has_value(const struct directive *row)
{
    return row->type < CONF_CUSTOM;
}

static size_t count_rows(const struct directive *rows)
{
    size_t count = 0;

    while (rows[count].name != NULL) {
        count++;
    }
    return count;
}

static void clear_ports(const struct directive *row, void *conf)
{
    assert(row->field_bytes == sizeof(struct conf_ports));
    conf_ports_clear((struct conf_ports *)(void *)((char *)conf + row->field));
}

/* The words of `initial` are between spaces for PORTS; otherwise it is one word. */
static void store_initial(const struct directive *row, void *conf)
{
    struct span rest = span_str(row->initial);
    char fault[DIAG_MAX_TEXT];
    bool is_stored = true;

    if (row->type != CONF_PORTS) {
        is_stored = conf_value_store(row, rest, conf, fault);
    }
    while (row->type == CONF_PORTS && rest.len > 0 && is_stored) {
        size_t len = span_find(rest, ' ');

        is_stored = conf_value_store(row, span_head(rest, len), conf, fault);
        rest = span_trim(span_tail(rest, len));
    }
    assert(is_stored); /* a default that its own row refuses is our mistake */
    (void)is_stored;
}

void conf_schema_defaults(const struct directive *rows, void *conf)
{
    for (const struct directive *row = rows; row->name != NULL; row++) {
        if (row->type == CONF_PORTS) {
            clear_ports(row, conf);
        }
        if (row->initial != NULL) {
            assert(has_value(row));
            store_initial(row, conf);
        }
    }
}

bool conf_schema_is_section(const struct directive *row)
{
    return row->type == CONF_SECTION || row->section;
}

const struct directive *conf_schema_find(const struct directive *rows, struct span name,
                                         bool is_section)
{
    for (const struct directive *row = rows; row->name != NULL; row++) {
        if (conf_schema_is_section(row) == is_section && span_equals_nocase(name, row->name)) {
            return row;
        }
    }
    return NULL;
}

/* Rows that only say why there is nothing: any other of that name goes first. */
static bool is_excuse(const struct directive *row)
{
    return row->type >= CONF_IGNORED;
}

/* An excuse of a table that holds around the section: it needs no struct. */
static bool find_outer_excuse(const struct conf_apply *apply, const struct conf_node *node,
                              struct target *ret_target)
{
    for (apply = apply->outer; apply != NULL; apply = apply->outer) {
        for (size_t i = 0; i < apply->table_count; i++) {
            const struct directive *row =
                conf_schema_find(apply->tables[i].rows, node->name, node->is_section);

            if (row != NULL && is_excuse(row) && row->where == UINT32_MAX) {
                *ret_target = (struct target){row, NULL, NULL};
                return true;
            }
        }
    }
    return false;
}

/* The first table that takes the name in this place; else the first that knows it. */
static bool find_target(const struct reading *reading, const struct conf_node *node,
                        struct target *ret_target)
{
    const struct conf_apply *apply = reading->apply;
    const struct conf_node **seen = reading->seen;
    bool is_found = false;

    for (size_t i = 0; i < apply->table_count; i++) {
        const struct conf_table *table = &apply->tables[i];
        const struct directive *row =
            conf_schema_find(table->rows, node->name, node->is_section);
        bool is_here = row != NULL && (row->where & apply->place) != 0;

        if (row != NULL && (!is_found || (is_here && !is_excuse(row)))) {
            *ret_target = (struct target){row, table->conf, seen + (row - table->rows)};
            is_found = true;
            if (is_here && !is_excuse(row)) {
                break;
            }
        }
        seen += count_rows(table->rows);
    }
    return is_found || find_outer_excuse(apply, node, ret_target);
}

/* "Listen [address:]port", "<Proxy pattern>", "On or Off": behind "write". */
static const char *usage_of(const struct directive *row, char room[CONF_VALUE_MAX_FORM])
{
    const char *form = row->form == NULL ? "..." : row->form;

    if (has_value(row)) {
        return conf_value_form(row, room);
    }
    if (row->type == CONF_SECTION) {
        snprintf(room, CONF_VALUE_MAX_FORM, "<%s %s>", row->name, form);
    } else {
        snprintf(room, CONF_VALUE_MAX_FORM, "%s %s", row->name, form);
    }
    return room;
}

bool conf_schema_check_count(const struct directive *row, const struct conf_node *node,
                             struct diag *diag)
{
    bool takes_one = has_value(row) && row->type != CONF_PORTS;
    uint64_t min = has_value(row) ? 1 : row->min;
    uint64_t max = takes_one ? 1 : has_value(row) ? 0 : row->max;
    const char *open = row->type == CONF_SECTION ? "<" : "";
    const char *close = row->type == CONF_SECTION ? ">" : "";
    char room[CONF_VALUE_MAX_FORM];

    if (node->word_count < min) {
        diag_error(diag, node->file, node->line, "%s%s%s: %s (write %s)", open, row->name,
                   close,
                   node->word_count == 0 ? "there is nothing behind it"
                                         : "there is too little behind it",
                   usage_of(row, room));
        return false;
    }
    if (max != 0 && node->word_count > max) {
        struct span word = diag_word(node->words[max]);

        diag_error(diag, node->file, node->line,
                   "%s%s%s: \"%.*s\" is one word too many (write %s)", open, row->name, close,
                   SPAN_ARG(word), usage_of(row, room));
        return false;
    }
    return true;
}

static bool may_repeat(const struct directive *row)
{
    if (row->type == CONF_CUSTOM || row->type == CONF_SECTION) {
        return !row->once;
    }
    return !has_value(row) || row->type == CONF_PORTS;
}

static void report_doubled(const struct conf_apply *apply, const struct target *target,
                           const struct conf_node *node)
{
    const struct directive *row = target->row;
    const struct conf_node *before = *target->seen;
    bool is_section = row->type == CONF_SECTION;

    if (has_value(row)) {
        diag_error(apply->diag, node->file, node->line, "%s is already %.*s, at %s:%u",
                   row->name, SPAN_ARG(diag_word(before->words[0])), before->file,
                   before->line);
    } else {
        diag_error(apply->diag, node->file, node->line,
                   "%s%s%s stands already at %s:%u (write it once)", is_section ? "<" : "",
                   row->name, is_section ? ">" : "", before->file, before->line);
    }
}

static enum err store_words(const struct reading *reading, const struct target *target,
                            const struct conf_node *node)
{
    const struct conf_apply *apply = reading->apply;
    char fault[DIAG_MAX_TEXT];

    if (target->row->type == CONF_PORTS && *target->seen == NULL) {
        clear_ports(target->row, target->conf);
    }
    for (size_t i = 0; i < node->word_count; i++) {
        struct span word = node->words[i];

        if (target->row->type == CONF_TEXT) {
            TRY(arena_copy(apply->arena, word, &word));
        } else if (target->row->type == CONF_PATH && word.len > 0) {
            TRY(conf_path_join(apply->arena, node->base, word, &word));
        }
        if (!conf_value_store(target->row, word, target->conf, fault)) {
            diag_error(apply->diag, node->file, node->line, "%s: %s", target->row->name, fault);
        }
    }
    return OK;
}

/* ERR_CONF is a fault like any other, and must not pass in silence. */
static enum err call_set(const struct reading *reading, const struct target *target,
                         const struct conf_node *node)
{
    struct diag *diag = reading->apply->diag;
    size_t errors = diag_count(diag, DIAG_ERROR);
    enum err e = target->row->set(target->conf, node, reading->apply);
    char room[CONF_VALUE_MAX_FORM];

    if (e != ERR_CONF) {
        return e;
    }
    if (diag_count(diag, DIAG_ERROR) == errors) {
        diag_error(diag, node->file, node->line, "%s cannot be understood (write %s)",
                   target->row->name, usage_of(target->row, room));
    }
    return OK;
}

/* A row's help is a sentence; in parentheses it goes without its full stop. */
static struct span reason_of(const struct directive *row)
{
    struct span help = span_str(row->help == NULL ? "see the manual" : row->help);

    return help.len > 0 && help.ptr[help.len - 1] == '.' ? span_head(help, help.len - 1) : help;
}

static enum err apply_row(const struct reading *reading, const struct target *target,
                          const struct conf_node *node)
{
    const struct conf_apply *apply = reading->apply;
    const struct directive *row = target->row;
    const char *open = row->section ? "<" : "";
    const char *close = row->section ? ">" : "";

    switch (row->type) {
    case CONF_SWITCH:
    case CONF_NUMBER:
    case CONF_DURATION:
    case CONF_SIZE:
    case CONF_CHOICE:
    case CONF_TEXT:
    case CONF_PATH:
    case CONF_PORTS: return store_words(reading, target, node);
    case CONF_CUSTOM:
    case CONF_SECTION: return call_set(reading, target, node);
    case CONF_IGNORED:
        if (target->seen == NULL || *target->seen == NULL) { /* thirty lines, one note */
            diag_note(apply->diag, node->file, node->line, "%s%s%s is ignored (%.*s)", open,
                      row->name, close, SPAN_ARG(reason_of(row)));
        }
        return OK;
    case CONF_REFUSED:
        diag_error(apply->diag, node->file, node->line, "%s%s%s is not supported (%.*s)", open,
                   row->name, close, SPAN_ARG(reason_of(row)));
        return OK;
    }
    return OK;
}

static enum err apply_node(const struct reading *reading, const struct conf_node *node)
{
    const struct conf_apply *apply = reading->apply;
    struct target target;
    bool is_first;

    if (!find_target(reading, node, &target)) {
        conf_unknown_name(apply, node);
        return OK;
    }
    if ((target.row->where & apply->place) == 0) {
        conf_unknown_place(apply, node, target.row);
        return OK;
    }
    is_first = target.seen != NULL && *target.seen == NULL;
    if (!is_first && !may_repeat(target.row)) {
        report_doubled(apply, &target, node);
        return OK;
    }
    if (target.row->type < CONF_IGNORED &&
        !conf_schema_check_count(target.row, node, apply->diag)) {
        return OK;
    }
    TRY(apply_row(reading, &target, node));
    if (is_first) {
        *target.seen = node;
    }
    return OK;
}

enum err conf_schema_apply(const struct conf_apply *apply, const struct conf_node *nodes)
{
    struct reading reading = {.apply = apply};
    size_t rows = 0;
    void *room;

    for (size_t i = 0; i < apply->table_count; i++) {
        rows += count_rows(apply->tables[i].rows);
    }
    TRY(arena_alloc(apply->arena, rows * sizeof(struct conf_node *), &room));
    reading.seen = room;
    for (const struct conf_node *node = nodes; node != NULL; node = node->next) {
        TRY(apply_node(&reading, node));
    }
    return OK;
}
