/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "bin/sub.h"

#include "bin/shell_event.h"
#include "bin/shell_session.h"
#include "io/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    LINE_BYTES_MAX = 128 * 1024 * 1024 /* of an event as JSON: each byte may take six */
};

struct sub {
    const struct shell_options *options;
    struct shell_session *session;
    struct loop_watch output; /* standard output, for who reads it to leave */
    uint64_t seen;
};

/* ---- standard output ---- */

static void fail_output(struct shell_session *session)
{
    shell_session_fail(session, "standard output takes nothing more");
}

/* Whoever reads the pipe may leave between two events, as `head -n 1` does. */
static void on_output(void *ctx)
{
    struct pollfd ask = {.fd = STDOUT_FILENO}; /* asks for errors and hang-ups alone */
    struct sub *sub = ctx;

    if (poll(&ask, 1, 0) > 0) {
        loop_unwatch(&sub->output);
        if (!shell_session_is_closing(sub->session)) {
            fail_output(sub->session);
        }
    }
}

static void watch_output(struct sub *sub)
{
    struct loop *loop = shell_session_loop(sub->session);
    enum err e = loop_watch(loop, &sub->output, STDOUT_FILENO, on_output, sub);

    /* epoll says EPERM of a file: nobody reads it who could leave. */
    if (e != OK && !(e == ERR_IO && errno == EPERM)) {
        shell_session_fail(sub->session, "standard output cannot be watched: %s",
                           e == ERR_IO ? strerror(errno) : err_text(e));
    }
}

/* ---- the session ---- */

static void on_connected(void *ctx, struct shell_session *session)
{
    struct sub *sub = ctx;
    struct span channel = span_str(sub->options->channel);
    struct stomp_encoder encoder;

    sub->session = session;
    stomp_encoder_begin(&encoder, shell_session_begin(session), STOMP_SUBSCRIBE);
    stomp_encoder_header(&encoder, SPAN("id"), channel);
    stomp_encoder_header(&encoder, SPAN("destination"), channel);
    stomp_encoder_header(&encoder, SPAN("from"), span_str(sub->options->from));
    if (sub->options->selector != NULL) {
        stomp_encoder_header(&encoder, SPAN("selector"), span_str(sub->options->selector));
    }
    stomp_encoder_header(&encoder, SPAN("receipt"), SPAN("subscribed"));
    if (stomp_encoder_end(&encoder, SPAN("")) != OK) {
        shell_session_fail(session, "the channel's name cannot be sent");
        return;
    }
    shell_session_send(session);
    watch_output(sub);
}

static enum err print_json(const struct stomp_frame *frame)
{
    struct buf line;
    enum err e;

    buf_init(&line, LINE_BYTES_MAX);
    e = shell_event_write(frame, &line);
    if (e == OK) {
        fwrite(line.ptr, 1, line.len, stdout);
    }
    buf_fini(&line);
    return e;
}

static void print_text(const struct stomp_frame *frame)
{
    const struct stomp_header *eid = stomp_frame_find(frame, SPAN("eid"));

    printf("%.*s\t", SPAN_ARG(eid == NULL ? SPAN("-") : eid->value));
    if (frame->body.len > 0) {
        fwrite(frame->body.ptr, 1, frame->body.len, stdout);
    }
    putchar('\n');
}

static void on_frame(void *ctx, struct shell_session *session, const struct stomp_frame *frame)
{
    struct sub *sub = ctx;

    if (frame->command == STOMP_RECEIPT) {
        fprintf(stderr, "subscribed to %s at %.*s\n", sub->options->channel,
                SPAN_ARG(sub->options->url));
        return;
    }
    if (frame->command != STOMP_MESSAGE) {
        return;
    }
    if (!sub->options->is_json) {
        print_text(frame);
    } else if (print_json(frame) != OK) {
        shell_session_fail(session, "an event is too large to be printed");
        return;
    }
    if (fflush(stdout) != 0) {
        fail_output(session);
    } else if (++sub->seen == sub->options->count) {
        shell_session_finish(session);
    }
}

static bool is_done(const void *ctx)
{
    const struct sub *sub = ctx;

    return sub->options->count == 0; /* who did not say how many has got them */
}

static void on_end(void *ctx)
{
    struct sub *sub = ctx;

    loop_unwatch(&sub->output);
}

int sub_main(int argc, char **argv)
{
    static const struct shell_session_verb verb = {.on_connected = on_connected,
                                                   .on_frame = on_frame,
                                                   .is_done = is_done,
                                                   .on_end = on_end};
    struct shell_options options;
    struct sub sub = {.options = &options};
    int status;

    if (!shell_options_read(&options, "sub", argc, argv, &status)) {
        return status;
    }
    return shell_session_run(&options, &verb, &sub);
}
