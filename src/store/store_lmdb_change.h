/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What each operation changes in the databases, inside a transaction that somebody else begins
 * and ends. All return 0, or a number of LMDB's or of errno: then the transaction is to be
 * aborted.
 *
 * Many events that go at once are out of sight at once, and are swept a few at a time, so that
 * no purge holds up what others publish.
 */
#pragma once

#include "store/store_lmdb_data.h"
#include "store/store_lmdb_env.h"

/** The writer's transaction. */
struct store_lmdb_change {
    struct store_lmdb_env *env; /* borrowed */
    MDB_txn *txn;               /* owned by the writer, as is the next; NULL: there is none */
    MDB_cursor *events;
    bool has_sweeps; /* there may be something to sweep */
};

/** Does one operation. `now` are the stream's numbers, which follow, if it has a stream; *eid
 * is set where one is given out. */
must_check int store_lmdb_change_do(struct store_lmdb_change *change, const struct store_op *op,
                                    struct store_lmdb_data_numbers *now, uint64_t *eid);

/** Takes away some of what is out of sight. MDB_NOTFOUND: nothing is. */
must_check int store_lmdb_change_sweep(struct store_lmdb_change *change);
