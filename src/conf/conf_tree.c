/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_tree.h"

#include "conf/conf_include.h"
#include "conf/conf_lex.h"
#include "conf/conf_path.h"

#include <stdio.h>

/* A section that is open. A condition is not in the tree: its content belongs to what is
 * around it. */
struct frame {
    struct conf_node *node;
    struct conf_node *parent; /* of nodes inside; NULL at server level */
    bool is_condition;
    bool is_skipped; /* a condition that does not hold */
};

/* One file. What it opens, it closes: an included file cannot reach what is around it. */
struct builder {
    struct arena *arena;
    struct diag *diag;
    struct conf_onread *onread; /* of the whole reading, like the next one */
    size_t *file_count;
    struct conf_include_file file;
    const char *directory; /* the file's */
    struct conf_node *parent;
    size_t outer_depth; /* sections that are open around the file */
    size_t depth;       /* and in it */
    struct frame open[CONF_TREE_MAX_DEPTH];
    struct conf_node **tail[CONF_TREE_MAX_DEPTH + 1]; /* where a level's next node goes */
    size_t lost; /* open sections, inside these, whose content is not kept */
};

static bool is_skipping(const struct builder *builder)
{
    return builder->depth > 0 && builder->open[builder->depth - 1].is_skipped;
}

static enum err copy_words(struct arena *arena, const struct conf_line *line,
                           struct conf_node *node)
{
    void *room;
    struct span *words;

    TRY(arena_alloc(arena, line->word_count * sizeof *words, &room));
    words = room;
    for (size_t i = 0; i < line->word_count; i++) {
        TRY(arena_copy(arena, line->words[i], &words[i]));
    }
    node->words = words;
    node->word_count = line->word_count;
    return OK;
}

static enum err copy_node(const struct builder *builder, const struct conf_node *from,
                          const struct conf_line *line, struct conf_node **ret_node)
{
    void *room;
    struct conf_node *node;

    TRY(arena_alloc(builder->arena, sizeof *node, &room));
    node = room;
    *node = *from;
    TRY(arena_copy(builder->arena, line->name, &node->name));
    TRY(arena_copy(builder->arena, line->comment, &node->comment));
    TRY(copy_words(builder->arena, line, node));
    *ret_node = node;
    return OK;
}

static void append_node(struct builder *builder, struct conf_node *node)
{
    *builder->tail[builder->depth] = node;
    builder->tail[builder->depth] = &node->next;
}

/* As a node that points into the line: for what acts at once. */
static struct conf_node node_of(const struct builder *builder, const struct conf_line *line)
{
    const char *root = builder->onread->root;

    return (struct conf_node){
        .name = line->name,
        .words = line->words,
        .word_count = line->word_count,
        .comment = line->comment,
        .file = builder->file.path,
        .base = root == NULL ? builder->directory : root,
        .line = line->line,
        .column = line->column,
        .is_section = line->type == CONF_LINE_OPEN,
        .parent =
            builder->depth == 0 ? builder->parent : builder->open[builder->depth - 1].parent,
    };
}

/* "<Proxy *>", as it was written or nearly so. */
struct label {
    char text[DIAG_MAX_WORD + 1];
};

static struct label label_of(const struct conf_node *node)
{
    struct label label;
    size_t room = sizeof label.text - 1; /* one byte is the bracket's */
    size_t used = 0;
    struct span part = node->name;

    for (size_t i = 0;; part = node->words[i++]) {
        int len = snprintf(label.text + used, room - used, "%s%.*s", used == 0 ? "<" : " ",
                           SPAN_ARG(diag_word(part)));

        used += (size_t)len < room - used ? (size_t)len : room - used - 1;
        if (i == node->word_count) {
            break;
        }
    }
    snprintf(label.text + used, sizeof label.text - used, ">");
    return label;
}

static enum err open_section(struct builder *builder, const struct conf_line *line)
{
    struct conf_node plain = node_of(builder, line);
    struct frame *frame = &builder->open[builder->depth];
    struct conf_node *node;

