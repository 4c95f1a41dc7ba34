/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_http_diag.h"

#include "http1/http1_write.h"
#include "ws/ws.h"
#include "ws/ws_frame.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    SECOND_MS = 1000,
    SILENCE_MS = 60000,
    DRIPS = 10,
    DRIP_EVERY_MS = 1000,
    BODY_BYTES = 200,
};

#define FIN_PROTOCOL "wayleave-fin"

/* ---- the gate ---- */

static bool is_within_rate(const struct realm_http_env *env)
{
    struct realm_http_gate *gate = env->gate;

    if (env->now - gate->second >= SECOND_MS) {
        gate->second = env->now;
        gate->count = 0;
    }
    if (gate->count >= env->conf->diagnostic_rate) {
        return false;
    }
    gate->count++;
    return true;
}

static enum err refuse_rate(const struct realm_http_question *question)
{
    struct realm_http_question_answer answer = {.status = 429};

    realm_http_question_add(&answer, SPAN("Retry-After"), SPAN("1"));
    return realm_http_question_give_refusal(
        question, &answer,
        "more is asked of /echo and /diag/ than they answer in a second (DiagnosticRate)");
}

static bool is_get(const struct realm_http_question *question)
{
    return span_equals(question->head->method, "GET");
}

/* ---- the endpoints ---- */

/* The head as it arrived, byte for byte. */
static enum err give_head(struct realm_http_question *question)
{
    struct realm_http_question_answer answer = {
        .status = 200,
        .content_type = SPAN("application/octet-stream"),
        .body = buf_span(&question->head->bytes),
    };

    realm_http_question_add(&answer, SPAN("Cache-Control"), SPAN("no-store"));
    return realm_http_question_give(question, &answer);
}

static enum err put_stream_head(const struct realm_http_question *question, struct span type,
                                bool is_chunked, uint64_t length)
{
    struct buf *out = question->out;

    TRY(http1_write_status_line(out, 200, SPAN("")));
    TRY(http1_write_field(out, SPAN("Content-Type"), type));
    TRY(http1_write_field(out, SPAN("Cache-Control"), SPAN("no-store")));
    /* nginx gathers an answer before it passes it on, unless it is told not to */
    TRY(http1_write_field(out, SPAN("X-Accel-Buffering"), SPAN("no")));
    if (is_chunked) {
        TRY(http1_write_field(out, SPAN("Transfer-Encoding"), SPAN("chunked")));
    } else {
        TRY(buf_printf(out, "Content-Length: %" PRIu64 "\r\n", length));
    }
    if (!question->verdict->keeps) {
        TRY(http1_write_field(out, SPAN("Connection"), SPAN("close")));
    }
    return http1_write_end(out);
}

static enum err begin_drip(struct realm_http_question *question, struct span type,
                           const struct realm_http_drip *drip)
{
    bool is_chunked = drip->form != REALM_HTTP_DRIP_PLAIN;
    size_t before = question->out->len;
    enum err e = put_stream_head(question, type, is_chunked, drip->left);

    if (e != OK) {
        buf_truncate(question->out, before);
        return e;
    }
    question->verdict->action = REALM_HTTP_DRIP;
    question->verdict->status = 200;
    question->verdict->drip = *drip;
    return OK;
}

static enum err give_drip(struct realm_http_question *question)
{
    struct realm_http_drip drip = {.form = REALM_HTTP_DRIP_CHUNKED};
    struct span form = SPAN("chunks");

