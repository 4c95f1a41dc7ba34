/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The value of an Origin field (RFC 6454 section 7): where the page that asks comes from.
 */
#pragma once

#include "http1/http1_authority.h"

struct http1_origin {
    bool is_null; /* "null": a page without an origin, such as a file; the rest is empty */
    struct span scheme;
    struct http1_authority authority;
};

/** Reads one origin. ERR_PROTO: *fault is set, *ret_origin untouched. RFC 6454 section 7.1. */
must_check enum err http1_origin_read(struct span text, struct http1_origin *ret_origin,
                                      enum http1_fault *fault);

/**
 * Same scheme, host and port, the scheme's default port counted in; "null" is like nothing, not
 * even itself. Hosts are compared as text. RFC 6454 section 5.
 */
bool http1_origin_is_same(const struct http1_origin *a, const struct http1_origin *b);
