/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * JSON's words (RFC 8259), one after the other out of a text that is there as a whole and known
 * to be UTF-8. What may follow what is not known here.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "pubsub/dict_fault.h"

enum dict_lex_type {
    DICT_LEX_END,
    DICT_LEX_BRACE_OPEN,
    DICT_LEX_BRACE_CLOSE,
    DICT_LEX_BRACKET_OPEN,
    DICT_LEX_BRACKET_CLOSE,
    DICT_LEX_COLON,
    DICT_LEX_COMMA,
    DICT_LEX_STRING,
    DICT_LEX_NUMBER,
    DICT_LEX_TRUE,
    DICT_LEX_FALSE,
    DICT_LEX_NULL,
    DICT_LEX_OTHER, /* nothing that JSON knows; it takes one byte */
};

struct dict_lex_token {
    enum dict_lex_type type;
    size_t at;        /* where it begins, from the beginning of the text */
    struct span text; /* STRING: what is between the quotes, as it came; NUMBER: all of it */
};

/* Can be copied, to look ahead with the copy. */
struct dict_lex {
    struct span text; /* borrowed until the end */
    size_t at;        /* the next byte */
};

/** Strings come out with escapes that mean something, and numbers as RFC 8259 section 6 writes
 *  them. ERR_PROTO: *ret_fault says what is wrong, and there is nothing to go on with. */
must_check enum err dict_lex_next(struct dict_lex *lex, struct dict_fault *ret_fault,
                                  struct dict_lex_token *ret_token);

/** Writes what a STRING stands for into `room`, which holds text.len bytes; returns how many it
 *  became. */
size_t dict_lex_unescape(struct span text, uint8_t *room);
