/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Bytes that we own, with a ceiling set at birth. Growing is amortised; memory comes with the
 * first byte and can be given back at any time with buf_fini().
 */
#pragma once

#include "base/err.h"
#include "base/span.h"

#include <stdarg.h>

struct buf {
    uint8_t *ptr; /* owned */
    size_t len;   /* bytes in use */
    size_t cap;   /* bytes allocated */
    size_t max;   /* bytes; len never passes it */
};

/** No memory is taken yet, so this cannot fail. */
void buf_init(struct buf *buf, size_t max_bytes);

/** Gives the memory back; the buffer is empty, keeps its maximum and may be used again. */
void buf_fini(struct buf *buf);

/** ERR_LIMIT past max, ERR_NOMEM; either way the buffer is as it was. */
must_check enum err buf_append(struct buf *buf, struct span bytes);

/** The same for one byte. */
must_check enum err buf_append_byte(struct buf *buf, uint8_t byte);

/** printf into the buffer, without a final zero. Errors as buf_append(). */
must_check enum err buf_printf(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
must_check enum err buf_vprintf(struct buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/**
 * Make room for `len` more bytes and point *ret_room at it; what is written there counts after
 * buf_commit(). Errors as buf_append(). The room is valid until the next call that grows.
 */
must_check enum err buf_reserve(struct buf *buf, size_t len, struct mspan *ret_room);

/** `len` bytes of the room that was reserved last now belong to the content. */
void buf_commit(struct buf *buf, size_t len);

/** Drop `len` bytes from the front; the rest moves up. */
void buf_consume(struct buf *buf, size_t len);

/** Forget all content but the first `len` bytes. No memory is given back. */
void buf_truncate(struct buf *buf, size_t len);

/** The content. Borrowed until the next call that changes the buffer. */
static inline struct span buf_span(const struct buf *buf)
{
    return span_of(buf->ptr, buf->len);
}
