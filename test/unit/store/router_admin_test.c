/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Purging and removing routes of a router with a store that is slow, and fails.
 */
#include "pubsub/router_admin.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "pubsub/queue_set.h"
#include "pubsub/router_publish.h"
#include "pubsub/session.h"
#include "store/store_mem.h"

#define BYTES(literal)                                     \
    {                                                      \
        (const uint8_t *)("" literal), sizeof(literal) - 1 \
    }

static const struct router_rule rules[] = {
    {.pattern = BYTES("/p/*"),
     .channel = {.type = CHANNEL_PERSISTENT, .store_bytes = 1 << 20, .memory_bytes = 1 << 20}},
    {.pattern = BYTES("/q/*"),
     .kind = ROUTER_QUEUE,
     .redelivery_max = 1,
     .window_max = 10,
     .channel = {.type = CHANNEL_PERSISTENT, .store_bytes = 1 << 20, .memory_bytes = 1 << 20}},
    {.pattern = BYTES("/m/*"), .channel = {.store_bytes = 1 << 20}},
};

struct world {
    struct rng rng;
    struct store_mem_disk *disk;
    struct store *store;
    struct router router;
    struct queue_set queues;
    unsigned done;
    enum err e;
    size_t count;
};

/* Where `done` notes what came. */
struct wait {
    struct router_admin_ticket ticket;
    struct world *world;
};

static void on_done(struct router_admin_ticket *ticket, enum err e, size_t count)
{
    struct world *world = ((struct wait *)(void *)ticket)->world;

    world->done++;
    world->e = e;
    world->count = count;
}

static enum err begin_life(struct world *world)
{
    const struct store_mem_conf store_conf = {.bytes_max = 1 << 20,
                                              .streams_max = 8,
                                              .pending_bytes_max = 1 << 20,
                                              .rng = &world->rng};
    struct router_conf conf = {
        .rules = rules,
        .rule_count = 3,
        .limits = {.channels = 8,
                   .store_bytes = 1 << 20,
                   .ring_bytes = 1 << 20,
                   .durables = 4,
                   .view = {.ring_bytes = 1000, .frame_bytes = 1000}},
    };
    enum err e = store_mem_open(&store_conf, world->disk, &world->store);

    conf.store = world->store;
    router_init(&world->router, &conf, &world->rng);
    queue_set_init(&world->queues,
                   &(struct queue_set_conf){.router = &world->router, .ids_max = 4});
    return e;
}

static void end_life(struct world *world)
{
    store_close(world->store);
    queue_set_fini(&world->queues);
    router_fini(&world->router);
}

static void begin(struct world *world)
{
    *world = (struct world){.rng = rng_seeded(5)};
    assert_ok(store_mem_disk_new(&world->disk));
    assert_ok(begin_life(world));
}

static void end(struct world *world)
{
    end_life(world);
    store_mem_disk_free(world->disk);
}

static struct router_route *route_of(struct world *world, const char *name)
{
    struct router_route *route = NULL;

    assert_int_equal(router_open(&world->router, span_str(name), &route), ROUTER_FOUND);
    return route;
}

static void on_published(struct router_ticket *ticket, enum err e,
                         const struct router_receipt *receipts, size_t count)
{
    (void)ticket;
    (void)e;
    (void)receipts;
    (void)count;
}

/* On its way; the ticket is forgotten. */
static void send(struct router_route *route)
{
    struct router_ticket ticket = {.done = on_published};

    assert_ok(router_publish(route, &(struct event_parts){.body = SPAN("x")}, &ticket));
    router_publish_cancel(&ticket);
}

static void publish(struct world *world, struct router_route *route, int count)
{
    for (int i = 0; i < count; i++) {
        send(route);
    }
    store_mem_run(world->store, SIZE_MAX);
}

static void a_purge_is_told_when_the_store_has_it(void **state)
{
    struct world world;
    struct wait wait = {{on_done, NULL}, &world};
    struct router_route *route;

    (void)state;
    begin(&world);
    route = route_of(&world, "/p/a");
    publish(&world, route, 5);
    send(route); /* on its way: it is no part of this */
    assert_ok(router_admin_purge(route, 4, &wait.ticket));
    assert_int_equal(channel_count(&route->channel), 5);
    assert_int_equal(world.done, 0);
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(world.done, 1);
    assert_int_equal(world.count, 3);
    assert_int_equal(channel_first_eid(&route->channel), 4);
    assert_ok(router_admin_purge(route, UINT64_MAX, &wait.ticket));
    send(route);
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(world.count, 3);
    assert_int_equal(channel_count(&route->channel), 1); /* what came behind it */
    end_life(&world);
    assert_ok(begin_life(&world));
    route = route_of(&world, "/p/a");
    assert_int_equal(channel_count(&route->channel), 1);
    assert_int_equal(channel_first_eid(&route->channel), 7);
    end(&world);
}

