/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* Two realms with one queue in a store that they share: pubsub/queue_share and queue_set. */
#include "pubsub/queue_share.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "pubsub/queue_set.h"
#include "pubsub/router_publish.h"
#include "store/store_mem.h"

static const struct router_rule rules[] = {
    {.pattern = SPAN_INIT("/q"),
     .kind = ROUTER_QUEUE,
     .channel = {.type = CHANNEL_PERSISTENT, .capacity = 3, .store_bytes = 1 << 16},
     .dead_events = SPAN_INIT("/dead"),
     .redelivery_max = 2,
     .window_max = 10},
    {.pattern = SPAN_INIT("/dead"),
     .channel = {.type = CHANNEL_PERSISTENT, .capacity = 10, .store_bytes = 1 << 16}},
};

/* The key of the first event's lock. */
static const uint8_t first_key[] = {'q', 'u', 'e', 'u', 'e', 0, '/', 'q', 0,
                                    0,   0,   0,   0,   0,   0, 0,   1};

struct realm {
    struct store *store;
    struct router router;
    struct queue_set set;
    struct router_route *route, *dead;
    struct queue *queue;
    struct queue_reader reader;
    unsigned news;
};

struct world {
    struct rng rng;
    struct store_mem_disk *disk;
    struct realm realms[2];
};

static void on_lock(void *ctx, struct span key, enum store_lock_state state, struct span value)
{
    queue_set_locked(&((struct realm *)ctx)->set, key, state, value);
}

static void on_news(void *ctx)
{
    ((struct realm *)ctx)->news++;
}

static const struct store_watch watch = {.on_lock = on_lock};

/* ERR_NOMEM: there was none. */
static enum err begin_realm(struct world *world, struct realm *realm, bool opens_queue)
{
    const struct store_mem_conf store_conf = {.bytes_max = 1 << 20,
                                              .streams_max = 4,
                                              .pending_bytes_max = 1 << 20,
                                              .is_shared = true,
                                              .rng = &world->rng};
    struct router_conf conf = {
        .rules = rules,
        .rule_count = sizeof rules / sizeof rules[0],
        .limits = {.channels = 10,
                   .store_bytes = 1 << 20,
                   .ring_bytes = 1 << 20,
                   .view = {.ring_bytes = 1 << 16, .frame_bytes = 1 << 16}},
    };

    *realm = (struct realm){.store = NULL};
    TRY(store_mem_open(&store_conf, world->disk, &realm->store));
    conf.store = realm->store;
    router_init(&realm->router, &conf, &world->rng);
    realm->router.on_news = on_news;
    realm->router.on_news_ctx = realm;
    queue_set_init(&realm->set, &(struct queue_set_conf){&realm->router, 5, NULL, NULL});
    if (router_open(&realm->router, SPAN("/q"), &realm->route) != ROUTER_FOUND ||
        router_open(&realm->router, SPAN("/dead"), &realm->dead) != ROUTER_FOUND) {
        return ERR_NOMEM;
    }
    if (opens_queue) {
        TRY(queue_set_open(&realm->set, realm->route, &realm->queue));
    }
    realm->store->watch = &watch;
    realm->store->watch_ctx = realm;
    return OK;
}

static void end_realm(struct realm *realm)
{
    if (realm->store == NULL) {
        return;
    }
    queue_reader_detach(&realm->reader);
    queue_set_finish(&realm->set);
    store_close(realm->store);
    queue_set_fini(&realm->set);
    router_fini(&realm->router);
}

static enum err begin(struct world *world)
{
    *world = (struct world){.rng = rng_seeded(3)};
    TRY(store_mem_disk_new(&world->disk));
    TRY(begin_realm(world, &world->realms[0], true));
    return begin_realm(world, &world->realms[1], true);
}

static void end(struct world *world)
{
    end_realm(&world->realms[0]);
    end_realm(&world->realms[1]);
    store_mem_disk_free(world->disk);
}

