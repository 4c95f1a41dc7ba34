/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "admin/admin_status.h"

#include "admin/admin_inside.h"
#include "admin/admin_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
    NAME_BYTES = 160 /* of a metric, with its labels */
};

static enum err write_daemon(const struct daemon *daemon, struct buf *out)
{
    const struct daemon_facts facts = daemon_facts(daemon);
    int64_t up = (int64_t)time(NULL) - facts.started_at;

    TRY(buf_printf(out, "{\n  \"service\": "));
    TRY(admin_json_string(out, span_str(daemon_service(daemon)->name)));
    TRY(buf_printf(out,
                   ",\n  \"version\": \"" WAYLEAVE_VERSION "\",\n  \"pid\": %ld,\n"
                   "  \"startedAt\": ",
                   (long)getpid()));
    TRY(admin_json_time(out, facts.started_at));
    return buf_printf(out,
                      ",\n  \"uptimeSeconds\": %" PRId64 ",\n  \"workers\": %zu,\n"
                      "  \"draining\": %s,\n  \"memory\": {\"residentBytes\": %" PRIu64
                      ", \"isOverMax\": %s},\n",
                      up < 0 ? 0 : up, daemon_worker_count(daemon),
                      daemon_is_draining(daemon) ? "true" : "false", facts.memory_bytes,
                      daemon_is_over_memory(daemon) ? "true" : "false");
}

/* "a, b" is what the log says; here each is an item. */
static enum err write_listeners(const struct daemon_snapshot *snapshot, struct buf *out)
{
    struct span rest = span_str(daemon_snapshot_listening(snapshot));
    const char *comma = "";

    TRY(buf_printf(out, "  \"listeners\": ["));
    while (rest.len > 0) {
        size_t len = span_find(rest, ',');

        TRY(buf_printf(out, "%s", comma));
        TRY(admin_json_string(out, span_trim(span_head(rest, len))));
        rest = span_tail(rest, len < rest.len ? len + 1 : len);
        comma = ", ";
    }
    return buf_printf(out, "],\n");
}

static enum err write_configuration(const struct daemon *daemon,
                                    const struct daemon_snapshot *snapshot, struct buf *out)
{
    const struct daemon_facts facts = daemon_facts(daemon);

    TRY(buf_printf(out, "  \"configuration\": {\"file\": "));
    TRY(admin_json_string(out, span_str(daemon_conf_file(daemon))));
    TRY(buf_printf(out, ", \"loadedAt\": "));
    TRY(admin_json_time(out, daemon_snapshot_loaded_at(snapshot)));
    TRY(buf_printf(out, ", \"reloads\": %" PRIu64 ", \"refusedAt\": ", facts.reloads));
    TRY(admin_json_time(out, facts.failed_reload_at));
    return buf_printf(out, "},\n");
}

static enum err write_counters(const struct daemon *daemon, struct buf *out)
{
    const struct metric_row *rows = daemon_service(daemon)->metrics;
    char name[NAME_BYTES];
    const char *comma = "";

    TRY(buf_printf(out, "  \"counters\": {"));
    for (size_t i = 0; rows != NULL && rows[i].name != NULL; i++) {
        if (rows[i].type == METRIC_HISTOGRAM) {
            continue;
        }
        if (rows[i].labels == NULL) {
            snprintf(name, sizeof name, "%s", rows[i].name);
        } else {
            snprintf(name, sizeof name, "%s{%s}", rows[i].name, rows[i].labels);
        }
        TRY(buf_printf(out, "%s\n    ", comma));
        TRY(admin_json_string(out, span_str(name)));
        TRY(buf_printf(out, ": %" PRIu64, daemon_metric_sum(daemon, i)));
        comma = ",";
    }
    return buf_printf(out, "\n  },\n");
}

static enum err write_tunnel(const struct admin_tunnel *tunnel, size_t worker, struct buf *out)
{
    char client[ADDR_TEXT_BYTES];
    char diverted[ADDR_TEXT_BYTES];

    TRY(buf_printf(out, "\n    {\"id\": \"%zu.%" PRIu64 "\", \"client\": ", worker,
                   tunnel->id));
    TRY(admin_json_string(out, span_str(addr_text(&tunnel->client, client))));
    TRY(buf_printf(out, ", \"user\": "));
    if (tunnel->user[0] == '\0') {
        TRY(buf_printf(out, "null"));
    } else {
        TRY(admin_json_string(out, span_str(tunnel->user)));
    }
    TRY(buf_printf(out, ", \"target\": "));
    TRY(admin_json_string(out, span_str(tunnel->target)));
    if (tunnel->diverted.sa.any.sa_family != AF_UNSPEC) {
        TRY(buf_printf(out, ", \"diverted\": "));
        TRY(admin_json_string(out, span_str(addr_text(&tunnel->diverted, diverted))));
    }
    TRY(buf_printf(out, ", \"class\": "));
    TRY(admin_json_string(out, span_str(tunnel->kind)));
    return buf_printf(out,
                      ", \"upBytes\": %" PRIu64 ", \"downBytes\": %" PRIu64
                      ", \"ageMs\": %" PRIu64 ", \"idleMs\": %" PRIu64 "}",
                      tunnel->up_bytes, tunnel->down_bytes, tunnel->age, tunnel->idle);
}

static enum err write_tunnels(const struct admin_gather_rows *rows, struct buf *out)
{
    TRY(buf_printf(out, "  \"tunnels\": ["));
    for (size_t i = 0; i < rows->count; i++) {
        TRY(buf_printf(out, "%s", i == 0 ? "" : ","));
        TRY(write_tunnel(&rows->tunnels[i], rows->workers[i], out));
    }
    if (!rows->is_cut) {
        return buf_printf(out, "%s],\n  \"next\": null\n}\n", rows->count == 0 ? "" : "\n  ");
    }
    return buf_printf(out, "\n  ],\n  \"next\": \"%zu.%" PRIu64 "\"\n}\n",
                      rows->workers[rows->count - 1], rows->tunnels[rows->count - 1].id);
}

enum err admin_status_write(const struct admin *admin, const struct admin_gather_rows *rows,
                            struct buf *out)
{
    const struct daemon *daemon = admin->worker->daemon;
    const struct daemon_snapshot *snapshot = worker_snapshot(admin->worker);

    TRY(write_daemon(daemon, out));
    TRY(write_listeners(snapshot, out));
    TRY(write_configuration(daemon, snapshot, out));
    TRY(write_counters(daemon, out));
    return write_tunnels(rows, out);
}
