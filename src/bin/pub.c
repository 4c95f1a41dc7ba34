/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "bin/pub.h"

#include "bin/shell_session.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * One event at a time: the next line is read when the receipt for the last one has come. So a
 * failure tells exactly how far it got, and nothing is buffered.
 */
struct pub {
    const struct shell_options *options;
    uint64_t acknowledged;
    char *line; /* owned */
    size_t line_cap;
};

static void publish(struct pub *pub, struct shell_session *session, struct span text)
{
    struct stomp_encoder encoder;

    stomp_encoder_begin(&encoder, shell_session_begin(session), STOMP_SEND);
    stomp_encoder_header(&encoder, SPAN("destination"), span_str(pub->options->channel));
    stomp_encoder_header(&encoder, SPAN("content-type"), SPAN("text/plain"));
    stomp_encoder_header_u64(&encoder, SPAN("receipt"), pub->acknowledged + 1);
    if (stomp_encoder_end(&encoder, text) != OK) {
        shell_session_fail(session,
                           "the event cannot be sent: too large, or the channel's name "
                           "is none");
        return;
    }
    shell_session_send(session);
}

/* Standard input is read blocking: while a person thinks, heart-beats wait with us. */
static void publish_next_line(struct pub *pub, struct shell_session *session)
{
    ssize_t len = getline(&pub->line, &pub->line_cap, stdin);

    if (len < 0) {
        fprintf(stderr, "%llu events published\n", (unsigned long long)pub->acknowledged);
        shell_session_finish(session);
        return;
    }
    if (len > 0 && pub->line[len - 1] == '\n') {
        len--;
    }
    publish(pub, session, span_of(pub->line, (size_t)len));
}

static void on_connected(void *ctx, struct shell_session *session)
{
    struct pub *pub = ctx;

    if (pub->options->text != NULL) {
        publish(pub, session, span_str(pub->options->text));
    } else {
        publish_next_line(pub, session);
    }
}

static void on_frame(void *ctx, struct shell_session *session, const struct stomp_frame *frame)
{
    struct pub *pub = ctx;
    const struct stomp_header *eid = stomp_frame_find(frame, SPAN("eid"));

    if (frame->command != STOMP_RECEIPT) {
        return;
    }
    pub->acknowledged++;
    if (pub->options->text == NULL) {
        publish_next_line(pub, session);
        return;
    }
    printf("published to %s as EID %.*s\n", pub->options->channel,
           SPAN_ARG(eid == NULL ? SPAN("?") : eid->value));
    shell_session_finish(session);
}

int pub_main(int argc, char **argv)
{
    static const struct shell_session_verb verb = {.on_connected = on_connected,
                                                   .on_frame = on_frame};
    struct shell_options options;
    struct pub pub = {.options = &options};
    int status;

    if (!shell_options_read(&options, "pub", argc, argv, &status)) {
        return status;
    }
    status = shell_session_run(&options, &verb, &pub);
    free(pub.line);
    return status;
}
