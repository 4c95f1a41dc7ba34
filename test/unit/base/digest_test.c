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

static void base64_is_decoded_in_its_one_form_alone(void **state)
{
    static const char *const wrong[] = {"YW", "YR==", "YWJ=", "Y===", "YW-j", "YWI", " YWI="};
    uint8_t room[8];
    size_t len;

    (void)state;
    assert_true(digest_base64_decode(SPAN("YWJj"), room, &len));
    assert_bytes(span_of(room, len), SPAN("abc"));
    assert_true(digest_base64_decode(SPAN("YWI="), room, &len));
    assert_bytes(span_of(room, len), SPAN("ab"));
    assert_true(digest_base64_decode(SPAN("YQ=="), room, &len));
    assert_bytes(span_of(room, len), SPAN("a"));
    assert_true(digest_base64_decode(SPAN(""), room, &len));
    assert_int_equal(len, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(digest_base64_decode(span_str(wrong[i]), room, &len));
    }
}

/* RFC 1321 A.5, RFC 4231 4.3. */
static void the_other_sums_are_those_of_their_rfcs(void **state)
{
    uint8_t md5[DIGEST_MD5_BYTES], mac[DIGEST_SHA256_BYTES];

    (void)state;
    assert_ok(digest_md5(SPAN("abc"), md5));
    assert_bytes(span_of(md5, sizeof md5),
                 span_ro(hex("90 01 50 98 3c d2 4f b0 d6 96 3f 7d 28 e1 7f 72")));
    assert_ok(digest_hmac_sha256(SPAN("Jefe"), SPAN("what do ya want for nothing?"), mac));
    assert_bytes(span_of(mac, sizeof mac),
                 span_ro(hex("5b dc c1 46 bf 60 75 4e 6a 04 24 26 08 95 75 c7"
                             "5a 00 3f 08 9d 27 39 83 9d ec 58 b9 64 ec 38 43")));
}

static void bytes_are_compared_whole(void **state)
{
    (void)state;
    assert_true(digest_same(SPAN(""), SPAN("")));
    assert_true(digest_same(SPAN("abc"), SPAN("abc")));
    assert_false(digest_same(SPAN("abc"), SPAN("abd")));
    assert_false(digest_same(SPAN("abc"), SPAN("ab")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_specification_comes_out),
        cmocka_unit_test(base64_is_measured_strictly),
        cmocka_unit_test(base64_is_decoded_in_its_one_form_alone),
        cmocka_unit_test(the_other_sums_are_those_of_their_rfcs),
        cmocka_unit_test(bytes_are_compared_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
