/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* Changes of events, from the publish to the store and to those who follow them. */
#include "pubsub/channel_merge.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "pubsub/router_publish.h"
#include "store/store_mem.h"

#include <stdio.h>

enum {
    RING_BYTES = 4096,
    FRAME_BYTES = 1024,
};

static const struct router_rule rules[] = {
    {.pattern = SPAN_INIT("/disk/*"),
     .channel = {.type = CHANNEL_PERSISTENT,
                 .store_bytes = 2000,
                 .memory_bytes = 1, /* the newest alone stays */
                 .keys = {{"symbol", 1}},
                 .key_count = 1}},
    {.pattern = SPAN_INIT("/memory/*"),
     .channel = {.type = CHANNEL_RELIABLE,
                 .store_bytes = 2000,
                 .keys = {{"symbol", 1}},
                 .key_count = 1}},
    {.pattern = SPAN_INIT("/plain"), .channel = {.store_bytes = 2000}},
};

struct world {
    struct store_mem_disk *disk;
    struct store *store;
    struct router router;
    struct rng rng;
};

static enum err begin(struct world *world)
{
    struct router_conf conf = {
        .rules = rules,
        .rule_count = sizeof rules / sizeof rules[0],
        .limits = {.channels = 10,
                   .store_bytes = 1 << 20,
                   .ring_bytes = 1 << 20,
                   .view = {.ring_bytes = RING_BYTES, .frame_bytes = FRAME_BYTES}}};
    const struct store_mem_conf store_conf = {.bytes_max = 1 << 20,
                                              .streams_max = 10,
                                              .pending_bytes_max = 1 << 20,
                                              .rng = &world->rng};

    *world = (struct world){.rng = rng_seeded(1)};
    TRY(store_mem_disk_new(&world->disk));
    TRY(store_mem_open(&store_conf, world->disk, &world->store));
    conf.store = world->store;
    router_init(&world->router, &conf, &world->rng);
    return OK;
}

static void end(struct world *world)
{
    store_close(world->store);
    if (world->store != NULL) {
        router_fini(&world->router);
    }
    store_mem_disk_free(world->disk);
}

static struct router_route *open_route(struct world *world, const char *name)
{
    struct router_route *route = NULL;

    assert_int_equal(router_open(&world->router, span_str(name), &route), ROUTER_FOUND);
    return route;
}

struct ticket {
    struct router_ticket ticket;
    enum err e;
};

static void on_done(struct router_ticket *ticket, enum err e,
                    const struct router_receipt *receipts, size_t count)
{
    (void)receipts;
    (void)count;
    ((struct ticket *)(void *)ticket)->e = e;
}

static enum err publish(struct router_route *route, const char *dict, bool is_change,
                        struct ticket *ticket)
{
    char body[FRAME_BYTES];
    const struct event_header headers[] = {
        {SPAN("content-type"), SPAN("application/vnd.wayleave.event+json")}};
    struct event_parts parts = {.headers = headers, .header_count = 1, .is_change = is_change};

    snprintf(body, sizeof body, "{\"dict\":%s}", dict);
    parts.body = span_str(body);
    *ticket = (struct ticket){.ticket.done = on_done, .e = ERR_AGAIN};
    return router_publish(route, &parts, &ticket->ticket);
}

static void publish_now(struct world *world, struct router_route *route, const char *dict,
                        bool is_change)
{
    struct ticket ticket;

    assert_ok(publish(route, dict, is_change, &ticket));
    store_mem_run(world->store, SIZE_MAX);
    assert_ok(ticket.e);
}

static bool collect(void *ctx, const struct event *event)
{
    struct buf *out = ctx;

    assert_ok(buf_printf(out, "%llu %.*s\n", (unsigned long long)event->eid,
                         SPAN_ARG(event_body(event))));
    return true;
}

static void assert_stored(struct router_route *route, const char *wanted)
{
    struct buf text;

    buf_init(&text, 1 << 16);
    assert_ok(channel_read(&route->channel, 1, 0, collect, &text));
    assert_bytes(buf_span(&text), span_str(wanted));
    buf_fini(&text);
}

