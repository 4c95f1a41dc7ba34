/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_http_place.h"

#include "lib/testing.h"

static const struct {
    const char *path;
    enum realm_http_place_what what;
    enum router_kind kind;
    const char *name;
    const char *durable;
} rows[] = {
    {"/api/health", REALM_HTTP_PLACE_HEALTH, ROUTER_CHANNEL, "", ""},
    {"/api/channels", REALM_HTTP_PLACE_LIST, ROUTER_CHANNEL, "", ""},
    {"/api/queues/", REALM_HTTP_PLACE_LIST, ROUTER_QUEUE, "", ""},
    {"/api/channels/a/b", REALM_HTTP_PLACE_ONE, ROUTER_CHANNEL, "a/b", ""},
    {"/api/queues/a", REALM_HTTP_PLACE_ONE, ROUTER_QUEUE, "a", ""},
    {"/api/channels/a/events", REALM_HTTP_PLACE_EVENTS, ROUTER_CHANNEL, "a", ""},
    {"/api/channels/events", REALM_HTTP_PLACE_ONE, ROUTER_CHANNEL, "events", ""},
    {"/api/channels/a%2fevents", REALM_HTTP_PLACE_ONE, ROUTER_CHANNEL, "a%2fevents", ""},
    {"/api/queues/a/purge", REALM_HTTP_PLACE_PURGE, ROUTER_QUEUE, "a", ""},
    {"/api/channels/a/durables", REALM_HTTP_PLACE_DURABLES, ROUTER_CHANNEL, "a", ""},
    {"/api/channels/a/b/durables/x%2fy", REALM_HTTP_PLACE_DURABLE, ROUTER_CHANNEL, "a/b",
     "x%2fy"},
    {"/api/channels/a/durables/", REALM_HTTP_PLACE_ONE, ROUTER_CHANNEL, "a/durables/", ""},
    {"/api/channels/durables/x", REALM_HTTP_PLACE_ONE, ROUTER_CHANNEL, "durables/x", ""},
    {"/api/queues/a/durables", REALM_HTTP_PLACE_ONE, ROUTER_QUEUE, "a/durables", ""},
    {"/api/queues/a/durables/x", REALM_HTTP_PLACE_ONE, ROUTER_QUEUE, "a/durables/x", ""},
    {"/api/groups", REALM_HTTP_PLACE_LIST, ROUTER_GROUP, "", ""},
    {"/api/groups/a/b", REALM_HTTP_PLACE_ONE, ROUTER_GROUP, "a/b", ""},
    {"/api/groups/a/events", REALM_HTTP_PLACE_EVENTS, ROUTER_GROUP, "a", ""},
    {"/api/groups/a/purge", REALM_HTTP_PLACE_ONE, ROUTER_GROUP, "a/purge", ""},
    {"/api/groups/a/b/streams", REALM_HTTP_PLACE_MEMBERS, ROUTER_GROUP, "a/b", ""},
    {"/api/groups/a/b/streams/7-0a", REALM_HTTP_PLACE_MEMBER, ROUTER_GROUP, "a/b", ""},
    {"/api/groups/a/streams/", REALM_HTTP_PLACE_ONE, ROUTER_GROUP, "a/streams/", ""},
    {"/api/channels/a/streams", REALM_HTTP_PLACE_ONE, ROUTER_CHANNEL, "a/streams", ""},
    {"/api/streams", REALM_HTTP_PLACE_STREAMS, ROUTER_CHANNEL, "", ""},
    {"/api/streams/7", REALM_HTTP_PLACE_NOWHERE, ROUTER_CHANNEL, "", ""},
    {"/api/channelsx", REALM_HTTP_PLACE_NOWHERE, ROUTER_CHANNEL, "", ""},
    {"/api/queue", REALM_HTTP_PLACE_NOWHERE, ROUTER_CHANNEL, "", ""},
    {"/api/", REALM_HTTP_PLACE_NOWHERE, ROUTER_CHANNEL, "", ""},
};

static void every_path_is_about_something(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct realm_http_place place = realm_http_place_of(span_str(rows[i].path));

        if (place.what != rows[i].what || !span_equals(place.name, rows[i].name) ||
            !span_equals(place.durable, rows[i].durable) ||
            (place.what > REALM_HTTP_PLACE_HEALTH && place.kind != rows[i].kind)) {
            fail_msg("%s", rows[i].path);
        }
    }
}

static void the_stream_of_a_group_is_named_behind_it(void **state)
{
    const struct realm_http_place place =
        realm_http_place_of(SPAN("/api/groups/a%2Fb/streams/7-0c5d31f2"));

    (void)state;
    assert_true(span_equals(place.name, "a%2Fb"));
    assert_true(span_equals(place.stream, "7-0c5d31f2"));
    assert_string_equal(realm_http_place_methods(&place), "PUT, DELETE, OPTIONS");
}

static void names_are_decoded(void **state)
{
    uint8_t room[ROUTER_NAME_MAX];
    char longest[ROUTER_NAME_MAX + 2];
    struct span name;

    (void)state;
    assert_true(realm_http_place_name(SPAN("a%2Fb"), room, &name));
    assert_true(span_equals(name, "/a/b"));
    assert_true(realm_http_place_name(SPAN("%2fa"), room, &name));
    assert_true(span_equals(name, "/a"));
    assert_true(realm_http_place_text(SPAN("%25x"), room, &name));
    assert_true(span_equals(name, "%x"));
    assert_false(realm_http_place_name(SPAN("a%"), room, &name));
    assert_false(realm_http_place_name(SPAN("a%2"), room, &name));
    assert_false(realm_http_place_name(SPAN("a%2g"), room, &name));
    assert_false(realm_http_place_name(SPAN(""), room, &name));
    assert_false(realm_http_place_name(SPAN("/"), room, &name));
    assert_false(realm_http_place_text(SPAN(""), room, &name));
    memset(longest, 'a', sizeof longest);
    assert_true(realm_http_place_name(span_of(longest, ROUTER_NAME_MAX - 1), room, &name));
    assert_int_equal(name.len, ROUTER_NAME_MAX);
    assert_false(realm_http_place_name(span_of(longest, ROUTER_NAME_MAX), room, &name));
    assert_false(realm_http_place_text(span_of(longest, ROUTER_NAME_MAX + 1), room, &name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_is_about_something),
        cmocka_unit_test(the_stream_of_a_group_is_named_behind_it),
        cmocka_unit_test(names_are_decoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
