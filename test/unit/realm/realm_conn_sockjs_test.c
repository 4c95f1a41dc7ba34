/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Sessions of SockJS over HTTP on a real loop, over socket pairs: requests cut everywhere,
 * receivers that come and go, messages that have to wait, and every allocation failing.
 */
#include "realm/realm_conn_sockjs.h"

#include "lib/cut.h"
#include "lib/oom.h"
#include "pubsub/router_admin.h"
#include "unit/realm/conn_world.h"

#include <stdio.h>

enum {
    CLIENTS = 2,
    TURNS_MAX = 200, /* in which everything must have happened */
};

static struct router_rule rules[] = {
    {.pattern = SPAN_INIT("/demo/*"), .channel = {.capacity = 100, .store_bytes = 1 << 20}},
};

struct client {
    int fd;
    char heard[1 << 16];
    size_t heard_len;
    bool has_ended;
};

struct world {
    struct conn_world realm;
    struct client clients[CLIENTS];
};

static enum err world_begin(struct world *world)
{
    const struct log log = {.level = LOG_ERROR};
    struct realm_conf conf = conn_world_conf(rules, 1);

    *world = (struct world){.clients = {{.fd = -1}, {.fd = -1}}};
    conf.event_bytes = 4096;
    conf.outbox_bytes = 16384;
    conf.sockjs = (struct realm_conf_sockjs){.is_on = true,
                                             .heart_beat = 20000,
                                             .disconnect_delay = 5000,
                                             .stream_bytes = 2000,
                                             .body_bytes = 1 << 16};
    TRY(conn_world_begin(&world->realm, &conf, &log));
    for (size_t i = 0; i < CLIENTS; i++) {
        TRY(conn_world_connect(&world->realm, &world->clients[i].fd, NULL));
    }
    return OK;
}

static void world_end(struct world *world)
{
    conn_world_end(&world->realm);
    for (size_t i = 0; i < CLIENTS; i++) {
        sock_close(&world->clients[i].fd);
    }
}

static void client_hear(struct client *client)
{
    size_t len;

    while (client->fd >= 0 && !client->has_ended &&
           client->heard_len + 1 < sizeof client->heard &&
           sock_recv(client->fd,
                     mspan_of(client->heard + client->heard_len,
                              sizeof client->heard - 1 - client->heard_len),
                     &len) == OK) {
        client->has_ended = len == 0;
        client->heard_len += len;
        client->heard[client->heard_len] = '\0';
    }
}

static enum err turn(struct world *world)
{
    TRY(loop_turn(world->realm.loop, 1));
    for (size_t i = 0; i < CLIENTS; i++) {
        client_hear(&world->clients[i]);
    }
    return OK;
}

static enum err hear_until(struct world *world, struct client *client, const char *end)
{
    for (int i = 0; i < TURNS_MAX && strstr(client->heard, end) == NULL && !client->has_ended;
         i++) {
        TRY(turn(world));
    }
    return OK;
}

static void forget(struct client *client)
{
    client->heard_len = 0;
    client->heard[0] = '\0';
}

static void say(struct client *client, struct span bytes)
{
    size_t len;

    assert_ok(sock_send(client->fd, bytes, &len));
    assert_int_equal(len, bytes.len);
}

static void ask(struct client *client, const char *path, const char *body)
{
    char text[32768];

    snprintf(text, sizeof text,
             "POST /sockjs/0/%s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n%s", path,
             strlen(body), body);
    say(client, span_str(text));
}

static size_t count(const char *text, const char *word)
{
    size_t n = 0;

    for (; (text = strstr(text, word)) != NULL; text++) {
        n++;
    }
    return n;
}

/* ---- one connection for all ---- */

#define POLL "POST /sockjs/0/a/xhr HTTP/1.1\r\nHost: a\r\n\r\n"

