/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The versions of STOMP that are spoken, which one two sides agree on, and what a header may
 * hold in each:
 *
 *            escapes               spaces around a value    CR
 *     1.0    none                  mean nothing             an octet like others
 *     1.1    \n \c \\              belong to it             an octet like others
 *     1.2    \n \c \\ \r           belong to it             only in front of an LF
 *
 * In all of them CR LF ends a line as LF does: 1.2 says so, and no client of the older ones is
 * known that ends a value with a CR.
 */
#pragma once

#include "base/span.h"

enum stomp_version {
    STOMP_VERSION_1_0,
    STOMP_VERSION_1_1,
    STOMP_VERSION_1_2,
};

/** "1.2". Static storage. */
const char *stomp_version_name(enum stomp_version version);

/** The best version in the value of accept-version, a list with commas. False when it names
 *  none that is spoken. A CONNECT without that header is 1.0's. "Protocol Negotiation". */
bool stomp_version_agree(struct span accepted, enum stomp_version *ret_version);

/** The byte that is written as a backslash and `c`; '\0' when the version has no such escape.
 *  "Value Encoding". */
uint8_t stomp_version_unescape(enum stomp_version version, uint8_t c);

/** How the byte is written, "\\n"; NULL when it stands for itself. */
const char *stomp_version_escape(enum stomp_version version, uint8_t c);
