/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A parent proxy on loopback for tests, on the test's own loop, with or without TLS. It reads
 * one request head and answers with a script; what comes after that it sends back.
 */
#pragma once

#include "io/sock.h"
#include "lib/testing.h"
#include "net/stream_tcp.h"
#include "net/stream_tls.h"

#include <stdio.h>

struct fake_parent {
    /* The test's to set: */
    const char *answer;     /* to the head; NULL: silence */
    bool dribbles;          /* one byte a turn */
    bool hangs_up;          /* behind the answer, or instead of it */
    struct tls_ctx *server; /* NULL: no TLS */

    /* To be read: */
    uint16_t port;
    int accepted;
    char request[2048];
    size_t request_len;

    /* Its own: */
    struct loop *loop;
    int fd;
    struct loop_watch watch;
    struct loop_later later;
    struct stream *stream;
    size_t sent;
    bool has_head;
    char echo[256];
    size_t echo_len;
};

static inline bool fake_parent_send(struct fake_parent *parent, struct span bytes, size_t *sent)
{
    while (*sent < bytes.len) {
        struct span rest = span_tail(bytes, *sent);
        size_t len;

        if (stream_write(parent->stream, span_head(rest, parent->dribbles ? 1 : rest.len),
                         &len) != OK) {
            return false;
        }
        *sent += len;
        if (parent->dribbles && *sent < bytes.len) {
            loop_defer(parent->loop, &parent->later);
            return false;
        }
    }
    return true;
}

static inline void fake_parent_hang_up(struct fake_parent *parent)
{
    stream_free(parent->stream);
    parent->stream = NULL;
}

static inline void fake_parent_read(struct fake_parent *parent)
{
    char *room = parent->has_head ? parent->echo : parent->request;
    size_t *used = parent->has_head ? &parent->echo_len : &parent->request_len;
    size_t max = (parent->has_head ? sizeof parent->echo : sizeof parent->request) - 1;
    size_t len;

    while (*used < max &&
           stream_read(parent->stream, mspan_of((uint8_t *)room + *used, max - *used), &len) ==
               OK) {
        if (len == 0) {
            return;
        }
        *used += len;
        room[*used] = '\0';
        if (!parent->has_head && strstr(room, "\r\n\r\n") != NULL) {
            parent->has_head = true;
            return;
        }
    }
}

static inline void fake_parent_go(void *ctx)
{
    struct fake_parent *parent = ctx;
    size_t echoed = 0;

    if (parent->stream == NULL || stream_handshake(parent->stream) != OK) {
        return;
    }
    fake_parent_read(parent);
    if (!parent->has_head ||
        !fake_parent_send(parent, span_str(parent->answer), &parent->sent)) {
        return;
    }
    if (parent->hangs_up) {
        fake_parent_hang_up(parent);
        return;
    }
    if (parent->answer != NULL) {
        fake_parent_read(parent);
        assert_true(fake_parent_send(parent, span_of(parent->echo, parent->echo_len), &echoed));
        parent->echo_len = 0;
    }
}

static inline void fake_parent_accept(void *ctx)
{
    struct fake_parent *parent = ctx;
    struct addr peer;
    int fd;

    while (sock_accept(parent->fd, &fd, &peer) == OK) {
        assert_null(parent->stream);
        parent->accepted++;
        assert_ok(stream_tcp_new(&parent->stream, parent->loop, &fd));
        if (parent->server != NULL) {
            assert_ok(stream_tls_accept(&parent->stream, parent->server));
        }
        stream_on_ready(parent->stream, fake_parent_go, parent);
        fake_parent_go(parent);
    }
    loop_watch_clear(&parent->watch, LOOP_READABLE);
}

static inline void fake_parent_open(struct fake_parent *parent, struct loop *loop)
{
    struct addr addr;

    *parent = (struct fake_parent){.loop = loop, .fd = -1};
    assert_true(addr_parse(SPAN("127.0.0.1"), 0, &addr));
    assert_ok(sock_listen(&parent->fd, &addr, 8, 0));
    assert_ok(sock_local_addr(parent->fd, &addr));
    parent->port = addr_port(&addr);
    loop_later_init(&parent->later, fake_parent_go, parent);
    assert_ok(loop_watch(loop, &parent->watch, parent->fd, fake_parent_accept, parent));
}

static inline void fake_parent_close(struct fake_parent *parent)
{
    loop_undefer(&parent->later);
    stream_free(parent->stream);
    loop_unwatch(&parent->watch);
    sock_close(&parent->fd);
}
