/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_body.h"

#include "lib/testing.h"

#define CL(value)                                     \
    {                                                 \
        SPAN_INIT("Content-Length"), SPAN_INIT(value) \
    }
#define TE(value)                                        \
    {                                                    \
        SPAN_INIT("transfer-encoding"), SPAN_INIT(value) \
    }

struct request {
    struct http1_field fields[2];
    size_t count;
    uint8_t minor;
    enum http1_fault fault;
    struct http1_body body;
};

/* clang-format off */
static const struct request requests[] = {
    {{{{0}, {0}}}, 0, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_NONE, 0}},
    {{CL("0")},    1, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_NONE, 0}},
    {{CL("5")},    1, 0, HTTP1_FAULT_NONE, {HTTP1_BODY_LENGTH, 5}},
    {{CL("18446744073709551615")}, 1, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_LENGTH, UINT64_MAX}},
    {{TE("chunked")},              1, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_CHUNKED, 0}},
    {{TE("Chunked")},              1, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_CHUNKED, 0}},
    {{TE("")},     1, 1, HTTP1_FAULT_TRANSFER_ENCODING, {0}},
    {{TE("gzip")}, 1, 1, HTTP1_FAULT_TRANSFER_ENCODING, {0}},
    {{TE("identity")},             1, 1, HTTP1_FAULT_TRANSFER_ENCODING, {0}},
    {{TE("xchunked")},             1, 1, HTTP1_FAULT_TRANSFER_ENCODING, {0}},
    {{TE("chunked;q=1")},          1, 1, HTTP1_FAULT_TRANSFER_ENCODING, {0}},
    {{TE("chunked, chunked")},     1, 1, HTTP1_FAULT_TRANSFER_ENCODING, {0}},
    {{TE("chunked"), TE("chunked")}, 2, 1, HTTP1_FAULT_TRANSFER_ENCODING, {0}},
    {{TE("chunked"), TE("gzip")},  2, 1, HTTP1_FAULT_TRANSFER_ENCODING, {0}},
    {{TE("gzip"), TE("chunked")},  2, 1, HTTP1_FAULT_TRANSFER_CODING, {0}},
    {{TE("gzip, chunked")},        1, 1, HTTP1_FAULT_TRANSFER_CODING, {0}},
    {{TE("chunked")},              1, 0, HTTP1_FAULT_TRANSFER_ENCODING_1_0, {0}},
    {{CL("5"), TE("chunked")},     2, 1, HTTP1_FAULT_TWO_LENGTHS, {0}},
    {{TE("gzip"), CL("5")},        2, 1, HTTP1_FAULT_TWO_LENGTHS, {0}},
    {{CL("5"), CL("5")},           2, 1, HTTP1_FAULT_CONTENT_LENGTH_TWICE, {0}},
    {{CL("5"), CL("6")},           2, 1, HTTP1_FAULT_CONTENT_LENGTH_TWICE, {0}},
    {{CL("5, 5")}, 1, 1, HTTP1_FAULT_CONTENT_LENGTH, {0}},
    {{CL("")},     1, 1, HTTP1_FAULT_CONTENT_LENGTH, {0}},
    {{CL("+5")},   1, 1, HTTP1_FAULT_CONTENT_LENGTH, {0}},
    {{CL("-5")},   1, 1, HTTP1_FAULT_CONTENT_LENGTH, {0}},
    {{CL("0x5")},  1, 1, HTTP1_FAULT_CONTENT_LENGTH, {0}},
    {{CL("5 ")},   1, 1, HTTP1_FAULT_CONTENT_LENGTH, {0}},
    {{CL("18446744073709551616")}, 1, 1, HTTP1_FAULT_CONTENT_LENGTH, {0}},
};
/* clang-format on */

