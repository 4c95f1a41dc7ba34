/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_unknown.h"

#include "lib/oom.h"
#include "lib/testing.h"

enum {
    IN_SERVER = 1u << 0,
    IN_PROXY = 1u << 1,
    IN_ALL = 1u << 2,
    IN_ANY = 1u << 3,
    IN_LOST = 1u << 4,
};

static const struct directive group_rows[] = {
    {.name = "Require", .type = CONF_CUSTOM, .where = IN_PROXY | IN_ALL | IN_ANY},
    {.name = "RequireAll",
     .type = CONF_SECTION,
     .where = IN_PROXY | IN_ALL | IN_ANY,
     .opens = IN_ALL,
     .inner = group_rows}, /* holds itself */
    {.name = "RequireAny",
     .type = CONF_SECTION,
     .where = IN_PROXY | IN_ALL | IN_ANY,
     .opens = IN_ANY,
     .inner = group_rows},
    {.name = NULL},
};

static const struct directive proxy_rows[] = {
    {.name = "Order", .type = CONF_CUSTOM, .where = IN_PROXY},
    {.name = "RequireAll",
     .type = CONF_SECTION,
     .where = IN_PROXY,
     .opens = IN_ALL,
     .inner = group_rows},
    {.name = NULL},
};

static const struct directive server_rows[] = {
    {.name = "Listen", .type = CONF_CUSTOM, .where = IN_SERVER},
    {.name = "ProxyRequests", .type = CONF_SWITCH, .where = IN_SERVER},
    {.name = "Both", .type = CONF_SWITCH, .where = IN_SERVER | IN_ALL},
    {.name = "Lost", .type = CONF_SWITCH, .where = IN_LOST},
    {.name = "Proxy",
     .type = CONF_SECTION,
     .where = IN_SERVER,
     .opens = IN_PROXY,
     .inner = proxy_rows},
    {.name = "ProxyMatch",
     .type = CONF_SECTION,
     .where = IN_SERVER,
     .opens = IN_PROXY,
     .inner = proxy_rows},
    {.name = NULL},
};

static void check(const char *name, bool is_section, const struct conf_node *parent,
                  const char *expected)
{
    const struct conf_table server = {.rows = server_rows};
    const struct conf_table section = {.rows = proxy_rows};
    struct conf_node node = {.name = span_str(name),
                             .is_section = is_section,
                             .file = "f",
                             .line = 7,
                             .parent = (struct conf_node *)(uintptr_t)parent};
    struct diag diag;
    const struct conf_apply outer = {
        .tables = &server, .table_count = 1, .place = IN_SERVER, .diag = &diag};
    const struct conf_apply inner = {.tables = &section,
                                     .table_count = 1,
                                     .place = IN_PROXY,
                                     .diag = &diag,
                                     .outer = &outer};

    diag_init(&diag);
    conf_unknown_name(parent == NULL ? &outer : &inner, &node);
    assert_int_equal(diag_count(&diag, DIAG_ERROR), 1);
    assert_string_equal(diag_next(&diag, NULL)->text, expected);
    diag_fini(&diag);
}

static const struct conf_node proxy_node = {.name = {(const uint8_t *)"proxy", 5},
                                            .is_section = true};

static void a_slip_of_the_pen_is_answered_with_the_right_name(void **state)
{
    (void)state;
    check("ProxyRequest", false, NULL,
          "unknown directive \"ProxyRequest\" (did you mean ProxyRequests?)");
    check("Lisetn", false, NULL, "unknown directive \"Lisetn\" (did you mean Listen?)");
    check("ODER", false, &proxy_node, "unknown directive \"ODER\" (did you mean Order?)");
    check("lsten", false, &proxy_node, "unknown directive \"lsten\" (did you mean Listen?)");
    check("Prxy", true, NULL, "unknown section <Prxy> (did you mean <Proxy>?)");
    check("Requir", false, NULL, "unknown directive \"Requir\" (did you mean Require?)");
}

static void a_name_like_no_other_gets_no_suggestion(void **state)
{
    (void)state;
    check("KeepAlive", false, NULL,
          "unknown directive \"KeepAlive\" (no name is like it; the manual has a list of "
          "directives)");
    check("x", false, NULL,
          "unknown directive \"x\" (no name is like it; the manual has a list of directives)");
    check("VirtualHost", true, NULL,
          "unknown section <VirtualHost> (no name is like it; the manual has a list of "
          "directives)");
    check(
        "ProxyRequestsProxyRequestsProxyRequestsProxyRequestsProxyRequestsProxyRequestsProxy",
        false, NULL,
        "unknown directive \"ProxyRequestsProxyRequestsProxyRequestsProxyRequestsProxyRequests"
        "ProxyRequestsPr\" (no name is like it; the manual has a list of directives)");
}

static void a_known_name_in_the_wrong_place_is_told_where_it_belongs(void **state)
{
    (void)state;
    check("proxyrequests", false, &proxy_node,
          "ProxyRequests may not stand inside <proxy> (put it outside of every section)");
    check("Proxy", true, &proxy_node,
          "<Proxy> may not stand inside <proxy> (put it outside of every section)");
    check("RequireAny", true, &proxy_node,
          "<RequireAny> may not stand inside <proxy> (put it inside <RequireAll> or "
          "<RequireAny>)");
    check("Both", false, &proxy_node,
          "Both may not stand inside <proxy> (put it outside of every section, or inside "
          "<RequireAll>)");
    check("Lost", false, &proxy_node, "Lost may not stand inside <proxy>");
    check("Order", false, NULL, "Order may stand only inside <Proxy> or <ProxyMatch>");
    check("Require", false, NULL,
          "Require may stand only inside <Proxy>, <RequireAll>, <RequireAny> or <ProxyMatch>");
    check("RequireAny", true, NULL,
          "<RequireAny> may stand only inside <Proxy>, <RequireAll>, <RequireAny> or "
          "<ProxyMatch>");
    check("Lost", false, NULL, "Lost may stand only inside certain sections");
}

static void a_section_and_a_directive_are_not_the_same(void **state)
{
    (void)state;
    check("Proxy", false, NULL,
          "Proxy is a section (write <Proxy ...>, its content, and </Proxy>)");
    check("Listen", true, NULL,
          "Listen is a directive, not a section (write it without < and >)");
}

static void report_with_little_memory(void)
{
    const struct conf_table server = {.rows = server_rows};
    const struct conf_node node = {.name = SPAN("Lisetn"), .file = "f", .line = 1};
    struct diag diag;
    const struct conf_apply apply = {.tables = &server, .table_count = 1, .diag = &diag};

    diag_init(&diag);
    conf_unknown_name(&apply, &node);
    assert_int_equal(diag_count(&diag, DIAG_ERROR), 1);
    diag_fini(&diag);
}

static void without_memory_the_error_still_counts(void **state)
{
    (void)state;
    every_oom(report_with_little_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_of_the_pen_is_answered_with_the_right_name),
        cmocka_unit_test(a_name_like_no_other_gets_no_suggestion),
        cmocka_unit_test(a_known_name_in_the_wrong_place_is_told_where_it_belongs),
        cmocka_unit_test(a_section_and_a_directive_are_not_the_same),
        cmocka_unit_test(without_memory_the_error_still_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
