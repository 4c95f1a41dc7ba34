/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Requests to a realm: files, the API, SockJS, diagnostics, upgrades. The input is a head and,
 * behind it, the body of an event. Every answer must be one that a strict reader of HTTP takes,
 * of the very length that it says; nothing of the request gets into a line of the answer's head
 * by itself.
 */
#include "http1/http1_body_reader.h"
#include "pubsub/queue_set.h"
#include "realm/realm_http_admin.h"
#include "realm/realm_http_api.h"
#include "realm/realm_http_diag.h"
#include "realm/realm_http_login.h"
#include "realm/realm_http_sockjs.h"
#include "realm/realm_made.h"
#include "realm/realm_stomp_stream.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everybody may everything. */
static struct realm_acl_rule everybody = {.allows = true,
                                          .rights = UINT32_MAX,
                                          .name = {(const uint8_t *)"*", 1},
                                          .is_any_host = true};
static struct realm_acl acl = {.rules = &everybody, .count = 1};

static struct router_rule rules[] = {
    {.pattern = {(const uint8_t *)"/demo/*", 7},
     .channel = {.capacity = 4, .store_bytes = 1 << 16},
     .access = &acl},
    {.pattern = {(const uint8_t *)"/jobs/*", 7},
     .kind = ROUTER_QUEUE,
     .channel = {.capacity = 4, .store_bytes = 1 << 16},
     .access = &acl},
    {.pattern = {(const uint8_t *)"/desk/*", 7},
     .kind = ROUTER_GROUP,
     .channel = {.type = CHANNEL_TRANSIENT, .capacity = 4, .store_bytes = 1 << 16},
     .access = &acl},
};

static const struct realm_asset assets[] = {
    {"js/demo/index.html", {(const uint8_t *)"page", 4}, "aa"},
    {NULL, {NULL, 0}, NULL},
};

