/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The realm's log lines about its clients, in one place so that they can be read as a list.
 */
#pragma once

#include "base/log.h"
#include "io/addr.h"
#include "realm/realm_http.h"
#include "realm/realm_session.h"

/** Whom a line is about. */
struct realm_log_client {
    const struct log *log;
    const struct addr *peer;
    uint64_t id;
    bool is_tls;
    struct span user; /* empty: nobody has logged in */
};

void realm_log_began(const struct realm_log_client *client,
                     const struct realm_http_verdict *verdict);

/** A request that did not become a session. A foreign page is a warning that names the line to
 *  add; other refusals are for information; files are for debugging. */
void realm_log_answered(const struct realm_log_client *client,
                        const struct realm_http_verdict *verdict);

/** Events were left out for a slow reader. Only the 1st, 2nd, 4th, 8th ... time of a session.
 */
void realm_log_skipped(const struct realm_log_client *client,
                       const struct realm_session_skip *skip);

/** What there is to count at the end. */
struct realm_log_totals {
    msec took;
    uint64_t in_bytes;
    uint64_t out_bytes;
};

/** After realm_session_fini(). */
void realm_log_ended(const struct realm_log_client *client, const struct realm_session *session,
                     const struct realm_log_totals *totals);
