/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "lib/scratch.h"

#include "lib/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void scratch_make(char ret_dir[SCRATCH_DIR_BYTES])
{
    (void)snprintf(ret_dir, SCRATCH_DIR_BYTES, "/tmp/wl-test-XXXXXX");
    assert_non_null(mkdtemp(ret_dir));
}

const char *scratch_path(const char *dir, const char *name, char room[SCRATCH_PATH_BYTES])
{
    assert_true(strlen(dir) + strlen(name) + 2 <= SCRATCH_PATH_BYTES);
    (void)snprintf(room, SCRATCH_PATH_BYTES, "%s/%s", dir, name);
    return room;
}

void scratch_write(const char *dir, const char *name, const char *text)
{
    char path[SCRATCH_PATH_BYTES];
    FILE *file = fopen(scratch_path(dir, name, path), "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void scratch_clear(const char *dir, const char *names)
{
    char name[SCRATCH_PATH_BYTES];
    char path[SCRATCH_PATH_BYTES];
    int len;

    while (sscanf(names, "%127s%n", name, &len) == 1) {
        (void)unlink(scratch_path(dir, name, path));
        names += len;
    }
}

void scratch_remove(const char *dir, const char *names)
{
    scratch_clear(dir, names);
    if (rmdir(dir) != 0) {
        fail_msg("something else was left in %s", dir);
    }
}
