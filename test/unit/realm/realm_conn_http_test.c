/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Requests on a real loop, over a socket pair: kept connections, bodies cut everywhere, and
 * every allocation failing. What is answered is tested beside the sans-IO parts.
 */
#include "realm/realm_conn_http.h"

#include "lib/cut.h"
#include "lib/oom.h"
#include "unit/realm/conn_world.h"

static struct router_rule rules[] = {
    {.pattern = SPAN_INIT("/demo/*"), .channel = {.capacity = 100, .store_bytes = 1 << 20}},
};

struct world {
    struct conn_world realm;
    int fd; /* the client's end */
    char heard[8192];
    size_t heard_len;
    bool has_ended;
};

static enum err world_begin(struct world *world)
{
    const struct log log = {.level = LOG_ERROR};
    struct realm_conf conf = conn_world_conf(rules, 1);

    *world = (struct world){.fd = -1};
    conf.event_bytes = 64;
    TRY(conn_world_begin(&world->realm, &conf, &log));
    return conn_world_connect(&world->realm, &world->fd, NULL);
}

static void world_end(struct world *world)
{
    conn_world_end(&world->realm);
    sock_close(&world->fd);
}

static enum err turn(struct world *world)
{
    size_t len;

    TRY(loop_turn(world->realm.loop, 1));
    while (!world->has_ended && world->heard_len + 1 < sizeof world->heard &&
           sock_recv(world->fd,
                     mspan_of(world->heard + world->heard_len,
                              sizeof world->heard - 1 - world->heard_len),
                     &len) == OK) {
        world->has_ended = len == 0;
        world->heard_len += len;
        world->heard[world->heard_len] = '\0';
    }
    return OK;
}

static enum err hear_until(struct world *world, const char *end)
{
    for (int i = 0; i < 2000 && strstr(world->heard, end) == NULL && !world->has_ended; i++) {
        TRY(turn(world));
    }
    return OK;
}

static void say(struct world *world, struct span bytes)
{
    size_t len;

    assert_ok(sock_send(world->fd, bytes, &len));
    assert_int_equal(len, bytes.len);
}

static const char requests[] =
    "POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none"
    "POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3\r\ntwo\r\n0\r\n\r\n"
    "GET /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\n\r\n"
    "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

static void check_requests(const struct cut *cut)
{
    struct world world;
    struct mspan part;
    size_t at = 0;

    assert_ok(world_begin(&world));
    while ((part = cut_next(cut, &at)).ptr != NULL) {
        if (part.len > 0) {
            say(&world, span_ro(part));
        }
        assert_ok(turn(&world));
    }
    assert_ok(hear_until(&world, "\r\n\r\nok\n"));
    assert_non_null(strstr(world.heard, "{\"eid\": 1, "));
    assert_non_null(strstr(world.heard, "{\"eid\": 2, "));
    assert_non_null(strstr(world.heard, "\"data\": \"one\"}"));
    assert_non_null(strstr(world.heard, "\"data\": \"two\"}"));
    assert_non_null(strstr(world.heard, "Connection: close\r\n\r\nok\n"));
    world_end(&world);
}

static void requests_on_one_connection_survive_any_cut(void **state)
{
    (void)state;
    cut_every(span_str(requests), check_requests);
}

static void a_body_that_is_too_long_is_refused_as_it_comes(void **state)
{
    struct world world;

    (void)state;
    assert_ok(world_begin(&world));
    say(&world, SPAN("POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n41\r\n"));
    for (int i = 0; i < 65; i++) { /* 0x41, one more than EventBytesMax */
        say(&world, SPAN("x"));
        assert_ok(turn(&world));
    }
    assert_ok(hear_until(&world, "EventBytesMax"));
    assert_memory_equal(world.heard, "HTTP/1.1 413 ", 13);
    assert_int_equal(map_count(&world.realm.worker.router.routes), 0);
    world_end(&world);
}

static void a_client_that_leaves_in_a_body_publishes_nothing(void **state)
{
    struct world world;

    (void)state;
    assert_ok(world_begin(&world));
    say(&world, SPAN("POST /api/channels/demo/a/events HTTP/1.1\r\nHost: a\r\n"
                     "Content-Length: 5\r\n\r\nfour"));
    assert_ok(turn(&world));
    sock_close(&world.fd);
    for (int i = 0; i < 100 && world.realm.worker.conn_count > 0; i++) {
        assert_ok(loop_turn(world.realm.loop, 1));
    }
    assert_int_equal(world.realm.worker.conn_count, 0);
    assert_int_equal(map_count(&world.realm.worker.router.routes), 0);
    world_end(&world);
}

static void requests_without_memory(void)
{
    struct world world;

    if (world_begin(&world) == OK) {
        say(&world, span_str(requests));
        (void)hear_until(&world, "\r\n\r\nok\n");
    }
    world_end(&world);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(requests_without_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_on_one_connection_survive_any_cut),
        cmocka_unit_test(a_body_that_is_too_long_is_refused_as_it_comes),
        cmocka_unit_test(a_client_that_leaves_in_a_body_publishes_nothing),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
