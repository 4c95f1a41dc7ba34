/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The Host field of a request: exactly one in HTTP/1.1, and one that can be read (RFC 9112
 * section 3.2).
 */
#pragma once

#include "http1/http1_authority.h"
#include "http1/http1_fields.h"

/**
 * Reads it. In HTTP/1.0 it may be missing: then OK, and the host is empty.
 * ERR_PROTO: *fault is set, *ret_host untouched.
 */
must_check enum err http1_host_of_request(struct http1_fields fields, uint8_t version_minor,
                                          struct http1_authority *ret_host,
                                          enum http1_fault *fault);
