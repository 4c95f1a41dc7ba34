/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the admin listener tells of a realm besides its counters: sessions, page by page, and
 * the first channels by name. Three functions for struct admin_source.
 */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "io/addr.h"

struct realm_worker;

/* A live session. */
struct realm_status_session {
    uint64_t id; /* first: see struct admin_source */
    struct addr client;
    const char *kind;    /* static: "stomp", "echo" */
    const char *carrier; /* static: "ws deflate" */
    bool is_tls;
    size_t subscriptions;
    uint64_t events_in; /* from the client */
    uint64_t events_out;
    uint64_t in_bytes;
    uint64_t out_bytes;
    size_t waiting_bytes; /* of answers that it has not read */
    msec age;
};

/** Sessions with an id above `after`, lowest ids first. Returns how many were written. */
size_t realm_status_list(const struct realm_worker *worker, uint64_t after,
                         struct realm_status_session *room, size_t room_count);

/** `row` is a struct realm_status_session. */
must_check enum err realm_status_write(const void *row, struct buf *out);

/** "channels": how many there are, and the first by name. Errors as buf_append(). */
must_check enum err realm_status_channels(struct realm_worker *worker, struct buf *out);
