/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * From CONNECT to CONNECTED: login and passcode, or what HTTP has said already. While a
 * password is verified the session is REALM_STOMP_VERIFYING, and what comes behind CONNECT
 * waits.
 */
#pragma once

#include "realm/realm_stomp_inside.h"

/** Version and heart-beats are agreed on. */
must_check enum err realm_stomp_login_begin(struct realm_stomp *stomp,
                                            const struct realm_stomp_inside *request);

/** What came behind a CONNECT whose password is being verified: it waits. Errors as
 * buf_append().
 */
must_check enum err realm_stomp_login_keep(struct realm_stomp *stomp, struct span payload);

/** It is not needed any more. */
void realm_stomp_login_forget(struct realm_stomp *stomp);

/** The password was verified. Errors as realm_stomp_take(). */
must_check enum err realm_stomp_login_end(struct realm_stomp *stomp,
                                          enum realm_login_verdict verdict, msec now);
