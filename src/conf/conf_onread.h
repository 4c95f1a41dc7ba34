/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Directives that act while a file is read, from where they stand on and wherever that is, also
 * inside a section: Define, UnDefine, ServerRoot, Include, IncludeOptional, and the sections
 * <IfDefine>, <IfModule>, <IfVersion>, whose content counts or does not. None of them is in the
 * finished tree.
 */
#pragma once

#include "conf/conf_schema.h"
#include "conf/conf_source.h"
#include "conf/conf_vars.h"

enum {
    CONF_ONREAD_HTTPD_MAJOR = 2, /* the httpd that <IfVersion> finds */
    CONF_ONREAD_HTTPD_MINOR = 4,
    CONF_ONREAD_HTTPD_PATCH = 71,
};

/** All of them, for messages and for the manual. */
extern const struct directive conf_onread_rows[];

/** What they have done so far, in one reading. */
struct conf_onread {
    struct arena *arena; /* borrowed, as all of these */
    struct diag *diag;
    const struct conf_source *source; /* or NULL */
    struct conf_vars vars;
    const char *root; /* ServerRoot; NULL until it stands somewhere */
};

must_check enum err conf_onread_init(struct conf_onread *onread, struct arena *arena,
                                     struct diag *diag, const struct conf_source *source);

/**
 * Define, UnDefine and ServerRoot, by their node, which need not live in the arena; a fault is
 * reported and the directive then has no effect. Include and its sister are conf_include.h's.
 *
 * Returns OK, ERR_NOMEM, ERR_LIMIT (the arena is exhausted)
 */
must_check enum err conf_onread_do(struct conf_onread *onread, const struct conf_node *node);

/** Whether the content of a conditional section counts. False also after a fault, which is
 *  reported. */
bool conf_onread_holds(const struct conf_onread *onread, const struct conf_node *node);