/* Until nobody has anything to say. */
static void calm(struct world *world)
{
    for (int round = 0; round < 12; round++) {
        for (size_t i = 0; i < 2; i++) {
            store_mem_run(world->realms[i].store, SIZE_MAX);
            queue_set_tidy(&world->realms[i].set);
        }
    }
}

static void on_done(struct router_ticket *ticket, enum err e,
                    const struct router_receipt *receipts, size_t count)
{
    (void)ticket;
    (void)e;
    (void)receipts;
    (void)count;
}

static enum err publish(struct realm *realm, uint64_t ttl)
{
    const struct event_parts parts = {.body = SPAN("x"), .ttl = ttl};
    struct router_ticket ticket = {.done = on_done};
    enum err e = router_publish(realm->route, &parts, &ticket);

    store_mem_run(realm->store, SIZE_MAX);
    router_publish_cancel(&ticket);
    return e;
}

static enum err read_with(struct realm *realm, size_t window)
{
    return queue_reader_attach(&realm->reader, realm->queue,
                               &(struct queue_reader_conf){.window = window});
}

/* EID of what was sent; 0: nothing is there. */
static uint64_t send_one(struct realm *realm, size_t *ret_returns)
{
    struct queue_reader_delivery delivery;
    uint64_t eid;

    if (!queue_reader_next(&realm->reader, &delivery)) {
        return 0;
    }
    eid = delivery.event->eid;
    *ret_returns = delivery.returns;
    queue_reader_sent(&realm->reader);
    return eid;
}

static void assert_sent(struct realm *realm, uint64_t eid, size_t returns)
{
    size_t found = returns;

    assert_int_equal(send_one(realm, &found), eid);
    assert_int_equal(found, returns);
}

static void roll_back(struct realm *realm, uint64_t eid)
{
    assert_true(queue_reader_roll_back(&realm->reader, eid, QUEUE_READER_ONE));
}

/* As a reader that has acknowledged it, without a transaction. */
static void finish(struct realm *realm, uint64_t eid)
{
    struct queue_claim claim;

    queue_reader_claim_init(&claim);
    assert_true(queue_reader_claim(&realm->reader, eid, QUEUE_READER_ONE, false, &claim));
    queue_reader_seal(&realm->reader, &claim);
    queue_reader_settle(&claim, true);
}

static void assert_no_locks(const struct world *world)
{
    assert_true(list_is_empty(&world->disk->locks));
}

static void an_event_goes_from_realm_to_realm_with_its_returns(void **state)
{
    static const uint8_t left[] = {0, 0, 0, 1, 0, 0, 0, 1};
    struct world world;
    struct span value;

    (void)state;
    assert_ok(begin(&world));
    assert_ok(publish(&world.realms[0], 0));
    assert_ok(read_with(&world.realms[0], 1));
    assert_ok(read_with(&world.realms[1], 1));
    calm(&world);
    assert_sent(&world.realms[0], 1, 0);
    assert_sent(&world.realms[1], 0, 0);
    assert_int_equal(
        store_lock_state(world.realms[0].store, span_of(first_key, sizeof first_key), NULL),
        STORE_LOCK_OURS);
    queue_reader_detach(&world.realms[0].reader);
    queue_set_tidy(&world.realms[0].set);
    assert_int_equal(
        store_lock_state(world.realms[0].store, span_of(first_key, sizeof first_key), &value),
        STORE_LOCK_FREE);
    assert_bytes(value, span_of(left, sizeof left));
    world.realms[1].news = 0;
    calm(&world);
    assert_true(world.realms[1].news > 0);
    assert_sent(&world.realms[1], 1, 1);
    finish(&world.realms[1], 1);
    calm(&world);
    assert_int_equal(queue_count(world.realms[0].queue), 0);
    assert_no_locks(&world);
    end(&world);
}

