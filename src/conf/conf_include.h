/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What `Include path` means: a file; a directory, with all files in and below it; or a pattern
 * with * ? [...] in any part of the path. Files come in the order of their names (bytes), as in
 * httpd, and a name that begins with a dot is matched only by a pattern that does so.
 */
#pragma once

#include "conf/conf_onread.h"

enum {
    CONF_INCLUDE_MAX_DEPTH = 16,      /* files in files */
    CONF_INCLUDE_MAX_FILES = 1000,    /* in one reading */
    CONF_INCLUDE_MAX_DIRECTORIES = 8, /* directories in directories */
    CONF_INCLUDE_MAX_NAMES = 4000,    /* in one directory */
    CONF_INCLUDE_MAX_PATH = 4096,     /* bytes */
};

/** A file that is being read, and the one that included it. */
struct conf_include_file {
    const char *path;
    const char *whole; /* the same with its directory, as an Include would find it */
    unsigned depth;    /* 0 for the first file */
    const struct conf_include_file *outer; /* NULL for the first file */
};

/** Takes in one file; its path lives in the arena, its text until the call returns. */
typedef enum err conf_include_visit(void *visitor, const char *path, struct span text);

struct conf_include {
    struct conf_onread *onread;           /* borrowed, as all of these */
    const struct conf_include_file *file; /* where the Include stands */
    const struct conf_node *node;         /* Include or IncludeOptional, and one word */
    size_t *file_count;                   /* of the whole reading */
    conf_include_visit *visit;
    void *visitor;
};

/**
 * Visits every file that is meant, from the node's `base`. What is missing, unreadable, too
 * much or a loop is reported, at the node.
 *
 * Returns OK, also after a fault was reported; ERR_NOMEM, ERR_LIMIT (the arena is exhausted),
 * or what `visit` returned
 */
must_check enum err conf_include_each(const struct conf_include *include);
