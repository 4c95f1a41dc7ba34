/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Either stream's readiness, the timer and the early bytes lead to pump(), which tries both
 * ways. The result is told from a deferred call, so that nobody frees a stream or the exchange
 * while one of their functions is on the stack.
 */
#include "proxy/proxy_forward.h"

#include "proxy/proxy_forward_down.h"
#include "proxy/proxy_forward_up.h"

#include <stdlib.h>

enum {
    ADDED_BYTES_MAX = 2048 /* to a head: Host, Via, Date, our login, framing */
};

/* ---- time ---- */

static bool awaits_head(const struct proxy_forward *forward)
{
    return forward->state == PROXY_FORWARD_INSIDE_AWAITING && forward->result.sent_at != 0;
}

/* RFC 9110 10.1.1: the client waits for the server's word before it sends more. */
static bool awaits_continue(const struct proxy_forward *forward)
{
    return forward->state == PROXY_FORWARD_INSIDE_AWAITING && forward->result.up_bytes == 0 &&
           http1_fields_has_token(forward->job.head->fields, SPAN("expect"),
                                  SPAN("100-continue"));
}

/* Nothing keeps us from reading more of the request's body but the client. */
static bool awaits_body(const struct proxy_forward *forward)
{
    return proxy_forward_lane_is_empty(&forward->up) &&
           !http1_body_reader_has_ended(&forward->request) && !awaits_continue(forward);
}

/* When the client has been too slow with its body: a byte now and then keeps no exchange. */
static msec body_deadline(const struct proxy_forward *forward)
{
    msec allowed = proxy_readtime_allowed(&forward->job.body_time, forward->body_bytes);

    return allowed == MSEC_NEVER || !awaits_body(forward) ? MSEC_NEVER
                                                          : forward->body_from + allowed;
}

static msec deadline(const struct proxy_forward *forward)
{
    msec up = forward->up.moved_at;
    msec down = forward->down.moved_at;

    return awaits_head(forward) ? forward->result.sent_at + forward->job.response_timeout
                                : msec_min((up > down ? up : down) + forward->job.idle_timeout,
                                           body_deadline(forward));
}

static void on_timeout(struct proxy_forward *forward)
{
    const bool client_is_slow =
        !proxy_forward_lane_is_empty(&forward->down) || awaits_body(forward);

    if (awaits_head(forward)) {
        proxy_forward_inside_end(forward, PROXY_FORWARD_UPSTREAM_TIMEOUT, 504,
                                 "the server did not answer within %llu ms (Timeout)",
                                 (unsigned long long)forward->job.response_timeout);
    } else if (loop_now(forward->job.env->loop) >= body_deadline(forward)) {
        proxy_forward_inside_end(forward, PROXY_FORWARD_CLIENT_TIMEOUT, 408,
                                 "the client sends its body too slowly (RequestReadTimeout)");
    } else if (client_is_slow) {
        proxy_forward_inside_end(forward, PROXY_FORWARD_CLIENT_TIMEOUT, 408,
                                 "the client moved nothing for %llu ms (Timeout)",
                                 (unsigned long long)forward->job.idle_timeout);
    } else {
        proxy_forward_inside_end(forward, PROXY_FORWARD_UPSTREAM_TIMEOUT, 504,
                                 "the server moved nothing for %llu ms (Timeout)",
                                 (unsigned long long)forward->job.idle_timeout);
    }
}

static void arm(struct proxy_forward *forward, msec at)
{
    if (timer_set(&forward->timer, at) != OK) {
        proxy_forward_inside_end(forward, PROXY_FORWARD_NO_ROOM, 503, "out of memory");
    }
}

static void on_timer(void *ctx)
{
    struct proxy_forward *forward = ctx;
    msec due = deadline(forward);

    if (forward->state == PROXY_FORWARD_INSIDE_OVER) {
        return;
    }
    if (!awaits_body(forward)) { /* it was not the client who was slow: its time begins anew */
        forward->body_from = loop_now(forward->job.env->loop);
        forward->body_bytes = 0;
        due = deadline(forward);
    }
    if (loop_now(forward->job.env->loop) < due) {
        arm(forward, due);
    } else {
        on_timeout(forward);
    }
}

/* ---- moving ---- */

static void pump(struct proxy_forward *forward)
{
    bool has_more;

    if (forward->state == PROXY_FORWARD_INSIDE_OVER) { /* it waits to be told */
        return;
    }
    has_more = proxy_forward_up_pump(forward);
    if (forward->state != PROXY_FORWARD_INSIDE_OVER) {
        has_more = proxy_forward_down_pump(forward) || has_more;
    }
    if (forward->state == PROXY_FORWARD_INSIDE_OVER) {
        return;
    }
    /* Only to an earlier time: a timer that finds itself too early moves itself. */
    if (deadline(forward) < forward->timer.node.at) {
        arm(forward, deadline(forward));
    }
    if (has_more) {
        loop_defer(forward->job.env->loop, &forward->again);
    }
}

