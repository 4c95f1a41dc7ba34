/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "contract/store_contract_queue.h"

#include "contract/store_contract_rig.h"
#include "pubsub/queue_set.h"

#include <stdlib.h>

enum {
    EVENTS = 120,
};

struct realm {
    struct store *store;
    struct router router;
    struct queue_set set;
    struct router_route *route;
    struct queue *queue;
    struct queue_reader reader;
};

struct pair {
    struct store_contract_rig *rig;
    struct realm realms[2];
    struct rng dice;
    uint64_t now;
    size_t held[EVENTS + 1];    /* readers that have it, by EID */
    size_t done[EVENTS + 1];    /* how often it was finished with */
    size_t returns[EVENTS + 1]; /* how often it came back */
    size_t done_count;
    size_t moved; /* came back in one realm, and was sent in the other */
    size_t last[EVENTS + 1];
};

static void on_lock(void *ctx, struct span key, enum store_lock_state state, struct span value)
{
    queue_set_locked(&((struct realm *)ctx)->set, key, state, value);
}

static void on_key(void *ctx, struct span key, const struct span *value)
{
    (void)ctx, (void)key, (void)value;
}

static void begin_realm(struct pair *pair, struct realm *realm, struct store *store)
{
    static const struct store_watch watch = {on_key, on_lock};
    static const struct router_rule rules[] = {
        {.pattern = SPAN_INIT("/q"),
         .kind = ROUTER_QUEUE,
         .channel = {.type = CHANNEL_PERSISTENT, .store_bytes = 1 << 20}}};
    const struct router_conf conf = {.rules = rules,
                                     .rule_count = 1,
                                     .limits = {.channels = 1, .store_bytes = 1 << 20},
                                     .store = store};

    realm->store = store;
    store->watch = &watch;
    store->watch_ctx = realm;
    router_init(&realm->router, &conf, &pair->rig->rng);
    queue_set_init(&realm->set, &(struct queue_set_conf){&realm->router, 10, NULL, NULL});
    assert_int_equal(router_open(&realm->router, SPAN("/q"), &realm->route), ROUTER_FOUND);
    assert_ok(queue_set_open(&realm->set, realm->route, &realm->queue));
}

/* The store is the rig's to close, or is closed. */
static void end_realm(struct realm *realm)
{
    queue_set_fini(&realm->set);
    router_fini(&realm->router);
}

static void begin(struct pair *pair, void **state)
{
    struct store *second;

    *pair = (struct pair){.rig = *state, .dice = rng_seeded(9)};
    assert_ok(store_contract_rig_kind->open_second(pair->rig, &second));
    begin_realm(pair, &pair->realms[0], pair->rig->store);
    begin_realm(pair, &pair->realms[1], second);
}

static void turn(struct pair *pair, size_t which)
{
    struct realm *realm = &pair->realms[which];

    router_set_now(&realm->router, pair->now += 10);
    queue_set_expire(&realm->set);
    queue_set_tidy(&realm->set);
    store_contract_rig_kind->turn_one(pair->rig, realm->store);
}

static void on_published(struct router_ticket *ticket, enum err e,
                         const struct router_receipt *receipts, size_t count)
{
    (void)receipts, (void)count;
    assert_ok(e);
    free(ticket);
}

static void publish(struct realm *realm)
{
    const struct event_parts parts = {.body = SPAN("x")};
    struct router_ticket *ticket = calloc(1, sizeof *ticket);

    assert_non_null(ticket);
    ticket->done = on_published;
    assert_ok(router_publish(realm->route, &parts, ticket));
}

/* Acknowledgements on their way to the store. */
struct commit {
    struct router_ticket ticket;
    struct pair *pair;
    struct queue_claim claim;
    uint64_t eid;
};

static void on_committed(struct router_ticket *ticket, enum err e,
                         const struct router_receipt *receipts, size_t count)
{
    struct commit *commit = LIST_ENTRY(ticket, struct commit, ticket);

    (void)receipts, (void)count;
    assert_ok(e);
    commit->pair->held[commit->eid]--;
    commit->pair->done[commit->eid]++;
    commit->pair->done_count++;
    queue_reader_settle(&commit->claim, true);
    free(commit);
}

static void commit(struct pair *pair, struct realm *realm, uint64_t eid)
{
    struct commit *commit = calloc(1, sizeof *commit);
    struct router_removal removal;

    assert_non_null(commit);
    commit->ticket.done = on_committed;
    commit->pair = pair;
    commit->eid = eid;
    queue_reader_claim_init(&commit->claim);
    assert_true(
        queue_reader_claim(&realm->reader, eid, QUEUE_READER_ONE, false, &commit->claim));
    queue_reader_seal(&realm->reader, &commit->claim);
    assert_int_equal(queue_set_removals(&commit->claim, &removal), 1);
    assert_ok(router_publish_commit(
        &realm->router, &(struct router_transaction){.removals = &removal, .removal_count = 1},
        &commit->ticket));
}

