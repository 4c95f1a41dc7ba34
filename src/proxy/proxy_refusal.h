/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A refusal says why three times: in the status, in Proxy-Status (RFC 9209) for machines, and
 * in one sentence for the person at the other end.
 */
#pragma once

#include "base/buf.h"
#include "http1/http1_fields.h"
#include "http1/http1_proxy_status.h"

enum {
    PROXY_REFUSAL_TEXT_BYTES = 400
};

struct proxy_refusal {
    uint16_t status;
    enum http1_proxy_status error;
    char text[PROXY_REFUSAL_TEXT_BYTES]; /* a sentence without final point, printable */
};

/** Fills in all of it; the sentence is cut when it is too long. */
void proxy_refusal_set(struct proxy_refusal *refusal, uint16_t status,
                       enum http1_proxy_status error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* What the answer has besides. */
struct proxy_refusal_frame {
    struct span via;          /* empty: no such field */
    struct span date;         /* empty: no such field */
    struct http1_fields more; /* at most PROXY_REFUSAL_MORE_MAX */
    bool is_to_head;          /* the request was HEAD */
    bool closes;              /* Connection: close */
};

enum {
    PROXY_REFUSAL_MORE_MAX = 4
};

/** The whole answer. Errors as buf_append(); ERR_PROTO for a field that no head may have. */
must_check enum err proxy_refusal_write(const struct proxy_refusal *refusal,
                                        const struct proxy_refusal_frame *frame,
                                        struct buf *out);
