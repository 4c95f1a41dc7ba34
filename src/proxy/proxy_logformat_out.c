/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_logformat_out.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    ESCAPE_BYTES = 8,  /* room for one escape sequence and a zero */
    NUMBER_BYTES = 24, /* room for any uint64_t */
};

/* All of it or nothing. */
static void put_whole(struct proxy_logformat_out *out, const char *text, size_t len)
{
    if (out->is_cut || len > out->cap - out->len) {
        out->is_cut = true;
        return;
    }
    memcpy(out->ptr + out->len, text, len);
    out->len += len;
}

void proxy_logformat_out_bytes(struct proxy_logformat_out *out, struct span bytes)
{
    struct span fitting = span_head(bytes, out->cap - out->len);

    put_whole(out, (const char *)fitting.ptr, fitting.len);
    out->is_cut = out->is_cut || fitting.len < bytes.len;
}

void proxy_logformat_out_text(struct proxy_logformat_out *out, const char *text)
{
    put_whole(out, text, strlen(text));
}

void proxy_logformat_out_number(struct proxy_logformat_out *out, uint64_t number)
{
    char text[NUMBER_BYTES];

    put_whole(out, text, (size_t)snprintf(text, sizeof text, "%" PRIu64, number));
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* The letter behind a backslash, out of "b\bn\n..."; 0: there is none. */
static char short_escape(const char *pairs, uint8_t c)
{
    for (; pairs[0] != '\0'; pairs += 2) {
        if ((uint8_t)pairs[1] == c) {
            return pairs[0];
        }
    }
    return '\0';
}

static void put_escape(struct proxy_logformat_out *out, const char *pairs, const char *prefix,
                       uint8_t c)
{
    const char letter = short_escape(pairs, c);
    char text[ESCAPE_BYTES];
    int len = letter != '\0' ? snprintf(text, sizeof text, "\\%c", letter)
                             : snprintf(text, sizeof text, "%s%02x", prefix, c);

    put_whole(out, text, (size_t)len);
}

static void put_escaped(struct proxy_logformat_out *out, struct span bytes, const char *pairs,
                        const char *prefix)
{
    while (bytes.len > 0 && !out->is_cut) {
        size_t plain = 0;

        while (plain < bytes.len && is_plain(bytes.ptr[plain])) {
            plain++;
        }
        proxy_logformat_out_bytes(out, span_head(bytes, plain));
        bytes = span_tail(bytes, plain);
        if (bytes.len > 0) {
            put_escape(out, pairs, prefix, bytes.ptr[0]);
            bytes = span_tail(bytes, 1);
        }
    }
}

void proxy_logformat_out_escaped(struct proxy_logformat_out *out, struct span bytes)
{
    put_escaped(out, bytes, "\"\"\\\\b\bn\nr\rt\tv\v", "\\x");
}

void proxy_logformat_out_or_dash(struct proxy_logformat_out *out, struct span bytes)
{
    if (bytes.len == 0) {
        proxy_logformat_out_text(out, "-");
    } else {
        proxy_logformat_out_escaped(out, bytes);
    }
}

void proxy_logformat_out_json(struct proxy_logformat_out *out, struct span bytes)
{
    proxy_logformat_out_text(out, "\"");
    put_escaped(out, bytes, "\"\"\\\\b\bf\fn\nr\rt\t", "\\u00");
    proxy_logformat_out_text(out, "\"");
}
