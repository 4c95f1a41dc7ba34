/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What store_lmdb has beyond the contract: a disk that fills up or fails, a map that grows, and
 * what is synced before anybody is told. pwrite and fdatasync are ours here, for LMDB as well.
 */
#include "store/store_lmdb.h"

#include "lib/scratch.h"
#include "lib/testing.h"

#include "base/log.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATIENCE = 20000, /* ms that no commit needs */
    MEGABYTE = 1024 * 1024,
    PAGE_BYTES = 4096,
};

struct scene {
    char path[SCRATCH_DIR_BYTES];
    struct loop *loop;
    struct mailbox *mailbox;
    struct rng rng;
    struct log log;
    char said[4096];
    struct store *store;
    struct store_stream *stream;
};

/* ---- the disk ---- */

static atomic_uint syncs;
static atomic_bool sync_fails;
static atomic_bool root_fails; /* what LMDB writes last: the page that names the others */

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    static int (*real)(int);

    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    }
    if (sync_fails) {
        errno = EIO;
        return -1;
    }
    syncs++;
    return real(fd);
}

__attribute__((visibility("default"))) ssize_t pwrite(int fd, const void *bytes, size_t len,
                                                      off_t at)
{
    static ssize_t (*real)(int, const void *, size_t, off_t);

    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "pwrite");
    }
    if (root_fails && len < PAGE_BYTES && at < 2 * PAGE_BYTES) {
        errno = EIO;
        return -1;
    }
    return real(fd, bytes, len, at);
}

/* ---- the store ---- */

static void remember_line(void *ctx, enum log_level level, const char *line)
{
    struct scene *scene = ctx;
    size_t used = strlen(scene->said);

    (void)level;
    (void)snprintf(scene->said + used, sizeof scene->said - used, "%s\n", line);
}

static void open_store(struct scene *scene, uint64_t bytes_max)
{
    const struct store_lmdb_conf conf = {
        .path = scene->path,
        .bytes_max = bytes_max,
        .streams_max = 4,
        .pending_bytes_max = 64 * MEGABYTE,
        .mailbox = scene->mailbox,
        .log = &scene->log,
        .rng = &scene->rng,
    };
    char fault[STORE_LMDB_FAULT_BYTES];

    assert_ok(store_lmdb_open(&conf, &scene->store, fault));
    assert_ok(store_open_stream(scene->store, SPAN("/fx"), STORE_KEEP_ALL, &scene->stream));
}

static int begin(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);

    assert_non_null(scene);
    scratch_make(scene->path);
    scene->rng = rng_seeded(1);
    scene->log = (struct log){.sink = remember_line, .sink_ctx = scene, .level = LOG_INFO};
    assert_ok(loop_new(&scene->loop));
    assert_ok(mailbox_new(&scene->mailbox, scene->loop));
    open_store(scene, 256 * MEGABYTE);
    *state = scene;
    return 0;
}

static int end(void **state)
{
    struct scene *scene = *state;

    store_close(scene->store);
    mailbox_free(scene->mailbox);
    loop_free(scene->loop);
    scratch_remove(scene->path, SCRATCH_STORE);
    free(scene);
    return 0;
}

struct outcome {
    bool is_told;
    enum err e;
    unsigned syncs; /* by then */
};

static void on_done(void *ctx, enum err e, const uint64_t *eids)
{
    struct outcome *outcome = ctx;

    (void)eids;
    *outcome = (struct outcome){.is_told = true, .e = e, .syncs = syncs};
}

static void wait_for(struct scene *scene, const struct outcome *outcome)
{
    while (!outcome->is_told) {
        msec before = loop_now(scene->loop);

        assert_ok(loop_turn(scene->loop, PATIENCE));
        assert_true(loop_now(scene->loop) - before < PATIENCE);
    }
}

static void submit_event(struct scene *scene, size_t body_bytes, struct outcome *outcome)
{
    uint8_t *body = calloc(1, body_bytes);
    const struct event_parts parts = {.body = span_of(body, body_bytes)};
    struct store_op op = {.type = STORE_APPEND, .stream = scene->stream};

    assert_non_null(body);
    memset(body, 'a' + (int)(body_bytes % 26), body_bytes);
    assert_ok(event_new(0, &parts, &op.event));
    assert_ok(store_submit(scene->store, &op, 1, on_done, outcome));
    event_unref(op.event);
    free(body);
}

static enum err append(struct scene *scene, size_t body_bytes)
{
    struct outcome outcome = {0};

    submit_event(scene, body_bytes, &outcome);
    wait_for(scene, &outcome);
    return outcome.e;
}

static enum err purge(struct scene *scene)
{
    const struct store_op op = {.type = STORE_PURGE, .stream = scene->stream};
    struct outcome outcome = {0};

    assert_ok(store_submit(scene->store, &op, 1, on_done, &outcome));
    wait_for(scene, &outcome);
    return outcome.e;
}

static bool count_event(void *ctx, const struct event *event)
{
    (void)event;
    ++*(size_t *)ctx;
    return true;
}