    if (builder->outer_depth + builder->depth == CONF_TREE_MAX_DEPTH) {
        diag_error(builder->diag, builder->file.path, line->line,
                   "<%.*s> is nested more than %d sections deep (close the sections around it)",
                   SPAN_ARG(diag_word(line->name)), CONF_TREE_MAX_DEPTH);
        builder->lost++;
        return OK;
    }
    TRY(copy_node(builder, &plain, line, &node));
    *frame = (struct frame){.node = node, .parent = node};
    if (conf_schema_find(conf_onread_rows, line->name, true) != NULL) {
        frame->parent = plain.parent;
        frame->is_condition = true;
        frame->is_skipped = !conf_onread_holds(builder->onread, node);
        builder->tail[builder->depth + 1] = builder->tail[builder->depth];
    } else {
        append_node(builder, node);
        builder->tail[builder->depth + 1] = &node->children;
    }
    builder->depth++;
    return OK;
}

static void pop_section(struct builder *builder)
{
    builder->depth--;
    if (builder->open[builder->depth].is_condition) {
        builder->tail[builder->depth] = builder->tail[builder->depth + 1];
    }
}

/* The innermost open section of that name, counted from 1; 0 when there is none. */
static size_t find_open(const struct builder *builder, struct span name)
{
    for (size_t depth = builder->depth; depth > 0; depth--) {
        if (span_equal_nocase(builder->open[depth - 1].node->name, name)) {
            return depth;
        }
    }
    return 0;
}

static void close_section(struct builder *builder, const struct conf_line *line)
{
    struct span name = diag_word(line->name);
    size_t depth = find_open(builder, line->name);

    if (builder->depth == 0) {
        diag_error(builder->diag, builder->file.path, line->line,
                   "</%.*s> closes nothing (write <%.*s ...> before it, or remove it)",
                   SPAN_ARG(name), SPAN_ARG(name));
        return;
    }
    if (depth == 0) { /* a slip of the pen: it was meant to close something */
        const struct conf_node *open = builder->open[builder->depth - 1].node;

        diag_error(builder->diag, builder->file.path, line->line,
                   "</%.*s> cannot close %s of %s:%u (write </%.*s>)", SPAN_ARG(name),
                   label_of(open).text, open->file, open->line,
                   SPAN_ARG(diag_word(open->name)));
        pop_section(builder);
        return;
    }
    for (; builder->depth > depth; pop_section(builder)) {
        const struct conf_node *open = builder->open[builder->depth - 1].node;

        diag_error(builder->diag, builder->file.path, line->line,
                   "</%.*s> comes while %s of %s:%u is open (write </%.*s> before it)",
                   SPAN_ARG(name), label_of(open).text, open->file, open->line,
                   SPAN_ARG(diag_word(open->name)));
    }
    pop_section(builder);
}

static enum err read_file(struct builder *builder, struct span text);

/* Where an Include stands, other files are read; their nodes go where its own would. */
static enum err read_included(void *visitor, const char *path, struct span text)
{
    struct builder *outer = visitor;
    struct builder builder = {
        .arena = outer->arena,
        .diag = outer->diag,
        .onread = outer->onread,
        .file_count = outer->file_count,
        .file = {.path = path,
                 .whole = path,
                 .depth = outer->file.depth + 1,
                 .outer = &outer->file},
        .parent = outer->depth == 0 ? outer->parent : outer->open[outer->depth - 1].parent,
        .outer_depth = outer->outer_depth + outer->depth,
        .tail = {outer->tail[outer->depth]},
    };
    struct span directory;

    TRY(conf_path_directory(outer->arena, span_str(path), &directory));
    builder.directory = (const char *)directory.ptr;
    TRY(read_file(&builder, text));
    outer->tail[outer->depth] = builder.tail[0];
    return OK;
}

static enum err add_directive(struct builder *builder, const struct conf_line *line)
{
    const struct directive *row = conf_schema_find(conf_onread_rows, line->name, false);
    struct conf_node plain = node_of(builder, line);
    struct conf_node *node;

    if (row == NULL) {
        TRY(copy_node(builder, &plain, line, &node));
        append_node(builder, node);
        return OK;
    }
    if (!span_equals_nocase(line->name, "Include") &&
        !span_equals_nocase(line->name, "IncludeOptional")) {
        return conf_onread_do(builder->onread, &plain);
    }
    if (!conf_schema_check_count(row, &plain, builder->diag)) {
        return OK;
    }
    return conf_include_each(&(const struct conf_include){
        .onread = builder->onread,
        .file = &builder->file,
        .node = &plain,
        .file_count = builder->file_count,
        .visit = read_included,
        .visitor = builder,
    });
}

