/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A row of /status for a service whose work are tunnels.
 */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "io/addr.h"

enum {
    ADMIN_TUNNEL_TARGET_BYTES = 272, /* a host name and a port */
    ADMIN_TUNNEL_USER_BYTES = 64,
};

/* A live tunnel, as one worker describes it. Text is cut when too long. */
struct admin_tunnel {
    uint64_t id; /* first: see struct admin_source */
    struct addr client;
    struct addr diverted; /* where it was going when it was diverted; zeroed: it was not */
    char user[ADMIN_TUNNEL_USER_BYTES];     /* empty: nobody logged in */
    char target[ADMIN_TUNNEL_TARGET_BYTES]; /* "realm.example:9000" */
    const char *kind;                       /* static: "connect", "websocket", "tls" ... */
    uint64_t up_bytes;                      /* from the client */
    uint64_t down_bytes;
    msec age;
    msec idle; /* since the last byte */
};

/** For struct admin_source: `row` is a struct admin_tunnel. */
must_check enum err admin_tunnel_write(const void *row, struct buf *out);