static size_t count_events(struct scene *scene)
{
    size_t count = 0;
    uint64_t next = 0;

    do {
        assert_ok(store_read(scene->stream, next, count_event, &count, &next));
    } while (next < scene->stream->next_eid);
    return count;
}

static uint64_t file_bytes(const struct scene *scene)
{
    struct stat status;
    char name[SCRATCH_PATH_BYTES];

    assert_int_equal(stat(scratch_path(scene->path, "data.mdb", name), &status), 0);
    return (uint64_t)status.st_size;
}

/* ---- tests ---- */

static void the_disk_has_synced_before_anybody_is_told(void **state)
{
    struct scene *scene = *state;

    for (int i = 0; i < 10; i++) {
        struct outcome outcome = {0};
        unsigned before = syncs;

        submit_event(scene, 100, &outcome);
        wait_for(scene, &outcome);
        assert_ok(outcome.e);
        assert_true(outcome.syncs > before);
    }
}

static void many_that_are_pending_share_a_sync(void **state)
{
    struct scene *scene = *state;
    struct outcome outcomes[500] = {{0}};
    unsigned before = syncs;

    for (size_t i = 0; i < 500; i++) {
        submit_event(scene, 100, &outcomes[i]);
    }
    wait_for(scene, &outcomes[499]);
    assert_int_equal(count_events(scene), 500);
    assert_true(syncs - before < 500);
}

static void a_sync_that_fails_is_an_error_and_stores_nothing(void **state)
{
    struct scene *scene = *state;
    char line[128];

    assert_ok(append(scene, 100));
    sync_fails = true;
    assert_int_equal(append(scene, 200), ERR_IO);
    assert_int_equal(append(scene, 300), ERR_IO);
    sync_fails = false;
    (void)snprintf(line, sizeof line, "store: cannot write to %s: Input/output error\n",
                   scene->path);
    assert_string_equal(scene->said, line); /* once */
    assert_int_equal(count_events(scene), 1);
    assert_ok(append(scene, 400));
    assert_int_equal(count_events(scene), 2);
    assert_int_equal(scene->stream->next_eid, 3);
    sync_fails = true;
    assert_int_equal(append(scene, 500), ERR_IO);
    sync_fails = false;
    assert_string_equal(scene->said + strlen(line), line); /* and again after it went well */
}

static void a_root_that_cannot_be_written_is_survived(void **state)
{
    struct scene *scene = *state;

    assert_ok(append(scene, 100));
    root_fails = true;
    assert_int_equal(append(scene, 200), ERR_IO);
    root_fails = false;
    assert_ok(append(scene, 300));
    assert_non_null(strstr(scene->said, "was opened again after a fault\n"));
    assert_int_equal(count_events(scene), 2);
    assert_int_equal(scene->stream->next_eid, 3);
}

static void a_full_disk_refuses_and_loses_nothing(void **state)
{
    struct scene *scene = *state;
    struct rlimit limit;
    struct rlimit small;

    assert_ok(append(scene, 100));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){file_bytes(scene) + 200 * 1024, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(append(scene, MEGABYTE), ERR_LIMIT);
    assert_int_equal(append(scene, MEGABYTE + 1), ERR_LIMIT);
    assert_non_null(strstr(scene->said, " is full (its disk): what is published there is "
                                        "refused until events are consumed"));
    assert_int_equal(count_events(scene), 1);
    assert_ok(append(scene, 10)); /* there is room for this one */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_ok(append(scene, MEGABYTE));
    assert_non_null(strstr(scene->said, " has room again\n"));
    assert_int_equal(count_events(scene), 3);
    assert_int_equal(scene->stream->next_eid, 4);
}

static void only_those_that_do_not_fit_are_refused(void **state)
{
    struct scene *scene = *state;
    struct outcome outcomes[3] = {{0}};

    store_close(scene->store);
    open_store(scene, MEGABYTE);
    submit_event(scene, 100, &outcomes[0]);
    submit_event(scene, 2 * MEGABYTE, &outcomes[1]);
    submit_event(scene, 101, &outcomes[2]);
    wait_for(scene, &outcomes[2]);
    assert_ok(outcomes[0].e);
    assert_int_equal(outcomes[1].e, ERR_LIMIT);
    assert_ok(outcomes[2].e);
    assert_non_null(strstr(scene->said, " is full (StoreSize): "));
    assert_int_equal(count_events(scene), 2);
}

struct look {
    struct scene *scene;
    struct outcome outcomes[30];
    size_t count;
};

/* While this one looks, more is written than the map has room for. */
static bool look_long(void *ctx, const struct event *event)
{
    struct look *look = ctx;
    struct span body = event_body(event);

    for (size_t i = 0; look->count == 0 && i < 30; i++) {
        submit_event(look->scene, MEGABYTE, &look->outcomes[i]);
    }
    for (size_t i = 0; i < 1000; i++) {
        for (size_t at = 0; at < body.len; at++) {
            assert_int_equal(body.ptr[at], body.ptr[0]);
        }
    }
    look->count++;
    return true;
}

