/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* Two realms, one store: pubsub/router_shared. Random ones are in test/sim/store/shared_sim.c.
 */
#include "pubsub/router_shared.h"

#include "lib/oom.h"
#include "pubsub/router_admin.h"
#include "pubsub/router_publish.h"
#include "unit/store/mem_rig.h"

#include <stdio.h>

#define BYTES(literal)                                     \
    {                                                      \
        (const uint8_t *)("" literal), sizeof(literal) - 1 \
    }

static const struct router_join joins[] = {{.to = BYTES("/r/copies")}};

static const struct router_rule rules[] = {
    {.pattern = BYTES("/p/*"), .channel = {.type = CHANNEL_PERSISTENT, .store_bytes = 100000}},
    {.pattern = BYTES("/r/*"), .channel = {.type = CHANNEL_RELIABLE, .store_bytes = 100000}},
    {.pattern = BYTES("/t/*"), .channel = {.type = CHANNEL_TRANSIENT, .store_bytes = 100000}},
    {.pattern = BYTES("/two"),
     .dead_events = BYTES("/r/dead"),
     .channel = {.type = CHANNEL_RELIABLE, .capacity = 2, .store_bytes = 100000}},
    {.pattern = BYTES("/ttl"),
     .dead_events = BYTES("/r/dead"),
     .channel = {.type = CHANNEL_RELIABLE, .store_bytes = 100000, .ttl = 100}},
    {.pattern = BYTES("/joined"),
     .joins = joins,
     .join_count = 1,
     .channel = {.type = CHANNEL_RELIABLE, .store_bytes = 100000}},
};

struct realm {
    struct rng rng;
    struct store *store;
    struct router router;
    unsigned news;
};

struct world {
    struct store_mem_disk *disk;
    struct realm a, b;
};

static void on_news(void *ctx)
{
    ((struct realm *)ctx)->news++;
}

static void begin(struct world *world, struct realm *realm)
{
    struct router_conf conf;

    *realm = (struct realm){.rng = rng_seeded(1)};
    assert_ok(mem_rig_open_shared(world->disk, &realm->rng, NULL, NULL, &realm->store));
    conf = mem_rig_router_conf(rules, sizeof rules / sizeof rules[0], realm->store);
    router_init(&realm->router, &conf, &realm->rng);
    realm->router.on_news = on_news;
    realm->router.on_news_ctx = realm;
    router_set_now(&realm->router, 1000);
}

static void end(struct realm *realm)
{
    store_close(realm->store);
    router_fini(&realm->router);
}

static void set_up(struct world *world)
{
    assert_ok(store_mem_disk_new(&world->disk));
    begin(world, &world->a);
    begin(world, &world->b);
}

static void tear_down(struct world *world)
{
    end(&world->a);
    end(&world->b);
    store_mem_disk_free(world->disk);
}

static void run_both(struct world *world)
{
    mem_rig_run_both(world->a.store, world->b.store);
}

static struct router_route *open_route(struct realm *realm, const char *name)
{
    struct router_route *route = NULL;

    assert_int_equal(router_open(&realm->router, span_str(name), &route), ROUTER_FOUND);
    return route;
}

struct ticket {
    struct router_ticket ticket;
    unsigned calls;
    enum err e;
    struct router_receipt receipt;
};

static void on_done(struct router_ticket *ticket, enum err e,
                    const struct router_receipt *receipts, size_t count)
{
    struct ticket *mine = (struct ticket *)(void *)ticket;

    mine->calls++;
    mine->e = e;
    if (e == OK && count > 0) {
        mine->receipt = receipts[0];
    }
}

static void publish(struct router_route *route, const char *body, const char *id,
                    struct ticket *ticket)
{
    const struct event_parts parts = {.body = span_str(body), .publish_id = span_str(id)};

    *ticket = (struct ticket){.ticket = {.done = on_done}};
    assert_ok(router_publish(route, &parts, &ticket->ticket));
    assert_int_equal(ticket->calls, 0); /* every type waits for the store */
}

static bool collect(void *ctx, const struct event *event)
{
    char *line = ctx;
    size_t len = strlen(line);

    snprintf(line + len, 200 - len, "%llu:%.*s ", (unsigned long long)event->eid,
             SPAN_ARG(event_body(event)));
    return true;
}

static void assert_holds(struct realm *realm, const char *name, const char *expected)
{
    const struct channel *channel = &open_route(realm, name)->channel;
    char line[200] = "";

    assert_ok(
        channel_read(channel, channel->lost_eid + 1, realm->router.room.now, collect, line));
    assert_string_equal(line, expected);
}

