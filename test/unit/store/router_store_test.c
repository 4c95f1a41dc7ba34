/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* What the router does with a store: pubsub/router_store, and publishing that waits. */
#include "pubsub/router_store.h"

#include "lib/oom.h"
#include "pubsub/router_publish.h"
#include "unit/pubsub/publishing.h"
#include "unit/store/mem_rig.h"

#include <stdio.h>

static const struct router_rule rules[] = {
    {.pattern = SPAN_INIT("/p/*"),
     .channel = {.type = CHANNEL_PERSISTENT,
                 .capacity = 20,
                 .store_bytes = 100000,
                 .memory_bytes = 600}},
    {.pattern = SPAN_INIT("/ttl"),
     .channel = {.type = CHANNEL_PERSISTENT, .store_bytes = 100000, .ttl = 100}},
    {.pattern = SPAN_INIT("/r/*"),
     .channel = {.type = CHANNEL_RELIABLE, .capacity = 20, .store_bytes = 100000}},
};

/* One life of a realm; the disk outlives it. */
struct world {
    struct store_mem_disk *disk;
    struct rng rng;
    struct store *store;
    struct router router;
};

static enum err begin(struct world *world)
{
    struct router_conf conf;

    world->store = NULL;
    TRY(mem_rig_open(world->disk, &world->rng, &world->store));
    conf = mem_rig_router_conf(rules, sizeof rules / sizeof rules[0], world->store);
    router_init(&world->router, &conf, &world->rng);
    return OK;
}

static void end(struct world *world)
{
    store_close(world->store);
    router_fini(&world->router);
}

static void set_up(struct world *world)
{
    *world = (struct world){.rng = rng_seeded(1)};
    assert_ok(store_mem_disk_new(&world->disk));
    assert_ok(begin(world));
}

static void tear_down(struct world *world)
{
    end(world);
    store_mem_disk_free(world->disk);
}

static void restart(struct world *world)
{
    end(world);
    assert_ok(begin(world));
}

/* Nothing of what is pending happens. */
static void crash(struct world *world)
{
    store_mem_fail(world->store, ERR_CLOSED);
    restart(world);
}

struct ticket {
    struct router_ticket ticket;
    unsigned calls;
    enum err e;
    uint64_t eid;
    bool is_repeat;
};

static void on_done(struct router_ticket *ticket, enum err e,
                    const struct router_receipt *receipts, size_t count)
{
    struct ticket *mine = (struct ticket *)(void *)ticket;

    mine->calls++;
    mine->e = e;
    mine->eid = e == OK && count > 0 ? receipts[0].eid : 0;
    mine->is_repeat = count > 0 && receipts[0].is_repeat;
}

static const struct ticket fresh = {.ticket = {.done = on_done}};

static struct router_route *open_route(struct world *world, const char *name)
{
    struct router_route *route = NULL;

    assert_int_equal(router_open(&world->router, span_str(name), &route), ROUTER_FOUND);
    return route;
}

static void publish(struct router_route *route, const char *body, const char *id,
                    struct ticket *ticket)
{
    const struct event_parts parts = {.body = span_str(body), .publish_id = span_str(id)};

    *ticket = fresh;
    assert_ok(router_publish(route, &parts, &ticket->ticket));
}

static uint64_t publish_now(struct world *world, struct router_route *route, const char *body)
{
    struct ticket ticket;

    publish(route, body, NULL, &ticket);
    store_mem_run(world->store, SIZE_MAX);
    assert_int_equal(ticket.calls, 1);
    assert_ok(ticket.e);
    return ticket.eid;
}

static bool collect(void *ctx, const struct event *event)
{
    char *text = ctx;
    size_t len = strlen(text);

    snprintf(text + len, 1000 - len, "%llu%.*s ", (unsigned long long)event->eid,
             SPAN_ARG(event_body(event)));
    return len < 900;
}

static const char *stored(const struct router_route *route)
{
    static char text[1000];

    text[0] = '\0';
    assert_ok(channel_read(&route->channel, route->channel.lost_eid + 1, 0, collect, text));
    return text;
}

