/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_lmdb_env.h"

#include "lib/scratch.h"
#include "lib/testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    BYTES_MAX = 64 * 1024 * 1024
};

struct scene {
    char path[SCRATCH_DIR_BYTES];
    char fault[STORE_LMDB_ENV_FAULT_BYTES];
    struct store_lmdb_env env;
};

static int begin(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);

    assert_non_null(scene);
    scratch_make(scene->path);
    *state = scene;
    return 0;
}

static int end(void **state)
{
    struct scene *scene = *state;

    scratch_remove(scene->path, SCRATCH_STORE);
    free(scene);
    return 0;
}

static enum err open_env(struct scene *scene, const char *path)
{
    enum err e = store_lmdb_env_open(&scene->env, path, BYTES_MAX, NULL, scene->fault);

    if (e != OK) {
        store_lmdb_env_close(&scene->env);
    }
    return e;
}

/* With a sentence that begins with the path. */
static void assert_refused(struct scene *scene, const char *path, const char *rest)
{
    char expected[STORE_LMDB_ENV_FAULT_BYTES];

    assert_int_equal(open_env(scene, path), ERR_CONF);
    (void)snprintf(expected, sizeof expected, "\"%s%s", path, rest);
    assert_string_equal(scene->fault, expected);
}

static void a_directory_that_is_not_there_gets_a_sentence(void **state)
{
    struct scene *scene = *state;
    char path[128];

    assert_refused(scene, scratch_path(scene->path, "missing", path),
                   "\" cannot be used as a store: No such file or directory (make the "
                   "directory, for the user that the realm runs as)");
    assert_refused(scene, "/dev/null", "\" cannot be used as a store: it is no directory");
}

static void a_directory_that_cannot_be_written_gets_a_sentence(void **state)
{
    struct scene *scene = *state;
    bool is_root = geteuid() == 0;

    assert_int_equal(chmod(scene->path, 0555), 0);
    assert_true(!is_root || seteuid(65534) == 0); /* root may write anywhere */
    assert_refused(scene, scene->path,
                   "\" cannot be written: Permission denied (the user that the realm runs "
                   "as must own it)");
    assert_true(!is_root || seteuid(0) == 0);
    assert_int_equal(chmod(scene->path, 0755), 0);
}

