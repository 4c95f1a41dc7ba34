/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "bin/pub.h"

#include "bin/shell_event.h"
#include "bin/shell_lines.h"
#include "bin/shell_session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * One event at a time: the next line is read when the receipt for the last one has come. So a
 * failure tells exactly how far it got, and nothing is buffered but what was read with a line.
 */
struct pub {
    const struct shell_options *options;
    struct shell_session *session;
    struct shell_lines lines;
    uint64_t acknowledged;
    bool is_waiting; /* for a receipt */
    bool has_ended;
};

/* ---- one event ---- */

static void put_options(const struct shell_options *options, struct stomp_encoder *encoder)
{
    for (size_t i = 0; i < options->header_count; i++) {
        struct span text = span_str(options->headers[i]);
        size_t colon = span_find(text, ':');

        stomp_encoder_header(encoder, span_head(text, colon), span_tail(text, colon + 1));
    }
}

/* Headers of the command line go before those of the line: the first of a name counts. */
static void publish(struct pub *pub, const struct shell_event *event)
{
    struct shell_session *session = pub->session;
    struct stomp_encoder encoder;

    stomp_encoder_begin(&encoder, shell_session_begin(session), STOMP_SEND);
    stomp_encoder_header(&encoder, SPAN("destination"), span_str(pub->options->channel));
    stomp_encoder_header_u64(&encoder, SPAN("receipt"), pub->acknowledged + 1);
    if (event->publish_id.len > 0) {
        stomp_encoder_header(&encoder, SPAN("publish-id"), event->publish_id);
    }
    put_options(pub->options, &encoder);
    for (size_t i = 0; event->headers != NULL && i < event->headers->count; i++) {
        const struct dict_member *member = &event->headers->members[i];

        stomp_encoder_header(&encoder, member->name, member->value.text);
    }
    if (!pub->options->is_json) {
        stomp_encoder_header(&encoder, SPAN("content-type"), SPAN("text/plain"));
    }
    if (stomp_encoder_end(&encoder, event->body) != OK) {
        shell_session_fail(session,
                           "the event cannot be sent: too large, or the channel's name "
                           "is none");
        return;
    }
    pub->is_waiting = true;
    shell_session_send(session);
}

static void publish_json(struct pub *pub, struct span line)
{
    char why[SHELL_EVENT_WHY_BYTES] = "out of memory";
    struct shell_event event;

    if (shell_event_read(line, mspan_of(why, sizeof why), &event) != OK) {
        shell_session_fail(pub->session, "event %llu is not published: %s",
                           (unsigned long long)pub->acknowledged + 1, why);
        return;
    }
    publish(pub, &event);
    shell_event_fini(&event);
}

static void publish_text(struct pub *pub, struct span text)
{
    if (pub->options->is_json) {
        publish_json(pub, text);
    } else {
        publish(pub, &(struct shell_event){.body = text});
    }
}

/* ---- all of them ---- */

static void publish_next_line(struct pub *pub)
{
    struct span line;
    enum err e = shell_lines_next(&pub->lines, &line);

    if (e == OK) {
        publish_text(pub, line);
    } else if (e == ERR_CLOSED) {
        fprintf(stderr, "%llu events published\n", (unsigned long long)pub->acknowledged);
        pub->has_ended = true;
        shell_session_finish(pub->session);
    } else if (e != ERR_AGAIN) {
        shell_session_fail(pub->session, "standard input cannot be read: %s",
                           e == ERR_IO ? strerror(errno) : err_text(e));
    }
}

static void on_lines(void *ctx)
{
    struct pub *pub = ctx;

    if (!pub->is_waiting && !pub->has_ended) {
        publish_next_line(pub);
    }
}

static void on_connected(void *ctx, struct shell_session *session)
{
    struct pub *pub = ctx;

    pub->session = session;
    if (pub->options->text != NULL) {
        publish_text(pub, span_str(pub->options->text));
    } else if (shell_lines_open(&pub->lines, shell_session_loop(session), on_lines, pub) !=
               OK) {
        shell_session_fail(session, "standard input cannot be read: %s", strerror(errno));
    } else {
        publish_next_line(pub);
    }
}

static void say_published(const struct pub *pub, struct span eid)
{
    if (pub->options->is_json) {
        printf("{\"eid\": %.*s}\n", SPAN_ARG(eid));
    } else if (pub->options->text != NULL) {
        printf("published to %s as EID %.*s\n", pub->options->channel, SPAN_ARG(eid));
    } else {
        printf("%.*s\n", SPAN_ARG(eid));
    }
    fflush(stdout);
}

static void on_frame(void *ctx, struct shell_session *session, const struct stomp_frame *frame)
{
    struct pub *pub = ctx;
    const struct stomp_header *eid = stomp_frame_find(frame, SPAN("eid"));

    if (frame->command != STOMP_RECEIPT) {
        return;
    }
    pub->acknowledged++;
    pub->is_waiting = false;
    say_published(pub, eid == NULL ? SPAN("null") : eid->value);
    if (pub->options->text == NULL) {
        publish_next_line(pub);
    } else {
        shell_session_finish(session);
    }
}

static bool is_done(const void *ctx)
{
    const struct pub *pub = ctx;

    return pub->has_ended;
}

static void on_end(void *ctx)
{
    struct pub *pub = ctx;

    shell_lines_close(&pub->lines);
    if (pub->is_waiting && pub->options->text == NULL) {
        fprintf(stderr, "wayleave pub: event %llu was not acknowledged; all before it were\n",
                (unsigned long long)pub->acknowledged + 1);
    }
}

int pub_main(int argc, char **argv)
{
    static const struct shell_session_verb verb = {.on_connected = on_connected,
                                                   .on_frame = on_frame,
                                                   .is_done = is_done,
                                                   .on_end = on_end};
    struct shell_options options;
    struct pub pub = {.options = &options};
    int status;

    if (!shell_options_read(&options, "pub", argc, argv, &status)) {
        return status;
    }
    return shell_session_run(&options, &verb, &pub);
}
