/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Whether this client may do that to this channel or queue: the question that sessions and the
 * HTTP API ask before they do anything to one. A no is a sentence for the client, and a line in
 * the log that names the line of the configuration; the log hears REALM_ACCESS_LOGGED_MAX of a
 * connection, so that nobody fills it by asking.
 */
#pragma once

#include "realm/realm_login.h"

enum {
    REALM_ACCESS_LOGGED_MAX = 10,
    REALM_ACCESS_SENTENCE_BYTES = 320,
};

/** The question alone: nothing is said about a no. `name` begins with "/". Who has not logged
 * in may nothing. */
bool realm_access_has(const struct realm_login *login, enum realm_acl_right right,
                      struct span name);

/** `sentence` is written only when it may not. */
bool realm_access_may(struct realm_login *login, enum realm_acl_right right, struct span name,
                      char sentence[REALM_ACCESS_SENTENCE_BYTES]);
