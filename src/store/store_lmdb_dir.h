/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The directory of a store: whose it is, and how its file comes to be there.
 *
 *     data.mdb        LMDB's pages        wayleave.lock   held by the one process that has it
 *     lock.mdb        LMDB's readers      new/            a store that is being made
 *
 * A store is made in new/ and moved when it is complete, so that there never is half of one.
 */
#pragma once

#include "base/err.h"
#include "base/log.h"

enum {
    STORE_LMDB_DIR_FAULT_BYTES = 512,
    STORE_LMDB_DIR_NAME_BYTES = 4096,
};

/** Takes the directory for this process, until *ret_fd is closed. ERR_CONF: `fault` has a
 *  sentence for the operator (it is not there, cannot be written, or is in use). */
must_check enum err store_lmdb_dir_lock(const char *path, const struct log *log, int *ret_fd,
                                        char fault[STORE_LMDB_DIR_FAULT_BYTES]);

/** Whether there is a store, or something else in its place. */
bool store_lmdb_dir_has_data(const char *path);

/** Makes an empty new/, and its name. ERR_IO with a sentence. */
must_check enum err store_lmdb_dir_begin(const char *path,
                                         char ret_name[STORE_LMDB_DIR_NAME_BYTES],
                                         char fault[STORE_LMDB_DIR_FAULT_BYTES]);

/** Moves what is in new/ into its place, for good. ERR_IO with a sentence. */
must_check enum err store_lmdb_dir_end(const char *path,
                                       char fault[STORE_LMDB_DIR_FAULT_BYTES]);
