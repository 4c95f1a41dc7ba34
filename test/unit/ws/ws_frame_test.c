/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "ws/ws_frame.h"

#include "lib/oom.h"
#include "lib/testing.h"

/* Both directions at once: the head is decoded, and what came out encodes to the same bytes. */
static void assert_head(const char *bytes, enum ws_role sender, struct ws_frame expected)
{
    struct mspan head = hex(bytes);
    struct ws_frame frame;
    uint8_t room[WS_FRAME_HEAD_MAX];

    assert_int_equal(ws_frame_head_bytes(span_ro(head)), head.len);
    assert_int_equal(ws_frame_decode(span_ro(head), sender, &frame), WS_FAULT_NONE);
    assert_int_equal(frame.fin, expected.fin);
    assert_int_equal(frame.opcode, expected.opcode);
    assert_int_equal(frame.masked, expected.masked);
    assert_int_equal(frame.payload_len, expected.payload_len);
    assert_memory_equal(frame.key, expected.key, sizeof frame.key);
    assert_bytes(span_of(room, ws_frame_encode(&frame, room)), span_ro(head));
}

static void assert_fault(const char *bytes, enum ws_role sender, enum ws_fault fault)
{
    struct ws_frame untouched = {.payload_len = 4711};

    assert_int_equal(ws_frame_decode(span_ro(hex(bytes)), sender, &untouched), fault);
    assert_int_equal(untouched.payload_len, 4711);
}

static void a_head_reads_and_writes_like_the_figure(void **state)
{
    (void)state;
    assert_head("81 05", WS_SERVER,
                (struct ws_frame){.fin = true, .opcode = WS_OPCODE_TEXT, .payload_len = 5});
    assert_head("02 00", WS_SERVER, (struct ws_frame){.opcode = WS_OPCODE_BINARY});
    assert_head(
        "80 01", WS_SERVER,
        (struct ws_frame){.fin = true, .opcode = WS_OPCODE_CONTINUATION, .payload_len = 1});
    assert_head("81 85 37 fa 21 3d", WS_CLIENT,
                (struct ws_frame){.fin = true,
                                  .opcode = WS_OPCODE_TEXT,
                                  .masked = true,
                                  .key = {0x37, 0xfa, 0x21, 0x3d},
                                  .payload_len = 5});
    assert_head("82 fe 01 00 01 02 03 04", WS_CLIENT,
                (struct ws_frame){.fin = true,
                                  .opcode = WS_OPCODE_BINARY,
                                  .masked = true,
                                  .key = {1, 2, 3, 4},
                                  .payload_len = 256});
}

static void a_length_takes_the_fewest_bytes(void **state)
{
    static const struct {
        const char *head;
        uint64_t len;
    } rows[] = {
        {"82 7d", 125},
        {"82 7e 00 7e", 126},
        {"82 7e 00 7f", 127},
        {"82 7e ff ff", 65535},
        {"82 7f 00 00 00 00 00 01 00 00", 65536},
        {"82 7f 7f ff ff ff ff ff ff ff", INT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_head(rows[i].head, WS_SERVER,
                    (struct ws_frame){
                        .fin = true, .opcode = WS_OPCODE_BINARY, .payload_len = rows[i].len});
    }
}

static void a_length_in_too_many_bytes_is_refused(void **state)
{
    (void)state;
    assert_fault("82 7e 00 00", WS_SERVER, WS_FAULT_LENGTH);
    assert_fault("82 7e 00 7d", WS_SERVER, WS_FAULT_LENGTH);
    assert_fault("82 7f 00 00 00 00 00 00 00 7d", WS_SERVER, WS_FAULT_LENGTH);
    assert_fault("82 7f 00 00 00 00 00 00 ff ff", WS_SERVER, WS_FAULT_LENGTH);
    assert_fault("82 fe 00 7d 01 02 03 04", WS_CLIENT, WS_FAULT_LENGTH);
}

static void a_length_with_the_highest_bit_is_refused(void **state)
{
    (void)state;
    assert_fault("82 7f 80 00 00 00 00 00 00 00", WS_SERVER, WS_FAULT_LENGTH_SIGN);
    assert_fault("82 7f ff ff ff ff ff ff ff ff", WS_SERVER, WS_FAULT_LENGTH_SIGN);
}

static void each_reserved_bit_is_refused_in_the_first_byte(void **state)
{
    (void)state;
    assert_fault("c1", WS_SERVER, WS_FAULT_RSV);
    assert_fault("a1", WS_SERVER, WS_FAULT_RSV);
    assert_fault("91", WS_SERVER, WS_FAULT_RSV);
    assert_fault("f9", WS_CLIENT, WS_FAULT_RSV);
}

static void each_reserved_opcode_is_refused_in_the_first_byte(void **state)
{
    static const char *const heads[] = {"83", "84", "85", "86", "87",
                                        "8b", "8c", "8d", "8e", "8f"};

    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        assert_fault(heads[i], WS_CLIENT, WS_FAULT_OPCODE);
        assert_fault(heads[i], WS_SERVER, WS_FAULT_OPCODE);
    }
}

