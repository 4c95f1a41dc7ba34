/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_accesslog.h"

#include "daemon/daemon_clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum {
    LINE_BYTES = 2048
};

void proxy_accesslog_write(const struct proxy_accesslog_entry *entry)
{
    static const char *const closers[] = {"client", "server", "proxy"};
    char line[LINE_BYTES];
    char host[ADDR_TEXT_BYTES];
    char stamp[DAEMON_CLOCK_BYTES];
    struct addr client = addr_unmapped(&entry->client);
    int len = snprintf(line, sizeof line,
                       "%s - - %s \"%.*s\" %u up=%" PRIu64 " down=%" PRIu64 " ms=%" PRIu64
                       " closed-by=%s%s%.*s%s\n",
                       addr_host_text(&client, host), daemon_clock_clf(stamp),
                       SPAN_ARG(span_head(entry->request, LINE_BYTES / 2)), entry->status,
                       entry->up_bytes, entry->down_bytes, entry->duration_ms,
                       closers[entry->closer], entry->why.len == 0 ? "" : " why=\"",
                       SPAN_ARG(span_head(entry->why, LINE_BYTES / 4)),
                       entry->why.len == 0 ? "" : "\"");

    if (len >= (int)sizeof line) {
        len = sizeof line - 1;
        line[len - 1] = '\n';
    }
    /* One write a line, so that workers never mix theirs. Nobody to tell when it fails. */
    if (write(STDOUT_FILENO, line, (size_t)len) < 0) {
        return;
    }
}
