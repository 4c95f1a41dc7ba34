/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The chunked coding without its trailer section (RFC 9112 section 7.1): sans-IO, without
 * memory, one byte after the other. Strict where two readers have read two different things:
 * a size is hexadecimal digits and nothing else, a line ends in CRLF, extensions have to be
 * well formed. They are dropped, as a proxy may (section 7.1.1).
 */
#pragma once

#include "base/buf.h"

/* clang-format off */
/*    name                              status  specification       what the peer did               */
#define HTTP1_CHUNK_FAULTS(X)                                                                        \
    X(HTTP1_CHUNK_FAULT_NONE,            200,   "",                 "did nothing wrong")             \
    X(HTTP1_CHUNK_FAULT_SIZE,            400,   "RFC 9112 7.1",     "sent a chunk size that is not plain hexadecimal digits") \
    X(HTTP1_CHUNK_FAULT_SIZE_LIMIT,      400,   "RFC 9112 7.1",     "sent a chunk size that does not fit into 64 bits") \
    X(HTTP1_CHUNK_FAULT_EXTENSION,       400,   "RFC 9112 7.1.1",   "sent a malformed chunk extension") \
    X(HTTP1_CHUNK_FAULT_EXTENSION_LIMIT, 400,   "RFC 9112 7.1.1",   "sent chunk extensions over the limit") \
    X(HTTP1_CHUNK_FAULT_BARE_LF,         400,   "RFC 9112 2.2",     "ended a chunk's line with LF alone") \
    X(HTTP1_CHUNK_FAULT_BARE_CR,         400,   "RFC 9112 2.2",     "sent a CR that no LF follows in a chunk's line") \
    X(HTTP1_CHUNK_FAULT_DATA_END,        400,   "RFC 9112 7.1",     "sent a chunk that is longer than its size")
/* clang-format on */

#define X(name, status, section, did) name,
enum http1_chunk_fault {
    HTTP1_CHUNK_FAULTS(X)
};
#undef X

/** To go behind "the client": "sent a malformed chunk extension (RFC 9112 7.1.1)". Static. */
const char *http1_chunk_fault_text(enum http1_chunk_fault fault);

/** The status to refuse a request with. */
uint16_t http1_chunk_fault_status(enum http1_chunk_fault fault);

enum {
    HTTP1_CHUNK_BEGIN_BYTES = 18, /* the most http1_chunk_put_begin() writes: 16 digits, CRLF */
    HTTP1_CHUNK_DIGITS_MAX = 32,  /* leading zeros counted */
    HTTP1_CHUNK_EXTENSION_MAX = 1024 /* bytes of extensions in one line */
};

/* A reader. All of it is http1_chunk.c's own. */
struct http1_chunk {
    uint64_t left;     /* of the chunk in hand; while its line is read: its size */
    uint32_t line_len; /* digits, then bytes of extensions */
    unsigned state;
    enum http1_chunk_fault fault;
};

void http1_chunk_init(struct http1_chunk *chunk);

/**
 * Reads on. Moves *input past what it used. The content is the same however the stream is cut.
 *
 * Returns OK         *ret_data is the next part of the content, borrowed from the input; empty:
 *                    the last chunk's line was read, the trailer section follows
 *         ERR_AGAIN  *input is empty
 *         ERR_PROTO  http1_chunk_fault() says why; final
 */
must_check enum err http1_chunk_next(struct http1_chunk *chunk, struct span *input,
                                     struct span *ret_data);

enum http1_chunk_fault http1_chunk_fault(const struct http1_chunk *chunk);

/** Writes the line before `len` (not 0) bytes of content, without a final zero; behind them
 * goes CRLF. Returns its length. */
size_t http1_chunk_put_begin(uint8_t room[HTTP1_CHUNK_BEGIN_BYTES], size_t len);