static void a_persistent_event_is_seen_and_told_when_the_store_has_it(void **state)
{
    struct world world;
    struct router_route *route;
    struct ticket ticket;

    (void)state;
    set_up(&world);
    route = open_route(&world, "/p/a");
    publish(route, "x", NULL, &ticket);
    assert_int_equal(ticket.calls, 0);
    assert_string_equal(stored(route), "");
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(ticket.calls, 1);
    assert_ok(ticket.e);
    assert_int_equal(ticket.eid, 1);
    assert_string_equal(stored(route), "1x ");
    tear_down(&world);
}

static void a_store_that_refuses_is_an_error_for_the_publisher_and_nothing_else(void **state)
{
    static const enum err errors[] = {ERR_LIMIT, ERR_IO, ERR_NOMEM};
    struct router_route *route;
    struct ticket ticket;
    struct world world;

    (void)state;
    set_up(&world);
    route = open_route(&world, "/p/a");
    assert_int_equal(publish_now(&world, route, "kept"), 1);
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        store_mem_fail(world.store, errors[i]);
        publish(route, "lost", "id", &ticket);
        store_mem_run(world.store, SIZE_MAX);
        assert_int_equal(ticket.calls, 1);
        assert_int_equal(ticket.e, errors[i]);
        assert_string_equal(stored(route), "1kept ");
    }
    store_mem_fail(world.store, OK);
    publish(route, "again", "id", &ticket); /* no repeat: it was never published */
    store_mem_run(world.store, SIZE_MAX);
    assert_ok(ticket.e);
    assert_false(ticket.is_repeat);
    tear_down(&world);
}

static void a_repeat_of_what_is_on_its_way_shares_its_fate(void **state)
{
    struct ticket first, second, third;
    struct router_route *route;
    struct world world;

    (void)state;
    set_up(&world);
    route = open_route(&world, "/p/a");
    publish(route, "x", "id", &first);
    publish(route, "x", "id", &second);
    publish(route, "x", "id", &third);
    router_publish_cancel(&third.ticket);
    assert_int_equal(second.calls, 0);
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(first.eid, 1);
    assert_int_equal(second.eid, 1);
    assert_true(second.is_repeat);
    assert_int_equal(third.calls, 0);
    assert_string_equal(stored(route), "1x ");
    store_mem_fail(world.store, ERR_LIMIT);
    publish(route, "y", "other", &first);
    publish(route, "y", "other", &second);
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(first.e, ERR_LIMIT);
    assert_int_equal(second.e, ERR_LIMIT);
    tear_down(&world);
}

static void events_come_back_after_a_restart_with_their_ids_and_publish_ids(void **state)
{
    struct router_route *route;
    struct ticket ticket;
    struct world world;
    uint64_t epoch;

    (void)state;
    set_up(&world);
    route = open_route(&world, "/p/a");
    epoch = route->channel.epoch;
    for (int i = 0; i < 5; i++) {
        publish_now(&world, route, "x");
    }
    publish(route, "y", "id", &ticket);
    restart(&world); /* what was accepted is told before the store is closed */
    assert_int_equal(ticket.eid, 6);
    route = open_route(&world, "/p/a");
    assert_true(route->channel.epoch == epoch);
    assert_string_equal(stored(route), "1x 2x 3x 4x 5x 6y ");
    assert_int_equal(route->channel.held_bytes, 0);
    publish(route, "y", "id", &ticket);
    assert_int_equal(ticket.eid, 6);
    assert_true(ticket.is_repeat);
    assert_int_equal(publish_now(&world, route, "z"), 7);
    tear_down(&world);
}