/* Sent, and then acknowledged at once; or rolled back; or the reader leaves with it. */
static void work(struct pair *pair, size_t which)
{
    struct realm *realm = &pair->realms[which];
    struct queue_reader_delivery delivery;

    while (realm->reader.queue != NULL && queue_reader_next(&realm->reader, &delivery)) {
        uint64_t eid = delivery.event->eid;

        assert_int_equal(pair->held[eid], 0);
        assert_int_equal(pair->done[eid], 0);
        assert_int_equal(delivery.returns, pair->returns[eid]);
        pair->moved += delivery.returns > 0 && pair->last[eid] != which;
        pair->last[eid] = which;
        pair->held[eid]++;
        queue_reader_sent(&realm->reader);
        if (rng_u32(&pair->dice) % 4 > 0) {
            commit(pair, realm, eid);
            continue;
        }
        pair->held[eid]--;
        pair->returns[eid]++;
        if (rng_u32(&pair->dice) % 2 == 0) {
            assert_true(queue_reader_roll_back(&realm->reader, eid, QUEUE_READER_ONE));
        } else {
            queue_reader_detach(&realm->reader);
        }
    }
}

static void attach(struct pair *pair, size_t which)
{
    assert_ok(queue_reader_attach(
        &pair->realms[which].reader, pair->realms[which].queue,
        &(struct queue_reader_conf){.window = 1 + rng_u32(&pair->dice) % 6}));
}

static void each_event_of_a_queue_is_done_once(void **state)
{
    struct pair pair;

    begin(&pair, state);
    attach(&pair, 0);
    attach(&pair, 1);
    for (size_t step = 0; pair.done_count < EVENTS; step++) {
        size_t which = rng_u32(&pair.dice) % 2;

        if (step < EVENTS) {
            publish(&pair.realms[which]);
        }
        if (step % 3 == 0 && pair.realms[which].reader.queue == NULL) {
            attach(&pair, which);
        } else if (step % 7 == 0) { /* what is dealt and not sent goes elsewhere */
            queue_reader_detach(&pair.realms[which].reader);
        }
        turn(&pair, 0);
        work(&pair, 0);
        turn(&pair, 1);
        work(&pair, 1);
    }
    assert_true(pair.moved > 0);
    for (size_t which = 0; which < 2; which++) {
        struct realm *realm = &pair.realms[which];

        while (queue_count(realm->queue) > 0 || realm->route->stream->count > 0) {
            turn(&pair, 0);
            turn(&pair, 1);
        }
        queue_reader_detach(&realm->reader);
    }
    store_close(pair.realms[1].store);
    end_realm(&pair.realms[1]);
    store_close(pair.rig->store);
    end_realm(&pair.realms[0]);
    assert_ok(store_contract_rig_kind->open(pair.rig)); /* for the rig's end */
}

static void what_a_dead_realm_had_is_dealt_again(void **state)
{
    struct queue_reader_delivery delivery;
    struct pair pair;

    begin(&pair, state);
    publish(&pair.realms[1]);
    attach(&pair, 1);
    while (!queue_reader_next(&pair.realms[1].reader, &delivery)) {
        turn(&pair, 1);
    }
    queue_reader_sent(&pair.realms[1].reader);
    attach(&pair, 0);
    while (pair.realms[0].reader.out > 0 || queue_count(pair.realms[0].queue) == 0) {
        turn(&pair, 0); /* until it knows whose the event is */
    }
    store_contract_rig_kind->kill(pair.rig, pair.realms[1].store);
    queue_reader_detach(&pair.realms[1].reader);
    end_realm(&pair.realms[1]);
    while (!queue_reader_next(&pair.realms[0].reader, &delivery)) {
        turn(&pair, 0);
    }
    assert_int_equal(delivery.event->eid, 1);
    assert_int_equal(delivery.returns, 1);
    queue_reader_detach(&pair.realms[0].reader);
    store_close(pair.rig->store);
    end_realm(&pair.realms[0]);
    assert_ok(store_contract_rig_kind->open(pair.rig));
}

int store_contract_queue_run(void)
{
#define PROMISE(test) \
    cmocka_unit_test_setup_teardown(test, store_contract_rig_begin, store_contract_rig_end)
    const struct CMUnitTest tests[] = {
        PROMISE(each_event_of_a_queue_is_done_once),
        PROMISE(what_a_dead_realm_had_is_dealt_again),
    };
#undef PROMISE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
