/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <limits.h>

enum err digest_sha1(struct span bytes, uint8_t ret_sum[DIGEST_SHA1_BYTES])
{
    unsigned len = 0;

    if (EVP_Digest(bytes.ptr, bytes.len, ret_sum, &len, EVP_sha1(), NULL) != 1) {
        return ERR_NOMEM;
    }
    assert(len == DIGEST_SHA1_BYTES);
    return OK;
}

enum err digest_md5(struct span bytes, uint8_t ret_sum[DIGEST_MD5_BYTES])
{
    unsigned len = 0;

    if (EVP_Digest(bytes.ptr, bytes.len, ret_sum, &len, EVP_md5(), NULL) != 1) {
        return ERR_NOMEM;
    }
    assert(len == DIGEST_MD5_BYTES);
    return OK;
}

enum err digest_hmac_sha256(struct span key, struct span bytes,
                            uint8_t ret_sum[DIGEST_SHA256_BYTES])
{
    unsigned len = 0;

    assert(key.len <= INT_MAX);
    if (HMAC(EVP_sha256(), key.ptr, (int)key.len, bytes.ptr, bytes.len, ret_sum, &len) ==
        NULL) {
        return ERR_NOMEM;
    }
    assert(len == DIGEST_SHA256_BYTES);
    return OK;
}

bool digest_same(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}

void digest_wipe(void *bytes, size_t len)
{
    OPENSSL_cleanse(bytes, len);
}

void digest_base64(struct span bytes, char *room)
{
    assert(bytes.len <= INT_MAX / 2);
    EVP_EncodeBlock((unsigned char *)room, bytes.ptr, (int)bytes.len);
}

static bool is_base64(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           c == '+' || c == '/';
}

size_t digest_base64_bytes(struct span text)
{
    size_t padding = 0;

    if (text.len % 4 != 0) {
        return SIZE_MAX;
    }
    while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=') {
        padding++;
    }
    for (size_t i = 0; i < text.len - padding; i++) {
        if (!is_base64(text.ptr[i])) {
            return SIZE_MAX;
        }
    }
    return text.len / 4 * 3 - padding;
}

bool digest_base64_decode(struct span text, uint8_t *room, size_t *ret_len)
{
    size_t len = digest_base64_bytes(text);
    size_t spare = text.len / 4 * 3 - len; /* the digits of padding */

    if (len == SIZE_MAX || text.len > INT_MAX / 2) {
        return false;
    }
    if (text.len > 0 && EVP_DecodeBlock(room, text.ptr, (int)text.len) < 0) {
        return false;
    }
    /* What padding stands for is written as zeros, the bits to spare in front of it are not. */
    if (spare > 0 && room[len] != 0) {
        return false;
    }
    *ret_len = len;
    return true;
}