static void who_gets_a_lock_finds_the_event_removed(void **state)
{
    struct world world;

    (void)state;
    assert_ok(begin(&world));
    assert_ok(publish(&world.realms[0], 0));
    assert_ok(read_with(&world.realms[0], 1));
    calm(&world);
    assert_sent(&world.realms[0], 1, 0);
    finish(&world.realms[0], 1);
    queue_set_tidy(&world.realms[0].set);
    assert_int_equal(
        store_lock_state(world.realms[0].store, span_of(first_key, sizeof first_key), NULL),
        STORE_LOCK_OURS); /* until the store has done it */
    assert_ok(read_with(&world.realms[1], 1));
    calm(&world);
    assert_sent(&world.realms[1], 0, 0);
    assert_no_locks(&world);
    end(&world);
}

static void what_comes_back_too_often_in_all_realms_is_buried_once(void **state)
{
    struct world world;

    (void)state;
    assert_ok(begin(&world));
    assert_ok(publish(&world.realms[0], 0));
    for (size_t i = 0; i < 3; i++) {
        struct realm *realm = &world.realms[i % 2];

        assert_ok(read_with(realm, 1));
        calm(&world);
        assert_sent(realm, 1, i);
        queue_reader_detach(&realm->reader);
        calm(&world);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(queue_count(world.realms[i].queue), 0);
        assert_int_equal(channel_count(&world.realms[i].route->channel), 0);
        assert_int_equal(channel_count(&world.realms[i].dead->channel), 1);
    }
    assert_no_locks(&world);
    end(&world);
}

static void what_expires_in_all_realms_is_buried_once(void **state)
{
    struct world world;

    (void)state;
    assert_ok(begin(&world));
    assert_ok(publish(&world.realms[0], 1000)); /* will be held by a reader */
    assert_ok(publish(&world.realms[0], 1000)); /* asked for */
    assert_ok(read_with(&world.realms[1], 2));
    calm(&world);
    assert_sent(&world.realms[1], 1, 0);
    assert_ok(publish(&world.realms[0], 1000)); /* nobody's */
    calm(&world);
    for (size_t i = 0; i < 2; i++) {
        router_set_now(&world.realms[i].router, 2000);
        router_expire(&world.realms[i].router);
    }
    calm(&world);
    assert_int_equal(channel_count(&world.realms[0].dead->channel), 2);
    assert_int_equal(channel_count(&world.realms[1].dead->channel), 2);
    roll_back(&world.realms[1], 1); /* its time has come, too */
    calm(&world);
    assert_int_equal(channel_count(&world.realms[0].dead->channel), 3);
    assert_int_equal(world.realms[0].route->stream->count, 0);
    assert_no_locks(&world);
    end(&world);
}

static void what_expires_while_another_realm_has_it_is_that_realms_care(void **state)
{
    struct world world;

    (void)state;
    for (int i = 0; i < 2; i++) { /* one that comes later, and where nobody reads the queue */
        assert_ok(begin(&world));
        assert_ok(publish(&world.realms[0], 1000));
        assert_ok(publish(&world.realms[0], 1000));
        assert_ok(read_with(&world.realms[0], 1));
        calm(&world);
        assert_sent(&world.realms[0], 1, 0);
        end_realm(&world.realms[1]);
        assert_ok(begin_realm(&world, &world.realms[1], i == 0));
        router_set_now(&world.realms[1].router, 2000);
        router_expire(&world.realms[1].router);
        calm(&world);
        assert_int_equal(channel_count(&world.realms[1].dead->channel), 1);
        finish(&world.realms[0], 1);
        end(&world);
    }
}

static void what_there_is_no_room_for_is_buried_once(void **state)
{
    struct world world;

    (void)state;
    assert_ok(begin(&world));
    for (size_t i = 0; i < 3; i++) {
        assert_ok(publish(&world.realms[i % 2], 0));
    }
    calm(&world);
    assert_ok(read_with(&world.realms[1], 2));
    calm(&world);
    assert_sent(&world.realms[1], 1, 0); /* it has the second one, too, and was not sent it */
    for (size_t i = 0; i < 3; i++) {
        assert_ok(publish(&world.realms[0], 0));
        calm(&world);
    }
    assert_int_equal(channel_count(&world.realms[0].route->channel), 3);
    assert_int_equal(channel_count(&world.realms[0].dead->channel), 2);
    assert_int_equal(channel_count(&world.realms[1].dead->channel), 2);
    finish(&world.realms[1], 1); /* what it held stayed with it */
    end(&world);
}

