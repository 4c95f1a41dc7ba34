/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "auth/htpasswd_hash.h"

#include "base/digest.h"
#include "base/text.h"

#include <crypt.h>
#include <stdlib.h>

enum {
    BCRYPT_CHARS = 60,
    BCRYPT_COST_MAX = 17, /* some ten seconds */
    SHA_ROUNDS_MAX = 5000000,
    YESCRYPT_MEMORY_MAX = 15,
    SHA256_CHARS = 43, /* behind the last dollar */
    SHA512_CHARS = 86,
    APR1_CHARS = 22,
    APR1_SALT_MAX = 8,
    APR1_ROUNDS = 1000,
    /* password, magic, salt, then one digest byte for each of the password's, and a bit each
     * for its length */
    APR1_ROOM = 2 * HTPASSWD_HASH_PASSWORD_MAX + 64,
};

#define MAKE "make it with htpasswd -B"

static const char itoa64[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* ---- is it one? ---- */

static bool are_itoa64(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\0' || strchr(itoa64, text.ptr[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* Cuts off what stands in front of the next dollar, and that. False when there is none. */
static bool next_part(struct span *rest, struct span *ret_part)
{
    size_t len = span_find(*rest, '$');

    if (len == rest->len) {
        return false;
    }
    *ret_part = span_head(*rest, len);
    *rest = span_tail(*rest, len + 1);
    return true;
}

static const char *bcrypt_fault(struct span hash)
{
    uint64_t cost;

    if (hash.len != BCRYPT_CHARS || hash.ptr[6] != '$' || !are_itoa64(span_tail(hash, 7))) {
        return "is a bcrypt hash that is not whole (" MAKE ")";
    }
    if (!text_u64(span_of(hash.ptr + 4, 2), 99, &cost) || cost < 4 || cost > BCRYPT_COST_MAX) {
        return "is a bcrypt hash of a cost that is not from 4 to 17 (" MAKE " -C 10)";
    }
    return NULL;
}

/* $5$[rounds=N$]salt$digest */
static const char *sha_crypt_fault(struct span hash, size_t chars)
{
    struct span rest = span_tail(hash, 3);
    struct span part;
    uint64_t rounds;

    if (!next_part(&rest, &part)) {
        return "is a SHA-crypt hash that is not whole (" MAKE ")";
    }
    if (span_starts(part, SPAN("rounds="))) {
        if (!text_u64(span_tail(part, 7), SHA_ROUNDS_MAX, &rounds) || rounds < 1000) {
            return "is a SHA-crypt hash whose rounds are not from 1000 to 5000000 (" MAKE ")";
        }
        if (!next_part(&rest, &part)) {
            return "is a SHA-crypt hash that is not whole (" MAKE ")";
        }
    }
    if (part.len > 16 || rest.len != chars || !are_itoa64(rest)) {
        return "is a SHA-crypt hash that is not whole (" MAKE ")";
    }
    return NULL;
}

static const char *apr1_fault(struct span hash)
{
    struct span rest = span_tail(hash, 6);
    struct span salt;

    if (!next_part(&rest, &salt) || salt.len > APR1_SALT_MAX || rest.len != APR1_CHARS ||
        !are_itoa64(rest)) {
        return "is an $apr1$ hash that is not whole (" MAKE ")";
    }
    return NULL;
}

static const char *sha1_fault(struct span hash)
{
    uint8_t room[DIGEST_SHA1_BYTES + 4];
    struct span text = span_tail(hash, 5);
    size_t len;

    if (text.len != DIGEST_SHA1_BASE64_CHARS || !digest_base64_decode(text, room, &len) ||
        len != DIGEST_SHA1_BYTES) {
        return "is a {SHA} hash that is not whole (" MAKE ")";
    }
    return NULL;
}

/* $y$params$salt$digest; the second digit of params is the logarithm of the memory it takes. */
static const char *yescrypt_fault(struct span hash)
{
    struct span rest = span_tail(hash, 3);
    struct span params, salt;

    if (!next_part(&rest, &params) || !next_part(&rest, &salt) || params.len < 3 ||
        !are_itoa64(params) || !are_itoa64(salt) || rest.len != SHA256_CHARS ||
        !are_itoa64(rest) || crypt_checksalt((const char *)hash.ptr) != CRYPT_SALT_OK) {
        return "is a yescrypt hash that is not whole (" MAKE ")";
    }
    if (strchr(itoa64, params.ptr[1]) - itoa64 > YESCRYPT_MEMORY_MAX) {
        return "is a yescrypt hash that takes more than 256 MiB of memory (" MAKE ")";
    }
    return NULL;
}

static const char *unknown_fault(struct span hash)
{
    if (hash.len == 13 && are_itoa64(hash)) {
        return "is a hash of the old crypt, which forgets all but eight characters of a "
               "password (" MAKE ")";
    }
    if (hash.len == 0) {
        return "there is nothing behind the colon (" MAKE ")";
    }
    return "is not a password hash that is known here: bcrypt, SHA-crypt, yescrypt, $apr1$ and "
           "{SHA} are (" MAKE ")";
}

static bool is_bcrypt(struct span hash)
{
    return span_starts(hash, SPAN("$2y$")) || span_starts(hash, SPAN("$2a$")) ||
           span_starts(hash, SPAN("$2b$"));
}

const char *htpasswd_hash_fault(struct span hash)
{
    if (is_bcrypt(hash)) {
        return bcrypt_fault(hash);
    }
    if (span_starts(hash, SPAN("$5$"))) {
        return sha_crypt_fault(hash, SHA256_CHARS);
    }
    if (span_starts(hash, SPAN("$6$"))) {
        return sha_crypt_fault(hash, SHA512_CHARS);
    }
    if (span_starts(hash, SPAN("$apr1$"))) {
        return apr1_fault(hash);
    }
    if (span_starts(hash, SPAN("{SHA}"))) {
        return sha1_fault(hash);
    }
    if (span_starts(hash, SPAN("$y$"))) {
        return yescrypt_fault(hash);
    }
    return unknown_fault(hash);
}

/* ---- {SHA} and $apr1$ ---- */

static bool verify_sha1(struct span hash, struct span password)
{
    uint8_t sum[DIGEST_SHA1_BYTES];
    char text[DIGEST_SHA1_BASE64_CHARS + 1];

    if (digest_sha1(password, sum) != OK) {
        return false;
    }
    digest_base64(span_of(sum, sizeof sum), text);
    return digest_same(span_str(text), span_tail(hash, 5));
}

struct mix {
    uint8_t bytes[APR1_ROOM];
    size_t len;
};

static void add(struct mix *mix, struct span bytes)
{
    assert(bytes.len <= sizeof mix->bytes - mix->len);
    if (bytes.len > 0) {
        memcpy(mix->bytes + mix->len, bytes.ptr, bytes.len);
        mix->len += bytes.len;
    }
}

static enum err sum_up(struct mix *mix, uint8_t sum[DIGEST_MD5_BYTES])
{
    enum err e = digest_md5(span_of(mix->bytes, mix->len), sum);

    digest_wipe(mix->bytes, mix->len);
    mix->len = 0;
    return e;
}

/* The first digest: what Poul-Henning Kamp's MD5 crypt does before its rounds, with Apache's
 * magic. */
static enum err apr1_begin(struct mix *mix, struct span salt, struct span password,
                           uint8_t sum[DIGEST_MD5_BYTES])
{
    const uint8_t zero = 0;

    add(mix, password);
    add(mix, salt);
    add(mix, password);
    TRY(sum_up(mix, sum));
    add(mix, password);
    add(mix, SPAN("$apr1$"));
    add(mix, salt);
    for (size_t left = password.len; left > 0;) {
        size_t len = left < DIGEST_MD5_BYTES ? left : DIGEST_MD5_BYTES;

        add(mix, span_of(sum, len));
        left -= len;
    }
    for (size_t bits = password.len; bits != 0; bits >>= 1) {
        add(mix, (bits & 1) != 0 ? span_of(&zero, 1) : span_head(password, 1));
    }
    return sum_up(mix, sum);
}

static enum err apr1_sum(struct mix *mix, struct span salt, struct span password,
                         uint8_t sum[DIGEST_MD5_BYTES])
{
    TRY(apr1_begin(mix, salt, password, sum));
    for (unsigned round = 0; round < APR1_ROUNDS; round++) {
        struct span last = span_of(sum, DIGEST_MD5_BYTES);

        add(mix, (round & 1) != 0 ? password : last);
        add(mix, round % 3 != 0 ? salt : SPAN(""));
        add(mix, round % 7 != 0 ? password : SPAN(""));
        add(mix, (round & 1) != 0 ? last : password);
        TRY(sum_up(mix, sum));
    }
    return OK;
}

static void apr1_text(const uint8_t sum[DIGEST_MD5_BYTES], char text[APR1_CHARS])
{
    static const uint8_t order[5][3] = {
        {0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}};
    size_t at = 0;

    for (size_t i = 0; i < 5; i++) {
        unsigned long value = (unsigned long)sum[order[i][0]] << 16 |
                              (unsigned long)sum[order[i][1]] << 8 | sum[order[i][2]];

        for (int digit = 0; digit < 4; digit++, value >>= 6) {
            text[at++] = itoa64[value & 0x3f];
        }
    }
    text[at++] = itoa64[sum[11] & 0x3f];
    text[at++] = itoa64[sum[11] >> 6];
}

static bool verify_apr1(struct span hash, struct span password)
{
    struct span rest = span_tail(hash, 6);
    struct span salt = {NULL, 0};
    uint8_t sum[DIGEST_MD5_BYTES];
    char text[APR1_CHARS];
    struct mix mix = {.len = 0};
    enum err e;

    if (!next_part(&rest, &salt)) {
        return false;
    }
    e = apr1_sum(&mix, salt, password, sum);
    digest_wipe(mix.bytes, sizeof mix.bytes);
    if (e != OK) {
        return false;
    }
    apr1_text(sum, text);
    return digest_same(span_of(text, sizeof text), rest);
}

/* ---- libcrypt's ---- */

/* 32 KiB of state: not on a thread's small stack. */
static bool verify_crypt(struct span hash, struct span password)
{
    struct crypt_data *data = calloc(1, sizeof *data);
    char phrase[HTPASSWD_HASH_PASSWORD_MAX + 1];
    const char *again;
    bool is_same;

    if (data == NULL) {
        return false;
    }
    if (password.len > 0) {
        memcpy(phrase, password.ptr, password.len);
    }
    phrase[password.len] = '\0';
    again = crypt_r(phrase, (const char *)hash.ptr, data);
    is_same = again != NULL && digest_same(span_str(again), hash);
    digest_wipe(phrase, sizeof phrase);
    digest_wipe(data, sizeof *data);
    free(data);
    return is_same;
}

bool htpasswd_hash_verify(struct span hash, struct span password)
{
    if (htpasswd_hash_fault(hash) != NULL || password.len > HTPASSWD_HASH_PASSWORD_MAX ||
        span_find(password, '\0') < password.len) {
        return false;
    }
    if (span_starts(hash, SPAN("{SHA}"))) {
        return verify_sha1(hash, password);
    }
    if (span_starts(hash, SPAN("$apr1$"))) {
        return verify_apr1(hash, password);
    }
    return verify_crypt(hash, password);
}
