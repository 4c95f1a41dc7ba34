/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_entry.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "store/store_crc.h"
#include "store/store_record.h"

#include <stdlib.h>

enum {
    ROOM = 512
};

static const struct store_nats_entry_head written = {
    .author = 0x0102030405060708,
    .number = 9,
    .previous = 8,
    .round = 3,
    .flags = STORE_NATS_ENTRY_FIRST | STORE_NATS_ENTRY_LAST,
};

static struct span write_message(uint8_t *room)
{
    store_nats_entry_write(&written, SPAN("operations"), room);
    return span_of(room, STORE_NATS_ENTRY_HEAD_BYTES + sizeof "operations" - 1);
}

static void a_message_comes_back_as_it_was_written(void **state)
{
    struct store_nats_entry_head head;
    uint8_t room[ROOM];
    struct span part;

    (void)state;
    assert_true(store_nats_entry_read(write_message(room), &head, &part));
    assert_int_equal(head.author, written.author);
    assert_int_equal(head.number, written.number);
    assert_int_equal(head.previous, written.previous);
    assert_int_equal(head.round, written.round);
    assert_int_equal(head.flags, written.flags);
    assert_bytes(part, SPAN("operations"));
}

static void a_message_with_any_bit_changed_is_none(void **state)
{
    struct store_nats_entry_head head;
    uint8_t room[ROOM];
    struct span message = write_message(room);
    struct span part;

    (void)state;
    for (size_t bit = 0; bit < 8 * message.len; bit++) {
        room[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(store_nats_entry_read(message, &head, &part));
        room[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < message.len; len++) {
        assert_false(store_nats_entry_read(span_head(message, len), &head, &part));
    }
}

/* The checksum is right, and the rest is not. */
static void a_message_of_another_version_is_none(void **state)
{
    const struct {
        size_t at;
        uint8_t byte;
    } changes[] = {{36, 2}, {37, 4}, {38, 1}};
    struct store_nats_entry_head head;
    struct span part;

    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint8_t room[ROOM];
        struct span message = write_message(room);
        uint32_t crc;

        room[changes[i].at] = changes[i].byte;
        crc = store_crc(0, span_tail(message, 8));
        memcpy(room + 4, &crc, sizeof crc);
        assert_false(store_nats_entry_read(message, &head, &part));
    }
}

static const struct store_nats_entry_op ops[] = {
    {.type = STORE_PUT, .name = SPAN_INIT("key"), .value = SPAN_INIT("value")},
    {.type = STORE_DELETE, .name = SPAN_INIT("key")},
    {.type = STORE_TRIM, .number = 7, .name = SPAN_INIT("/a")},
    {.type = STORE_NATS_ENTRY_JOIN, .number = 5},
    {.type = STORE_NATS_ENTRY_UNLOCK, .name = SPAN_INIT("l"), .value = SPAN_INIT("left")},
};

enum {
    OPS = sizeof ops / sizeof ops[0]
};

static void operations_come_back_as_they_were_added(void **state)
{
    struct store_nats_entry_op op;
    struct span rest;
    struct buf body;

    (void)state;
    buf_init(&body, ROOM);
    for (size_t i = 0; i < OPS; i++) {
        assert_ok(store_nats_entry_add(&body, &ops[i]));
    }
    rest = buf_span(&body);
    for (size_t i = 0; i < OPS; i++) {
        assert_true(store_nats_entry_next(&rest, &op));
        assert_int_equal(op.type, ops[i].type);
        assert_int_equal(op.number, ops[i].number);
        assert_bytes(op.name, ops[i].name);
        assert_bytes(op.value, ops[i].value);
    }
    assert_int_equal(rest.len, 0);
    assert_false(store_nats_entry_next(&rest, &op));
    buf_fini(&body);
}

static void operations_that_are_cut_are_not_read(void **state)
{
    struct store_nats_entry_op op;
    struct buf body;

    (void)state;
    buf_init(&body, ROOM);
    assert_ok(store_nats_entry_add(&body, &ops[0]));
    for (size_t len = 0; len < body.len; len++) {
        uint8_t *copy = malloc(len + 1); /* of exactly its size, for the sanitizer */
        struct span rest = span_of(copy + 1, len);

        assert_non_null(copy);
        memcpy(copy + 1, body.ptr, len);
        assert_false(store_nats_entry_next(&rest, &op));
        assert_int_equal(rest.len, len);
        free(copy);
    }
    buf_fini(&body);
}

static void operations_over_their_bounds_are_not_read(void **state)
{
    static uint8_t bytes[STORE_VALUE_MAX + 1];
    const struct store_nats_entry_op bad[] = {
        {.type = 7, .name = SPAN("x")},
        {.type = 31, .name = SPAN("x")},
        {.type = STORE_NATS_ENTRY_SNAPSHOT + 1},
        {.type = STORE_TRIM},
        {.type = STORE_TRIM, .name = span_of(bytes, STORE_NAME_MAX + 1)},
        {.type = STORE_PUT, .value = SPAN("v")},
        {.type = STORE_PUT, .name = span_of(bytes, STORE_KEY_MAX + 1)},
        {.type = STORE_PUT, .name = SPAN("k"), .value = span_of(bytes, sizeof bytes)},
        {.type = STORE_APPEND, .is_copy = true, .name = SPAN("/a")},
        {.type = STORE_PUT, .is_copy = true, .number = 1, .name = SPAN("k")},
        {.type = STORE_NATS_ENTRY_LOCK},
        {.type = STORE_NATS_ENTRY_BEAT, .name = SPAN("x")},
        {.type = STORE_NATS_ENTRY_UNLOCK,
         .name = SPAN("l"),
         .value = span_of(bytes, STORE_LOCK_VALUE_MAX + 1)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct store_nats_entry_op op;
        struct span rest;
        struct buf body;

        buf_init(&body, 2 * STORE_VALUE_MAX);
        assert_ok(store_nats_entry_add(&body, &bad[i]));
        rest = buf_span(&body);
        assert_false(store_nats_entry_next(&rest, &op));
        buf_fini(&body);
    }
}

static void an_event_is_added_as_a_record_without_a_place(void **state)
{
    const struct event_parts parts = {.body = SPAN("body"), .publish_id = SPAN("p")};
    struct store_nats_entry_op op;
    struct event *event;
    struct event found;
    struct span rest;
    struct buf body;

    (void)state;
    buf_init(&body, ROOM);
    assert_ok(event_new(7, &parts, &event));
    assert_ok(store_nats_entry_add_event(
        &body,
        &(struct store_nats_entry_op){
            .type = STORE_APPEND, .keeps_none = true, .number = 7, .name = SPAN("/a")},
        event));
    rest = buf_span(&body);
    assert_true(store_nats_entry_next(&rest, &op));
    assert_int_equal(op.number, 7);
    assert_true(op.keeps_none);
    assert_int_equal(store_record_read(op.value, 0, &found), STORE_RECORD_GOOD);
    assert_bytes(event_body(&found), SPAN("body"));
    event_unref(event);
    buf_fini(&body);
}

static void add_one(void)
{
    struct buf body;

    buf_init(&body, ROOM);
    (void)!store_nats_entry_add(&body, &ops[0]);
    assert_true(oom_has_struck() == (body.len == 0));
    buf_fini(&body);
}

static void without_memory_nothing_is_added(void **state)
{
    (void)state;
    every_oom(add_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_comes_back_as_it_was_written),
        cmocka_unit_test(a_message_with_any_bit_changed_is_none),
        cmocka_unit_test(a_message_of_another_version_is_none),
        cmocka_unit_test(operations_come_back_as_they_were_added),
        cmocka_unit_test(operations_that_are_cut_are_not_read),
        cmocka_unit_test(operations_over_their_bounds_are_not_read),
        cmocka_unit_test(an_event_is_added_as_a_record_without_a_place),
        cmocka_unit_test(without_memory_nothing_is_added),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
