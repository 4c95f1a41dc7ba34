/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Passwords against what htpasswd stored: bcrypt, SHA-crypt and yescrypt through libcrypt, and
 * httpd's own $apr1$ and {SHA}. A verification takes from microseconds to a good part of a
 * second, so it is never made on a loop's thread.
 */
#pragma once

#include "base/span.h"

enum {
    HTPASSWD_HASH_PASSWORD_MAX = 511, /* bytes; libcrypt takes no more */
};

/** NULL when the hash can be used; else what is wrong with it and, in parentheses, what would
 *  be right. Static storage. */
const char *htpasswd_hash_fault(struct span hash);

/** Whether the password, without zero bytes and not over the maximum, belongs to the hash. The
 *  comparison takes the same time wherever they differ. From any thread; false also when there
 *  is no memory. */
bool htpasswd_hash_verify(struct span hash, struct span password);
