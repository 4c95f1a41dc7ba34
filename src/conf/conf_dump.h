/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The effective configuration as a file: every directive with its value, those that nobody set
 * marked "# default", then what has no single value (Listen, <Proxy>) as it was read. What is
 * printed can be read again, anywhere, and means the same.
 */
#pragma once

#include "base/buf.h"
#include "conf/conf_schema.h"

/**
 * `apply` is what conf_load_tree() was given, with the structs as it (and the checks behind it)
 * left them, and `nodes` the tree it returned. Errors as buf_append(); then `out` holds a part.
 */
must_check enum err conf_dump(const struct conf_apply *apply, const struct conf_node *nodes,
                              struct buf *out);