static enum err encode(void *ctx, struct span channel, struct span id,
                       const struct event *event, struct buf *out)
{
    (void)ctx;
    (void)channel;
    (void)id;
    return buf_printf(out, "%llu:%.*s ", (unsigned long long)event->eid,
                      SPAN_ARG(event_body(event)));
}

static const struct view_form form = {.tag = 'f', .encode = encode};

/* From the next event on. */
static enum err attach(struct router_route *route, struct view_cursor *cursor)
{
    const struct view_kind kind = {&form, NULL, SPAN("s")};

    return view_attach(&route->views, &kind, route->channel.next_eid, cursor);
}

static enum err read_all(struct view_cursor *cursor, char line[200])
{
    struct span bytes;
    enum err e;

    line[0] = '\0';
    while ((e = view_peek(cursor, &bytes)) == OK) {
        size_t len = strlen(line);

        snprintf(line + len, 200 - len, "%.*s", SPAN_ARG(bytes));
        view_sent(cursor, bytes.len);
    }
    return e;
}

/* ---- the tests ---- */

static void every_type_is_shown_in_every_realm(void **state)
{
    static const char *const types[] = {"/p/x", "/r/x", "/t/x"};
    struct world world;

    (void)state;
    set_up(&world);
    for (size_t i = 0; i < 3; i++) {
        struct router_route *a = open_route(&world.a, types[i]);
        struct router_route *b = open_route(&world.b, types[i]);
        struct view_cursor cursor;
        struct ticket one, two;
        char line[200];

        assert_ok(attach(b, &cursor));
        publish(a, "one", "", &one);
        store_mem_run(world.a.store, SIZE_MAX);
        publish(b, "two", "", &two);
        run_both(&world);
        assert_int_equal(one.receipt.eid, 1);
        assert_int_equal(two.receipt.eid, 2);
        assert_true(a->channel.epoch == b->channel.epoch);
        assert_holds(&world.a, types[i], "1:one 2:two ");
        assert_int_equal(read_all(&cursor, line), ERR_AGAIN);
        assert_string_equal(line, "1:one 2:two ");
        assert_true(world.b.news > i); /* somebody is to send that */
        view_detach(&cursor);
    }
    end(&world.b);
    begin(&world, &world.b);
    assert_holds(&world.b, "/p/x", "1:one 2:two ");
    assert_holds(&world.b, "/r/x", "1:one 2:two "); /* as persistent as the store */
    assert_holds(&world.b, "/t/x", "");
    assert_int_equal(open_route(&world.b, "/t/x")->channel.next_eid, 3);
    tear_down(&world);
}

static void one_publish_id_at_two_realms_is_one_event(void **state)
{
    struct router_route *a, *b;
    struct ticket first, second, follower;
    struct world world;

    (void)state;
    set_up(&world);
    a = open_route(&world.a, "/r/x");
    b = open_route(&world.b, "/r/x");
    publish(a, "same", "id", &first);
    publish(b, "same", "id", &second);
    publish(b, "same", "id", &follower); /* of the one that is on its way */
    run_both(&world);
    assert_false(first.receipt.is_repeat);
    assert_true(second.receipt.is_repeat && follower.receipt.is_repeat);
    assert_int_equal(first.receipt.eid, 1);
    assert_int_equal(second.receipt.eid, 1);
    assert_int_equal(follower.receipt.eid, 1);
    assert_holds(&world.a, "/r/x", "1:same ");
    assert_holds(&world.b, "/r/x", "1:same ");
    assert_int_equal(b->channel.prepared, 0);
    second = (struct ticket){.ticket = {.done = on_done}};
    assert_ok(
        router_publish(b, &(struct event_parts){.publish_id = SPAN("id")}, &second.ticket));
    assert_int_equal(second.calls, 1); /* it is known here by now */
    assert_true(second.receipt.is_repeat);
    tear_down(&world);
}

static void on_purged(struct router_admin_ticket *ticket, enum err e, size_t count)
{
    (void)ticket;
    assert_ok(e);
    assert_int_equal(count, 1);
}

static void what_is_purged_in_one_realm_is_gone_in_all(void **state)
{
    struct router_admin_ticket purge = {.done = on_purged};
    struct ticket ticket;
    struct world world;

    (void)state;
    set_up(&world);
    open_route(&world.b, "/r/x");
    publish(open_route(&world.a, "/r/x"), "one", "", &ticket);
    publish(open_route(&world.a, "/r/x"), "two", "", &ticket);
    run_both(&world);
    assert_ok(router_admin_purge(open_route(&world.a, "/r/x"), 2, &purge));
    run_both(&world);
    assert_holds(&world.a, "/r/x", "2:two ");
    assert_holds(&world.b, "/r/x", "2:two ");
    assert_int_equal(channel_count(&open_route(&world.b, "/r/x")->channel), 1);
    tear_down(&world);
}

