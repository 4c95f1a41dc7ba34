/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_host.h"

enum err http1_host_of_request(struct http1_fields fields, uint8_t version_minor,
                               struct http1_authority *ret_host, enum http1_fault *fault)
{
    const struct http1_field *field = http1_fields_find(fields, SPAN("host"));

    /* RFC 9112 3.2: a server MUST respond with 400 to a 1.1 request that lacks a Host field,
     * and to any request with more than one or with an invalid value */
    if (field == NULL) {
        if (version_minor > 0) {
            *fault = HTTP1_FAULT_NO_HOST_FIELD;
            return ERR_PROTO;
        }
        *ret_host = (struct http1_authority){0};
        return OK;
    }
    if (http1_fields_count(fields, SPAN("host")) > 1) {
        *fault = HTTP1_FAULT_HOST_TWICE;
        return ERR_PROTO;
    }
    return http1_authority_read(field->value, ret_host, fault);
}
