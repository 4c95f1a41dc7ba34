/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * How the body of a message ends (RFC 9112 section 6.3): decided from the head alone. What is
 * refused here is what request smuggling is made of, so nothing is guessed.
 */
#pragma once

#include "base/err.h"
#include "http1/http1_fault.h"
#include "http1/http1_fields.h"

enum http1_body_type {
    HTTP1_BODY_NONE,
    HTTP1_BODY_LENGTH,
    HTTP1_BODY_CHUNKED,
    HTTP1_BODY_UNTIL_CLOSE, /* of a response alone: it ends when the connection does */
};

struct http1_body {
    enum http1_body_type type;
    uint64_t length; /* bytes, with HTTP1_BODY_LENGTH; never 0 */
};

/**
 * Decides about a request. ERR_PROTO: *fault is set, *ret_body untouched; the connection cannot
 * be used any further, as nobody knows where the next request begins.
 */
must_check enum err http1_body_of_request(struct http1_fields fields, uint8_t version_minor,
                                          struct http1_body *ret_body, enum http1_fault *fault);

/* Of a response, what decides besides its fields. */
struct http1_body_answer {
    struct span method;    /* of the request that is answered */
    uint16_t status;       /* of the response */
    uint8_t version_minor; /* of the response */
};

/**
 * Decides about a response, the same way. A 101, and a 2xx to CONNECT, have no body: what
 * follows them is not HTTP.
 */
must_check enum err http1_body_of_response(struct http1_fields fields,
                                           const struct http1_body_answer *answer,
                                           struct http1_body *ret_body,
                                           enum http1_fault *fault);
