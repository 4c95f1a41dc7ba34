/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Credentials in a head, and what a request is answered by the verdict about them.
 */
#include "realm/realm_http_login.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "realm/realm_http_api.h"

#include <stdio.h>

#define BYTES(literal)                                     \
    {                                                      \
        (const uint8_t *)("" literal), sizeof(literal) - 1 \
    }

static const struct router_rule rules[] = {
    {.pattern = BYTES("/demo/*"), .channel = {.capacity = 10, .store_bytes = 4096}},
};

struct world {
    struct realm_conf conf;
    struct htpasswd users; /* none of them: to be asked for a login is enough */
    struct log log;
    struct realm_login_env login_env;
    struct realm_login login;
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
        .rule_count = 1,
        .limits = {.channels = 2, .store_bytes = 1 << 20, .ring_bytes = 1 << 20},
    };
    const struct addr host = {0};
    struct http1_limits limits;

    *world = (struct world){
        .rng = rng_seeded(4),
        .conf = {.access = {.users = &world->users, .realm_name = SPAN("the realm")},
                 .line_bytes = 1000,
                 .field_count = 20,
                 .field_bytes = 300},
        .log = {.level = LOG_ERROR},
    };
    world->login_env = (struct realm_login_env){.conf = &world->conf, .log = &world->log};
    realm_login_init(&world->login, &world->login_env, &host, NULL, NULL, NULL);
    router_init(&world->router, &router_conf, &world->rng);
    world->env = (struct realm_http_env){.conf = &world->conf,
                                         .router = &world->router,
                                         .event_bytes = 100,
                                         .login = &world->login};
    limits = realm_conf_limits(&world->conf);
    http1_head_init(&world->head, HTTP1_REQUEST, &limits);
    buf_init(&world->out, 1 << 16);
}

static void end(struct world *world)
{
    http1_head_fini(&world->head);
    buf_fini(&world->out);
    router_fini(&world->router);
    realm_login_fini(&world->login);
}

#define UPGRADE                                                                  \
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                            \
    "Sec-WebSocket-Protocol: v12.stomp\r\n"

/* A request that is asked who asks. */
static void ask(struct world *world, const char *line, const char *fields)
{
    char request[1000];
    struct span input;

    snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", line, fields);
    input = span_str(request);
    assert_ok(realm_http_next(&world->env, &world->head, &input, &world->out, &world->verdict));
}

/* The answer to it when the login has come to `verdict`. */
static const char *answer(struct world *world, enum realm_login_verdict verdict)
{
    static char text[2000];

    assert_int_equal(world->verdict.action, REALM_HTTP_LOGIN);
    assert_int_equal(world->out.len, 0);
    world->env.has_login = true;
    world->env.login_verdict = verdict;
    assert_ok(realm_http_judge_again(&world->env, &world->head, &world->out, &world->verdict));
    assert_true(world->out.len < sizeof text);
    memcpy(text, world->out.ptr, world->out.len);
    text[world->out.len] = '\0';
    return text;
}

static void what_is_public_is_served_without_a_question(void **state)
{
    static const char *const lines[] = {"GET /health", "GET /nothing", "GET /demo"};

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct world world;

        begin(&world);
        world.env.assets = &(struct realm_asset){NULL, {NULL, 0}, NULL};
        ask(&world, lines[i], "");
        assert_int_equal(world.verdict.action, REALM_HTTP_ANSWER);
        end(&world);
    }
}

static void without_users_not_even_nonsense_is_looked_at(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    ask(&world, "GET /api/channels", "Authorization: Basic ???\r\n");
    assert_int_equal(realm_http_login_begin(&world.login, &world.head, 0), REALM_LOGIN_WRONG);
    world.conf.access.users = NULL;
    world.conf.access.allows_anonymous = true;
    assert_int_equal(realm_http_login_begin(&world.login, &world.head, 0), REALM_LOGIN_RIGHT);
    end(&world);
}

