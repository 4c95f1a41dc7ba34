/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Connections of a realm on a real loop, over socket pairs: how bytes, turns and ends work
 * together. What is said is tested beside the sans-IO parts.
 */
#include "realm/realm_conn.h"

#include "lib/oom.h"
#include "realm/realm_conn_life.h"
#include "unit/realm/conn_world.h"
#include "ws/ws_conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct router_rule rules[] = {
    {.pattern = SPAN_INIT("/demo/*"), .channel = {.capacity = 100000, .store_bytes = 1 << 28}},
    {.pattern = SPAN_INIT("/short/*"), .channel = {.capacity = 3, .store_bytes = 1 << 24}},
};

static char logged[1 << 16];

static void on_log(void *ctx, enum log_level level, const char *line)
{
    size_t len = strlen(logged);

    (void)ctx;
    (void)level;
    snprintf(logged + len, sizeof logged - len, "%s\n", line);
}

static enum err world_begin(struct conn_world *world)
{
    const struct log log = {.sink = on_log, .level = LOG_DEBUG};
    struct realm_conf conf = conn_world_conf(rules, 2);

    logged[0] = '\0';
    conf.has_diagnostics = true;
    conf.diagnostic_rate = 1000;
    conf.diagnostics_max = 1000;
    conf.echo_bytes = 1 << 20;
    return conn_world_begin(world, &conf, &log);
}

struct peer {
    int fd; /* the client's end */
    struct ws_conn ws;
    struct buf heard; /* payloads, a line end behind each message */
    size_t messages;
    uint16_t close_code;
    bool has_ended;
};

/* A client whose 101 has come. */
static enum err peer_connect(struct conn_world *world, struct peer *peer, int *ret_server_fd)
{
    const struct ws_limits limits = {.max_message_bytes = 1 << 24, .max_output_bytes = 1 << 24};

    *peer = (struct peer){.fd = -1};
    ws_conn_init(&peer->ws, WS_CLIENT, &limits, &world->worker.rng, 0);
    buf_init(&peer->heard, 1 << 24);
    return conn_world_connect(world, &peer->fd, ret_server_fd);
}

static void peer_end(struct peer *peer)
{
    sock_close(&peer->fd);
    ws_conn_fini(&peer->ws);
    buf_fini(&peer->heard);
}

static void turn(struct conn_world *world)
{
    assert_ok(loop_turn(world->loop, 1));
}

/* Sends all of it, the realm turning meanwhile. */
static void send_raw(struct conn_world *world, struct peer *peer, struct span bytes)
{
    while (bytes.len > 0) {
        size_t len;
        enum err e = sock_send(peer->fd, bytes, &len);

        if (e == ERR_AGAIN) {
            turn(world);
            continue;
        }
        assert_ok(e);
        bytes = span_tail(bytes, len);
    }
}

static void say(struct conn_world *world, struct peer *peer, const char *frame)
{
    assert_ok(
        ws_conn_put_message(&peer->ws, WS_OPCODE_TEXT, span_of(frame, strlen(frame) + 1)));
    send_raw(world, peer, ws_conn_output(&peer->ws));
    ws_conn_output_consume(&peer->ws, ws_conn_output(&peer->ws).len);
}

static void note(struct peer *peer, struct mspan bytes)
{
    struct ws_conn_piece piece;

    while (ws_conn_next(&peer->ws, &bytes, &piece) == OK) {
        if (piece.type == WS_CONN_DATA) {
            assert_ok(buf_append(&peer->heard, piece.data));
        } else if (piece.type == WS_CONN_END) {
            peer->messages++;
        } else if (piece.type == WS_CONN_CLOSED) {
            peer->close_code = piece.close_code;
        }
    }
}

/* What is there to read now. */
static void listen_once(struct peer *peer)
{
    uint8_t room[65536];
    size_t len;

    while (!peer->has_ended && sock_recv(peer->fd, mspan_of(room, sizeof room), &len) == OK) {
        peer->has_ended = len == 0;
        note(peer, mspan_of(room, len));
    }
}

static void listen_until(struct conn_world *world, struct peer *peer, size_t messages)
{
    for (int i = 0; i < 20000 && peer->messages < messages; i++) {
        turn(world);
        listen_once(peer);
    }
    assert_true(peer->messages >= messages);
}

