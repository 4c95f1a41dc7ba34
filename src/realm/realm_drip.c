/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_drip.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    PLAIN_BYTES = 16 * 1024, /* of one piece */
    LINE_BYTES = 64,
};

void realm_drip_init(struct realm_drip *drip, const struct realm_http_drip *plan, msec now)
{
    *drip = (struct realm_drip){.plan = *plan, .next = now};
}

static enum err put_plain(struct realm_drip *drip, struct buf *out)
{
    size_t len = drip->plan.left < PLAIN_BYTES ? (size_t)drip->plan.left : PLAIN_BYTES;
    struct mspan room;

    TRY(buf_reserve(out, len, &room));
    if (len > 0) {
        memset(room.ptr, 'w', len);
    }
    buf_commit(out, len);
    drip->plan.left -= len;
    drip->has_ended = drip->plan.left == 0;
    return OK;
}

/* RFC 9112 section 7.1. A chunk is one letter, a to z and again from a; or an event of the
 * HTML standard's section 9.2, which says its number. */
static enum err put_chunk(struct realm_drip *drip, struct buf *out)
{
    char line[LINE_BYTES];

    if (drip->plan.left == 0) {
        TRY(buf_append(out, SPAN("0\r\n\r\n")));
        drip->has_ended = true;
        return OK;
    }
    if (drip->plan.form == REALM_HTTP_DRIP_EVENTS) {
        snprintf(line, sizeof line, "data: %" PRIu64 "\n\n", drip->count + 1);
    } else {
        snprintf(line, sizeof line, "%c", (int)('a' + drip->count % 26));
    }
    TRY(buf_printf(out, "%zx\r\n%s\r\n", strlen(line), line));
    drip->plan.left--;
    drip->count++;
    return OK;
}

enum err realm_drip_next(struct realm_drip *drip, msec now, struct buf *out)
{
    if (drip->has_ended || now < realm_drip_deadline(drip)) {
        return ERR_AGAIN;
    }
    if (drip->plan.form == REALM_HTTP_DRIP_PLAIN) {
        return put_plain(drip, out);
    }
    TRY(put_chunk(drip, out));
    drip->next = now + drip->plan.every;
    return OK;
}

msec realm_drip_deadline(const struct realm_drip *drip)
{
    /* The end needs no pause behind the last piece. */
    return drip->has_ended || drip->plan.left == 0 ? 0 : drip->next;
}

bool realm_drip_has_ended(const struct realm_drip *drip)
{
    return drip->has_ended;
}
