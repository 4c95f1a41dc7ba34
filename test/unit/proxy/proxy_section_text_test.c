/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_section_text.h"

#include "lib/testing.h"

static void a_host_has_one_form(void **state)
{
    static const struct {
        const char *host, *text;
    } rows[] = {
        {"LocalHost", "localhost"},        {"localhost.", "localhost"},
        {"127.0.0.1", "127.0.0.1"},        {"0:0:0:0::1", "[::1]"},
        {"::FFFF:127.0.0.1", "127.0.0.1"}, {"2001:DB8::1", "[2001:db8::1]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t room[128];
        size_t len = proxy_section_text_host(span_str(rows[i].host), room);

        assert_bytes(span_of(room, len), span_str(rows[i].text));
    }
}

static void a_path_has_three_spellings(void **state)
{
    static const struct {
        const char *path, *query, *sent, *resolved, *bare;
    } rows[] = {
        {"", NULL, "/", "/", "/"},
        {"/a/b", "c=d", "/a/b?c=d", "/a/b?c=d", "/a/b?c=d"},
        {"/%61%7e%2f%20", NULL, "/a~%2F%20", "/a~%2F%20", "/a~/%20"},
        {"/a/./b/", NULL, "/a/./b/", "/a/b/", "/a/b/"},
        {"/a/../b", NULL, "/a/../b", "/b", "/b"},
        {"/a/..", NULL, "/a/..", "/", "/"},
        {"/../../a", NULL, "/../../a", "/a", "/a"},
        {"//a///b", NULL, "//a///b", "/a/b", "/a/b"},
        {"/%2e%2E/a", NULL, "/../a", "/a", "/a"},
        {"/a/..;x=/b", NULL, "/a/..;x=/b", "/a/..;x=/b", "/b"},
        {"/a%5c..%5Cb", NULL, "/a%5C..%5Cb", "/a%5C..%5Cb", "/b"},
        {"/a%3b/b", NULL, "/a%3B/b", "/a%3B/b", "/a/b"},
        {"/a%", "%6", "/a%?%6", "/a%?%6", "/a%?%6"},
        {"/a%zz", "", "/a%zz?", "/a%zz?", "/a%zz?"},
        {"/a", "../b%41", "/a?../bA", "/a?../bA", "/a?../bA"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t sent[64], other[64];
        struct span query = span_str(rows[i].query);
        struct span text =
            span_of(sent, proxy_section_text_sent(span_str(rows[i].path), query, sent));

        assert_bytes(text, span_str(rows[i].sent));
        assert_bytes(span_of(other, proxy_section_text_resolved(text, other)),
                     span_str(rows[i].resolved));
        assert_bytes(span_of(other, proxy_section_text_bare(text, other)),
                     span_str(rows[i].bare));
    }
}

static void a_pattern_falls_into_its_parts(void **state)
{
    static const struct {
        const char *pattern, *text;
        size_t path_at;
        bool is_glob, has_scheme, names_host;
    } rows[] = {
        {"HTTP://H.Test/A", "http://h.test/A", 13, false, true, true},
        {"http://10.", "http://10.", 10, false, true, true},
        {"http://h./a", "http://h/a", 8, false, true, true},
        {"*.H.test:*", "*.h.test:*", 10, true, false, false},
        {"H:9000", "h:9000", 6, false, false, true},
        {"h:*", "h:*", 3, true, false, true},
        {"http://[0:0::1]:80/", "http://[::1]:80/", 15, false, true, true},
        {"http://[0:0::1]:*/", "http://\\[::1\\]:*/", 16, true, true, true},
        {"http://h/%61%20", "http://h/a%20", 8, false, true, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct proxy_section_text_pattern parts;
        uint8_t room[128];

        proxy_section_text_pattern(span_str(rows[i].pattern), room, &parts);
        assert_bytes(parts.text, span_str(rows[i].text));
        assert_int_equal(parts.path_at, rows[i].path_at);
        assert_int_equal(parts.is_glob, rows[i].is_glob);
        assert_int_equal(parts.has_scheme, rows[i].has_scheme);
        assert_int_equal(parts.names_host, rows[i].names_host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_has_one_form),
        cmocka_unit_test(a_path_has_three_spellings),
        cmocka_unit_test(a_pattern_falls_into_its_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
