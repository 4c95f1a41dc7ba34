/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_section.h"

#include "lib/oom.h"
#include "lib/testing.h"

static void a_pattern_takes_what_httpds_takes(void **state)
{
    static const struct {
        const char *pattern, *text;
        size_t fold;
        bool takes;
    } rows[] = {
        {"", "", 0, true},
        {"", "a", 0, false},
        {"*", "", 0, true},
        {"*", "a/b/c", 0, true}, /* a star crosses slashes */
        {"a*c", "abbbc", 0, true},
        {"a*c", "abbbd", 0, false},
        {"*a*b*", "xxaxxbxx", 0, true},
        {"*a*b*", "xxbxxaxx", 0, false},
        {"a?c", "abc", 0, true},
        {"a?c", "ac", 0, false},
        {"[a-c]x", "bx", 0, true},
        {"[a-c]x", "dx", 0, false},
        {"[!a-c]x", "dx", 0, true},
        {"[^a-c]x", "bx", 0, false},
        {"[]]x", "]x", 0, true},
        {"[\\]]x", "]x", 0, true},
        {"[a-]x", "-x", 0, true},
        {"[x", "[x", 0, true}, /* never closed: itself */
        {"a\\*c", "a*c", 0, true},
        {"a\\*c", "abc", 0, false},
        {"a\\", "a\\", 0, true},
        {"ABC", "abc", 0, false},
        {"ABC", "abc", 3, true},
        {"ABC", "abc", 2, false},
        {"[A-C]*", "b", 1, true},
        {"*.example.test:*", "www.example.test:443", 20, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (proxy_section_glob(span_str(rows[i].pattern), span_str(rows[i].text),
                               rows[i].fold) != rows[i].takes) {
            fail_msg("row %zu: %s -> %s", i, rows[i].pattern, rows[i].text);
        }
    }
}

static void stars_cost_no_more_than_both_lengths(void **state)
{
    char pattern[201], text[2001];

    (void)state;
    for (size_t i = 0; i < 200; i++) {
        pattern[i] = i % 2 == 0 ? '*' : 'a';
    }
    pattern[199] = 'b';
    pattern[200] = '\0';
    memset(text, 'a', 2000);
    text[2000] = '\0';
    assert_false(proxy_section_glob(span_str(pattern), span_str(text), 0));
}

/* ---- both readings ---- */

struct row {
    const char *pattern;
    const char *scheme, *host;
    uint16_t port;
    const char *path;
    bool generous, narrow;
};

static struct proxy_section_match match_row(const struct row *row, bool is_regex)
{
    const struct proxy_section_url url = {.scheme = span_str(row->scheme),
                                          .host = span_str(row->host),
                                          .port = row->port,
                                          .path = span_str(row->path)};
    char fault[PROXY_SECTION_FAULT_BYTES];
    struct proxy_section_target target;
    struct proxy_section section;
    struct proxy_section_match match;
    struct arena arena;

    arena_init(&arena, 1024 * 1024);
    assert_ok(proxy_section_read(span_str(row->pattern), is_regex, &arena, &section, fault));
    assert_ok(proxy_section_target_init(&target, &url));
    match = proxy_section_matches(&section, &target);
    proxy_section_target_fini(&target);
    arena_fini(&arena);
    return match;
}

static void what_refuses_reads_generously_and_what_admits_narrowly(void **state)
{
    static const struct row rows[] = {
        {"*", "", "h", 80, "", true, true},
        {"proxy:h", "", "h", 80, "", true, true},
        {"h:80", "", "h", 8080, "", true, false},
        {"h:80", "", "h", 80, "", true, true},
        {"h", "", "host", 80, "", true, false},
        {"http://h", "http", "h", 80, "/", true, true},
        {"http://h", "http", "h2", 80, "/", true, false},
        {"http://h:80", "http", "h", 8080, "/", true, false},
        {"http://h:80/", "http", "h", 80, "", true, true},
        {"http://h/a", "http", "h", 80, "/ab", true, true}, /* a prefix within the path stays */
        {"http://h/a", "http", "h", 80, "/b/../a", true, false},
        {"http://h/a", "http", "h", 80, "/a/../b", true, false},
        {"http://h/a", "http", "h", 80, "/b", false, false},
        {"https://h/", "http", "h", 443, "/", false, false},
        {"http://h/", "ws", "h", 80, "/", true, true},
        {"https://h/", "wss", "h", 443, "/", true, true},
        {"ws://h/", "http", "h", 80, "/", false, false},
        {"http://*/a", "http", "h", 80, "/x/a", true, false},
        {"http://[a-h]/*", "http", "h", 80, "/x", true, true},
        {"http://[::1]/*", "http", "::1", 80, "/x", true, true},
        {"http://[::1]/", "http", "0:0::1", 80, "/x", true, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct proxy_section_match match = match_row(&rows[i], false);

        if (match.generous != rows[i].generous || match.narrow != rows[i].narrow) {
            fail_msg("row %zu: %s: %d %d", i, rows[i].pattern, match.generous, match.narrow);
        }
    }
}

static void an_expression_is_sought_anywhere(void **state)
{
    static const struct row rows[] = {
        {"example", "http", "www.example.test", 80, "/", true, true},
        {"^example", "http", "www.example.test", 80, "/", false, false},
        {"^http://[^/]*Example\\.test/", "http", "www.EXAMPLE.test", 80, "/", true, true},
        {"/Private", "http", "h", 80, "/private", false, false},
        {"/private", "http", "h", 80, "/%70rivate", true, true},
        {"/private", "http", "h", 80, "/a/../private", true, true},
        {"^http://h/private", "http", "h", 80, "/a/../private", true, false},
        {":9000$", "", "h", 9000, "", true, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct proxy_section_match match = match_row(&rows[i], true);

        if (match.generous != rows[i].generous || match.narrow != rows[i].narrow) {
            fail_msg("row %zu: %s: %d %d", i, rows[i].pattern, match.generous, match.narrow);
        }
    }
}

static void an_expression_that_cannot_be_is_explained(void **state)
{
    char fault[PROXY_SECTION_FAULT_BYTES] = "";
    struct proxy_section section;
    struct arena arena;

    (void)state;
    arena_init(&arena, 1024 * 1024);
    assert_int_equal(proxy_section_read(SPAN("(a"), true, &arena, &section, fault), ERR_CONF);
    assert_non_null(strstr(fault, "parenthesis"));
    assert_int_equal(proxy_section_read(SPAN(""), false, &arena, &section, fault), ERR_CONF);
    assert_non_null(strstr(fault, "names nothing"));
    arena_fini(&arena);
}

static void read_and_match(void)
{
    const struct proxy_section_url url = {
        .scheme = SPAN("ws"), .host = SPAN("h"), .port = 80, .path = SPAN("/a/../b;c")};
    char fault[PROXY_SECTION_FAULT_BYTES];
    struct proxy_section_target target;
    struct proxy_section section;
    struct arena arena;

    arena_init(&arena, 1024 * 1024);
    if (proxy_section_read(SPAN("http://h/(b|c)"), true, &arena, &section, fault) == OK &&
        proxy_section_target_init(&target, &url) == OK) {
        struct proxy_section_match match = proxy_section_matches(&section, &target);

        assert_true(match.generous || match.is_unknown);
        proxy_section_target_fini(&target);
    }
    arena_fini(&arena);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(read_and_match);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_takes_what_httpds_takes),
        cmocka_unit_test(stars_cost_no_more_than_both_lengths),
        cmocka_unit_test(what_refuses_reads_generously_and_what_admits_narrowly),
        cmocka_unit_test(an_expression_is_sought_anywhere),
        cmocka_unit_test(an_expression_that_cannot_be_is_explained),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
