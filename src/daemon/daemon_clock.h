/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Wall time for people and peers to read, and for what must mean the same after a restart: when
 * an event expires. Nothing else is decided by it. Always UTC.
 */
#pragma once

#include <stdint.h>

enum {
    DAEMON_CLOCK_BYTES = 40
};

/* Each writes into `room`, which holds DAEMON_CLOCK_BYTES, and returns it. */

/** 2026-11-22T15:43:11.123Z */
const char *daemon_clock_iso(char *room);

/** [22/Nov/2026:15:43:11 +0000]: httpd's %t. */
const char *daemon_clock_clf(char *room);

/** Sun, 22 Nov 2026 15:43:11 GMT: a Date field. RFC 9110 section 5.6.7. */
const char *daemon_clock_http(char *room);

/** Milliseconds since 1970. */
uint64_t daemon_clock_ms(void);
