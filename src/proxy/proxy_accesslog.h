/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One line on stdout for each request, when it is over:
 *
 *   127.0.0.1 - - [22/Nov/2026:15:43:11 +0000] "CONNECT realm:9000 HTTP/1.1" 200 up=812
 * down=4410 ms=61200 closed-by=client
 *
 * (in one line). The front is httpd's common log format. `up` and `down` are the tunnel's bytes
 * from and to the client; a refusal says why="..." at the end.
 */
#pragma once

#include "io/addr.h"

enum proxy_accesslog_closer {
    PROXY_ACCESSLOG_CLIENT,
    PROXY_ACCESSLOG_SERVER,
    PROXY_ACCESSLOG_PROXY, /* we refused, timed out or stopped */
};

struct proxy_accesslog_entry {
    struct addr client;
    struct span request; /* "CONNECT realm:9000 HTTP/1.1", printable already */
    uint16_t status;
    uint64_t up_bytes;
    uint64_t down_bytes;
    uint64_t duration_ms;
    enum proxy_accesslog_closer closer;
    struct span why; /* printable; empty: nothing to explain */
};

/** Writes the line at once; a line that cannot be written is lost. */
void proxy_accesslog_write(const struct proxy_accesslog_entry *entry);
