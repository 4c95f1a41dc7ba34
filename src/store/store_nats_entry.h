/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What stands in the log that realms share: one entry for each submission, in one message or in
 * several parts. Sans-IO: bytes in, bytes out.
 *
 *       0  "WLlg" as a number: reads otherwise where bytes have the other order
 *       4  CRC-32C of all that follows
 *       8  author: the realm's number, made anew in each of its lives
 *      16  number of this message among its author's
 *      24  number of its author's message before it: see store_nats_state.h
 *      32  round: how often its author has begun to send again
 *      36  version, 1
 *      37  flags: 1 = the first part of an entry, 2 = the last
 *      38  zero
 *      40  operations, or a part of them
 *
 * An operation is a head, a name or a key, and a value or a record (store_record.h, with EID 0:
 * nobody knows it before the log has its order):
 *
 *       0  type
 *       1  flags: 1 = of a stream that keeps nothing, 2 = a copy of what an earlier operation
 *          appends: that is the number-th from 1 (store_op's copy_of)
 *       2  bytes of the name
 *       4  bytes of the value
 *       8  an EID, or another number
 *      16  the name, the value
 *
 * Numbers are in the machine's own order. Any alignment.
 */
#pragma once

#include "base/buf.h"
#include "pubsub/store.h"

enum {
    STORE_NATS_ENTRY_VERSION = 1,
    STORE_NATS_ENTRY_HEAD_BYTES = 40,
    STORE_NATS_ENTRY_OP_BYTES = 16,
    STORE_NATS_ENTRY_BYTES_MAX = 512 * 1024 * 1024, /* of the operations of one entry */
};

enum {
    STORE_NATS_ENTRY_FIRST = 1u << 0,
    STORE_NATS_ENTRY_LAST = 1u << 1,
};

/** Behind those of enum store_op_type, which are stored as they are, and which may stand in one
 *  entry together. Each of these stands alone. */
enum store_nats_entry_type {
    STORE_NATS_ENTRY_JOIN = 32, /* number: who its author was before; 0: nobody */
    STORE_NATS_ENTRY_BEAT,      /* it lives, and has applied the log up to `number` */
    STORE_NATS_ENTRY_LEAVE,     /* number: the author that has ended; anybody may say it */
    STORE_NATS_ENTRY_LOCK,      /* name: the key */
    STORE_NATS_ENTRY_UNLOCK,    /* name, value: what it leaves */
    STORE_NATS_ENTRY_SNAPSHOT,  /* all up to `number` is in the snapshots, too */
};

struct store_nats_entry_op {
    uint8_t type;
    bool keeps_none;
    bool is_copy; /* of STORE_APPEND in the log */
    uint64_t number;
    struct span name;  /* borrowed, as is the next */
    struct span value; /* of STORE_APPEND a record */
};

struct store_nats_entry_head {
    uint64_t author;
    uint64_t number;
    uint64_t previous;
    uint32_t round;
    unsigned flags;
};

/** Appends one operation. ERR_LIMIT and ERR_NOMEM of the buffer. */
must_check enum err store_nats_entry_add(struct buf *body,
                                         const struct store_nats_entry_op *op);

/** The same for STORE_APPEND, whose value is the event's record. Its number is the EID in a
 *  snapshot; in the log 0, or what it is a copy of. */
must_check enum err store_nats_entry_add_event(struct buf *body,
                                               const struct store_nats_entry_op *op,
                                               const struct event *event);

/** Writes STORE_NATS_ENTRY_HEAD_BYTES and the part into `room`. */
void store_nats_entry_write(const struct store_nats_entry_head *head, struct span part,
                            uint8_t *room);

/** False: no message of ours. Otherwise *ret_part is what stands behind the head. */
bool store_nats_entry_read(struct span message, struct store_nats_entry_head *ret_head,
                           struct span *ret_part);

/** The operation at the front of *body, which is moved behind it. False at the end, and when
 *  the bytes are no operation: then *body is not empty. */
bool store_nats_entry_next(struct span *body, struct store_nats_entry_op *ret_op);
