/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_message.h"

#include "lib/testing.h"

#include <stdlib.h>

enum {
    OWN = 512, /* bytes that the headers of our own are taken to need */
    MAX = 100 * 1024,
};

static struct event *event_of(struct span header, size_t body_len)
{
    const struct event_header headers[] = {{SPAN("h"), header}};
    char *body = calloc(1, body_len + 1);
    const struct event_parts parts = {
        .headers = headers, .header_count = 1, .body = span_of(body, body_len)};
    struct event *event;

    assert_non_null(body);
    assert_ok(event_new(7, &parts, &event));
    free(body);
    return event;
}

static bool is_omitted(struct event *take_event)
{
    const char *text;
    natsMsg *msg;
    bool is_omitted;

    assert_ok(store_nats_message_new(take_event, "s", "r", MAX, &msg));
    assert_true(store_nats_message_is_ours(msg, 7));
    is_omitted = natsMsgHeader_Get(msg, "Wayleave-Omitted", &text) == NATS_OK;
    assert_int_equal(natsMsg_GetDataLength(msg), is_omitted ? 0 : take_event->body_len);
    assert_int_equal(natsMsgHeader_Get(msg, "h", &text) == NATS_OK, !is_omitted);
    natsMsg_Destroy(msg);
    event_unref(take_event);
    return is_omitted;
}

static void what_is_over_the_payload_is_omitted(void **state)
{
    size_t fits = MAX - OWN - strlen("h: x\r\n");

    (void)state;
    assert_false(is_omitted(event_of(SPAN("x"), fits)));
    assert_true(is_omitted(event_of(SPAN("x"), fits + 1)));
    assert_true(is_omitted(event_of(SPAN("x"), MAX + 1)));
}

/* JetStream refuses them for ever, whatever max_payload says. */
static void headers_over_64_kib_are_omitted(void **state)
{
    size_t len = 64 * 1024 - OWN - strlen("h: \r\n");
    char *value = calloc(1, len + 1);

    (void)state;
    assert_non_null(value);
    memset(value, 'x', len + 1);
    assert_false(is_omitted(event_of(span_of(value, len - 1), 1)));
    assert_true(is_omitted(event_of(span_of(value, len + 1), 1)));
    memset(value, '\\', len / 2 + 1); /* twice as long as it is */
    assert_true(is_omitted(event_of(span_of(value, len / 2 + 1), 1)));
    free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_over_the_payload_is_omitted),
        cmocka_unit_test(headers_over_64_kib_are_omitted),
    };

    int failed;

    assert_int_equal(nats_Open(-1), NATS_OK);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    nats_CloseAndWait(0); /* a thread of libnats' frees messages */
    return failed;
}
