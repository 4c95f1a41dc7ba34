/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What lies outside a configuration's own text, handed in: other files, environment variables,
 * names from the command line, and the httpd modules that we stand for. This layer opens
 * nothing by itself; conf_files.h has the one that reads the disk, tests have theirs.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"

enum conf_source_kind {
    CONF_SOURCE_FILE,
    CONF_SOURCE_DIRECTORY,
    CONF_SOURCE_MISSING,    /* there is nothing of that name */
    CONF_SOURCE_UNREADABLE, /* there is, and it cannot be had */
};

struct conf_source_item {
    enum conf_source_kind kind;
    struct span text;   /* FILE: its content, until release() */
    const char *reason; /* UNREADABLE: "Permission denied"; until release() */
    void *owned;        /* the source's own */
};

/** Called with each name; what it returns ends the list unless it is OK. */
typedef enum err conf_source_visit(void *visitor, struct span name);

struct conf_source {
    void *ctx; /* borrowed; for the functions below */

    /** What a path leads to, with the text if it is a file. Only ERR_NOMEM is an error. Each
     *  item that was set is given to release(). NULL: nothing can be included. */
    enum err (*read)(void *ctx, const char *path, struct conf_source_item *ret_item);
    void (*release)(void *ctx, struct conf_source_item *item);

    /** Every name in a directory but "." and "..", in any order. ERR_IO: it cannot be read;
     *  else what `visit` returned. */
    enum err (*list)(void *ctx, const char *path, conf_source_visit *visit, void *visitor);

    /** An environment variable; NULL when there is none. May be NULL itself: there are none. */
    const char *(*env)(void *ctx, const char *name);

    /** The directory of the first file; NULL: the one that its name says. */
    const char *directory;
    /** Names that are defined from the beginning, as by httpd's -D; NULL ends; or NULL. */
    const char *const *defines;
    /** Modules for which <IfModule> holds: "mod_proxy"; NULL ends; or NULL. */
    const char *const *modules;
};