static void on_ready(void *ctx)
{
    pump(ctx);
}

/* ---- the result ---- */

static bool may_retry(const struct proxy_forward *forward)
{
    return forward->result.outcome == PROXY_FORWARD_UPSTREAM_GONE && !forward->has_read_body &&
           (forward->up.moved == 0 || http1_forward_is_idempotent(forward->job.head->method));
}

static void tell(struct proxy_forward *forward)
{
    struct proxy_forward_result *result = &forward->result;
    const bool is_done = result->outcome == PROXY_FORWARD_DONE;
    const bool has_ended = http1_body_reader_has_ended(&forward->request);

    /* A head that was put in and never began to leave has not been sent. */
    if (forward->status != 0 && forward->down.moved > forward->final_from) {
        result->status = forward->status;
    }
    result->may_retry = may_retry(forward);
    if (!result->may_retry) {
        buf_consume(forward->job.early, forward->early_used);
        forward->early_used = 0;
    }
    result->client_may_continue = is_done && forward->client_persists && has_ended;
    result->client_must_linger = !has_ended && !forward->client_ended;
    result->upstream_may_continue =
        is_done ? forward->upstream_persists && has_ended &&
                      proxy_forward_lane_is_empty(&forward->up)
                : result->outcome == PROXY_FORWARD_CLIENT_FAULT && forward->up.moved == 0;
    result->server_early = buf_span(&forward->server_early);

    timer_cancel(&forward->timer);
    stream_on_ready(forward->job.client, NULL, NULL);
    stream_on_ready(forward->job.upstream, NULL, NULL);
    forward->job.done(forward->job.ctx, result); /* the exchange may be gone now */
}

static void on_again(void *ctx)
{
    struct proxy_forward *forward = ctx;

    if (forward->state == PROXY_FORWARD_INSIDE_OVER) {
        tell(forward);
    } else {
        pump(forward);
    }
}

/* ---- the face ---- */

static void init(struct proxy_forward *forward, const struct proxy_forward_job *job)
{
    const size_t head_max = job->limits.head_bytes + ADDED_BYTES_MAX;

    forward->job = *job;
    forward->state = PROXY_FORWARD_INSIDE_AWAITING;
    forward->result.began = loop_now(job->env->loop);
    forward->body_from = forward->result.began;
    proxy_forward_lane_init(&forward->up, job->env, job->upstream, head_max, head_max);
    proxy_forward_lane_init(&forward->down, job->env, job->client, head_max, head_max);
    http1_body_reader_init(&forward->request, &job->body, &job->limits);
    http1_head_init(&forward->answer, HTTP1_RESPONSE, &job->limits);
    buf_init(&forward->server_early, job->env->scratch.len);
    loop_later_init(&forward->again, on_again, forward);
    timer_init(&forward->timer, job->env->loop, on_timer, forward);
}

enum err proxy_forward_start(const struct proxy_forward_job *job,
                             struct proxy_forward **ret_forward)
{
    struct proxy_forward *forward = calloc(1, sizeof *forward);
    enum err e;

    assert(job->target->form == HTTP1_TARGET_ABSOLUTE);
    assert(job->early->max >= job->env->scratch.len);
    assert(job->env->scratch.len > 2 * HTTP1_CHUNK_BEGIN_BYTES &&
           job->env->scratch.len <= job->env->pool->room_bytes);
    if (forward == NULL) {
        return ERR_NOMEM;
    }
    init(forward, job);
    e = proxy_forward_up_begin(forward);
    if (e == OK) {
        e = timer_set(&forward->timer, deadline(forward));
    }
    if (e != OK) {
        proxy_forward_free(forward);
        return e;
    }
    stream_on_ready(job->client, on_ready, forward);
    stream_on_ready(job->upstream, on_ready, forward);
    pump(forward);
    *ret_forward = forward;
    return OK;
}

void proxy_forward_free(struct proxy_forward *forward)
{
    if (forward == NULL) {
        return;
    }
    loop_undefer(&forward->again);
    timer_cancel(&forward->timer);
    proxy_forward_lane_fini(&forward->up);
    proxy_forward_lane_fini(&forward->down);
    http1_body_reader_fini(&forward->request);
    http1_body_reader_fini(&forward->response);
    http1_head_fini(&forward->answer);
    buf_fini(&forward->server_early);
    free(forward);
}

uint64_t proxy_forward_up_bytes(const struct proxy_forward *forward)
{
    return forward->result.up_bytes;
}

uint64_t proxy_forward_down_bytes(const struct proxy_forward *forward)
{
    return forward->result.down_bytes;
}

struct http1_fields proxy_forward_answer_fields(const struct proxy_forward *forward)
{
    return forward->answer.fields;
}
