/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A body that is made while it is sent: pieces at their times. Sans-IO.
 */
#pragma once

#include "realm/realm_http.h"

/* All of it is realm_drip.c's own. */
struct realm_drip {
    struct realm_http_drip plan;
    uint64_t count; /* pieces so far */
    msec next;      /* when the next one is due */
    bool has_ended;
};

/** The first piece is due at once. */
void realm_drip_init(struct realm_drip *drip, const struct realm_http_drip *plan, msec now);

/**
 * Appends what is due.
 *
 * Returns OK         something was appended, perhaps the end
 *         ERR_AGAIN  nothing is due before realm_drip_deadline()
 *         ERR_NOMEM, ERR_LIMIT
 */
must_check enum err realm_drip_next(struct realm_drip *drip, msec now, struct buf *out);

/** When the next piece is due. */
msec realm_drip_deadline(const struct realm_drip *drip);

/** Whether all of it was appended. */
bool realm_drip_has_ended(const struct realm_drip *drip);
