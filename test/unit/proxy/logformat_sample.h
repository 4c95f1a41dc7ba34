/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * An entry with something in every member, and what a format makes of an entry.
 */
#pragma once

#include "proxy/proxy_accesslog.h"

#include "lib/testing.h"

#include <stdlib.h>
#include <time.h>

/* 2026-11-22 15:43:11.123 UTC, when the request below was over. */
#define SAMPLE_ENDED_MS UINT64_C(1795362191123)

static inline void sample_set_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

static inline struct proxy_accesslog_entry sample_entry(void)
{
    static const struct http1_field request_fields[] = {
        {SPAN_INIT("Host"), SPAN_INIT("realm:9000")},
        {SPAN_INIT("User-Agent"), SPAN_INIT("curl/8 \"x\"")},
        {SPAN_INIT("X-Empty"), SPAN_INIT("")},
    };
    static const struct http1_field answer_fields[] = {
        {SPAN_INIT("Via"), SPAN_INIT("1.1 proxy")},
    };
    struct proxy_accesslog_entry entry = {
        .user = SPAN_INIT("anna"),
        .request = SPAN_INIT("CONNECT realm:9000?q=1 HTTP/1.1"),
        .request_fields = {request_fields, 3},
        .answer_fields = {answer_fields, 1},
        .server_name = SPAN_INIT("proxy.test"),
        .earlier_count = 3,
        .status = 200,
        .head_in_bytes = 100,
        .head_out_bytes = 40,
        .duration_ms = 61234,
        .parent = SPAN_INIT("parent.test:3128"),
        .closer = PROXY_ACCESSLOG_SERVER,
        .why = SPAN_INIT("connection reset"),
        .error = SPAN_INIT("connection_terminated"),
        .tunnel = SPAN_INIT("websocket"),
        .up_bytes = 812,
        .down_bytes = 4410,
        .ws = {.is_known = true,
               .has_deflate = true,
               .has_closer = true,
               .closer = PROXY_ACCESSLOG_CLIENT,
               .close_code = 1001,
               .path = SPAN_INIT("/chat?room=1"),
               .protocol = SPAN_INIT("v12.stomp"),
               .messages_up = 7,
               .messages_down = 9,
               .bytes_up = 500,
               .bytes_down = 4000,
               .lost = "sent garbage"},
    };

    assert_true(addr_parse(SPAN("::ffff:127.0.0.1"), 40000, &entry.client));
    assert_true(addr_parse(SPAN("10.0.0.1"), 8080, &entry.local));
    assert_true(addr_parse(SPAN("::1"), 9000, &entry.upstream));
    return entry;
}

/** The line with its LF, as a string; until the next call. */
static inline const char *sample_line(const char *text,
                                      const struct proxy_accesslog_entry *entry)
{
    static char room[PROXY_LOGFORMAT_LINE_BYTES + 1];
    static struct proxy_logformat format;
    const struct proxy_logformat_line line = {entry, SAMPLE_ENDED_MS};
    char fault[PROXY_LOGFORMAT_FAULT_BYTES] = "";
    size_t len;

    if (proxy_logformat_compile(span_str(text), &format, fault) != OK) {
        fail_msg("%s", fault);
    }
    len = proxy_logformat_write(&format, &line, mspan_of(room, sizeof room - 1));
    room[len] = '\0';
    return room;
}

#define assert_line(text, entry, expected) \
    assert_string_equal(sample_line(text, entry), expected "\n")
