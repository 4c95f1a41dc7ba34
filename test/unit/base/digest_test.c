/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/digest.h"

#include "lib/testing.h"

/* RFC 6455 section 1.3. */
static void the_example_of_the_specification_comes_out(void **state)
{
    uint8_t sum[DIGEST_SHA1_BYTES];
    char text[DIGEST_SHA1_BASE64_CHARS + 1];

    (void)state;
    assert_ok(
        digest_sha1(SPAN("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11"), sum));
    assert_bytes(span_of(sum, sizeof sum),
                 span_ro(hex("b3 7a 4f 2c c0 62 4f 16 90 f6 46 06 cf 38 59 45 b2 be c4 ea")));
    digest_base64(span_of(sum, sizeof sum), text);
    assert_string_equal(text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void base64_is_measured_strictly(void **state)
{
    (void)state;
    assert_int_equal(digest_base64_bytes(SPAN("dGhlIHNhbXBsZSBub25jZQ==")), 16);
    assert_int_equal(digest_base64_bytes(SPAN("")), 0);
    assert_int_equal(digest_base64_bytes(SPAN("YQ==")), 1);
    assert_int_equal(digest_base64_bytes(SPAN("YWI=")), 2);
    assert_int_equal(digest_base64_bytes(SPAN("YWJj")), 3);
    assert_true(digest_base64_bytes(SPAN("YWJ")) == SIZE_MAX);
    assert_true(digest_base64_bytes(SPAN("Y===")) == SIZE_MAX);
    assert_true(digest_base64_bytes(SPAN("YW=j")) == SIZE_MAX);
    assert_true(digest_base64_bytes(SPAN("YW-j")) == SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_specification_comes_out),
        cmocka_unit_test(base64_is_measured_strictly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
