/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The names that Define makes and UnDefine takes away, and what ${NAME} stands for. As in httpd
 * there are two sets: <IfDefine> asks whether a name was defined, and case counts; ${NAME} asks
 * for a value, and case does not. What has no value here is sought in the environment.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "conf/conf_source.h"

enum {
    CONF_VARS_MAX = 1000,     /* names, and values */
    CONF_VARS_MAX_NAME = 255, /* bytes */
};

struct conf_var;

struct conf_vars {
    struct arena *arena;              /* borrowed; the names and values live there */
    const struct conf_source *source; /* borrowed; NULL: no environment */
    struct conf_var *names;           /* what <IfDefine> knows */
    struct conf_var *values;          /* what ${NAME} knows */
    size_t count;                     /* of both */
};

/** Defines source->defines. ERR_NOMEM, ERR_LIMIT as conf_vars_define(). */
must_check enum err conf_vars_init(struct conf_vars *vars, struct arena *arena,
                                   const struct conf_source *source);

/**
 * From now on the name is defined, and has the value unless that is NULL: then an older value
 * stays. All is copied.
 *
 * Returns OK, ERR_NOMEM
 *         ERR_LIMIT  there are CONF_VARS_MAX already, or the arena is exhausted
 */
must_check enum err conf_vars_define(struct conf_vars *vars, struct span name,
                                     const struct span *value);

/** The name and its value are gone; the environment is as it was. */
void conf_vars_undefine(struct conf_vars *vars, struct span name);

/** What <IfDefine> asks. */
bool conf_vars_has(const struct conf_vars *vars, struct span name);

/** What ${NAME} asks. False: nobody has given it a value. */
bool conf_vars_find(const struct conf_vars *vars, struct span name, struct span *ret_value);
