/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Where the body of a request ends (RFC 9112 section 6.3): decided from the head alone. Whoever
 * cannot use a body refuses the request when there is one.
 */
#pragma once

#include "base/err.h"
#include "http1/http1_fault.h"
#include "http1/http1_fields.h"

enum http1_body_type {
    HTTP1_BODY_NONE,
    HTTP1_BODY_LENGTH,
    HTTP1_BODY_CHUNKED,
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
