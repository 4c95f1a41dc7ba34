/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_lmdb_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void say(char fault[STORE_LMDB_DIR_FAULT_BYTES], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(char fault[STORE_LMDB_DIR_FAULT_BYTES], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(fault, STORE_LMDB_DIR_FAULT_BYTES, format, args);
    va_end(args);
}

/* The path's length was checked by then. */
static const char *name_in(const char *path, const char *file,
                           char room[STORE_LMDB_DIR_NAME_BYTES])
{
    (void)snprintf(room, STORE_LMDB_DIR_NAME_BYTES, "%s/%s", path, file);
    return room;
}

/* ---- whose it is ---- */

static enum err check(const char *path, char *fault)
{
    struct stat status;

    if (strlen(path) > STORE_LMDB_DIR_NAME_BYTES - sizeof "/wayleave.lock") {
        say(fault, "a path of %zu bytes is too long for a store", strlen(path));
        return ERR_CONF;
    }
    if (stat(path, &status) != 0) {
        int why = errno;

        say(fault, "\"%s\" cannot be used as a store: %s%s", path, strerror(why),
            why == ENOENT ? " (make the directory, for the user that the realm runs as)" : "");
        return ERR_CONF;
    }
    if (!S_ISDIR(status.st_mode)) {
        say(fault, "\"%s\" cannot be used as a store: it is no directory", path);
        return ERR_CONF;
    }
    return OK;
}

static void name_holder(int fd, const char *path, char *fault)
{
    char text[32];
    ssize_t len = pread(fd, text, sizeof text - 1, 0);

    text[len > 0 ? len : 0] = '\0';
    text[strspn(text, "0123456789")] = '\0';
    say(fault, "\"%s\" is in use by another process%s%s (each realm needs a store of its own)",
        path, text[0] != '\0' ? ", " : "", text);
}

/* The lock is what counts; the number only helps a person. */
static void leave_number(int fd, const char *path, const struct log *log)
{
    char pid[32];
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)len, 0) != len) {
        log_debug(log, "store: the number of the process is not in %s/wayleave.lock", path);
    }
}

enum err store_lmdb_dir_lock(const char *path, const struct log *log, int *ret_fd,
                             char fault[STORE_LMDB_DIR_FAULT_BYTES])
{
    char name[STORE_LMDB_DIR_NAME_BYTES];
    int fd;

    TRY(check(path, fault));
    fd = open(name_in(path, "wayleave.lock", name), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
              0600);
    if (fd < 0) {
        say(fault, "\"%s\" cannot be written: %s (the user that the realm runs as must own it)",
            path, strerror(errno));
        return ERR_CONF;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            name_holder(fd, path, fault);
        } else {
            say(fault, "\"%s\" cannot be locked: %s", name, strerror(errno));
        }
        close(fd);
        return ERR_CONF;
    }
    leave_number(fd, path, log);
    *ret_fd = fd;
    return OK;
}

/* ---- how it comes to be there ---- */

bool store_lmdb_dir_has_data(const char *path)
{
    char name[STORE_LMDB_DIR_NAME_BYTES];
    struct stat status;

    /* What cannot be looked at is not made anew. */
    return stat(name_in(path, "data.mdb", name), &status) == 0 || errno != ENOENT;
}

static void empty_new(const char *path)
{
    char name[STORE_LMDB_DIR_NAME_BYTES];

    (void)unlink(name_in(path, "new/data.mdb", name));
    (void)unlink(name_in(path, "new/lock.mdb", name));
    (void)rmdir(name_in(path, "new", name));
}

enum err store_lmdb_dir_begin(const char *path, char ret_name[STORE_LMDB_DIR_NAME_BYTES],
                              char fault[STORE_LMDB_DIR_FAULT_BYTES])
{
    empty_new(path); /* of one who did not come to an end */
    if (mkdir(name_in(path, "new", ret_name), 0700) != 0) {
        say(fault, "\"%s\" cannot be made: %s", ret_name, strerror(errno));
        return ERR_IO;
    }
    return OK;
}

/* What was renamed survives the machine only when the directory is synced. */
static bool sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0) {
        close(fd);
    }
    return is_synced;
}

enum err store_lmdb_dir_end(const char *path, char fault[STORE_LMDB_DIR_FAULT_BYTES])
{
    char from[STORE_LMDB_DIR_NAME_BYTES];
    char to[STORE_LMDB_DIR_NAME_BYTES];

    if (rename(name_in(path, "new/data.mdb", from), name_in(path, "data.mdb", to)) != 0 ||
        !sync_directory(path)) {
        say(fault, "\"%s\" cannot be made: %s", to, strerror(errno));
        return ERR_IO;
    }
    empty_new(path);
    return OK;
}