static void a_fragmented_or_long_control_frame_is_refused(void **state)
{
    (void)state;
    assert_fault("08", WS_CLIENT, WS_FAULT_CONTROL);
    assert_fault("09", WS_CLIENT, WS_FAULT_CONTROL);
    assert_fault("0a", WS_SERVER, WS_FAULT_CONTROL);
    assert_fault("88 fe", WS_CLIENT, WS_FAULT_CONTROL);
    assert_fault("89 7e", WS_SERVER, WS_FAULT_CONTROL);
    assert_fault("8a 7f", WS_SERVER, WS_FAULT_CONTROL);
}

static void a_mask_belongs_to_the_client_and_to_nobody_else(void **state)
{
    (void)state;
    assert_fault("81 05", WS_CLIENT, WS_FAULT_UNMASKED);
    assert_fault("81 85", WS_SERVER, WS_FAULT_MASKED);
}

static void a_head_in_arrival_is_not_judged_beyond_its_bytes(void **state)
{
    struct ws_frame frame;

    (void)state;
    assert_int_equal(ws_frame_head_bytes(SPAN("")), 2);
    assert_int_equal(ws_frame_head_bytes(SPAN("\x82")), 2);
    assert_int_equal(ws_frame_head_bytes(SPAN("\x82\xff")), 14);
    assert_int_equal(ws_frame_decode(SPAN(""), WS_CLIENT, &frame), WS_FAULT_NONE);
    assert_int_equal(ws_frame_decode(SPAN("\x82"), WS_CLIENT, &frame), WS_FAULT_NONE);
    assert_int_equal(ws_frame_decode(SPAN("\x82\xff\xff"), WS_CLIENT, &frame), WS_FAULT_NONE);
}

static void a_frame_is_put_whole_or_not_at_all(void **state)
{
    const struct ws_frame frame = {.fin = true, .opcode = WS_OPCODE_TEXT};
    struct buf out;

    (void)state;
    buf_init(&out, 8);
    assert_ok(buf_append(&out, SPAN("ab")));
    assert_int_equal(ws_frame_put(&frame, SPAN("Hello"), &out), ERR_LIMIT);
    assert_bytes(buf_span(&out), SPAN("ab"));
    assert_ok(ws_frame_put(&frame, SPAN("Hell"), &out));
    assert_bytes(buf_span(&out), span_ro(hex("'ab' 81 04 'Hell'")));
    buf_fini(&out);
}

static void a_frame_with_a_key_is_put_masked(void **state)
{
    const struct ws_frame frame = {
        .fin = true, .opcode = WS_OPCODE_TEXT, .masked = true, .key = {0x37, 0xfa, 0x21, 0x3d}};
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    assert_ok(ws_frame_put(&frame, SPAN("Hello"), &out));
    assert_bytes(buf_span(&out), span_ro(hex("81 85 37 fa 21 3d 7f 9f 4d 51 58")));
    buf_fini(&out);
}

static void a_server_writes_a_head_for_many(void **state)
{
    uint8_t room[WS_FRAME_HEAD_MAX];
    size_t len = ws_frame_encode_unmasked(WS_OPCODE_TEXT, 300, room);

    (void)state;
    assert_bytes(span_of(room, len), span_ro(hex("81 7e 01 2c")));
}

static void put_one_frame(void)
{
    const struct ws_frame frame = {.fin = true, .opcode = WS_OPCODE_TEXT};
    struct buf out;

    buf_init(&out, 1000);
    if (ws_frame_put(&frame, SPAN("Hello"), &out) != OK) {
        assert_int_equal(out.len, 0);
    }
    buf_fini(&out);
}

static void running_out_of_memory_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    every_oom(put_one_frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_reads_and_writes_like_the_figure),
        cmocka_unit_test(a_length_takes_the_fewest_bytes),
        cmocka_unit_test(a_length_in_too_many_bytes_is_refused),
        cmocka_unit_test(a_length_with_the_highest_bit_is_refused),
        cmocka_unit_test(each_reserved_bit_is_refused_in_the_first_byte),
        cmocka_unit_test(each_reserved_opcode_is_refused_in_the_first_byte),
        cmocka_unit_test(a_fragmented_or_long_control_frame_is_refused),
        cmocka_unit_test(a_mask_belongs_to_the_client_and_to_nobody_else),
        cmocka_unit_test(a_head_in_arrival_is_not_judged_beyond_its_bytes),
        cmocka_unit_test(a_frame_is_put_whole_or_not_at_all),
        cmocka_unit_test(a_frame_with_a_key_is_put_masked),
        cmocka_unit_test(a_server_writes_a_head_for_many),
        cmocka_unit_test(running_out_of_memory_leaves_the_buffer_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