static void what_the_store_refuses_is_asked_for_again(void **state)
{
    struct world world;
    struct realm *realm = &world.realms[0];

    (void)state;
    assert_ok(begin(&world));
    assert_ok(publish(realm, 0));
    store_mem_fail(realm->store, ERR_CLOSED);
    assert_ok(read_with(realm, 1));
    calm(&world);
    assert_sent(realm, 0, 0);
    assert_int_equal(realm->set.again_at, QUEUE_SHARE_AGAIN_MS);
    assert_false(queue_set_is_busy(&realm->set));
    store_mem_fail(realm->store, OK);
    queue_set_expire(&realm->set); /* not yet */
    assert_false(queue_set_is_busy(&realm->set));
    router_set_now(&realm->router, QUEUE_SHARE_AGAIN_MS);
    queue_set_expire(&realm->set);
    calm(&world);
    assert_sent(realm, 1, 0);
    finish(realm, 1);
    store_mem_fail(realm->store, ERR_CLOSED);
    calm(&world);
    assert_int_equal(world.realms[1].route->stream->count, 1);
    assert_ok(read_with(&world.realms[1], 1));
    calm(&world);
    assert_sent(&world.realms[1], 0, 0); /* the lock is still that of who is done with it */
    store_mem_fail(realm->store, OK);
    router_set_now(&realm->router, 2 * QUEUE_SHARE_AGAIN_MS);
    queue_set_expire(&realm->set);
    calm(&world);
    assert_int_equal(world.realms[1].route->stream->count, 0);
    assert_no_locks(&world);
    end(&world);
}

static void who_was_cut_off_too_long_may_still_say_that_it_is_done(void **state)
{
    struct world world;

    (void)state;
    assert_ok(begin(&world));
    assert_ok(publish(&world.realms[0], 0));
    assert_ok(read_with(&world.realms[0], 1));
    assert_ok(read_with(&world.realms[1], 1));
    calm(&world);
    assert_sent(&world.realms[0], 1, 0);
    store_mem_lose_locks(world.realms[0].store);
    for (int round = 0; round < 3; round++) { /* the loser hears of it later */
        store_mem_run(world.realms[1].store, SIZE_MAX);
        queue_set_tidy(&world.realms[1].set);
    }
    assert_sent(&world.realms[1], 1, 1); /* once more */
    calm(&world);
    finish(&world.realms[0], 1);
    calm(&world);
    assert_int_equal(world.realms[1].route->stream->count, 0);
    finish(&world.realms[1], 1);
    calm(&world);
    assert_int_equal(queue_count(world.realms[0].queue) + queue_count(world.realms[1].queue),
                     0);
    assert_no_locks(&world);
    end(&world);
}

static void on_locked(void *ctx, enum err e, struct span value)
{
    (void)value;
    *(enum err *)ctx = e;
}

static void on_removed(void *ctx, enum err e, const uint64_t *eids)
{
    (void)eids;
    *(enum err *)ctx = e;
}

static void what_a_realm_that_ended_left_behind_is_forgotten(void **state)
{
    const struct store_mem_conf conf = {.bytes_max = 1 << 20,
                                        .streams_max = 1,
                                        .pending_bytes_max = 1 << 20,
                                        .is_shared = true};
    struct store_op op = {.type = STORE_REMOVE, .eid = 1};
    enum err locked = ERR_AGAIN, removed = ERR_AGAIN;
    struct world world;
    struct store *store;

    (void)state;
    assert_ok(begin(&world));
    assert_ok(publish(&world.realms[0], 0));
    assert_ok(read_with(&world.realms[0], 1));
    calm(&world);
    assert_sent(&world.realms[0], 1, 0);
    queue_reader_detach(&world.realms[0].reader);
    calm(&world);
    assert_ok(store_mem_open(&conf, world.disk, &store));
    assert_ok(store_open_stream(store, SPAN("/q"), STORE_KEEP_ALL, &op.stream));
    assert_ok(store_lock(store, span_of(first_key, sizeof first_key), on_locked, &locked));
    assert_ok(store_submit(store, &op, 1, on_removed, &removed));
    store_mem_run(store, SIZE_MAX);
    assert_ok(locked);
    assert_ok(removed);
    store_mem_kill(store); /* before it could forget the lock */
    assert_false(list_is_empty(&world.disk->locks));
    calm(&world);
    assert_no_locks(&world);
    end(&world);
}