static void must(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

/* Where one answer ends; with `is_whole` that must be the end of everything. */
static void check_answer(struct span answer, struct span method, bool is_whole)
{
    static const struct http1_limits limits = {65536, 65536, 100, 1 << 20};
    struct http1_head head;
    struct http1_body body;
    struct http1_body_reader reader;
    struct http1_body_reader_piece piece;
    enum http1_fault fault;
    enum err e;

    http1_head_init(&head, HTTP1_RESPONSE, &limits);
    must(http1_head_next(&head, &answer) == OK);
    if (is_whole && head.status != 101) {
        const struct http1_body_answer about = {method, head.status, head.version_minor};

        must(http1_body_of_response(head.fields, &about, &body, &fault) == OK);
        http1_body_reader_init(&reader, &body, &limits);
        while ((e = http1_body_reader_next(&reader, &answer, &piece)) == OK) {
        }
        must(e == ERR_AGAIN && http1_body_reader_has_ended(&reader));
        must(answer.len == 0);
        http1_body_reader_fini(&reader);
    }
    http1_head_fini(&head);
}

struct published {
    struct router_ticket ticket;
    struct realm_http_api_receipt receipt;
};

static void on_done(struct router_ticket *ticket, enum err e,
                    const struct router_receipt *receipts, size_t count)
{
    struct published *published = (struct published *)(void *)ticket;

    must(e == OK && count == 1);
    published->receipt.eid = receipts[0].eid;
}

static void publish(const struct realm_http_env *env, const struct http1_head *head,
                    struct span body, struct buf *out, struct realm_http_verdict *verdict)
{
    struct published published = {.ticket.done = on_done};
    struct realm_http_api_publish event;

    must(realm_http_api_parts(env, head, body, out, verdict, &event) == OK);
    if (verdict->action == REALM_HTTP_PUBLISH) {
        published.receipt.e = router_publish(event.route, &event.parts, &published.ticket);
        must(realm_http_api_published(env, head, &published.receipt, out, verdict) == OK);
    }
}

/* A receiver's answer, with nothing but its prelude. True when it is a whole one then. */
static bool receive(const struct realm_http_env *env, const struct http1_head *head,
                    struct buf *out, struct realm_http_verdict *verdict)
{
    bool chunks;

    must(verdict->sockjs.session.len > 0 &&
         verdict->sockjs.session.len <= SOCKJS_PATH_SESSION_MAX);
    must(realm_http_sockjs_begin(env, head, out, verdict, &chunks) == OK);
    must(!chunks || buf_append(out, SPAN("0\r\n\r\n")) == OK);
    return chunks;
}

static void on_changed(struct router_admin_ticket *ticket, enum err e, size_t count)
{
    (void)ticket;
    (void)count;
    must(e == OK); /* everything is in memory */
}

static void change(const struct realm_http_env *env, const struct http1_head *head,
                   struct span body, struct buf *out, struct realm_http_verdict *verdict)
{
    const struct realm_http_admin_outcome outcome = {OK, 0};
    struct router_admin_ticket ticket = {.done = on_changed};
    bool is_asked;

    must(realm_http_admin_begin(env, head, body, &ticket, out, verdict, &is_asked) == OK);
    if (is_asked) {
        must(realm_http_admin_done(env, head, &outcome, out, verdict) == OK);
    }
}

static void log_in(struct realm_http_env *env, const struct http1_head *head, struct buf *out,
                   struct realm_http_verdict *verdict)
{
    must(out->len == 0);
    env->login_verdict = realm_http_login_begin(env->login, head, env->now);
    env->has_login = true;
    must(env->login_verdict != REALM_LOGIN_WAIT);
    must(realm_http_judge_again(env, head, out, verdict) == OK);
}

static void ask(struct realm_http_env *env, struct span input, struct buf *out)
{
    const struct http1_limits limits = realm_conf_limits(env->conf);
    struct realm_http_verdict verdict;
    struct http1_head head;

    http1_head_init(&head, HTTP1_REQUEST, &limits);
    if (realm_http_next(env, &head, &input, out, &verdict) == OK) {
        struct span method;
        bool is_whole = false;

        if (verdict.action == REALM_HTTP_LOGIN) {
            log_in(env, &head, out, &verdict);
        }
        method = verdict.method;
        switch (verdict.action) {
        case REALM_HTTP_PUBLISH: publish(env, &head, input, out, &verdict); break;
        case REALM_HTTP_RECEIVE: is_whole = receive(env, &head, out, &verdict); break;
        case REALM_HTTP_SEND:
            must(realm_http_sockjs_give(env, &head, input.len > 0 ? 204 : 500,
                                        "Payload expected.", out, &verdict) == OK);
            is_whole = true;
            break;
        case REALM_HTTP_CHANGE: change(env, &head, input, out, &verdict); break;
        case REALM_HTTP_SILENCE:
            must(realm_http_diag_broken_silence(env, &head, out, &verdict) == OK);
            break;
        case REALM_HTTP_MEASURE:
            must(realm_http_diag_measured(env, &head, input.len, 1, out, &verdict) == OK);
            break;
        case REALM_HTTP_LOGIN: must(false); break; /* once is enough */
        case REALM_HTTP_ANSWER:
        case REALM_HTTP_STOMP:
        case REALM_HTTP_ECHO:
        case REALM_HTTP_SILENT:
        case REALM_HTTP_DRIP:
        case REALM_HTTP_FIN: break;
        }
        check_answer(buf_span(out), method, is_whole || verdict.action == REALM_HTTP_ANSWER);
    }
    http1_head_fini(&head);
}

static enum err encode(void *ctx, struct span channel, struct span id,
                       const struct event *event, struct buf *out)
{
    (void)ctx;
    (void)channel;
    (void)id;
    (void)event;
    return buf_append_byte(out, 'x');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct realm_conf_interface interface = {.line = 1};
    const struct realm_conf conf = {.interfaces = &interface,
                                    .interface_count = 1,
                                    .access = {.allows_anonymous = true, .has_rules = true},
                                    .rules = rules,
                                    .rule_count = sizeof rules / sizeof rules[0],
                                    .takes_deflate = true,
                                    .sockjs = {.is_on = true,
                                               .has_websocket = true,
                                               .sets_cookie = true,
                                               .body_bytes = 1 << 16,
                                               .script = SPAN("/sockjs.js")},
                                    .has_diagnostics = true,
                                    .diagnostic_rate = 10,
                                    .diagnostics_max = 10,
                                    .echo_bytes = 1 << 16,
                                    .line_bytes = 2000,
                                    .field_count = 50,
                                    .field_bytes = 2000};
    const struct router_conf router_conf = {
        .rules = rules,
        .rule_count = sizeof rules / sizeof rules[0],
        .limits = {.channels = 4,
                   .store_bytes = 1 << 20,
                   .ring_bytes = 1 << 20,
                   .view = {.ring_bytes = 1 << 16, .frame_bytes = 1 << 16}},
    };
    struct rng rng = rng_seeded(1);
    struct realm_http_gate gate = {0};
    struct router router;
    struct queue_set queues;
    struct datagroup_set groups;
    const struct view_form form = {.tag = 'f', .encode = encode};
    struct session session;
    struct realm_stomp stomp = {.id = 1};
    const struct datagroup_stream_parts parts = {.session = &session,
                                                 .form = &form,
                                                 .owner = &stomp,
                                                 .id = {(const uint8_t *)"s", 1},
                                                 .name = {(const uint8_t *)"\"", 1}};
    struct datagroup_stream *stream;
    struct realm_made made;
    const struct realm_login_env login_env = {.conf = &conf};
    const struct addr host = {0};
    struct realm_login login;
    struct realm_http_env env = {.conf = &conf,
                                 .login = &login,
                                 .assets = assets,
                                 .router = &router,
                                 .queues = &queues,
                                 .groups = &groups,
                                 .made = &made,
                                 .gate = &gate,
                                 .rng = &rng,
                                 .event_bytes = 1 << 16,
                                 .now = 1000};
    struct buf out;

    must(addr_parse(SPAN("127.0.0.1"), 9000, &interface.addr));
    realm_login_init(&login, &login_env, &host, NULL, NULL, NULL);
    router_init(&router, &router_conf, &rng);
    datagroup_set_init(&groups, &router, realm_stomp_stream_may);
    queue_set_init(&queues, &(struct queue_set_conf){.router = &router, .ids_max = 4});
    realm_made_init(&made, &router, NULL);
    realm_made_adopt(&made, &conf);
    must(realm_login_without(&login) == REALM_LOGIN_RIGHT);
    stomp.login = &login;
    session_init(&session, 1, NULL);
    must(datagroup_stream_begin(&groups, &parts, &stream) == OK);
    buf_init(&out, 1 << 24);
    ask(&env, span_of(data, size), &out);
    buf_fini(&out);
    datagroup_stream_end(stream);
    session_fini(&session);
    queue_set_fini(&queues);
    realm_made_fini(&made);
    router_fini(&router);
    datagroup_set_fini(&groups);
    return 0;
}
