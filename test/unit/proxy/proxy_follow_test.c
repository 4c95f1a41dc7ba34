/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A tunnel over loopback sockets with the judge in it; nobody waits for time to pass.
 */
#include "proxy/proxy_follow.h"

#include "lib/oom.h"
#include "unit/net/relay_rig.h"

#define REQUEST                                                                      \
    "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
#define ANSWER                                                        \
    "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"          \
    "Sec-WebSocket-Protocol: mqtt\r\n\r\n"
#define HELLO "\x16\x03\x01\x02\x00\x01"

static struct proxy_follow follow;
static unsigned changes;

static void on_change(void *ctx)
{
    (void)ctx;
    changes++;
}

static const struct proxy_follow_conf any = {.handshake = 10000,
                                             .websocket_idle = 50000,
                                             .idle = 20000,
                                             .lifetime = 90000};
static const struct proxy_follow_conf only_websocket = {.allowed = PROXY_SNIFF_ALLOW_WEBSOCKET,
                                                        .handshake = 10000,
                                                        .idle = 20000};
static const struct proxy_follow_conf websocket_and_tls = {
    .allowed = PROXY_SNIFF_ALLOW_WEBSOCKET | PROXY_SNIFF_ALLOW_TLS};

static struct rig *tunnel(const struct proxy_follow_conf *conf)
{
    struct rig *rig = set_up(loopback_tcp_pair, 2);

    changes = 0;
    proxy_follow_init(&follow, conf, loop_now(rig->loop));
    proxy_follow_attach(&follow, &rig->relay);
    proxy_follow_on_change(&follow, on_change, NULL);
    relay_start(&rig->relay);
    return rig;
}

static void close_tunnel(struct rig *rig)
{
    tear_down(rig);
    proxy_follow_fini(&follow);
}

static void up(struct rig *rig, struct span bytes)
{
    loopback_send(rig->loop, rig->client, bytes);
    loopback_expect(rig->loop, rig->server, bytes);
}

static void down(struct rig *rig, struct span bytes)
{
    loopback_send(rig->loop, rig->server, bytes);
    loopback_expect(rig->loop, rig->client, bytes);
}

static const char *why(void)
{
    static char room[PROXY_FOLLOW_WHY_BYTES];

    return proxy_follow_why(&follow, room);
}

static void expect_refused(struct rig *rig, const char *text)
{
    expect_end(rig, RELAY_JUDGED);
    assert_string_equal(why(), text);
}

static void a_websocket_is_followed_to_its_close(void **state)
{
    struct rig *rig = tunnel(&any);
    struct proxy_accesslog_entry entry = {0};

    (void)state;
    up(rig, SPAN(REQUEST));
    assert_int_equal(proxy_follow_class(&follow), PROXY_SNIFF_WEBSOCKET);
    assert_int_equal(changes, 1);
    down(rig, SPAN(ANSWER "\x81\x02hi"));
    up(rig, SPAN("\x81\x83\x01\x01\x01\x01"
                 "abc\x88\x82\x01\x01\x01\x01\x02\xe9"));
    proxy_follow_tell(&follow, &entry);
    assert_true(span_equals(entry.tunnel, "websocket"));
    assert_true(entry.ws.is_known);
    assert_true(span_equals(entry.ws.path, "/chat"));
    assert_true(span_equals(entry.ws.protocol, "mqtt"));
    assert_int_equal(entry.ws.messages_up, 1);
    assert_int_equal(entry.ws.messages_down, 1);
    assert_int_equal(entry.ws.bytes_up, 3);
    assert_int_equal(entry.ws.bytes_down, 2);
    assert_true(entry.ws.has_closer);
    assert_int_equal(entry.ws.close_code, 1000);
    assert_int_equal(entry.ws.closer, PROXY_ACCESSLOG_CLIENT);
    assert_string_equal(entry.ws.lost, "");
    assert_non_null(rig->relay.judge);
    close_tunnel(rig);
}

static void the_judge_leaves_a_tls_tunnel_after_the_first_bytes(void **state)
{
    struct rig *rig = tunnel(&websocket_and_tls);

    (void)state;
    up(rig, SPAN(HELLO));
    assert_non_null(rig->relay.judge);
    down(rig, SPAN("\x16\x03\x03"));
    assert_null(rig->relay.judge);
    assert_null(follow.ws);
    up(rig, SPAN("anything"));
    assert_int_equal(proxy_follow_class(&follow), PROXY_SNIFF_TLS);
    close_tunnel(rig);
}

static void with_any_nothing_is_held_and_other_bytes_are_left_alone(void **state)
{
    struct rig *rig = tunnel(&any);

    (void)state;
    up(rig, SPAN("S"));
    up(rig, SPAN("SH-2"));
    assert_null(rig->relay.judge);
    assert_int_equal(proxy_follow_class(&follow), PROXY_SNIFF_OTHER);
    down(rig, SPAN("SSH-2.0"));
    close_tunnel(rig);
}

