/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_logformat_time.h"

#include "unit/proxy/logformat_sample.h"

static void the_time_is_the_requests_and_local(void **state)
{
    struct proxy_accesslog_entry entry = sample_entry();

    (void)state;
    sample_set_zone("CET-1");
    assert_line("%t", &entry, "[22/Nov/2026:16:42:09 +0100]");
    sample_set_zone("UTC");
    assert_line("%t", &entry, "[22/Nov/2026:15:42:09 +0000]");
}

static void the_operator_may_choose_the_form(void **state)
{
    struct proxy_accesslog_entry entry = sample_entry();

    (void)state;
    sample_set_zone("UTC");
    assert_line("%{%Y-%m-%dT%H:%M:%S}t", &entry, "2026-11-22T15:42:09");
    assert_line("%{end:%H:%M:%S}t %{begin:%H:%M:%S}t", &entry, "15:43:11 15:42:09");
    assert_line("%{sec}t %{msec}t %{usec}t", &entry,
                "1795362129 1795362129889 1795362129889000");
    assert_line("%{msec_frac}t %{end:usec_frac}t", &entry, "889 123000");
}

static void a_form_that_gives_nothing_is_a_dash(void **state)
{
    struct proxy_accesslog_entry entry = sample_entry();

    (void)state;
    assert_line("%{begin:}t", &entry, "-");
    assert_line("%{%n}t", &entry, "\\n");
    assert_line("%{%c%c%c%c%c%c%c%c%c%c%c%c%c%c%c%c%c%c%c%c%c}t", &entry, "-"); /* too long */
}

static void a_form_has_a_length(void **state)
{
    char form[200];

    (void)state;
    memset(form, 'a', sizeof form);
    assert_true(proxy_logformat_time_is_format(span_of(form, 96)));
    assert_false(proxy_logformat_time_is_format(span_of(form, 97)));
    assert_false(proxy_logformat_time_is_format(SPAN("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_is_the_requests_and_local),
        cmocka_unit_test(the_operator_may_choose_the_form),
        cmocka_unit_test(a_form_that_gives_nothing_is_a_dash),
        cmocka_unit_test(a_form_has_a_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
