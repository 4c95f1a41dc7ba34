/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Reads the head of an HTTP/1 message: the first line and the fields, up to and with the empty
 * line (RFC 9112 sections 2 to 5). Sans-IO, for both roles, bounded; the bytes behind the head
 * are not touched, so what follows a CONNECT at once is still the caller's.
 *
 * Stricter than the specification asks wherever leniency has been a way to smuggle requests:
 * lines end in CRLF only, nothing is folded, no white space stands where none belongs.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "http1/http1_fault.h"
#include "http1/http1_fields.h"

enum http1_head_kind {
    HTTP1_REQUEST,
    HTTP1_RESPONSE,
};

/* Lengths of lines do not count their CRLF. */
struct http1_limits {
    size_t line_bytes;  /* the first line */
    size_t field_bytes; /* one field line */
    size_t field_count;
    size_t head_bytes; /* everything together, CRLFs included: the memory one head can take */
};

struct http1_head {
    /* To be read when http1_head_next() has returned OK. The spans point into `bytes`: borrowed
     * until http1_head_fini(). */
    struct span method; /* of a request, like the target */
    struct span target;
    struct span reason;    /* of a response, like the status; often empty */
    uint16_t status;       /* 100 to 599 */
    uint8_t version_minor; /* 0 or 1; a later minor version counts as 1 */
    struct http1_fields fields;

    /* The parser's own. */
    enum http1_head_kind kind;
    struct http1_limits limits;
    struct buf bytes;                /* the head as it came, without an empty line before it */
    struct http1_field *field_table; /* owned; what `fields` shows */
    size_t line_at;                  /* where the line being collected begins */
    size_t first_len;                /* bytes of the first line, with CRLF */
    size_t field_count;
    bool has_skipped; /* the empty line that may stand before a request */
    unsigned state;
    enum http1_fault fault;
    enum err ended; /* what http1_head_next() says from now on */
};

/** Takes no memory. `limits` are copied. */
void http1_head_init(struct http1_head *head, enum http1_head_kind kind,
                     const struct http1_limits *limits);

/** Gives the memory back. To read another head, init again. */
void http1_head_fini(struct http1_head *head);

/**
 * Reads on. Moves *input past what it used, and never past the end of the head.
 *
 * The result is the same however the stream is cut. All results but ERR_AGAIN are final.
 *
 * Returns OK         the head is complete and may be read
 *         ERR_AGAIN  *input is empty and the head is not complete
 *         ERR_LIMIT  a limit was passed: http1_head_fault() says which
 *         ERR_PROTO  the peer broke RFC 9112: http1_head_fault() says how
 *         ERR_NOMEM
 */
must_check enum err http1_head_next(struct http1_head *head, struct span *input);

/** Whether a byte of it has come; an empty line before a request is none. */
static inline bool http1_head_has_begun(const struct http1_head *head)
{
    return head->bytes.len > 0;
}

/** HTTP1_FAULT_NONE until http1_head_next() has refused. */
enum http1_fault http1_head_fault(const struct http1_head *head);
