/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Reading a file that the operator named.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "conf/diag.h"

/** The whole file, up to CONF_LEX_MAX_FILE_BYTES. On OK *ret_owned is the caller's to free and
 *  *ret_text is its content. ERR_CONF: the diag says why it cannot be read. ERR_NOMEM. */
must_check enum err daemon_file_read(const char *path, struct diag *diag, char **ret_owned,
                                     struct span *ret_text);