static void each_verdict_has_its_answer(void **state)
{
    static const struct {
        const char *line;
        const char *fields;
        enum realm_login_verdict verdict;
        const char *begins;
        const char *holds;
    } cases[] = {
        {"GET /api/channels", "", REALM_LOGIN_NEEDED, "HTTP/1.1 401 ",
         "WWW-Authenticate: Basic realm=\"the realm\"\r\n"},
        {"GET /api/channels", "", REALM_LOGIN_WRONG, "HTTP/1.1 401 ", "SecurityException"},
        {"GET /api/channels", "", REALM_LOGIN_TOO_OFTEN, "HTTP/1.1 429 ", "try again"},
        {"GET /api/channels", "", REALM_LOGIN_FULL, "HTTP/1.1 503 ", "try again"},
        {"POST /api/channels/demo/a/events", "Content-Length: 1\r\n", REALM_LOGIN_NEEDED,
         "HTTP/1.1 401 ", "Connection: close\r\n"},
        {"GET /api/health", "", REALM_LOGIN_NEEDED, "HTTP/1.1 200 ", "ok"},
        {"GET /api/health", "", REALM_LOGIN_WRONG, "HTTP/1.1 401 ", "wrong"},
        {"OPTIONS /api/channels", "", REALM_LOGIN_NEEDED, "HTTP/1.1 204 ", "Allow: "},
        {"GET /stomp", UPGRADE, REALM_LOGIN_RIGHT, "HTTP/1.1 101 ", "v12.stomp"},
        {"GET /stomp", UPGRADE, REALM_LOGIN_NEEDED, "HTTP/1.1 101 ", "v12.stomp"},
        {"GET /stomp", UPGRADE, REALM_LOGIN_WRONG, "HTTP/1.1 401 ", "WWW-Authenticate: "},
        {"GET /stomp", UPGRADE, REALM_LOGIN_TOO_OFTEN, "HTTP/1.1 429 ", "try again"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        const char *text;

        begin(&world);
        ask(&world, cases[i].line, cases[i].fields);
        text = answer(&world, cases[i].verdict);
        assert_memory_equal(text, cases[i].begins, strlen(cases[i].begins));
        assert_non_null(strstr(text, cases[i].holds));
        end(&world);
    }
}

static void credentials_are_one_field_of_basic(void **state)
{
    static const struct {
        const char *fields;
        enum realm_login_verdict verdict;
    } cases[] = {
        {"", REALM_LOGIN_NEEDED},
        {"Authorization: Bearer abc\r\n", REALM_LOGIN_NEEDED},
        {"Authorization: Basic\r\n", REALM_LOGIN_WRONG},
        {"Authorization: Basic ???\r\n", REALM_LOGIN_WRONG},
        {"Authorization: Basic OnBhc3M=\r\n", REALM_LOGIN_WRONG}, /* ":pass" */
        {"Authorization: Basic YTpi\r\nAuthorization: Basic YTpi\r\n", REALM_LOGIN_WRONG},
        {"Proxy-Authorization: Basic YTpi\r\n", REALM_LOGIN_NEEDED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;

        begin(&world);
        ask(&world, "GET /api/channels", cases[i].fields);
        assert_int_equal(realm_http_login_begin(&world.login, &world.head, 0),
                         cases[i].verdict);
        end(&world);
    }
}

static void without_a_login_to_ask_nothing_is_served(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    world.env.login = NULL;
    ask(&world, "GET /stomp", UPGRADE);
    assert_int_equal(world.verdict.action, REALM_HTTP_ANSWER);
    assert_int_equal(world.verdict.status, 403);
    end(&world);
}

static void be_refused(void)
{
    struct span input = SPAN("GET /api/channels HTTP/1.1\r\nHost: localhost\r\n\r\n");
    struct world world;

    begin(&world);
    if (realm_http_next(&world.env, &world.head, &input, &world.out, &world.verdict) == OK) {
        enum err e;

        world.env.has_login = true;
        world.env.login_verdict = REALM_LOGIN_WRONG;
        e = realm_http_judge_again(&world.env, &world.head, &world.out, &world.verdict);
        assert_true(e == OK || (e == ERR_NOMEM && oom_has_struck() && world.out.len == 0));
    }
    end(&world);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(be_refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_public_is_served_without_a_question),
        cmocka_unit_test(without_users_not_even_nonsense_is_looked_at),
        cmocka_unit_test(each_verdict_has_its_answer),
        cmocka_unit_test(credentials_are_one_field_of_basic),
        cmocka_unit_test(without_a_login_to_ask_nothing_is_served),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
