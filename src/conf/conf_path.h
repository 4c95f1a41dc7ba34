/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Names of files, as text: nothing here looks at a disk. Results live in the arena and end in a
 * zero. "//" and "/./" are simplified, so that one file has one name; ".." is left alone,
 * because of symbolic links.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

/** `word` as seen from the directory `base`; `word` itself when it is absolute. */
must_check enum err conf_path_join(struct arena *arena, const char *base, struct span word,
                                   struct span *ret_path);

/** The directory that a file lies in: "/etc", "/", or "" for a bare name. */
must_check enum err conf_path_directory(struct arena *arena, struct span path,
                                        struct span *ret_directory);