static void the_map_grows_while_somebody_reads(void **state)
{
    struct scene *scene = *state;
    struct look look = {.scene = scene};
    uint64_t next;

    for (size_t i = 0; i < 5; i++) {
        assert_ok(append(scene, 1000 + i));
    }
    assert_ok(store_read(scene->stream, 0, look_long, &look, &next));
    assert_int_equal(look.count, 5);
    wait_for(scene, &look.outcomes[29]);
    for (size_t i = 0; i < 30; i++) {
        assert_ok(look.outcomes[i].e);
    }
    assert_int_equal(count_events(scene), 35);
    assert_true(file_bytes(scene) > 30 * MEGABYTE);
}

static void what_is_purged_is_used_again(void **state)
{
    struct scene *scene = *state;
    uint64_t largest = 0;

    for (int round = 0; round < 8; round++) {
        struct outcome outcomes[3000] = {{0}};

        for (size_t i = 0; i < 3000; i++) {
            submit_event(scene, 1000, &outcomes[i]);
        }
        wait_for(scene, &outcomes[2999]);
        assert_int_equal(count_events(scene), 3000);
        assert_ok(purge(scene));
        assert_int_equal(count_events(scene), 0);
        if (round == 2) {
            largest = file_bytes(scene);
        }
    }
    /* 3 MB a round: without sweeping there would be five more of them. */
    assert_true(file_bytes(scene) < largest + 8 * MEGABYTE);
}

/* The numbers of "/fx" stand behind its name. */
static void spoil_numbers(const struct scene *scene)
{
    static const uint8_t wanted[] = {'/', 'f', 'x', 0, 0, 0, 0, 0, 0, 0, 1};
    static uint8_t file[MEGABYTE];
    unsigned found = 0;
    char name[SCRATCH_PATH_BYTES];
    ssize_t len;
    int fd;

    fd = open(scratch_path(scene->path, "data.mdb", name), O_RDWR);
    len = pread(fd, file, sizeof file, 0);
    for (ssize_t at = 0; at + 60 < len; at++) {
        if (memcmp(file + at, wanted, sizeof wanted) == 0) {
            file[at + 3 + 31] ^= 1; /* the last byte of the next EID */
            found++;
        }
    }
    assert_true(found > 0);
    assert_int_equal(pwrite(fd, file, (size_t)len, 0), len);
    close(fd);
}

static void a_stream_that_might_give_out_eids_twice_is_not_opened(void **state)
{
    struct scene *scene = *state;
    struct store_stream *stream;
    const struct store_lmdb_conf conf = {
        .path = scene->path,
        .bytes_max = MEGABYTE,
        .streams_max = 4,
        .pending_bytes_max = MEGABYTE,
        .mailbox = scene->mailbox,
        .log = &scene->log,
        .rng = &scene->rng,
    };
    char fault[STORE_LMDB_FAULT_BYTES];

    assert_ok(append(scene, 100));
    store_close(scene->store);
    spoil_numbers(scene);
    assert_ok(store_lmdb_open(&conf, &scene->store, fault));
    assert_int_equal(store_open_stream(scene->store, SPAN("/fx"), STORE_KEEP_ALL, &stream),
                     ERR_IO);
    assert_non_null(strstr(scene->said, "store: the numbers of /fx in "));
    assert_non_null(strstr(scene->said, scene->path));
    assert_ok(store_open_stream(scene->store, SPAN("/other"), STORE_KEEP_ALL, &scene->stream));
    assert_ok(append(scene, 100)); /* the others go on */
    assert_int_equal(count_events(scene), 1);
}

static void a_limit_below_what_is_stored_only_refuses_more(void **state)
{
    struct scene *scene = *state;

    for (size_t i = 0; i < 4; i++) {
        assert_ok(append(scene, MEGABYTE));
    }
    store_close(scene->store);
    open_store(scene, 2 * MEGABYTE);
    assert_int_equal(count_events(scene), 4);
    assert_int_equal(append(scene, MEGABYTE), ERR_LIMIT);
    assert_ok(purge(scene));
    assert_ok(append(scene, MEGABYTE / 2));
    assert_int_equal(count_events(scene), 1);
    assert_int_equal(scene->stream->next_eid, 6);
}

int main(void)
{
#define LMDB_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        LMDB_TEST(the_disk_has_synced_before_anybody_is_told),
        LMDB_TEST(many_that_are_pending_share_a_sync),
        LMDB_TEST(a_sync_that_fails_is_an_error_and_stores_nothing),
        LMDB_TEST(a_root_that_cannot_be_written_is_survived),
        LMDB_TEST(a_full_disk_refuses_and_loses_nothing),
        LMDB_TEST(only_those_that_do_not_fit_are_refused),
        LMDB_TEST(the_map_grows_while_somebody_reads),
        LMDB_TEST(what_is_purged_is_used_again),
        LMDB_TEST(a_stream_that_might_give_out_eids_twice_is_not_opened),
        LMDB_TEST(a_limit_below_what_is_stored_only_refuses_more),
    };

    (void)signal(SIGXFSZ, SIG_IGN); /* a file over RLIMIT_FSIZE is an error, not the end */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
