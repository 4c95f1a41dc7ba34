/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a peer can do wrong in HTTP/1, one row each: the status for the answer, the section for
 * the reader and the sentence for the operator.
 */
#pragma once

#include <stdint.h>

/* clang-format off */
/*    name                            status  specification       what the peer did               */
#define HTTP1_FAULTS(X)                                                                            \
    X(HTTP1_FAULT_NONE,                  200, "",                 "did nothing wrong")             \
    /* lines and limits */                                                                         \
    X(HTTP1_FAULT_TLS,                   400, "RFC 9112 3",       "began a TLS handshake where HTTP was expected") \
    X(HTTP1_FAULT_BARE_LF,               400, "RFC 9112 2.2",     "ended a line with LF alone")    \
    X(HTTP1_FAULT_BARE_CR,               400, "RFC 9112 2.2",     "sent a CR that no LF follows")  \
    X(HTTP1_FAULT_EMPTY_LINE,            400, "RFC 9112 2.2",     "sent more than one empty line before a request") \
    X(HTTP1_FAULT_LINE_LENGTH,           414, "RFC 9110 15.5.15", "sent a first line over the configured maximum") \
    X(HTTP1_FAULT_FIELD_LENGTH,          431, "RFC 6585 5",       "sent a field over the configured maximum") \
    X(HTTP1_FAULT_FIELD_COUNT,           431, "RFC 6585 5",       "sent more fields than configured") \
    X(HTTP1_FAULT_HEAD_LENGTH,           431, "RFC 6585 5",       "sent a head over the configured maximum") \
    /* the first line */                                                                           \
    X(HTTP1_FAULT_METHOD,                400, "RFC 9110 9.1",     "sent a method that is not a token") \
    X(HTTP1_FAULT_REQUEST_LINE,          400, "RFC 9112 3",       "sent a request line that is not three words with one space between them") \
    X(HTTP1_FAULT_NO_VERSION,            400, "RFC 9112 3",       "sent a request line without a version") \
    X(HTTP1_FAULT_TARGET_BYTE,           400, "RFC 9112 3.2",     "sent a request target with a byte that no URI has") \
    X(HTTP1_FAULT_VERSION,               400, "RFC 9112 2.3",     "sent a version that is not written HTTP/1.1") \
    X(HTTP1_FAULT_VERSION_MAJOR,         505, "RFC 9110 15.6.6",  "sent a version other than HTTP/1") \
    X(HTTP1_FAULT_STATUS_LINE,           502, "RFC 9112 4",       "sent a status line that is malformed") \
    X(HTTP1_FAULT_STATUS,                502, "RFC 9110 15",      "sent a status outside 100 to 599") \
    /* fields */                                                                                   \
    X(HTTP1_FAULT_LEADING_SPACE,         400, "RFC 9112 2.2",     "sent white space between the first line and the first field") \
    X(HTTP1_FAULT_OBS_FOLD,              400, "RFC 9112 5.2",     "folded a field over two lines") \
    X(HTTP1_FAULT_NO_COLON,              400, "RFC 9112 5",       "sent a field without a colon")  \
    X(HTTP1_FAULT_NO_NAME,               400, "RFC 9112 5",       "sent a field without a name")   \
    X(HTTP1_FAULT_SPACE_BEFORE_COLON,    400, "RFC 9112 5.1",     "sent white space between a field's name and its colon") \
    X(HTTP1_FAULT_NAME_BYTE,             400, "RFC 9110 5.1",     "sent a field name that is not a token") \
    X(HTTP1_FAULT_VALUE_BYTE,            400, "RFC 9110 5.5",     "sent a control byte in a field value") \
    /* targets, hosts and ports */                                                                 \
    X(HTTP1_FAULT_TARGET_FORM,           400, "RFC 9112 3.2",     "sent a target in a form that its method does not take") \
    X(HTTP1_FAULT_NO_HOST,               400, "RFC 9110 4.2.1",   "named no host")                 \
    X(HTTP1_FAULT_HOST_BYTE,             400, "RFC 3986 3.2.2",   "named a host with a byte that no host name has") \
    X(HTTP1_FAULT_HOST_LABEL,            400, "RFC 1035 2.3.4",   "named a host with an empty or an overlong part") \
    X(HTTP1_FAULT_HOST_NUMBER,           400, "RFC 3986 3.2.2",   "named a host that ends in a number and is no IPv4 address") \
    X(HTTP1_FAULT_HOST_IPV6,             400, "RFC 3986 3.2.2",   "named an IPv6 address that is malformed or has no brackets") \
    X(HTTP1_FAULT_USERINFO,              400, "RFC 9110 4.2.4",   "put user information before a host") \
    X(HTTP1_FAULT_NO_PORT,               400, "RFC 9112 3.2.3",   "asked for a tunnel without a port") \
    X(HTTP1_FAULT_PORT,                  400, "RFC 3986 3.2.3",   "gave a port that is not a plain decimal number") \
    X(HTTP1_FAULT_PORT_RANGE,            400, "RFC 9110 9.3.6",   "gave a port outside 1 to 65535") \
    X(HTTP1_FAULT_NO_HOST_FIELD,         400, "RFC 9112 3.2",     "sent no Host field")            \
    X(HTTP1_FAULT_HOST_TWICE,            400, "RFC 9112 3.2",     "sent more than one Host field") \
    X(HTTP1_FAULT_ORIGIN,                400, "RFC 6454 7.1",     "sent an Origin that is not scheme://host[:port]") \
    /* bodies */                                                                                   \
    X(HTTP1_FAULT_CONTENT_LENGTH,        400, "RFC 9112 6.3",     "sent a Content-Length that is not a plain decimal number") \
    X(HTTP1_FAULT_CONTENT_LENGTH_TWICE,  400, "RFC 9112 6.3",     "sent more than one Content-Length") \
    X(HTTP1_FAULT_TWO_LENGTHS,           400, "RFC 9112 6.3",     "sent both Transfer-Encoding and Content-Length") \
    X(HTTP1_FAULT_TRANSFER_ENCODING,     400, "RFC 9112 6.3",     "sent a Transfer-Encoding that does not end in one chunked") \
    X(HTTP1_FAULT_TRANSFER_ENCODING_1_0, 400, "RFC 9112 6.1",     "sent Transfer-Encoding in HTTP/1.0") \
    X(HTTP1_FAULT_TRANSFER_CODING,       501, "RFC 9112 6.1",     "sent a transfer coding other than chunked")
/* clang-format on */

#define X(name, status, section, did) name,
enum http1_fault {
    HTTP1_FAULTS(X)
};
#undef X

/**
 * The status to refuse a request with. A gateway whose server sent a faulty response answers
 * 502 whatever the row says (RFC 9110 section 15.6.3).
 */
uint16_t http1_fault_status(enum http1_fault fault);

/** To go behind "the client": "ended a line with LF alone (RFC 9112 2.2)". Static storage. */
const char *http1_fault_text(enum http1_fault fault);
