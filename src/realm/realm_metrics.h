/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the realm's worker counts: metric_add(worker->metrics, REALM_METRICS_..., 1).
 */
#pragma once

#include "base/metric.h"
#include "base/span.h"

enum realm_metrics {
    REALM_METRICS_CONNECTIONS_TOTAL, /* accepted */
    REALM_METRICS_CONNECTIONS,       /* gauge */
    REALM_METRICS_TURNED_AWAY,       /* closed unread: no room */
    REALM_METRICS_ANSWERS_1XX,       /* by class of status: realm_metrics_answer() */
    REALM_METRICS_ANSWERS_2XX,
    REALM_METRICS_ANSWERS_3XX,
    REALM_METRICS_ANSWERS_4XX,
    REALM_METRICS_ANSWERS_5XX,
    REALM_METRICS_SESSIONS_TOTAL,   /* begun */
    REALM_METRICS_SESSIONS,         /* gauge */
    REALM_METRICS_SESSIONS_DEFLATE, /* begun, with permessage-deflate */
    REALM_METRICS_SESSIONS_SOCKJS,  /* begun, in SockJS's frames */
    REALM_METRICS_CLOSED_NOBODY, /* sessions ended, by who began to close; the next two alike */
    REALM_METRICS_CLOSED_CLIENT,
    REALM_METRICS_CLOSED_REALM,
    REALM_METRICS_EVENTS_IN,  /* published, by sessions and over HTTP */
    REALM_METRICS_EVENTS_OUT, /* sent to subscribers */
    REALM_METRICS_BYTES_IN,   /* of connections, above TLS */
    REALM_METRICS_BYTES_OUT,
    REALM_METRICS_DEFLATE_IN, /* bytes of events before they were compressed, once for a view */
    REALM_METRICS_DEFLATE_OUT,     /* and after */
    REALM_METRICS_REFUSED_MISSING, /* by the words of doc/wire.md: realm_metrics_refused() */
    REALM_METRICS_REFUSED_SECURITY,
    REALM_METRICS_REFUSED_LIMIT,
    REALM_METRICS_REFUSED_ILLEGAL,
    REALM_METRICS_REFUSED_UNSUPPORTED,
    REALM_METRICS_REFUSED_STORE,
    REALM_METRICS_REFUSED_OTHER,
    REALM_METRICS_SLOW,    /* sessions dropped because they did not read */
    REALM_METRICS_SKIPPED, /* events left out for readers who were too slow */
    REALM_METRICS_LOGINS_FAILED,
    REALM_METRICS_UNCOPIED, /* joined or dead events that could not be passed on */
    REALM_METRICS_LOST,     /* of queues: dead, and there was no place for them */
    REALM_METRICS_STORE_REFUSED,
    REALM_METRICS_STORE_CORRUPT,
    REALM_METRICS_CHANNELS, /* gauge, as are the next three */
    REALM_METRICS_STORED_BYTES,
    REALM_METRICS_STORE_PENDING,
    REALM_METRICS_DURABLES,
    REALM_METRICS_DATA_STREAMS,
    REALM_METRICS_FAN_OUT_US, /* histogram */
    REALM_METRICS_COUNT,
};

extern const struct metric_row realm_metrics_rows[];

/** Counts an answer by its status. */
void realm_metrics_answer(struct metric_sheet *sheet, uint16_t status);

/** Counts a refusal by its word. */
void realm_metrics_refused(struct metric_sheet *sheet, struct span word);
