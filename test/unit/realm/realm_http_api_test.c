/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The API without a network: one request, one answer. What a client sees of it is tested in
 * test/e2e/realm-http.test.js.
 */
#include "realm/realm_http_api.h"
#include "realm/realm_http_publish.h"
#include "realm/realm_publishers.h"

#include "lib/cut.h"
#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/pubsub/publishing.h"
#include "unit/realm/anybody.h"

#include <stdio.h>
#include <stdlib.h>

#define BYTES(literal)                                     \
    {                                                      \
        (const uint8_t *)("" literal), sizeof(literal) - 1 \
    }

static const struct router_rule rules[] = {
    {.pattern = BYTES("/demo/*"), .channel = {.capacity = 10, .store_bytes = 4096}},
    {.pattern = BYTES("/queue"), .kind = ROUTER_QUEUE, .channel = {.store_bytes = 4096}},
};

static const struct realm_conf conf = {.line_bytes = 1000,
                                       .field_count = 20,
                                       .field_bytes = 300};

struct world {
    struct router router;
    struct rng rng;
    struct realm_http_env env;
    struct http1_head head;
    struct realm_http_verdict verdict;
    struct buf out;
};

static void begin(struct world *world)
{
    const struct router_conf router_conf = {
        .rules = rules,
        .rule_count = 2,
        .limits = {.channels = 2, .store_bytes = 1 << 20, .ring_bytes = 1 << 20},
    };
    const struct http1_limits limits = realm_conf_limits(&conf);

    *world = (struct world){.rng = rng_seeded(4)};
    router_init(&world->router, &router_conf, &world->rng);
    world->env = (struct realm_http_env){.conf = &conf,
                                         .router = &world->router,
                                         .event_bytes = 100,
                                         .login = anybody(),
                                         .has_login = true};
    http1_head_init(&world->head, HTTP1_REQUEST, &limits);
    buf_init(&world->out, 1 << 16);
}

static void end(struct world *world)
{
    http1_head_fini(&world->head);
    buf_fini(&world->out);
    router_fini(&world->router);
}

static bool out_has(struct world *world, const char *text)
{
    assert_ok(buf_append_byte(&world->out, '\0'));
    world->out.len--;
    return strstr((const char *)world->out.ptr, text) != NULL;
}

/* The whole way of a publish: head, body, store, answer. */
static enum err publish(struct world *world, const char *request, const char *body)
{
    struct span input = span_str(request);
    struct realm_http_publish event;
    struct realm_http_publish_receipt receipt = {.e = OK};
    struct router_receipt stored = {0};

    TRY(realm_http_next(&world->env, &world->head, &input, &world->out, &world->verdict));
    if (world->verdict.action != REALM_HTTP_PUBLISH) {
        return OK;
    }
    TRY(realm_http_publish_parts(&world->env, &world->head, span_str(body), &world->out,
                                 &world->verdict, &event));
    if (world->verdict.action != REALM_HTTP_PUBLISH) {
        return OK;
    }
    receipt.e = publishing_route(event.route, &event.parts, &stored);
    receipt.eid = stored.eid;
    return realm_http_publish_done(&world->env, &world->head, &receipt, &world->out,
                                   &world->verdict);
}

