/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "net/listener.h"

#include "io/sock.h"
#include "io/timer.h"

#include <stdlib.h>

enum {
    ACCEPTS_PER_TURN = 64, /* then the connections that we have get their turn */
    PAUSE_MS = 100
};

struct listener {
    struct loop *loop; /* borrowed */
    int fd;            /* owned */
    struct loop_watch watch;
    struct loop_later more; /* stopped before EAGAIN, for fairness */
    uint64_t full_turn;     /* the turn whose budget is spent */
    struct timer pause;     /* waits for descriptors */
    listener_accepted *accepted;
    void *ctx;         /* borrowed */
    bool *ret_is_gone; /* borrowed while accepting: told by listener_close() */
};

static void close_all(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sock_close(&fds[i]);
    }
}

/* SO_REUSEPORT sockets join whoever else set it; one without it tells whether anybody is there.
 * Whoever comes between this and the real socket is not seen, but that is a race we cannot win.
 */
static enum err refuse_if_taken(const struct addr *addr, int backlog)
{
    int fd;

    TRY(sock_listen(&fd, addr, backlog, 0));
    sock_close(&fd);
    return OK;
}

enum err listener_bind(const struct addr *addr, int backlog, bool is_transparent, size_t count,
                       int *ret_fds)
{
    struct addr bound = *addr;
    bool share = count > 1;
    unsigned flags =
        (share ? SOCK_LISTEN_SHARED : 0u) | (is_transparent ? SOCK_LISTEN_TRANSPARENT : 0u);
    size_t opened = 0;
    enum err e = OK;

    if (share && addr_port(addr) != 0) {
        TRY(refuse_if_taken(addr, backlog));
    }
    while (e == OK && opened < count) {
        e = sock_listen(&ret_fds[opened], &bound, backlog, flags);
        if (e == OK && opened++ == 0) {
            e = sock_local_addr(ret_fds[0], &bound); /* port 0: the system chose once for all */
        }
    }
    if (e != OK) {
        close_all(ret_fds, opened);
    }
    return e;
}

/* ERR_LIMIT, and whatever else is no fault of the one who connects: wait a little. */
static void pause_accepting(struct listener *listener)
{
    if (timer_set(&listener->pause, loop_now(listener->loop) + PAUSE_MS) != OK) {
        loop_defer(listener->loop, &listener->more); /* no room for a timer: ask more often */
    }
}

static void on_ready(void *ctx)
{
    struct listener *listener = ctx;
    bool is_gone = false;

    if (timer_is_set(&listener->pause)) {
        return;
    }
    if (listener->full_turn == loop_turn_count(listener->loop)) {
        loop_defer(listener->loop, &listener->more);
        return;
    }
    listener->ret_is_gone = &is_gone;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct addr peer;
        int fd;
        enum err e = sock_accept(listener->fd, &fd, &peer);

        if (e != OK) {
            listener->ret_is_gone = NULL;
            if (e == ERR_AGAIN) {
                loop_watch_clear(&listener->watch, LOOP_READABLE);
            } else {
                pause_accepting(listener);
            }
            return;
        }
        listener->accepted(listener->ctx, fd, &peer);
        if (is_gone) {
            return;
        }
    }
    listener->ret_is_gone = NULL;
    listener->full_turn = loop_turn_count(listener->loop);
    loop_defer(listener->loop, &listener->more);
}

enum err listener_open(struct listener **ret_listener, struct loop *loop, int *take_fd,
                       listener_accepted *accepted, void *ctx)
{
    struct listener *listener = calloc(1, sizeof *listener);
    enum err e;

    if (listener == NULL) {
        return ERR_NOMEM;
    }
    listener->loop = loop;
    listener->accepted = accepted;
    listener->ctx = ctx;
    loop_later_init(&listener->more, on_ready, listener);
    timer_init(&listener->pause, loop, on_ready, listener);
    e = loop_watch(loop, &listener->watch, *take_fd, on_ready, listener);
    if (e != OK) {
        free(listener);
        return e;
    }
    listener->fd = *take_fd;
    *take_fd = -1;
    *ret_listener = listener;
    return OK;
}

void listener_close(struct listener *listener)
{
    if (listener == NULL) {
        return;
    }
    if (listener->ret_is_gone != NULL) {
        *listener->ret_is_gone = true;
    }
    loop_unwatch(&listener->watch);
    loop_undefer(&listener->more);
    timer_cancel(&listener->pause);
    sock_close(&listener->fd);
    free(listener);
}