static void a_queue_that_is_removed_leaves_no_locks(void **state)
{
    struct world world;
    struct realm *realm = &world.realms[0];

    (void)state;
    assert_ok(begin(&world));
    for (int i = 0; i < 3; i++) {
        assert_ok(publish(realm, 0));
    }
    calm(&world);
    assert_ok(read_with(realm, 1));
    calm(&world);
    assert_sent(realm, 1, 0);
    finish(realm, 1);
    queue_set_tidy(&realm->set); /* removing one, asking for another */
    assert_ok(read_with(&world.realms[1], 1));
    calm(&world);
    queue_reader_detach(&realm->reader);
    store_mem_run(realm->store, 0);
    router_hold(realm->route);
    router_leave(realm->route);
    router_unname(realm->route);
    router_release(realm->route);
    assert_true(list_is_empty(&realm->set.queues));
    calm(&world);
    queue_reader_detach(&world.realms[1].reader);
    calm(&world);
    LIST_FOREACH (node, after, &world.disk->locks) {
        assert_ptr_equal(LIST_ENTRY(node, struct store_mem_disk_lock, node)->holder, NULL);
    }
    end(&world);
}

static void keys_of_others_are_not_read(void **state)
{
    static const char *const keys[] = {"queue", "queue\0",
                                       "queue\0/q\0"
                                       "1234567",
                                       "durable\0/q\0"
                                       "12345678"};
    static const size_t lens[] = {5, 6, 16, 19};
    struct world world;
    struct span name;
    uint64_t eid;

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        assert_false(
            queue_share_read_key(span_of((const uint8_t *)keys[i], lens[i]), &name, &eid));
    }
    assert_true(queue_share_read_key(span_of(first_key, sizeof first_key), &name, &eid));
    assert_bytes(name, SPAN("/q"));
    assert_int_equal(eid, 1);
    assert_ok(begin(&world));
    queue_set_locked(&world.realms[0].set, SPAN("queue"), STORE_LOCK_FREE, SPAN(""));
    queue_set_locked(&world.realms[0].set,
                     span_of("queue\0/no\0"
                             "12345678",
                             18),
                     STORE_LOCK_FREE, SPAN(""));
    end(&world);
}

/* Whichever allocation fails, what is published is sent, once it does not. */
static void work(void)
{
    struct world world;
    size_t returns;
    enum err e = begin(&world);

    if (e == OK && publish(&world.realms[0], 0) == OK && read_with(&world.realms[0], 1) == OK) {
        uint64_t eid;

        calm(&world);
        eid = send_one(&world.realms[0], &returns);
        if (eid != 0) {
            finish(&world.realms[0], eid);
        }
        calm(&world);
    }
    if (world.disk != NULL) {
        end(&world);
    }
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_goes_from_realm_to_realm_with_its_returns),
        cmocka_unit_test(who_gets_a_lock_finds_the_event_removed),
        cmocka_unit_test(what_comes_back_too_often_in_all_realms_is_buried_once),
        cmocka_unit_test(what_expires_in_all_realms_is_buried_once),
        cmocka_unit_test(what_expires_while_another_realm_has_it_is_that_realms_care),
        cmocka_unit_test(what_there_is_no_room_for_is_buried_once),
        cmocka_unit_test(what_the_store_refuses_is_asked_for_again),
        cmocka_unit_test(who_was_cut_off_too_long_may_still_say_that_it_is_done),
        cmocka_unit_test(what_a_realm_that_ended_left_behind_is_forgotten),
        cmocka_unit_test(a_queue_that_is_removed_leaves_no_locks),
        cmocka_unit_test(keys_of_others_are_not_read),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
