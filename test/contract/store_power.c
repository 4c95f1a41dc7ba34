/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The power goes: what was written and not yet synced may be on the disk or not, page by page,
 * in any order, or in part. LMDB's writes are recorded here while a store_lmdb works; then the
 * file is put together as it might be after a cut at any of them, and must have everything that
 * was told until then, once and in order, with EIDs that do not go back.
 *
 * What a write with O_DSYNC brought is there when it returns; what others brought, after the
 * next fdatasync. Sectors of 512 bytes are written whole.
 */
#include "lib/scratch.h"
#include "lib/testing.h"

#include "store/store_lmdb.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    SUBMISSIONS = 300,
    CUTS = 400,
    STEPS_MAX = 100 * 1000,
    IMAGE_MAX = 32 * 1024 * 1024,
    SECTOR = 512,
    PATIENCE = 20000, /* ms that no commit needs */
};

/* One thing that happened to the file, in order. */
struct step {
    enum {
        STEP_WRITTEN,
        STEP_WRITTEN_SYNCED, /* O_DSYNC */
        STEP_SYNCED,
        STEP_TOLD,
    } kind;
    off_t at;
    size_t len;
    uint8_t *bytes; /* owned */
    uint64_t eid;   /* STEP_TOLD */
    uint64_t first; /* the oldest event that is kept by then */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the steps */
static struct step steps[STEPS_MAX];
static size_t step_count;
static atomic_bool is_recording;
static ino_t recorded; /* the file's inode */

static void record(struct step step)
{
    pthread_mutex_lock(&lock);
    if (step_count >= STEPS_MAX) {
        abort();
    }
    steps[step_count++] = step;
    pthread_mutex_unlock(&lock);
}

static bool is_the_file(int fd)
{
    struct stat status;

    return is_recording && fstat(fd, &status) == 0 && status.st_ino == recorded;
}

static void record_write(int fd, const void *bytes, size_t len, off_t at)
{
    struct step step = {
        .kind = (fcntl(fd, F_GETFL) & O_DSYNC) != 0 ? STEP_WRITTEN_SYNCED : STEP_WRITTEN,
        .at = at,
        .len = len,
        .bytes = malloc(len),
    };

    if (step.bytes == NULL) {
        abort();
    }
    memcpy(step.bytes, bytes, len);
    record(step);
}

__attribute__((visibility("default"))) ssize_t pwrite(int fd, const void *bytes, size_t len,
                                                      off_t at)
{
    static ssize_t (*real)(int, const void *, size_t, off_t);
    ssize_t written;

    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "pwrite");
    }
    written = real(fd, bytes, len, at);
    if (written == (ssize_t)len && is_the_file(fd)) {
        record_write(fd, bytes, len, at);
    }
    return written;
}

__attribute__((visibility("default"))) ssize_t writev(int fd, const struct iovec *parts,
                                                      int count)
{
    static ssize_t (*real)(int, const struct iovec *, int);
    bool is_ours = is_the_file(fd);
    off_t at = is_ours ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t written;

    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "writev");
    }
    written = real(fd, parts, count);
    for (int i = 0; is_ours && i < count; i++) {
        record_write(fd, parts[i].iov_base, parts[i].iov_len, at);
        at += (off_t)parts[i].iov_len;
    }
    return written;
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    static int (*real)(int);

    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    }
    if (is_the_file(fd)) {
        record((struct step){.kind = STEP_SYNCED});
    }
    return real(fd);
}

/* ---- the store ---- */

struct scene {
    char path[SCRATCH_DIR_BYTES];
    struct loop *loop;
    struct mailbox *mailbox;
    struct rng rng;
    struct store *store;
    struct store_stream *stream;
};

static enum err open_store(struct scene *scene, char fault[STORE_LMDB_FAULT_BYTES])
{
    const struct store_lmdb_conf conf = {.path = scene->path,
                                         .bytes_max = IMAGE_MAX,
                                         .streams_max = 1,
                                         .pending_bytes_max = 8 * 1024 * 1024,
                                         .mailbox = scene->mailbox,
                                         .rng = &scene->rng};

    TRY(store_lmdb_open(&conf, &scene->store, fault));
    return store_open_stream(scene->store, SPAN("/fx"), STORE_KEEP_ALL, &scene->stream);
}

static void begin(struct scene *scene)
{
    *scene = (struct scene){.rng = rng_seeded(1)};
    scratch_make(scene->path);
    assert_ok(loop_new(&scene->loop));
    assert_ok(mailbox_new(&scene->mailbox, scene->loop));
}

static void end(struct scene *scene)
{
    mailbox_free(scene->mailbox);
    loop_free(scene->loop);
    scratch_remove(scene->path, SCRATCH_STORE);
}

/* The body is made of the EID that it is going to have. */
static size_t fill_body(uint64_t eid, uint8_t *room)
{
    size_t len = 8 + eid * 37 % 3000;

    memset(room, (int)(eid % 251), len);
    memcpy(room, &eid, sizeof eid);
    return len;
}

struct sent {
    uint64_t eid;
    uint64_t first; /* what it trims to */
    unsigned *told;
};

static void on_told(void *ctx, enum err e, const uint64_t *eids)
{
    struct sent *sent = ctx;

    assert_int_equal(e, OK);
    assert_int_equal(eids[0], sent->eid);
    record((struct step){.kind = STEP_TOLD, .eid = sent->eid, .first = sent->first});
    ++*sent->told;
}

