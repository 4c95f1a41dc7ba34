/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* What clients are told where several realms share a store. */
#include "pubsub/session.h"
#include "store/store_mem.h"
#include "unit/realm/pair.h"

struct world {
    struct store_mem_disk *disk;
    struct store *store;
    struct realm realm;
    struct client client;
};

static void on_news(void *owner)
{
    (void)owner;
}

static void begin(struct world *world)
{
    const struct store_mem_conf conf = {.bytes_max = 1 << 20,
                                        .streams_max = 8,
                                        .pending_bytes_max = 1 << 20,
                                        .is_shared = true,
                                        .rng = &world->realm.rng};

    realm_begin(&world->realm);
    assert_ok(store_mem_disk_new(&world->disk));
    assert_ok(store_mem_open(&conf, world->disk, &world->store));
    world->realm.env.stomp.on_news = on_news;
    world->realm.router.conf.store = world->store;
    world->realm.router.durables.store = world->store;
    world->realm.router.durables.map.max = 3;
    world->realm.hall.memory.is_kept = true;
    client_connect(&world->client, &world->realm);
}

static void end(struct world *world)
{
    client_end(&world->client);
    store_close(world->store);
    realm_end(&world->realm);
    store_mem_disk_free(world->disk);
}

static const char *ask(struct world *world, const char *frame)
{
    client_ask(&world->client, &world->realm, frame);
    store_mem_run(world->store, SIZE_MAX);
    return client_hear(&world->client, &world->realm);
}

static void what_is_not_known_is_said_so_with_what_makes_it_safe(void **state)
{
    static const struct {
        const char *frame;
        const char *sentence;
    } rows[] = {
        {"SEND\ndestination:/demo/a\nreceipt:r\npublish-id:1\n\nx",
         "whether it was done is not known (it is safe to send it again with the same "
         "publish-id)\n"},
        {"COMMIT\ntransaction:t\nreceipt:r\ncommit-id:c\n\n",
         "whether it was done is not known (it is safe to commit it again with the same "
         "commit-id)\n"},
    };
    struct world world;

    (void)state;
    begin(&world);
    ask(&world, "BEGIN\ntransaction:t\n\n");
    ask(&world, "SEND\ndestination:/demo/a\ntransaction:t\n\nx");
    store_mem_fail(world.store, ERR_CLOSED);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *heard = ask(&world, rows[i].frame);

        assert_non_null(strstr(heard, "refused:StoreException\n"));
        assert_non_null(strstr(heard, rows[i].sentence));
    }
    store_mem_fail(world.store, OK);
    assert_non_null(strstr(ask(&world, rows[0].frame), "eid:1\n")); /* and it is */
    end(&world);
}

static void a_durable_reader_who_was_slower_is_told_and_ends(void **state)
{
    struct router_route *route;
    const char *heard;
    struct world world;

    (void)state;
    begin(&world);
    client_ask(&world.client, &world.realm,
               "SUBSCRIBE\nid:s\ndestination:/demo/a\ndurable:desk\n\n");
    route = router_find(&world.realm.router, SPAN("/demo/a"));
    assert_non_null(route);
    durable_set_locked(&world.realm.router.durables, SPAN("durable\0/demo/a\0desk"),
                       STORE_LOCK_THEIRS, SPAN(""));
    assert_null(session_next_orphan(&world.realm.router)); /* the answer is still to come */
    store_mem_run(world.store, SIZE_MAX);
    durable_set_locked(&world.realm.router.durables, SPAN("durable\0/demo/a\0desk"),
                       STORE_LOCK_THEIRS, SPAN(""));
    assert_non_null(session_next_orphan(&world.realm.router));
    assert_ok(realm_stomp_part(&world.client.session.as.stomp, 0));
    heard = client_hear(&world.client, &world.realm);
    assert_non_null(strstr(heard, "IllegalArgumentException\\c the durable subscription to "
                                  "/demo/a has a reader in another realm"));
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_known_is_said_so_with_what_makes_it_safe),
        cmocka_unit_test(a_durable_reader_who_was_slower_is_told_and_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
