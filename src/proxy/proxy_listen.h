/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The addresses that a Listen or TransparentListen line names.
 */
#pragma once

#include "conf/conf_schema.h"
#include "io/addr.h"

enum {
    PROXY_LISTEN_MAX = 64, /* of one directive */
};

struct proxy_listen {
    struct addr addr;
    unsigned line;
    bool is_optional; /* the IPv6 half of "Listen 80": a host without IPv6 goes without */
    bool is_tproxy;   /* TransparentListen: the kernel's TPROXY brings what comes; false:
                         REDIRECT,   or nothing to do with it */
};

struct proxy_listen_list {
    struct proxy_listen *ptr; /* in the arena */
    size_t count;
};

/**
 * Adds what a line's first word says: "80" (every address of both families), "127.0.0.1:80",
 * "[::1]:80" or "*:80". `name` is the directive's. Faults go to the diag. ERR_NOMEM, ERR_LIMIT:
 * the arena's.
 */
must_check enum err proxy_listen_read(struct proxy_listen_list *list, const char *name,
                                      bool is_tproxy, const struct conf_node *node,
                                      const struct conf_apply *apply);

/** The entry for that very address and port, which is not 0; or NULL. */
const struct proxy_listen *proxy_listen_find(const struct proxy_listen_list *list,
                                             const struct addr *addr);