static void read_until(struct conn_world *world, struct peer *peer, const char *end)
{
    char text[4096];
    size_t used = 0;

    text[0] = '\0';
    for (int i = 0; i < 5000 && strstr(text, end) == NULL; i++) {
        uint8_t byte;
        size_t len;

        turn(world);
        while (strstr(text, end) == NULL && used + 1 < sizeof text &&
               sock_recv(peer->fd, mspan_of(&byte, 1), &len) == OK && len == 1) {
            text[used++] = (char)byte;
            text[used] = '\0';
        }
    }
    assert_non_null(strstr(text, end));
}

static void open_path(struct conn_world *world, struct peer *peer, const char *path)
{
    char request[400];
    int server_fd;

    assert_ok(peer_connect(world, peer, &server_fd));
    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
             "Sec-WebSocket-Protocol: v12.stomp\r\n\r\n",
             path);
    send_raw(world, peer, span_str(request));
    read_until(world, peer, "\r\n\r\n");
}

static void open_session(struct conn_world *world, struct peer *peer)
{
    open_path(world, peer, "/stomp");
    say(world, peer, "CONNECT\naccept-version:1.2\n\n");
    listen_until(world, peer, 1);
    peer->messages = 0;
    buf_fini(&peer->heard);
}

static void a_request_is_answered_and_the_connection_closed(void **state)
{
    struct conn_world world;
    struct peer peer;
    int server_fd;

    (void)state;
    assert_ok(world_begin(&world));
    assert_ok(peer_connect(&world, &peer, &server_fd));
    send_raw(&world, &peer,
             SPAN("GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    read_until(&world, &peer, "\r\n\r\nok\n");
    for (int i = 0; i < 100 && !peer.has_ended; i++) {
        turn(&world);
        listen_once(&peer);
    }
    assert_true(peer.has_ended);
    sock_close(&peer.fd);
    for (int i = 0; i < 100 && world.worker.conn_count > 0; i++) {
        turn(&world);
    }
    assert_int_equal(world.worker.conn_count, 0);
    assert_non_null(strstr(logged, "GET /health: 200"));
    peer_end(&peer);
    conn_world_end(&world);
}

static void every_subscriber_gets_what_one_publishes(void **state)
{
    enum {
        COUNT = 500
    };
    struct conn_world world;
    struct peer peers[5];

    (void)state;
    assert_ok(world_begin(&world));
    for (size_t i = 0; i < 5; i++) {
        open_session(&world, &peers[i]);
        say(&world, &peers[i], "SUBSCRIBE\nid:s\ndestination:/demo/x\nreceipt:r\n\n");
        listen_until(&world, &peers[i], 1);
    }
    for (int i = 0; i < COUNT; i++) {
        say(&world, &peers[0], "SEND\ndestination:/demo/x\n\nhello");
    }
    for (size_t i = 0; i < 5; i++) {
        listen_until(&world, &peers[i], COUNT + 1);
        assert_int_equal(peers[i].messages, COUNT + 1);
    }
    for (size_t i = 0; i < 5; i++) {
        peer_end(&peers[i]);
    }
    for (int i = 0; i < 100 && world.worker.conn_count > 0; i++) {
        turn(&world);
    }
    assert_non_null(strstr(logged, "500 messages in, 500 out"));
    assert_non_null(strstr(logged, "closed by nobody with 1006"));
    conn_world_end(&world);
}

/* 40 MiB of events go past somebody who does not read; the others are not held up, and what is
 * kept for the slow one is bounded. */
static void a_slow_reader_holds_nobody_up_and_still_gets_everything(void **state)
{
    enum {
        COUNT = 2500
    };
    static char body[16400];
    struct conn_world world;
    struct peer slow, quick, writer;

    (void)state;
    snprintf(body, sizeof body, "SEND\ndestination:/demo/x\n\n%016000d", 1);
    assert_ok(world_begin(&world));
    open_session(&world, &slow);
    open_session(&world, &quick);
    open_session(&world, &writer);
    say(&world, &slow, "SUBSCRIBE\nid:s\ndestination:/demo/x\nreceipt:r\n\n");
    listen_until(&world, &slow, 1);
    say(&world, &quick, "SUBSCRIBE\nid:s\ndestination:/demo/x\nreceipt:r\n\n");
    listen_until(&world, &quick, 1);
    for (int i = 0; i < COUNT; i++) {
        say(&world, &writer, body);
        turn(&world);
        listen_once(&quick);
        buf_fini(&quick.heard);
    }
    listen_until(&world, &quick, COUNT + 1);
    for (int i = 0; i < 20000 && slow.messages < COUNT + 1; i++) {
        turn(&world);
        listen_once(&slow);
        buf_fini(&slow.heard);
    }
    assert_int_equal(slow.messages, COUNT + 1);
    peer_end(&slow);
    peer_end(&quick);
    peer_end(&writer);
    conn_world_end(&world);
}

static void a_reader_whose_events_are_gone_is_dropped_with_a_line(void **state)
{
    static char body[16400];
    struct conn_world world;
    struct peer slow, writer;

    (void)state;
    snprintf(body, sizeof body, "SEND\ndestination:/short/x\n\n%016000d", 1);
    assert_ok(world_begin(&world));
    open_session(&world, &slow);
    open_session(&world, &writer);
    say(&world, &slow, "SUBSCRIBE\nid:s\ndestination:/short/x\nreceipt:r\n\n");
    listen_until(&world, &slow, 1);
    for (int i = 0; i < 2000; i++) {
        say(&world, &writer, body);
        turn(&world);
    }
    for (int i = 0; i < 20000 && !slow.has_ended && strstr(logged, "so slow") == NULL; i++) {
        turn(&world);
        listen_once(&slow);
    }
    assert_non_null(strstr(logged, "closed by the realm with 1006: the client is so slow"));
    assert_int_equal(world.worker.conn_count, 1);
    peer_end(&slow);
    peer_end(&writer);
    conn_world_end(&world);
}

static void a_client_that_only_sends_is_not_read_without_end(void **state)
{
    struct conn_world world;
    struct peer flood;
    size_t sent = 0, at = 0;
    int blocked = 0;

    (void)state;
    assert_ok(world_begin(&world));
    open_session(&world, &flood);
    assert_ok(ws_conn_put_message(&flood.ws, WS_OPCODE_TEXT,
                                  SPAN("SEND\ndestination:/demo/x\nreceipt:r\n\nx\0")));
    while (blocked < 50 && sent < (64u << 20)) {
        size_t len;

        if (sock_send(flood.fd, span_tail(ws_conn_output(&flood.ws), at), &len) == OK) {
            at = (at + len) % ws_conn_output(&flood.ws).len; /* the same frame for ever */
            sent += len;
            blocked = 0;
        } else {
            turn(&world);
            blocked++;
        }
    }
    assert_int_equal(blocked, 50); /* the realm has stopped reading: back-pressure */
    assert_int_equal(world.worker.conn_count, 1);
    for (size_t before = 1; before != flood.messages;) { /* and goes on when it is read */
        before = flood.messages;
        for (int i = 0; i < 20; i++) {
            turn(&world);
            listen_once(&flood);
            buf_fini(&flood.heard);
        }
    }
    ws_conn_output_consume(&flood.ws, ws_conn_output(&flood.ws).len);
    assert_true(flood.messages > 1000);
    assert_int_equal(world.worker.conn_count, 1);
    peer_end(&flood);
    conn_world_end(&world);
}

/* Others have filled what the store may have pending: who waits for that costs no turn. */
static void a_session_that_is_held_for_the_store_sleeps_until_there_is_room(void **state)
{
    struct conn_world_store store;
    struct realm_conn *conn;
    struct conn_world world;
    struct peer peer;

    (void)state;
    assert_ok(world_begin(&world));
    conn_world_store_begin(&world, &store);
    open_session(&world, &peer);
    conn = LIST_ENTRY(world.worker.conns.next, struct realm_conn, node);
    conn_world_store_fill(&store);
    say(&world, &peer, "UNSUBSCRIBE\nid:none\nreceipt:r\n\n");
    for (int i = 0; i < 20 && list_is_empty(&conn->session->held); i++) {
        turn(&world);
    }
    assert_false(list_is_empty(&conn->session->held));
    assert_true(list_is_empty(&conn->later.node)); /* nobody has asked for another turn */
    store_mem_run(store.store, 1);
    assert_true(list_is_empty(&conn->session->held));
    listen_until(&world, &peer, peer.messages + 1);
    conn_world_store_end(&world, &store);
    peer_end(&peer);
    conn_world_end(&world);
}

static void an_echo_passes_through(void **state)
{
    struct conn_world world;
    struct peer peer;
    uint8_t *big = malloc(1 << 20);

    (void)state;
    assert_non_null(big);
    memset(big, 'e', 1 << 20);
    assert_ok(world_begin(&world));
    open_path(&world, &peer, "/echo");
    assert_ok(ws_conn_put_message(&peer.ws, WS_OPCODE_TEXT, span_of(big, 1 << 20)));
    send_raw(&world, &peer, ws_conn_output(&peer.ws));
    ws_conn_output_consume(&peer.ws, ws_conn_output(&peer.ws).len);
    listen_until(&world, &peer, 1);
    assert_int_equal(peer.heard.len, 1 << 20);
    assert_ok(ws_conn_close(&peer.ws, WS_CLOSE_NORMAL, SPAN(""), 0));
    send_raw(&world, &peer, ws_conn_output(&peer.ws));
    for (int i = 0; i < 100 && !peer.has_ended; i++) {
        turn(&world);
        listen_once(&peer);
    }
    assert_int_equal(peer.close_code, WS_CLOSE_NORMAL);
    assert_true(peer.has_ended);
    peer_end(&peer);
    conn_world_end(&world);
    free(big);
}

static void more_clients_than_configured_are_told_so(void **state)
{
    struct conn_world world;
    struct peer peers[9];
    int server_fd;

    (void)state;
    assert_ok(world_begin(&world));
    for (size_t i = 0; i < 9; i++) {
        assert_ok(peer_connect(&world, &peers[i], &server_fd));
    }
    send_raw(&world, &peers[8], SPAN("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"));
    read_until(&world, &peers[8], "SessionsMax");
    for (size_t i = 0; i < 9; i++) {
        peer_end(&peers[i]);
    }
    conn_world_end(&world);
}

static void a_realm_that_stops_says_goodbye(void **state)
{
    struct conn_world world;
    struct peer peer;

    (void)state;
    assert_ok(world_begin(&world));
    open_session(&world, &peer);
    conn_world_end(&world);
    listen_once(&peer);
    assert_int_equal(peer.close_code, WS_CLOSE_GOING_AWAY);
    assert_non_null(strstr(logged, "closed by the realm with 1001: the realm stops"));
    peer_end(&peer);
}

static void a_client_too_slow_with_its_request_is_dropped(void **state)
{
    struct conn_world world;
    struct peer peer;
    int server_fd;

    (void)state;
    assert_ok(world_begin(&world));
    world.conf.handshake_timeout = 1;
    assert_ok(peer_connect(&world, &peer, &server_fd));
    for (int i = 0; i < 1000 && world.worker.conn_count > 0; i++) {
        assert_ok(loop_turn(world.loop, 10));
    }
    assert_int_equal(world.worker.conn_count, 0);
    assert_non_null(strstr(logged, "too slow"));
    peer_end(&peer);
    conn_world_end(&world);
}

static void one_connection(void)
{
    struct conn_world world;
    struct peer peer = {.fd = -1};
    int server_fd;

    if (world_begin(&world) == OK) {
        if (peer_connect(&world, &peer, &server_fd) == OK) {
            size_t len;

            assert_ok(
                sock_send(peer.fd, SPAN("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"), &len));
            for (int i = 0; i < 5; i++) {
                if (loop_turn(world.loop, 0) != OK) {
                    break;
                }
            }
        }
        peer_end(&peer);
    }
    conn_world_end(&world);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(one_connection);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_answered_and_the_connection_closed),
        cmocka_unit_test(every_subscriber_gets_what_one_publishes),
        cmocka_unit_test(a_slow_reader_holds_nobody_up_and_still_gets_everything),
        cmocka_unit_test(a_reader_whose_events_are_gone_is_dropped_with_a_line),
        cmocka_unit_test(a_client_that_only_sends_is_not_read_without_end),
        cmocka_unit_test(a_session_that_is_held_for_the_store_sleeps_until_there_is_room),
        cmocka_unit_test(an_echo_passes_through),
        cmocka_unit_test(more_clients_than_configured_are_told_so),
        cmocka_unit_test(a_realm_that_stops_says_goodbye),
        cmocka_unit_test(a_client_too_slow_with_its_request_is_dropped),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