static const struct {
    const char *request;
    const char *body;
    const char *has;
} publishes[] = {
    {"POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", "x",
     "{\"eid\": 1, \"repeated\": false}"},
    {"POST /api/channels/%64emo/a/events HTTP/1.1\r\nHost: a\r\n\r\n", "",
     "Location: /api/channels/%64emo/a/events?from=1&max=1"},
    {"POST /api/channels/demo/%zz/events HTTP/1.1\r\nHost: a\r\n\r\n", "", "HTTP/1.1 400"},
    {"POST /api/channels/demo/%f/events HTTP/1.1\r\nHost: a\r\n\r\n", "", "HTTP/1.1 400"},
    {"POST /api/channels/demo/%ff/events HTTP/1.1\r\nHost: a\r\n\r\n", "", "HTTP/1.1 400"},
    {"POST /api/channels/demo/%00/events HTTP/1.1\r\nHost: a\r\n\r\n", "", "HTTP/1.1 400"},
    {"POST /api/channels/other/events HTTP/1.1\r\nHost: a\r\n\r\n", "",
     "{\"error\": \"MissingResourceException\""},
    {"POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", "",
     "HTTP/1.1 413"},
    {"POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n\r\n",
     "",
     "{\"error\": \"UnsupportedOperationException\", \"message\": \"an event's body has no"},
    {"POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\nContent-Encoding: x\r\n\r\n", "",
     "HTTP/1.1 415"},
    {"POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\nContent-Encoding: Identity\r\n"
     "\r\n",
     "", "HTTP/1.1 201"},
    {"POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\nEvent-Message-Id: x\r\n\r\n", "",
     "the field Event-Message-Id has a name that only the realm gives"},
    {"POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\nEvent-TTL: 1\r\n\r\n", "",
     "the field Event-TTL is a field without Event- in front"},
    {"POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\nTtl: 1s\r\n\r\n", "",
     "Ttl must be a number of milliseconds"},
    {"POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\nEvent-Content-Type: x\r\n\r\n",
     "", "HTTP/1.1 400"},
    {"POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\nEvent-Join-Channel: /b\r\n\r\n",
     "", "HTTP/1.1 400"},
    {"POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\nEvent-DEAD-Event-Eid: 1\r\n\r\n",
     "", "HTTP/1.1 400"},
    {"POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\nEvent-Timestamp: 1\r\n\r\n", "",
     "HTTP/1.1 400"},
    {"POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\nEvent-Place: caf\xe9\r\n\r\n", "",
     "the field Event-Place is not UTF-8"},
    {"POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\nEvent-Place: caf\xc3\xa9\r\n\r\n",
     "", "HTTP/1.1 201"},
    {"POST /api/channels/queue/events HTTP/1.1\r\nHost: a\r\n\r\n", "",
     "\"/queue is a queue (ask below /api/queues)\""},
    {"GET /api/channels/queue HTTP/1.1\r\nHost: a\r\n\r\n", "", "HTTP/1.1 404"},
    {"POST /api/channels/events HTTP/1.1\r\nHost: a\r\n\r\n", "", "HTTP/1.1 405"},
    {"POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\n"
     "Content-Type: application/vnd.wayleave.event+json\r\n\r\n",
     "{\"tag\":7}",
     "{\"error\": \"IllegalArgumentException\", \"message\": \"the body is no event+json, at "
     "byte 0: an event's tag must be a string\"}"},
    {"POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\n"
     "Content-Type: application/vnd.wayleave.event+json\r\n\r\n",
     "{\"dict\":{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}}", "HTTP/1.1 413"},
    {"POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\n"
     "Content-Type: application/vnd.wayleave.event+json\r\n\r\n",
     "{\"tag\":\"7\"}", "HTTP/1.1 201"},
    {"POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\nMerge: yes\r\n\r\n", "",
     "Merge must be true or false"},
    {"POST /api/channels/demo/a/events?max=1 HTTP/1.1\r\nHost: a\r\n\r\n", "",
     "max in the query means nothing here (nothing may be asked for behind the ?)"},
    {"POST /api/queues/queue/purge?upto=7 HTTP/1.1\r\nHost: a\r\n\r\n", "",
     "upto in the query means nothing here (there is only to)"},
    {"GET /api/channels?max=1&form=7 HTTP/1.1\r\nHost: a\r\n\r\n", "",
     "form in the query means nothing here (there is only after, max)"},
    {"GET /api/queues/queue/events?from=7 HTTP/1.1\r\nHost: a\r\n\r\n", "",
     "from in the query means nothing here (there is only max)"},
    {"GET /api/health?_=7 HTTP/1.1\r\nHost: a\r\n\r\n", "", "HTTP/1.1 200"},
};