    (void)realm_http_question_text(question, "form", &form);
    if (!realm_http_question_number(question, "count", DRIPS, REALM_HTTP_DIAG_DRIPS_MAX,
                                    &drip.left) ||
        !realm_http_question_number(question, "ms", DRIP_EVERY_MS, REALM_HTTP_DIAG_MS_MAX,
                                    &drip.every) ||
        drip.left * drip.every > REALM_HTTP_DIAG_MS_MAX ||
        (!span_equals(form, "chunks") && !span_equals(form, "events"))) {
        return realm_http_question_refuse(
            question, 400,
            "write ?count=10&ms=1000&form=chunks or events, at most ten minutes in all");
    }
    if (question->head->version_minor == 0) {
        return realm_http_question_refuse(question, 400, "HTTP/1.0 has no chunks");
    }
    if (span_equals(form, "events")) {
        drip.form = REALM_HTTP_DRIP_EVENTS;
        return begin_drip(question, SPAN("text/event-stream"), &drip);
    }
    return begin_drip(question, SPAN("text/plain"), &drip);
}

static enum err give_size(struct realm_http_question *question)
{
    struct realm_http_verdict *verdict = question->verdict;
    uint64_t max = question->env->conf->echo_bytes;
    struct realm_http_drip drip = {.form = REALM_HTTP_DRIP_PLAIN};

    if (span_equals(question->head->method, "POST")) {
        if (question->body.type == HTTP1_BODY_LENGTH && question->body.length > max) {
            return realm_http_question_refuse(question, 413,
                                              "that is more than EchoMessageBytesMax");
        }
        verdict->body = question->body;
        verdict->body_max = max;
        verdict->wants_continue = question->head->version_minor >= 1 &&
                                  question->body.type != HTTP1_BODY_NONE &&
                                  http1_fields_has_token(question->head->fields, SPAN("expect"),
                                                         SPAN("100-continue"));
        verdict->action = REALM_HTTP_MEASURE;
        return OK;
    }
    if (!is_get(question)) {
        return realm_http_question_refuse_method(question, "GET, POST");
    }
    if (!realm_http_question_number(question, "bytes", 1024, max, &drip.left)) {
        return realm_http_question_refuse(question, 400,
                                          "write ?bytes=65536, at most EchoMessageBytesMax");
    }
    return begin_drip(question, SPAN("application/octet-stream"), &drip);
}

/* Over WebSocket: it is open, answers pings and echoes, and says nothing by itself. */
static enum err give_silence(struct realm_http_question *question)
{
    uint64_t ms;

    if (realm_http_question_wants_upgrade(question, "websocket")) {
        return realm_http_question_upgrade(question, REALM_HTTP_SILENT);
    }
    if (!realm_http_question_number(question, "ms", SILENCE_MS, REALM_HTTP_DIAG_MS_MAX, &ms)) {
        return realm_http_question_refuse(question, 400,
                                          "write ?ms=60000, at most ten minutes");
    }
    question->verdict->action = REALM_HTTP_SILENCE;
    question->verdict->silence_ms = ms;
    return OK;
}

/* A WebSocket whose first message leaves in one write with the 101: some middle boxes lose what
 * comes so early. */
static enum err give_glued(struct realm_http_question *question)
{
    const struct span text = SPAN("glued");
    const struct ws_frame frame = {
        .fin = true, .opcode = WS_OPCODE_TEXT, .payload_len = text.len};
    size_t before = question->out->len;

    TRY(realm_http_question_upgrade(question, REALM_HTTP_ECHO));
    if (question->verdict->action == REALM_HTTP_ECHO &&
        ws_frame_put(&frame, text, question->out) != OK) {
        buf_truncate(question->out, before);
        return ERR_NOMEM;
    }
    return OK;
}

static enum err give_fin(struct realm_http_question *question)
{
    struct buf *out = question->out;
    size_t before = out->len;

