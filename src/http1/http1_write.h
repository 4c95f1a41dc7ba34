/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Writes heads and small whole responses. Never partial: on failure `out` is as it was.
 *
 * What is written may have come from a peer or from a file, so each call looks for bytes that
 * would end a line early and says ERR_PROTO; response splitting ends here. Besides that,
 * ERR_LIMIT and ERR_NOMEM as buf_append().
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "http1/http1_fields.h"

/** "METHOD target HTTP/1.1". RFC 9112 section 3. */
must_check enum err http1_write_request_line(struct buf *out, struct span method,
                                             struct span target);

/** "HTTP/1.1 status reason"; the registered phrase when `reason` is empty. RFC 9112 section 4.
 */
must_check enum err http1_write_status_line(struct buf *out, uint16_t status,
                                            struct span reason);

/** "Name: value". RFC 9112 section 5. */
must_check enum err http1_write_field(struct buf *out, struct span name, struct span value);

/** The empty line behind the fields. */
must_check enum err http1_write_end(struct buf *out);

/* A whole answer. */
struct http1_response {
    uint16_t status;
    struct span date;         /* Date, an IMF-fixdate; empty: no such field */
    struct http1_fields more; /* written as they are */
    struct span content_type; /* empty: text/plain; charset=utf-8 */
    struct span body;         /* must be empty with 1xx, 204 and 304 */
    bool is_to_head;          /* the request was HEAD: the length is told, the body not sent */
    bool closes;              /* Connection: close */
};

/** Head and body; Content-Length is added wherever it may be (RFC 9110 section 8.6). */
must_check enum err http1_write_response(struct buf *out,
                                         const struct http1_response *response);

/**
 * One item for a Via field: "1.1 pseudonym (comment)"; no comment when it is empty. The minor
 * version is that of the message as we received it. RFC 9110 section 7.6.3.
 */
must_check enum err http1_write_via(struct buf *out, uint8_t version_minor,
                                    struct span pseudonym, struct span comment);
