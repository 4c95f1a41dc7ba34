/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_forward_up.h"

#include "proxy/proxy_upgrade.h"

enum {
    READS_PER_TURN = 4 /* then it is somebody else's turn */
};

/* The upstream gets no more. Whoever refuses an upload has often said why before it hung up:
 * its answer is still waited for, and the rest of the request is read and dropped, so that a
 * client that writes before it reads comes to reading it. */
static void stop_sending(struct proxy_forward *forward)
{
    proxy_forward_lane_cut(&forward->up);
    forward->upstream_persists = false;
}

static void on_client_failed(struct proxy_forward *forward, const char *how)
{
    proxy_forward_inside_end(forward, PROXY_FORWARD_CLIENT_GONE, 0, "%s", how);
}

static void refuse_body(struct proxy_forward *forward, enum err e)
{
    if (e == ERR_PROTO || e == ERR_LIMIT) {
        proxy_forward_inside_end(forward, PROXY_FORWARD_CLIENT_FAULT,
                                 http1_body_reader_status(&forward->request), "the client %s",
                                 http1_body_reader_why(&forward->request));
    } else {
        proxy_forward_inside_end(forward, PROXY_FORWARD_NO_ROOM, 503, "out of memory");
    }
}

/* Takes what it can of *input, which lies in the room; true: go on. What is left in it belongs
 * to the next request. */
static bool take(struct proxy_forward *forward, struct span *input,
                 struct proxy_forward_inside_content *ret_content)
{
    enum err e = proxy_forward_inside_gather(forward, &forward->request, input, ret_content);

    if (e != OK) {
        refuse_body(forward, e);
        return false;
    }
    return true;
}

static bool pass_on(struct proxy_forward *forward,
                    const struct proxy_forward_inside_content *content)
{
    enum err e = proxy_forward_inside_put(&forward->up, content, forward->job.body.type);

    if (e == ERR_NOMEM || e == ERR_LIMIT) {
        proxy_forward_inside_end(forward, PROXY_FORWARD_NO_ROOM, 503, "no buffer left");
        return false;
    }
    if (e != OK) {
        stop_sending(forward);
    }
    forward->result.up_bytes += content->bytes.len;
    forward->body_bytes += content->bytes.len;
    return true;
}

/* What came with the head is read first. It stays where it is until the request cannot be tried
 * again. */
static bool take_early(struct proxy_forward *forward)
{
    struct proxy_forward_inside_content content;
    struct mspan room = proxy_forward_inside_room(forward);
    struct span part =
        span_head(span_tail(buf_span(forward->job.early), forward->early_used), room.len);
    struct span input = span_of(room.ptr, part.len);

    if (part.len > 0) {
        memcpy(room.ptr, part.ptr, part.len);
    }
    if (!take(forward, &input, &content)) {
        return false;
    }
    forward->early_used += part.len - input.len;
    return pass_on(forward, &content);
}

/* True when bytes came. */
static bool read_client(struct proxy_forward *forward, struct mspan room, size_t *ret_len)
{
    enum err e = stream_read(forward->job.client, room, ret_len);

    if (e == OK && *ret_len == 0) {
        forward->client_ended = true;
        return false;
    }
    if (e != OK && e != ERR_AGAIN) {
        on_client_failed(forward, "the client's connection was reset");
    }
    return e == OK;
}

/* RFC 9112 8: an incomplete message. Who has begun to read an early answer may still want the
 * rest of it. */
static void on_request_cut(struct proxy_forward *forward)
{
    if (forward->state == PROXY_FORWARD_INSIDE_AWAITING) {
        on_client_failed(forward, "the client left in the middle of its request");
    } else {
        stop_sending(forward);
    }
}

static bool take_stream(struct proxy_forward *forward)
{
    struct proxy_forward_inside_content content;
    struct mspan room = proxy_forward_inside_room(forward);
    struct span input;
    size_t len = 0;

    if (!read_client(forward, room, &len)) {
        if (forward->client_ended) {
            on_request_cut(forward);
        }
        return false;
    }
    /* There is no second try from here on. */
    buf_consume(forward->job.early, forward->early_used);
    forward->early_used = 0;
    forward->has_read_body = true;
    forward->up.moved_at = loop_now(forward->job.env->loop);
    input = span_of(room.ptr, len);
    if (!take(forward, &input, &content)) {
        return false;
    }
    if (buf_append(forward->job.early, input) != OK) {
        proxy_forward_inside_end(forward, PROXY_FORWARD_NO_ROOM, 503, "out of memory");
        return false;
    }
    return pass_on(forward, &content);
}

/* Behind the request: the next one, or that the client has left. Its FIN may mean either that
 * it has gone or that it has no more to ask (RFC 9112 9.6); the answer is still sent. */
static void listen_on(struct proxy_forward *forward)
{
    struct buf *early = forward->job.early;
    struct mspan room = proxy_forward_inside_room(forward);
    size_t len = 0;

    while (!forward->client_ended && early->len < early->max) {
        size_t left = early->max - early->len;

        if (!read_client(forward, mspan_of(room.ptr, left < room.len ? left : room.len),
                         &len)) {
            return;
        }
        if (buf_append(early, span_of(room.ptr, len)) != OK) {
            proxy_forward_inside_end(forward, PROXY_FORWARD_NO_ROOM, 503, "out of memory");
            return;
        }
    }
}

static bool has_early(const struct proxy_forward *forward)
{
    return forward->early_used < forward->job.early->len;
}

/* OK: all that was put in is out. */
static enum err flush(struct proxy_forward *forward)
{
    enum err e = proxy_forward_lane_flush(&forward->up);

    if (e != OK && e != ERR_AGAIN) {
        stop_sending(forward);
        return OK;
    }
    return e;
}

enum err proxy_forward_up_begin(struct proxy_forward *forward)
{
    const struct proxy_forward_job *job = &forward->job;
    const struct http1_forward_request request = {
        .head = job->head,
        .target = job->target,
        .body = job->body,
        .via = job->via,
        .to_parent = job->to_parent,
        .keeps_login = job->keeps_login,
        .adds_max_forwards = job->adds_max_forwards,
        .max_forwards = job->max_forwards,
        .login = job->login,
        .closes = job->closes_upstream,
    };

    if (job->is_upgrade) {
        TRY(proxy_upgrade_put_request(&request, &forward->up.head));
    } else {
        TRY(http1_forward_put_request(&request, &forward->up.head));
    }
    take_early(forward); /* what fits goes with the head; without a body this is its end */
    return OK;
}

bool proxy_forward_up_pump(struct proxy_forward *forward)
{
    for (int i = 0; flush(forward) == OK; i++) {
        if (http1_body_reader_has_ended(&forward->request)) {
            if (forward->result.sent_at == 0 && !forward->up.is_cut) {
                forward->result.sent_at = loop_now(forward->job.env->loop);
            }
            break;
        }
        if (i == READS_PER_TURN) {
            return true;
        }
        if (has_early(forward) ? !take_early(forward) : !take_stream(forward)) {
            return false;
        }
    }
    if (http1_body_reader_has_ended(&forward->request)) {
        listen_on(forward);
    }
    return false;
}