static void a_purge_that_fails_purges_nothing(void **state)
{
    struct world world;
    struct wait wait = {{on_done, NULL}, &world};
    struct router_route *route;

    (void)state;
    begin(&world);
    route = route_of(&world, "/p/a");
    publish(&world, route, 2);
    store_mem_fail(world.store, ERR_IO);
    assert_ok(router_admin_purge(route, UINT64_MAX, &wait.ticket));
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(world.e, ERR_IO);
    assert_int_equal(channel_count(&route->channel), 2);
    end(&world);
}

static void without_a_stream_it_is_done_at_once(void **state)
{
    struct world world;
    struct wait wait = {{on_done, NULL}, &world};
    struct router_route *route;

    (void)state;
    begin(&world);
    route = route_of(&world, "/m/a");
    publish(&world, route, 3);
    assert_ok(router_admin_purge(route, 3, &wait.ticket));
    assert_int_equal(world.count, 2);
    assert_null(wait.ticket.work);
    end(&world);
}

static void who_has_cancelled_is_not_told_and_it_happens(void **state)
{
    struct world world;
    struct wait wait = {{on_done, NULL}, &world};
    struct router_route *route;

    (void)state;
    begin(&world);
    route = route_of(&world, "/p/a");
    publish(&world, route, 3);
    assert_ok(router_admin_purge(route, UINT64_MAX, &wait.ticket));
    router_admin_cancel(&wait.ticket);
    router_admin_cancel(&wait.ticket);
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(world.done, 0);
    assert_int_equal(channel_count(&route->channel), 0);
    end(&world);
}

static void a_removed_name_is_taken_until_the_store_has_forgotten_it(void **state)
{
    struct world world;
    struct wait wait = {{on_done, NULL}, &world};
    struct router_route *route;

    (void)state;
    begin(&world);
    route = route_of(&world, "/p/a");
    publish(&world, route, 3);
    send(route); /* acknowledged before it goes */
    assert_ok(router_admin_remove(route, NULL, &wait.ticket));
    assert_null(router_find(&world.router, SPAN("/p/a")));
    assert_int_equal(router_open(&world.router, SPAN("/p/a"), &route), ROUTER_MISSING);
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(world.done, 1);
    assert_ok(world.e);
    route = route_of(&world, "/p/a");
    assert_int_equal(channel_count(&route->channel), 0);
    assert_int_equal(route->channel.next_eid, 5);
    end_life(&world);
    assert_ok(begin_life(&world));
    assert_int_equal(channel_count(&route_of(&world, "/p/a")->channel), 0);
    end(&world);
}

static enum err no_frame(void *ctx, struct span channel, struct span id,
                         const struct event *event, struct buf *out)
{
    (void)ctx;
    (void)channel;
    (void)id;
    (void)event;
    return buf_append(out, SPAN("x"));
}

static const struct view_form form = {.tag = 'x', .encode = no_frame};

static void who_subscribes_is_an_orphan_and_keeps_the_route_alive(void **state)
{
    struct world world;
    struct wait wait = {{on_done, NULL}, &world};
    struct session session, other;
    struct session_request request = {.id = SPAN("s"), .form = &form};
    uint64_t next;

    (void)state;
    begin(&world);
    session_init(&session, 4, NULL);
    session_init(&other, 4, NULL);
    request.route = route_of(&world, "/m/b");
    assert_ok(session_subscribe(&other, &request, &next));
    request.route = route_of(&world, "/m/a");
    assert_ok(session_subscribe(&session, &request, &next));
    assert_ok(router_admin_remove(request.route, NULL, &wait.ticket));
    assert_int_equal(world.done, 1);
    assert_ptr_equal(session_next_orphan(&world.router), &session);
    assert_null(session_next_orphan(&world.router));
    assert_true(span_equals(session.orphan->route->channel.name, "/m/a"));
    assert_null(other.orphan);
    assert_ptr_not_equal(route_of(&world, "/m/a"), session.orphan->route);
    session_fini(&session); /* and the route with it: the sanitizer counts */
    assert_null(session.orphan);
    session_fini(&other);
    end(&world);
}

