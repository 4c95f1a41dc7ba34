/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_detect.h"

#include "lib/cut.h"
#include "lib/oom.h"
#include "lib/testing.h"

#include <stdio.h>

/* A ClientHello for host.test that offers http/1.1. */
#define HELLO                                                                             \
    "16 03 01 00 50 01 00 00 4c 03 03 '0123456789abcdef0123456789abcdef' 00 00 02 13 01 " \
    "01 00 00 21 00 00 00 0e 00 0c 00 00 09 'host.test' 00 10 00 0b 00 09 08 'http/1.1'"

static struct {
    enum err e;
    enum proxy_detect_kind kind;
    const char *sni;
} wanted;

static void check(const struct cut *cut)
{
    struct proxy_detect detect;
    struct mspan part;
    enum err e = ERR_AGAIN;
    size_t at = 0;

    proxy_detect_init(&detect);
    while (e == ERR_AGAIN && (part = cut_next(cut, &at)).ptr != NULL) {
        e = proxy_detect_next(&detect, span_ro(part));
    }
    assert_int_equal(e, wanted.e);
    assert_int_equal(detect.kind, wanted.kind);
    if (wanted.sni != NULL) {
        assert_bytes(detect.hello.sni, span_str(wanted.sni));
    }
    proxy_detect_fini(&detect);
}

static void expect(struct span bytes, enum err e, enum proxy_detect_kind kind, const char *sni)
{
    wanted.e = e;
    wanted.kind = kind;
    wanted.sni = sni;
    cut_every(bytes, check);
}

static void a_client_hello_is_tls_once_it_is_whole(void **state)
{
    struct span hello = span_ro(hex(HELLO));

    (void)state;
    expect(hello, OK, PROXY_DETECT_TLS, "host.test");
    expect(span_head(hello, hello.len - 1), ERR_AGAIN, PROXY_DETECT_TLS, NULL);
    expect(span_head(hello, 1), ERR_AGAIN, PROXY_DETECT_TLS, NULL);
}

static void a_request_is_http_as_soon_as_a_known_method_has_a_path(void **state)
{
    static const char *const requests[] = {"GET /", "HEAD /x", "POST /", "PUT /", "PATCH /",
                                           "DELETE /", "OPTIONS /", "OPTIONS *", "TRACE /",
                                           "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                                           /* what is wrong with these is told in HTTP */
                                           "GET /\x01", "GET / HTTP/2.0\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        expect(span_str(requests[i]), OK, PROXY_DETECT_HTTP, NULL);
    }
}

static void other_requests_are_http_when_their_first_line_says_so(void **state)
{
    (void)state;
    expect(SPAN("GET http://a.test/ HTTP/1.1\r\n"), OK, PROXY_DETECT_HTTP, NULL);
    expect(SPAN("CONNECT a.test:1 HTTP/1.1\r\n"), OK, PROXY_DETECT_HTTP, NULL);
    expect(SPAN("PROPFIND /dav HTTP/1.1\r\n"), OK, PROXY_DETECT_HTTP, NULL);
    expect(SPAN("PROPFIND /dav HTTP/1.1"), ERR_AGAIN, PROXY_DETECT_HTTP, NULL);
    expect(SPAN("GE"), ERR_AGAIN, PROXY_DETECT_HTTP, NULL);
}

static void everything_else_is_other(void **state)
{
    static const char *const rest[] = {"SSH-2.0-x\r\n",
                                       "hello\r\n",
                                       "EHLO a.test\r\n",
                                       "NICK me\r\nUSER me\r\n",
                                       "get / HTTP/1.1\r\n",
                                       "OPTIONS rtsp://a.test/ RTSP/1.0\r\n",
                                       "\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) {
        expect(span_str(rest[i]), OK, PROXY_DETECT_OTHER, NULL);
    }
    expect(span_ro(hex("16 02 00")), OK, PROXY_DETECT_OTHER, NULL); /* no version of TLS */
    expect(SPAN("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), OK, PROXY_DETECT_OTHER, NULL);
    expect(span_ro(hex("00")), OK, PROXY_DETECT_OTHER, NULL);
}

/* Not other: a server might read another name in it than nobody. */
static void a_hello_that_cannot_be_read_is_a_fault_and_not_something_else(void **state)
{
    (void)state;
    expect(span_ro(hex("16 03 01 00 06 01 00 00 02 03 03")), ERR_PROTO, PROXY_DETECT_TLS, NULL);
    expect(span_ro(hex("16 03 01 00 04 02 00 00 00")), ERR_PROTO, PROXY_DETECT_TLS, NULL);
}

static void kinds_have_names(void **state)
{
    (void)state;
    assert_string_equal(proxy_detect_kind_name(PROXY_DETECT_UNKNOWN), "unknown");
    assert_string_equal(proxy_detect_kind_name(PROXY_DETECT_TLS), "tls");
    assert_string_equal(proxy_detect_kind_name(PROXY_DETECT_HTTP), "http");
    assert_string_equal(proxy_detect_kind_name(PROXY_DETECT_OTHER), "other");
}

static struct span whole_hello;

static void read_a_hello(void)
{
    struct proxy_detect detect;
    enum err e;

    proxy_detect_init(&detect);
    e = proxy_detect_next(&detect, whole_hello);
    assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : OK);
    proxy_detect_fini(&detect);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    whole_hello = span_ro(hex(HELLO));
    every_oom(read_a_hello);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_hello_is_tls_once_it_is_whole),
        cmocka_unit_test(a_request_is_http_as_soon_as_a_known_method_has_a_path),
        cmocka_unit_test(other_requests_are_http_when_their_first_line_says_so),
        cmocka_unit_test(everything_else_is_other),
        cmocka_unit_test(a_hello_that_cannot_be_read_is_a_fault_and_not_something_else),
        cmocka_unit_test(kinds_have_names),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
