/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_ports.h"

#include "lib/oom.h"
#include "lib/testing.h"

static struct conf_ports_range range_of(const char *text)
{
    struct conf_ports_range range;

    assert_true(conf_ports_read(span_str(text), &range));
    return range;
}

static void assert_printed(const struct conf_ports *ports, const char *expected)
{
    struct buf out;

    buf_init(&out, 1000);
    assert_ok(conf_ports_print(ports, &out));
    assert_bytes(buf_span(&out), span_str(expected));
    buf_fini(&out);
}

static void ports_and_ranges_add_up_and_print_in_order(void **state)
{
    struct conf_ports ports;

    (void)state;
    conf_ports_clear(&ports);
    assert_true(conf_ports_is_empty(&ports));
    assert_printed(&ports, "none");
    conf_ports_add(&ports, range_of("9000-9010"));
    conf_ports_add(&ports, range_of("563"));
    conf_ports_add(&ports, range_of("443"));
    conf_ports_add(&ports, range_of("9005-9012"));
    assert_printed(&ports, "443 563 9000-9012");
    assert_false(conf_ports_is_empty(&ports));
    assert_true(conf_ports_has(&ports, 9012));
    assert_false(conf_ports_has(&ports, 8999));
    assert_false(conf_ports_has(&ports, 9013));
    conf_ports_add(&ports, range_of("1-65535"));
    assert_printed(&ports, "1-65535");
    assert_false(conf_ports_has(&ports, 0));
    assert_true(conf_ports_has(&ports, 65535));
    conf_ports_clear(&ports);
    assert_true(conf_ports_is_empty(&ports));
}

static void a_range_may_run_backwards_and_its_reader_decides(void **state)
{
    (void)state;
    assert_int_equal(range_of("9443-9000").first, 9443);
    assert_int_equal(range_of("9443-9000").last, 9000);
    assert_int_equal(range_of("0443").first, 443);
}

static void what_is_not_a_port_is_not_read(void **state)
{
    static const char *const wrong[] = {
        "",    "0",     "65536", "70000", "9000-70000",          "-1",
        "1-",  "-",     "1-2-3", "9000x", "9000,9443",           "+1",
        " 80", "74536", "80 ",   "0-5",   "99999999999999999999"};
    struct conf_ports_range range;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(conf_ports_read(span_str(wrong[i]), &range));
    }
}

static void print_ports(void)
{
    struct conf_ports ports;
    struct buf out;

    conf_ports_clear(&ports);
    for (uint16_t port = 1000; port < 2000; port = (uint16_t)(port + 2)) {
        conf_ports_add(&ports, (struct conf_ports_range){port, port});
    }
    buf_init(&out, 100000);
    if (conf_ports_print(&ports, &out) != OK) {
        assert_int_equal(out.len, 0);
    }
    buf_fini(&out);
}

static void without_room_nothing_is_printed(void **state)
{
    struct conf_ports ports;
    struct buf out;

    (void)state;
    every_oom(print_ports);
    conf_ports_clear(&ports);
    conf_ports_add(&ports, range_of("443"));
    conf_ports_add(&ports, range_of("563"));
    buf_init(&out, 8);
    assert_ok(buf_append(&out, SPAN("ab")));
    assert_int_equal(conf_ports_print(&ports, &out), ERR_LIMIT);
    assert_bytes(buf_span(&out), SPAN("ab"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ports_and_ranges_add_up_and_print_in_order),
        cmocka_unit_test(a_range_may_run_backwards_and_its_reader_decides),
        cmocka_unit_test(what_is_not_a_port_is_not_read),
        cmocka_unit_test(without_room_nothing_is_printed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