static void send_one(struct scene *scene, struct sent *sent)
{
    static uint8_t body[4096];
    const struct event_parts parts = {.body = span_of(body, fill_body(sent->eid, body))};
    struct store_op ops[] = {
        {.type = STORE_APPEND, .stream = scene->stream},
        {.type = STORE_TRIM, .stream = scene->stream, .eid = sent->first},
    };

    assert_ok(event_new(0, &parts, &ops[0].event));
    assert_ok(store_submit(scene->store, ops, 2, on_told, sent));
    event_unref(ops[0].event);
}

/* In windows of one to seven, so that commits are of all sizes; the newest hundred stay. */
static void work(struct scene *scene)
{
    static struct sent sents[SUBMISSIONS];
    struct rng dice = rng_seeded(3);
    unsigned told = 0;
    unsigned sent = 0;

    while (told < SUBMISSIONS) {
        unsigned window = 1 + rng_u32(&dice) % 7;

        for (; sent < SUBMISSIONS && sent < told + window; sent++) {
            sents[sent] = (struct sent){sent + 1, sent < 100 ? 1 : sent - 99, &told};
            send_one(scene, &sents[sent]);
        }
        assert_ok(loop_turn(scene->loop, PATIENCE));
    }
}

/* ---- after the cut ---- */

static uint8_t image[IMAGE_MAX];
static size_t image_len;

static void put(off_t at, const uint8_t *bytes, size_t len)
{
    assert_true((size_t)at + len <= IMAGE_MAX);
    memcpy(image + at, bytes, len);
    image_len = (size_t)at + len > image_len ? (size_t)at + len : image_len;
}

static void put_perhaps(const struct step *step, struct rng *dice)
{
    uint32_t luck = rng_u32(dice) % 3;

    for (size_t at = 0; at < step->len; at += SECTOR) {
        size_t len = step->len - at < SECTOR ? step->len - at : SECTOR;

        if (luck == 0 || (luck == 1 && rng_u32(dice) % 2 == 0)) {
            put(step->at + (off_t)at, step->bytes + at, len);
        }
    }
}

/* The file as it may be when the power goes behind the first `count` steps. */
static void make_image(const uint8_t *start, size_t start_len, size_t count, struct rng *dice)
{
    size_t synced = 0;

    for (size_t i = 0; i < count; i++) {
        synced = steps[i].kind == STEP_SYNCED ? i : synced;
    }
    image_len = 0;
    put(0, start, start_len);
    for (size_t i = 0; i < count; i++) {
        const struct step *step = &steps[i];

        if (step->kind == STEP_WRITTEN_SYNCED || (step->kind == STEP_WRITTEN && i < synced)) {
            put(step->at, step->bytes, step->len);
        } else if (step->kind == STEP_WRITTEN) {
            put_perhaps(step, dice);
        }
    }
}

static bool check_event(void *ctx, const struct event *event)
{
    uint64_t *last = ctx;
    uint8_t body[4096];

    assert_true(*last == 0 || event->eid == *last + 1);
    assert_bytes(event_body(event), span_of(body, fill_body(event->eid, body)));
    *last = event->eid;
    return true;
}

static void check_image(struct scene *after, size_t count)
{
    char fault[STORE_LMDB_FAULT_BYTES] = "";
    struct step told = {.eid = 0};
    uint64_t last = 0;
    uint64_t next = 0;
    char name[SCRATCH_PATH_BYTES];
    int fd;

    for (size_t i = 0; i < count; i++) {
        told = steps[i].kind == STEP_TOLD ? steps[i] : told;
    }
    scratch_clear(after->path, SCRATCH_STORE);
    fd = open(scratch_path(after->path, "data.mdb", name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, image, image_len), (ssize_t)image_len);
    close(fd);
    if (open_store(after, fault) != OK) {
        fail_msg("behind step %zu: %s", count, fault);
    }
    do {
        assert_ok(store_read(after->stream, next, check_event, &last, &next));
    } while (next < after->stream->next_eid);
    assert_int_equal(after->store->corrupt_count, 0);
    assert_true(last >= told.eid); /* the newest that was told, and all before it that stay */
    assert_true(after->stream->next_eid > told.eid);
    assert_true(told.eid == 0 || after->stream->first_eid <= (last < 101 ? 1 : last - 99));
    assert_int_equal(after->stream->count, last == 0 ? 0 : last - after->stream->first_eid + 1);
    store_close(after->store);
}

static size_t read_start(const struct scene *scene, uint8_t *room, size_t room_len)
{
    struct stat status;
    char name[SCRATCH_PATH_BYTES];
    int fd = open(scratch_path(scene->path, "data.mdb", name), O_RDONLY);
    ssize_t len = read(fd, room, room_len);

    assert_true(len > 0 && (size_t)len < room_len);
    assert_int_equal(fstat(fd, &status), 0);
    recorded = status.st_ino;
    close(fd);
    return (size_t)len;
}

static void everything_that_was_told_survives_a_power_cut_at_any_write(void **state)
{
    static uint8_t start[1024 * 1024];
    struct rng dice = rng_seeded(11);
    char fault[STORE_LMDB_FAULT_BYTES];
    struct scene before, after;
    size_t start_len;

    (void)state;
    begin(&before);
    begin(&after);
    assert_ok(open_store(&before, fault)); /* made and synced */
    start_len = read_start(&before, start, sizeof start);
    is_recording = true;
    work(&before);
    is_recording = false;
    store_close(before.store);
    end(&before);

    assert_true(step_count > 4 * 50);
    for (int i = 0; i < CUTS; i++) {
        size_t count = rng_u32(&dice) % (step_count + 1);

        make_image(start, start_len, count, &dice);
        check_image(&after, count);
    }
    end(&after);
    for (size_t i = 0; i < step_count; i++) {
        free(steps[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_that_was_told_survives_a_power_cut_at_any_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
