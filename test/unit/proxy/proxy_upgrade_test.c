/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_upgrade.h"

#include "forward_rig.h"

/* RFC 6455 section 1.3: that key, and the accept value that belongs to it */
#define KEY    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define FIELDS                                            \
    "Host: h:9000\r\nConnection: keep-alive, Upgrade\r\n" \
    "Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n" KEY

static const char ask_http[] = "GET http://h:9000/chat?x HTTP/1.1\r\n" FIELDS "\r\n";
static const char ask_ws[] =
    "GET ws://h:9000/chat?x HTTP/1.1\r\n" FIELDS
    "Origin: http://o\r\nCookie: a=b\r\nProxy-Authorization: Basic eDp5\r\n"
    "Sec-WebSocket-Protocol: v2.stomp,  v1.stomp\r\nSec-WebSocket-Protocol: mqtt\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    "Sec-WebSocket-Frobnicate: yes\r\nTE: trailers\r\n\r\n";
static const char sent_http[] =
    "GET /chat?x HTTP/1.1\r\nHost: h:9000\r\n"
    "Upgrade: websocket\r\nConnection: Upgrade\r\n" KEY "Sec-WebSocket-Version: 13\r\n\r\n";
static const char sent_ws[] =
    "GET /chat?x HTTP/1.1\r\nHost: h:9000\r\n"
    "Upgrade: websocket\r\nConnection: Upgrade\r\n" KEY "Sec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: v2.stomp, v1.stomp, mqtt\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    "Origin: http://o\r\nCookie: a=b\r\n\r\n";

#define SWITCH                             \
    "HTTP/1.1 101 Switching Protocols\r\n" \
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"

/* What proxy_upgrade_read() says of a request: 0 no, 1 yes, or the status of the refusal. */
static unsigned judge(struct rig *rig, const char *text)
{
    struct proxy_refusal refusal = {.status = 0};
    bool is_upgrade = false;
    enum err e;

    buf_truncate(&rig->early, 0);
    rig_request(rig, text);
    e = proxy_upgrade_read(&rig->head, &rig->target, &rig->job.body, &is_upgrade, &refusal);
    rig->job.is_upgrade = e == OK && is_upgrade;
    assert_true((e == OK) == (refusal.status == 0));
    return e == OK ? is_upgrade : refusal.status;
}

static const struct {
    const char *request;
    unsigned verdict;
} requests[] = {
    {ask_http, 1},
    {ask_ws, 1},
    {"GET WS://h/ HTTP/1.1\r\n" FIELDS "\r\n", 1},
    {"GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 0},
    {"GET http://h/ HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", 0},
    {"GET http://h/ HTTP/1.0\r\n" FIELDS "\r\n", 0},
    {"POST http://h/ HTTP/1.1\r\n" FIELDS "\r\n", 0},
    {"GET wss://h/ HTTP/1.1\r\n" FIELDS "\r\n", 400},
    {"GET wss://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET ws://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 426},
    {"GET http://h/ HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n" KEY
     "Sec-WebSocket-Version: 13\r\n\r\n",
     400}, /* no Connection: Upgrade */
    {"GET http://h/ HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: upgrade\r\n" KEY
     "Sec-WebSocket-Version: 8\r\n\r\n",
     426},
    {"GET http://h/ HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
     "Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n",
     400},
    {"GET http://h/ HTTP/1.1\r\n" FIELDS KEY "\r\n", 400}, /* two keys */
    {"GET http://h/ HTTP/1.1\r\n" FIELDS "Content-Length: 1\r\n\r\nx", 400},
    {"GET http://h/ HTTP/1.1\r\n" FIELDS "Transfer-Encoding: chunked\r\n\r\n", 400},
};

static void only_a_proper_handshake_is_forwarded_as_one(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        assert_int_equal(judge(rig, requests[i].request), requests[i].verdict);
    }
    rig_free(rig);
}

/* Both forms; the handshake is at the server. */
static struct rig *ask(const char *text)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    assert_int_equal(judge(rig, text), 1);
    rig_start(rig);
    rig_server_gets(rig, text == ask_ws ? sent_ws : sent_http);
    return rig;
}

