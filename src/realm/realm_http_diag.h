/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * /echo and what is below /diag/: endpoints that behave in one way each, so that a client can
 * find out what the network between does to it. doc/diagnostics.md describes them. Only with
 * DiagnosticEndpoints On; bounded in rate, number, size and time.
 */
#pragma once

#include "realm/realm_http_question.h"

enum {
    REALM_HTTP_DIAG_MS_MAX = 600000,    /* the longest silence, drip and pause */
    REALM_HTTP_DIAG_DRIPS_MAX = 100000, /* pieces of one drip */
    REALM_HTTP_DIAG_FIN_BYTES = 65536,  /* what /diag/fin gathers */
};

/** Judges a request for /echo or below /diag/. Errors as realm_http_next(). */
must_check enum err realm_http_diag_judge(struct realm_http_question *question);

/** The answer after a silence. ERR_NOMEM, ERR_LIMIT. */
must_check enum err realm_http_diag_broken_silence(const struct realm_http_env *env,
                                                   const struct http1_head *head,
                                                   struct buf *out,
                                                   struct realm_http_verdict *verdict);

/** The answer to a body of so many bytes, that came in so many milliseconds. Errors as above.
 */
must_check enum err realm_http_diag_measured(const struct realm_http_env *env,
                                             const struct http1_head *head, uint64_t bytes,
                                             msec took, struct buf *out,
                                             struct realm_http_verdict *verdict);
