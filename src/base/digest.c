/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/digest.h"

#include <openssl/evp.h>

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