static void memory_holds_the_newest_events_and_the_store_the_others(void **state)
{
    char expected[1000] = "";
    struct router_route *route;
    struct world world;

    (void)state;
    set_up(&world);
    route = open_route(&world, "/p/a");
    for (int i = 1; i <= 30; i++) {
        publish_now(&world, route, "x");
        assert_true(route->channel.held_bytes <= 600);
        assert_int_equal(world.router.budget.used, route->channel.held_bytes);
        if (i > 10) { /* a capacity of 20 */
            snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%dx ",
                     i);
        }
    }
    assert_string_equal(stored(route), expected);
    assert_null(publishing_find(&route->channel, 12));
    assert_non_null(publishing_find(&route->channel, 30));
    assert_true(channel_remove(&route->channel, 13));
    assert_int_equal(route->channel.lost_eid, 10);
    assert_int_equal(channel_first_eid(&route->channel), 11);
    channel_purge(&route->channel, 28);
    assert_int_equal(channel_count(&route->channel), 3);
    router_store_flush(route);
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(route->stream->count, 3);
    restart(&world);
    assert_int_equal(channel_count(&open_route(&world, "/p/a")->channel), 3);
    tear_down(&world);
}

static void what_expires_leaves_the_store_too(void **state)
{
    struct router_route *route;
    struct world world;

    (void)state;
    set_up(&world);
    router_set_now(&world.router, 1000);
    route = open_route(&world, "/ttl");
    publish_now(&world, route, "x");
    assert_int_equal(router_deadline(&world.router), 1100);
    restart(&world); /* the expiry is the event's own */
    assert_ok(router_declare(&world.router));
    assert_int_equal(router_deadline(&world.router), 1100);
    router_set_now(&world.router, 1100);
    router_expire(&world.router);
    store_mem_run(world.store, SIZE_MAX);
    route = open_route(&world, "/ttl");
    assert_int_equal(channel_count(&route->channel), 0);
    assert_int_equal(route->stream->count, 0);
    assert_int_equal(publish_now(&world, route, "y"), 2);
    tear_down(&world);
}

static void reliable_eids_never_go_back(void **state)
{
    struct router_route *route;
    struct ticket tickets[3];
    struct world world;
    uint64_t epoch = 0;
    uint64_t last = 0;

    (void)state;
    set_up(&world);
    for (int life = 0; life < 4; life++) {
        route = open_route(&world, "/r/a");
        assert_true(life == 0 || route->channel.epoch == epoch);
        epoch = route->channel.epoch;
        for (size_t i = 0; i < 3; i++) { /* the block is on its way: they wait, in order */
            publish(route, "x", NULL, &tickets[i]);
            assert_int_equal(tickets[i].calls, 0);
        }
        store_mem_run(world.store, SIZE_MAX);
        for (size_t i = 0; i < 3; i++) {
            assert_true(tickets[i].eid > last);
            last = tickets[i].eid;
        }
        for (int i = 0; i < 2 * ROUTER_STORE_BLOCK; i++) {
            publish(route, "x", NULL, &tickets[0]);
            assert_int_equal(tickets[0].calls, 1); /* never again: it is asked for ahead */
            assert_int_equal(tickets[0].eid, last + 1);
            last++;
            if (i % 1000 == 0) {
                store_mem_run(world.store, SIZE_MAX);
            }
        }
        crash(&world);
    }
    assert_true(last < 4 * 5 * ROUTER_STORE_BLOCK); /* and they do not run away either */
    tear_down(&world);
}

