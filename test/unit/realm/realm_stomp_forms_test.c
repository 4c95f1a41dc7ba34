/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp_forms.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "ws/ws_conn.h"

#include <stdlib.h>

enum {
    EVENT_BYTES = 4096
};

static struct event *event_of(struct span body, struct event_header *headers, size_t count)
{
    const struct event_parts parts = {.headers = headers, .header_count = count, .body = body};
    struct event *event = NULL;

    return event_new(5, &parts, &event) == OK ? event : NULL;
}

static enum err encode(const struct view_form *form, const struct event *event, struct buf *out)
{
    return form->encode(form->ctx, SPAN("/x"), SPAN("s"), event, out);
}

/* What the form makes of it, without its first `skip` bytes. */
static void becomes(enum realm_carrier_kind carrier, struct span body, size_t skip,
                    struct span expected)
{
    struct event *event = event_of(body, NULL, 0);
    struct realm_stomp_forms set;
    struct buf out;

    assert_non_null(event);
    realm_stomp_forms_init(&set, EVENT_BYTES, NULL);
    buf_init(&out, realm_stomp_forms_bytes(EVENT_BYTES));
    assert_ok(encode(realm_stomp_forms_view(&set, carrier, STOMP_VERSION_1_2), event, &out));
    assert_bytes(span_tail(buf_span(&out), skip), expected);
    buf_fini(&out);
    realm_stomp_forms_fini(&set);
    event_unref(event);
}

#define HEAD(eol) \
    "MESSAGE" eol "subscription:s" eol "destination:/x" eol "message-id:/x@5" eol "eid:5" eol

static void each_carrier_wraps_a_frame_in_its_way(void **state)
{
    static const char plain[] = HEAD("\n") "content-length:2\n\nhi";
    static const char escaped[] = "a[\"" HEAD("\\n") "content-length:2\\n\\nhi\\u0000\"]";

    (void)state;
    becomes(REALM_CARRIER_WS, SPAN("hi"), 2, span_of(plain, sizeof plain));
    becomes(REALM_CARRIER_WS_DEFLATE, SPAN("hi"), 2, span_of(plain, sizeof plain)); /* short */
    becomes(REALM_CARRIER_SOCKJS_WS, SPAN("hi"), 2, span_str(escaped));
    becomes(REALM_CARRIER_XHR, SPAN("hi"), 0,
            SPAN("a[\"" HEAD("\\n") "content-length:2\\n\\nhi\\u0000\"]\n"));
    becomes(REALM_CARRIER_EVENTSOURCE, SPAN("hi"), 0,
            SPAN("data: a[\"" HEAD("\\n") "content-length:2\\n\\nhi\\u0000\"]\r\n\r\n"));
}

static void what_is_no_text_goes_as_base64_where_only_text_goes(void **state)
{
    static const char plain[] = HEAD("\n") "content-length:2\n\n\xff\xfe";

    (void)state;
    becomes(REALM_CARRIER_WS, SPAN("\xff\xfe"), 2, span_of(plain, sizeof plain));
    becomes(
        REALM_CARRIER_XHR, SPAN("\xff\xfe"), 0,
        SPAN("a[\"MESSAGE\\nsubscription:s\\ndestination:/x\\nmessage-id:/x@5\\n"
             "content-transfer-encoding:base64\\neid:5\\ncontent-length:4\\n\\n//4=\\u0000\"]"
             "\n"));
}

static void a_header_that_is_no_text_is_left_out_where_only_text_goes(void **state)
{
    struct event_header headers[] = {{SPAN("name"), SPAN("\xff")}, {SPAN("b"), SPAN("c")}};
    struct event *event = event_of(SPAN("hi"), headers, 2);
    struct realm_stomp_forms set;
    struct buf out;

    (void)state;
    assert_non_null(event);
    realm_stomp_forms_init(&set, EVENT_BYTES, NULL);
    buf_init(&out, realm_stomp_forms_bytes(EVENT_BYTES));
    assert_ok(encode(realm_stomp_forms_view(&set, REALM_CARRIER_XHR, STOMP_VERSION_1_2), event,
                     &out));
    assert_bytes(buf_span(&out),
                 SPAN("a[\"" HEAD("\\n") "b:c\\ncontent-length:2\\n\\nhi\\u0000\"]\n"));
    buf_fini(&out);
    realm_stomp_forms_fini(&set);
    event_unref(event);
}

