/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A directory that one test has for itself, and what it left there.
 */
#pragma once

#include <stddef.h>

enum {
    SCRATCH_DIR_BYTES = 32,
    SCRATCH_PATH_BYTES = 128,
};

/** What a store of LMDB leaves: for scratch_remove(). */
#define SCRATCH_STORE "data.mdb lock.mdb wayleave.lock"

/** A new one; its path begins with /tmp. */
void scratch_make(char ret_dir[SCRATCH_DIR_BYTES]);

/** "DIR/NAME" in `room`, which is returned. */
const char *scratch_path(const char *dir, const char *name, char room[SCRATCH_PATH_BYTES]);

/** A file in it that has this text and nothing else. */
void scratch_write(const char *dir, const char *name, const char *text);

/** Removes these files, as far as they are there. `names` are words. */
void scratch_clear(const char *dir, const char *names);

/** And the directory: fails the test if there is anything else in it. */
void scratch_remove(const char *dir, const char *names);
