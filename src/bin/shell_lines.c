/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "bin/shell_lines.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum {
    READ_BYTES = 64 * 1024
};

enum err shell_lines_open(struct shell_lines *lines, struct loop *loop, loop_on_ready *ready,
                          void *ctx)
{
    enum err e = loop_watch(loop, &lines->watch, STDIN_FILENO, ready, ctx);

    /* epoll says EPERM of what is always ready. */
    lines->is_file = e == ERR_IO && errno == EPERM;
    if (e != OK && !lines->is_file) {
        return e;
    }
    buf_init(&lines->bytes, SHELL_LINES_BYTES_MAX + READ_BYTES);
    lines->is_open = true;
    return OK;
}

void shell_lines_close(struct shell_lines *lines)
{
    if (!lines->is_open) {
        return;
    }
    if (!lines->is_file) {
        loop_unwatch(&lines->watch);
    }
    buf_fini(&lines->bytes);
    lines->is_open = false;
}

/* The descriptor stays blocking: others may share it. */
static bool is_readable(void)
{
    struct pollfd ask = {.fd = STDIN_FILENO, .events = POLLIN};

    return poll(&ask, 1, 0) > 0;
}

static enum err read_some(struct shell_lines *lines)
{
    struct mspan room;
    ssize_t len;

    if (!lines->is_file && !is_readable()) {
        loop_watch_clear(&lines->watch, LOOP_READABLE);
        return ERR_AGAIN;
    }
    TRY(buf_reserve(&lines->bytes, READ_BYTES, &room));
    do {
        len = read(STDIN_FILENO, room.ptr, READ_BYTES);
    } while (len < 0 && errno == EINTR);
    if (len < 0) {
        return ERR_IO;
    }
    buf_commit(&lines->bytes, (size_t)len);
    lines->has_ended = len == 0;
    return OK;
}

enum err shell_lines_next(struct shell_lines *lines, struct span *ret_line)
{
    for (;;) {
        struct span rest = span_tail(buf_span(&lines->bytes), lines->used);
        size_t end = span_find(rest, '\n');

        if (end < rest.len || (lines->has_ended && rest.len > 0)) {
            lines->used += end < rest.len ? end + 1 : end;
            *ret_line = span_head(rest, end);
            return OK;
        }
        if (lines->has_ended) {
            return ERR_CLOSED;
        }
        buf_consume(&lines->bytes, lines->used);
        lines->used = 0;
        TRY(read_some(lines));
    }
}
