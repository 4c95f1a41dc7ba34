/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_metrics.h"

/* Milliseconds; 0 ends them. */
static const uint64_t dial_bounds[] = {1,    5,    10,   25,    50,    100,   250, 500,
                                       1000, 2500, 5000, 10000, 30000, 60000, 0};
static const uint64_t life_bounds[] = {100,     1000,     10000,    60000,    300000, 900000,
                                       3600000, 14400000, 43200000, 86400000, 0};

#define REQUESTS         "wayleave_proxy_requests_total"
#define ANSWERS          "wayleave_proxy_answers_total"
#define REFUSED          "wayleave_proxy_refused_total"
#define DIVERTED         "wayleave_proxy_diverted_total"
#define DIVERTED_REFUSED "wayleave_proxy_diverted_refused_total"
#define BYTES            "wayleave_proxy_tunnel_bytes_total"
#define CLOSED           "wayleave_proxy_tunnels_closed_total"
#define MESSAGES         "wayleave_proxy_websocket_messages_total"

/* clang-format off */
const struct metric_row proxy_metrics_rows[] = {
    [PROXY_METRICS_CONNECTIONS_TOTAL] = {METRIC_COUNTER, "wayleave_proxy_connections_total", NULL,
        "Client connections that were accepted.", NULL, 0},
    [PROXY_METRICS_CONNECTIONS] = {METRIC_GAUGE, "wayleave_proxy_connections", NULL,
        "Client connections that are open.", NULL, 0},
    [PROXY_METRICS_TURNED_AWAY] = {METRIC_COUNTER, "wayleave_proxy_turned_away_total", NULL,
        "Client connections that were closed unread, for want of room.", NULL, 0},
    [PROXY_METRICS_SILENT] = {METRIC_COUNTER, "wayleave_proxy_silent_total", NULL,
        "Client connections that were closed because no request came in time.", NULL, 0},
    [PROXY_METRICS_REQUESTS_CONNECT] = {METRIC_COUNTER, REQUESTS, "form=\"connect\"",
        "Requests, by what was asked for.", NULL, 0},
    [PROXY_METRICS_REQUESTS_UPGRADE] = {METRIC_COUNTER, REQUESTS, "form=\"upgrade\"", "", NULL, 0},
    [PROXY_METRICS_REQUESTS_FORWARD] = {METRIC_COUNTER, REQUESTS, "form=\"forward\"", "", NULL, 0},
    [PROXY_METRICS_REQUESTS_OWN] = {METRIC_COUNTER, REQUESTS, "form=\"own\"", "", NULL, 0},
    [PROXY_METRICS_ANSWERS_1XX] = {METRIC_COUNTER, ANSWERS, "status=\"1xx\"",
        "Answers to clients, by class of status.", NULL, 0},
    [PROXY_METRICS_ANSWERS_2XX] = {METRIC_COUNTER, ANSWERS, "status=\"2xx\"", "", NULL, 0},
    [PROXY_METRICS_ANSWERS_3XX] = {METRIC_COUNTER, ANSWERS, "status=\"3xx\"", "", NULL, 0},
    [PROXY_METRICS_ANSWERS_4XX] = {METRIC_COUNTER, ANSWERS, "status=\"4xx\"", "", NULL, 0},
    [PROXY_METRICS_ANSWERS_5XX] = {METRIC_COUNTER, ANSWERS, "status=\"5xx\"", "", NULL, 0},
    [PROXY_METRICS_REFUSED_CLIENT] = {METRIC_COUNTER, REFUSED, "why=\"client\"",
        "Requests that the proxy itself refused, by reason.", NULL, 0},
    [PROXY_METRICS_REFUSED_PORT] = {METRIC_COUNTER, REFUSED, "why=\"port\"", "", NULL, 0},
    [PROXY_METRICS_REFUSED_DESTINATION] = {METRIC_COUNTER, REFUSED, "why=\"destination\"", "", NULL, 0},
    [PROXY_METRICS_REFUSED_CONTENT] = {METRIC_COUNTER, REFUSED, "why=\"content\"", "", NULL, 0},
    [PROXY_METRICS_REFUSED_AUTH] = {METRIC_COUNTER, REFUSED, "why=\"login\"", "", NULL, 0},
    [PROXY_METRICS_REFUSED_REQUEST] = {METRIC_COUNTER, REFUSED, "why=\"request\"", "", NULL, 0},
    [PROXY_METRICS_REFUSED_DIAL] = {METRIC_COUNTER, REFUSED, "why=\"unreachable\"", "", NULL, 0},
    [PROXY_METRICS_REFUSED_FULL] = {METRIC_COUNTER, REFUSED, "why=\"full\"", "", NULL, 0},
    [PROXY_METRICS_REFUSED_PER_CLIENT] = {METRIC_COUNTER, REFUSED, "why=\"per-client\"", "", NULL, 0},
    [PROXY_METRICS_REFUSED_PER_USER] = {METRIC_COUNTER, REFUSED, "why=\"per-user\"", "", NULL, 0},
    [PROXY_METRICS_REFUSED_MEMORY] = {METRIC_COUNTER, REFUSED, "why=\"memory\"", "", NULL, 0},
    [PROXY_METRICS_DIVERTED_TLS] = {METRIC_COUNTER, DIVERTED, "kind=\"tls\"",
        "Connections at a TransparentListen, by what their clients spoke; direct: not diverted.", NULL, 0},
    [PROXY_METRICS_DIVERTED_HTTP] = {METRIC_COUNTER, DIVERTED, "kind=\"http\"", "", NULL, 0},
    [PROXY_METRICS_DIVERTED_OTHER] = {METRIC_COUNTER, DIVERTED, "kind=\"other\"", "", NULL, 0},
    [PROXY_METRICS_DIVERTED_DIRECT] = {METRIC_COUNTER, DIVERTED, "kind=\"direct\"", "", NULL, 0},
    [PROXY_METRICS_DIVERTED_REFUSED_OTHER] = {METRIC_COUNTER, DIVERTED_REFUSED, "why=\"other\"",
        "Diverted connections that were refused for what they are, by reason.", NULL, 0},
    [PROXY_METRICS_DIVERTED_REFUSED_LATE] = {METRIC_COUNTER, DIVERTED_REFUSED, "why=\"late\"", "", NULL, 0},
    [PROXY_METRICS_DIVERTED_REFUSED_MALFORMED] = {METRIC_COUNTER, DIVERTED_REFUSED, "why=\"malformed\"", "", NULL, 0},
    [PROXY_METRICS_DIVERTED_REFUSED_NAME] = {METRIC_COUNTER, DIVERTED_REFUSED, "why=\"name\"", "", NULL, 0},
    [PROXY_METRICS_LOOPS] = {METRIC_COUNTER, "wayleave_proxy_loops_total", NULL,
        "The proxy's own connections that were diverted back to it, and refused.", NULL, 0},
    [PROXY_METRICS_TUNNELS_TOTAL] = {METRIC_COUNTER, "wayleave_proxy_tunnels_total", NULL,
        "Tunnels that were opened.", NULL, 0},
    [PROXY_METRICS_TUNNELS] = {METRIC_GAUGE, "wayleave_proxy_tunnels", NULL,
        "Tunnels that are open.", NULL, 0},
    [PROXY_METRICS_UP_BYTES] = {METRIC_COUNTER, BYTES, "direction=\"up\"",
        "Bytes through tunnels that have ended; up is from the client.", NULL, 0},
    [PROXY_METRICS_DOWN_BYTES] = {METRIC_COUNTER, BYTES, "direction=\"down\"", "", NULL, 0},
    [PROXY_METRICS_CLOSED_CLIENT] = {METRIC_COUNTER, CLOSED, "by=\"client\"",
        "Tunnels that have ended, by who ended them.", NULL, 0},
    [PROXY_METRICS_CLOSED_SERVER] = {METRIC_COUNTER, CLOSED, "by=\"server\"", "", NULL, 0},
    [PROXY_METRICS_CLOSED_PROXY] = {METRIC_COUNTER, CLOSED, "by=\"proxy\"", "", NULL, 0},
    [PROXY_METRICS_WS_TOTAL] = {METRIC_COUNTER, "wayleave_proxy_websockets_total", NULL,
        "Tunnels in which a WebSocket handshake was seen.", NULL, 0},
    [PROXY_METRICS_WS] = {METRIC_GAUGE, "wayleave_proxy_websockets", NULL,
        "Such tunnels that are open.", NULL, 0},
    [PROXY_METRICS_WS_UP_MESSAGES] = {METRIC_COUNTER, MESSAGES, "direction=\"up\"",
        "WebSocket messages in tunnels that have ended.", NULL, 0},
    [PROXY_METRICS_WS_DOWN_MESSAGES] = {METRIC_COUNTER, MESSAGES, "direction=\"down\"", "", NULL, 0},
    [PROXY_METRICS_DIAL_MS] = {METRIC_HISTOGRAM, "wayleave_proxy_connect_seconds", NULL,
        "From the name to a connection.", dial_bounds, 1000},
    [PROXY_METRICS_TUNNEL_MS] = {METRIC_HISTOGRAM, "wayleave_proxy_tunnel_seconds", NULL,
        "How long tunnels lived.", life_bounds, 1000},
    [PROXY_METRICS_COUNT] = {.name = NULL},
};
/* clang-format on */

void proxy_metrics_answer(struct metric_sheet *sheet, uint16_t status)
{
    unsigned class = status / 100u;

    if (class >= 1 && class <= 5) {
        metric_add(sheet, PROXY_METRICS_ANSWERS_1XX + class - 1, 1);
    }
}
