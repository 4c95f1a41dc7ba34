/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What is to be said to an operator: `file:line: what is wrong (what would be right)`. Messages
 * are collected, not printed, and bounded in number and bytes; the counts are always right,
 * also when a message itself had to be dropped. Whoever printed last decides nothing here: a
 * caller asks diag_count(diag, DIAG_ERROR) whether it may go on.
 */
#pragma once

#include "base/arena.h"
#include "base/span.h"

enum {
    DIAG_MAX_MESSAGES = 100, /* kept of each severity; more are only counted */
    DIAG_MAX_TEXT = 512,     /* bytes of one message; longer ones are cut */
    DIAG_MAX_WORD = 80,      /* bytes of a word that diag_word() leaves */
    DIAG_MAX_LINE = 1024,    /* bytes of room that diag_format() can fill */
};

enum diag_severity {
    DIAG_ERROR,   /* the configuration is refused */
    DIAG_WARNING, /* it loads, but perhaps not as its author meant */
    DIAG_NOTE,    /* good to know */
    DIAG_SEVERITIES,
};

struct diag_message {
    enum diag_severity severity;
    const char *file; /* owned by the diag; NULL when there is no file */
    unsigned line;    /* from 1; 0 = the file as a whole */
    const char *text; /* owned by the diag; printable, without line ends */
    struct diag_message *next;
};

struct diag {
    struct arena arena;         /* owned */
    struct diag_message *first; /* owned by the arena; see diag_next() */
    size_t counts[DIAG_SEVERITIES];
    bool is_lossy; /* messages were lost: too many, or out of memory */
};

/** Takes no memory yet. */
void diag_init(struct diag *diag);

void diag_fini(struct diag *diag);

/**
 * Say what is wrong and, in parentheses, what would be right. `file` is copied and may be NULL;
 * `line` is 0 when no line is to blame. Bytes that a terminal must not see become '?'. With a
 * diag of NULL nothing happens.
 */
void diag_error(struct diag *diag, const char *file, unsigned line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diag_warn(struct diag *diag, const char *file, unsigned line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diag_note(struct diag *diag, const char *file, unsigned line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** How many were said, lost ones included. */
size_t diag_count(const struct diag *diag, enum diag_severity severity);

/**
 * The message after `message`, the first one for NULL; NULL at the end. Files come in the order
 * in which they were first named, a file's messages by line, a line's as they were said.
 */
const struct diag_message *diag_next(const struct diag *diag,
                                     const struct diag_message *message);

/** "proxy.conf:8: warning: ..." for a terminal; an error has no such word. Returns `room`. */
const char *diag_format(const struct diag_message *message, char *room, size_t room_bytes);

/** As much of a word as belongs into a message: for "\"%.*s\"", SPAN_ARG(diag_word(word)). */
struct span diag_word(struct span word);