static void every_publish_has_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof publishes / sizeof publishes[0]; i++) {
        struct world world;

        begin(&world);
        assert_ok(publish(&world, publishes[i].request, publishes[i].body));
        if (!out_has(&world, publishes[i].has)) {
            fail_msg("%s -> %.*s", publishes[i].request, SPAN_ARG(buf_span(&world.out)));
        }
        end(&world);
    }
}

static void a_queue_in_use_is_named_as_one_and_not_listed(void **state)
{
    struct world world;
    struct router_route *route;

    (void)state;
    begin(&world);
    assert_int_equal(router_open(&world.router, SPAN("/queue"), &route), ROUTER_FOUND);
    assert_ok(publish(&world, "GET /api/channels/queue HTTP/1.1\r\nHost: a\r\n\r\n", ""));
    assert_true(out_has(&world, "\"/queue is a queue (ask below /api/queues)\""));
    end(&world);

    begin(&world);
    assert_int_equal(router_open(&world.router, SPAN("/demo/1"), &route), ROUTER_FOUND);
    assert_int_equal(router_open(&world.router, SPAN("/queue"), &route), ROUTER_FOUND);
    assert_ok(publish(&world, "GET /api/channels HTTP/1.1\r\nHost: a\r\n\r\n", ""));
    assert_true(out_has(&world, "{\"channels\": [\n  {\"name\": \"/demo/1\""));
    assert_false(out_has(&world, "/queue"));
    end(&world);
}

static void one_channel_too_many_is_said(void **state)
{
    struct world world;
    struct router_route *route;

    (void)state;
    begin(&world);
    assert_int_equal(router_open(&world.router, SPAN("/demo/1"), &route), ROUTER_FOUND);
    assert_int_equal(router_open(&world.router, SPAN("/demo/2"), &route), ROUTER_FOUND);
    assert_ok(
        publish(&world, "POST /api/channels/demo/3/events HTTP/1.1\r\nHost: a\r\n\r\n", ""));
    assert_int_equal(world.verdict.status, 503);
    assert_false(out_has(&world, "Retry-After"));
    end(&world);
}

/* What a store says is told, and nothing that did not happen. */
static void every_failure_of_the_store_has_its_status(void **state)
{
    static const struct {
        enum err e;
        unsigned status;
    } rows[] = {{ERR_LIMIT, 413}, {ERR_AGAIN, 503}, {ERR_IO, 500}, {ERR_CLOSED, 503}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct realm_http_publish_receipt receipt = {.e = rows[i].e};
        struct span input =
            SPAN("POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\n\r\n");
        struct world world;

        begin(&world);
        assert_ok(realm_http_next(&world.env, &world.head, &input, &world.out, &world.verdict));
        assert_ok(realm_http_publish_done(&world.env, &world.head, &receipt, &world.out,
                                          &world.verdict));
        assert_int_equal(world.verdict.status, rows[i].status);
        assert_int_equal(out_has(&world, "Retry-After: 1\r\n"), rows[i].e == ERR_AGAIN);
        assert_true(out_has(&world, "\"error\": "));
        assert_false(out_has(&world, "eid"));
        end(&world);
    }
}

static void check_list(const struct cut *cut)
{
    struct world world;
    struct mspan part;
    size_t at = 0;
    enum err e = ERR_AGAIN;

    begin(&world);
    while ((part = cut_next(cut, &at)).ptr != NULL) {
        struct span input = span_ro(part);

        if (e == ERR_AGAIN) {
            e = realm_http_next(&world.env, &world.head, &input, &world.out, &world.verdict);
        }
    }
    assert_ok(e);
    assert_true(out_has(&world, "{\"channels\": [],\n \"next\": null}"));
    end(&world);
}

static void a_request_survives_any_cut(void **state)
{
    (void)state;
    cut_every(SPAN("GET /api/channels?max=3 HTTP/1.1\r\nHost: a\r\n\r\n"), check_list);
}

static void publish_without_memory(void)
{
    struct world world;
    enum err e;

    begin(&world);
    e = publish(&world, publishes[0].request, publishes[0].body);
    assert_true(e == OK || e == ERR_NOMEM);
    end(&world);
}