static void the_end_of_a_body_is_known_or_the_request_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        const struct request *request = &requests[i];
        const struct http1_fields fields = {request->fields, request->count};
        struct http1_body body = {.length = 7};
        enum http1_fault fault = HTTP1_FAULT_NONE;
        enum err e = http1_body_of_request(fields, request->minor, &body, &fault);

        assert_int_equal(fault, request->fault);
        if (request->fault == HTTP1_FAULT_NONE) {
            assert_int_equal(e, OK);
            assert_int_equal(body.type, request->body.type);
            assert_int_equal(body.length, request->body.length);
        } else {
            assert_int_equal(e, ERR_PROTO);
            assert_int_equal(body.length, 7);
        }
    }
}

struct response {
    struct http1_field fields[2];
    size_t count;
    const char *method;
    uint16_t status;
    uint8_t minor;
    enum http1_fault fault;
    struct http1_body body;
};

/* clang-format off */
static const struct response responses[] = {
    {{{{0}, {0}}}, 0, "GET", 200, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_UNTIL_CLOSE, 0}},
    {{{{0}, {0}}}, 0, "GET", 200, 0, HTTP1_FAULT_NONE, {HTTP1_BODY_UNTIL_CLOSE, 0}},
    {{CL("0")},    1, "GET", 200, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_NONE, 0}},
    {{CL("5")},    1, "GET", 200, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_LENGTH, 5}},
    {{CL("5")},    1, "GET", 404, 0, HTTP1_FAULT_NONE, {HTTP1_BODY_LENGTH, 5}},
    {{TE("chunked")}, 1, "GET", 200, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_CHUNKED, 0}},
    {{CL("5")},    1, "HEAD", 200, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_NONE, 0}},
    {{TE("chunked")}, 1, "HEAD", 200, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_NONE, 0}},
    {{{{0}, {0}}}, 0, "HEAD", 200, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_NONE, 0}},
    {{CL("5")},    1, "head", 200, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_LENGTH, 5}},
    {{{{0}, {0}}}, 0, "GET", 100, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_NONE, 0}},
    {{{{0}, {0}}}, 0, "GET", 101, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_NONE, 0}},
    {{{{0}, {0}}}, 0, "GET", 204, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_NONE, 0}},
    {{CL("5")},    1, "GET", 304, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_NONE, 0}},
    {{{{0}, {0}}}, 0, "CONNECT", 200, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_NONE, 0}},
    {{CL("5")},    1, "CONNECT", 403, 1, HTTP1_FAULT_NONE, {HTTP1_BODY_LENGTH, 5}},
    {{CL("5"), TE("chunked")}, 2, "GET",  200, 1, HTTP1_FAULT_TWO_LENGTHS, {0}},
    {{CL("5"), TE("chunked")}, 2, "HEAD", 200, 1, HTTP1_FAULT_TWO_LENGTHS, {0}},
    {{CL("5"), CL("5")},       2, "GET",  200, 1, HTTP1_FAULT_CONTENT_LENGTH_TWICE, {0}},
    {{CL("+5")},               1, "HEAD", 200, 1, HTTP1_FAULT_CONTENT_LENGTH, {0}},
    {{TE("gzip")},             1, "GET",  200, 1, HTTP1_FAULT_TRANSFER_ENCODING, {0}},
    {{TE("chunked")},          1, "GET",  200, 0, HTTP1_FAULT_TRANSFER_ENCODING_1_0, {0}},
};
/* clang-format on */

static void the_end_of_a_response_depends_on_what_it_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof responses / sizeof responses[0]; i++) {
        const struct response *row = &responses[i];
        const struct http1_fields fields = {row->fields, row->count};
        const struct http1_body_answer answer = {span_str(row->method), row->status,
                                                 row->minor};
        struct http1_body body = {.length = 7};
        enum http1_fault fault = HTTP1_FAULT_NONE;
        enum err e = http1_body_of_response(fields, &answer, &body, &fault);

        assert_int_equal(fault, row->fault);
        assert_int_equal(e, row->fault == HTTP1_FAULT_NONE ? OK : ERR_PROTO);
        if (e == OK) {
            assert_int_equal(body.type, row->body.type);
        }
        assert_int_equal(body.length, e == OK ? row->body.length : 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_of_a_response_depends_on_what_it_answers),
        cmocka_unit_test(the_end_of_a_body_is_known_or_the_request_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