static enum err encode(void *ctx, struct span channel, struct span id,
                       const struct event *event, struct buf *out)
{
    struct event_header header;
    size_t at = 0;

    (void)ctx;
    (void)channel;
    (void)id;
    while (event_next_header(event, &at, &header)) {
        if (span_equals(header.name, "delta")) {
            TRY(buf_append(out, SPAN("delta ")));
        }
    }
    return collect(out, event) ? OK : ERR_NOMEM;
}

static const struct view_form whole = {.tag = 'w', .encode = encode};
static const struct view_form changes = {.tag = 'c', .follows_changes = true, .encode = encode};

static void assert_seen(struct view_cursor *cursor, const char *wanted)
{
    struct buf text;
    struct span bytes;

    buf_init(&text, 1 << 16);
    while (view_peek(cursor, &bytes) == OK) {
        assert_ok(buf_append(&text, bytes));
        view_sent(cursor, bytes.len);
    }
    assert_bytes(buf_span(&text), span_str(wanted));
    buf_fini(&text);
}

static void the_whole_is_stored_and_the_change_goes_to_those_who_follow(void **state)
{
    static const char *const names[] = {"/memory/fx", "/disk/fx"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct world world;
        struct router_route *route;
        struct view_cursor follows = {.set = NULL}, sees = {.set = NULL};

        assert_ok(begin(&world));
        route = open_route(&world, names[i]);
        publish_now(&world, route, "{\"symbol\":\"A\",\"bid\":1,\"ask\":2}", false);
        assert_ok(view_attach(&route->views, &(struct view_kind){&changes, NULL, SPAN("s")}, 1,
                              &follows));
        assert_ok(
            view_attach(&route->views, &(struct view_kind){&whole, NULL, SPAN("s")}, 1, &sees));
        assert_seen(&follows, "1 {\"dict\":{\"symbol\":\"A\",\"bid\":1,\"ask\":2}}\n");
        publish_now(&world, route, "{\"symbol\":\"B\",\"bid\":7}", true);
        publish_now(&world, route, "{\"symbol\":\"A\",\"bid\":3}", true);
        assert_seen(&follows, "2 {\"dict\":{\"symbol\":\"B\",\"bid\":7}}\n"
                              "delta 3 {\"dict\":{\"symbol\":\"A\",\"bid\":3}}\n");
        assert_seen(&sees, "2 {\"dict\":{\"symbol\":\"B\",\"bid\":7}}\n"
                           "3 {\"dict\":{\"symbol\":\"A\",\"bid\":3,\"ask\":2}}\n");
        publish_now(&world, route, "{\"symbol\":\"B\",\"ask\":8}", true);
        assert_stored(route, "3 {\"dict\":{\"symbol\":\"A\",\"bid\":3,\"ask\":2}}\n"
                             "4 {\"dict\":{\"symbol\":\"B\",\"bid\":7,\"ask\":8}}\n");
        view_detach(&follows);
        view_detach(&sees);
        end(&world);
    }
}

static void changes_that_are_on_their_way_build_on_each_other(void **state)
{
    struct ticket first, second, third;
    struct router_route *route;
    struct world world;

    (void)state;
    assert_ok(begin(&world));
    route = open_route(&world, "/disk/fx");
    assert_ok(publish(route, "{\"symbol\":\"A\",\"a\":1}", true, &first));
    assert_ok(publish(route, "{\"symbol\":\"A\",\"b\":2}", true, &second));
    assert_ok(publish(route, "{\"symbol\":\"A\",\"c\":3}", true, &third));
    store_mem_run(world.store, SIZE_MAX);
    assert_ok(third.e);
    assert_stored(route, "3 {\"dict\":{\"symbol\":\"A\",\"a\":1,\"b\":2,\"c\":3}}\n");
    end(&world);
}

