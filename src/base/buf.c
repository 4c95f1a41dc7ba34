/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    BUF_FIRST_CAP = 256 /* bytes; doubled as needed */
};

void buf_init(struct buf *buf, size_t max_bytes)
{
    *buf = (struct buf){.max = max_bytes};
}

void buf_fini(struct buf *buf)
{
    free(buf->ptr);
    buf_init(buf, buf->max);
}

enum err buf_reserve(struct buf *buf, size_t len, struct mspan *ret_room)
{
    if (len > buf->max - buf->len) {
        return ERR_LIMIT;
    }
    if (len > buf->cap - buf->len) {
        size_t cap = buf->cap == 0 ? BUF_FIRST_CAP : buf->cap;
        uint8_t *ptr;

        while (cap - buf->len < len) {
            cap = cap > buf->max / 2 ? buf->max : cap * 2;
        }
        cap = cap > buf->max ? buf->max : cap;
        ptr = realloc(buf->ptr, cap);
        if (ptr == NULL) {
            return ERR_NOMEM;
        }
        buf->ptr = ptr;
        buf->cap = cap;
    }
    *ret_room = mspan_of(buf->ptr == NULL ? NULL : buf->ptr + buf->len, buf->cap - buf->len);
    return OK;
}

void buf_commit(struct buf *buf, size_t len)
{
    assert(len <= buf->cap - buf->len);
    buf->len += len;
}

enum err buf_append(struct buf *buf, struct span bytes)
{
    struct mspan room;

    TRY(buf_reserve(buf, bytes.len, &room));
    if (bytes.len > 0) {
        memcpy(room.ptr, bytes.ptr, bytes.len);
        buf_commit(buf, bytes.len);
    }
    return OK;
}

enum err buf_append_byte(struct buf *buf, uint8_t byte)
{
    return buf_append(buf, span_of(&byte, 1));
}

enum err buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    struct mspan room;
    va_list again;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    assert(len >= 0);

    /* vsnprintf writes a final zero; where the maximum leaves no room for it, it is refused. */
    TRY(buf_reserve(buf, (size_t)len + 1, &room));
    vsnprintf((char *)room.ptr, (size_t)len + 1, format, args);
    buf_commit(buf, (size_t)len);
    return OK;
}

enum err buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    enum err e;

    va_start(args, format);
    e = buf_vprintf(buf, format, args);
    va_end(args);
    return e;
}

void buf_consume(struct buf *buf, size_t len)
{
    assert(len <= buf->len);
    if (len > 0) {
        memmove(buf->ptr, buf->ptr + len, buf->len - len);
        buf->len -= len;
    }
}

void buf_truncate(struct buf *buf, size_t len)
{
    assert(len <= buf->len);
    buf->len = len;
}
