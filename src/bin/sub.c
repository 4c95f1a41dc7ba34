/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "bin/sub.h"

#include "bin/shell_session.h"

#include <stdio.h>

struct sub {
    const struct shell_options *options;
    uint64_t seen;
};

static void on_connected(void *ctx, struct shell_session *session)
{
    const struct sub *sub = ctx;
    struct span channel = span_str(sub->options->channel);
    struct stomp_encoder encoder;

    stomp_encoder_begin(&encoder, shell_session_begin(session), STOMP_SUBSCRIBE);
    stomp_encoder_header(&encoder, SPAN("id"), channel);
    stomp_encoder_header(&encoder, SPAN("destination"), channel);
    stomp_encoder_header(&encoder, SPAN("from"), span_str(sub->options->from));
    stomp_encoder_header(&encoder, SPAN("receipt"), SPAN("subscribed"));
    if (stomp_encoder_end(&encoder, SPAN("")) != OK) {
        shell_session_fail(session, "the channel's name cannot be sent");
        return;
    }
    shell_session_send(session);
}

static void on_frame(void *ctx, struct shell_session *session, const struct stomp_frame *frame)
{
    struct sub *sub = ctx;
    const struct stomp_header *eid = stomp_frame_find(frame, SPAN("eid"));

    if (frame->command == STOMP_RECEIPT) {
        fprintf(stderr, "subscribed to %s at %.*s\n", sub->options->channel,
                SPAN_ARG(sub->options->url));
        return;
    }
    if (frame->command != STOMP_MESSAGE) {
        return;
    }
    printf("%.*s\t", SPAN_ARG(eid == NULL ? SPAN("-") : eid->value));
    fwrite(frame->body.ptr, 1, frame->body.len, stdout);
    putchar('\n');
    fflush(stdout);
    if (++sub->seen == sub->options->count) {
        shell_session_finish(session);
    }
}

int sub_main(int argc, char **argv)
{
    static const struct shell_session_verb verb = {.on_connected = on_connected,
                                                   .on_frame = on_frame};
    struct shell_options options;
    struct sub sub = {.options = &options};
    int status;

    if (!shell_options_read(&options, "sub", argc, argv, &status)) {
        return status;
    }
    return shell_session_run(&options, &verb, &sub);
}
