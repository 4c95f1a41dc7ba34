/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One turn that sends to many: subscribers on a real loop, over socket pairs, written to by the
 * worker and two helpers.
 */
#include "realm/realm_conn_batch.h"

#include "realm/realm_conn_life.h"
#include "unit/realm/conn_world.h"

#include <stdio.h>

enum {
    PEERS = 40,
    BODY_BYTES = 4000,
    TURNS_MAX = 20000,
    BATCHES_WORTH = 300, /* connections: more than any one batch has */
};

static struct router_rule rules[] = {
    {.pattern = SPAN_INIT("/demo/*"), .channel = {.capacity = 100000, .store_bytes = 1 << 28}},
};

static void on_log(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

static void world_begin(struct conn_world *world)
{
    const struct log log = {.sink = on_log, .level = LOG_ERROR};
    struct realm_conf conf = conn_world_conf(rules, 1);

    conf.sessions_max = BATCHES_WORTH;
    conf.heart_beat = 200000;
    conf.handshake_timeout = 100000;
    assert_ok(conn_world_begin(world, &conf, &log));
}

struct peer {
    int fd;
    struct buf heard;
};

static void turn(struct conn_world *world)
{
    assert_ok(loop_turn(world->loop, 0));
}

static void listen_once(struct peer *peer)
{
    uint8_t room[16384];
    size_t len;

    while (sock_recv(peer->fd, mspan_of(room, sizeof room), &len) == OK && len > 0) {
        assert_ok(buf_append(&peer->heard, span_of(room, len)));
    }
}

static size_t count(const struct peer *peer, const char *word)
{
    const uint8_t *at = peer->heard.ptr, *end = at + peer->heard.len;
    size_t found = 0;

    while (at != NULL && (at = memmem(at, (size_t)(end - at), word, strlen(word))) != NULL) {
        found++;
        at++;
    }
    return found;
}

static void listen_until(struct conn_world *world, struct peer *peer, const char *word,
                         size_t times)
{
    for (int i = 0; i < TURNS_MAX && count(peer, word) < times; i++) {
        turn(world);
        listen_once(peer);
    }
    assert_int_equal(count(peer, word), times);
}

/* The socket may be full: then the realm turns. */
static void send_all(struct conn_world *world, const struct peer *peer, struct span bytes)
{
    size_t len;

    for (; bytes.len > 0; bytes = span_tail(bytes, len)) {
        enum err e = sock_send(peer->fd, bytes, &len);

        if (e == ERR_AGAIN) {
            turn(world);
            len = 0;
            continue;
        }
        assert_ok(e);
    }
}

/* A frame of STOMP in a frame of WebSocket, masked with zeros. */
static void say(struct conn_world *world, const struct peer *peer, const char *frame)
{
    size_t len = strlen(frame) + 1;
    const uint8_t brief[] = {0x81, (uint8_t)(0x80 | len), 0, 0, 0, 0};
    const uint8_t head[] = {0x81, 0x80 | 126, (uint8_t)(len >> 8), (uint8_t)len, 0, 0, 0, 0};

    send_all(world, peer,
             len < 126 ? span_of(brief, sizeof brief) : span_of(head, sizeof head));
    send_all(world, peer, span_of(frame, len));
}

static void forget(struct peer *peer)
{
    buf_consume(&peer->heard, peer->heard.len);
}

static void subscribe(struct conn_world *world, struct peer *peer)
{
    struct stream *stream = NULL;
    struct addr addr;
    int fds[2];

    *peer = (struct peer){.fd = -1};
    buf_init(&peer->heard, 1 << 24);
    assert_true(addr_parse(SPAN("127.0.0.1"), 1, &addr));
    loopback_local_pair(fds);
    peer->fd = fds[0];
    assert_ok(stream_tcp_new(&stream, world->loop, &fds[1]));
    assert_ok(realm_conn_new(&world->worker, &addr, false, &stream));
    send_all(world, peer,
             SPAN("GET /stomp HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                  "Sec-WebSocket-Protocol: v12.stomp\r\n\r\n"));
    say(world, peer, "CONNECT\naccept-version:1.2\n\n");
    say(world, peer, "SUBSCRIBE\nid:s\ndestination:/demo/x\nreceipt:r\n\n");
    listen_until(world, peer, "RECEIPT", 1);
    forget(peer);
}

static void leave(struct peer *peer)
{
    sock_close(&peer->fd);
    buf_fini(&peer->heard);
}

static void publish(struct conn_world *world, const struct peer *peer, size_t number)
{
    static char frame[BODY_BYTES + 200];

    snprintf(frame, sizeof frame, "SEND\ndestination:/demo/x\n\nnumber %zu.%*s", number,
             BODY_BYTES, "");
    say(world, peer, frame);
}

/* Events of these numbers, in this order, and nothing else. */
static void assert_heard(const struct peer *peer, size_t events)
{
    const uint8_t *at = peer->heard.ptr, *end = at + peer->heard.len;
    char word[40];

    assert_int_equal(count(peer, "number "), events);
    for (size_t i = 0; i < events; i++) {
        snprintf(word, sizeof word, "\n\nnumber %zu.", i);
        at = memmem(at, (size_t)(end - at), word, strlen(word));
        assert_non_null(at);
    }
}

static void each_of_many_gets_the_same_bytes_in_order(void **state)
{
    enum {
        EVENTS = 60
    };
    static struct peer peers[PEERS];
    struct conn_world world;

    (void)state;
    world_begin(&world);
    for (size_t i = 0; i < PEERS; i++) {
        subscribe(&world, &peers[i]);
    }
    for (size_t i = 0; i < EVENTS; i++) {
        publish(&world, &peers[0], i);
    }
    for (size_t i = 0; i < PEERS; i++) {
        listen_until(&world, &peers[i], "number ", EVENTS);
        assert_heard(&peers[i], EVENTS);
        assert_true(span_equal(buf_span(&peers[i].heard), buf_span(&peers[0].heard)));
        if (i > 0) {
            leave(&peers[i]);
        }
    }
    leave(&peers[0]);
    conn_world_end(&world);
}

static bool is_blocked(const struct conn_world *world)
{
    LIST_FOREACH (node, after, (struct list *)(uintptr_t)&world->worker.conns) {
        if (LIST_ENTRY(node, struct realm_conn, node)->is_blocked) {
            return true;
        }
    }
    return false;
}

/* The first one does not read until its socket is full, and far beyond; the second one goes
 * away in the midst of it. */
static void one_that_is_full_and_one_that_is_gone_hold_nobody_up(void **state)
{
    enum {
        EVENTS = 150
    };
    static struct peer peers[PEERS];
    struct conn_world world;
    bool was_blocked = false;

    (void)state;
    world_begin(&world);
    for (size_t i = 0; i < PEERS; i++) {
        subscribe(&world, &peers[i]);
    }
    for (size_t i = 0; i < EVENTS; i++) {
        if (i == EVENTS / 2) {
            leave(&peers[1]);
        }
        publish(&world, &peers[2], i);
        turn(&world);
        for (size_t k = 2; k < PEERS; k++) {
            listen_once(&peers[k]);
        }
        was_blocked = was_blocked || is_blocked(&world);
    }
    assert_true(was_blocked);
    assert_int_equal(world.worker.conn_count, PEERS - 1);
    for (size_t i = PEERS; i-- > 0;) { /* the others first */
        if (i != 1) {
            listen_until(&world, &peers[i], "number ", EVENTS);
            assert_heard(&peers[i], EVENTS);
            leave(&peers[i]);
        }
    }
    conn_world_end(&world);
}

static void more_than_one_batch_is_sent_to_in_one_turn(void **state)
{
    static struct peer peers[BATCHES_WORTH];
    struct conn_world world;

    (void)state;
    world_begin(&world);
    for (size_t i = 0; i < BATCHES_WORTH; i++) {
        subscribe(&world, &peers[i]);
    }
    publish(&world, &peers[0], 0);
    listen_until(&world, &peers[BATCHES_WORTH - 1], "number ", 1);
    for (size_t i = 0; i < BATCHES_WORTH; i++) {
        listen_once(&peers[i]); /* without another turn */
        assert_heard(&peers[i], 1);
        leave(&peers[i]);
    }
    assert_true(list_is_empty(&world.worker.due));
    conn_world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_of_many_gets_the_same_bytes_in_order),
        cmocka_unit_test(one_that_is_full_and_one_that_is_gone_hold_nobody_up),
        cmocka_unit_test(more_than_one_batch_is_sent_to_in_one_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
