/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_channels.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/pubsub/publishing.h"

#include <stdio.h>
#include <stdlib.h>

static const struct router_rule rules[] = {
    {.pattern = {(const uint8_t *)"/*", 2}, .channel = {.capacity = 10, .store_bytes = 65536}},
};

static void begin(struct router *router, struct rng *rng)
{
    const struct router_conf conf = {
        .rules = rules,
        .rule_count = 1,
        .limits = {.channels = 500, .store_bytes = 1 << 20, .ring_bytes = 1 << 20},
    };

    *rng = rng_seeded(3);
    router_init(router, &conf, rng);
}

static struct router_route *make(struct router *router, const char *name)
{
    struct router_route *route = NULL;

    assert_int_equal(router_open(router, span_str(name), &route), ROUTER_FOUND);
    return route;
}

static void pages_meet_every_channel_once_and_in_order(void **state)
{
    struct router router;
    struct rng rng;
    const struct router_route *page[7];
    struct span last = SPAN("");
    size_t count, seen = 0;

    (void)state;
    begin(&router, &rng);
    for (unsigned i = 0; i < 100; i++) {
        char name[16];

        snprintf(name, sizeof name, "/%u", (i * 37) % 100);
        make(&router, name);
    }
    while ((count = realm_channels_page(&router, last, page, 7)) > 0) {
        for (size_t i = 0; i < count; i++) {
            struct span name = page[i]->channel.name;

            assert_true(last.len == 0 ||
                        strcmp((const char *)last.ptr, (const char *)name.ptr) < 0);
            last = name;
        }
        seen += count;
    }
    assert_int_equal(seen, 100);
    assert_int_equal(realm_channels_page(&router, SPAN("/98"), page, 7), 1);
    assert_int_equal(realm_channels_page(&router, SPAN(""), page, 0), 0);
    router_fini(&router);
}

static void a_name_that_begins_like_another_stands_behind_it(void **state)
{
    struct router router;
    struct rng rng;
    const struct router_route *page[3];

    (void)state;
    begin(&router, &rng);
    make(&router, "/ab");
    make(&router, "/a");
    assert_int_equal(realm_channels_page(&router, SPAN(""), page, 3), 2);
    assert_int_equal(page[0]->channel.name.len, 2);
    router_fini(&router);
}

static void a_channel_is_told_in_json(void **state)
{
    struct router router;
    struct rng rng;
    struct router_route *route;
    struct router_receipt receipt;
    struct buf out;

    (void)state;
    begin(&router, &rng);
    buf_init(&out, 1000);
    route = make(&router, "/a\"b");
    for (int i = 0; i < 12; i++) {
        assert_ok(publishing_route(route, &(struct event_parts){.body = SPAN("x")}, &receipt));
    }
    assert_ok(realm_channels_write(route, &out));
    assert_ok(buf_append_byte(&out, '\0'));
    assert_non_null(strstr((const char *)out.ptr,
                           "{\"name\": \"/a\\\"b\", \"kind\": \"channel\", \"type\": "
                           "\"reliable\", \"origin\": \"use\", \"epoch\": \""));
    assert_non_null(
        strstr((const char *)out.ptr, "\"first\": 3, \"next\": 13, \"count\": 10, "));
    assert_non_null(strstr((const char *)out.ptr, "\"capacity\": 10, \"subscribers\": 0}"));
    buf_fini(&out);
    router_fini(&router);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_meet_every_channel_once_and_in_order),
        cmocka_unit_test(a_name_that_begins_like_another_stands_behind_it),
        cmocka_unit_test(a_channel_is_told_in_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
