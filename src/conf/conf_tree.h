/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Lines, nested: the directives and sections of a configuration file as a tree, without any
 * idea of what they mean. Checks that sections open and close in pairs. What acts while a file
 * is read (Define, Include, <IfDefine>: conf_onread.h) has acted; the tree is what is left.
 */
#pragma once

#include "base/arena.h"
#include "base/span.h"
#include "conf/conf_source.h"
#include "conf/diag.h"

enum {
    CONF_TREE_MAX_DEPTH = 16, /* sections inside sections */
};

/** A directive, or a section with its content. All of it lives in the arena. */
struct conf_node {
    struct span name;         /* as written; for a section without < and >. A zero follows */
    const struct span *words; /* the arguments; a zero follows each of them */
    size_t word_count;
    struct span comment; /* behind it on the same line; else empty */
    const char *file;
    const char *base; /* the directory in which relative names of files begin: ServerRoot's if
                         it stood before, else that of `file`; "" is the working directory */
    unsigned line;    /* from 1 */
    unsigned column;  /* of the name, in bytes, from 1 */
    bool is_section;
    struct conf_node *children; /* a section's content, in order; NULL when empty */
    struct conf_node *next;     /* the one after it in the same section; NULL at the end */
    struct conf_node *parent;   /* the section around it; NULL at server level */
};

/**
 * Read a whole text and what it includes. Nothing in the tree points into `text` or `file`.
 * `source` has what lies outside; NULL: there are no other files, no environment, no modules.
 *
 * Wrong lines are left out and reported; the rest is read nevertheless, so that the caller can
 * look for more faults in it: OK says that there is a tree, diag_count(diag, DIAG_ERROR)
 * whether it may be used. A section that is open at the end of the text is closed there, with a
 * warning.
 *
 * Returns OK          *ret_nodes is the first at server level; NULL for an empty file
 *         ERR_NOMEM, ERR_LIMIT  the arena is exhausted
 */
must_check enum err conf_tree_parse(struct span text, const char *file,
                                    const struct conf_source *source, struct arena *arena,
                                    struct diag *diag, struct conf_node **ret_nodes);