static const char conversation[] = POLL
    "POST /sockjs/0/a/xhr_send HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    "53\r\n"
    "[\"CONNECT\\naccept-version:1.2\\n\\n\\u0000\",\"SUBSCRIBE\\nid:s\\ndestination:/demo/x\\n"
    "rec\r\n19\r\n"
    "eipt:1\\n\\n\",\"\\u0000\"]    \r\n0\r\n\r\n" POLL
    "POST /sockjs/0/a/xhr_send HTTP/1.1\r\nHost: a\r\nContent-Length: 39\r\n\r\n"
    "[\"DISCONNECT\\nreceipt:bye\\n\\n\\u0000\"]  " POLL
    "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

static void check_conversation(const struct cut *cut)
{
    struct world world;
    struct client *client = &world.clients[0];
    struct mspan part;
    size_t at = 0;

    assert_ok(world_begin(&world));
    while ((part = cut_next(cut, &at)).ptr != NULL) {
        if (part.len > 0) {
            say(client, span_ro(part));
        }
        assert_ok(turn(&world));
    }
    assert_ok(hear_until(&world, client, "\r\n\r\nok\n"));
    assert_non_null(strstr(client->heard, "\r\n\r\n2\r\no\n\r\n0\r\n\r\nHTTP/1.1 204 "));
    assert_non_null(strstr(client->heard, "a[\"CONNECTED\\nversion:1.2"));
    assert_non_null(strstr(client->heard, "a[\"RECEIPT\\nreceipt-id:1\\n"));
    assert_non_null(strstr(client->heard, "a[\"RECEIPT\\nreceipt-id:bye"));
    assert_non_null(
        strstr(client->heard, "c[3000,\"Go away!\"]\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"));
    assert_int_equal(count(client->heard, "HTTP/1.1 204 "), 2);
    assert_int_equal(map_count(&world.realm.worker.sockjs.sessions),
                     1); /* the last words of it */
    world_end(&world);
}

static void a_conversation_on_one_connection_survives_any_cut(void **state)
{
    (void)state;
    cut_every(span_str(conversation), check_conversation);
}

/* ---- a stream and a sender ---- */

static enum err begin_stream(struct world *world, const char *messages)
{
    ask(&world->clients[0], "b/xhr_streaming", "");
    TRY(hear_until(world, &world->clients[0], "o\n"));
    ask(&world->clients[1], "b/xhr_send", messages);
    return hear_until(world, &world->clients[1], "HTTP/1.1 ");
}

#define CONNECT "\"CONNECT\\naccept-version:1.2\\n\\n\\u0000\""

static void a_stream_ends_when_it_is_long_and_the_session_goes_on(void **state)
{
    struct world world;
    struct client *receiver = &world.clients[0], *sender = &world.clients[1];

    (void)state;
    assert_ok(world_begin(&world));
    assert_ok(begin_stream(
        &world, "[" CONNECT ",\"SUBSCRIBE\\nid:s\\ndestination:/demo/x\\n\\n\\u0000\"]"));
    for (int i = 0; i < 30; i++) {
        forget(sender);
        ask(sender, "b/xhr_send",
            "[\"SEND\\ndestination:/demo/x\\n\\n"
            "a body of some length, so that it does not take all day\\u0000\"]");
        assert_ok(hear_until(&world, sender, "HTTP/1.1 204 "));
    }
    assert_ok(hear_until(&world, receiver, "\r\n0\r\n\r\n"));
    assert_true(count(receiver->heard, "a[\"MESSAGE") < 30);
    assert_true(receiver->heard_len < 2 * 2000 + 2048 + 1000);
    while (strstr(receiver->heard, "eid:30\\n") == NULL) {
        assert_false(receiver->has_ended);
        ask(receiver, "b/xhr", "");
        assert_ok(turn(&world));
        assert_ok(hear_until(&world, receiver, "\r\n0\r\n\r\n"));
    }
    assert_int_equal(count(receiver->heard, "a[\"MESSAGE"), 30); /* none twice, none lost */
    world_end(&world);
}

