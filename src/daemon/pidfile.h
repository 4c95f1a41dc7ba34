/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * PidFile. The file is opened and locked while we are privileged, written once we are ready,
 * and removed at the end, or emptied where its directory is not ours by then. The lock, not the
 * number, says whether another one lives: a file left behind by a crash is no obstacle.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "conf/diag.h"

struct pidfile {
    int fd;           /* owned; -1: none */
    struct span path; /* borrowed; a zero follows */
};

void pidfile_init(struct pidfile *pidfile);

/** An empty path: there is none, OK. ERR_CONF: another one lives, or it cannot be opened; the
 *  diag says so. */
must_check enum err pidfile_open(struct pidfile *pidfile, struct span path, struct diag *diag);

/** Writes the number, through the descriptor: the file stays its maker's, as root will send
 *  signals to whatever number is in it. ERR_IO with errno. */
must_check enum err pidfile_write(const struct pidfile *pidfile);

/** Removes it. */
void pidfile_fini(struct pidfile *pidfile);