static void read_without_memory(void)
{
    struct span input = SPAN("GET /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\n\r\n");
    struct router_route *route;
    struct router_receipt receipt;
    struct world world;
    enum err e = ERR_NOMEM;

    begin(&world);
    if (router_open(&world.router, SPAN("/demo/a"), &route) == ROUTER_FOUND) {
        e = publishing_route(route, &(struct event_parts){.body = SPAN("\xff\xfe")}, &receipt);
    }
    if (e == OK) {
        e = realm_http_next(&world.env, &world.head, &input, &world.out, &world.verdict);
    }
    assert_true(e == ERR_NOMEM || out_has(&world, "\"base64\": \"//4=\""));
    end(&world);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(publish_without_memory);
    every_oom(read_without_memory);
}

static void who_publishes_too_fast_is_told_when_to_come_back(void **state)
{
    static const char request[] =
        "POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n";
    struct realm_publishers publishers;
    struct realm_conf slow = conf;

    (void)state;
    slow.access.publish_rate = 1;
    slow.access.publish_burst = 2;
    realm_publishers_init(&publishers);
    for (int i = 0; i < 5; i++) {
        static const msec times[] = {1000, 1000, 1500, 2999, 2999};
        static const bool may[] = {true, true, false, true, false};
        struct world world;

        begin(&world);
        world.env.conf = &slow;
        world.env.publishers = &publishers;
        world.env.now = times[i];
        assert_ok(publish(&world, request, "x"));
        assert_int_equal(world.verdict.status, may[i] ? 201 : 429);
        if (!may[i]) {
            assert_true(out_has(&world, "\r\nRetry-After: 1\r\n"));
            assert_true(out_has(&world, "{\"error\": \"LimitException\", \"message\": \"more "
                                        "events than may be published in a second "
                                        "(PublishRate): try again in 1 s\"}"));
        }
        end(&world);
    }
    realm_publishers_fini(&publishers);
}

/* Fetch Standard 3.2.3, and where that is of no use. */
static void pages_that_may_ask_may_read_where_and_when(void **state)
{
    static const char expose[] = "\r\nAccess-Control-Expose-Headers: Location, Retry-After\r\n";
    static const char event[] = "POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\n";
    static const struct {
        const char *head;
        const char *origin;
        unsigned status;
        bool exposes;
    } rows[] = {
        {event, "https://app.example", 201, true},
        {"GET /api/channels/other HTTP/1.1\r\nHost: a\r\n", "https://app.example", 404, true},
        {"OPTIONS /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\n"
         "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: ttl\r\n",
         "https://app.example", 204, true}, /* which has the most fields */
        {event, "https://evil.example", 403, false},
        {event, NULL, 201, false},
        {"GET /sockjs/info HTTP/1.1\r\nHost: a\r\n", "https://app.example", 200, false},
    };
    struct realm_conf open = conf;
    struct http1_origin app;
    enum http1_fault fault;

    (void)state;
    assert_ok(http1_origin_read(SPAN("https://app.example"), &app, &fault));
    open.origins = &app;
    open.origin_count = 1;
    open.allows_credentials = true;
    open.sockjs.is_on = true;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world world;
        char request[300];

        snprintf(request, sizeof request, "%s%s%s\r\n\r\n", rows[i].head,
                 rows[i].origin == NULL ? "X: y" : "Origin: ",
                 rows[i].origin == NULL ? "" : rows[i].origin);
        begin(&world);
        world.env.conf = &open;
        world.env.rng = &world.rng;
        assert_ok(publish(&world, request, ""));
        assert_int_equal(world.verdict.status, rows[i].status);
        assert_int_equal(out_has(&world, expose), rows[i].exposes);
        end(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_publish_has_its_answer),
        cmocka_unit_test(a_queue_in_use_is_named_as_one_and_not_listed),
        cmocka_unit_test(one_channel_too_many_is_said),
        cmocka_unit_test(every_failure_of_the_store_has_its_status),
        cmocka_unit_test(a_request_survives_any_cut),
        cmocka_unit_test(who_publishes_too_fast_is_told_when_to_come_back),
        cmocka_unit_test(pages_that_may_ask_may_read_where_and_when),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
