/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The loop remembers readiness; this file uses it so that no system call is made only to hear
 * EAGAIN: a message through a relay costs one recv and one send.
 */
#include "net/stream_tcp.h"

#include "io/sock.h"

#include <errno.h>
#include <stdlib.h>

struct stream_tcp {
    struct stream base;
    struct loop_watch watch; /* its fd is ours to close */
    const char *why;         /* static storage; NULL: nothing failed */
};

static struct stream_tcp *tcp_of(struct stream *stream)
{
    return (struct stream_tcp *)(void *)stream; /* base is the first member */
}

static enum err tcp_handshake(struct stream *stream)
{
    (void)stream; /* the socket came connected */
    return OK;
}

static enum err fail(struct stream_tcp *tcp, enum err e)
{
    tcp->why =
        e == ERR_CLOSED ? "the connection was reset by the peer" : strerrordesc_np(errno);
    if (tcp->why == NULL) {
        tcp->why = err_text(e);
    }
    return e;
}

static enum err tcp_read(struct stream *stream, struct mspan room, size_t *ret_len)
{
    struct stream_tcp *tcp = tcp_of(stream);
    enum err e;

    if ((tcp->watch.ready & LOOP_READABLE) == 0) {
        return ERR_AGAIN;
    }
    e = sock_recv(tcp->watch.fd, room, ret_len);
    if (e == ERR_AGAIN) {
        loop_watch_clear(&tcp->watch, LOOP_READABLE);
        return e;
    }
    if (e != OK) {
        return fail(tcp, e);
    }
    /* A short read has emptied the socket, and whatever arrives after it is a new edge
     * (epoll(7) says so), a FIN included: one that overtook this recv, but not the loop's last
     * wait, is reported by the next wait. Only a FIN or an error that the loop has already
     * reported brings no edge any more; then we go on until recv says what it was. */
    if (*ret_len > 0 && *ret_len < room.len && !tcp->watch.ended) {
        loop_watch_clear(&tcp->watch, LOOP_READABLE);
    }
    return OK;
}

static enum err tcp_write(struct stream *stream, struct span bytes, size_t *ret_len)
{
    struct stream_tcp *tcp = tcp_of(stream);
    enum err e;

    if ((tcp->watch.ready & LOOP_WRITABLE) == 0) {
        return ERR_AGAIN;
    }
    e = sock_send(tcp->watch.fd, bytes, ret_len);
    if (e == ERR_AGAIN) {
        loop_watch_clear(&tcp->watch, LOOP_WRITABLE);
        return e;
    }
    if (e != OK) {
        return fail(tcp, e);
    }
    /* The kernel took less because it is full: room for more is a new edge, like an error. */
    if (*ret_len < bytes.len) {
        loop_watch_clear(&tcp->watch, LOOP_WRITABLE);
    }
    return OK;
}

static enum err tcp_shutdown(struct stream *stream)
{
    sock_shutdown_write(tcp_of(stream)->watch.fd);
    return OK;
}

static void tcp_free(struct stream *stream)
{
    struct stream_tcp *tcp = tcp_of(stream);
    int fd = tcp->watch.fd;

    loop_unwatch(&tcp->watch);
    sock_close(&fd);
    free(tcp);
}

static const char *tcp_why(const struct stream *stream)
{
    return ((const struct stream_tcp *)(const void *)stream)->why;
}

/* The watch may change although the stream is only looked at: who calls decides. */
static struct loop_watch *tcp_watch(const struct stream *stream)
{
    return &((struct stream_tcp *)(uintptr_t)stream)->watch;
}

static const struct stream_ops tcp_ops = {
    .name = "tcp",
    .handshake = tcp_handshake,
    .read = tcp_read,
    .write = tcp_write,
    .shutdown = tcp_shutdown,
    .free = tcp_free,
    .why = tcp_why,
    .watch = tcp_watch,
};

enum err stream_tcp_new(struct stream **ret_top, struct loop *loop, int *take_fd)
{
    struct stream_tcp *tcp = calloc(1, sizeof *tcp);
    enum err e;

    if (tcp == NULL) {
        return ERR_NOMEM;
    }
    tcp->base.ops = &tcp_ops;
    e = loop_watch(loop, &tcp->watch, *take_fd, NULL, NULL);
    if (e != OK) {
        free(tcp);
        return e;
    }
    stream_on_ready(&tcp->base, NULL, NULL);
    *take_fd = -1;
    *ret_top = &tcp->base;
    return OK;
}
