/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Where a store of a kind with threads sits: a realm's loop, on which it hears of its commits.
 */
#pragma once

#include "contract/store_contract.h"
#include "io/mailbox.h"

enum {
    STORE_CONTRACT_SEAT_PATIENCE = 20000 /* ms that no commit and no answer needs */
};

struct store_contract_seat {
    struct loop *loop;       /* owned, as the mailbox; NULL before the first opening */
    struct mailbox *mailbox; /* its letters come on the loop */
};

/** What is not there yet is made: a store that is opened again has the same. */
must_check enum err store_contract_seat_open(struct store_contract_seat *seat);

/** After the store has been closed. */
void store_contract_seat_close(struct store_contract_seat *seat);

/** Turns until a submission of this store was told. */
void store_contract_seat_turn(const struct store_contract_seat *seat,
                              const struct store *store);

/** Changes a byte of this event's record in the LMDB file of a directory. Nothing of LMDB's is
 *  asked: the record is found by its head, as whatever spoils a disk would meet it. */
void store_contract_seat_spoil(const char *dir, uint64_t eid);
