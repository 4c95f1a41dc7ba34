/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The users of an AuthUserFile, as htpasswd writes it: `name:hash` lines. Read once, with the
 * configuration, into its arena; immutable, so any thread may look.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "conf/diag.h"

enum {
    HTPASSWD_FILE_BYTES_MAX = 4 * 1024 * 1024,
    HTPASSWD_USER_BYTES_MAX = 255,
    HTPASSWD_HASH_BYTES_MAX = 255,
};

struct htpasswd_user {
    struct span name; /* never empty */
    struct span hash; /* of a kind that htpasswd_hash knows; a zero follows */
    unsigned line;
};

struct htpasswd {
    const char *file;                  /* as it was opened */
    const struct htpasswd_user *users; /* by name */
    size_t count;
};

/**
 * Reads the text of a user file. Comments and empty lines are skipped, of two lines for one
 * name the first counts, as in httpd. Faults (no colon, no name, a hash that is none or that we
 * refuse) go to the diag with `file` and the line in it.
 *
 * Returns OK         also after faults; *ret_users is set
 *         ERR_NOMEM, ERR_LIMIT  the arena is exhausted
 */
must_check enum err htpasswd_parse(struct span text, const char *file, struct arena *arena,
                                   struct diag *diag, const struct htpasswd **ret_users);

/** The same from a file. ERR_CONF: it cannot be read, and `fault` (DIAG_MAX_TEXT) says why and,
 *  in parentheses, what to do. */
must_check enum err htpasswd_read(const char *file, struct arena *arena, struct diag *diag,
                                  char *fault, const struct htpasswd **ret_users);

/** NULL when there is none. Case counts. */
const struct htpasswd_user *htpasswd_find(const struct htpasswd *users, struct span name);

/** A whole file of at most HTPASSWD_FILE_BYTES_MAX into the arena; errors as above. */
must_check enum err htpasswd_slurp(const char *file, struct arena *arena, char *fault,
                                   struct span *ret_text);
