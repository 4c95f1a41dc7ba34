/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_accesslog.h"

#include "base/buf.h"
#include "io/timer.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    BUFFER_BYTES = 1024 * 1024, /* what waits for one file, at most: a few thousand lines */
    KEEP_BYTES = 64 * 1024,     /* memory that is kept for the next burst */
    RETRY_MS = 20,
};

static_assert((int)PROXY_LOGFORMAT_LINE_BYTES <= PIPE_BUF, "a line fits a pipe's one write");

/* One CustomLog. */
struct output {
    const struct proxy_accesslog_conf_log *conf; /* borrowed */
    int fd;                                      /* borrowed */
    struct buf lines;                            /* that wait to be written */
    struct proxy_logformat format;
    uint64_t lost;   /* lines, since it was last well */
    int last_error;  /* errno of the write that failed; 0: it only was not ready */
    bool is_failing; /* a write failed, and that was said */
};

struct proxy_accesslog {
    struct loop *loop;     /* borrowed */
    const struct log *log; /* borrowed */
    struct loop_later flush;
    struct timer retry;
    struct proxy_logformat_names names;
    uint64_t lost; /* lines, in all */
    size_t count;
    struct output outputs[]; /* owned */
};

static const char *name_of(const struct output *output)
{
    return output->conf->file.len == 0 ? "stdout" : (const char *)output->conf->file.ptr;
}

static const char *why_not(const struct output *output)
{
    return output->last_error == 0 ? "nobody reads it" : strerror(output->last_error);
}

/* ---- writing ---- */

/* How many bytes may be written at once without waiting; 0: none now. Regular files take all;
 * anything else takes PIPE_BUF when it says that it is ready. */
static size_t room_of(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    struct stat what;

    if (fstat(fd, &what) == 0 && S_ISREG(what.st_mode)) {
        return SIZE_MAX;
    }
    return poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0 ? PIPE_BUF : 0;
}

/* Whole lines, so that other writers' lines do not come between; at least one. */
static struct span whole_lines(struct span lines, size_t room)
{
    struct span part = span_head(lines, room);

    while (part.len > 0 && part.ptr[part.len - 1] != '\n') {
        part.len--;
    }
    return part;
}

static void report_recovery(const struct proxy_accesslog *accesslog, struct output *output)
{
    if (output->lost > 0 || output->is_failing) {
        log_warn(accesslog->log,
                 "access log %s takes lines again; %" PRIu64 " were lost meanwhile",
                 name_of(output), output->lost);
        output->lost = 0;
        output->is_failing = false;
    }
}

/* At once, so that there is time to make room before anything is lost. */
static void report_failure(const struct proxy_accesslog *accesslog, struct output *output)
{
    if (output->last_error != 0 && !output->is_failing) {
        log_warn(accesslog->log,
                 "access log %s cannot be written to: %s (up to %d KiB of lines wait in each "
                 "worker; later ones are lost)",
                 name_of(output), strerror(output->last_error), BUFFER_BYTES / 1024);
        output->is_failing = true;
    }
}

/* True when nothing waits any more. */
static bool flush_output(const struct proxy_accesslog *accesslog, struct output *output)
{
    while (output->lines.len > 0) {
        const size_t room = room_of(output->fd);
        struct span part = whole_lines(buf_span(&output->lines), room);
        ssize_t len;

        output->last_error = 0;
        if (part.len == 0) {
            return false;
        }
        len = write(output->fd, part.ptr, part.len);
        if (len < 0) {
            output->last_error = errno == EAGAIN ? 0 : errno;
            report_failure(accesslog, output);
            return false;
        }
        buf_consume(&output->lines, (size_t)len);
    }
    if (output->lines.cap > KEEP_BYTES) {
        buf_fini(&output->lines);
    }
    report_recovery(accesslog, output);
    return true;
}

static void flush_all(void *ctx)
{
    struct proxy_accesslog *accesslog = ctx;
    bool is_done = true;

    for (size_t i = 0; i < accesslog->count; i++) {
        is_done = flush_output(accesslog, &accesslog->outputs[i]) && is_done;
    }
    /* Without a timer, for want of memory, the next line tries again. */
    if (!is_done && timer_set(&accesslog->retry, loop_now(accesslog->loop) + RETRY_MS) != OK) {
        return;
    }
}

