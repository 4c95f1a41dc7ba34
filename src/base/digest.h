/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Digests and base64, through OpenSSL: for the WebSocket accept key (RFC 6455 section 4.2.2)
 * and for passwords as htpasswd stores them.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"

enum {
    DIGEST_SHA1_BYTES = 20,
    DIGEST_SHA1_BASE64_CHARS = 28,
    DIGEST_SHA256_BYTES = 32,
    DIGEST_MD5_BYTES = 16,
};

/** ERR_NOMEM when OpenSSL cannot. */
must_check enum err digest_sha1(struct span bytes, uint8_t ret_sum[DIGEST_SHA1_BYTES]);

/** ERR_NOMEM when OpenSSL cannot, also where MD5 is forbidden. */
must_check enum err digest_md5(struct span bytes, uint8_t ret_sum[DIGEST_MD5_BYTES]);

/** RFC 2104 with SHA-256. ERR_NOMEM when OpenSSL cannot. */
must_check enum err digest_hmac_sha256(struct span key, struct span bytes,
                                       uint8_t ret_sum[DIGEST_SHA256_BYTES]);

/** Takes the same time wherever they differ; lengths are no secret. */
bool digest_same(struct span a, struct span b);

/** Overwrites bytes that must not stay in memory; no compiler leaves it out. */
void digest_wipe(void *bytes, size_t len);

/** Writes (len + 2) / 3 * 4 characters and a final zero into `room`, which must hold them. */
void digest_base64(struct span bytes, char *room);

/** How many bytes the text stands for, padding checked; SIZE_MAX when it is not base64. */
size_t digest_base64_bytes(struct span text);

/** Writes digest_base64_bytes(text) bytes into `room`, which must hold them and two more. False
 *  when the text is not base64, or its last digit has bits to spare that are not zero. */
bool digest_base64_decode(struct span text, uint8_t *room, size_t *ret_len);
