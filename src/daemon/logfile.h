/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A file that lines are appended to, by any number of threads, and that may be exchanged while
 * they write: the descriptor's number stays the same, what is behind it changes at once.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "conf/diag.h"

#include <stdatomic.h>

struct logfile {
    atomic_int fd; /* owned, unless it is stdout or stderr */
};

/** stdout or stderr (STDOUT_FILENO, STDERR_FILENO), until a file is opened. */
void logfile_init(struct logfile *log, int standard_fd);

/**
 * Appends to `path` from now on (created with mode 0640 if need be; a zero follows the span);
 * an empty path: to the standard descriptor again. `directive` is what the operator wrote, for
 * the sentence. In the main thread.
 *
 * Returns OK         also when it was open: it has been opened again
 *         ERR_CONF   the diag says why not; what was written to before still is
 */
must_check enum err logfile_open(struct logfile *log, struct span path, int standard_fd,
                                 const char *directive, struct diag *diag);

/** Whether logfile_open() would succeed now. ERR_CONF: the diag says why not. */
must_check enum err logfile_check(struct span path, const char *directive, struct diag *diag);

/** One write, so that lines of several threads never mix. From any thread. What a file
 *  does not take goes to stderr; what that does not take is lost, nobody is left to be told. */
void logfile_write(const struct logfile *log, struct span line);

/** Closes a file; the standard descriptors stay open. */
void logfile_fini(struct logfile *log);
