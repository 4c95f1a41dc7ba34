/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_record.h"

#include "lib/testing.h"

#include "store/store_crc.h"

#include <stdlib.h>

enum {
    EID = 0x0102,
    ROOM = 256,
};

static struct span write_record(uint8_t *room)
{
    const struct event_header header = {SPAN("name"), SPAN("value")};
    const struct event_parts parts = {.headers = &header,
                                      .header_count = 1,
                                      .body = SPAN("body"),
                                      .publish_id = SPAN("p-1"),
                                      .time = 0x1122,
                                      .ttl = 1};
    struct event *event;
    size_t len;

    assert_ok(event_new(7, &parts, &event));
    len = store_record_bytes(event);
    assert_true(len <= ROOM);
    store_record_write(event, EID, room);
    event_unref(event);
    return span_of(room, len);
}

/* After a change that the checksum must not hide. */
static struct span sealed(uint8_t *room, struct span record)
{
    uint32_t crc = store_crc(0, span_tail(record, sizeof crc));

    memcpy(room, &crc, sizeof crc);
    return record;
}

/* On the heap and of exactly its size, so that a sanitizer sees any step over its end. */
static enum store_record_fault read_exact(struct span record, struct event *ret_event)
{
    uint8_t *copy = malloc(record.len + 1);
    enum store_record_fault fault;

    assert_non_null(copy);
    memcpy(copy + 1, record.ptr, record.len); /* at an odd address as well */
    fault = store_record_read(span_of(copy + 1, record.len), EID, ret_event);
    free(copy);
    return fault;
}

static void the_layout_is_what_the_header_says(void **state)
{
    uint8_t room[ROOM];
    struct span record = write_record(room);

    (void)state;
    assert_bytes(
        span_tail(record, 4),
        span_ro(hex(
            "01 01 0000  0201000000000000  2211000000000000 2311000000000000"
            "03000000 11000000 04000000 00000000 'p-1' 04000000 05000000 'namevaluebody'")));
}

static void what_is_written_is_read_where_it_lies(void **state)
{
    uint8_t room[ROOM];
    struct span record = write_record(room);
    struct event event;
    struct event_header header;
    size_t at = 0;

    (void)state;
    assert_int_equal(store_record_read(record, EID, &event), STORE_RECORD_GOOD);
    assert_int_equal(event.eid, EID);
    assert_int_equal(event.time, 0x1122);
    assert_int_equal(event.expiry, 0x1123);
    assert_true(event.is_text);
    assert_bytes(event_publish_id(&event), SPAN("p-1"));
    assert_bytes(event_body(&event), SPAN("body"));
    assert_true(event_next_header(&event, &at, &header));
    assert_bytes(header.name, SPAN("name"));
    assert_bytes(header.value, SPAN("value"));
    assert_false(event_next_header(&event, &at, &header));
    assert_true(event_body(&event).ptr == room + record.len - 4); /* nothing is copied */
}

static void a_record_cut_anywhere_is_refused(void **state)
{
    uint8_t room[ROOM];
    struct span record = write_record(room);
    struct event event;

    (void)state;
    for (size_t len = 0; len < record.len; len++) {
        assert_int_equal(read_exact(span_head(record, len), &event), STORE_RECORD_LENGTH);
    }
}

static void a_place_that_is_longer_than_its_record_is_not_looked_at(void **state)
{
    uint8_t room[ROOM];
    struct span record = write_record(room);
    struct event event;

    (void)state;
    record.len = 1024 * 1024 * 1024; /* what is behind the room is not ours */
    assert_int_equal(store_record_read(record, EID, &event), STORE_RECORD_LENGTH);
}

static void a_record_with_any_bit_changed_is_refused(void **state)
{
    uint8_t room[ROOM];
    struct span record = write_record(room);
    struct event event;

    (void)state;
    for (size_t bit = 0; bit < 8 * record.len; bit++) {
        bool is_length = bit / 8 >= 32 && bit / 8 < 44;

        room[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(read_exact(record, &event),
                         is_length ? STORE_RECORD_LENGTH : STORE_RECORD_CHECKSUM);
        room[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(read_exact(record, &event), STORE_RECORD_GOOD);
}

static void assert_refused(size_t at, uint8_t byte, enum store_record_fault expected)
{
    uint8_t room[ROOM];
    struct span record = write_record(room);
    struct event event;

    room[at] = byte;
    assert_int_equal(read_exact(sealed(room, record), &event), expected);
}

static void a_record_that_contradicts_itself_is_refused_whatever_its_checksum(void **state)
{
    (void)state;
    assert_refused(4, 2, STORE_RECORD_UNKNOWN);
    assert_refused(5, 2, STORE_RECORD_UNKNOWN);
    assert_refused(6, 1, STORE_RECORD_UNKNOWN);
    assert_refused(9, 0, STORE_RECORD_PLACE);
    assert_refused(44, 1, STORE_RECORD_UNKNOWN);
    assert_refused(32, 2, STORE_RECORD_LENGTH);
    assert_refused(36, 200, STORE_RECORD_LENGTH);
    assert_refused(43, 255, STORE_RECORD_LENGTH);
    assert_refused(51, 200, STORE_RECORD_PARTS); /* a header's name does not fit */
    assert_refused(55, 200, STORE_RECORD_PARTS); /* its value does not */
    assert_refused(58, 255, STORE_RECORD_PARTS);
}

static void every_fault_has_its_words(void **state)
{
    (void)state;
    assert_string_equal(store_record_fault_text(STORE_RECORD_LENGTH), "its length is wrong");
    assert_string_equal(store_record_fault_text(STORE_RECORD_CHECKSUM),
                        "its checksum is wrong");
    assert_string_equal(store_record_fault_text(STORE_RECORD_UNKNOWN),
                        "its version or its flags are not known here");
    assert_string_equal(store_record_fault_text(STORE_RECORD_PLACE),
                        "it stands in another event's place");
    assert_string_equal(store_record_fault_text(STORE_RECORD_PARTS),
                        "its parts are longer than it is");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_layout_is_what_the_header_says),
        cmocka_unit_test(what_is_written_is_read_where_it_lies),
        cmocka_unit_test(a_record_cut_anywhere_is_refused),
        cmocka_unit_test(a_place_that_is_longer_than_its_record_is_not_looked_at),
        cmocka_unit_test(a_record_with_any_bit_changed_is_refused),
        cmocka_unit_test(a_record_that_contradicts_itself_is_refused_whatever_its_checksum),
        cmocka_unit_test(every_fault_has_its_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
