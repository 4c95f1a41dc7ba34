/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * An event as a line of JSON, as `wayleave sub --json` writes it and `wayleave pub --json`
 * reads it:
 *
 *     {"channel": "/demo/a", "eid": 7, "headers": {"colour": "red"}, "data": "text"}
 *
 * A body that is not UTF-8 is "base64" instead of "data". Reading takes "headers", "data" or
 * "base64", and "publishId"; other members are passed over, so that one can be piped into the
 * other.
 */
#pragma once

#include "base/buf.h"
#include "pubsub/dict.h"
#include "stomp/stomp_frame.h"

enum {
    SHELL_EVENT_WHY_BYTES = 200
};

/** A MESSAGE as a line, with its end. Errors as buf_append(). */
must_check enum err shell_event_write(const struct stomp_frame *frame, struct buf *out);

struct shell_event {
    const struct dict *headers; /* texts; NULL: none; borrowed from the root, as the rest is */
    struct span body;
    struct span publish_id; /* empty: none */

    /* shell_event.c's own. */
    struct dict *root;
    uint8_t *decoded; /* owned; of base64 */
};

/** Reads a line. ERR_PROTO, ERR_LIMIT: `why` has a sentence. ERR_NOMEM. On OK it is for
 *  shell_event_fini(). */
must_check enum err shell_event_read(struct span line, struct mspan why,
                                     struct shell_event *ret_event);

void shell_event_fini(struct shell_event *event);
