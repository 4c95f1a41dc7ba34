/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "admin/admin_tunnel.h"

#include "admin/admin_json.h"
#include "base/json.h"

#include <inttypes.h>

enum err admin_tunnel_write(const void *row, struct buf *out)
{
    const struct admin_tunnel *tunnel = row;
    char client[ADDR_TEXT_BYTES];
    char diverted[ADDR_TEXT_BYTES];

    TRY(buf_printf(out, ", \"client\": "));
    TRY(json_put_string(out, span_str(addr_text(&tunnel->client, client))));
    TRY(buf_printf(out, ", \"user\": "));
    if (tunnel->user[0] == '\0') {
        TRY(buf_printf(out, "null"));
    } else {
        TRY(json_put_string(out, span_str(tunnel->user)));
    }
    TRY(buf_printf(out, ", \"target\": "));
    TRY(json_put_string(out, span_str(tunnel->target)));
    if (tunnel->diverted.sa.any.sa_family != AF_UNSPEC) {
        TRY(buf_printf(out, ", \"diverted\": "));
        TRY(json_put_string(out, span_str(addr_text(&tunnel->diverted, diverted))));
    }
    TRY(buf_printf(out, ", \"class\": "));
    TRY(json_put_string(out, span_str(tunnel->kind)));
    return buf_printf(out,
                      ", \"upBytes\": %" PRIu64 ", \"downBytes\": %" PRIu64
                      ", \"ageMs\": %" PRIu64 ", \"idleMs\": %" PRIu64,
                      tunnel->up_bytes, tunnel->down_bytes, tunnel->age, tunnel->idle);
}
