/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_request.h"

#include "lib/testing.h"

static const struct http1_limits limits = {1000, 1000, 20, 10000};

struct answer {
    enum err e;
    struct proxy_refusal refusal;
    char host[64];
    uint16_t port;
    enum proxy_request_kind kind;
};

static struct answer ask(const char *text, bool requests)
{
    struct proxy_conf conf = {.requests = requests};
    struct answer answer = {0};
    struct proxy_request request = {0};
    struct http1_head head;
    struct span input = span_str(text);

    http1_head_init(&head, HTTP1_REQUEST, &limits);
    assert_ok(http1_head_next(&head, &input));
    answer.e = proxy_request_read(&head, &conf, &request, &answer.refusal);
    if (answer.e == OK) {
        struct span host = request.target.authority.host;

        if (host.len > 0) {
            memcpy(answer.host, host.ptr, host.len);
        }
        answer.port = request.port;
        answer.kind = request.kind;
    }
    http1_head_fini(&head);
    return answer;
}

static void connect_names_host_and_port(void **state)
{
    struct answer answer = ask("CONNECT realm.test:9000 HTTP/1.1\r\nHost: other\r\n\r\n", true);

    (void)state;
    assert_ok(answer.e);
    assert_int_equal(answer.kind, PROXY_REQUEST_TUNNEL);
    assert_string_equal(answer.host, "realm.test");
    assert_int_equal(answer.port, 9000);
    answer = ask("CONNECT [::1]:9000 HTTP/1.0\r\n\r\n", true); /* without Host: forgiven */
    assert_ok(answer.e);
    assert_string_equal(answer.host, "::1");
}

static void each_form_that_clients_use_is_told_apart(void **state)
{
    static const struct {
        const char *text;
        enum proxy_request_kind kind;
        uint16_t port;
    } rows[] = {
        {"GET http://realm.test/ HTTP/1.1\r\nHost: realm.test\r\n\r\n", PROXY_REQUEST_FORWARD,
         80},
        {"GET http://realm.test:9000/x?y HTTP/1.0\r\n\r\n", PROXY_REQUEST_FORWARD, 9000},
        {"GET http://realm.test:9000/stomp HTTP/1.1\r\nHost: realm.test:9000\r\nUpgrade: "
         "websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
         PROXY_REQUEST_UPGRADE, 9000},
        {"GET ws://realm.test/stomp HTTP/1.1\r\nHost: realm.test\r\nUpgrade: "
         "websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
         PROXY_REQUEST_UPGRADE, 80},
        {"GET /proxy.pac HTTP/1.1\r\nHost: proxy\r\n\r\n", PROXY_REQUEST_PAC, 0},
        {"TRACE http://realm.test/ HTTP/1.1\r\nHost: realm.test\r\nMax-Forwards: 0\r\n\r\n",
         PROXY_REQUEST_ANSWER, 80},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct answer answer = ask(rows[i].text, true);

        if (answer.e != OK || answer.kind != rows[i].kind || answer.port != rows[i].port) {
            fail_msg("%s -> %d, kind %d, port %u: %s", rows[i].text, answer.e, answer.kind,
                     answer.port, answer.refusal.text);
        }
    }
}

static void everything_else_is_refused_with_its_status(void **state)
{
    static const struct {
        const char *text;
        uint16_t status;
    } rows[] = {
        {"CONNECT realm.test HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"CONNECT realm.test:0 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"CONNECT realm.test:74536 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"CONNECT realm.test:+9000 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"CONNECT realm.test:09000 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"CONNECT u@realm.test:9000 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"CONNECT http://realm.test:9000/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"CONNECT a:1 HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
        {"CONNECT a:1 HTTP/1.1\r\nContent-Length: 3\r\n\r\n", 400},
        {"CONNECT a:1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"CONNECT a:1 HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", 400},
        {"GET ws://realm.test/ HTTP/1.1\r\nHost: realm.test\r\n\r\n", 426},
        {"GET https://realm.test/ HTTP/1.1\r\nHost: realm.test\r\n\r\n", 501},
        {"GET ftp://realm.test/ HTTP/1.1\r\nHost: realm.test\r\n\r\n", 501},
        {"GET http://realm.test/ HTTP/1.1\r\n\r\n", 400},
        {"GET http://realm.test/ HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n", 417},
        {"GET / HTTP/1.1\r\nHost: proxy\r\n\r\n", 405},
        {"OPTIONS * HTTP/1.1\r\nHost: proxy\r\n\r\n", 405},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct answer answer = ask(rows[i].text, true);

        assert_int_equal(answer.e, ERR_PROTO);
        if (answer.refusal.status != rows[i].status) {
            fail_msg("%s -> %u", rows[i].text, answer.refusal.status);
        }
        assert_true(strlen(answer.refusal.text) > 20);
    }
}

static void a_proxy_that_is_switched_off_says_so(void **state)
{
    struct answer answer = ask("CONNECT realm.test:9000 HTTP/1.1\r\nHost: x\r\n\r\n", false);

    (void)state;
    assert_int_equal(answer.e, ERR_PROTO);
    assert_int_equal(answer.refusal.status, 405);
    assert_non_null(strstr(answer.refusal.text, "ProxyRequests Off"));
}

static void a_port_that_is_not_listed_is_refused_with_the_line_to_add(void **state)
{
    struct proxy_conf conf = {0};
    struct proxy_refusal refusal;

    (void)state;
    conf_ports_add(&conf.connect_ports, (struct conf_ports_range){9000, 9000});
    assert_true(proxy_request_port_is_allowed(&conf, 9000, &refusal));
    assert_false(proxy_request_port_is_allowed(&conf, 9001, &refusal));
    assert_int_equal(refusal.status, 403);
    assert_string_equal(refusal.text,
                        "CONNECT to port 9001 is not allowed here, only to 9000 (use an "
                        "allowed port, or ask the administrator for AllowCONNECT 9001)");
}

static void a_refusal_is_written_for_machines_and_for_people(void **state)
{
    struct proxy_refusal refusal;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    proxy_refusal_set(&refusal, 502, HTTP1_PROXY_STATUS_CONNECTION_REFUSED,
                      "no connection to %s", "\"x\"");
    assert_ok(proxy_refusal_write(&refusal,
                                  &(struct proxy_refusal_frame){
                                      .via = SPAN("1.1 p"),
                                      .date = SPAN("Sun, 22 Nov 2026 15:43:11 GMT"),
                                      .closes = true,
                                  },
                                  &out));
    assert_ok(buf_append_byte(&out, 0));
    assert_non_null(strstr((char *)out.ptr, "HTTP/1.1 502 Bad Gateway\r\n"));
    assert_non_null(strstr((char *)out.ptr,
                           "Proxy-Status: wayleave; error=connection_refused; details=\"no "
                           "connection to \\\"x\\\"\"\r\n"));
    assert_non_null(strstr((char *)out.ptr, "Via: 1.1 p\r\n"));
    assert_non_null(strstr((char *)out.ptr, "Connection: close\r\n"));
    assert_non_null(strstr((char *)out.ptr, "\r\n\r\nwayleave: no connection to \"x\".\n"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connect_names_host_and_port),
        cmocka_unit_test(each_form_that_clients_use_is_told_apart),
        cmocka_unit_test(everything_else_is_refused_with_its_status),
        cmocka_unit_test(a_proxy_that_is_switched_off_says_so),
        cmocka_unit_test(a_port_that_is_not_listed_is_refused_with_the_line_to_add),
        cmocka_unit_test(a_refusal_is_written_for_machines_and_for_people),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
