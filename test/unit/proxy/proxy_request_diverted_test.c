/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_request.h"

#include "lib/testing.h"

#include <stdio.h>

static const struct http1_limits limits = {1000, 1000, 20, 10000};

struct answer {
    enum err e;
    struct proxy_refusal refusal;
    enum proxy_request_kind kind;
    char text[200]; /* what is asked for: as a URL, with the Host that is sent on */
};

static struct answer ask(const char *text, const struct proxy_request_origin *origin)
{
    struct answer answer = {0};
    struct proxy_request request = {0};
    struct http1_head head;
    struct span input = span_str(text);

    http1_head_init(&head, HTTP1_REQUEST, &limits);
    assert_ok(http1_head_next(&head, &input));
    answer.e = proxy_request_read_diverted(&head, origin, &request, &answer.refusal);
    if (answer.e == OK) {
        const struct proxy_section_url url = proxy_request_url(&request);

        answer.kind = request.kind;
        snprintf(answer.text, sizeof answer.text, "%.*s|%.*s|%u|%.*s|%.*s Host port %u",
                 SPAN_ARG(url.scheme), SPAN_ARG(url.host), url.port, SPAN_ARG(url.path),
                 SPAN_ARG(url.query), request.target.authority.port);
    }
    http1_head_fini(&head);
    return answer;
}

static const struct proxy_request_origin v4 = {.host = SPAN_INIT("192.0.2.7"), .port = 9000};
static const struct proxy_request_origin v4_80 = {.host = SPAN_INIT("192.0.2.7"), .port = 80};
static const struct proxy_request_origin v6 = {.host = SPAN_INIT("2001:db8::7"), .port = 9000};

#define UPGRADE                                                                  \
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static void a_request_is_for_the_host_it_names_on_the_port_of_its_connection(void **state)
{
    static const struct {
        const char *text;
        const struct proxy_request_origin *origin;
        enum proxy_request_kind kind;
        const char *wanted;
    } rows[] = {
        {"GET /a?b HTTP/1.1\r\nHost: A.test:9000\r\n\r\n", &v4, PROXY_REQUEST_FORWARD,
         "http|A.test|9000|/a|b Host port 9000"},
        {"GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n", &v4, PROXY_REQUEST_FORWARD,
         "http|a.test|9000|/a| Host port 0"},
        /* another port is only a claim */
        {"GET /a HTTP/1.1\r\nHost: a.test:22\r\n\r\n", &v4, PROXY_REQUEST_FORWARD,
         "http|a.test|9000|/a| Host port 22"},
        {"GET /proxy.pac HTTP/1.1\r\nHost: a.test\r\n\r\n", &v4, PROXY_REQUEST_FORWARD,
         "http|a.test|9000|/proxy.pac| Host port 0"},
        {"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n", &v4, PROXY_REQUEST_FORWARD,
         "http|a.test|9000|| Host port 0"},
        {"GET http://b.test:81/a HTTP/1.1\r\nHost: a.test\r\n\r\n", &v4, PROXY_REQUEST_FORWARD,
         "http|b.test|9000|/a| Host port 81"},
        /* HTTP/1.0 names nobody */
        {"GET /a HTTP/1.0\r\n\r\n", &v4, PROXY_REQUEST_FORWARD,
         "http|192.0.2.7|9000|/a| Host port 9000"},
        {"GET /a HTTP/1.0\r\n\r\n", &v4_80, PROXY_REQUEST_FORWARD,
         "http|192.0.2.7|80|/a| Host port 0"},
        {"GET /a HTTP/1.0\r\n\r\n", &v6, PROXY_REQUEST_FORWARD,
         "http|2001:db8::7|9000|/a| Host port 9000"},
        {"GET /chat HTTP/1.1\r\nHost: a.test\r\n" UPGRADE, &v4, PROXY_REQUEST_UPGRADE,
         "ws|a.test|9000|/chat| Host port 0"},
        {"OPTIONS /a HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: 0\r\n\r\n", &v4,
         PROXY_REQUEST_ANSWER, "http|a.test|9000|/a| Host port 0"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct answer answer = ask(rows[i].text, rows[i].origin);

        if (answer.e != OK || answer.kind != rows[i].kind ||
            strcmp(answer.text, rows[i].wanted) != 0) {
            fail_msg("row %zu: %d, kind %d, %s %s", i, answer.e, answer.kind, answer.text,
                     answer.refusal.text);
        }
    }
}

static void what_cannot_be_forwarded_is_refused_as_elsewhere(void **state)
{
    static const struct {
        const char *text;
        uint16_t status;
    } rows[] = {
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a:0x50\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: 1.2.3\r\n\r\n", 400},
        {"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 501},
        {"GET wss://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n", 417},
        {"TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: x\r\n\r\n", 400},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct answer answer = ask(rows[i].text, &v4);

        assert_int_equal(answer.e, ERR_PROTO);
        if (answer.refusal.status != rows[i].status) {
            fail_msg("%s: %u, %s", rows[i].text, answer.refusal.status, answer.refusal.text);
        }
    }
}

static void connect_is_for_a_proxy_that_the_client_knows(void **state)
{
    struct answer answer = ask("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n", &v6);

    (void)state;
    assert_int_equal(answer.e, ERR_PROTO);
    assert_int_equal(answer.refusal.status, 400);
    assert_string_equal(
        answer.refusal.text,
        "this client asks a proxy that it knows for a tunnel, but its connection to "
        "[2001:db8::7]:9000 was diverted to this one (exempt that address from diverting, or set "
        "this proxy's Listen as the client's proxy)");
}

static void what_stands_for_other_bytes_is_a_tunnel(void **state)
{
    struct proxy_request_origin origin = v4;
    struct answer answer;

    (void)state;
    origin.is_tunnel = true;
    answer = ask("CONNECT a.test:9000 HTTP/1.1\r\n\r\n", &origin);
    assert_ok(answer.e);
    assert_int_equal(answer.kind, PROXY_REQUEST_TUNNEL);
    assert_string_equal(answer.text, "|a.test|9000|| Host port 9000");
    answer = ask("CONNECT 1.2.3:9000 HTTP/1.1\r\n\r\n", &origin); /* a number by another name */
    assert_int_equal(answer.e, ERR_PROTO);
    assert_int_equal(answer.refusal.status, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_for_the_host_it_names_on_the_port_of_its_connection),
        cmocka_unit_test(what_cannot_be_forwarded_is_refused_as_elsewhere),
        cmocka_unit_test(connect_is_for_a_proxy_that_the_client_knows),
        cmocka_unit_test(what_stands_for_other_bytes_is_a_tunnel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
