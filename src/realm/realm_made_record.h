/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the store keeps of a channel or queue that was made: under "made", a zero and its name,
 * {"kind":"channel","by":"alice@::1","at":1700000000000,"attributes":{...}}.
 */
#pragma once

#include "pubsub/router.h"
#include "realm/realm_acl.h"

struct realm_made_record {
    enum router_kind kind;
    uint64_t at;                   /* ms since 1970 */
    char by[REALM_ACL_TEXT_BYTES]; /* who asked for it; printable */
    struct buf attributes;         /* what was asked, as JSON in its shortest form; owned */
};

/** All keys begin with it. */
extern const struct span realm_made_record_prefix;

struct span realm_made_record_key(struct span name, uint8_t room[STORE_KEY_MAX]);
struct span realm_made_record_name(struct span key);

/** Errors as buf_append(). */
must_check enum err realm_made_record_write(const struct realm_made_record *record,
                                            struct buf *out);

/** ERR_PROTO: it is none; ERR_NOMEM. */
must_check enum err realm_made_record_read(struct span value,
                                           struct realm_made_record *ret_record);