static void what_the_store_refuses_is_no_base_for_later_changes(void **state)
{
    struct router_route *route;
    struct ticket refused;
    struct world world;

    (void)state;
    assert_ok(begin(&world));
    route = open_route(&world, "/disk/fx");
    publish_now(&world, route, "{\"symbol\":\"A\",\"a\":1}", false);
    store_mem_fail(world.store, ERR_IO);
    assert_ok(publish(route, "{\"symbol\":\"A\",\"a\":2}", true, &refused));
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(refused.e, ERR_IO);
    store_mem_fail(world.store, OK);
    publish_now(&world, route, "{\"symbol\":\"A\",\"b\":3}", true);
    assert_stored(route, "2 {\"dict\":{\"symbol\":\"A\",\"a\":1,\"b\":3}}\n");
    end(&world);
}

/* ---- what the change builds on is not what everybody has ---- */

/* The route has one event of A, and another one is on its way that changes it. */
struct gap {
    struct world world;
    struct router_route *route;
    struct view_cursor follows;
    struct ticket base;
    struct ticket ticket;
};

static void begin_gap(struct gap *gap, uint64_t ttl)
{
    static const char body[] = "{\"dict\":{\"symbol\":\"A\",\"a\":1}}";
    const struct event_header headers[] = {
        {SPAN("content-type"), SPAN("application/vnd.wayleave.event+json")}};
    const struct event_parts parts = {
        .headers = headers, .header_count = 1, .body = span_str(body), .ttl = ttl};

    *gap = (struct gap){.base.ticket.done = on_done};
    assert_ok(begin(&gap->world));
    router_set_now(&gap->world.router, 1000);
    gap->route = open_route(&gap->world, "/disk/fx");
    assert_ok(router_publish(gap->route, &parts, &gap->base.ticket));
    store_mem_run(gap->world.store, SIZE_MAX);
    assert_ok(publish(gap->route, "{\"symbol\":\"A\",\"b\":2}", true, &gap->ticket));
}

/* Who comes now may lack what the change builds on. */
static void assert_whole(struct gap *gap)
{
    assert_ok(view_attach(&gap->route->views, &(struct view_kind){&changes, NULL, SPAN("s")}, 1,
                          &gap->follows));
    assert_seen(&gap->follows, "");
    store_mem_run(gap->world.store, SIZE_MAX);
    assert_ok(gap->ticket.e);
    assert_seen(&gap->follows, "2 {\"dict\":{\"symbol\":\"A\",\"a\":1,\"b\":2}}\n");
    publish_now(&gap->world, gap->route, "{\"symbol\":\"A\",\"c\":3}", true);
    assert_seen(&gap->follows, "delta 3 {\"dict\":{\"symbol\":\"A\",\"c\":3}}\n");
    view_detach(&gap->follows);
    end(&gap->world);
}

static void a_change_of_an_event_that_is_purged_meanwhile_goes_as_a_whole(void **state)
{
    struct gap gap;

    (void)state;
    begin_gap(&gap, 0);
    assert_int_equal(channel_purge(&gap.route->channel, 2), 1);
    assert_whole(&gap);
}

static void a_change_of_an_event_that_expires_meanwhile_goes_as_a_whole(void **state)
{
    (void)state;
    for (int is_dropped = 0; is_dropped <= 1; is_dropped++) {
        struct gap gap;

        begin_gap(&gap, 500);
        router_set_now(&gap.world.router, 1500);
        if (is_dropped) {
            router_expire(&gap.world.router);
        }
        assert_int_equal(channel_count(&gap.route->channel), !is_dropped);
        assert_whole(&gap);
    }
}

static void a_change_of_what_the_store_refused_goes_as_a_whole(void **state)
{
    struct view_cursor follows = {.set = NULL};
    struct ticket refused, ticket;
    struct router_route *route;
    struct world world;

    (void)state;
    assert_ok(begin(&world));
    route = open_route(&world, "/disk/fx");
    publish_now(&world, route, "{\"symbol\":\"A\",\"a\":1}", false);
    assert_ok(view_attach(&route->views, &(struct view_kind){&changes, NULL, SPAN("s")}, 2,
                          &follows));
    store_mem_fail(world.store, ERR_IO);
    assert_ok(publish(route, "{\"symbol\":\"A\",\"b\":2}", true, &refused));
    assert_ok(publish(route, "{\"symbol\":\"A\",\"c\":3}", true, &ticket));
    store_mem_run(world.store, 1);
    store_mem_fail(world.store, OK);
    store_mem_run(world.store, SIZE_MAX);
    assert_int_equal(refused.e, ERR_IO);
    assert_ok(ticket.e);
    assert_seen(&follows, "2 {\"dict\":{\"symbol\":\"A\",\"a\":1,\"b\":2,\"c\":3}}\n");
    view_detach(&follows);
    end(&world);
}

