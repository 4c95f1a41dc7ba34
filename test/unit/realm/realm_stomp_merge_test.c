/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* What publishers of changes (merge:true) are told when what they change cannot be had, and how
 * long they wait when it is much. */
#include "pubsub/channel_merge.h"
#include "store/store_mem.h"
#include "unit/realm/pair.h"

static const struct router_rule rules[] = {{
    .pattern = BYTES("/fx/*"),
    .channel = {.type = CHANNEL_PERSISTENT,
                .store_bytes = 1 << 20,
                .memory_bytes = 1, /* the newest alone stays */
                .keys = {{"symbol", 1}},
                .key_count = 1},
}};

struct world {
    struct store_mem_disk *disk;
    struct store *store;
    struct realm realm;
    struct client client;
};

static enum err read_nothing(struct store_stream *stream, uint64_t from, store_visit *visit,
                             void *ctx, uint64_t *ret_next)
{
    (void)stream;
    (void)from;
    (void)visit;
    (void)ctx;
    (void)ret_next;
    return ERR_IO;
}

static void on_news(void *owner)
{
    (void)owner;
}

static const char *ask(struct world *world, const char *frame)
{
    client_say(&world->client, span_of(frame, strlen(frame) + 1), 0);
    store_mem_run(world->store, SIZE_MAX);
    return client_hear(&world->client, &world->realm);
}

#define DICT "content-type:application/vnd.wayleave.event+json\n"

/* Two events are stored, and the first one is not in memory. */
static void begin(struct world *world, const char *connect)
{
    const struct store_mem_conf conf = {.bytes_max = 1 << 20,
                                        .streams_max = 8,
                                        .pending_bytes_max = 1 << 20,
                                        .rng = &world->realm.rng};

    realm_begin(&world->realm);
    assert_ok(store_mem_disk_new(&world->disk));
    assert_ok(store_mem_open(&conf, world->disk, &world->store));
    world->realm.env.stomp.on_news = on_news;
    world->realm.router.conf.store = world->store;
    world->realm.router.conf.rules = rules;
    world->realm.router.conf.rule_count = 1;
    client_begin(&world->client, &world->realm, REALM_SESSION_STOMP);
    client_ask(&world->client, &world->realm, connect);
    ask(world, "SEND\ndestination:/fx/a\n" DICT "\n{\"dict\":{\"symbol\":\"A\",\"bid\":1}}");
    ask(world, "SEND\ndestination:/fx/a\n" DICT "\n{\"dict\":{\"symbol\":\"B\",\"bid\":1}}");
}

static void end(struct world *world)
{
    client_end(&world->client);
    store_close(world->store);
    realm_end(&world->realm);
    store_mem_disk_free(world->disk);
}

static const char softly[] = "CONNECT\naccept-version:1.2\nerrors:receipt\n\n";
static const char change[] = "SEND\ndestination:/fx/a\nmerge:true\nreceipt:r\n" DICT
                             "\n{\"dict\":{\"symbol\":\"A\",\"ask\":2}}";
static const char transacted[] = "SEND\ndestination:/fx/a\nmerge:true\ntransaction:t\n" DICT
                                 "\n{\"dict\":{\"symbol\":\"A\",\"ask\":2}}";

static void who_changes_what_cannot_be_read_is_told_and_goes_on(void **state)
{
    const struct store_ops *whole;
    struct store_ops broken;
    struct world world;
    const char *heard;

    (void)state;
    begin(&world, softly);
    whole = world.store->ops;
    broken = *whole;
    broken.read = read_nothing;
    world.store->ops = &broken;
    heard = ask(&world, change);
    assert_non_null(strstr(heard, "RECEIPT\nreceipt-id:r\nrefused:StoreException\n"));
    assert_non_null(strstr(heard, "the event that this one changes could not be read from the "
                                  "store"));
    ask(&world, "BEGIN\ntransaction:t\n\n");
    ask(&world, transacted);
    heard = ask(&world, "COMMIT\ntransaction:t\nreceipt:c\n\n");
    assert_non_null(strstr(heard, "RECEIPT\nreceipt-id:c\nrefused:StoreException\n"));
    assert_non_null(strstr(heard, "could not be read from the store"));
    world.store->ops = whole;
    assert_non_null(strstr(ask(&world, change), "eid:3\n")); /* nothing was published before */
    end(&world);
}

static void without_soft_refusals_it_is_an_error(void **state)
{
    struct store_ops broken;
    struct world world;
    const char *heard;

    (void)state;
    begin(&world, "CONNECT\naccept-version:1.2\n\n");
    broken = *world.store->ops;
    broken.read = read_nothing;
    world.store->ops = &broken;
    heard = ask(&world, change);
    assert_non_null(strstr(heard, "ERROR\n"));
    assert_non_null(strstr(heard, "receipt-id:r\nmessage:StoreException\\c the event that this "
                                  "one changes could not be read"));
    assert_int_equal(world.client.close_code, WS_CLOSE_POLICY);
    end(&world);
}

static void who_has_merged_much_goes_on_in_the_next_turn(void **state)
{
    struct world world;

    (void)state;
    begin(&world, softly);
    world.realm.router.budget.merged = CHANNEL_MERGE_BYTES_A_TURN;
    assert_string_equal(ask(&world, change), "");
    assert_true(realm_session_is_held(&world.client.session));
    assert_true(realm_session_is_waiting(&world.client.session));
    router_set_now(&world.realm.router, 1);
    assert_ok(realm_session_take(&world.client.session, mspan_of(NULL, 0), 1));
    store_mem_run(world.store, SIZE_MAX);
    assert_non_null(strstr(client_hear(&world.client, &world.realm), "eid:3\n"));
    end(&world);
}

static void what_changes_too_much_in_one_go_is_refused_with_the_reason(void **state)
{
    struct world world;
    const char *heard;

    (void)state;
    begin(&world, softly);
    world.realm.router.budget.merged = CHANNEL_MERGE_BYTES_AT_ONCE;
    assert_ok(realm_stomp_take(&world.client.session.as.stomp, span_of(change, sizeof change),
                               0)); /* of a slice in hand */
    router_set_now(&world.realm.router, 1);
    heard = client_hear(&world.client, &world.realm);
    assert_non_null(strstr(heard, "refused:StoreException\n"));
    assert_non_null(strstr(heard, "change more than 32 MiB of events"));
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_changes_what_cannot_be_read_is_told_and_goes_on),
        cmocka_unit_test(without_soft_refusals_it_is_an_error),
        cmocka_unit_test(who_has_merged_much_goes_on_in_the_next_turn),
        cmocka_unit_test(what_changes_too_much_in_one_go_is_refused_with_the_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
