/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/daemon_clock.h"

#include <stdio.h>
#include <time.h>

/* The names that strftime() writes follow the locale, which we never set: English. */
static struct tm utc_now(void)
{
    time_t now = time(NULL);
    struct tm parts;

    gmtime_r(&now, &parts);
    return parts;
}

const char *daemon_clock_iso(char *room)
{
    struct timespec now;
    struct tm parts;
    size_t len;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    len = strftime(room, DAEMON_CLOCK_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(room + len, DAEMON_CLOCK_BYTES - len, ".%03ldZ", now.tv_nsec / 1000000);
    return room;
}

const char *daemon_clock_clf(char *room)
{
    struct tm parts = utc_now();

    strftime(room, DAEMON_CLOCK_BYTES, "[%d/%b/%Y:%H:%M:%S +0000]", &parts);
    return room;
}

const char *daemon_clock_http(char *room)
{
    struct tm parts = utc_now();

    strftime(room, DAEMON_CLOCK_BYTES, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return room;
}

uint64_t daemon_clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
