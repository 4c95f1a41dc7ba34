/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "ws/ws_mask.h"

/* RFC 6455 5.3: "j = i MOD 4; transformed-octet-i = original-octet-i XOR
 * masking-key-octet-j". */
void ws_mask(struct mspan bytes, const uint8_t key[WS_MASK_BYTES], uint64_t offset)
{
    uint8_t turned[sizeof(uint64_t)]; /* the key, twice, beginning where `bytes` begins */
    uint64_t pattern;
    size_t at = 0;

    for (size_t i = 0; i < sizeof turned; i++) {
        turned[i] = key[(offset + i) % WS_MASK_BYTES];
    }
    memcpy(&pattern, turned, sizeof pattern);

    /* A word at a time; memcpy, because `bytes` may begin anywhere. Compilers make it one load,
     * one xor and one store, or a vector of them. */
    for (; bytes.len - at >= sizeof pattern; at += sizeof pattern) {
        uint64_t word;

        memcpy(&word, bytes.ptr + at, sizeof word);
        word ^= pattern;
        memcpy(bytes.ptr + at, &word, sizeof word);
    }
    for (size_t i = 0; at < bytes.len; i++, at++) {
        bytes.ptr[at] ^= turned[i];
    }
}
