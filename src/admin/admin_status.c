/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "admin/admin_status.h"

#include "admin/admin_inside.h"
#include "admin/admin_json.h"
#include "base/json.h"

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
    TRY(json_put_string(out, span_str(daemon_service(daemon)->name)));
    TRY(buf_printf(out,
                   ",\n  \"version\": \"" WAYLEAVE_VERSION "\",\n  \"pid\": %ld,\n"
                   "  \"startedAt\": ",
                   (long)getpid()));
    TRY(admin_json_time(out, facts.started_at));
    return buf_printf(out,
                      ",\n  \"uptimeSeconds\": %" PRId64 ",\n  \"workers\": %zu,\n"
                      "  \"draining\": %s,\n  \"memory\": {\"residentBytes\": %" PRIu64
                      ", \"isOverMax\": %s},\n",
                      up < 0 ? 0 : up, daemon_hand_count(daemon),
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
        TRY(json_put_string(out, span_trim(span_head(rest, len))));
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
    TRY(json_put_string(out, span_str(daemon_conf_file(daemon))));
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
        TRY(json_put_string(out, span_str(name)));
        TRY(buf_printf(out, ": %" PRIu64, daemon_metric_sum(daemon, i)));
        comma = ",";
    }
    return buf_printf(out, "\n  },\n");
}

static enum err write_row(const struct admin_source *source,
                          const struct admin_gather_rows *rows, size_t at, struct buf *out)
{
    TRY(buf_printf(out, "%s\n    {\"id\": \"%zu.%" PRIu64 "\"", at == 0 ? "" : ",",
                   rows->workers[at], admin_gather_id(rows, at)));
    TRY(source->write(admin_gather_row(rows, at), out));
    return buf_append_byte(out, '}');
}

static enum err write_rows(const struct admin_source *source,
                           const struct admin_gather_rows *rows, struct buf *out)
{
    size_t last = rows->count - 1;

    TRY(buf_printf(out, "  \"%s\": [", source->name));
    for (size_t i = 0; i < rows->count; i++) {
        TRY(write_row(source, rows, i, out));
    }
    if (!rows->is_cut) {
        return buf_printf(out, "%s],\n  \"next\": null\n}\n", rows->count == 0 ? "" : "\n  ");
    }
    return buf_printf(out, "\n  ],\n  \"next\": \"%zu.%" PRIu64 "\"\n}\n", rows->workers[last],
                      admin_gather_id(rows, last));
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
    if (admin->source->more != NULL) {
        TRY(admin->source->more(admin->worker, out));
    }
    return write_rows(admin->source, rows, out);
}
