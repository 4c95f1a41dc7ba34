/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "auth/htpasswd.h"

#include "auth/htpasswd_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a file ---- */

static enum err read_whole(int fd, const char *file, struct arena *arena, char *fault,
                           struct span *ret_text)
{
    struct stat status;
    size_t len = 0;
    void *room;

    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        snprintf(fault, DIAG_MAX_TEXT, "%s is no file (name the file itself)", file);
        return ERR_CONF;
    }
    if (status.st_size > HTPASSWD_FILE_BYTES_MAX) {
        snprintf(fault, DIAG_MAX_TEXT, "%s is larger than %d bytes (is this the right file?)",
                 file, HTPASSWD_FILE_BYTES_MAX);
        return ERR_CONF;
    }
    TRY(arena_alloc(arena, (size_t)status.st_size + 1, &room));
    while (len < (size_t)status.st_size) {
        ssize_t got = read(fd, (uint8_t *)room + len, (size_t)status.st_size - len);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            snprintf(fault, DIAG_MAX_TEXT, "%s cannot be read: %s (check its permissions)",
                     file, strerror(errno));
            return ERR_CONF;
        }
        if (got == 0) {
            break; /* somebody made it shorter: what is there counts */
        }
        len += (size_t)got;
    }
    *ret_text = span_of(room, len);
    return OK;
}

enum err htpasswd_slurp(const char *file, struct arena *arena, char *fault,
                        struct span *ret_text)
{
    /* Without blocking: a FIFO must not hold up the start. */
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    enum err e;

    if (fd < 0) {
        snprintf(fault, DIAG_MAX_TEXT, "%s cannot be opened: %s (%s)", file, strerror(errno),
                 errno == ENOENT ? "make it, or correct the name"
                                 : "the account that serves must be able to read it");
        return ERR_CONF;
    }
    e = read_whole(fd, file, arena, fault, ret_text);
    close(fd);
    return e;
}

/* ---- users ---- */

struct parser {
    const char *file; /* in the arena */
    struct diag *diag;
    struct htpasswd_user *users;
    size_t count;
};

static struct span trimmed(struct span line)
{
    while (line.len > 0 && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == ' ' ||
                            line.ptr[line.len - 1] == '\t')) {
        line.len--;
    }
    return span_trim(line);
}

/* False at the end of the text. */
static bool next_line(struct span *text, struct span *ret_line)
{
    size_t len = span_find(*text, '\n');

    if (text->len == 0) {
        return false;
    }
    *ret_line = trimmed(span_head(*text, len));
    *text = span_tail(*text, len < text->len ? len + 1 : len);
    return true;
}

static size_t count_lines(struct span text)
{
    struct span line;
    size_t count = 0;

    while (next_line(&text, &line)) {
        count++;
    }
    return count;
}

static const char *name_fault(struct span name)
{
    if (name.len == 0) {
        return "there is no name in front of the colon (write name:hash, as htpasswd does)";
    }
    if (name.len > HTPASSWD_USER_BYTES_MAX) {
        return "the name is longer than 255 bytes (is this the right file?)";
    }
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] < 0x20 || name.ptr[i] == 0x7f) {
            return "there is a control byte in the name (is this the right file?)";
        }
    }
    return NULL;
}

static enum err add_user(struct parser *parser, struct span line, unsigned number,
                         struct arena *arena)
{
    size_t colon = span_find(line, ':');
    struct span name = span_head(line, colon);
    const char *fault = NULL;
    struct span hash;

    if (colon == line.len) {
        fault = "there is no colon (write name:hash, or let htpasswd do it)";
    } else {
        /* What stands behind a second colon is somebody else's, as in httpd. */
        struct span rest = span_tail(line, colon + 1);

        TRY(arena_copy(arena, trimmed(span_head(rest, span_find(rest, ':'))), &hash));
        fault = name_fault(name);
        if (fault == NULL) {
            fault = htpasswd_hash_fault(hash);
        }
    }
    if (fault != NULL) {
        diag_error(parser->diag, parser->file, number, "%s", fault);
        return OK;
    }
    parser->users[parser->count++] =
        (struct htpasswd_user){.name = name, .hash = hash, .line = number};
    return OK;
}

static int compare_spans(struct span a, struct span b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);

    return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len ? 1 : 0;
}

static int compare_users(const void *left, const void *right)
{
    const struct htpasswd_user *a = left, *b = right;
    int order = compare_spans(a->name, b->name);

    return order != 0 ? order : a->line < b->line ? -1 : a->line > b->line ? 1 : 0;
}

/* Of two lines for one name the first counts. */
static void drop_doubles(struct parser *parser)
{
    size_t kept = 0;

    qsort(parser->users, parser->count, sizeof *parser->users, compare_users);
    for (size_t i = 0; i < parser->count; i++) {
        const struct htpasswd_user *user = &parser->users[i];

        if (kept > 0 && span_equal(parser->users[kept - 1].name, user->name)) {
            diag_warn(parser->diag, parser->file, user->line,
                      "%.*s stands already in line %u, and that one counts (remove one of "
                      "them)",
                      SPAN_ARG(diag_word(user->name)), parser->users[kept - 1].line);
        } else {
            parser->users[kept++] = *user;
        }
    }
    parser->count = kept;
}

enum err htpasswd_parse(struct span text, const char *file, struct arena *arena,
                        struct diag *diag, const struct htpasswd **ret_users)
{
    struct parser parser = {.diag = diag};
    struct htpasswd *users;
    struct span copy, line;
    unsigned number = 0;
    void *room;

    TRY(arena_copy(arena, span_str(file), &copy));
    parser.file = (const char *)copy.ptr;
    TRY(arena_copy(arena, text, &text));
    TRY(arena_alloc(arena, (count_lines(text) + 1) * sizeof *parser.users, &room));
    parser.users = room;
    while (next_line(&text, &line)) {
        number++;
        if (line.len > 0 && line.ptr[0] != '#') {
            TRY(add_user(&parser, line, number, arena));
        }
    }
    drop_doubles(&parser);
    TRY(arena_alloc(arena, sizeof *users, &room));
    users = room;
    *users =
        (struct htpasswd){.file = parser.file, .users = parser.users, .count = parser.count};
    *ret_users = users;
    return OK;
}

enum err htpasswd_read(const char *file, struct arena *arena, struct diag *diag, char *fault,
                       const struct htpasswd **ret_users)
{
    struct span text;

    TRY(htpasswd_slurp(file, arena, fault, &text));
    return htpasswd_parse(text, file, arena, diag, ret_users);
}

const struct htpasswd_user *htpasswd_find(const struct htpasswd *users, struct span name)
{
    size_t low = 0, high = users->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_spans(users->users[middle].name, name);

        if (order == 0) {
            return &users->users[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}
