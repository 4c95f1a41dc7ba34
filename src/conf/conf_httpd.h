/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Directives of Apache httpd that people have in the file of their forward proxy and that we do
 * not: ignored where nothing is lost by that, refused, with our way to the same end, where
 * their author would be deceived. To be the last of a daemon's tables: a row of another table
 * with the same name goes first.
 */
#pragma once

#include "conf/conf_schema.h"

/** They write to no struct: {conf_httpd_rows, NULL}. */
extern const struct directive conf_httpd_rows[];

/** The modules whose directives we stand for, for conf_source.modules; NULL ends. */
extern const char *const conf_httpd_modules[];