static struct event *theirs_of(uint64_t eid)
{
    const struct event_header headers[] = {
        {SPAN("content-type"), SPAN("application/vnd.wayleave.event+json")}};
    const struct event_parts parts = {.headers = headers,
                                      .header_count = 1,
                                      .body = SPAN("{\"dict\":{\"symbol\":\"A\",\"z\":9}}")};
    struct event *event;

    assert_ok(event_new(eid, &parts, &event));
    return event;
}

static void a_change_that_another_realm_overtakes_goes_as_a_whole(void **state)
{
    const struct event_header headers[] = {
        {SPAN("content-type"), SPAN("application/vnd.wayleave.event+json")}};
    const struct event_parts parts = {.headers = headers,
                                      .header_count = 1,
                                      .body = SPAN("{\"dict\":{\"symbol\":\"A\",\"b\":2}}"),
                                      .is_change = true};
    struct channel_entry *first, *second;
    struct channel *channel;
    struct event *theirs, *change;
    struct world world;
    bool is_repeat;

    (void)state;
    assert_ok(begin(&world));
    channel = &open_route(&world, "/memory/fx")->channel;
    theirs = theirs_of(1);
    assert_ok(channel_take(channel, theirs));
    event_unref(theirs);
    assert_ok(channel_prepare(channel, &parts, &first, &is_repeat));
    assert_ok(channel_prepare(channel, &parts, &second, &is_repeat));
    theirs = theirs_of(2);
    assert_ok(channel_take(channel, theirs));
    event_unref(theirs);
    assert_null(channel_take_change(channel, first, 3, 0));
    channel_commit(channel, first, 3);
    change = channel_take_change(channel, second, 4, 0); /* has all of the first one's */
    assert_non_null(change);
    event_unref(change);
    channel_commit(channel, second, 4);
    end(&world);
}

static void a_merged_event_is_bounded_like_any_other(void **state)
{
    char dict[1700];
    struct router_route *route;
    struct ticket ticket;
    struct world world;

    (void)state;
    assert_ok(begin(&world));
    route = open_route(&world, "/memory/fx");
    snprintf(dict, sizeof dict, "{\"symbol\":\"A\",\"a\":\"%0900d\"}", 0);
    publish_now(&world, route, dict, false);
    for (int name = 'b'; name <= 'c'; name++) {
        snprintf(dict, sizeof dict, "{\"symbol\":\"A\",\"%c\":\"%0900d\"}", name, 0);
        assert_int_equal(publish(route, dict, true, &ticket), name == 'b' ? OK : ERR_LIMIT);
    }
    assert_int_equal(channel_count(&route->channel), 1);
    end(&world);
}

static void a_merged_event_is_no_longer_than_what_may_be_published(void **state)
{
    static const char merged[] = "{\"dict\":{\"symbol\":\"A\",\"a\":1,\"b\":2}}";
    const struct event_header headers[] = {
        {SPAN("content-type"), SPAN("application/vnd.wayleave.event+json")}};
    struct event_parts parts = {.headers = headers,
                                .header_count = 1,
                                .body = SPAN("{\"dict\":{\"symbol\":\"A\",\"b\":2}}"),
                                .is_change = true};

    (void)state;
    for (size_t spare = 0; spare <= 1; spare++) {
        struct ticket ticket = {.ticket.done = on_done, .e = ERR_AGAIN};
        struct router_route *route;
        struct world world;

        assert_ok(begin(&world));
        route = open_route(&world, "/memory/fx");
        publish_now(&world, route, "{\"symbol\":\"A\",\"a\":1}", false);
        parts.merged_max = strlen(merged) - 1 + spare;
        assert_int_equal(router_publish(route, &parts, &ticket.ticket),
                         spare > 0 ? OK : ERR_LIMIT);
        assert_int_equal(route->channel.next_eid, spare > 0 ? 3 : 2);
        end(&world);
    }
}

