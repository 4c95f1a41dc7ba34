/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * An event on the disk: a head, then the very bytes that stand behind struct event, so that
 * what is read can be sent from where it lies.
 *
 *       0  CRC-32C of all that follows
 *       4  version, 1
 *       5  flags: 1 = headers and body are UTF-8
 *       6  zero
 *       8  EID
 *      16  published, in ms since 1970
 *      24  not to be delivered from then on, the same; UINT64_MAX: for ever
 *      32  bytes of the publish id
 *      36  bytes of the headers
 *      40  bytes of the body
 *      44  zero
 *      48  the publish id, the headers, the body
 *
 * The lengths are compared with the record's before anything else is looked at: a damaged page
 * of LMDB's may say that it is longer, and what is behind it may be no memory of ours.
 *
 * Numbers are in the machine's own order, as are those inside LMDB's files and those between
 * the headers: a store is not carried to another kind of machine. Any alignment.
 */
#pragma once

#include "base/log.h"
#include "pubsub/store.h"

enum {
    STORE_RECORD_VERSION = 1,
    STORE_RECORD_HEAD_BYTES = 48,
};

/* clang-format off */
/*    name                     what is wrong                                  */
#define STORE_RECORD_FAULTS(X)                                                  \
    X(STORE_RECORD_GOOD,       "nothing")                                       \
    X(STORE_RECORD_LENGTH,     "its length is wrong")                           \
    X(STORE_RECORD_CHECKSUM,   "its checksum is wrong")                         \
    X(STORE_RECORD_UNKNOWN,    "its version or its flags are not known here")   \
    X(STORE_RECORD_PLACE,      "it stands in another event's place")            \
    X(STORE_RECORD_PARTS,      "its parts are longer than it is")
/* clang-format on */

#define X(name, text) name,
enum store_record_fault {
    STORE_RECORD_FAULTS(X)
};
#undef X

/** Bytes of the record of an event. */
static inline size_t store_record_bytes(const struct event *event)
{
    return STORE_RECORD_HEAD_BYTES + event_len(event);
}

/** Writes store_record_bytes(event) bytes. The event's own EID is not looked at. */
void store_record_write(const struct event *event, uint64_t eid, uint8_t *room);

/** The event with borrowed bytes, those of the record. Any bytes at all may be read. */
enum store_record_fault store_record_read(struct span record, uint64_t eid,
                                          struct event *ret_event);

/** "its checksum is wrong". Static storage. */
const char *store_record_fault_text(enum store_record_fault fault);

/** Counts an event that cannot be read, and says so; after some of one stream it only counts.
 */
void store_record_report(const struct log *log, struct store_stream *stream, uint64_t eid,
                         enum store_record_fault fault);
