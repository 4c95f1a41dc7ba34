/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The configuration source that is the real one: files and directories on the disk, the
 * environment of the process, and the modules of conf_httpd.h. Everything else in this layer
 * knows only struct conf_source.
 */
#pragma once

#include "base/err.h"
#include "conf/conf_source.h"

struct conf_files {
    struct conf_source source; /* to be handed to conf_apply.source; alive as long as this */
    char *directory;           /* owned */
};

/**
 * `path` is the first file's: relative names begin in its directory, which becomes absolute if
 * the file is there. `defines` are for conf_source.defines and borrowed; or NULL. ERR_NOMEM.
 */
must_check enum err conf_files_init(struct conf_files *files, const char *path,
                                    const char *const *defines);

void conf_files_fini(struct conf_files *files);
