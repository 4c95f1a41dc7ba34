/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_body.h"

#include "base/text.h"

/* RFC 9112 6.3 item 4: in a request the last coding must be chunked, and 7.1: chunked MUST NOT
 * be applied twice; so "chunked" stands exactly once, at the end. Codings before it are not
 * known here. A response with another last coding would end with the connection; it is refused
 * like one with a coding before chunked, as we send no TE that would allow for either (6.1). */
static enum http1_fault read_codings(struct http1_fields fields)
{
    struct http1_fields_list list = http1_fields_list(fields, SPAN("transfer-encoding"));
    unsigned chunked = 0;
    unsigned others = 0;
    bool ends_chunked = false;
    struct span coding;

    while (http1_fields_list_next(&list, &coding)) {
        ends_chunked = span_equals_nocase(coding, "chunked");
        chunked += ends_chunked ? 1 : 0;
        others += ends_chunked ? 0 : 1;
    }
    if (!ends_chunked || chunked != 1) {
        return HTTP1_FAULT_TRANSFER_ENCODING;
    }
    /* RFC 9112 6.1: to an unknown coding a server SHOULD respond with 501 */
    return others > 0 ? HTTP1_FAULT_TRANSFER_CODING : HTTP1_FAULT_NONE;
}

static enum http1_fault read_framing(struct http1_fields fields, uint8_t version_minor,
                                     struct http1_body *body)
{
    const struct http1_field *length = http1_fields_find(fields, SPAN("content-length"));

    if (http1_fields_find(fields, SPAN("transfer-encoding")) != NULL) {
        /* RFC 9112 6.1: with 1.0 the framing MUST be treated as faulty. 6.3 item 3: both may be
         * an attempt at request smuggling, and a server MAY reject it: we do. */
        if (version_minor == 0) {
            return HTTP1_FAULT_TRANSFER_ENCODING_1_0;
        }
        if (length != NULL) {
            return HTTP1_FAULT_TWO_LENGTHS;
        }
        body->type = HTTP1_BODY_CHUNKED;
        return read_codings(fields);
    }
    if (length == NULL) {
        return HTTP1_FAULT_NONE; /* item 7 */
    }
    /* Item 5: a list of equal lengths MAY be taken for one. It is not: nobody needs it. */
    if (http1_fields_count(fields, SPAN("content-length")) > 1) {
        return HTTP1_FAULT_CONTENT_LENGTH_TWICE;
    }
    if (!text_u64(length->value, UINT64_MAX, &body->length)) {
        return HTTP1_FAULT_CONTENT_LENGTH;
    }
    body->type = body->length > 0 ? HTTP1_BODY_LENGTH : HTTP1_BODY_NONE;
    return HTTP1_FAULT_NONE;
}

enum err http1_body_of_request(struct http1_fields fields, uint8_t version_minor,
                               struct http1_body *ret_body, enum http1_fault *fault)
{
    struct http1_body body = {.type = HTTP1_BODY_NONE};
    enum http1_fault found = read_framing(fields, version_minor, &body);

    if (found != HTTP1_FAULT_NONE) {
        *fault = found;
        return ERR_PROTO;
    }
    *ret_body = body;
    return OK;
}

/* RFC 9112 6.3 items 1 and 2: these end with their head, whatever their fields say */
static bool is_without_body(const struct http1_body_answer *answer)
{
    return span_equals(answer->method, "HEAD") || answer->status < 200 ||
           answer->status == 204 || answer->status == 304 ||
           (span_equals(answer->method, "CONNECT") && answer->status < 300);
}

enum err http1_body_of_response(struct http1_fields fields,
                                const struct http1_body_answer *answer,
                                struct http1_body *ret_body, enum http1_fault *fault)
{
    struct http1_body body = {.type = HTTP1_BODY_NONE};
    enum http1_fault found = read_framing(fields, answer->version_minor, &body);

    /* Also where there is no body: a length that nobody can read is not passed on. */
    if (found != HTTP1_FAULT_NONE) {
        *fault = found;
        return ERR_PROTO;
    }
    if (is_without_body(answer)) {
        body = (struct http1_body){.type = HTTP1_BODY_NONE};
    } else if (body.type == HTTP1_BODY_NONE &&
               http1_fields_find(fields, SPAN("content-length")) == NULL) {
        body.type = HTTP1_BODY_UNTIL_CLOSE; /* item 8 */
    }
    *ret_body = body;
    return OK;
}
