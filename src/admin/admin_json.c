/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "admin/admin_json.h"

#include "base/json.h"

#include <time.h>

enum {
    TIME_BYTES = 32
};

enum err admin_json_time(struct buf *out, int64_t seconds)
{
    char text[TIME_BYTES];
    time_t when = (time_t)seconds;
    struct tm parts;

    if (seconds == 0 || gmtime_r(&when, &parts) == NULL) {
        return buf_printf(out, "null");
    }
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return json_put_string(out, span_str(text));
}
