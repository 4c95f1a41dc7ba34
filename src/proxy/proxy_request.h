/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a client asks for, judged from the head alone: a tunnel to a host and port, or why not.
 * No I/O. Who the client is, is proxy_policy's question; what the name resolves to,
 * proxy_dest's.
 */
#pragma once

#include "http1/http1_authority.h"
#include "http1/http1_head.h"
#include "proxy/proxy_conf.h"
#include "proxy/proxy_refusal.h"

/**
 * Reads a complete head. RFC 9110 section 9.3.6, RFC 9112 section 3.2.3.
 *
 * Returns OK         a tunnel is asked for, and is *ret_target (borrowed from the head).
 * Whether its port is allowed is the next question: access comes before ports ERR_PROTO
 * *ret_refusal says why not
 */
must_check enum err proxy_request_read(const struct http1_head *head,
                                       const struct proxy_conf *conf,
                                       struct http1_authority *ret_target,
                                       struct proxy_refusal *ret_refusal);

/** A head that could not be read: http1_head_next() has said ERR_LIMIT or ERR_PROTO. */
void proxy_request_refuse_fault(enum http1_fault fault, struct proxy_refusal *ret_refusal);

/** Whether AllowCONNECT has the port. When not, *ret_refusal says so. */
bool proxy_request_port_is_allowed(const struct proxy_conf *conf, uint16_t port,
                                   struct proxy_refusal *ret_refusal);
