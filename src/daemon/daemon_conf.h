/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Directives that every daemon has.
 */
#pragma once

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf_schema.h"
#include "io/addr.h"

enum {
    DAEMON_CONF_ADMIN_LISTENS_MAX = 8,
    DAEMON_CONF_ADMIN_ALLOWS_MAX = 64,
    DAEMON_CONF_ADMIN_NAMES_MAX = 16,
};

struct daemon_conf_listen {
    struct addr addr;
    unsigned line;
};

/* AdminListen and what belongs to it; src/admin acts on it. */
struct daemon_conf_admin {
    struct daemon_conf_listen listens[DAEMON_CONF_ADMIN_LISTENS_MAX];
    size_t listen_count;                                  /* 0: there is no admin listener */
    struct addr_net allows[DAEMON_CONF_ADMIN_ALLOWS_MAX]; /* besides this host */
    size_t allow_count;
    struct span names[DAEMON_CONF_ADMIN_NAMES_MAX]; /* that a Host field may give */
    size_t name_count;
};

/* User or Group: a name, or a number. Empty: none was given. */
struct daemon_conf_who {
    struct span name; /* a zero follows */
    unsigned line;
};

struct daemon_conf {
    uint32_t workers; /* 0 = as many as there are processors */
    enum log_level log_level;
    struct span error_log; /* a path, a zero follows; empty: stderr */
    struct span pid_file;  /* a path, a zero follows; empty: none */
    struct daemon_conf_who user;
    struct daemon_conf_who group;
    msec graceful_timeout; /* 0: drain for ever */
    uint64_t memory_max;   /* bytes; 0: no ceiling */
    struct daemon_conf_admin admin;
};

extern const struct directive daemon_conf_rows[];

/** Checks across rows; says what is wrong in the diag. */
void daemon_conf_check(const struct daemon_conf *conf, const char *file, struct diag *diag);
