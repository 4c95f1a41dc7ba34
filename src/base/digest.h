/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * SHA-1 and base64 for the WebSocket accept key (RFC 6455 section 4.2.2), through OpenSSL.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"

enum {
    DIGEST_SHA1_BYTES = 20,
    DIGEST_SHA1_BASE64_CHARS = 28
};

/** ERR_NOMEM when OpenSSL cannot. */
must_check enum err digest_sha1(struct span bytes, uint8_t ret_sum[DIGEST_SHA1_BYTES]);

/** Writes (len + 2) / 3 * 4 characters and a final zero into `room`, which must hold them. */
void digest_base64(struct span bytes, char *room);

/** How many bytes the text stands for, padding checked; SIZE_MAX when it is not base64. */
size_t digest_base64_bytes(struct span text);
