/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "tls/tls_hello.h"

#include "lib/oom.h"
#include "unit/tls/hello_rig.h"

#include <stdio.h>

/* What a program sent, as test/data has it in hex. */
static struct span captured(const char *name)
{
    static char text[8192];
    char path[512];
    size_t len;
    FILE *file;

    (void)snprintf(path, sizeof path, TEST_DATA "/tls_hello/%s.hex", name);
    file = fopen(path, "r");
    assert_non_null(file);
    len = fread(text, 1, sizeof text - 1, file);
    assert_int_equal(fclose(file), 0);
    text[len] = '\0';
    return span_ro(hex(text));
}

static void the_hellos_of_real_programs_are_read(void **state)
{
    static const struct {
        const char *name;
        const char *sni;
        const char *alpn;
        bool has_ech;
    } rows[] = {
        {"chromium", "shop.example", "h2,http/1.1", true},
        {"curl", "api.example", "h2,http/1.1", false},
        {"node", "node.example", "", false},
        {"openssl-1.2", "old.example", "", false},
        {"openssl-1.3", "chat.example.com", "h2,http/1.1", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct span bytes = captured(rows[i].name);

        wanted.has_ech = rows[i].has_ech;
        wanted.sni = rows[i].sni;
        wanted.alpn = rows[i].alpn;
        cut_every(bytes, check_wanted);
        expect(span_tail(bytes, TLS_HELLO_RECORD_HEAD_BYTES), rows[i].sni, rows[i].alpn);
    }
    wanted.has_ech = false;
}

static void a_hello_needs_no_extensions(void **state)
{
    struct span message = message_of(span_ro(hex(FIXED)));

    (void)state;
    expect(message, "", "");
    forget(message);
    expect_extensions("", "", "");
    expect_extensions("00 17 00 00  0a 0a 00 01 00  ff ff 00 00", "", "");
}

static void every_record_version_of_tls_is_taken(void **state)
{
    (void)state;
    for (uint8_t minor = 0; minor <= 4; minor++) {
        struct span message = hello_of("00 00 00 06 00 04 00 00 01 'a'");
        struct span records = in_records(message, 20);

        for (size_t at = 0; at < records.len; at += TLS_HELLO_RECORD_HEAD_BYTES + 20) {
            ((uint8_t *)(uintptr_t)records.ptr)[at + 2] = minor;
        }
        wanted.sni = "a";
        wanted.alpn = "";
        cut_every(records, check_wanted);
        forget(records);
        forget(message);
    }
}

static void what_follows_the_hello_is_left_alone(void **state)
{
    struct span message = hello_of("");
    struct span records = in_records(message, TLS_HELLO_BYTES_MAX);
    size_t len = put(put(0, records), SPAN("early data"));

    (void)state;
    wanted.sni = "";
    wanted.alpn = "";
    wanted.behind = strlen("early data");
    cut_every(span_of(room, len), check_wanted);
    wanted.behind = 0;
    forget(records);
    forget(message);
}

static void what_is_no_tls_is_told_by_its_first_bytes(void **state)
{
    (void)state;
    expect_fault(SPAN("G"), TLS_HELLO_FAULT_NOT_TLS);
    expect_fault(SPAN("SSH-2.0-x\r\n"), TLS_HELLO_FAULT_NOT_TLS);
    expect_fault(span_ro(hex("00")), TLS_HELLO_FAULT_NOT_TLS);
    expect_fault(span_ro(hex("17 03 03 00 01 00")), TLS_HELLO_FAULT_NOT_TLS);
    expect_fault(span_ro(hex("80 2e 02")), TLS_HELLO_FAULT_NOT_TLS);
    expect_fault(span_ro(hex("80 2e 01 00 02 00 15 00 00 00 10")), TLS_HELLO_FAULT_SSL2);
    expect_fault(span_ro(hex("80 2e 01 03 01 00 15 00 00 00 10")), TLS_HELLO_FAULT_SSL2);
    expect_fault(span_ro(hex("16 02")), TLS_HELLO_FAULT_RECORD_VERSION);
    expect_fault(span_ro(hex("16 03 05")), TLS_HELLO_FAULT_RECORD_VERSION);
    expect_fault(span_ro(hex("16 03 01 00 01 02")), TLS_HELLO_FAULT_MESSAGE);
    expect_fault(span_ro(hex("16 03 01 00 04 00 00 00 00")), TLS_HELLO_FAULT_MESSAGE);
}

static void records_follow_the_rules_for_handshakes(void **state)
{
    (void)state;
    expect_fault(span_ro(hex("16 03 01 00 00")), TLS_HELLO_FAULT_RECORD_EMPTY);
    expect_fault(span_ro(hex("16 03 01 00 01 01 16 03 01 00 00")),
                 TLS_HELLO_FAULT_RECORD_EMPTY);
    expect_fault(span_ro(hex("16 03 01 40 01")), TLS_HELLO_FAULT_RECORD_LENGTH);
    expect_fault(span_ro(hex("16 03 01 00 01 01 17")), TLS_HELLO_FAULT_INTERLEAVED);
    expect_fault(span_ro(hex("16 03 01 00 01 01 14 03 01 00 01 01")),
                 TLS_HELLO_FAULT_INTERLEAVED);
    expect_fault(span_ro(hex("16 03 01 00 01 01 80 03 01")), TLS_HELLO_FAULT_INTERLEAVED);
    expect_fault(span_ro(hex("16 03 01 00 01 01 16 04")), TLS_HELLO_FAULT_RECORD_VERSION);
}

static void a_hello_ends_with_its_record(void **state)
{
    struct span message = hello_of("");
    size_t len = put(0, message);
    struct span records;

    (void)state;
    len = put(len, SPAN("x"));
    memcpy(room + ROOM_BYTES / 2, room, len);
    records = in_records(span_of(room + ROOM_BYTES / 2, len), TLS_HELLO_BYTES_MAX);
    expect_fault(records, TLS_HELLO_FAULT_TRAILING);
    forget(records);
    forget(message);
}

static void a_hello_has_a_limit(void **state)
{
    static uint8_t body[TLS_HELLO_BYTES_MAX];
    struct span fixed = span_ro(hex(FIXED));
    struct span message, records;
    struct outcome outcome;
    struct cut cut = {.first = 1000};

    (void)state;
    expect_fault(span_ro(hex("16 03 01 00 04 01 00 40 01")), TLS_HELLO_FAULT_TOO_LONG);
    expect_fault(span_ro(hex("16 03 01 40 00 01 ff ff ff")), TLS_HELLO_FAULT_TOO_LONG);

    /* the longest there is, in records of one byte: one unknown extension fills it */
    memcpy(body, fixed.ptr, fixed.len);
    body[fixed.len] = (uint8_t)((sizeof body - fixed.len - 2) >> 8);
    body[fixed.len + 1] = (uint8_t)(sizeof body - fixed.len - 2);
    body[fixed.len + 3] = 0x15;
    body[fixed.len + 4] = (uint8_t)((sizeof body - fixed.len - 6) >> 8);
    body[fixed.len + 5] = (uint8_t)(sizeof body - fixed.len - 6);
    message = message_of(span_of(body, sizeof body));
    records = in_records(message, 1);
    cut.whole = records;
    outcome = read_cut(&cut);
    assert_int_equal(outcome.e, OK);
    assert_true(outcome.hello.message.cap <= TLS_HELLO_BYTES_MAX + 4);
    tls_hello_fini(&outcome.hello);
    forget(records);
    forget(message);
}

static void the_parts_of_a_hello_fill_it(void **state)
{
    static const char *const bodies[] = {
        "",
        "03",
        "03 03 '0123456789abcdef0123456789abcde'",
        "03 03 '0123456789abcdef0123456789abcdef'",
        "03 03 '0123456789abcdef0123456789abcdef' 04 'ses'",
        "03 03 '0123456789abcdef0123456789abcdef' 21 '0123456789abcdef0123456789abcdefg' "
        "00 02 13 01 01 00",
        "03 03 '0123456789abcdef0123456789abcdef' 00 00 00 01 00",
        "03 03 '0123456789abcdef0123456789abcdef' 00 00 03 13 01 00 01 00",
        "03 03 '0123456789abcdef0123456789abcdef' 00 00 04 13 01",
        "03 03 '0123456789abcdef0123456789abcdef' 00 00 02 13 01",
        "03 03 '0123456789abcdef0123456789abcdef' 00 00 02 13 01 00",
        "03 03 '0123456789abcdef0123456789abcdef' 00 00 02 13 01 02 00",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        expect_message_fault(message_of(span_ro(hex(bodies[i]))), TLS_HELLO_FAULT_BODY);
    }
}

static void a_result_is_final(void **state)
{
    struct span message = hello_of("00 00 00 06 00 04 00 00 01 'a'");
    struct span records = in_records(message, 100);
    struct span input = records;
    struct tls_hello hello;

    (void)state;
    tls_hello_init(&hello);
    assert_ok(tls_hello_next(&hello, &input));
    input = SPAN("x");
    assert_ok(tls_hello_next(&hello, &input));
    assert_int_equal(input.len, 1);
    assert_bytes(hello.sni, SPAN("a"));
    tls_hello_fini(&hello);

    tls_hello_init(&hello);
    assert_int_equal(tls_hello_next(&hello, &input), ERR_PROTO);
    input = records;
    assert_int_equal(tls_hello_next(&hello, &input), ERR_PROTO);
    assert_int_equal(input.len, records.len);
    assert_int_equal(tls_hello_fault(&hello), TLS_HELLO_FAULT_NOT_TLS);
    tls_hello_fini(&hello);
    forget(records);
    forget(message);
}

static struct span read_bytes;

static void read_one(void)
{
    struct span input = read_bytes;
    struct tls_hello hello;
    enum err e = ERR_AGAIN;

    tls_hello_init(&hello);
    while (e == ERR_AGAIN && input.len > 0) {
        struct span part = span_head(input, 100);

        input = span_tail(input, part.len);
        e = tls_hello_next(&hello, &part);
    }
    assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : OK);
    input = SPAN("x");
    assert_int_equal(tls_hello_next(&hello, &input), e);
    assert_int_equal(tls_hello_fault(&hello), TLS_HELLO_FAULT_NONE);
    tls_hello_fini(&hello);
}

