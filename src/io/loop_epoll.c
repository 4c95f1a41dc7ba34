/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The loop's backend for Linux: epoll, edge-triggered, both directions registered once.
 */
#include "io/loop_inside.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

static enum err from_errno(void)
{
    return errno == ENOMEM ? ERR_NOMEM : ERR_IO;
}

static enum err backend_open(struct loop *loop)
{
    loop->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    return loop->poll_fd < 0 ? from_errno() : OK;
}

static void backend_close(struct loop *loop)
{
    close(loop->poll_fd);
    loop->poll_fd = -1;
}

static enum err backend_add(struct loop *loop, struct loop_watch *watch)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = watch};

    return epoll_ctl(loop->poll_fd, EPOLL_CTL_ADD, watch->fd, &event) < 0 ? from_errno() : OK;
}

static void backend_remove(struct loop *loop, struct loop_watch *watch)
{
    int why = errno;

    /* It fails only for a descriptor that was closed too early, and then it is out anyway. */
    epoll_ctl(loop->poll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    errno = why;
}

static struct loop_report report_from(const struct epoll_event *event)
{
    struct loop_report report = {.watch = event->data.ptr};

    if (event->events & (EPOLLIN | EPOLLRDHUP)) {
        report.ready |= LOOP_READABLE;
    }
    if (event->events & EPOLLOUT) {
        report.ready |= LOOP_WRITABLE;
    }
    if (event->events & (EPOLLERR | EPOLLHUP)) {
        report.ready |= LOOP_READABLE | LOOP_WRITABLE; /* whoever tries next meets the error */
        report.wrong = true;
    }
    report.ended = (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    return report;
}

static enum err backend_wait(struct loop *loop, int wait_ms)
{
    struct epoll_event events[LOOP_BATCH_MAX];
    int count = epoll_wait(loop->poll_fd, events, LOOP_BATCH_MAX, wait_ms);

    if (count < 0 && errno != EINTR) {
        return ERR_IO;
    }
    for (int i = 0; i < count; i++) {
        loop->batch[loop->batch_len++] = report_from(&events[i]);
    }
    return OK;
}

const struct loop_backend loop_epoll = {
    .name = "epoll",
    .open = backend_open,
    .close = backend_close,
    .add = backend_add,
    .remove = backend_remove,
    .wait = backend_wait,
};
