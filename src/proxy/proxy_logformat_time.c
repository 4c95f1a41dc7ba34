/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_logformat_time.h"

#include "proxy/proxy_accesslog.h"
#include "proxy/proxy_logformat_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum {
    FORMAT_BYTES = 96,
    TEXT_BYTES = 192,
};

static uint64_t began_ms(const struct proxy_logformat_line *line)
{
    return line->ended_ms - line->entry->duration_ms;
}

/* The operator's own format; strftime() writes no more than it is told, whatever that is. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void put_strftime(uint64_t at_ms, const char *format, struct proxy_logformat_out *out)
{
    const time_t seconds = (time_t)(at_ms / 1000);
    char text[TEXT_BYTES];
    struct tm parts;
    size_t len;

    localtime_r(&seconds, &parts);
    len = strftime(text, sizeof text, format, &parts);
    proxy_logformat_out_escaped(out, len == 0 ? SPAN("-") : span_of(text, len));
}
#pragma GCC diagnostic pop

void proxy_logformat_time_clf(const struct proxy_logformat_line *line,
                              const struct proxy_logformat_item *item,
                              struct proxy_logformat_out *out)
{
    (void)item;
    put_strftime(began_ms(line), "[%d/%b/%Y:%H:%M:%S %z]", out);
}

static bool put_token(uint64_t at_ms, struct span token, struct proxy_logformat_out *out)
{
    const uint64_t millis = at_ms % 1000;
    char text[8];

    if (span_equals(token, "sec")) {
        proxy_logformat_out_number(out, at_ms / 1000);
    } else if (span_equals(token, "msec")) {
        proxy_logformat_out_number(out, at_ms);
    } else if (span_equals(token, "usec")) {
        proxy_logformat_out_number(out, at_ms * 1000);
    } else if (span_equals(token, "msec_frac")) {
        snprintf(text, sizeof text, "%03u", (unsigned)millis);
        proxy_logformat_out_text(out, text);
    } else if (span_equals(token, "usec_frac")) {
        snprintf(text, sizeof text, "%06u", (unsigned)millis * 1000);
        proxy_logformat_out_text(out, text);
    } else {
        return false;
    }
    return true;
}

void proxy_logformat_time_format(const struct proxy_logformat_line *line,
                                 const struct proxy_logformat_item *item,
                                 struct proxy_logformat_out *out)
{
    struct span format = item->arg;
    uint64_t at_ms = began_ms(line);
    char text[FORMAT_BYTES + 1];

    if (span_starts(format, SPAN("begin:"))) {
        format = span_tail(format, sizeof "begin:" - 1);
    } else if (span_starts(format, SPAN("end:"))) {
        format = span_tail(format, sizeof "end:" - 1);
        at_ms = line->ended_ms;
    }
    if (!put_token(at_ms, format, out)) {
        snprintf(text, sizeof text, "%.*s", SPAN_ARG(format));
        put_strftime(at_ms, text, out);
    }
}

void proxy_logformat_time_iso(const struct proxy_logformat_line *line,
                              struct proxy_logformat_out *out)
{
    const time_t seconds = (time_t)(began_ms(line) / 1000);
    char text[TEXT_BYTES];
    struct tm parts;
    size_t len;

    gmtime_r(&seconds, &parts);
    len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + len, sizeof text - len, ".%03uZ", (unsigned)(began_ms(line) % 1000));
    proxy_logformat_out_text(out, text);
}

bool proxy_logformat_time_is_format(struct span format)
{
    return format.len > 0 && format.len <= FORMAT_BYTES;
}
