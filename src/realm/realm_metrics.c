/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_metrics.h"

/* Microseconds; 0 ends them. */
static const uint64_t fan_out_bounds[] = {50,     100,    250,    500,     1000,
                                          2500,   5000,   10000,  25000,   50000,
                                          100000, 250000, 500000, 1000000, 0};

#define ANSWERS "wayleave_realm_answers_total"
#define CLOSED  "wayleave_realm_sessions_closed_total"
#define EVENTS  "wayleave_realm_events_total"
#define BYTES   "wayleave_realm_bytes_total"
#define DEFLATE "wayleave_realm_deflate_bytes_total"
#define REFUSED "wayleave_realm_refused_total"

/* clang-format off */
const struct metric_row realm_metrics_rows[] = {
    [REALM_METRICS_CONNECTIONS_TOTAL] = {METRIC_COUNTER, "wayleave_realm_connections_total", NULL,
        "Client connections that were accepted.", NULL, 0},
    [REALM_METRICS_CONNECTIONS] = {METRIC_GAUGE, "wayleave_realm_connections", NULL,
        "Client connections that are open.", NULL, 0},
    [REALM_METRICS_TURNED_AWAY] = {METRIC_COUNTER, "wayleave_realm_turned_away_total", NULL,
        "Client connections that were closed unread, for want of room.", NULL, 0},
    [REALM_METRICS_ANSWERS_1XX] = {METRIC_COUNTER, ANSWERS, "status=\"1xx\"",
        "HTTP answers, by class of status; 1xx are sessions that began.", NULL, 0},
    [REALM_METRICS_ANSWERS_2XX] = {METRIC_COUNTER, ANSWERS, "status=\"2xx\"", "", NULL, 0},
    [REALM_METRICS_ANSWERS_3XX] = {METRIC_COUNTER, ANSWERS, "status=\"3xx\"", "", NULL, 0},
    [REALM_METRICS_ANSWERS_4XX] = {METRIC_COUNTER, ANSWERS, "status=\"4xx\"", "", NULL, 0},
    [REALM_METRICS_ANSWERS_5XX] = {METRIC_COUNTER, ANSWERS, "status=\"5xx\"", "", NULL, 0},
    [REALM_METRICS_SESSIONS_TOTAL] = {METRIC_COUNTER, "wayleave_realm_sessions_total", NULL,
        "Sessions that began.", NULL, 0},
    [REALM_METRICS_SESSIONS] = {METRIC_GAUGE, "wayleave_realm_sessions", NULL,
        "Sessions that are open.", NULL, 0},
    [REALM_METRICS_SESSIONS_DEFLATE] = {METRIC_COUNTER, "wayleave_realm_deflate_sessions_total", NULL,
        "Sessions that began with permessage-deflate.", NULL, 0},
    [REALM_METRICS_SESSIONS_SOCKJS] = {METRIC_COUNTER, "wayleave_realm_sockjs_sessions_total", NULL,
        "Sessions that began in SockJS's frames.", NULL, 0},
    [REALM_METRICS_CLOSED_NOBODY] = {METRIC_COUNTER, CLOSED, "by=\"nobody\"",
        "Sessions that have ended, by who began to close.", NULL, 0},
    [REALM_METRICS_CLOSED_CLIENT] = {METRIC_COUNTER, CLOSED, "by=\"client\"", "", NULL, 0},
    [REALM_METRICS_CLOSED_REALM] = {METRIC_COUNTER, CLOSED, "by=\"realm\"", "", NULL, 0},
    [REALM_METRICS_EVENTS_IN] = {METRIC_COUNTER, EVENTS, "direction=\"in\"",
        "Events; in is from publishers, out is to each subscriber.", NULL, 0},
    [REALM_METRICS_EVENTS_OUT] = {METRIC_COUNTER, EVENTS, "direction=\"out\"", "", NULL, 0},
    [REALM_METRICS_BYTES_IN] = {METRIC_COUNTER, BYTES, "direction=\"in\"",
        "Bytes of all connections; inside TLS where there is TLS.", NULL, 0},
    [REALM_METRICS_BYTES_OUT] = {METRIC_COUNTER, BYTES, "direction=\"out\"", "", NULL, 0},
    [REALM_METRICS_DEFLATE_IN] = {METRIC_COUNTER, DEFLATE, "side=\"before\"",
        "Bytes of events that were compressed, each once for all who share it.", NULL, 0},
    [REALM_METRICS_DEFLATE_OUT] = {METRIC_COUNTER, DEFLATE, "side=\"after\"", "", NULL, 0},
    [REALM_METRICS_REFUSED_MISSING] = {METRIC_COUNTER, REFUSED, "word=\"MissingResourceException\"",
        "Requests of sessions and of the HTTP API that were refused, by word.", NULL, 0},
    [REALM_METRICS_REFUSED_SECURITY] = {METRIC_COUNTER, REFUSED, "word=\"SecurityException\"", "", NULL, 0},
    [REALM_METRICS_REFUSED_LIMIT] = {METRIC_COUNTER, REFUSED, "word=\"LimitException\"", "", NULL, 0},
    [REALM_METRICS_REFUSED_ILLEGAL] = {METRIC_COUNTER, REFUSED, "word=\"IllegalArgumentException\"", "", NULL, 0},
    [REALM_METRICS_REFUSED_UNSUPPORTED] = {METRIC_COUNTER, REFUSED, "word=\"UnsupportedOperationException\"", "", NULL, 0},
    [REALM_METRICS_REFUSED_STORE] = {METRIC_COUNTER, REFUSED, "word=\"StoreException\"", "", NULL, 0},
    [REALM_METRICS_REFUSED_OTHER] = {METRIC_COUNTER, REFUSED, "word=\"other\"", "", NULL, 0},
    [REALM_METRICS_SLOW] = {METRIC_COUNTER, "wayleave_realm_slow_readers_total", NULL,
        "Sessions that were dropped because they did not read.", NULL, 0},
    [REALM_METRICS_SKIPPED] = {METRIC_COUNTER, "wayleave_realm_skipped_events_total", NULL,
        "Events that were left out for readers who were too slow, with SlowReader skip.", NULL, 0},
    [REALM_METRICS_LOGINS_FAILED] = {METRIC_COUNTER, "wayleave_realm_logins_failed_total", NULL,
        "Logins with a wrong user or password, or refused unseen after too many of them.", NULL, 0},
    [REALM_METRICS_UNCOPIED] = {METRIC_COUNTER, "wayleave_realm_uncopied_events_total", NULL,
        "Events that a Join or DeadEvents of a channel could not pass on.", NULL, 0},
    [REALM_METRICS_LOST] = {METRIC_COUNTER, "wayleave_realm_lost_events_total", NULL,
        "Events of queues that expired, had to make room or came back too often, and no DeadEvents took.", NULL, 0},
    [REALM_METRICS_STORE_REFUSED] = {METRIC_COUNTER, "wayleave_realm_store_refused_total", NULL,
        "Commits that the store could not make: it was full, or the disk has failed.", NULL, 0},
    [REALM_METRICS_STORE_CORRUPT] = {METRIC_COUNTER, "wayleave_realm_store_corrupt_total", NULL,
        "Records of the store that could not be read, and were passed over.", NULL, 0},
    [REALM_METRICS_CHANNELS] = {METRIC_GAUGE, "wayleave_realm_channels", NULL,
        "Channels that exist.", NULL, 0},
    [REALM_METRICS_STORED_BYTES] = {METRIC_GAUGE, "wayleave_realm_stored_bytes", NULL,
        "Memory that stored events take.", NULL, 0},
    [REALM_METRICS_STORE_PENDING] = {METRIC_GAUGE, "wayleave_realm_store_pending_bytes", NULL,
        "Memory of what the store has still to write.", NULL, 0},
    [REALM_METRICS_DURABLES] = {METRIC_GAUGE, "wayleave_realm_durables", NULL,
        "Durable subscriptions that are remembered.", NULL, 0},
    [REALM_METRICS_DATA_STREAMS] = {METRIC_GAUGE, "wayleave_realm_data_streams", NULL,
        "Data streams that are open.", NULL, 0},
    [REALM_METRICS_FAN_OUT_US] = {METRIC_HISTOGRAM, "wayleave_realm_fan_out_seconds", NULL,
        "From a turn's first publish until every subscriber's socket was offered it.", fan_out_bounds, 1000000},
    [REALM_METRICS_COUNT] = {.name = NULL},
};
/* clang-format on */

void realm_metrics_answer(struct metric_sheet *sheet, uint16_t status)
{
    unsigned class = status / 100u;

    if (class >= 1 && class <= 5) {
        metric_add(sheet, REALM_METRICS_ANSWERS_1XX + class - 1, 1);
    }
}

void realm_metrics_refused(struct metric_sheet *sheet, struct span word)
{
    static const struct {
        const char *word;
        enum realm_metrics row;
    } words[] = {
        {"MissingResourceException", REALM_METRICS_REFUSED_MISSING},
        {"SecurityException", REALM_METRICS_REFUSED_SECURITY},
        {"LimitException", REALM_METRICS_REFUSED_LIMIT},
        {"IllegalArgumentException", REALM_METRICS_REFUSED_ILLEGAL},
        {"UnsupportedOperationException", REALM_METRICS_REFUSED_UNSUPPORTED},
        {"StoreException", REALM_METRICS_REFUSED_STORE},
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (span_equals(word, words[i].word)) {
            metric_add(sheet, words[i].row, 1);
            return;
        }
    }
    metric_add(sheet, REALM_METRICS_REFUSED_OTHER, 1);
}