static void a_removed_queue_takes_its_readers_events_with_it(void **state)
{
    struct world world;
    struct wait wait = {{on_done, NULL}, &world};
    struct router_route *route;
    struct queue_reader reader = {.queue = NULL};
    struct queue_reader_delivery delivery;
    struct queue *queue;

    (void)state;
    begin(&world);
    route = router_hold(route_of(&world, "/q/a"));
    assert_ok(queue_set_open(&world.queues, route, &queue));
    assert_ok(queue_reader_attach(&reader, queue, &(struct queue_reader_conf){.window = 2}));
    publish(&world, route, 3);
    assert_true(queue_reader_next(&reader, &delivery));
    queue_reader_sent(&reader);
    assert_ok(router_admin_remove(route, NULL, &wait.ticket));
    assert_int_equal(queue_count(queue), 1); /* what it holds */
    assert_false(queue_reader_next(&reader, &delivery));
    queue_reader_detach(&reader);
    assert_int_equal(queue_count(queue), 0);
    router_release(route);
    store_mem_run(world.store, SIZE_MAX); /* now it ends */
    assert_int_equal(channel_count(&route_of(&world, "/q/a")->channel), 0);
    end(&world);
}

static void nothing_is_published_to_a_removed_route(void **state)
{
    struct world world;
    struct wait wait = {{on_done, NULL}, &world};
    struct router_ticket ticket = {.done = on_published};
    struct router_route *route;

    (void)state;
    begin(&world);
    route = router_hold(route_of(&world, "/m/a"));
    assert_ok(router_admin_remove(route, NULL, &wait.ticket));
    assert_int_equal(router_publish(route, &(struct event_parts){.body = SPAN("x")}, &ticket),
                     ERR_CONF);
    router_release(route);
    end(&world);
}

static unsigned applied;
static enum err applied_e;

static void on_apply(void *ctx, enum err e)
{
    (void)ctx;
    applied++;
    applied_e = e;
}

static void state_is_kept_in_the_same_step(void **state)
{
    struct router_admin_state kept = {.apply = on_apply};
    struct world world;
    struct wait wait = {{on_done, NULL}, &world};
    struct buf value;
    bool is_found;

    (void)state;
    begin(&world);
    buf_init(&value, 100);
    kept.op = (struct store_op){.type = STORE_PUT, .key = SPAN("k"), .value = SPAN("v")};
    applied = 0;
    assert_ok(router_admin_keep(&world.router, &kept, &wait.ticket));
    assert_int_equal(applied, 0);
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(applied, 1);
    assert_ok(applied_e);
    assert_ok(store_get(world.store, SPAN("k"), &value, &is_found));
    assert_true(is_found);
    kept.op = (struct store_op){.type = STORE_DELETE, .key = SPAN("k")};
    assert_ok(router_admin_remove(route_of(&world, "/p/a"), &kept, &wait.ticket));
    store_mem_fail(world.store, ERR_IO);
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(applied_e, ERR_IO);
    assert_null(router_find(&world.router, SPAN("/p/a")));
    buf_fini(&value);
    end(&world);
}

static void remove_without_memory(void)
{
    struct world world = {.rng = rng_seeded(5)};
    struct wait wait = {{on_done, NULL}, &world};
    struct router_route *route;
    enum err e = store_mem_disk_new(&world.disk);

    if (e != OK) {
        return;
    }
    e = begin_life(&world);
    if (e == OK && router_open(&world.router, SPAN("/p/a"), &route) == ROUTER_FOUND) {
        e = router_admin_purge(route, UINT64_MAX, &wait.ticket);
        assert_true(e == OK || e == ERR_NOMEM);
        e = router_admin_remove(route, NULL, &wait.ticket);
        assert_true(e == OK || e == ERR_NOMEM);
        assert_int_equal(router_find(&world.router, SPAN("/p/a")) == NULL, e == OK);
    }
    end(&world);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(remove_without_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_purge_is_told_when_the_store_has_it),
        cmocka_unit_test(a_purge_that_fails_purges_nothing),
        cmocka_unit_test(without_a_stream_it_is_done_at_once),
        cmocka_unit_test(who_has_cancelled_is_not_told_and_it_happens),
        cmocka_unit_test(a_removed_name_is_taken_until_the_store_has_forgotten_it),
        cmocka_unit_test(who_subscribes_is_an_orphan_and_keeps_the_route_alive),
        cmocka_unit_test(a_removed_queue_takes_its_readers_events_with_it),
        cmocka_unit_test(nothing_is_published_to_a_removed_route),
        cmocka_unit_test(state_is_kept_in_the_same_step),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