static void who_merges_much_at_once_is_told_to_try_again(void **state)
{
    struct router_route *route;
    struct ticket ticket;
    struct world world;

    (void)state;
    assert_ok(begin(&world));
    route = open_route(&world, "/memory/fx");
    publish_now(&world, route, "{\"symbol\":\"A\",\"a\":1}", false);
    assert_int_equal(world.router.budget.merged, 0);
    publish_now(&world, route, "{\"symbol\":\"A\",\"b\":2}", true);
    assert_int_not_equal(world.router.budget.merged, 0);
    world.router.budget.merged = CHANNEL_MERGE_BYTES_AT_ONCE;
    assert_int_equal(publish(route, "{\"symbol\":\"A\",\"c\":3}", true, &ticket), ERR_AGAIN);
    publish_now(&world, route, "{\"symbol\":\"B\",\"a\":1}", true); /* costs nothing */
    router_set_now(&world.router, 1);
    publish_now(&world, route, "{\"symbol\":\"A\",\"c\":3}", true);
    assert_stored(route, "3 {\"dict\":{\"symbol\":\"B\",\"a\":1}}\n"
                         "4 {\"dict\":{\"symbol\":\"A\",\"a\":1,\"b\":2,\"c\":3}}\n");
    end(&world);
}

static void without_a_key_or_a_dictionary_it_is_an_event_like_others(void **state)
{
    const struct event_parts text = {.body = SPAN("{\"dict\":{}}"), .is_change = true};
    struct router_route *plain, *keyed;
    struct ticket ticket = {.ticket.done = on_done, .e = ERR_AGAIN};
    struct world world;

    (void)state;
    assert_ok(begin(&world));
    plain = open_route(&world, "/plain");
    keyed = open_route(&world, "/memory/fx");
    publish_now(&world, plain, "{\"symbol\":\"A\",\"a\":1}", true);
    publish_now(&world, plain, "{\"symbol\":\"A\",\"b\":2}", true);
    assert_stored(plain, "1 {\"dict\":{\"symbol\":\"A\",\"a\":1}}\n"
                         "2 {\"dict\":{\"symbol\":\"A\",\"b\":2}}\n");
    assert_ok(router_publish(keyed, &text, &ticket.ticket));
    assert_ok(ticket.e);
    publish_now(&world, keyed, "{\"a\":1}", true);
    assert_stored(keyed, "1 {\"dict\":{}}\n2 {\"dict\":{\"a\":1}}\n");
    end(&world);
}

static void publish_some(void)
{
    struct router_route *route;
    struct world world;

    if (begin(&world) == OK &&
        router_open(&world.router, SPAN("/disk/fx"), &route) == ROUTER_FOUND) {
        struct ticket tickets[3];

        for (size_t i = 0; i < 3; i++) {
            if (publish(route, "{\"symbol\":\"A\",\"a\":1}", true, &tickets[i]) != OK) {
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
        cmocka_unit_test(the_whole_is_stored_and_the_change_goes_to_those_who_follow),
        cmocka_unit_test(changes_that_are_on_their_way_build_on_each_other),
        cmocka_unit_test(what_the_store_refuses_is_no_base_for_later_changes),
        cmocka_unit_test(a_change_of_an_event_that_is_purged_meanwhile_goes_as_a_whole),
        cmocka_unit_test(a_change_of_an_event_that_expires_meanwhile_goes_as_a_whole),
        cmocka_unit_test(a_change_of_what_the_store_refused_goes_as_a_whole),
        cmocka_unit_test(a_change_that_another_realm_overtakes_goes_as_a_whole),
        cmocka_unit_test(a_merged_event_is_bounded_like_any_other),
        cmocka_unit_test(a_merged_event_is_no_longer_than_what_may_be_published),
        cmocka_unit_test(who_merges_much_at_once_is_told_to_try_again),
        cmocka_unit_test(without_a_key_or_a_dictionary_it_is_an_event_like_others),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