static void ssh_ends_where_only_websocket_and_tls_may_pass(void **state)
{
    struct rig *rig = tunnel(&websocket_and_tls);

    (void)state;
    loopback_send(rig->loop, rig->client, SPAN("SSH-2.0-OpenSSH_9.2\r\n"));
    expect_refused(rig, "carried ssh-like bytes, TunnelAllow has websocket tls");
    assert_int_equal(relay_moved(&rig->relay, RELAY_CLIENT), 0);
    close_tunnel(rig);

    rig = tunnel(&websocket_and_tls);
    loopback_send(rig->loop, rig->server, SPAN("SSH-2.0-OpenSSH_9.2\r\n"));
    expect_refused(rig, "carried ssh-like bytes, TunnelAllow has websocket tls");
    assert_int_equal(relay_moved(&rig->relay, RELAY_SERVER), 0);
    close_tunnel(rig);
}

static void a_request_is_held_until_it_asks_for_websocket(void **state)
{
    struct rig *rig = tunnel(&only_websocket);
    const struct span request = SPAN(REQUEST);

    (void)state;
    for (size_t i = 0; i + 1 < request.len; i++) {
        loopback_send(rig->loop, rig->client, span_of(request.ptr + i, 1));
        assert_ok(loop_turn(rig->loop, 0));
    }
    loopback_settle(rig->loop);
    assert_int_equal(relay_moved(&rig->relay, RELAY_CLIENT), 0);
    loopback_send(rig->loop, rig->client, SPAN("\n"));
    loopback_expect(rig->loop, rig->server, request);
    down(rig, SPAN(ANSWER));
    assert_int_equal(follow.ws->state, WS_FOLLOW_FRAMES);
    assert_int_equal(rig->pool.out_count, 0);
    close_tunnel(rig);
}