/* ---- lines ---- */

static void lose_line(struct proxy_accesslog *accesslog, struct output *output)
{
    if (output->lost++ == 0) {
        log_warn(accesslog->log,
                 "access log %s does not take what is written (%s): lines are lost",
                 name_of(output), why_not(output));
    }
    accesslog->lost++;
}

static void add_line(struct proxy_accesslog *accesslog, struct output *output,
                     const struct proxy_logformat_line *line)
{
    struct mspan room;
    enum err e = buf_reserve(&output->lines, PROXY_LOGFORMAT_LINE_BYTES, &room);

    /* A busy turn fills the buffer; a file that cannot be written has done so long ago, and is
     * not asked for each line. */
    if (e != OK && output->lost == 0 && flush_output(accesslog, output)) {
        e = buf_reserve(&output->lines, PROXY_LOGFORMAT_LINE_BYTES, &room);
    }
    if (e != OK) {
        lose_line(accesslog, output);
        return;
    }
    room.len = PROXY_LOGFORMAT_LINE_BYTES;
    buf_commit(&output->lines, proxy_logformat_write(&output->format, line, room));
}

static uint64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void proxy_accesslog_add(struct proxy_accesslog *accesslog,
                         const struct proxy_accesslog_entry *entry)
{
    const struct proxy_logformat_line line = {.entry = entry, .ended_ms = wall_ms()};

    for (size_t i = 0; i < accesslog->count; i++) {
        add_line(accesslog, &accesslog->outputs[i], &line);
    }
    loop_defer(accesslog->loop, &accesslog->flush);
}

/* ---- life ---- */

static void open_output(struct proxy_accesslog *accesslog, struct output *output,
                        const struct proxy_accesslog_conf_log *conf, int fd)
{
    char fault[PROXY_LOGFORMAT_FAULT_BYTES];
    enum err e = proxy_logformat_compile(conf->format, &output->format, fault);

    assert(e == OK); /* proxy_accesslog_conf.c has done it before */
    (void)e;
    output->conf = conf;
    output->fd = fd;
    buf_init(&output->lines, BUFFER_BYTES);
    proxy_logformat_add_names(&output->format, &accesslog->names);
}

enum err proxy_accesslog_new(const struct proxy_accesslog_conf *conf, const int *fds,
                             struct loop *loop, const struct log *log,
                             struct proxy_accesslog **ret_accesslog)
{
    struct proxy_accesslog *accesslog =
        calloc(1, sizeof *accesslog + conf->count * sizeof accesslog->outputs[0]);

    if (accesslog == NULL) {
        return ERR_NOMEM;
    }
    accesslog->loop = loop;
    accesslog->log = log;
    accesslog->count = conf->count;
    loop_later_init(&accesslog->flush, flush_all, accesslog);
    timer_init(&accesslog->retry, loop, flush_all, accesslog);
    for (size_t i = 0; i < conf->count; i++) {
        open_output(accesslog, &accesslog->outputs[i], &conf->logs[i], fds[i]);
    }
    *ret_accesslog = accesslog;
    return OK;
}

static void close_output(const struct proxy_accesslog *accesslog, struct output *output)
{
    const struct span left = buf_span(&output->lines);
    size_t count = 0;

    for (size_t i = 0; i < left.len; i++) {
        count += left.ptr[i] == '\n';
    }
    if (count > 0) {
        log_warn(accesslog->log, "access log %s did not take its last lines (%s): %zu lost",
                 name_of(output), why_not(output), count);
    }
    buf_fini(&output->lines);
}

void proxy_accesslog_free(struct proxy_accesslog *accesslog)
{
    if (accesslog == NULL) {
        return;
    }
    flush_all(accesslog);
    loop_undefer(&accesslog->flush);
    timer_cancel(&accesslog->retry);
    for (size_t i = 0; i < accesslog->count; i++) {
        close_output(accesslog, &accesslog->outputs[i]);
    }
    free(accesslog);
}

const struct proxy_logformat_names *proxy_accesslog_names(
    const struct proxy_accesslog *accesslog)
{
    return &accesslog->names;
}

uint64_t proxy_accesslog_lost(const struct proxy_accesslog *accesslog)
{
    return accesslog->lost;
}
