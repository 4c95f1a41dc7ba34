/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* A session whose frame uses a channel of which much is stored: it waits, others do not. */
#include "store/store_mem.h"
#include "unit/realm/pair.h"

enum {
    STORED = 20000,
    BATCH = 1000,
};

static const struct router_rule rules[] = {
    {.pattern = BYTES("/fx/*"),
     .channel = {.type = CHANNEL_PERSISTENT, .store_bytes = 1 << 26, .memory_bytes = 1}},
    {.pattern = BYTES("/demo/*"), .channel = {.capacity = 50, .store_bytes = 1 << 20}},
};

struct world {
    struct store_mem_disk *disk;
    struct store *store;
    struct realm realm;
    struct client client, other;
};

static void on_news(void *owner)
{
    (void)owner;
}

static void on_done(void *ctx, enum err e, const uint64_t *eids)
{
    (void)ctx;
    (void)eids;
    assert_ok(e);
}

static void fill(struct store *store)
{
    const struct event_parts parts = {.body = SPAN("x")};
    struct store_op ops[BATCH];
    struct store_stream *stream;
    struct event *event;

    assert_ok(event_new(0, &parts, &event));
    assert_ok(store_open_stream(store, SPAN("/fx/a"), STORE_KEEP_ALL, &stream));
    for (size_t i = 0; i < BATCH; i++) {
        ops[i] = (struct store_op){.type = STORE_APPEND, .stream = stream, .event = event};
    }
    for (size_t done = 0; done < STORED; done += BATCH) {
        assert_ok(store_submit(store, ops, BATCH, on_done, NULL));
        store_mem_run(store, SIZE_MAX);
    }
    event_unref(event);
}

static void begin(struct world *world)
{
    const struct store_mem_conf conf = {.bytes_max = 1 << 26,
                                        .streams_max = 8,
                                        .pending_bytes_max = 1 << 26,
                                        .rng = &world->realm.rng};

    realm_begin(&world->realm);
    assert_ok(store_mem_disk_new(&world->disk));
    assert_ok(store_mem_open(&conf, world->disk, &world->store));
    fill(world->store);
    world->realm.env.stomp.on_news = on_news;
    world->realm.router.conf.store = world->store;
    world->realm.router.conf.rules = rules;
    world->realm.router.conf.rule_count = 2;
    client_connect(&world->client, &world->realm);
    client_connect(&world->other, &world->realm);
}

static void end(struct world *world)
{
    client_end(&world->client);
    client_end(&world->other);
    store_close(world->store);
    realm_end(&world->realm);
    store_mem_disk_free(world->disk);
}

static const char *hear(struct world *world)
{
    store_mem_run(world->store, SIZE_MAX);
    return client_hear(&world->client, &world->realm);
}

/* The turns that the session asks for; how many there were. */
static unsigned take_turns(struct world *world)
{
    struct realm_session *session = &world->client.session;
    unsigned turns = 0;

    while (realm_session_awaits_route(session)) {
        assert_true(realm_session_is_paused(session));
        assert_ok(realm_session_go_on(session, 0));
        turns++;
    }
    assert_ok(realm_session_take(session, mspan_of(NULL, 0), 0));
    return turns;
}

static const char answers[] = "RECEIPT\nreceipt-id:1\neid:20001\n\n\n"
                              "RECEIPT\nreceipt-id:2\neid:20002\n\n\n";

static void a_frame_waits_for_what_is_stored_and_those_behind_it_too(void **state)
{
    static const char frames[] = "SEND\ndestination:/fx/a\nreceipt:1\n\nx\0"
                                 "SEND\ndestination:/fx/a\nreceipt:2\n\ny";
    struct world world;

    (void)state;
    begin(&world);
    client_say(&world.client, span_of(frames, sizeof frames), 0);
    assert_true(realm_session_awaits_route(&world.client.session));
    assert_string_equal(hear(&world), "");
    client_say(&world.other, SPAN("SEND\ndestination:/demo/a\nreceipt:o\n\nx\0"), 0);
    store_mem_run(world.store, SIZE_MAX);
    assert_non_null(strstr(client_hear(&world.other, &world.realm), "receipt-id:o\n"));
    assert_true(take_turns(&world) > 1);
    assert_string_equal(hear(&world), answers);
    assert_int_equal(world.client.session.as.stomp.sends, 2); /* each counts once */
    end(&world);
}

static void messages_behind_it_wait_in_their_order(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_ok(ws_conn_put_message(&world.client.ws, WS_OPCODE_BINARY,
                                  SPAN("SEND\ndestination:/fx/a\nreceipt:1\n\nx\0")));
    client_say(&world.client, SPAN("SEND\ndestination:/fx/a\nreceipt:2\n\ny\0"), 0);
    client_say(&world.client, SPAN("DISCONNECT\nreceipt:3\n\n\0"), 0);
    assert_string_equal(hear(&world), "");
    take_turns(&world);
    assert_non_null(strstr(hear(&world), answers));
    assert_int_equal(world.client.close_code, WS_CLOSE_NORMAL);
    end(&world);
}

static void a_subscription_waits_as_well_and_finds_all(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    client_say(&world.client,
               SPAN("SUBSCRIBE\nid:s\ndestination:/fx/a\nfrom:20000\nreceipt:r\n\n\0"), 0);
    take_turns(&world);
    assert_non_null(strstr(hear(&world), "next:20000\n"));
    assert_int_equal(channel_count(&router_find(&world.realm.router, SPAN("/fx/a"))->channel),
                     STORED);
    end(&world);
}

static void who_has_sent_much_behind_it_does_not_wait(void **state)
{
    static const char frame[] = "SEND\ndestination:/fx/a\nreceipt:1\n\nx";
    static char text[3 * REALM_STOMP_BEHIND_BYTES];
    struct world world;

    (void)state;
    begin(&world);
    memset(text, '\n', sizeof text); /* heart-beats */
    memcpy(text, frame, sizeof frame);
    assert_ok(realm_stomp_take(&world.client.session.as.stomp, span_of(text, sizeof text), 0));
    assert_false(realm_session_awaits_route(&world.client.session));
    assert_non_null(strstr(hear(&world), "eid:20001\n"));
    end(&world);
}

static void who_leaves_while_it_waits_leaves_nothing(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    client_say(&world.client, SPAN("SEND\ndestination:/fx/a\nreceipt:1\n\nx\0more"), 0);
    assert_true(realm_session_awaits_route(&world.client.session));
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_waits_for_what_is_stored_and_those_behind_it_too),
        cmocka_unit_test(messages_behind_it_wait_in_their_order),
        cmocka_unit_test(a_subscription_waits_as_well_and_finds_all),
        cmocka_unit_test(who_has_sent_much_behind_it_does_not_wait),
        cmocka_unit_test(who_leaves_while_it_waits_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