static void what_follows_from_an_event_is_done_once(void **state)
{
    struct ticket ticket;
    struct world world;

    (void)state;
    set_up(&world);
    open_route(&world.b, "/joined");
    open_route(&world.b, "/two");
    open_route(&world.b, "/ttl");
    for (int i = 0; i < 3; i++) {
        publish(open_route(&world.a, "/two"), "f", "", &ticket);
    }
    store_mem_run(world.a.store, SIZE_MAX);
    store_mem_run(world.b.store, 3);
    assert_holds(&world.b, "/two", "2:f 3:f ");
    assert_int_equal(world.b.store->pending_count, 0); /* the other one tells and buries */
    assert_int_equal(world.b.router.removals.len, 0);
    publish(open_route(&world.a, "/joined"), "j", "", &ticket);
    publish(open_route(&world.a, "/ttl"), "e", "", &ticket);
    run_both(&world);
    assert_holds(&world.b, "/r/copies", "1:j ");
    assert_true(world.a.news > 0); /* nobody waits for a copy, but it is to be sent */
    assert_holds(&world.b, "/two", "2:f 3:f ");
    router_set_now(&world.a.router, 1100);
    router_set_now(&world.b.router, 1100);
    router_expire(&world.a.router);
    router_expire(&world.b.router); /* both find it dead before they hear of each other */
    run_both(&world);
    assert_holds(&world.a, "/r/dead", "1:f 2:e ");
    assert_holds(&world.b, "/r/dead", "1:f 2:e ");
    assert_holds(&world.a, "/ttl", "");
    assert_int_equal(open_route(&world.a, "/two")->stream->count,
                     2); /* and the store is told */
    assert_int_equal(open_route(&world.b, "/ttl")->stream->count, 0);
    tear_down(&world);
}

static void of_the_same_publish_at_two_realms_copies_are_made_once(void **state)
{
    struct ticket first, second;
    struct world world;

    (void)state;
    set_up(&world);
    publish(open_route(&world.a, "/joined"), "j", "id", &first);
    publish(open_route(&world.b, "/joined"), "j", "id", &second);
    run_both(&world);
    assert_ok(first.e);
    assert_ok(second.e);
    assert_true(second.receipt.is_repeat);
    assert_int_equal(second.receipt.eid, 1);
    assert_holds(&world.a, "/r/copies", "1:j ");
    assert_holds(&world.b, "/r/copies", "1:j ");
    publish(open_route(&world.b, "/joined"), "k", "", &second);
    run_both(&world);
    assert_holds(&world.a, "/r/copies", "1:j 2:k ");
    tear_down(&world);
}

static void a_publish_that_was_cut_off_may_be_sent_again_elsewhere(void **state)
{
    struct ticket ticket;
    struct world world;

    (void)state;
    set_up(&world);
    open_route(&world.b, "/p/x");
    store_mem_fail(world.a.store, ERR_CLOSED);
    publish(open_route(&world.a, "/p/x"), "one", "id", &ticket);
    run_both(&world);
    assert_int_equal(ticket.e, ERR_CLOSED);
    assert_holds(&world.a, "/p/x", "");
    publish(open_route(&world.b, "/p/x"), "one", "id", &ticket);
    run_both(&world);
    assert_false(ticket.receipt.is_repeat);
    assert_holds(&world.a, "/p/x", "1:one ");
    tear_down(&world);
}

static void a_route_that_was_removed_hears_nothing_more(void **state)
{
    struct router_route *gone;
    struct ticket ticket;
    struct world world;

    (void)state;
    set_up(&world);
    gone = router_hold(open_route(&world.b, "/r/x"));
    router_leave(gone);
    router_unname(gone);
    publish(open_route(&world.a, "/r/x"), "one", "", &ticket);
    run_both(&world);
    assert_int_equal(channel_count(&gone->channel), 0);
    assert_holds(&world.b, "/r/x", "1:one "); /* another one, of the same name */
    router_release(gone);
    publish(open_route(&world.a, "/r/x"), "two", "", &ticket);
    run_both(&world);
    assert_holds(&world.b, "/r/x", "1:one 2:two ");
    tear_down(&world);
}

