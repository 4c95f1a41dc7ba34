/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_mirror.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum {
    DRIVE_WAIT = 1000, /* ms */
    PATH_BYTES = 4096 + 16,
    STREAMS_MAX = 16 * 1024 * 1024,
    SPARE_BYTES = 64 * 1024 * 1024, /* of the file: keys, and pages that are half full */
};

static enum err open_in_memory(struct store_nats_mirror *mirror)
{
    const struct store_mem_conf conf = {
        .bytes_max = UINT64_MAX, /* the log says what is stored */
        .streams_max = STREAMS_MAX,
        .pending_bytes_max = SIZE_MAX,
        .log = mirror->conf.log,
        .rng = mirror->conf.rng,
    };

    TRY(store_mem_disk_new(&mirror->disk));
    return store_mem_open(&conf, mirror->disk, &mirror->store);
}

static enum err open_on_disk(struct store_nats_mirror *mirror, struct loop *loop, char *fault)
{
    struct store_lmdb_conf conf = {
        .path = mirror->conf.path,
        .bytes_max = 2 * mirror->conf.bytes_max + SPARE_BYTES,
        .streams_max = STREAMS_MAX,
        .pending_bytes_max = SIZE_MAX, /* store_nats_apply has its own maximum */
        .log = mirror->conf.log,
        .rng = mirror->conf.rng,
    };

    TRY(mailbox_new(&mirror->mailbox, loop));
    conf.mailbox = mirror->mailbox;
    return store_lmdb_open(&conf, &mirror->store, fault);
}

static bool has_data(const char *path)
{
    char name[PATH_BYTES];

    (void)snprintf(name, sizeof name, "%s/data.mdb", path);
    return access(name, F_OK) == 0;
}

enum err store_nats_mirror_open(struct store_nats_mirror *mirror,
                                const struct store_nats_mirror_conf *conf,
                                char fault[STORE_LMDB_FAULT_BYTES])
{
    *mirror = (struct store_nats_mirror){.conf = *conf};
    (void)snprintf(fault, STORE_LMDB_FAULT_BYTES, "out of memory");
    if (conf->path == NULL) {
        return open_in_memory(mirror);
    }
    mirror->had_data = has_data(conf->path);
    TRY(loop_new(&mirror->inner));
    return open_on_disk(mirror, mirror->inner, fault);
}

static void close_store(struct store_nats_mirror *mirror)
{
    store_close(mirror->store);
    mailbox_free(mirror->mailbox);
    store_mem_disk_free(mirror->disk);
    mirror->store = NULL;
    mirror->mailbox = NULL;
    mirror->disk = NULL;
}

enum err store_nats_mirror_clear(struct store_nats_mirror *mirror,
                                 char fault[STORE_LMDB_FAULT_BYTES])
{
    const struct store_nats_mirror_conf conf = mirror->conf;
    char name[PATH_BYTES];

    store_nats_mirror_close(mirror);
    if (conf.path != NULL) {
        (void)snprintf(name, sizeof name, "%s/data.mdb", conf.path);
        if (unlink(name) != 0 && errno != ENOENT) {
            (void)snprintf(fault, STORE_LMDB_FAULT_BYTES,
                           "data.mdb in StorePath cannot be removed: %s", strerror(errno));
            return ERR_CONF;
        }
    }
    return store_nats_mirror_open(mirror, &conf, fault);
}

enum err store_nats_mirror_hand_over(struct store_nats_mirror *mirror,
                                     char fault[STORE_LMDB_FAULT_BYTES])
{
    if (!store_nats_mirror_is_on_disk(mirror)) {
        return OK;
    }
    close_store(mirror);
    loop_free(mirror->inner);
    mirror->inner = NULL;
    return open_on_disk(mirror, mirror->conf.loop, fault);
}

void store_nats_mirror_drive(struct store_nats_mirror *mirror)
{
    if (mirror->inner != NULL && loop_turn(mirror->inner, DRIVE_WAIT) != OK) {
        log_error(mirror->conf.log, "store: the mirror's loop has failed: %s", strerror(errno));
    }
}

void store_nats_mirror_run(struct store_nats_mirror *mirror)
{
    if (!store_nats_mirror_is_on_disk(mirror)) {
        store_mem_run(mirror->store, SIZE_MAX);
    }
}

static void on_spoilt(void *ctx, enum err e, const uint64_t *eids)
{
    (void)ctx, (void)e, (void)eids;
}

void store_nats_mirror_spoil(struct store_nats_mirror *mirror, struct span place_key)
{
    static const uint8_t nowhere[3 * sizeof(uint64_t)];
    const struct store_op op = {
        .type = STORE_PUT, .key = place_key, .value = span_of(nowhere, sizeof nowhere)};

    if (store_submit(mirror->store, &op, 1, on_spoilt, NULL) != OK) {
        log_error(mirror->conf.log, "store: remove what is in StorePath before the next start");
    }
}

void store_nats_mirror_close(struct store_nats_mirror *mirror)
{
    close_store(mirror);
    loop_free(mirror->inner);
    mirror->inner = NULL;
}