static void plain_http_ends_where_only_websocket_may_pass(void **state)
{
    struct rig *rig = tunnel(&only_websocket);

    (void)state;
    loopback_send(rig->loop, rig->client, SPAN("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    expect_refused(rig, "carried plain HTTP, TunnelAllow has websocket");
    close_tunnel(rig);
}

static void a_refused_handshake_is_read_and_then_the_tunnel_ends(void **state)
{
    struct rig *rig = tunnel(&only_websocket);
    struct proxy_accesslog_entry entry = {0};

    (void)state;
    up(rig, SPAN(REQUEST));
    down(rig, SPAN("HTTP/1.1 401 Who?\r\n\r\n"));
    down(rig, SPAN("more"));
    proxy_follow_tell(&follow, &entry);
    assert_true(span_equals(entry.tunnel, "http"));
    assert_true(span_equals(entry.ws.path, "/chat"));
    assert_string_equal(entry.ws.lost, "the server refused the handshake");
    loopback_send(rig->loop, rig->client, SPAN("GET / HTTP/1.1\r\n"));
    expect_refused(rig, "carried plain HTTP, TunnelAllow has websocket");
    close_tunnel(rig);
}

static void broken_frames_are_not_followed_and_go_on(void **state)
{
    struct rig *rig = tunnel(&only_websocket);
    struct proxy_accesslog_entry entry = {0};

    (void)state;
    up(rig, SPAN(REQUEST));
    down(rig, SPAN(ANSWER));
    down(rig, SPAN("\xff\xff\xff\xff"));
    up(rig, SPAN("what is this"));
    assert_null(rig->relay.judge);
    proxy_follow_tell(&follow, &entry);
    assert_true(span_equals(entry.tunnel, "websocket"));
    assert_true(strlen(entry.ws.lost) > 0);
    close_tunnel(rig);
}

static void half_of_something_is_not_let_out_at_the_end(void **state)
{
    struct rig *rig = tunnel(&websocket_and_tls);

    (void)state;
    loopback_send(rig->loop, rig->client, SPAN("\x16\x03"));
    assert_ok(stream_shutdown(rig->client));
    expect_refused(rig, "carried bytes of an unknown protocol, TunnelAllow has websocket tls");
    close_tunnel(rig);
}

static void a_handshake_the_proxy_made_needs_no_sniffing(void **state)
{
    const struct http1_field protocol = {SPAN_INIT("Sec-WebSocket-Protocol"), SPAN_INIT("x")};
    struct rig *rig = set_up(loopback_tcp_pair, 2);
    struct proxy_accesslog_entry entry = {0};

    (void)state;
    proxy_follow_init_websocket(&follow, &only_websocket, loop_now(rig->loop), SPAN("/p"),
                                (struct http1_fields){&protocol, 1});
    proxy_follow_attach(&follow, &rig->relay);
    relay_start(&rig->relay);
    down(rig, SPAN("\x81\x01!"));
    proxy_follow_tell(&follow, &entry);
    assert_int_equal(entry.ws.messages_down, 1);
    assert_true(span_equals(entry.ws.protocol, "x"));
    close_tunnel(rig);
}

static void each_class_has_its_own_idle_time(void **state)
{
    struct rig *rig = tunnel(&any);
    msec began = follow.began;

    (void)state;
    assert_int_equal(proxy_follow_deadline(&follow), rig->relay.moved_at + 20000);
    up(rig, SPAN(REQUEST));
    /* the handshake's time runs */
    assert_int_equal(proxy_follow_deadline(&follow), follow.opening_since + 10000);
    down(rig, SPAN(ANSWER));
    assert_int_equal(proxy_follow_deadline(&follow), rig->relay.moved_at + 50000);
    assert_ok(proxy_follow_expire(&follow, rig->relay.moved_at + 49999));
    assert_int_equal(proxy_follow_expire(&follow, rig->relay.moved_at + 50000), ERR_TIMEOUT);
    assert_string_equal(why(), "idle, see WebSocketIdleTimeout");
    assert_int_equal(proxy_follow_expire(&follow, began + 90000), ERR_TIMEOUT);
    assert_string_equal(why(), "at the end of its time, see TunnelLifetime");
    close_tunnel(rig);

    rig = tunnel(&any);
    assert_int_equal(proxy_follow_expire(&follow, rig->relay.moved_at + 20000), ERR_TIMEOUT);
    assert_string_equal(why(), "idle, see TunnelIdleTimeout");
    close_tunnel(rig);
}

static void without_a_limit_nothing_expires(void **state)
{
    struct rig *rig = tunnel(&websocket_and_tls);

    (void)state;
    assert_true(proxy_follow_deadline(&follow) == MSEC_NEVER);
    assert_ok(proxy_follow_expire(&follow, follow.began + 1000000000));
    close_tunnel(rig);
}

static void silence_and_an_unanswered_handshake_have_an_end(void **state)
{
    struct rig *rig = tunnel(&only_websocket);

    (void)state;
    assert_int_equal(proxy_follow_deadline(&follow), follow.began + 10000);
    assert_int_equal(proxy_follow_expire(&follow, follow.began + 10000), ERR_TIMEOUT);
    assert_string_equal(why(),
                        "carried too little to be told, TunnelAllow has websocket within "
                        "10000 ms, see TunnelHandshakeTimeout");
    close_tunnel(rig);

    rig = tunnel(&any);
    up(rig, SPAN(REQUEST));
    assert_int_equal(proxy_follow_expire(&follow, follow.opening_since + 10000), ERR_TIMEOUT);
    assert_string_equal(why(), "no answer to the WebSocket handshake within 10000 ms, see "
                               "TunnelHandshakeTimeout");
    close_tunnel(rig);
}

static struct rig *oom_rig;

static void pass_a_handshake(void)
{
    proxy_follow_init(&follow, &any, 0);
    init_relay(oom_rig);
    proxy_follow_attach(&follow, &oom_rig->relay);
    relay_start(&oom_rig->relay);
    up(oom_rig, SPAN(REQUEST));
    down(oom_rig, SPAN(ANSWER));
    relay_fini(&oom_rig->relay);
    proxy_follow_fini(&follow);
}

static void without_memory_to_follow_the_bytes_pass_all_the_same(void **state)
{
    (void)state;
    oom_rig = set_up(loopback_tcp_pair, 2);
    every_oom(pass_a_handshake);
    tear_down(oom_rig);
}

static void an_idle_tunnel_that_is_not_followed_costs_little(void **state)
{
    (void)state;
    assert_true(sizeof(struct proxy_follow) <= 96);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_websocket_is_followed_to_its_close),
        cmocka_unit_test(the_judge_leaves_a_tls_tunnel_after_the_first_bytes),
        cmocka_unit_test(with_any_nothing_is_held_and_other_bytes_are_left_alone),
        cmocka_unit_test(ssh_ends_where_only_websocket_and_tls_may_pass),
        cmocka_unit_test(a_request_is_held_until_it_asks_for_websocket),
        cmocka_unit_test(plain_http_ends_where_only_websocket_may_pass),
        cmocka_unit_test(a_refused_handshake_is_read_and_then_the_tunnel_ends),
        cmocka_unit_test(broken_frames_are_not_followed_and_go_on),
        cmocka_unit_test(half_of_something_is_not_let_out_at_the_end),
        cmocka_unit_test(a_handshake_the_proxy_made_needs_no_sniffing),
        cmocka_unit_test(each_class_has_its_own_idle_time),
        cmocka_unit_test(without_a_limit_nothing_expires),
        cmocka_unit_test(silence_and_an_unanswered_handshake_have_an_end),
        cmocka_unit_test(without_memory_to_follow_the_bytes_pass_all_the_same),
        cmocka_unit_test(an_idle_tunnel_that_is_not_followed_costs_little),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
