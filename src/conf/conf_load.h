/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A configuration file in one call: its text into typed structs.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "conf/conf_schema.h"

/**
 * Sets the defaults of apply->tables, then reads `text`, and by way of apply->source what it
 * includes, into them. All faults are collected in
 * apply->diag, under the name `file`. What the structs point to lives in apply->arena, which
 * the caller owns, as it does everything else; neither `text` nor `file` is needed afterwards.
 *
 * Returns OK         the structs are complete; there may be warnings and notes
 *         ERR_CONF   at least one error: the structs are not to be used
 *         ERR_NOMEM  also said in the diag
 */
must_check enum err conf_load(const struct conf_apply *apply, struct span text,
                              const char *file);

/** The same, and *ret_nodes is the tree that was read, in the arena: for conf_dump.h. */
must_check enum err conf_load_tree(const struct conf_apply *apply, struct span text,
                                   const char *file, struct conf_node **ret_nodes);
