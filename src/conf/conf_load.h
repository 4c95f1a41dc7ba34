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
 * Sets the defaults of apply->tables, then reads `text` into them. All faults are collected in
 * apply->diag, under the name `file`. What the structs point to lives in apply->arena, which
 * the caller owns, as it does everything else; neither `text` nor `file` is needed afterwards.
 *
 * Returns OK         the structs are complete; there may be warnings and notes
 *         ERR_CONF   at least one error: the structs are not to be used
 *         ERR_NOMEM  also said in the diag
 */
must_check enum err conf_load(const struct conf_apply *apply, struct span text,
                              const char *file);
