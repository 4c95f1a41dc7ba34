/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_forward_down.h"

#include "daemon/daemon_clock.h"
#include "proxy/proxy_upgrade.h"

enum {
    READS_PER_TURN = 4 /* then it is somebody else's turn */
};

/* ---- what goes wrong ---- */

static void on_fault(struct proxy_forward *forward, const char *what)
{
    proxy_forward_inside_end(forward, PROXY_FORWARD_UPSTREAM_FAULT, 502, "the server %s", what);
}

static void on_no_room(struct proxy_forward *forward)
{
    proxy_forward_inside_end(forward, PROXY_FORWARD_NO_ROOM, 503, "no buffer left");
}

/* A head that could not be read or written on. */
static void on_head_failed(struct proxy_forward *forward, enum err e, const char *what)
{
    if (e == ERR_NOMEM) {
        on_no_room(forward);
    } else {
        on_fault(forward, what);
    }
}

/* Of the lane to the client. */
static void on_lane_failed(struct proxy_forward *forward, enum err e)
{
    if (e == ERR_NOMEM || e == ERR_LIMIT) {
        on_no_room(forward);
    } else {
        proxy_forward_inside_end(forward, PROXY_FORWARD_CLIENT_GONE, 0,
                                 "the client's connection was reset");
    }
}

/* ---- content ---- */

static bool take_content(struct proxy_forward *forward, struct span *input)
{
    struct proxy_forward_inside_content content;
    enum err e = proxy_forward_inside_gather(forward, &forward->response, input, &content);

    if (e == ERR_NOMEM) {
        on_no_room(forward);
        return false;
    }
    if (e != OK) {
        on_fault(forward, http1_body_reader_why(&forward->response));
        return false;
    }
    if (input->len > 0) { /* a response that nobody asked for; RFC 9112 9.2 */
        forward->upstream_persists = false;
    }
    e = proxy_forward_inside_put(&forward->down, &content, forward->framing);
    if (e != OK) {
        on_lane_failed(forward, e);
        return false;
    }
    forward->result.down_bytes += content.bytes.len;
    if (content.has_ended) {
        proxy_forward_inside_move(forward, PROXY_FORWARD_INSIDE_ANSWERED);
    }
    return true;
}

/* ---- heads ---- */

static struct http1_forward_response response_of(const struct proxy_forward *forward)
{
    return (struct http1_forward_response){
        .head = &forward->answer,
        .via = forward->job.via,
        .client_minor = forward->job.head->version_minor,
        .is_to_head = span_equals(forward->job.head->method, "HEAD"),
        .keeps_challenge = forward->job.keeps_login,
    };
}

static void read_next_head(struct proxy_forward *forward)
{
    http1_head_fini(&forward->answer);
    http1_head_init(&forward->answer, HTTP1_RESPONSE, &forward->job.limits);
}

/* RFC 9110 15.2: a proxy MUST forward 1xx responses, but to an HTTP/1.0 client no server may
 * send one. */
static bool pass_interim(struct proxy_forward *forward)
{
    const struct http1_forward_response response = response_of(forward);

    if (forward->job.head->version_minor > 0) {
        enum err e = http1_forward_put_response(&response, &forward->down.head);

        if (e != OK) {
            on_head_failed(forward, e, "sent interim responses without end");
            return false;
        }
    }
    read_next_head(forward);
    return true;
}

/* RFC 9110 15.2.2: a 101 follows upon a request's Upgrade, and ours follows upon its check. */
static bool switch_protocols(struct proxy_forward *forward, struct span *input)
{
    const struct http1_forward_response response = response_of(forward);
    const char *fault = forward->job.is_upgrade
                            ? proxy_upgrade_judge(forward->job.head, &forward->answer)
                            : "switched protocols without being asked (RFC 9110 7.8)";
    enum err e;

    if (fault != NULL) {
        on_fault(forward, fault);
        return false;
    }
    forward->final_from = proxy_forward_lane_promised(&forward->down);
    e = proxy_upgrade_put_answer(&response, &forward->down.head);
    if (e == OK) {
        e = buf_append(&forward->server_early, *input);
    }
    if (e != OK) {
        on_head_failed(forward, e, "sent a head that is too long to pass on");
        return false;
    }
    *input = span_tail(*input, input->len);
    forward->status = forward->answer.status;
    forward->result.answered_at = loop_now(forward->job.env->loop);
    proxy_forward_inside_move(forward, PROXY_FORWARD_INSIDE_SWITCHED);
    return true;
}

/* Whether a response is malformed in what it says about its body, or is none for the client. */
static bool is_refused(struct proxy_forward *forward, struct http1_body *ret_body)
{
    const struct http1_head *answer = &forward->answer;
    const struct http1_body_answer facts = {
        .method = forward->job.head->method,
        .status = answer->status,
        .version_minor = answer->version_minor,
    };
    enum http1_fault fault = HTTP1_FAULT_NONE;

    if (http1_body_of_response(answer->fields, &facts, ret_body, &fault) != OK) {
        on_fault(forward, http1_fault_text(fault));
        return true;
    }
    /* RFC 9110 15.5.8 and 11.7.1: the challenge is ours, as was the login; without it a 407
     * would be no use to the client. */
    if (answer->status == 407 && forward->job.to_parent && !forward->job.keeps_login) {
        proxy_forward_inside_end(
            forward, PROXY_FORWARD_UPSTREAM_FAULT, 502, "the parent proxy %s",
            forward->job.login.len > 0 ? "refused the login it was given"
                                       : "wants a login and none is configured");
        return true;
    }
    return false;
}

/* RFC 9112 9.3 to 9.6: what both sides may expect behind this exchange. The client is told in
 * the head, so a request that it has not finished by now ends its connection: nobody could tell
 * whether the rest is still to come. */
