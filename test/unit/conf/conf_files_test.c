/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_files.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/conf_files_test.XXXXXX";

static const char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    assert_int_equal(mkdir(path_of("sub"), 0700), 0);
    write_file("a.conf", "Listen 80\n");
    write_file("empty", "");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path_of("a.conf"));
    unlink(path_of("empty"));
    rmdir(path_of("sub"));
    return rmdir(directory);
}

static void a_path_leads_to_a_file_a_directory_or_nowhere(void **state)
{
    struct conf_files files;
    struct conf_source_item item;
    const struct conf_source *source = &files.source;

    (void)state;
    assert_ok(conf_files_init(&files, path_of("a.conf"), NULL));
    assert_string_equal(source->directory, directory);

    assert_ok(source->read(source->ctx, path_of("a.conf"), &item));
    assert_int_equal(item.kind, CONF_SOURCE_FILE);
    assert_bytes(item.text, SPAN("Listen 80\n"));
    source->release(source->ctx, &item);

    assert_ok(source->read(source->ctx, path_of("empty"), &item));
    assert_int_equal(item.kind, CONF_SOURCE_FILE);
    assert_int_equal(item.text.len, 0);
    source->release(source->ctx, &item);

    assert_ok(source->read(source->ctx, path_of("sub"), &item));
    assert_int_equal(item.kind, CONF_SOURCE_DIRECTORY);
    source->release(source->ctx, &item);

    assert_ok(source->read(source->ctx, path_of("none"), &item));
    assert_int_equal(item.kind, CONF_SOURCE_MISSING);
    source->release(source->ctx, &item);

    assert_ok(source->read(source->ctx, path_of("a.conf/x"), &item));
    assert_int_equal(item.kind, CONF_SOURCE_MISSING);
    source->release(source->ctx, &item);
    conf_files_fini(&files);
}

static enum err count_name(void *visitor, struct span name)
{
    unsigned *count = visitor;

    assert_true(span_equals(name, "a.conf") || span_equals(name, "empty") ||
                span_equals(name, "sub"));
    (*count)++;
    return OK;
}

static enum err stop(void *visitor, struct span name)
{
    (void)visitor;
    (void)name;
    return ERR_LIMIT;
}

static void a_directory_is_listed_without_its_dots(void **state)
{
    struct conf_files files;
    const struct conf_source *source = &files.source;
    unsigned count = 0;

    (void)state;
    assert_ok(conf_files_init(&files, path_of("none"), NULL));
    assert_null(source->directory); /* there is no such file: whoever opens it will say so */
    assert_ok(source->list(source->ctx, directory, count_name, &count));
    assert_int_equal(count, 3);
    assert_int_equal(source->list(source->ctx, directory, stop, NULL), ERR_LIMIT);
    assert_int_equal(source->list(source->ctx, path_of("none"), stop, NULL), ERR_IO);
    conf_files_fini(&files);
}

static void the_environment_is_the_process_s(void **state)
{
    struct conf_files files;

    (void)state;
    assert_ok(conf_files_init(&files, "x", NULL));
    assert_int_equal(setenv("CONF_FILES_TEST", "yes", 1), 0);
    assert_string_equal(files.source.env(files.source.ctx, "CONF_FILES_TEST"), "yes");
    assert_null(files.source.env(files.source.ctx, "CONF_FILES_TEST_NOT"));
    conf_files_fini(&files);
}

static void read_with_little_memory(void)
{
    struct conf_files files;
    struct conf_source_item item;
    enum err e = conf_files_init(&files, "/", NULL);

    if (e == OK) {
        assert_string_equal(files.source.directory, "/");
        e = files.source.read(files.source.ctx, path_of("a.conf"), &item);
        if (e == OK) {
            files.source.release(files.source.ctx, &item);
        }
    }
    assert_true(e == OK || (e == ERR_NOMEM && oom_has_struck()));
    conf_files_fini(&files);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(read_with_little_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_leads_to_a_file_a_directory_or_nowhere),
        cmocka_unit_test(a_directory_is_listed_without_its_dots),
        cmocka_unit_test(the_environment_is_the_process_s),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
