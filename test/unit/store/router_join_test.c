/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* Copies that are stored together with what they are made of: router_forward_plan(). */
#include "lib/oom.h"
#include "lib/testing.h"
#include "pubsub/router_forward.h"
#include "pubsub/router_publish.h"
#include "store/store_mem.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    TEXT_BYTES = 1000
};

static const struct router_join from_in[] = {
    {SPAN_INIT("/red"), SPAN_INIT("color = 'red'")},
    {SPAN_INIT("/work"), {NULL, 0}},
    {SPAN_INIT("/memory"), {NULL, 0}},
};
static const struct router_join onward[] = {{SPAN_INIT("/end"), {NULL, 0}}};
static const struct router_join twice[] = {{SPAN_INIT("/end"), {NULL, 0}},
                                           {SPAN_INIT("/work"), {NULL, 0}}};
static const struct router_join nowhere[] = {{SPAN_INIT("/none"), {NULL, 0}}};

#define DISK .channel = {.type = CHANNEL_PERSISTENT, .store_bytes = 1 << 24}
#define RAM  .channel = {.type = CHANNEL_RELIABLE, .store_bytes = 1 << 24}
static const struct router_rule rules[] = {
    {.pattern = SPAN_INIT("/in"), DISK, .joins = from_in, .join_count = 3},
    {.pattern = SPAN_INIT("/red"), DISK, .joins = onward, .join_count = 1},
    {.pattern = SPAN_INIT("/end"), DISK},
    {.pattern = SPAN_INIT("/work"), DISK, .kind = ROUTER_QUEUE},
    {.pattern = SPAN_INIT("/memory"), RAM, .joins = onward, .join_count = 1},
    {.pattern = SPAN_INIT("/wide"), DISK, .joins = twice, .join_count = 2},
    {.pattern = SPAN_INIT("/lost"), DISK, .joins = nowhere, .join_count = 1},
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
    const struct store_mem_conf store_conf = {.bytes_max = 1 << 26,
                                              .streams_max = 10,
                                              .pending_bytes_max = 1 << 26,
                                              .rng = &world->rng};
    struct router_conf conf = {.rules = rules,
                               .rule_count = sizeof rules / sizeof rules[0],
                               .limits = {.channels = 10,
                                          .store_bytes = 1 << 26,
                                          .ring_bytes = 1 << 24,
                                          .view = {.ring_bytes = 1000, .frame_bytes = 500}}};

    TRY(store_mem_open(&store_conf, world->disk, &world->store));
    conf.store = world->store;
    router_init(&world->router, &conf, &world->rng);
    router_set_now(&world->router, 1000);
    return OK;
}

static enum err set_up(struct world *world)
{
    *world = (struct world){.rng = rng_seeded(1)};
    TRY(store_mem_disk_new(&world->disk));
    return begin(world);
}

static void end(struct world *world)
{
    if (world->store != NULL) {
        store_close(world->store);
        router_fini(&world->router);
    }
    store_mem_disk_free(world->disk);
}

/* Nothing of what is pending happens. */
static void crash(struct world *world)
{
    store_mem_fail(world->store, ERR_CLOSED);
    store_close(world->store);
    router_fini(&world->router);
    assert_ok(begin(world));
}

static struct router_route *open_route(struct world *world, const char *name)
{
    struct router_route *route = NULL;

    assert_int_equal(router_open(&world->router, span_str(name), &route), ROUTER_FOUND);
    return route;
}

/* Its EIDs are reserved: that is a submission of its own. */
static void open_memory(struct world *world)
{
    open_route(world, "/memory");
    store_mem_run(world->store, SIZE_MAX);
}

struct ticket {
    struct router_ticket ticket;
    unsigned calls;
    enum err e;
    size_t count;
    struct router_receipt receipts[2];
};

static void on_done(struct router_ticket *ticket, enum err e,
                    const struct router_receipt *receipts, size_t count)
{
    struct ticket *mine = (struct ticket *)(void *)ticket;

    mine->calls++;
    mine->e = e;
    mine->count = count;
    for (size_t i = 0; e == OK && i < count && i < 2; i++) {
        mine->receipts[i] = receipts[i];
    }
}

static const struct event_header red = {SPAN_INIT("color"), SPAN_INIT("red")};

