/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The four forms of a request target (RFC 9112 section 3.2), told apart by the method and the
 * first bytes.
 */
#pragma once

#include "http1/http1_authority.h"

enum http1_target_form {
    HTTP1_TARGET_ORIGIN,    /* /path?query: to a server */
    HTTP1_TARGET_ABSOLUTE,  /* http://host/path?query: to a proxy */
    HTTP1_TARGET_AUTHORITY, /* host:port: CONNECT alone */
    HTTP1_TARGET_ASTERISK,  /* *: OPTIONS alone */
};

/* All spans are borrowed from the target. */
struct http1_target {
    enum http1_target_form form;
    struct span scheme;               /* absolute form; compare without case */
    struct http1_authority authority; /* absolute and authority form */
    struct span path;                 /* still percent-encoded; "" in http://host */
    struct span query;                /* without the question mark */
    bool has_query;
};

/** Path and query as they were sent: "/path?query". Borrowed from the target. */
struct span http1_target_path_query(const struct http1_target *target);

/**
 * Reads the target of a request. Bytes that http1_head refuses must not be in it.
 * ERR_PROTO: *fault is set, *ret_target untouched.
 */
must_check enum err http1_target_read(struct span method, struct span text,
                                      struct http1_target *ret_target, enum http1_fault *fault);
