/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The locks on a disk that several stores share.
 */
#pragma once

#include "store/store_mem_letter.h"
#include "store/store_mem_share.h"

/** NULL: nobody has it, and nothing was left with it. */
struct store_mem_disk_lock *store_mem_lock_find(const struct store_mem_disk *disk,
                                                struct span key);

/** The store asked for it. The others are told on OK. ERR_AGAIN: another has it; ERR_NOMEM. */
must_check enum err store_mem_lock_grant(struct store_mem_share *share,
                                         struct store_mem_letter *ask);

/** Nobody has it any more. Everybody is told but `quiet`, which may be NULL. The lock may be
 * gone then. */
void store_mem_lock_release(struct store_mem_disk_lock *lock, struct span value,
                            const struct store_mem_share *quiet);

/** A store that has just come knows them, and will be told. ERR_NOMEM: some of it has happened.
 */
must_check enum err store_mem_lock_learn(struct store_mem_share *share);

/** All that the store has become free. */
void store_mem_lock_release_all(struct store_mem_share *share,
                                const struct store_mem_share *quiet);

/** The store will not be told of others. */
void store_mem_lock_forget(const struct store_mem_share *share);
