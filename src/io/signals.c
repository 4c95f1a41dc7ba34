/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/signals.h"

#include "io/sock.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct signals {
    struct loop_watch watch;
    int fd; /* owned */
    signals_received *received;
    void *ctx; /* borrowed */
};

static void on_ready(void *ctx)
{
    struct signals *signals = ctx;
    struct signalfd_siginfo info;

    if (read(signals->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        signals->received(signals->ctx, (int)info.ssi_signo);
    }
}

enum err signals_new(struct signals **ret_signals, struct loop *loop,
                     signals_received *received, void *ctx)
{
    struct signals *signals = calloc(1, sizeof *signals);
    sigset_t set;
    enum err e = ERR_IO;

    if (signals == NULL) {
        return ERR_NOMEM;
    }
    signals->received = received;
    signals->ctx = ctx;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    signals->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signals->fd >= 0 && sigprocmask(SIG_BLOCK, &set, NULL) == 0) {
        e = loop_watch(loop, &signals->watch, signals->fd, on_ready, signals);
    }
    if (e != OK) {
        signals_free(signals);
        return e;
    }
    *ret_signals = signals;
    return OK;
}

void signals_free(struct signals *signals)
{
    if (signals == NULL) {
        return;
    }
    loop_unwatch(&signals->watch);
    sock_close(&signals->fd);
    free(signals);
}
