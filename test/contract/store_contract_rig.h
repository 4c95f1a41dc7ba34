/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the tests of the contract say in one line: submit and wait, read and remember.
 */
#pragma once

#include "contract/store_contract.h"

enum {
    STORE_CONTRACT_RIG_EIDS = 64 /* of one submission, and of one reading, that are kept */
};

/** What came of a submission. */
struct store_contract_rig_told {
    unsigned times;
    enum err e;
    uint64_t eids[STORE_CONTRACT_RIG_EIDS];
    size_t count; /* operations; set by whoever submits */
};

/** What a reading showed. */
struct store_contract_rig_seen {
    size_t count;
    uint64_t eids[STORE_CONTRACT_RIG_EIDS]; /* the first of them */
    uint64_t last;                          /* EID; they must increase */
    size_t enough;                          /* 0: never */
    uint64_t next;
};

/** The kind whose turn it is. */
extern const struct store_contract_kind *store_contract_rig_kind;

/** cmocka's set-up and tear-down: *state is a rig with an open store. */
int store_contract_rig_begin(void **state);
int store_contract_rig_end(void **state);

void store_contract_rig_restart(struct store_contract_rig *rig);

struct store_stream *store_contract_rig_stream(struct store_contract_rig *rig,
                                               const char *name);

/** With the body given; the reference is the caller's. */
struct event *store_contract_rig_event(struct span body);

/** For store_submit(): `ctx` is a struct store_contract_rig_told. */
void store_contract_rig_on_done(void *ctx, enum err e, const uint64_t *eids);

/** Must be accepted; waits until it is told. */
struct store_contract_rig_told store_contract_rig_do(struct store_contract_rig *rig,
                                                     const struct store_op *ops, size_t count);

/** One operation that must succeed: an append of this body; its EID. */
uint64_t store_contract_rig_append(struct store_contract_rig *rig, struct store_stream *stream,
                                   const char *body);

/** One operation on a stream that must succeed. */
void store_contract_rig_change(struct store_contract_rig *rig, enum store_op_type type,
                               struct store_stream *stream, uint64_t eid);

/** One operation on a key that must succeed. */
void store_contract_rig_put(struct store_contract_rig *rig, const char *key, const char *value);

/** Until there is nothing more, or `enough` were seen. */
struct store_contract_rig_seen store_contract_rig_read(struct store_stream *stream,
                                                       uint64_t from, size_t enough);

/** Fails unless exactly these EIDs are there. */
void store_contract_rig_assert_eids(struct store_stream *stream, const uint64_t *eids,
                                    size_t count);

/** Fails unless the key has this value; NULL: it is not there. */
void store_contract_rig_assert_value(struct store_contract_rig *rig, const char *key,
                                     const char *value);

/** The tests in store_contract_limits.c. */
int store_contract_rig_run_limits(void);
