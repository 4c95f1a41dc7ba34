/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * client ===== client_end [forward] server_end ===== server
 *
 * The test speaks at both outer ends; exchanges move whenever the loop turns. Included by the
 * tests of proxy_forward, each of which is one program.
 */
#pragma once

#include "proxy/proxy_forward.h"

#include "lib/loopback.h"
#include "proxy/proxy_upgrade.h"

#include <stdlib.h>

enum {
    RIG_ROOM_BYTES = 16384,
    RIG_EARLY_MAX = 32768,
    RIG_PATIENCE_MS = 60000,
};

struct rig {
    struct loop *loop;
    struct pool pool;
    struct relay_env env;
    struct stream *client;
    struct stream *client_end;
    struct stream *server_end;
    struct stream *server;
    struct http1_head head;
    struct http1_target target;
    struct buf early;
    struct proxy_forward_job job; /* what rig_start() starts; to be changed before it */
    struct proxy_forward *forward;
    struct proxy_forward_result result;
    unsigned done_count;
    uint8_t scratch[RIG_ROOM_BYTES];
};

static const struct http1_limits rig_limits = {.line_bytes = 1000,
                                               .field_bytes = 1000,
                                               .field_count = 20,
                                               .head_bytes = 4000};

static inline void rig_on_done(void *ctx, const struct proxy_forward_result *result)
{
    struct rig *rig = ctx;

    rig->done_count++;
    rig->result = *result;
}

static inline void rig_connect_server(struct rig *rig, void (*make_pair)(int ret_fds[2]))
{
    int fds[2];

    stream_free(rig->server_end);
    stream_free(rig->server);
    make_pair(fds);
    loopback_streams(rig->loop, fds, &rig->server, &rig->server_end);
}

static inline struct rig *rig_new(void (*make_pair)(int ret_fds[2]), size_t max_rooms)
{
    struct rig *rig = calloc(1, sizeof *rig);
    int fds[2];

    assert_non_null(rig);
    assert_ok(loop_new(&rig->loop));
    pool_init(&rig->pool, RIG_ROOM_BYTES, 0, max_rooms);
    rig->env = (struct relay_env){
        .loop = rig->loop, .pool = &rig->pool, .scratch = {rig->scratch, RIG_ROOM_BYTES}};
    make_pair(fds);
    loopback_streams(rig->loop, fds, &rig->client, &rig->client_end);
    rig_connect_server(rig, make_pair);
    buf_init(&rig->early, RIG_EARLY_MAX);
    return rig;
}

static inline void rig_free(struct rig *rig)
{
    proxy_forward_free(rig->forward);
    stream_free(rig->client);
    stream_free(rig->client_end);
    stream_free(rig->server_end);
    stream_free(rig->server);
    http1_head_fini(&rig->head);
    buf_fini(&rig->early);
    pool_fini(&rig->pool); /* asserts that no room is out */
    loop_free(rig->loop);
    free(rig);
}

/* Reads the next head out of rig->early, as the connection's owner would, and makes a job. */
static inline void rig_next(struct rig *rig)
{
    struct span input = buf_span(&rig->early);
    enum http1_fault fault = HTTP1_FAULT_NONE;

    proxy_forward_free(rig->forward);
    rig->forward = NULL;
    http1_head_fini(&rig->head);
    http1_head_init(&rig->head, HTTP1_REQUEST, &rig_limits);
    assert_ok(http1_head_next(&rig->head, &input));
    buf_consume(&rig->early, rig->early.len - input.len);
    assert_ok(http1_target_read(rig->head.method, rig->head.target, &rig->target, &fault));
    rig->job = (struct proxy_forward_job){
        .env = &rig->env,
        .client = rig->client_end,
        .upstream = rig->server_end,
        .head = &rig->head,
        .target = &rig->target,
        .early = &rig->early,
        .limits = rig_limits,
        .response_timeout = RIG_PATIENCE_MS,
        .idle_timeout = RIG_PATIENCE_MS,
        .done = rig_on_done,
        .ctx = rig,
    };
    assert_ok(http1_body_of_request(rig->head.fields, rig->head.version_minor, &rig->job.body,
                                    &fault));
    rig->done_count = 0;
    memset(&rig->result, 0, sizeof rig->result);
}

/* A request's head, and what the client sent right behind it. */
static inline void rig_request(struct rig *rig, const char *text)
{
    assert_ok(buf_append(&rig->early, span_str(text)));
    rig_next(rig);
}

static inline void rig_start(struct rig *rig)
{
    assert_ok(proxy_forward_start(&rig->job, &rig->forward));
    assert_int_equal(rig->done_count, 0); /* never from inside start */
}

/* Both together, for what needs no change. */
static inline void rig_ask(struct rig *rig, const char *text)
{
    rig_request(rig, text);
    rig_start(rig);
}

static inline void rig_server_gets(struct rig *rig, const char *text)
{
    loopback_expect(rig->loop, rig->server, span_str(text));
}

static inline void rig_server_sends(struct rig *rig, const char *text)
{
    loopback_send(rig->loop, rig->server, span_str(text));
}

static inline void rig_client_gets(struct rig *rig, const char *text)
{
    loopback_expect(rig->loop, rig->client, span_str(text));
}

static inline void rig_client_sends(struct rig *rig, const char *text)
{
    loopback_send(rig->loop, rig->client, span_str(text));
}

static inline void rig_reset(struct stream **stream)
{
    stream_abort(*stream);
    stream_free(*stream);
    *stream = NULL;
}

static inline bool rig_is_done(void *ctx)
{
    return ((struct rig *)ctx)->done_count > 0;
}

static inline void rig_expect_done(struct rig *rig, enum proxy_forward_outcome outcome)
{
    loopback_turn_until(rig->loop, rig_is_done, rig);
    loopback_settle(rig->loop);
    assert_int_equal(rig->done_count, 1); /* once, and nothing after it */
    if (rig->result.outcome != outcome) {
        fail_msg("outcome %d, not %d: %s", rig->result.outcome, outcome, rig->result.why);
    }
    assert_true((rig->result.why[0] == '\0') ==
                (outcome == PROXY_FORWARD_DONE || outcome == PROXY_FORWARD_TUNNEL));
}

/* Nothing more arrives at that end. */
static inline void rig_expect_silence(struct rig *rig, struct stream *stream)
{
    uint8_t byte;
    size_t len = 0;

    loopback_settle(rig->loop);
    assert_int_equal(stream_read(stream, mspan_of(&byte, 1), &len), ERR_AGAIN);
}
