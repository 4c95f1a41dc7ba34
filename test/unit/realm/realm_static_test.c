/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_static.h"

#include "lib/testing.h"

#define BYTES(literal)                                     \
    {                                                      \
        (const uint8_t *)("" literal), sizeof(literal) - 1 \
    }

static const struct realm_asset table[] = {
    {"js/demo/index.html", BYTES("page"), "t"},
    {"js/demo/demo.css", BYTES("style"), "t"},
    {"js/client/dist/w.mjs", BYTES("module"), "t"},
    {"js/client/dist/odd", BYTES("odd"), "t"},
    {NULL, {NULL, 0}, NULL},
};

static void a_path_is_a_file_of_the_table(void **state)
{
    struct realm_static file;

    (void)state;
    assert_true(realm_static_find(table, SPAN("/demo/"), &file));
    assert_bytes(file.bytes, SPAN("page"));
    assert_bytes(file.content_type, SPAN("text/html; charset=utf-8"));
    assert_true(file.is_page);
    assert_true(realm_static_find(table, SPAN("/demo/index.html"), &file));
    assert_true(realm_static_find(table, SPAN("/demo/demo.css"), &file));
    assert_bytes(file.content_type, SPAN("text/css; charset=utf-8"));
    assert_false(file.is_page);
    assert_true(realm_static_find(table, SPAN("/lib/js/w.mjs"), &file));
    assert_bytes(file.content_type, SPAN("text/javascript; charset=utf-8"));
    assert_true(realm_static_find(table, SPAN("/lib/js/odd"), &file));
    assert_bytes(file.content_type, SPAN("application/octet-stream"));
}

static void nothing_else_is_served(void **state)
{
    static const struct span paths[] = {
        BYTES("/"),         BYTES("/demo"),           BYTES("/demo/w.mjs"),
        BYTES("/lib/js/"),  BYTES("/lib/js/../x"),    BYTES("/demo/index.htm"),
        BYTES("/js/demo/"), BYTES("/demo/demo.cssx"), BYTES("/demo//index.html"),
    };
    struct realm_static file;

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_false(realm_static_find(table, paths[i], &file));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_a_file_of_the_table),
        cmocka_unit_test(nothing_else_is_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