static void a_session_whose_stream_broke_is_over(void **state)
{
    struct world world;
    struct client *sender = &world.clients[1];

    (void)state;
    assert_ok(world_begin(&world));
    assert_ok(begin_stream(&world, "[" CONNECT "]"));
    sock_close(&world.clients[0].fd);
    for (int i = 0; i < 100 && world.realm.worker.conn_count > 1; i++) {
        assert_ok(turn(&world));
    }
    assert_int_equal(world.realm.worker.sockjs.idle, 1);
    forget(sender);
    ask(sender, "b/xhr_send", "[\"x\"]");
    assert_ok(hear_until(&world, sender, "\r\n\r\nthere is no such session\n"));
    ask(sender, "b/xhr", "");
    assert_ok(hear_until(&world, sender, "c[1002,\"Connection interrupted\"]\n\r\n0\r\n\r\n"));
    world_end(&world);
}

static void messages_wait_while_nobody_reads_the_answers(void **state)
{
    struct world world;
    struct client *receiver = &world.clients[0], *sender = &world.clients[1];
    char body[20000] = "[" CONNECT;

    (void)state;
    assert_ok(world_begin(&world));
    for (int i = 0; i < 300; i++) {
        size_t len = strlen(body);

        snprintf(body + len, sizeof body - len,
                 ",\"UNSUBSCRIBE\\nid:a\\nreceipt:r%d\\n\\n\\u0000\"", i);
    }
    strcat(body, "]");
    ask(receiver, "b/xhr", "");
    assert_ok(hear_until(&world, receiver, "\r\n0\r\n\r\n"));
    ask(sender, "b/xhr_send", body);
    for (int i = 0; i < 20; i++) {
        assert_ok(turn(&world));
    }
    assert_int_equal(sender->heard_len, 0);
    for (int i = 0; i < 100 && sender->heard_len == 0; i++) {
        forget(receiver);
        ask(receiver, "b/xhr", "");
        assert_ok(hear_until(&world, receiver, "\r\n0\r\n\r\n"));
        assert_ok(turn(&world));
    }
    assert_memory_equal(sender->heard, "HTTP/1.1 204 ", 13);
    for (int i = 0; i < 100 && strstr(receiver->heard, "receipt-id:r299") == NULL; i++) {
        ask(receiver, "b/xhr", "");
        assert_ok(hear_until(&world, receiver, "receipt-id:r299"));
    }
    assert_non_null(strstr(receiver->heard, "receipt-id:r299"));
    world_end(&world);
}

/* Others have filled what the store may have pending: who waits for that costs no turn. */
static void messages_that_wait_for_the_store_sleep_until_there_is_room(void **state)
{
    struct realm_sockjs_session *session;
    struct conn_world_store store;
    struct world world;

    (void)state;
    assert_ok(world_begin(&world));
    conn_world_store_begin(&world.realm, &store);
    assert_ok(begin_stream(&world, "[" CONNECT "]"));
    assert_ok(hear_until(&world, &world.clients[0], "CONNECTED"));
    session = realm_sockjs_find(&world.realm.worker.sockjs, SPAN("b"));
    assert_non_null(session);
    conn_world_store_fill(&store);
    ask(&world.clients[1], "b/xhr_send",
        "[\"UNSUBSCRIBE\\nid:none\\nreceipt:r\\n\\n\\u0000\"]");
    for (int i = 0; i < TURNS_MAX && list_is_empty(&session->session.held); i++) {
        assert_ok(turn(&world));
    }
    assert_false(list_is_empty(&session->session.held));
    assert_true(list_is_empty(&session->later.node)); /* it has not asked for another turn */
    store_mem_run(store.store, 1);
    assert_true(list_is_empty(&session->session.held));
    assert_ok(hear_until(&world, &world.clients[0], "RECEIPT\\nreceipt-id:r"));
    assert_non_null(strstr(world.clients[0].heard, "RECEIPT\\nreceipt-id:r"));
    conn_world_store_end(&world.realm, &store);
    world_end(&world);
}

static void on_removed(struct router_admin_ticket *ticket, enum err e, size_t purged)
{
    (void)ticket;
    (void)purged;
    assert_ok(e);
}