/* 4096 bytes of JSON, which get shorter; the same again without compression. */
static void a_compressed_event_is_shorter_and_the_same_each_time(void **state)
{
    struct realm_stomp_forms set;
    struct buf body, plain, first, again;
    struct event *event;

    (void)state;
    buf_init(&body, EVENT_BYTES);
    while (body.len + 16 <= EVENT_BYTES) {
        assert_ok(buf_append(&body, SPAN("{\"price\":1.2261}")));
    }
    event = event_of(buf_span(&body), NULL, 0);
    assert_non_null(event);
    realm_stomp_forms_init(&set, EVENT_BYTES, NULL);
    buf_init(&plain, realm_stomp_forms_bytes(EVENT_BYTES));
    buf_init(&first, plain.max);
    buf_init(&again, plain.max);
    assert_ok(encode(realm_stomp_forms_view(&set, REALM_CARRIER_WS, STOMP_VERSION_1_2), event,
                     &plain));
    assert_null(set.deflater); /* nobody has asked for it */
    assert_ok(encode(realm_stomp_forms_view(&set, REALM_CARRIER_WS_DEFLATE, STOMP_VERSION_1_2),
                     event, &first));
    assert_ok(encode(realm_stomp_forms_view(&set, REALM_CARRIER_WS_DEFLATE, STOMP_VERSION_1_2),
                     event, &again));
    assert_true(first.len < plain.len / 4);
    assert_int_equal(first.ptr[0], 0xc1); /* FIN, RSV1, text */
    assert_bytes(buf_span(&first), buf_span(&again));
    buf_fini(&again);
    buf_fini(&first);
    buf_fini(&plain);
    buf_fini(&body);
    realm_stomp_forms_fini(&set);
    event_unref(event);
}

static void no_two_forms_have_the_same_tag(void **state)
{
    bool seen[256] = {false};
    struct realm_stomp_forms set;

    (void)state;
    realm_stomp_forms_init(&set, EVENT_BYTES, NULL);
    for (int carrier = 0; carrier < REALM_CARRIER_KINDS; carrier++) {
        for (int version = 0; version < REALM_STOMP_FORMS_VERSIONS; version++) {
            const struct view_form *forms[] = {
                realm_stomp_forms_view(&set, (enum realm_carrier_kind)carrier,
                                       (enum stomp_version)version),
                realm_stomp_forms_acked(&set, (enum realm_carrier_kind)carrier,
                                        (enum stomp_version)version)};

            for (size_t i = 0; i < 2 && (i == 0 || forms[1] != forms[0]); i++) {
                assert_false(seen[(uint8_t)forms[i]->tag]);
                seen[(uint8_t)forms[i]->tag] = true;
            }
        }
    }
    realm_stomp_forms_fini(&set);
}

/* The longest body there is, of what escaping makes longest, fits. */
static void the_worst_event_fits(void **state)
{
    struct realm_stomp_forms set;
    struct event *event;
    struct buf body, out;

    (void)state;
    buf_init(&body, EVENT_BYTES);
    while (body.len < EVENT_BYTES) {
        assert_ok(buf_append_byte(&body, 0x01));
    }
    event = event_of(buf_span(&body), NULL, 0);
    assert_non_null(event);
    realm_stomp_forms_init(&set, EVENT_BYTES, NULL);
    for (int carrier = 0; carrier < REALM_CARRIER_KINDS; carrier++) {
        buf_init(&out, realm_stomp_forms_bytes(EVENT_BYTES));
        assert_ok(encode(
            realm_stomp_forms_view(&set, (enum realm_carrier_kind)carrier, STOMP_VERSION_1_2),
            event, &out));
        buf_fini(&out);
    }
    realm_stomp_forms_fini(&set);
    buf_fini(&body);
    event_unref(event);
}

static void encode_all(void)
{
    struct span bodies[] = {SPAN("text"), SPAN("\xff no text, and longer than the shortest"
                                               " message that is compressed, which has 128"
                                               " bytes without what goes round it. .......")};
    struct realm_stomp_forms set;
    enum err e = OK;

    realm_stomp_forms_init(&set, EVENT_BYTES, NULL);
    for (int i = 0; i < 2 * REALM_CARRIER_KINDS && e == OK; i++) {
        const enum realm_carrier_kind carrier = (enum realm_carrier_kind)(i / 2);
        struct event *event = event_of(bodies[i % 2], NULL, 0);
        const struct queue_feed_item item = {.event = event, .returns = 1, .wants_ack = true};
        const struct queue_feed_form *feed =
            realm_stomp_forms_feed(&set, carrier, STOMP_VERSION_1_2);
        struct buf out;

        buf_init(&out, realm_stomp_forms_bytes(EVENT_BYTES));
        e = event == NULL
                ? ERR_NOMEM
                : encode(realm_stomp_forms_view(&set, carrier, STOMP_VERSION_1_2), event, &out);
        if (e == OK) {
            e = feed->encode(feed->ctx, SPAN("/q"), SPAN("s"), &item, &out);
        }
        buf_fini(&out);
        if (event != NULL) {
            event_unref(event);
        }
    }
    assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : OK);
    realm_stomp_forms_fini(&set);
}

static void running_out_of_memory_is_said(void **state)
{
    (void)state;
    every_oom(encode_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_carrier_wraps_a_frame_in_its_way),
        cmocka_unit_test(what_is_no_text_goes_as_base64_where_only_text_goes),
        cmocka_unit_test(a_header_that_is_no_text_is_left_out_where_only_text_goes),
        cmocka_unit_test(a_compressed_event_is_shorter_and_the_same_each_time),
        cmocka_unit_test(no_two_forms_have_the_same_tag),
        cmocka_unit_test(the_worst_event_fits),
        cmocka_unit_test(running_out_of_memory_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