    if (!is_get(question) || question->body.type != HTTP1_BODY_NONE ||
        !realm_http_question_wants_upgrade(question, FIN_PROTOCOL)) {
        struct realm_http_question_answer answer = {.status = 426};

        realm_http_question_add(&answer, SPAN("Upgrade"), SPAN(FIN_PROTOCOL));
        realm_http_question_add(&answer, SPAN("Connection"), SPAN("Upgrade"));
        return realm_http_question_give_refusal(question, &answer,
                                                "ask with Upgrade: " FIN_PROTOCOL
                                                " and Connection: Upgrade, then send and end");
    }
    if (http1_write_status_line(out, 101, SPAN("")) != OK ||
        http1_write_field(out, SPAN("Upgrade"), SPAN(FIN_PROTOCOL)) != OK ||
        http1_write_field(out, SPAN("Connection"), SPAN("Upgrade")) != OK ||
        http1_write_end(out) != OK) {
        buf_truncate(out, before);
        return ERR_NOMEM;
    }
    question->verdict->action = REALM_HTTP_FIN;
    question->verdict->status = 101;
    question->verdict->keeps = false;
    return OK;
}

static enum err give_echo(struct realm_http_question *question)
{
    return realm_http_question_upgrade(question, REALM_HTTP_ECHO);
}

static const struct endpoint {
    const char *path;
    enum err (*give)(struct realm_http_question *question);
    bool has_methods; /* looks at the method itself */
} endpoints[] = {
    {"/diag/headers", give_head, true},
    {"/diag/drip", give_drip, false},
    {"/diag/fin", give_fin, true},
    {"/diag/glued", give_glued, true},
    {"/diag/silence", give_silence, false},
    {"/diag/size", give_size, true},
    {"/echo", give_echo, true},
};

static enum err give(struct realm_http_question *question, const struct endpoint *endpoint)
{
    const struct realm_http_env *env = question->env;

    if (!realm_origin_may(question->origin)) {
        return realm_http_question_refuse_origin(question);
    }
    if (!endpoint->has_methods && !is_get(question)) {
        return realm_http_question_refuse_method(question, "GET");
    }
    if (!is_within_rate(env)) {
        return refuse_rate(question);
    }
    if (env->gate->running >= env->conf->diagnostics_max) {
        return realm_http_question_refuse(
            question, 503, "as much of /echo and /diag/ runs as may (DiagnosticsMax)");
    }
    TRY(endpoint->give(question));
    question->verdict->is_diagnostic = question->verdict->action != REALM_HTTP_ANSWER;
    return OK;
}

enum err realm_http_diag_judge(struct realm_http_question *question)
{
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        if (span_equals(question->target.path, endpoints[i].path)) {
            return give(question, &endpoints[i]);
        }
    }
    return realm_http_question_refuse(
        question, 404, "there are /diag/headers, drip, fin, glued, silence and size");
}

/* ---- later answers ---- */

static enum err give_later(const struct realm_http_env *env, const struct http1_head *head,
                           struct span body, struct buf *out,
                           struct realm_http_verdict *verdict)
{
    struct realm_http_question_answer answer = {
        .status = 200, .content_type = SPAN("application/json"), .body = body};
    struct realm_http_question question = {
        .env = env, .head = head, .out = out, .verdict = verdict};

    (void)realm_http_question_read(&question);
    verdict->keeps = verdict->keeps && verdict->action == REALM_HTTP_SILENCE;
    realm_http_question_add(&answer, SPAN("Cache-Control"), SPAN("no-store"));
    return realm_http_question_give(&question, &answer);
}

enum err realm_http_diag_broken_silence(const struct realm_http_env *env,
                                        const struct http1_head *head, struct buf *out,
                                        struct realm_http_verdict *verdict)
{
    char body[BODY_BYTES];

    snprintf(body, sizeof body, "{\"silentMs\": %" PRIu64 "}\n", verdict->silence_ms);
    return give_later(env, head, span_str(body), out, verdict);
}

enum err realm_http_diag_measured(const struct realm_http_env *env,
                                  const struct http1_head *head, uint64_t bytes, msec took,
                                  struct buf *out, struct realm_http_verdict *verdict)
{
    char body[BODY_BYTES];

    snprintf(body, sizeof body, "{\"bytes\": %" PRIu64 ", \"tookMs\": %" PRIu64 "}\n", bytes,
             took);
    return give_later(env, head, span_str(body), out, verdict);
}
