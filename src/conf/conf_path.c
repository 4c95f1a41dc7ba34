/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_path.h"

/* Whether "//" or "/./" begins at the slash at `at`; also a "/." at the end. */
static size_t idle_bytes(struct span path, size_t at)
{
    if (at + 1 < path.len && path.ptr[at + 1] == '/') {
        return 1;
    }
    if (at + 1 < path.len && path.ptr[at + 1] == '.' &&
        (at + 2 == path.len || path.ptr[at + 2] == '/')) {
        return 2;
    }
    return 0;
}

static size_t simplify(struct mspan path)
{
    size_t used = 0;

    for (size_t at = 0; at < path.len; at++) {
        size_t idle = path.ptr[at] == '/' ? idle_bytes(span_ro(path), at) : 0;

        if (idle > 0) {
            at += idle - 1;
            if (at + 1 == path.len && used == 0) {
                path.ptr[used++] = '/'; /* "/." is the root */
            }
            continue;
        }
        path.ptr[used++] = path.ptr[at];
    }
    return used;
}

enum err conf_path_join(struct arena *arena, const char *base, struct span word,
                        struct span *ret_path)
{
    struct span front = span_str(base);
    struct mspan path;
    void *room;

    while (span_starts(word, SPAN("./"))) {
        word = span_tail(word, 2);
    }
    if (front.len == 0 || (word.len > 0 && word.ptr[0] == '/')) {
        front = SPAN("");
    }
    TRY(arena_alloc(arena, front.len + 1 + word.len + 1, &room));
    path = mspan_of(room, 0);
    if (front.len > 0) {
        memcpy(path.ptr, front.ptr, front.len);
        path.ptr[front.len] = '/';
        path.len = front.len + 1;
    }
    if (word.len > 0) {
        memcpy(path.ptr + path.len, word.ptr, word.len);
        path.len += word.len;
    }
    path.len = simplify(path);
    path.ptr[path.len] = '\0';
    *ret_path = span_ro(path);
    return OK;
}

enum err conf_path_directory(struct arena *arena, struct span path, struct span *ret_directory)
{
    size_t slash = path.len;

    while (slash > 0 && path.ptr[slash - 1] != '/') {
        slash--;
    }
    return arena_copy(arena, span_head(path, slash <= 1 ? slash : slash - 1), ret_directory);
}
