/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What is read, on the loop's thread, from where it lies in the map. Each call is a transaction
 * of its own, so that pages that are given back are not held up for long.
 */
#pragma once

#include "store/store_lmdb_data.h"
#include "store/store_lmdb_env.h"

/** As store_read(). */
must_check enum err store_lmdb_read_events(struct store_lmdb_env *env,
                                           struct store_stream *stream, uint64_t id,
                                           uint64_t from, store_visit *visit, void *ctx,
                                           uint64_t *ret_next);

/** As store_get(). */
must_check enum err store_lmdb_read_key(struct store_lmdb_env *env, struct span key,
                                        struct buf *value, bool *ret_found);

/** As store_list(). */
must_check enum err store_lmdb_read_keys(struct store_lmdb_env *env, struct span prefix,
                                         store_visit_key *visit, void *ctx);

/** The numbers of a stream, if there is one of that name. ERR_IO also when they are wrong. */
must_check enum err store_lmdb_read_numbers(struct store_lmdb_env *env, struct span name,
                                            struct store_lmdb_data_numbers *ret_numbers,
                                            bool *ret_found);

/** Over the ids of all streams. */
must_check enum err store_lmdb_read_next_id(struct store_lmdb_env *env, uint64_t *ret_id);