static void a_transaction_is_all_or_nothing_over_routes_of_any_kind(void **state)
{
    const struct store_op outcome = {
        .type = STORE_PUT, .key = SPAN("tx/1"), .value = SPAN("committed")};
    struct router_transaction transaction = {.item_count = 2, .removal_count = 1};
    struct ticket ticket = fresh;
    struct router_removal removal;
    struct router_item items[2];
    struct router_route *a, *b;
    struct world world;
    struct buf value;
    bool found;

    (void)state;
    set_up(&world);
    buf_init(&value, 100);
    a = open_route(&world, "/p/a");
    b = open_route(&world, "/r/b");
    publish_now(&world, a, "old");
    removal = (struct router_removal){a, 1};
    items[0] = (struct router_item){a, {.body = SPAN("one")}};
    items[1] = (struct router_item){b, {.body = SPAN("two")}};
    transaction.items = items;
    transaction.removals = &removal;
    transaction.ops = &outcome;
    transaction.op_count = 1;
    store_mem_fail(world.store, ERR_LIMIT);
    assert_ok(router_publish_commit(&world.router, &transaction, &ticket.ticket));
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(ticket.e, ERR_LIMIT);
    assert_string_equal(stored(a), "1old ");
    assert_string_equal(stored(b), "");
    store_mem_fail(world.store, OK);
    ticket = fresh;
    assert_ok(router_publish_commit(&world.router, &transaction, &ticket.ticket));
    assert_string_equal(stored(b), "");
    store_mem_run(world.store, SIZE_MAX);
    assert_ok(ticket.e);
    assert_string_equal(stored(a), "2one ");
    assert_int_equal(channel_count(&b->channel), 1);
    assert_ok(store_get(world.store, SPAN("tx/1"), &value, &found));
    assert_true(found);
    assert_int_equal(a->stream->count, 1);
    buf_fini(&value);
    tear_down(&world);
}

static void a_transaction_does_not_guess_whether_an_id_is_a_repeat(void **state)
{
    const struct event_parts parts = {.publish_id = SPAN("id")};
    struct router_item items[2];
    struct router_route *a, *b;
    struct ticket first, ticket = fresh;
    struct world world;

    (void)state;
    set_up(&world);
    a = open_route(&world, "/p/a");
    b = open_route(&world, "/p/b");
    publish(a, "", "id", &first);
    items[0] = (struct router_item){b, parts};
    items[1] = (struct router_item){a, parts};
    assert_int_equal(router_publish_all(items, 2, &ticket.ticket), ERR_AGAIN);
    store_mem_run(world.store, SIZE_MAX);
    assert_ok(router_publish_all(items, 2, &ticket.ticket)); /* now it is known */
    store_mem_run(world.store, SIZE_MAX);
    assert_ok(ticket.e);
    assert_int_equal(channel_count(&a->channel), 1);
    assert_int_equal(channel_count(&b->channel), 1);
    items[0].parts.publish_id = SPAN("new"); /* twice in one transaction: published once */
    items[1] = items[0];
    ticket = fresh;
    assert_ok(router_publish_all(items, 2, &ticket.ticket));
    store_mem_run(world.store, SIZE_MAX);
    assert_ok(ticket.e);
    assert_int_equal(channel_count(&b->channel), 2);
    tear_down(&world);
}

static void live_a_little(void)
{
    struct world world = {.rng = rng_seeded(1)};
    struct ticket tickets[5];

    if (store_mem_disk_new(&world.disk) != OK) {
        return;
    }
    if (begin(&world) == OK) {
        for (size_t i = 0; i < 5; i++) {
            const struct event_parts parts = {.body = SPAN("x"), .publish_id = SPAN("id")};
            struct router_route *route;

            tickets[i] = fresh;
            if (router_open(&world.router, i % 2 == 0 ? SPAN("/p/a") : SPAN("/r/a"), &route) ==
                    ROUTER_FOUND &&
                router_publish(route, &parts, &tickets[i].ticket) == OK) {
                store_mem_run(world.store, i);
            }
        }
        end(&world);
    } else {
        store_close(world.store);
    }
    store_mem_disk_free(world.disk);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(live_a_little);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_persistent_event_is_seen_and_told_when_the_store_has_it),
        cmocka_unit_test(a_store_that_refuses_is_an_error_for_the_publisher_and_nothing_else),
        cmocka_unit_test(a_repeat_of_what_is_on_its_way_shares_its_fate),
        cmocka_unit_test(events_come_back_after_a_restart_with_their_ids_and_publish_ids),
        cmocka_unit_test(memory_holds_the_newest_events_and_the_store_the_others),
        cmocka_unit_test(what_expires_leaves_the_store_too),
        cmocka_unit_test(reliable_eids_never_go_back),
        cmocka_unit_test(a_transaction_is_all_or_nothing_over_routes_of_any_kind),
        cmocka_unit_test(a_transaction_does_not_guess_whether_an_id_is_a_repeat),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