static enum err add_line(struct builder *builder, const struct conf_line *line)
{
    bool is_kept = builder->lost == 0 && !is_skipping(builder);

    switch (line->type) {
    case CONF_LINE_DIRECTIVE: return is_kept ? add_directive(builder, line) : OK;
    case CONF_LINE_OPEN:
        if (is_kept) {
            return open_section(builder, line);
        }
        builder->lost++;
        return OK;
    case CONF_LINE_CLOSE:
        if (builder->lost == 0) {
            close_section(builder, line);
        } else {
            builder->lost--;
        }
        return OK;
    }
    return OK;
}

/* A copy of the page that lost its last line is common, and what it meant is clear; but not
 * with a condition that made nothing of all that follows. */
static void close_at_end(struct builder *builder)
{
    for (; builder->depth > 0; pop_section(builder)) {
        const struct conf_node *open = builder->open[builder->depth - 1].node;

        if (is_skipping(builder)) {
            diag_error(builder->diag, builder->file.path, open->line,
                       "%s is never closed, so nothing behind it counts (write </%.*s> on a "
                       "line of its own)",
                       label_of(open).text, SPAN_ARG(diag_word(open->name)));
            continue;
        }
        diag_warn(builder->diag, builder->file.path, open->line,
                  "%s is never closed; understood as ending at the end of the file (write "
                  "</%.*s> on a line of its own)",
                  label_of(open).text, SPAN_ARG(diag_word(open->name)));
    }
}

static enum err add_lines(struct builder *builder, struct conf_lex *lex)
{
    for (;;) {
        struct conf_line line;
        enum err e;

        /* What does not count may be anything, and uses no variable. */
        lex->diag = is_skipping(builder) ? NULL : builder->diag;
        lex->vars = is_skipping(builder) ? NULL : &builder->onread->vars;
        e = conf_lex_next(lex, &line);

        if (e == ERR_AGAIN) {
            return OK;
        }
        if (e == OK) {
            TRY(add_line(builder, &line));
        } else if (lex->type == CONF_LINE_OPEN) {
            builder->lost++; /* one fault, not one more for everything inside */
        } else if (lex->type == CONF_LINE_CLOSE && builder->lost > 0) {
            builder->lost--;
        } else if (lex->type == CONF_LINE_CLOSE && builder->depth > 0) {
            pop_section(builder);
        }
    }
}

static enum err read_file(struct builder *builder, struct span text)
{
    struct conf_lex lex;

    conf_lex_init(&lex, text, builder->file.path, builder->diag);
    TRY(add_lines(builder, &lex));
    close_at_end(builder);
    return OK;
}

enum err conf_tree_parse(struct span text, const char *file, const struct conf_source *source,
                         struct arena *arena, struct diag *diag, struct conf_node **ret_nodes)
{
    struct conf_onread onread;
    struct conf_node *first = NULL;
    size_t file_count = 0;
    struct builder builder = {
        .arena = arena,
        .diag = diag,
        .onread = &onread,
        .file_count = &file_count,
        .tail = {&first},
    };
    struct span name, directory, whole;
    size_t slash = 0; /* where the name behind the last one begins */

    TRY(conf_onread_init(&onread, arena, diag, source));
    TRY(arena_copy(arena, span_str(file), &name));
    builder.file.path = (const char *)name.ptr;
    if (source != NULL && source->directory != NULL) {
        TRY(arena_copy(arena, span_str(source->directory), &directory));
    } else {
        TRY(conf_path_directory(arena, name, &directory));
    }
    builder.directory = (const char *)directory.ptr;
    for (size_t i = 0; i < name.len; i++) {
        slash = name.ptr[i] == '/' ? i + 1 : slash;
    }
    TRY(conf_path_join(arena, builder.directory, span_tail(name, slash), &whole));
    builder.file.whole = (const char *)whole.ptr;
    TRY(read_file(&builder, text));
    *ret_nodes = first;
    return OK;
}