static void a_valid_101_begins_a_tunnel(void **state)
{
    struct rig *rig = ask(ask_ws);
    struct http1_fields fields;

    (void)state;
    rig_client_sends(rig, "early frame"); /* before the answer */
    rig_server_sends(rig, SWITCH ACCEPT "Sec-WebSocket-Protocol: v1.stomp\r\n"
                                        "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                                        "Keep-Alive: x\r\nX-Y: z\r\n\r\nserver's frame");
    rig_expect_done(rig, PROXY_FORWARD_TUNNEL);
    rig_client_gets(rig, SWITCH ACCEPT "Sec-WebSocket-Protocol: v1.stomp\r\n"
                                       "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                                       "X-Y: z\r\n\r\n");
    rig_expect_silence(rig, rig->client); /* frames are the caller's to relay */
    assert_int_equal(rig->result.status, 101);
    assert_bytes(rig->result.server_early, SPAN("server's frame"));
    assert_bytes(buf_span(&rig->early), SPAN("early frame"));
    assert_false(rig->result.client_may_continue || rig->result.upstream_may_continue);
    fields = proxy_forward_answer_fields(rig->forward);
    assert_bytes(http1_fields_find(fields, SPAN("sec-websocket-protocol"))->value,
                 SPAN("v1.stomp"));
    rig_free(rig);
}

static void both_forms_become_the_same_handshake(void **state)
{
    struct rig *rig = ask(ask_http);

    (void)state;
    rig_server_sends(rig, SWITCH ACCEPT "\r\n");
    rig_client_gets(rig, SWITCH ACCEPT "\r\n");
    rig_expect_done(rig, PROXY_FORWARD_TUNNEL);
    assert_int_equal(rig->result.server_early.len, 0);
    rig_free(rig);
}

static const char *const lies[] = {
    SWITCH "\r\n",
    SWITCH "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
    SWITCH ACCEPT ACCEPT "\r\n",
    "HTTP/1.1 101 X\r\nUpgrade: websocket\r\n" ACCEPT "\r\n",
    "HTTP/1.1 101 X\r\nConnection: Upgrade\r\n" ACCEPT "\r\n",
    "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n" ACCEPT "\r\n",
    "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n" ACCEPT "\r\n",
    "HTTP/1.0 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" ACCEPT "\r\n",
    SWITCH ACCEPT "Sec-WebSocket-Protocol: other\r\n\r\n",
    SWITCH ACCEPT "Sec-WebSocket-Protocol: V1.STOMP\r\n\r\n",
    SWITCH ACCEPT "Sec-WebSocket-Protocol: v1.stomp, mqtt\r\n\r\n",
    SWITCH ACCEPT "Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n",
    SWITCH ACCEPT "Sec-WebSocket-Extensions: x-other\r\n\r\n",
    SWITCH ACCEPT "Sec-WebSocket-Extensions: permessage-deflate, x-other\r\n\r\n",
    SWITCH ACCEPT "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nA : b\r\n\r\n",
};

static void a_101_that_does_not_belong_to_the_handshake_is_a_502(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct rig *rig = ask(ask_ws);

        rig_server_sends(rig, lies[i]);
        rig_server_sends(rig, "smuggled");
        rig_expect_done(rig, PROXY_FORWARD_UPSTREAM_FAULT);
        assert_int_equal(rig->result.refusal, 502);
        assert_int_equal(rig->result.status, 0);
        assert_non_null(strstr(rig->result.why, "RFC"));
        assert_false(rig->result.upstream_may_continue);
        rig_expect_silence(rig, rig->client);
        rig_free(rig);
    }
}

static void another_answer_is_an_ordinary_answer(void **state)
{
    struct rig *rig = ask(ask_http);

    (void)state;
    rig_server_sends(rig, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\nok");
    rig_client_gets(rig, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\nok");
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    assert_int_equal(proxy_forward_answer_fields(rig->forward).count, 2);
    assert_true(rig->result.client_may_continue && rig->result.upstream_may_continue);
    rig_free(rig);

    rig = ask(ask_http);
    rig_server_sends(rig, "HTTP/1.1 426 Upgrade Required\r\nDate: d\r\nUpgrade: websocket\r\n"
                          "Connection: upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          "Content-Length: 0\r\n\r\n");
    rig_client_gets(rig, "HTTP/1.1 426 Upgrade Required\r\nDate: d\r\n"
                         "Sec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n");
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    rig_free(rig);
}

static void a_handshake_over_a_parent_stays_absolute_and_logs_in(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    (void)state;
    assert_int_equal(
        judge(rig, "GET ws://h:9000/chat HTTP/1.1\r\n" FIELDS "Via: 1.1 a\r\n\r\n"), 1);
    rig->job.to_parent = true;
    rig->job.login = SPAN("Basic eDp5");
    rig->job.via = (struct http1_forward_via){HTTP1_FORWARD_VIA_ADD, SPAN("p"), SPAN("")};
    rig_start(rig);
    rig_server_gets(rig, "GET http://h:9000/chat HTTP/1.1\r\nHost: h:9000\r\n"
                         "Upgrade: websocket\r\nConnection: Upgrade\r\n" KEY
                         "Sec-WebSocket-Version: 13\r\nVia: 1.1 a\r\n"
                         "Proxy-Authorization: Basic eDp5\r\nVia: 1.1 p\r\n\r\n");
    rig_server_sends(rig, SWITCH ACCEPT "Via: 1.1 a\r\n\r\n");
    rig_client_gets(rig, SWITCH ACCEPT "Via: 1.1 a\r\nVia: 1.1 p\r\n\r\n");
    rig_expect_done(rig, PROXY_FORWARD_TUNNEL);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_proper_handshake_is_forwarded_as_one),
        cmocka_unit_test(a_valid_101_begins_a_tunnel),
        cmocka_unit_test(both_forms_become_the_same_handshake),
        cmocka_unit_test(a_101_that_does_not_belong_to_the_handshake_is_a_502),
        cmocka_unit_test(another_answer_is_an_ordinary_answer),
        cmocka_unit_test(a_handshake_over_a_parent_stays_absolute_and_logs_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
