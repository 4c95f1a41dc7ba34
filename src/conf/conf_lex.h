/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The text of a configuration file, cut into logical lines and these into words, by the rules
 * of httpd's ap_cfg_getline() and ap_getword_conf(): a backslash at the end of a line continues
 * it; words stand in double or single quotes or end at a space; \\ is a backslash, \" a quote
 * inside quotes, and any other backslash stands for itself. Before all that, ${NAME} has become
 * the value of NAME, which is not searched again; without a value it stays, with a warning.
 *
 * Where we differ on purpose: `#` begins a comment wherever a word could begin; a comment ends
 * with its line, also when that ends in a backslash (httpd swallows the next line; we warn); an
 * open quote, a NUL and other control bytes are errors. CRLF and a byte order mark are taken.
 * ${NAME} does not reach over the end of a physical line, nor is a # in a value a comment.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "conf/conf_vars.h"
#include "conf/diag.h"

enum {
    CONF_LEX_MAX_FILE_BYTES = 1024 * 1024,
    CONF_LEX_MAX_LINE_BYTES = 8192, /* a logical line without comments */
    CONF_LEX_MAX_WORDS = 256,       /* of a logical line, the name included */
};

enum conf_line_type {
    CONF_LINE_DIRECTIVE, /* Name word ... */
    CONF_LINE_OPEN,      /* <Name word ...> */
    CONF_LINE_CLOSE,     /* </Name> */
};

struct conf_line {
    enum conf_line_type type;
    unsigned line;            /* where it begins, from 1 */
    unsigned column;          /* where its name begins, in bytes, from 1 */
    struct span name;         /* never empty; without < / > */
    const struct span *words; /* the arguments, unquoted; word_count of them */
    size_t word_count;
    struct span comment; /* what stands behind a # on the same line, trimmed; else empty */
};

struct conf_lex {
    struct span text;  /* borrowed from the caller until the end */
    const char *file;  /* borrowed: for messages */
    struct diag *diag; /* borrowed; the caller may change it between lines, also to NULL */
    const struct conf_vars *vars; /* borrowed; NULL: ${NAME} is text. As diag */
    struct span value;            /* what is still to be read of a variable */
    size_t literal_end;           /* text before it was searched for ${NAME} */
    size_t at;                    /* the next byte of text */
    size_t line_start;            /* where the physical line begins */
    unsigned line;                /* the physical line that `at` is in */
    size_t used;                  /* bytes of room */
    size_t line_bytes;            /* of the logical line so far */
    size_t word_count;
    enum conf_line_type type; /* of the line being read */
    bool has_fault;           /* it was reported */
    bool is_quoted;           /* its last word */
    struct span comment;
    struct span words[CONF_LEX_MAX_WORDS];
    uint8_t room[CONF_LEX_MAX_LINE_BYTES]; /* the words' bytes, unquoted */
};

/** Takes no memory. A text over CONF_LEX_MAX_FILE_BYTES is reported by the first next. */
void conf_lex_init(struct conf_lex *lex, struct span text, const char *file, struct diag *diag);

/**
 * The next line that is not empty. What *ret_line points to is valid until the next call.
 *
 * Returns OK         *ret_line is set
 *         ERR_AGAIN  the text has ended
 *         ERR_CONF   a line was wrong: the diag says how, lex->type what it seemed to be.
 *                    The next call goes on behind it
 */
must_check enum err conf_lex_next(struct conf_lex *lex, struct conf_line *ret_line);

/** The variable that a quoted word uses where "${" must be text: its value has to be "$". */
#define CONF_LEX_DOLLAR "WAYLEAVE_DOLLAR"

/** Writes a word so that it is read back as it is, in quotes if need be. Errors as
 *  buf_append(); what was appended before the error stays. */
must_check enum err conf_lex_put(struct span word, struct buf *out);
