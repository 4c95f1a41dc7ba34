/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The words of a selector (JMS 1.1 section 3.8.1.1), one after the other out of a text that is
 * known to be UTF-8.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "pubsub/selector_fault.h"

enum selector_lex_type {
    SELECTOR_LEX_END,
    SELECTOR_LEX_NAME,    /* an identifier; a QUOTED one may be any text */
    SELECTOR_LEX_QUOTED,  /* "..."; in it two quotes are one */
    SELECTOR_LEX_STRING,  /* '...'; likewise */
    SELECTOR_LEX_INTEGER, /* an exact numeric literal */
    SELECTOR_LEX_REAL,    /* an approximate one */
    SELECTOR_LEX_DOT,
    SELECTOR_LEX_COMMA,
    SELECTOR_LEX_PLUS,
    SELECTOR_LEX_MINUS,
    SELECTOR_LEX_TIMES,
    SELECTOR_LEX_DIVIDE,
    SELECTOR_LEX_BRACKET_OPEN,
    SELECTOR_LEX_BRACKET_CLOSE,
    SELECTOR_LEX_PAREN_OPEN,
    SELECTOR_LEX_PAREN_CLOSE,
    SELECTOR_LEX_EQUAL,
    SELECTOR_LEX_DIFFERENT,
    SELECTOR_LEX_LESS,
    SELECTOR_LEX_AT_MOST,
    SELECTOR_LEX_MORE,
    SELECTOR_LEX_AT_LEAST,
    /* The reserved words, in any case. */
    SELECTOR_LEX_AND,
    SELECTOR_LEX_BETWEEN,
    SELECTOR_LEX_ESCAPE,
    SELECTOR_LEX_FALSE,
    SELECTOR_LEX_IN,
    SELECTOR_LEX_IS,
    SELECTOR_LEX_LIKE,
    SELECTOR_LEX_NOT,
    SELECTOR_LEX_NULL,
    SELECTOR_LEX_OR,
    SELECTOR_LEX_TRUE,
};

struct selector_lex_token {
    enum selector_lex_type type;
    size_t at;        /* where it begins, from the beginning of the text */
    struct span text; /* as it came; STRING, QUOTED: without the outer quotes */
    uint64_t integer; /* INTEGER: up to 2^63, which only a minus makes valid */
    double real;      /* REAL */
};

struct selector_lex {
    struct span text; /* borrowed until the end */
    size_t at;        /* the next byte */
};

/** ERR_PROTO: *ret_fault says what is wrong, and there is nothing to go on with. */
must_check enum err selector_lex_next(struct selector_lex *lex,
                                      struct selector_fault *ret_fault,
                                      struct selector_lex_token *ret_token);

/** Writes what a STRING or QUOTED stands for into `room`, which holds text.len bytes; returns
 * how many it became. */
size_t selector_lex_unquote(const struct selector_lex_token *token, uint8_t *room);
