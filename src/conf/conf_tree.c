/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_tree.h"

#include "conf/conf_lex.h"

#include <stdio.h>

struct builder {
    struct arena *arena;
    struct diag *diag;
    const char *file; /* in the arena */
    struct conf_node *first;
    size_t depth; /* sections that are open */
    struct conf_node *open[CONF_TREE_MAX_DEPTH];
    struct conf_node **tail[CONF_TREE_MAX_DEPTH + 1]; /* where a level's next node goes */
    size_t lost; /* open sections, inside these, that could not be read: nothing is kept */
};

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

static enum err append_node(struct builder *builder, const struct conf_line *line,
                            struct conf_node **ret_node)
{
    void *room;
    struct conf_node *node;

    TRY(arena_alloc(builder->arena, sizeof *node, &room));
    node = room;
    *node = (struct conf_node){
        .file = builder->file,
        .line = line->line,
        .column = line->column,
        .is_section = line->type == CONF_LINE_OPEN,
        .parent = builder->depth == 0 ? NULL : builder->open[builder->depth - 1],
    };
    TRY(arena_copy(builder->arena, line->name, &node->name));
    TRY(arena_copy(builder->arena, line->comment, &node->comment));
    TRY(copy_words(builder->arena, line, node));

    *builder->tail[builder->depth] = node;
    builder->tail[builder->depth] = &node->next;
    *ret_node = node;
    return OK;
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
    struct conf_node *node;

    if (builder->depth == CONF_TREE_MAX_DEPTH) {
        diag_error(builder->diag, builder->file, line->line,
                   "<%.*s> is nested more than %d sections deep (close the sections around it)",
                   SPAN_ARG(diag_word(line->name)), CONF_TREE_MAX_DEPTH);
        builder->lost++;
        return OK;
    }
    TRY(append_node(builder, line, &node));
    builder->open[builder->depth++] = node;
    builder->tail[builder->depth] = &node->children;
    return OK;
}

/* The innermost open section of that name, counted from 1; 0 when there is none. */
static size_t find_open(const struct builder *builder, struct span name)
{
    for (size_t depth = builder->depth; depth > 0; depth--) {
        if (span_equal_nocase(builder->open[depth - 1]->name, name)) {
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
        diag_error(builder->diag, builder->file, line->line,
                   "</%.*s> closes nothing (write <%.*s ...> before it, or remove it)",
                   SPAN_ARG(name), SPAN_ARG(name));
        return;
    }
    if (depth == 0) { /* a slip of the pen: it was meant to close something */
        const struct conf_node *open = builder->open[builder->depth - 1];

        diag_error(builder->diag, builder->file, line->line,
                   "</%.*s> cannot close %s of %s:%u (write </%.*s>)", SPAN_ARG(name),
                   label_of(open).text, open->file, open->line,
                   SPAN_ARG(diag_word(open->name)));
        builder->depth--;
        return;
    }
    for (; builder->depth > depth; builder->depth--) {
        const struct conf_node *open = builder->open[builder->depth - 1];

        diag_error(builder->diag, builder->file, line->line,
                   "</%.*s> comes while %s of %s:%u is open (write </%.*s> before it)",
                   SPAN_ARG(name), label_of(open).text, open->file, open->line,
                   SPAN_ARG(diag_word(open->name)));
    }
    builder->depth--;
}

static enum err add_line(struct builder *builder, const struct conf_line *line)
{
    struct conf_node *node;

    switch (line->type) {
    case CONF_LINE_DIRECTIVE: return builder->lost > 0 ? OK : append_node(builder, line, &node);
    case CONF_LINE_OPEN:
        if (builder->lost == 0) {
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

/* A copy of the page that lost its last line is common, and what it meant is clear. */
static void close_at_end(struct builder *builder)
{
    for (; builder->depth > 0; builder->depth--) {
        const struct conf_node *open = builder->open[builder->depth - 1];

        diag_warn(builder->diag, builder->file, open->line,
                  "%s is never closed; understood as ending at the end of the file (write "
                  "</%.*s> on a line of its own)",
                  label_of(open).text, SPAN_ARG(diag_word(open->name)));
    }
}

static enum err add_lines(struct builder *builder, struct conf_lex *lex)
{
    for (;;) {
        struct conf_line line;
        enum err e = conf_lex_next(lex, &line);

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
            builder->depth--;
        }
    }
}

enum err conf_tree_parse(struct span text, const char *file, struct arena *arena,
                         struct diag *diag, struct conf_node **ret_nodes)
{
    struct builder builder = {.arena = arena, .diag = diag};
    struct conf_lex lex;
    struct span name;

    TRY(arena_copy(arena, span_str(file), &name));
    builder.file = (const char *)name.ptr;
    builder.tail[0] = &builder.first;
    conf_lex_init(&lex, text, builder.file, diag);
    TRY(add_lines(&builder, &lex));
    close_at_end(&builder);
    *ret_nodes = builder.first;
    return OK;
}