static void what_was_on_its_way_to_a_removed_route_arrives_at_the_next_of_its_name(void **state)
{
    struct router_route *gone, *next;
    struct ticket ticket;
    struct world world;

    (void)state;
    set_up(&world);
    gone = open_route(&world.b, "/r/x");
    publish(gone, "one", "", &ticket);
    router_hold(gone);
    router_leave(gone);
    router_unname(gone);
    router_release(gone);
    next = open_route(&world.b, "/r/x");
    run_both(&world);
    assert_int_equal(ticket.calls, 1);
    assert_int_equal(ticket.receipt.eid, 1);
    assert_ptr_equal(next, open_route(&world.b, "/r/x"));
    assert_holds(&world.b, "/r/x", "1:one ");
    tear_down(&world);
}

/* ---- without memory ---- */

static struct world oom_world;
static const char *oom_name;
static bool oom_is_behind, oom_is_quiet;
static unsigned oom_run;

static size_t count_lines(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++) {
        count += *text == ' ';
    }
    return count;
}

/* b has no memory for something of what a has published, and publishes itself; or not. */
static void take_in_under_oom(void)
{
    struct router_route *a = NULL, *b = NULL;
    struct view_cursor cursor = {.view = NULL};
    struct ticket ticket = {.ticket = {.done = on_done}};
    char line[200], id[16];
    struct event_parts parts = {.body = SPAN("b")};
    enum err e = ERR_NOMEM;

    snprintf(id, sizeof id, "%u", oom_run++);
    parts.publish_id = span_str(id);
    if (router_open(&oom_world.a.router, span_str(oom_name), &a) != ROUTER_FOUND ||
        router_open(&oom_world.b.router, span_str(oom_name), &b) != ROUTER_FOUND) {
        assert_true(oom_has_struck());
        return;
    }
    if (attach(b, &cursor) == OK) {
        struct ticket first = ticket;
        uint64_t begin = b->channel.next_eid;
        enum err first_e =
            router_publish(a, &(struct event_parts){.body = SPAN("a")}, &first.ticket);

        store_mem_run(oom_world.a.store, SIZE_MAX);
        b->is_behind = oom_is_behind;
        e = oom_is_quiet ? OK : router_publish(b, &parts, &ticket.ticket);
        run_both(&oom_world);
        router_set_now(&oom_world.b.router, oom_world.b.router.room.now + 1000);
        router_expire(&oom_world.b.router);
        run_both(&oom_world);
        assert_false(b->is_behind);
        assert_int_equal(b->channel.next_eid, b->stream->next_eid);
        if (read_all(&cursor, line) == ERR_AGAIN) {
            uint64_t stored = b->channel.next_eid - begin;

            assert_int_equal(count_lines(line), stored);
            assert_true(stored == (oom_is_quiet ? 1u : 2u) || oom_has_struck());
        } else { /* only what nobody keeps is lost for that, and he is told */
            assert_true(oom_has_struck() && b->channel.stream == NULL);
        }
        assert_true(first_e == OK || oom_has_struck());
    }
    assert_true(e == OK || oom_has_struck());
    view_detach(&cursor);
}

static void scenario(void)
{
    take_in_under_oom();
    if (oom_world.a.store->pending_count > 0 || oom_world.b.store->pending_count > 0) {
        run_both(&oom_world);
    }
}

static void what_there_is_no_memory_for_is_taken_in_later(void **state)
{
    static const char *const types[] = {"/p/x", "/r/x", "/t/x"};

    (void)state;
    for (int i = 0; i < 9; i++) {
        oom_name = types[i / 3];
        oom_is_behind = i % 3 == 1 && i < 6;
        oom_is_quiet = i % 3 == 2;
        set_up(&oom_world);
        open_route(&oom_world.a, oom_name);
        open_route(&oom_world.b, oom_name);
        every_oom(scenario);
        tear_down(&oom_world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_shown_in_every_realm),
        cmocka_unit_test(one_publish_id_at_two_realms_is_one_event),
        cmocka_unit_test(what_is_purged_in_one_realm_is_gone_in_all),
        cmocka_unit_test(what_follows_from_an_event_is_done_once),
        cmocka_unit_test(of_the_same_publish_at_two_realms_copies_are_made_once),
        cmocka_unit_test(a_publish_that_was_cut_off_may_be_sent_again_elsewhere),
        cmocka_unit_test(a_route_that_was_removed_hears_nothing_more),
        cmocka_unit_test(
            what_was_on_its_way_to_a_removed_route_arrives_at_the_next_of_its_name),
        cmocka_unit_test(what_there_is_no_memory_for_is_taken_in_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
