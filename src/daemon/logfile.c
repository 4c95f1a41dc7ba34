/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
    LOG_MODE = 0640
};

static bool is_standard(int fd)
{
    return fd <= STDERR_FILENO;
}

void logfile_init(struct logfile *log, int standard_fd)
{
    assert(is_standard(standard_fd));
    log->fd = standard_fd;
}

static enum err open_path(struct span path, const char *directive, struct diag *diag,
                          int *ret_fd)
{
    const char *remedy = "check the path";
    int fd = open((const char *)path.ptr, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
                  LOG_MODE);

    if (fd >= 0) {
        *ret_fd = fd;
        return OK;
    }
    if (errno == EACCES) {
        remedy = "logs are opened as User: that account must be able to write there";
    } else if (errno == ENOENT) {
        remedy = "make its directory first";
    }
    diag_error(diag, NULL, 0, "%s: %.*s cannot be written to: %s (%s)", directive,
               SPAN_ARG(path), strerror(errno), remedy);
    return ERR_CONF;
}

/* dup3() puts the new file behind the old number in one step, so that no writer ever sees a
 * number that is closed or somebody else's. */
static void exchange(struct logfile *log, int fd)
{
    if (is_standard(log->fd)) {
        log->fd = fd;
        return;
    }
    while (dup3(fd, log->fd, O_CLOEXEC) < 0 && errno == EINTR) {
    }
    close(fd);
}

enum err logfile_open(struct logfile *log, struct span path, int standard_fd,
                      const char *directive, struct diag *diag)
{
    int fd;

    if (path.len > 0) {
        TRY(open_path(path, directive, diag, &fd));
    } else if (is_standard(log->fd)) {
        return OK;
    } else { /* a file before, none now: its number stays, for those who are writing */
        fd = fcntl(standard_fd, F_DUPFD_CLOEXEC, 0);
        if (fd < 0) {
            diag_error(diag, NULL, 0, "%s: cannot go back to the standard output: %s",
                       directive, strerror(errno));
            return ERR_CONF;
        }
    }
    exchange(log, fd);
    return OK;
}

enum err logfile_check(struct span path, const char *directive, struct diag *diag)
{
    int fd = -1;

    if (path.len > 0) {
        TRY(open_path(path, directive, diag, &fd));
        close(fd);
    }
    return OK;
}

void logfile_write(const struct logfile *log, struct span line)
{
    const int fd = log->fd;
    ssize_t len = write(fd, line.ptr, line.len);

    if (len < 0 && !is_standard(fd)) {
        len = write(STDERR_FILENO, line.ptr, line.len);
    }
    (void)len;
}

void logfile_fini(struct logfile *log)
{
    if (!is_standard(log->fd)) {
        close(log->fd);
    }
    log->fd = STDERR_FILENO;
}
