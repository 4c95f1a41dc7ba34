/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/event_merge.h"

#include "lib/oom.h"
#include "lib/testing.h"

enum {
    OUT_BYTES_MAX = 4096
};

static struct event *event_of(const char *type, const char *body)
{
    const struct event_header headers[] = {{SPAN("content-type"), span_str(type)}};
    const struct event_parts parts = {
        .headers = headers, .header_count = 1, .body = span_str(body)};
    struct event *event;

    assert_ok(event_new(1, &parts, &event));
    return event;
}

static struct event *dict_event(const char *body)
{
    return event_of("application/vnd.wayleave.event+json", body);
}

static void assert_merged(const char *base, const char *change, const char *wanted)
{
    struct event *old = dict_event(base);
    struct event *new = dict_event(change);
    struct buf out;

    buf_init(&out, OUT_BYTES_MAX);
    assert_ok(event_merge(old, new, &out));
    assert_bytes(buf_span(&out), span_str(wanted));
    buf_fini(&out);
    event_unref(old);
    event_unref(new);
}

static void members_of_the_change_take_the_place_of_older_ones(void **state)
{
    (void)state;
    assert_merged("{\"dict\":{\"symbol\":\"EURUSD\",\"bid\":1.25,\"ask\":1.5}}",
                  "{\"dict\":{\"symbol\":\"EURUSD\",\"bid\":2.5}}",
                  "{\"dict\":{\"symbol\":\"EURUSD\",\"bid\":2.5,\"ask\":1.5}}");
    assert_merged("{\"dict\":{\"a\":1}}", "{\"dict\":{\"b\":2,\"a\":{\"$long\":3}}}",
                  "{\"dict\":{\"a\":{\"$long\":3},\"b\":2}}");
}

static void data_and_tag_stay_where_the_change_has_none(void **state)
{
    (void)state;
    assert_merged("{\"data\":\"old\",\"dict\":{\"a\":1},\"tag\":\"t\"}", "{\"dict\":{\"a\":2}}",
                  "{\"data\":\"old\",\"dict\":{\"a\":2},\"tag\":\"t\"}");
    assert_merged("{\"data\":\"old\",\"dict\":{\"a\":1},\"tag\":\"t\"}",
                  "{\"tag\":\"u\",\"dict\":{},\"data\":{\"$bytes\":\"AAE=\"}}",
                  "{\"data\":{\"$bytes\":\"AAE=\"},\"dict\":{\"a\":1},\"tag\":\"u\"}");
}

static void what_is_inside_a_member_is_replaced_as_a_whole(void **state)
{
    (void)state;
    assert_merged("{\"dict\":{\"leg\":{\"a\":1,\"b\":2},\"list\":[1,2]}}",
                  "{\"dict\":{\"leg\":{\"a\":3},\"list\":[],\"gone\":null}}",
                  "{\"dict\":{\"leg\":{\"a\":3},\"list\":[],\"gone\":null}}");
}

static void without_two_dictionaries_there_is_nothing_to_merge(void **state)
{
    static const char *const bodies[] = {"{\"data\":\"x\"}", "{\"dict\":7}", "{\"dict\":{", ""};
    struct event *good = dict_event("{\"dict\":{\"a\":1}}");
    struct event *text = event_of("text/plain", "{\"dict\":{\"a\":1}}");
    struct buf out;

    (void)state;
    buf_init(&out, OUT_BYTES_MAX);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct event *bad = dict_event(bodies[i]);

        assert_int_equal(event_merge(bad, good, &out), ERR_CONF);
        assert_int_equal(event_merge(good, bad, &out), ERR_CONF);
        event_unref(bad);
    }
    assert_int_equal(event_merge(good, text, &out), ERR_CONF);
    assert_int_equal(event_merge(text, good, &out), ERR_CONF);
    assert_int_equal(out.len, 0);
    event_unref(good);
    event_unref(text);
}

static void what_is_longer_than_the_room_is_refused(void **state)
{
    struct event *old = dict_event("{\"dict\":{\"a\":\"0123456789\"}}");
    struct event *new = dict_event("{\"dict\":{\"b\":\"0123456789\"}}");
    struct buf out;

    (void)state;
    buf_init(&out, 40);
    assert_int_equal(event_merge(old, new, &out), ERR_LIMIT);
    buf_fini(&out);
    event_unref(old);
    event_unref(new);
}

static struct event *oom_old, *oom_new;

static void merge_once(void)
{
    struct buf out;

    buf_init(&out, OUT_BYTES_MAX);
    if (event_merge(oom_old, oom_new, &out) == OK) {
        assert_bytes(buf_span(&out), SPAN("{\"dict\":{\"a\":2,\"b\":{\"c\":[1]}}}"));
    }
    buf_fini(&out);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    oom_old = dict_event("{\"dict\":{\"a\":1}}");
    oom_new = dict_event("{\"dict\":{\"a\":2,\"b\":{\"c\":[1]}}}");
    every_oom(merge_once);
    event_unref(oom_old);
    event_unref(oom_new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_of_the_change_take_the_place_of_older_ones),
        cmocka_unit_test(data_and_tag_stay_where_the_change_has_none),
        cmocka_unit_test(what_is_inside_a_member_is_replaced_as_a_whole),
        cmocka_unit_test(without_two_dictionaries_there_is_nothing_to_merge),
        cmocka_unit_test(what_is_longer_than_the_room_is_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
