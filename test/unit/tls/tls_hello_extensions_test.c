/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* What is read out of the extensions: server names, application protocols. */
#include "tls/tls_hello.h"

#include "unit/tls/hello_rig.h"

#include <stdio.h>

/* 00 00 LL LL (LL LL 00 (LL LL name)) */
static void names_are_written_one_way(void **state)
{
    (void)state;
    expect_extensions("00 00 00 0c 00 0a 00 00 07 'Ab-c.De'", "ab-c.de", "");
    expect_extensions("00 00 00 0a 00 08 00 00 05 '_a.b.'", "_a.b", "");
    expect_extensions("00 00 00 0d 00 0b 00 00 08 'xn--4ca1'", "xn--4ca1", "");
    /* a type of name that is not known yet, before and behind */
    expect_extensions("00 00 00 0d 00 0b 07 00 01 'x' 00 00 01 'a' 08 00 00", "a", "");
    expect_extensions("00 00 00 06 00 04 07 00 01 'x'", "", "");
}

static void an_address_is_no_name(void **state)
{
    (void)state;
    expect_extensions("00 00 00 0e 00 0c 00 00 09 '192.0.2.1'", "", "");
    expect_extensions("00 00 00 08 00 06 00 00 03 '::1'", "", "");
    expect_extensions("00 00 00 10 00 0e 00 00 0b '2001:DB8::1'", "", "");
    expect_extensions("00 00 00 0a 00 08 00 00 05 '127.1'", "", "");
    expect_extensions("00 00 00 09 00 07 00 00 04 '0X7f'", "", "");
    expect_extensions("00 00 00 08 00 06 00 00 03 'a.1'", "", "");
}

static void protocols_are_shown_as_text(void **state)
{
    (void)state;
    expect_extensions("00 10 00 0e 00 0c 02 'h2' 08 'http/1.1'", "", "h2,http/1.1");
    expect_extensions("00 10 00 0b 00 09 02 6a 6a 02 'h2' 02 1a 1a", "", "h2");
    expect_extensions("00 10 00 05 00 03 02 da da", "", "");
    expect_extensions("00 10 00 0a 00 08 07 'a,b' 22 5c 00 ff", "", "a?b????");
    expect_extensions("00 10 00 08 00 06 02 0a 1a 02 0b 0b", "", "??,??");
}

static void a_list_of_protocols_has_a_limit(void **state)
{
    /* the second does not fit behind the first, the third does, the fourth has no room at all
     */
    static const int lengths[] = {100, 28, 27, 107};
    char letters[TLS_HELLO_ALPN_MAX + 1] = "";
    char text[512] = "00 10 01 0c 01 0a";

    (void)state;
    memset(letters, 'a', TLS_HELLO_ALPN_MAX);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t len = strlen(text);

        (void)snprintf(text + len, sizeof text - len, " %02x '%.*s'", (unsigned)lengths[i],
                       lengths[i], letters);
    }
    letters[lengths[0]] = ',';
    expect_extensions(text, "", letters);
}

static void encrypted_names_are_noted(void **state)
{
    (void)state;
    wanted.has_ech = true;
    expect_extensions("fe 0d 00 03 00 00 01  00 00 00 06 00 04 00 00 01 'p'", "p", "");
    expect_extensions("fe 0d 00 00", "", "");
    wanted.has_ech = false;
}

static void extensions_fill_their_length(void **state)
{
    (void)state;
    expect_message_fault(message_of(span_ro(hex(FIXED "00"))), TLS_HELLO_FAULT_EXTENSIONS);
    expect_message_fault(message_of(span_ro(hex(FIXED "00 01"))), TLS_HELLO_FAULT_EXTENSIONS);
    expect_message_fault(message_of(span_ro(hex(FIXED "00 00 00"))),
                         TLS_HELLO_FAULT_EXTENSIONS);
    expect_message_fault(hello_of("00"), TLS_HELLO_FAULT_EXTENSIONS);
    expect_message_fault(hello_of("00 17 00"), TLS_HELLO_FAULT_EXTENSIONS);
    expect_message_fault(hello_of("00 17 00 01"), TLS_HELLO_FAULT_EXTENSIONS);
    expect_message_fault(hello_of("00 00 00 07 00 04 00 00 01 'a'"),
                         TLS_HELLO_FAULT_EXTENSIONS);
}

static void what_is_read_comes_once(void **state)
{
#define NAME "00 00 00 06 00 04 00 00 01 'a'"
#define ALPN "00 10 00 05 00 03 02 'h2'"
#define ECH  "fe 0d 00 00"
    (void)state;
    expect_message_fault(hello_of(NAME ALPN NAME), TLS_HELLO_FAULT_TWICE);
    expect_message_fault(hello_of(ALPN ALPN), TLS_HELLO_FAULT_TWICE);
    expect_message_fault(hello_of(ECH NAME ECH), TLS_HELLO_FAULT_TWICE);
    /* also when the first had no name that counts */
    expect_message_fault(hello_of("00 00 00 08 00 06 00 00 03 '::1'" NAME),
                         TLS_HELLO_FAULT_TWICE);
    expect_message_fault(hello_of("00 00 00 0a 00 08 00 00 01 'a' 00 00 01 'a'"),
                         TLS_HELLO_FAULT_SNI_TWICE);
#undef NAME
#undef ALPN
#undef ECH
}

