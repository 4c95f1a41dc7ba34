/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What each worker of the proxy counts: metric_add(worker->metrics, PROXY_METRICS_..., 1).
 */
#pragma once

#include "base/metric.h"

enum proxy_metrics {
    PROXY_METRICS_CONNECTIONS_TOTAL, /* accepted */
    PROXY_METRICS_CONNECTIONS,       /* gauge: open client connections */
    PROXY_METRICS_TURNED_AWAY,       /* closed unread: no room */
    PROXY_METRICS_SILENT,            /* closed because no request came in time */
    PROXY_METRICS_REQUESTS_CONNECT,  /* by method; the next two alike */
    PROXY_METRICS_REQUESTS_UPGRADE,
    PROXY_METRICS_REQUESTS_FORWARD,
    PROXY_METRICS_REQUESTS_OWN, /* /proxy.pac and the like */
    PROXY_METRICS_ANSWERS_1XX,  /* by class of status: proxy_metrics_answer() */
    PROXY_METRICS_ANSWERS_2XX,
    PROXY_METRICS_ANSWERS_3XX,
    PROXY_METRICS_ANSWERS_4XX,
    PROXY_METRICS_ANSWERS_5XX,
    PROXY_METRICS_REFUSED_CLIENT,      /* 403: who */
    PROXY_METRICS_REFUSED_PORT,        /* 403: AllowCONNECT */
    PROXY_METRICS_REFUSED_DESTINATION, /* 403: where */
    PROXY_METRICS_REFUSED_CONTENT,     /* TunnelAllow */
    PROXY_METRICS_REFUSED_AUTH,        /* 407 */
    PROXY_METRICS_REFUSED_REQUEST,     /* 400, 408, 414, 431 ... */
    PROXY_METRICS_REFUSED_DIAL,        /* 502, 504: name or connection failed */
    PROXY_METRICS_REFUSED_FULL,        /* 503: MaxTunnels */
    PROXY_METRICS_REFUSED_PER_CLIENT,  /* 503: TunnelsPerClient */
    PROXY_METRICS_REFUSED_PER_USER,    /* 503: TunnelsPerUser */
    PROXY_METRICS_REFUSED_MEMORY,      /* 503: MemoryMax */
    PROXY_METRICS_DIVERTED_TLS, /* connections at a TransparentListen, by what they were */
    PROXY_METRICS_DIVERTED_HTTP,
    PROXY_METRICS_DIVERTED_OTHER,
    PROXY_METRICS_DIVERTED_DIRECT,            /* not diverted at all */
    PROXY_METRICS_DIVERTED_REFUSED_OTHER,     /* TransparentOther */
    PROXY_METRICS_DIVERTED_REFUSED_LATE,      /* TransparentDetectTimeout */
    PROXY_METRICS_DIVERTED_REFUSED_MALFORMED, /* a ClientHello that cannot be read */
    PROXY_METRICS_DIVERTED_REFUSED_NAME,      /* TransparentVerify */
    PROXY_METRICS_LOOPS,                      /* our own connections, diverted back to us */
    PROXY_METRICS_TUNNELS_TOTAL,              /* begun */
    PROXY_METRICS_TUNNELS,                    /* gauge: open */
    PROXY_METRICS_UP_BYTES,                   /* from clients */
    PROXY_METRICS_DOWN_BYTES,                 /* to clients */
    PROXY_METRICS_CLOSED_CLIENT,              /* tunnels ended, by whom; the next three alike */
    PROXY_METRICS_CLOSED_SERVER,
    PROXY_METRICS_CLOSED_PROXY,
    PROXY_METRICS_WS_TOTAL, /* tunnels in which WebSocket was recognised */
    PROXY_METRICS_WS,       /* gauge */
    PROXY_METRICS_WS_UP_MESSAGES,
    PROXY_METRICS_WS_DOWN_MESSAGES,
    PROXY_METRICS_DIAL_MS,   /* histogram: until connected */
    PROXY_METRICS_TUNNEL_MS, /* histogram: a tunnel's life */
    PROXY_METRICS_COUNT,
};

extern const struct metric_row proxy_metrics_rows[];

/** Counts an answer by its status. */
void proxy_metrics_answer(struct metric_sheet *sheet, uint16_t status);
