/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_names.h"

#include "base/digest.h"

#include <stdio.h>

enum {
    DIGEST_CHARS = 32,
    ENCODED_MAX = 3 * STORE_NATS_NAMES_CHANNEL_MAX,
};

/* ---- channels ---- */

static bool is_plain(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '-';
}

/* NATS has no empty tokens: what stands between two slashes, or behind the last, becomes "=".
 */
static size_t encode(struct span channel, char slash, char *room)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t used = 0;

    if (span_starts(channel, SPAN("/"))) {
        channel = span_tail(channel, 1);
    } else {
        room[used++] = '='; /* no channel of a realm: they begin with a slash */
        room[used++] = '-';
    }
    for (size_t i = 0; i < channel.len; i++) {
        uint8_t c = channel.ptr[i];
        bool is_empty = c == '/' && (i == 0 || channel.ptr[i - 1] == '/');

        if (is_empty) {
            room[used++] = '=';
        }
        if (is_plain(c) || c == '/') {
            room[used++] = c == '/' ? slash : (char)c;
        } else {
            room[used++] = '=';
            room[used++] = digits[c >> 4];
            room[used++] = digits[c & 15];
        }
    }
    if (channel.len == 0 || channel.ptr[channel.len - 1] == '/') {
        room[used++] = '=';
    }
    return used;
}

static enum err name_stream(struct span realm, struct span channel, char *room)
{
    char encoded[ENCODED_MAX + 3];
    size_t len = encode(channel, ':', encoded);
    size_t max = STORE_NATS_NAMES_STREAM_BYTES - 1 - realm.len - 1;
    uint8_t sum[DIGEST_SHA256_BYTES];
    char digest[DIGEST_CHARS + 1];

    if (len <= max) {
        (void)snprintf(room, STORE_NATS_NAMES_STREAM_BYTES, "%.*s:%.*s", SPAN_ARG(realm),
                       (int)len, encoded);
        return OK;
    }
    TRY(digest_hmac_sha256(SPAN("wayleave channel"), channel, sum));
    for (size_t i = 0; i < DIGEST_CHARS / 2; i++) {
        (void)snprintf(digest + 2 * i, 3, "%02x", sum[i]);
    }
    (void)snprintf(room, STORE_NATS_NAMES_STREAM_BYTES, "%.*s:%.*s~%s", SPAN_ARG(realm),
                   (int)(max - 1 - DIGEST_CHARS), encoded, digest);
    return OK;
}

static void name_subject(struct span realm, const char *kind, struct span channel, char *room)
{
    char encoded[ENCODED_MAX + 3];
    size_t len = encode(channel, '.', encoded);

    (void)snprintf(room, STORE_NATS_NAMES_SUBJECT_BYTES, "%.*s.%s.%.*s", SPAN_ARG(realm), kind,
                   (int)len, encoded);
}

enum err store_nats_names_make(struct span realm, struct span channel,
                               struct store_nats_names *ret_names)
{
    assert(realm.len <= STORE_NATS_NAMES_REALM_MAX);
    assert(channel.len <= STORE_NATS_NAMES_CHANNEL_MAX);
    TRY(name_stream(realm, channel, ret_names->stream));
    name_subject(realm, "events", channel, ret_names->events);
    name_subject(realm, "gone", channel, ret_names->gone);
    return OK;
}

/* ---- headers ---- */

/* nats-server 2.9 looks for the bytes of this name, wherever they stand first among the
 * headers; when they are no name there, it does as if we had not said it. */
static bool hides_ours(struct span text, size_t at)
{
    return text.ptr[at] == '-' &&
           span_starts(span_tail(text, at), SPAN("-Expected-Last-Sequence"));
}

static char *escape(struct span text, bool is_name, char *at)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool is_end = i == 0 || i + 1 == text.len;
        char escaped = c == '\r'                           ? 'r'
                       : c == '\n'                         ? 'n'
                       : c == '\\'                         ? '\\'
                       : c == '\0'                         ? '0'
                       : c == ':' && is_name               ? 'c'
                       : hides_ours(text, i)               ? '-'
                       : (c == ' ' || c == '\t') && is_end ? (c == ' ' ? 's' : 't')
                                                           : '\0';

        if (escaped != '\0') {
            *at++ = '\\';
            *at++ = escaped;
        } else {
            *at++ = (char)c;
        }
    }
    *at = '\0';
    return at;
}

/* "Nats-Rollup: all" would empty the stream; "Status: 100" without a body is a heart-beat. */
static bool is_taken(struct span name)
{
    static const char *const prefixes[] = {"nats-", "wayleave-", "event-"};

    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        struct span prefix = span_str(prefixes[i]);

        if (span_equal_nocase(span_head(name, prefix.len), prefix)) {
            return true;
        }
    }
    return span_equal_nocase(name, SPAN("status")) ||
           span_equal_nocase(name, SPAN("description")) || name.len == 0;
}

void store_nats_names_header(struct span name, char *room)
{
    static const char prefix[] = "Event-";

    static_assert(sizeof prefix <= STORE_NATS_NAMES_HEADER_ROOM, "there is room for it");
    if (is_taken(name)) {
        memcpy(room, prefix, sizeof prefix - 1);
        room += sizeof prefix - 1;
    }
    escape(name, true, room);
}

void store_nats_names_value(struct span value, char *room)
{
    escape(value, false, room);
}