static void decide_persistence(struct proxy_forward *forward, struct http1_body body)
{
    const struct http1_head *answer = &forward->answer;
    /* RFC 9112 6.3 item 1: such lengths are ignored; who sends them may not be understood. */
    const bool is_odd = answer->status == 204 &&
                        (http1_fields_find(answer->fields, SPAN("transfer-encoding")) != NULL ||
                         http1_fields_find(answer->fields, SPAN("content-length")) != NULL);

    forward->client_persists = !forward->job.closes &&
                               forward->framing != HTTP1_BODY_UNTIL_CLOSE &&
                               http1_body_reader_has_ended(&forward->request) &&
                               http1_forward_client_persists(forward->job.head);
    forward->upstream_persists = !forward->up.is_cut && !forward->job.closes_upstream &&
                                 body.type != HTTP1_BODY_UNTIL_CLOSE && !is_odd &&
                                 http1_forward_server_persists(forward->job.head, answer);
}

static bool begin_response(struct proxy_forward *forward)
{
    struct http1_forward_response response = response_of(forward);
    char stamp[DAEMON_CLOCK_BYTES];
    enum err e;

    if (is_refused(forward, &response.body)) {
        return false;
    }
    forward->framing = http1_forward_body(&response).type;
    decide_persistence(forward, response.body);
    response.closes = !forward->client_persists;
    response.date = span_str(daemon_clock_http(stamp));
    forward->final_from = proxy_forward_lane_promised(&forward->down);
    e = http1_forward_put_response(&response, &forward->down.head);
    if (e != OK) {
        on_head_failed(forward, e, "sent a head that is too long to pass on");
        return false;
    }
    http1_body_reader_init(&forward->response, &response.body, &forward->job.limits);
    forward->status = forward->answer.status;
    forward->result.answered_at = loop_now(forward->job.env->loop);
    proxy_forward_inside_move(forward, PROXY_FORWARD_INSIDE_ANSWERING);
    return true;
}

static bool on_head(struct proxy_forward *forward, struct span *input)
{
    if (forward->answer.status == 101) {
        return switch_protocols(forward, input);
    }
    return forward->answer.status < 200 ? pass_interim(forward) : begin_response(forward);
}

/* Everything that one read brought. */
static bool take(struct proxy_forward *forward, struct span *input)
{
    while (forward->state == PROXY_FORWARD_INSIDE_AWAITING) {
        enum err e = http1_head_next(&forward->answer, input);

        if (e == ERR_AGAIN) {
            return true;
        }
        if (e != OK) {
            on_head_failed(forward, e, http1_fault_text(http1_head_fault(&forward->answer)));
            return false;
        }
        if (!on_head(forward, input)) {
            return false;
        }
    }
    return forward->state == PROXY_FORWARD_INSIDE_SWITCHED || take_content(forward, input);
}

/* ---- reading and writing ---- */

/* RFC 9112 8: what has no length ends with the connection, but only if that ends properly; all
 * else is incomplete. */
static bool on_upstream_ended(struct proxy_forward *forward, bool is_clean)
{
    const struct proxy_forward_inside_content end = {.has_ended = true};
    enum err e;

    forward->upstream_persists = false;
    if (!forward->has_heard) {
        proxy_forward_inside_end(forward, PROXY_FORWARD_UPSTREAM_GONE, 502,
                                 "the server closed the connection without an answer");
        return false;
    }
    if (forward->state == PROXY_FORWARD_INSIDE_AWAITING) {
        on_fault(forward, "closed the connection before its answer had begun");
        return false;
    }
    if (!is_clean || !http1_body_reader_may_close(&forward->response)) {
        on_fault(forward, "closed the connection in the middle of a response (RFC 9112 8)");
        return false;
    }
    e = proxy_forward_inside_put(&forward->down, &end, forward->framing);
    if (e != OK) {
        on_lane_failed(forward, e);
        return false;
    }
    proxy_forward_inside_move(forward, PROXY_FORWARD_INSIDE_ANSWERED);
    return true;
}

/* False: it is over, or nothing is there. */
static bool read_upstream(struct proxy_forward *forward)
{
    struct mspan room = proxy_forward_inside_room(forward);
    struct span input;
    size_t len = 0;
    enum err e = stream_read(forward->job.upstream, room, &len);

    if (e == ERR_AGAIN) {
        return false;
    }
    if (e != OK || len == 0) {
        return on_upstream_ended(forward, e == OK);
    }
    forward->has_heard = true;
    forward->down.moved_at = loop_now(forward->job.env->loop);
    input = span_of(room.ptr, len);
    return take(forward, &input);
}

/* Behind the last byte to the client. */
static void finish(struct proxy_forward *forward)
{
    if (forward->state == PROXY_FORWARD_INSIDE_SWITCHED) {
        proxy_forward_inside_end(forward, PROXY_FORWARD_TUNNEL, 0, "%s", "");
    } else if (forward->state == PROXY_FORWARD_INSIDE_ANSWERED) {
        proxy_forward_inside_end(forward, PROXY_FORWARD_DONE, 0, "%s", "");
    }
}

bool proxy_forward_down_pump(struct proxy_forward *forward)
{
    for (int i = 0;; i++) {
        enum err e = proxy_forward_lane_flush(&forward->down);

        if (e == ERR_AGAIN) {
            return false;
        }
        if (e != OK) {
            on_lane_failed(forward, e);
            return false;
        }
        finish(forward);
        if (forward->state == PROXY_FORWARD_INSIDE_OVER) {
            return false;
        }
        if (i == READS_PER_TURN) {
            return true;
        }
        if (!read_upstream(forward)) {
            return false;
        }
    }
}
