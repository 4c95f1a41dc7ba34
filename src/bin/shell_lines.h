/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Standard input line by line, without holding up the loop: heart-beats go on while a person
 * thinks. A file, which is always ready, is read as it lies.
 */
#pragma once

#include "base/buf.h"
#include "io/loop.h"

enum {
    SHELL_LINES_BYTES_MAX = 16 * 1024 * 1024 /* of one line */
};

/* All of it is shell_lines.c's own. Zeroed at first. */
struct shell_lines {
    struct loop_watch watch;
    struct buf bytes;
    size_t used; /* bytes of the lines that were given out */
    bool is_file;
    bool is_open;
    bool has_ended;
};

/** `ready` is called when shell_lines_next() may have one. ERR_NOMEM, ERR_IO. */
must_check enum err shell_lines_open(struct shell_lines *lines, struct loop *loop,
                                     loop_on_ready *ready, void *ctx);

/** Takes one that was not opened. */
void shell_lines_close(struct shell_lines *lines);

/**
 * Returns OK          *ret_line is the next one, without its end; valid until the next call
 *         ERR_AGAIN   none has come yet
 *         ERR_CLOSED  there are no more
 *         ERR_LIMIT   one is too long
 *         ERR_IO, ERR_NOMEM
 */
must_check enum err shell_lines_next(struct shell_lines *lines, struct span *ret_line);
