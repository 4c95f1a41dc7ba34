/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_logformat_items.h"

#include "unit/proxy/logformat_sample.h"

#include <stdio.h>
#include <unistd.h>

static void who_asked_and_where(void **state)
{
    struct proxy_accesslog_entry entry = sample_entry();

    (void)state;
    assert_line("%a %{c}a %A %h %l %u", &entry,
                "127.0.0.1 127.0.0.1 10.0.0.1 127.0.0.1 - anna");
    assert_line("%p %{canonical}p %{local}p %{remote}p", &entry, "8080 8080 8080 40000");
    assert_line("%v %V %k %X %{x}n", &entry, "proxy.test proxy.test 3 - -");
    entry.client_name = SPAN("pc.example");
    entry.user = SPAN("");
    entry.keeps_alive = true;
    assert_line("%h %a %u %X", &entry, "pc.example 127.0.0.1 - +");
}

static void what_was_asked_is_cut_into_words(void **state)
{
    struct proxy_accesslog_entry entry = sample_entry();

    (void)state;
    assert_line("%r|%m|%U|%q|%H", &entry,
                "CONNECT realm:9000?q=1 HTTP/1.1|CONNECT|realm:9000|?q=1|HTTP/1.1");
    entry.request = SPAN("GET");
    assert_line("%r|%m|%U|%q|%H", &entry, "GET|GET|-||-");
    entry.request = SPAN("");
    assert_line("%r|%m|%U|%q|%H", &entry, "-|-|-||-");
    entry.request = SPAN("GET /a HTTP/1.1");
    assert_line("%U%q", &entry, "/a");
}

static void bytes_and_times(void **state)
{
    struct proxy_accesslog_entry entry = sample_entry();

    (void)state;
    assert_line("%s %b %B %I %O %S", &entry, "200 4410 4410 912 4450 5362");
    assert_line("%D %T %{s}T %{ms}T %{us}T", &entry, "61234000 61 61 61234 61234000");
    entry.down_bytes = 0;
    assert_line("%b %B", &entry, "- 0");
    entry.body_bytes = 5;
    entry.body_in_bytes = 7;
    assert_line("%b %I %O", &entry, "5 919 45");
}

static void fields_of_both_heads(void **state)
{
    struct proxy_accesslog_entry entry = sample_entry();

    (void)state;
    assert_line("%{host}i|%{X-Empty}i|%{X-None}i|%{via}o|%{Date}o", &entry,
                "realm:9000||-|1.1 proxy|-");
}

static void what_a_peer_sent_cannot_break_the_line(void **state)
{
    struct proxy_accesslog_entry entry = sample_entry();
    const struct http1_field field = {SPAN_INIT("A"), SPAN_INIT("x\r\n\x1b[2J\xff\" \\")};

    (void)state;
    entry.request_fields = (struct http1_fields){&field, 1};
    entry.user = SPAN("a\nb");
    assert_line("%{A}i %u", &entry, "x\\r\\n\\x1b[2J\\xff\\\" \\\\ a\\nb");
}

static void the_process_is_named(void **state)
{
    struct proxy_accesslog_entry entry = sample_entry();
    char expected[32];

    (void)state;
    snprintf(expected, sizeof expected, "%ld\n", (long)getpid());
    assert_string_equal(sample_line("%P", &entry), expected);
    assert_string_equal(sample_line("%{pid}P", &entry), expected);
}

static bool is_known(const char *text)
{
    static struct proxy_logformat format;
    char fault[PROXY_LOGFORMAT_FAULT_BYTES];

    return proxy_logformat_compile(span_str(text), &format, fault) == OK;
}

static void what_cannot_be_logged_is_refused(void **state)
{
    (void)state;
    assert_false(is_known("%f"));
    assert_false(is_known("%{a}C"));
    assert_false(is_known("%i"));
    assert_false(is_known("%{}i"));
    assert_false(is_known("%{h}T"));
    assert_false(is_known("%{tid}P"));
    assert_false(is_known("%{a}h"));
    assert_false(is_known("%x"));
    assert_false(is_known("%^ti"));
    assert_true(is_known("%{}u")); /* nothing in braces is nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asked_and_where),
        cmocka_unit_test(what_was_asked_is_cut_into_words),
        cmocka_unit_test(bytes_and_times),
        cmocka_unit_test(fields_of_both_heads),
        cmocka_unit_test(what_a_peer_sent_cannot_break_the_line),
        cmocka_unit_test(the_process_is_named),
        cmocka_unit_test(what_cannot_be_logged_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