static enum err publish(struct router_route *route, const char *body, const char *id,
                        struct ticket *ticket)
{
    const struct event_parts parts = {
        .headers = &red, .header_count = 1, .body = span_str(body), .publish_id = span_str(id)};

    *ticket = (struct ticket){.ticket.done = on_done};
    return router_publish(route, &parts, &ticket->ticket);
}

static bool describe(void *ctx, const struct event *event)
{
    struct event_header header;
    char *text = ctx;
    size_t at = 0;

    while (event_next_header(event, &at, &header)) {
        if (!span_equals(header.name, "color")) {
            snprintf(text + strlen(text), TEXT_BYTES - strlen(text),
                     "%.*s:", SPAN_ARG(header.value));
        }
    }
    snprintf(text + strlen(text), TEXT_BYTES - strlen(text), "%.*s ",
             SPAN_ARG(event_body(event)));
    return true;
}

/* "2:/in:x " of each event: where it came from, and its body. */
static void assert_stored(struct world *world, const char *name, const char *wanted)
{
    char text[TEXT_BYTES] = "";

    assert_ok(channel_read(&open_route(world, name)->channel, 1, 0, describe, text));
    assert_string_equal(text, wanted);
}

static void an_event_and_its_copies_are_stored_in_one_step(void **state)
{
    struct ticket ticket;
    struct world world;

    (void)state;
    assert_ok(set_up(&world));
    open_memory(&world);
    assert_ok(publish(open_route(&world, "/in"), "x", NULL, &ticket));
    store_mem_run(world.store, 1);
    assert_ok(ticket.e);
    assert_int_equal(ticket.count, 1);
    assert_int_equal(ticket.receipts[0].eid, 1);
    crash(&world); /* in the moment between the event and what would come behind it */
    assert_stored(&world, "/in", "x ");
    assert_stored(&world, "/red", "1:/in:x ");
    assert_stored(&world, "/work", "1:/in:x ");
    assert_stored(&world, "/end", "1:/red:x ");
    assert_int_equal(world.router.uncopied, 0);
    end(&world);
}

static void copies_are_seen_with_the_event_as_they_are_stored(void **state)
{
    struct ticket ticket;
    struct world world;

    (void)state;
    assert_ok(set_up(&world));
    open_memory(&world);
    assert_ok(publish(open_route(&world, "/end"), "first", NULL, &ticket));
    store_mem_run(world.store, SIZE_MAX);
    for (int i = 0; i < 11; i++) {
        assert_ok(publish(open_route(&world, "/in"), "x", NULL, &ticket));
    }
    assert_stored(&world, "/red", "");
    store_mem_run(world.store, 10);
    assert_stored(&world, "/red",
                  "1:/in:x 2:/in:x 3:/in:x 4:/in:x 5:/in:x 6:/in:x 7:/in:x 8:/in:x 9:/in:x "
                  "10:/in:x ");
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(channel_count(&open_route(&world, "/red")->channel), 11);
    /* Those that only a memory loses come behind, and what is made of them. */
    assert_int_equal(channel_count(&open_route(&world, "/memory")->channel), 11);
    assert_int_equal(channel_count(&open_route(&world, "/end")->channel), 1 + 11 + 11);
    end(&world);
}

static void what_the_store_refuses_is_nowhere(void **state)
{
    struct ticket ticket;
    struct world world;

    (void)state;
    assert_ok(set_up(&world));
    store_mem_fail(world.store, ERR_LIMIT);
    assert_ok(publish(open_route(&world, "/in"), "x", NULL, &ticket));
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(ticket.e, ERR_LIMIT);
    store_mem_fail(world.store, OK);
    assert_ok(publish(open_route(&world, "/in"), "y", NULL, &ticket));
    store_mem_run(world.store, SIZE_MAX);
    assert_stored(&world, "/red", "1:/in:y ");
    assert_stored(&world, "/work", "1:/in:y ");
    end(&world);
}

