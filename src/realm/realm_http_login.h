/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Who asks over HTTP: Basic credentials (RFC 7617) in Authorization, of each request anew, and
 * what a request is answered when they do not suffice. For the realm_http files, and for
 * realm_conn, which waits for the verdict.
 */
#pragma once

#include "realm/realm_http_question.h"

/** After REALM_HTTP_LOGIN: looks at the credentials in the head. */
must_check enum realm_login_verdict realm_http_login_begin(struct realm_login *login,
                                                           const struct http1_head *head,
                                                           msec now);

/** Whether the verdict lets the request go on; if not, it is refused in `out`: 401 with a
 *  challenge, 429 or 503. `may_wait`: the login may still come, in CONNECT. Errors as
 *  buf_append(). */
must_check enum err realm_http_login_admit(const struct realm_http_question *question,
                                           bool may_wait, bool *ret_may);

/** Whether the client may do that to the route of that name; if not, the request is refused:
 *  403, or 401 for one that could log in. Errors as buf_append(). */
must_check enum err realm_http_login_may(const struct realm_http_question *question,
                                         enum realm_acl_right right, struct span name,
                                         bool *ret_may);

/** The same with the whole body: a reload may have come since the head. Who was logged out by
 *  it is refused, too: 401. */
must_check enum err realm_http_login_may_still(const struct realm_http_question *question,
                                               enum realm_acl_right right, struct span name,
                                               bool *ret_may);