/* With a receiver, or between two polls: then who polls next hears of it. */
static void a_session_whose_channel_is_removed_is_told_and_ends(void **state)
{
    static const char *const kinds[] = {"c/xhr_streaming", "c/xhr"};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct router_admin_ticket ticket = {.done = on_removed};
        struct router_route *route;
        struct client *receiver;
        struct world world;

        assert_ok(world_begin(&world));
        receiver = &world.clients[0];
        ask(receiver, kinds[i], "");
        assert_ok(hear_until(&world, receiver, "o\n"));
        assert_ok(turn(&world));
        ask(&world.clients[1], "c/xhr_send",
            "[" CONNECT ",\"SUBSCRIBE\\nid:s\\ndestination:/demo/x\\n\\n\\u0000\"]");
        assert_ok(hear_until(&world, &world.clients[1], "HTTP/1.1 204 "));
        if (i == 1) {
            ask(receiver, kinds[i], "");
        }
        assert_ok(hear_until(&world, receiver, "CONNECTED"));
        assert_ok(turn(&world));
        route = router_find(&world.realm.worker.router, SPAN("/demo/x"));
        assert_non_null(route);
        assert_ok(router_admin_remove(route, NULL, &ticket));
        realm_worker_published(&world.realm.worker);
        for (int j = 0; j < 5; j++) {
            assert_ok(turn(&world));
        }
        if (i == 1) {
            assert_null(strstr(receiver->heard, "ERROR"));
            ask(receiver, kinds[i], "");
        }
        assert_ok(hear_until(&world, receiver, "an administrator has removed /demo/x"));
        assert_non_null(strstr(receiver->heard, "an administrator has removed /demo/x"));
        world_end(&world);
    }
}

static void an_answer_that_waits_dies_with_its_connection(void **state)
{
    struct world world;
    struct client *receiver = &world.clients[0], *sender = &world.clients[1];
    char body[20000] = "[" CONNECT;

    (void)state;
    assert_ok(world_begin(&world));
    for (int i = 0; i < 300; i++) {
        strcat(body, ",\"UNSUBSCRIBE\\nid:a\\nreceipt:r\\n\\n\\u0000\"");
    }
    strcat(body, "]");
    ask(receiver, "b/xhr", "");
    assert_ok(hear_until(&world, receiver, "\r\n0\r\n\r\n"));
    ask(sender, "b/xhr_send", body);
    for (int i = 0; i < 20; i++) {
        assert_ok(turn(&world));
    }
    assert_int_equal(sender->heard_len, 0);
    world_end(&world); /* with a sender in the session's list */
}

/* ---- without memory ---- */

static void talk_without_memory(void)
{
    struct world world;

    if (world_begin(&world) == OK) {
        struct client *client = &world.clients[0];

        say(client, span_str(conversation));
        (void)hear_until(&world, client, "\r\n\r\nok\n");
        (void)turn(&world);
    }
    world_end(&world);
}

static void stream_without_memory(void)
{
    struct world world;

    if (world_begin(&world) == OK &&
        begin_stream(&world,
                     "[" CONNECT ",\"SUBSCRIBE\\nid:s\\ndestination:/demo/x\\n\\n\\u0000\","
                     "\"SEND\\ndestination:/demo/x\\n\\nhello\\u0000\"]") == OK) {
        for (int i = 0; i < 5; i++) {
            (void)turn(&world);
        }
    }
    world_end(&world);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(talk_without_memory);
    every_oom(stream_without_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_on_one_connection_survives_any_cut),
        cmocka_unit_test(a_stream_ends_when_it_is_long_and_the_session_goes_on),
        cmocka_unit_test(a_session_whose_stream_broke_is_over),
        cmocka_unit_test(messages_wait_while_nobody_reads_the_answers),
        cmocka_unit_test(messages_that_wait_for_the_store_sleep_until_there_is_room),
        cmocka_unit_test(a_session_whose_channel_is_removed_is_told_and_ends),
        cmocka_unit_test(an_answer_that_waits_dies_with_its_connection),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
