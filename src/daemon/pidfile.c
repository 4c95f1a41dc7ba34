/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/pidfile.h"

#include "io/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NUMBER_BYTES = 24
};

void pidfile_init(struct pidfile *pidfile)
{
    *pidfile = (struct pidfile){.fd = -1};
}

static void say_alive(int fd, struct span path, struct diag *diag)
{
    char text[NUMBER_BYTES] = "";
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    long pid = 0;

    if (len > 0) {
        text[len] = '\0';
        sscanf(text, "%ld", &pid);
    }
    if (pid > 0) {
        diag_error(diag, NULL, 0,
                   "PidFile: %.*s belongs to a daemon that is running, process %ld (stop it, "
                   "or give this one another file)",
                   SPAN_ARG(path), pid);
    } else {
        diag_error(diag, NULL, 0,
                   "PidFile: %.*s belongs to a daemon that is starting (stop it, or give this "
                   "one another file)",
                   SPAN_ARG(path));
    }
}

/* A file that was removed between our open and our lock is nobody's any more. */
static bool is_still_there(int fd, struct span path)
{
    struct stat ours;
    struct stat there;

    return fstat(fd, &ours) == 0 && lstat((const char *)path.ptr, &there) == 0 &&
           ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

enum err pidfile_open(struct pidfile *pidfile, struct span path, struct diag *diag)
{
    int fd = -1;

    if (path.len == 0) {
        return OK;
    }
    do {
        sock_close(&fd);
        fd = open((const char *)path.ptr, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0) {
            diag_error(diag, NULL, 0, "PidFile: %.*s cannot be written to: %s (%s)",
                       SPAN_ARG(path), strerror(errno),
                       errno == ELOOP ? "it must not be a symbolic link" : "check the path");
            return ERR_CONF;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            say_alive(fd, path, diag);
            close(fd);
            return ERR_CONF;
        }
    } while (!is_still_there(fd, path));
    pidfile->fd = fd;
    pidfile->path = path;
    return OK;
}

enum err pidfile_write(const struct pidfile *pidfile)
{
    char text[NUMBER_BYTES];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());

    if (pidfile->fd == -1) {
        return OK;
    }
    if (ftruncate(pidfile->fd, 0) != 0 || pwrite(pidfile->fd, text, (size_t)len, 0) != len) {
        return ERR_IO;
    }
    return OK;
}

void pidfile_fini(struct pidfile *pidfile)
{
    if (pidfile->fd == -1) {
        return;
    }
    /* Both: unlink() needs the directory, which may not be ours since privileges went. */
    if (ftruncate(pidfile->fd, 0) != 0 || unlink((const char *)pidfile->path.ptr) != 0) {
        errno = 0;
    }
    sock_close(&pidfile->fd);
}
