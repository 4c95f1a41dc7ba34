/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One STOMP session with a realm for a command-line verb: dialled, through a proxy and TLS if
 * told, shaken hands with, and closed in order. Everything happens on one loop in one thread.
 */
#pragma once

#include "bin/shell_options.h"
#include "stomp/stomp_encoder.h"
#include "stomp/stomp_frame.h"

struct shell_session;

/* What makes a verb itself. `ctx` is what was given to shell_session_run(). */
struct shell_session_verb {
    /** The session stands: send the first frames. */
    void (*on_connected)(void *ctx, struct shell_session *session);
    /** A frame other than CONNECTED and ERROR; borrowed for the call. */
    void (*on_frame)(void *ctx, struct shell_session *session, const struct stomp_frame *frame);
    /** --timeout is over. False: what was wanted is not there. */
    bool (*is_done)(const void *ctx);
    /** It is over, and the loop goes next. May be NULL. */
    void (*on_end)(void *ctx);
};

/** Runs to the end; the result is the exit status: 0 after shell_session_finish(), 1 after a
 *  failure and 3 after --timeout, for which a sentence is on stderr. */
int shell_session_run(const struct shell_options *options,
                      const struct shell_session_verb *verb, void *ctx);

/** To write a frame with stomp_encoder_...(): begin into this buffer, then send. */
struct buf *shell_session_begin(struct shell_session *session);

/** What was written goes out as one message. */
void shell_session_send(struct shell_session *session);

/** Ends the session in order: the exit status will be 0. */
void shell_session_finish(struct shell_session *session);

/** Ends it with a sentence: the exit status will be 1. */
void shell_session_fail(struct shell_session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Whether it ends in order already: what goes wrong now is no failure. */
bool shell_session_is_closing(const struct shell_session *session);

/** The loop, for a verb that watches something of its own. */
struct loop *shell_session_loop(struct shell_session *session);
