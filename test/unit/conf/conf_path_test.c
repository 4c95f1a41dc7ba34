/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_path.h"

#include "lib/testing.h"

static void a_relative_name_begins_in_its_base(void **state)
{
    static const struct {
        const char *base, *word, *path;
    } rows[] = {
        {"/etc/w", "a.conf", "/etc/w/a.conf"},
        {"/etc/w/", "a/b", "/etc/w/a/b"},
        {"/", "a", "/a"},
        {"", "a", "a"},
        {"", "./a/./b//c", "a/b/c"},
        {"w", "../a", "w/../a"},
        {"/etc", "/var/a", "/var/a"},
        {"/etc", "//var///a", "/var/a"},
        {"/etc", "./././a", "/etc/a"},
        {"/etc", "a/.", "/etc/a"},
        {"/etc", "/.", "/"},
        {"/etc", ".hidden/..x", "/etc/.hidden/..x"},
        {"/etc", "", "/etc/"},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena, 10000);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct span path;

        assert_ok(conf_path_join(&arena, rows[i].base, span_str(rows[i].word), &path));
        assert_string_equal((const char *)path.ptr, rows[i].path);
        assert_int_equal(path.len, strlen(rows[i].path));
    }
    arena_fini(&arena);
}

static void a_directory_is_what_stands_before_the_last_slash(void **state)
{
    static const char *const rows[][2] = {
        {"/etc/w/a.conf", "/etc/w"}, {"/a.conf", "/"}, {"a.conf", ""}, {"w/a", "w"}, {"", ""}};
    struct arena arena;

    (void)state;
    arena_init(&arena, 10000);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct span directory;

        assert_ok(conf_path_directory(&arena, span_str(rows[i][0]), &directory));
        assert_string_equal((const char *)directory.ptr, rows[i][1]);
    }
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_relative_name_begins_in_its_base),
        cmocka_unit_test(a_directory_is_what_stands_before_the_last_slash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