static void running_out_of_memory_is_told_and_leaks_nothing(void **state)
{
    (void)state;
    read_bytes = captured("chromium");
    every_oom(read_one);
}

#define X(name, alert, section, did) {name, alert, section},
static const struct {
    enum tls_hello_fault fault;
    uint8_t alert;
    const char *cited;
} fault_rows[] = {TLS_HELLO_FAULTS(X)};
#undef X

static void each_fault_has_an_alert_a_text_and_a_section(void **state)
{
    (void)state;
    assert_string_equal(tls_hello_fault_text(TLS_HELLO_FAULT_NONE), "did nothing wrong");
    assert_int_equal(tls_hello_fault_alert(TLS_HELLO_FAULT_NONE), 0);
    for (size_t i = 1; i < sizeof fault_rows / sizeof fault_rows[0]; i++) {
        assert_non_null(strstr(tls_hello_fault_text(fault_rows[i].fault), " (RFC "));
        assert_non_null(strstr(tls_hello_fault_text(fault_rows[i].fault), fault_rows[i].cited));
        assert_int_equal(tls_hello_fault_alert(fault_rows[i].fault), fault_rows[i].alert);
        assert_true(fault_rows[i].alert > 0);
    }
    assert_string_equal(tls_hello_fault_text(TLS_HELLO_FAULT_RECORD_EMPTY),
                        "sent an empty TLS handshake record (RFC 8446 5.1)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hellos_of_real_programs_are_read),
        cmocka_unit_test(a_hello_needs_no_extensions),
        cmocka_unit_test(every_record_version_of_tls_is_taken),
        cmocka_unit_test(what_follows_the_hello_is_left_alone),
        cmocka_unit_test(what_is_no_tls_is_told_by_its_first_bytes),
        cmocka_unit_test(records_follow_the_rules_for_handshakes),
        cmocka_unit_test(a_hello_ends_with_its_record),
        cmocka_unit_test(a_hello_has_a_limit),
        cmocka_unit_test(the_parts_of_a_hello_fill_it),
        cmocka_unit_test(a_result_is_final),
        cmocka_unit_test(running_out_of_memory_is_told_and_leaks_nothing),
        cmocka_unit_test(each_fault_has_an_alert_a_text_and_a_section),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