static void a_second_process_is_refused_and_told_who_has_it(void **state)
{
    struct scene *scene = *state;
    char expected[STORE_LMDB_ENV_FAULT_BYTES];
    long holder = (long)getpid();
    int status;
    pid_t pid;

    assert_ok(open_env(scene, scene->path));
    (void)snprintf(expected, sizeof expected,
                   "\"%s\" is in use by another process, %ld (each realm needs a store of its "
                   "own)",
                   scene->path, holder);
    pid = fork();
    if (pid == 0) {
        struct store_lmdb_env env;
        char fault[STORE_LMDB_ENV_FAULT_BYTES];
        enum err e = store_lmdb_env_open(&env, scene->path, BYTES_MAX, NULL, fault);

        _exit(e == ERR_CONF && strcmp(fault, expected) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    store_lmdb_env_close(&scene->env);
    assert_ok(open_env(scene, scene->path)); /* the lock went with the one who had it */
    store_lmdb_env_close(&scene->env);
}

static void write_file(const struct scene *scene, const char *file, const char *bytes,
                       size_t len)
{
    char name[SCRATCH_PATH_BYTES];
    int fd = open(scratch_path(scene->path, file, name), O_RDWR | O_CREAT, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static const char not_ours[] =
    "/data.mdb\" is no store of a realm (give the realm an empty directory)";

static void a_file_that_is_no_database_is_refused_and_left_alone(void **state)
{
    struct scene *scene = *state;
    char bytes[8192];
    char name[SCRATCH_PATH_BYTES];
    struct stat status;

    memset(bytes, 'x', sizeof bytes);
    write_file(scene, "data.mdb", bytes, sizeof bytes);
    assert_refused(scene, scene->path, not_ours);
    assert_int_equal(stat(scratch_path(scene->path, "data.mdb", name), &status), 0);
    assert_int_equal(status.st_size, sizeof bytes);
}

static void a_store_that_was_half_made_is_made_again(void **state)
{
    struct scene *scene = *state;
    struct stat status;
    char name[SCRATCH_PATH_BYTES];

    assert_int_equal(mkdir(scratch_path(scene->path, "new", name), 0700), 0);
    write_file(scene, "new/data.mdb", "half", 4);
    write_file(scene, "new/lock.mdb", "", 0);
    assert_ok(open_env(scene, scene->path));
    store_lmdb_env_close(&scene->env);
    assert_int_not_equal(stat(name, &status), 0);
    assert_int_equal(stat(scratch_path(scene->path, "data.mdb", name), &status), 0);
    assert_ok(open_env(scene, scene->path));
    store_lmdb_env_close(&scene->env);
}

/* Puts a value under the mark's key in the database of that name. */
static void change(struct scene *scene, const char *database, void *value, size_t len)
{
    MDB_env *mdb;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val key = {8, "wayleave"};
    MDB_val val = {len, value};

    assert_int_equal(mdb_env_create(&mdb), 0);
    assert_int_equal(mdb_env_set_maxdbs(mdb, 8), 0);
    assert_int_equal(mdb_env_open(mdb, scene->path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(mdb, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, database, MDB_CREATE, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &key, &val, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(mdb);
}

static void somebody_elses_database_is_refused(void **state)
{
    struct scene *scene = *state;

    change(scene, "theirs", "value", 5);
    assert_refused(scene, scene->path, not_ours);
}

static void another_version_and_another_machine_are_refused(void **state)
{
    struct scene *scene = *state;
    uint32_t mark[] = {2, 0x01020304};
    uint32_t strange[] = {1, 0x04030201};

    assert_ok(open_env(scene, scene->path));
    store_lmdb_env_close(&scene->env);
    change(scene, "mark", mark, sizeof mark);
    assert_refused(scene, scene->path,
                   "/data.mdb\" is of version 2, and this program reads version 1");
    change(scene, "mark", strange, sizeof strange);
    assert_refused(scene, scene->path, "/data.mdb\" was written on another kind of machine");
    change(scene, "mark", mark, 4);
    assert_refused(scene, scene->path, not_ours);
}

static void fill(struct scene *scene)
{
    static char value[100 * 1024];
    MDB_val key = {3, "key"};
    MDB_val val = {sizeof value, value};
    MDB_txn *txn;

    assert_ok(open_env(scene, scene->path));
    assert_int_equal(mdb_txn_begin(scene->env.mdb, NULL, 0, &txn), 0);
    assert_int_equal(mdb_put(txn, scene->env.state, &key, &val, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    store_lmdb_env_close(&scene->env);
}

/* What is cut off may be pages that nobody needs, or any others: an error at worst. */
static void a_file_cut_short_anywhere_crashes_nobody(void **state)
{
    struct scene *scene = *state;
    unsigned refused = 0;
    struct stat status;
    char name[SCRATCH_PATH_BYTES];

    fill(scene);
    assert_int_equal(stat(scratch_path(scene->path, "data.mdb", name), &status), 0);
    for (off_t size = status.st_size - 1000; size > 0; size -= 4000) {
        MDB_val key = {3, "key"};
        MDB_val value;
        MDB_txn *txn;

        assert_int_equal(truncate(name, size), 0);
        if (open_env(scene, scene->path) != OK) {
            refused++;
            continue;
        }
        if (store_lmdb_env_read(&scene->env, &txn) == OK) {
            if (mdb_get(txn, scene->env.state, &key, &value) == 0) {
                const volatile uint8_t *bytes = value.mv_data;

                for (size_t i = 0; i < value.mv_size; i++) {
                    (void)bytes[i]; /* past the end of the file this would be SIGBUS */
                }
            }
            store_lmdb_env_read_end(&scene->env);
        }
        store_lmdb_env_close(&scene->env);
    }
    assert_true(refused > 0);
}

static void the_map_grows_to_its_maximum_and_a_removal_gets_more(void **state)
{
    struct scene *scene = *state;
    unsigned times = 0;
    MDB_envinfo info;

    assert_ok(open_env(scene, scene->path));
    while (store_lmdb_env_grow(&scene->env, false)) {
        times++;
    }
    assert_int_equal(times, 2); /* 16, 32, 64 MiB */
    assert_int_equal(mdb_env_info(scene->env.mdb, &info), 0);
    assert_int_equal(info.me_mapsize, BYTES_MAX);
    assert_true(store_lmdb_env_grow(&scene->env, true));
    assert_false(store_lmdb_env_grow(&scene->env, true));
    assert_int_equal(mdb_env_info(scene->env.mdb, &info), 0);
    assert_int_equal(info.me_mapsize, BYTES_MAX + 4 * 1024 * 1024);
    store_lmdb_env_settle(&scene->env);
    assert_int_equal(mdb_env_info(scene->env.mdb, &info), 0);
    assert_int_equal(info.me_mapsize, BYTES_MAX);
    store_lmdb_env_close(&scene->env);
}

int main(void)
{
#define ENV_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        ENV_TEST(a_directory_that_is_not_there_gets_a_sentence),
        ENV_TEST(a_directory_that_cannot_be_written_gets_a_sentence),
        ENV_TEST(a_second_process_is_refused_and_told_who_has_it),
        ENV_TEST(a_file_that_is_no_database_is_refused_and_left_alone),
        ENV_TEST(a_store_that_was_half_made_is_made_again),
        ENV_TEST(somebody_elses_database_is_refused),
        ENV_TEST(another_version_and_another_machine_are_refused),
        ENV_TEST(a_file_cut_short_anywhere_crashes_nobody),
        ENV_TEST(the_map_grows_to_its_maximum_and_a_removal_gets_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
