/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What several stores on one store_mem_disk tell each other: the disk plays the server. What a
 * store submits is first sent, and happens on the disk then; and later told, as letters, to the
 * others and to itself. So others may know of it long before it does.
 *
 *     store_submit() ─▶ out ── send ──▶ the disk ──▶ letters ── tell ──▶ done, on_event, ...
 *
 * The disk shows a store what it was told of: events by their EIDs. Removals and keys show
 * early, as the contract allows.
 */
#pragma once

#include "store/store_mem_disk.h"

struct store_mem_share {
    struct store *store;         /* borrowed */
    struct store_mem_disk *disk; /* borrowed */
    struct list node;            /* in disk->sharers */
    struct list out;             /* what was not sent yet; owned, as are the next two */
    struct list letters;         /* what is to be told, the oldest first */
    struct list known;           /* of locks: the last letter about each */
    void (*on_pending)(void *ctx);
    void *ctx; /* borrowed */
};

/** `share` has the store, and what is to be called when there is something to send or to tell
 *  after there was nothing. ERR_NOMEM: it has not joined. */
must_check enum err store_mem_share_join(struct store_mem_share *share,
                                         struct store_mem_disk *disk);

/** What is not sent or told is forgotten; the locks are free. */
void store_mem_share_leave(struct store_mem_share *share);

/** Takes the job on OK. ERR_NOMEM. */
must_check enum err store_mem_share_submit(struct store_mem_share *share,
                                           struct store_job *take_job);

/** All that was not sent happens on the disk; or fails with `fails`, unless that is OK. */
void store_mem_share_send(struct store_mem_share *share, uint64_t bytes_max, enum err fails);

/** The oldest letter. False: there is none. */
bool store_mem_share_tell(struct store_mem_share *share);

/** As store_lock(), store_unlock() and store_lock_state(). */
must_check enum err store_mem_share_lock(struct store_mem_share *share, struct span key,
                                         store_locked *done, void *ctx);
void store_mem_share_unlock(struct store_mem_share *share, struct span key, struct span value);
enum store_lock_state store_mem_share_lock_state(const struct store_mem_share *share,
                                                 struct span key, struct span *ret_value);
