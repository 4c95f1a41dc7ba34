/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Reads a body: pulls its content out of the bytes behind a head, whatever the framing, and
 * finds its end. Sans-IO; content is borrowed from the input, and only a trailer section takes
 * memory.
 */
#pragma once

#include "http1/http1_body.h"
#include "http1/http1_chunk.h"
#include "http1/http1_head.h"

enum http1_body_reader_type {
    HTTP1_BODY_READER_DATA,
    HTTP1_BODY_READER_END, /* the message is over; what follows in the input is not its */
};

struct http1_body_reader_piece {
    enum http1_body_reader_type type;
    struct span data; /* with DATA: never empty; borrowed from the input */
    /* With END: those that may be trailers (RFC 9110 section 6.5.1), borrowed from the reader
     * until fini. Fields for framing, routing, login and the like have been left out. */
    struct http1_fields trailers;
};

/* All of it is http1_body_reader.c's own. */
struct http1_body_reader {
    struct http1_body body;
    uint64_t left; /* with HTTP1_BODY_LENGTH */
    struct http1_chunk chunk;
    struct http1_head trailer; /* the section, behind a first line of our own */
    unsigned state;
    enum err ended; /* what http1_body_reader_next() says once the state is final */
};

/** Of `trailer_limits`, line_bytes does not matter: there is no first line. Takes no memory. */
void http1_body_reader_init(struct http1_body_reader *reader, const struct http1_body *body,
                            const struct http1_limits *trailer_limits);

/** Gives the memory back. */
void http1_body_reader_fini(struct http1_body_reader *reader);

/**
 * Takes the next piece. Moves *input past what it used, never past the end of the message. The
 * same content and end however the stream is cut. END comes once, for no body at once; then
 * ERR_AGAIN.
 *
 * Returns OK         *ret_piece is set
 *         ERR_AGAIN  *input is empty, or the message is over
 *         ERR_PROTO  malformed: see http1_body_reader_why(). Final, like the next two
 *         ERR_LIMIT  the trailer section is over a limit
 *         ERR_NOMEM
 */
must_check enum err http1_body_reader_next(struct http1_body_reader *reader, struct span *input,
                                           struct http1_body_reader_piece *ret_piece);

/** Whether END has been reached. */
bool http1_body_reader_has_ended(const struct http1_body_reader *reader);

/** Whether the end of the connection is where this body ends: true for HTTP1_BODY_UNTIL_CLOSE
 *  and behind END. Otherwise the message was cut (RFC 9112 section 8). */
bool http1_body_reader_may_close(const struct http1_body_reader *reader);

/** To go behind "the client" or "the server", after ERR_PROTO and ERR_LIMIT. Static storage. */
const char *http1_body_reader_why(const struct http1_body_reader *reader);

/** The status to refuse a request with, after ERR_PROTO and ERR_LIMIT. */
uint16_t http1_body_reader_status(const struct http1_body_reader *reader);
