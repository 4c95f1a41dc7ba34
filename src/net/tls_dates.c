/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "net/tls_dates.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum {
    DAY_SECONDS = 24 * 60 * 60,
    SHORT_BYTES = 40,
};

int64_t tls_dates_days(int64_t one, int64_t other)
{
    return (one < other ? other - one : one - other) / DAY_SECONDS;
}

static const char *date_text(int64_t when, char room[SHORT_BYTES])
{
    const time_t seconds = (time_t)when;
    struct tm parts = {.tm_mday = 1};

    (void)gmtime_r(&seconds, &parts); /* ASN.1 ends at the year 9999: it cannot fail */
    (void)strftime(room, SHORT_BYTES, "%Y-%m-%d", &parts);
    return room;
}

static const char *days_text(int64_t days, char room[SHORT_BYTES])
{
    if (days == 0) {
        return "less than a day";
    }
    snprintf(room, SHORT_BYTES, "%" PRId64 " day%s", days, days == 1 ? "" : "s");
    return room;
}

const char *tls_dates_fault(const struct tls_dates *dates, int64_t now,
                            char room[TLS_DATES_TEXT_BYTES])
{
    char date[SHORT_BYTES], days[SHORT_BYTES];

    if (now < dates->not_before) {
        snprintf(room, TLS_DATES_TEXT_BYTES,
                 "is not valid before %s, in %s (set this machine's clock if it is wrong; else "
                 "use another one and reload)",
                 date_text(dates->not_before, date),
                 days_text(tls_dates_days(now, dates->not_before), days));
    } else if (now > dates->not_after) {
        snprintf(room, TLS_DATES_TEXT_BYTES, "expired on %s, %s ago (renew it and reload)",
                 date_text(dates->not_after, date),
                 days_text(tls_dates_days(now, dates->not_after), days));
    } else if (dates->not_after - now <= (int64_t)TLS_DATES_SOON_DAYS * DAY_SECONDS) {
        snprintf(room, TLS_DATES_TEXT_BYTES, "expires on %s, in %s (renew it and reload)",
                 date_text(dates->not_after, date),
                 days_text(tls_dates_days(now, dates->not_after), days));
    } else {
        return NULL;
    }
    return room;
}