static void a_repeat_is_copied_once(void **state)
{
    struct ticket tickets[3];
    struct world world;

    (void)state;
    assert_ok(set_up(&world));
    assert_ok(publish(open_route(&world, "/in"), "x", "id", &tickets[0]));
    assert_ok(publish(open_route(&world, "/in"), "x", "id", &tickets[1])); /* on its way */
    store_mem_run(world.store, SIZE_MAX);
    assert_ok(publish(open_route(&world, "/in"), "x", "id", &tickets[2])); /* stored */
    store_mem_run(world.store, SIZE_MAX);
    for (size_t i = 0; i < 3; i++) {
        assert_ok(tickets[i].e);
        assert_int_equal(tickets[i].count, 1);
        assert_int_equal(tickets[i].receipts[0].eid, 1);
        assert_int_equal(tickets[i].receipts[0].is_repeat, i > 0);
    }
    assert_stored(&world, "/red", "1:/in:x ");
    end(&world);
}

static void copies_of_a_transaction_come_behind_its_events(void **state)
{
    const struct event_parts parts = {.headers = &red, .header_count = 1, .body = SPAN("x")};
    struct ticket ticket = {.ticket.done = on_done};
    struct router_item items[2];
    struct world world;

    (void)state;
    assert_ok(set_up(&world));
    items[0] = (struct router_item){open_route(&world, "/in"), parts};
    items[1] = (struct router_item){open_route(&world, "/red"), parts};
    assert_ok(router_publish_all(items, 2, &ticket.ticket));
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(ticket.calls, 1);
    assert_int_equal(ticket.count, 2);
    assert_int_equal(ticket.receipts[1].eid, 1);
    assert_stored(&world, "/red", "x 1:/in:x ");
    assert_stored(&world, "/end", "1:/red:x 2:/red:x 1:/memory:x ");
    end(&world);
}

/* More than one submission takes: the first ones are stored with their copies, and those of the
 * others come behind. None is lost. */
static void what_is_too_much_for_one_step_is_copied_in_others(void **state)
{
    const struct event_parts parts = {.body = SPAN("x")};
    struct ticket ticket = {.ticket.done = on_done};
    const size_t count = STORE_OPS_MAX / 3 + 1;
    struct router_item *items = calloc(count, sizeof *items);
    struct world world;

    (void)state;
    assert_non_null(items);
    assert_ok(set_up(&world));
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct router_item){open_route(&world, "/wide"), parts};
    }
    assert_ok(router_publish_all(items, count, &ticket.ticket));
    store_mem_run(world.store, SIZE_MAX);
    assert_ok(ticket.e);
    assert_int_equal(open_route(&world, "/wide")->channel.next_eid, count + 1);
    assert_int_equal(open_route(&world, "/work")->channel.next_eid, count + 1);
    assert_int_equal(open_route(&world, "/end")->channel.next_eid, count + 1);
    assert_int_equal(world.router.uncopied, 0);
    end(&world);
    free(items);
}

static void a_copy_without_a_place_is_counted_and_the_event_published(void **state)
{
    struct ticket ticket;
    struct world world;

    (void)state;
    assert_ok(set_up(&world));
    assert_ok(publish(open_route(&world, "/lost"), "x", NULL, &ticket));
    store_mem_run(world.store, SIZE_MAX);
    assert_ok(ticket.e);
    assert_stored(&world, "/lost", "x ");
    assert_int_equal(world.router.uncopied, 1);
    end(&world);
}

static void publish_some(void)
{
    struct router_route *route;
    struct ticket tickets[2];
    struct world world;

    if (set_up(&world) == OK &&
        router_open(&world.router, SPAN("/in"), &route) == ROUTER_FOUND) {
        for (size_t i = 0; i < 2; i++) {
            if (publish(route, "x", NULL, &tickets[i]) != OK) {
                break;
            }
            store_mem_run(world.store, SIZE_MAX);
        }
    }
    end(&world);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(publish_some);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_and_its_copies_are_stored_in_one_step),
        cmocka_unit_test(copies_are_seen_with_the_event_as_they_are_stored),
        cmocka_unit_test(what_the_store_refuses_is_nowhere),
        cmocka_unit_test(a_repeat_is_copied_once),
        cmocka_unit_test(copies_of_a_transaction_come_behind_its_events),
        cmocka_unit_test(what_is_too_much_for_one_step_is_copied_in_others),
        cmocka_unit_test(a_copy_without_a_place_is_counted_and_the_event_published),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