static void a_server_name_is_well_formed(void **state)
{
    static const char *const malformed[] = {
        "00 00 00 00",                          /* what a server answers */
        "00 00 00 01 00",                       /* half a length */
        "00 00 00 02 00 00",                    /* an empty list */
        "00 00 00 05 00 04 00 00 01",           /* a list over its extension */
        "00 00 00 07 00 04 00 00 01 'a' 00",    /* and under it */
        "00 00 00 03 00 01 00",                 /* no length of a name */
        "00 00 00 05 00 03 00 00 00",           /* an empty name */
        "00 00 00 06 00 04 00 00 02 'a'",       /* a name over its list */
        "00 00 00 08 00 06 00 00 01 'a' 07 00", /* half a name behind it */
    };

    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        expect_message_fault(hello_of(malformed[i]), TLS_HELLO_FAULT_SNI);
    }
}

static void a_server_name_is_a_host_name(void **state)
{
    static const char *const names[] = {
        "00 00 00 07 00 05 00 00 02 '*a'",       "00 00 00 08 00 06 00 00 03 'a b'",
        "00 00 00 08 00 06 00 00 03 'a' 00 'b'", "00 00 00 08 00 06 00 00 03 'a/b'",
        "00 00 00 08 00 06 00 00 03 'a' 0a 'b'", "00 00 00 08 00 06 00 00 03 'a@b'",
        "00 00 00 07 00 05 00 00 02 c3 a4",      "00 00 00 06 00 04 00 00 01 '.'",
        "00 00 00 07 00 05 00 00 02 '.a'",       "00 00 00 08 00 06 00 00 03 'a..'",
        "00 00 00 09 00 07 00 00 04 'a..b'",     "00 00 00 09 00 07 00 00 04 'g::1'",
        "00 00 00 0b 00 09 00 00 06 'a.x:44'",
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        expect_message_fault(hello_of(names[i]), TLS_HELLO_FAULT_SNI_NAME);
    }
}

/* A name of `len` bytes, in labels of `label`. */
static struct span hello_with_long_name(unsigned len, unsigned label)
{
    static char text[512];
    int head = snprintf(text, sizeof text, "00 00 %04x %04x 00 %04x '", len + 5, len + 3, len);
    char *name = text + head;

    for (unsigned i = 1; i <= len; i++) {
        *name++ = i % (label + 1) == 0 ? '.' : 'a';
    }
    strcpy(name, "'");
    return hello_of(text);
}

static void a_server_name_has_a_limit(void **state)
{
    struct span message = hello_with_long_name(TLS_HELLO_NAME_MAX, 62);
    struct outcome outcome;
    struct cut cut;

    (void)state;
    cut.whole = in_records(message, TLS_HELLO_BYTES_MAX);
    cut.first = cut.whole.len;
    outcome = read_cut(&cut);
    assert_int_equal(outcome.e, OK);
    assert_int_equal(outcome.hello.sni.len, TLS_HELLO_NAME_MAX);
    tls_hello_fini(&outcome.hello);
    forget(cut.whole);
    forget(message);
    expect_message_fault(hello_with_long_name(TLS_HELLO_NAME_MAX + 1, 62),
                         TLS_HELLO_FAULT_SNI_NAME);
    expect_message_fault(hello_with_long_name(64, 64), TLS_HELLO_FAULT_SNI_NAME);
}

static void a_list_of_protocols_is_well_formed(void **state)
{
    static const char *const malformed[] = {
        "00 10 00 00",
        "00 10 00 02 00 00",
        "00 10 00 03 00 01 00",
        "00 10 00 04 00 02 02 'h'",
        "00 10 00 05 00 04 02 'h2'",
        "00 10 00 06 00 03 02 'h2' 00",
        "00 10 00 06 00 04 02 'h2' 00",
    };

    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        expect_message_fault(hello_of(malformed[i]), TLS_HELLO_FAULT_ALPN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_written_one_way),
        cmocka_unit_test(an_address_is_no_name),
        cmocka_unit_test(protocols_are_shown_as_text),
        cmocka_unit_test(a_list_of_protocols_has_a_limit),
        cmocka_unit_test(encrypted_names_are_noted),
        cmocka_unit_test(extensions_fill_their_length),
        cmocka_unit_test(what_is_read_comes_once),
        cmocka_unit_test(a_server_name_is_well_formed),
        cmocka_unit_test(a_server_name_is_a_host_name),
        cmocka_unit_test(a_server_name_has_a_limit),
        cmocka_unit_test(a_list_of_protocols_is_well_formed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
