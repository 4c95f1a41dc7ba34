/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The Proxy-Status field (RFC 9209): what a proxy says about its own refusal, for machines.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/* clang-format off */
/*    name                                         type on the wire             status  RFC 9209  */
#define HTTP1_PROXY_STATUS_TYPES(X)                                                                \
    X(HTTP1_PROXY_STATUS_DNS_ERROR,                 "dns_error",                 502) /* 2.3.2  */ \
    X(HTTP1_PROXY_STATUS_DESTINATION_NOT_FOUND,     "destination_not_found",     500) /* 2.3.3  */ \
    X(HTTP1_PROXY_STATUS_DESTINATION_UNAVAILABLE,   "destination_unavailable",   503) /* 2.3.4  */ \
    X(HTTP1_PROXY_STATUS_DESTINATION_IP_PROHIBITED, "destination_ip_prohibited", 502) /* 2.3.5  */ \
    X(HTTP1_PROXY_STATUS_CONNECTION_REFUSED,        "connection_refused",        502) /* 2.3.7  */ \
    X(HTTP1_PROXY_STATUS_CONNECTION_TIMEOUT,        "connection_timeout",        504) /* 2.3.9  */ \
    X(HTTP1_PROXY_STATUS_CONNECTION_LIMIT_REACHED,  "connection_limit_reached",  503) /* 2.3.12 */ \
    X(HTTP1_PROXY_STATUS_REQUEST_ERROR,             "http_request_error",        400) /* 2.3.16 */ \
    X(HTTP1_PROXY_STATUS_REQUEST_DENIED,            "http_request_denied",       403) /* 2.3.17 */ \
    X(HTTP1_PROXY_STATUS_LOOP_DETECTED,             "proxy_loop_detected",       502) /* 2.3.29 */ \
    X(HTTP1_PROXY_STATUS_CONFIGURATION_ERROR,       "proxy_configuration_error", 500) /* 2.3.31 */
/* clang-format on */

#define X(name, type, status) name,
enum http1_proxy_status {
    HTTP1_PROXY_STATUS_TYPES(X)
};
#undef X

/** "connection_refused": also for the access log. Static storage. */
const char *http1_proxy_status_type(enum http1_proxy_status error);

/** The status that RFC 9209 section 2.3 recommends with it. */
uint16_t http1_proxy_status_code(enum http1_proxy_status error);

/**
 * Writes the field's value: `wayleave; error=connection_refused; details="..."`. No details
 * when they are empty; bytes that a structured string cannot hold (RFC 8941 section 3.3.3)
 * become
 * "?". Never partial: ERR_LIMIT and ERR_NOMEM as buf_append().
 */
must_check enum err http1_proxy_status_write(struct buf *out, struct span proxy,
                                             enum http1_proxy_status error,
                                             struct span details);
