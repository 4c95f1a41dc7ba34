/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/json.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <stdlib.h>

#define BYTES(literal)                                     \
    {                                                      \
        (const uint8_t *)("" literal), sizeof(literal) - 1 \
    }

static const struct {
    struct span text;
    const char *json;
} strings[] = {
    {BYTES(""), "\"\""},
    {BYTES("plain"), "\"plain\""},
    {BYTES("a\"b\\c"), "\"a\\\"b\\\\c\""},
    {BYTES("a\nb\tc\0d\x7f"), "\"a\\nb\\u0009c\\u0000d\\u007f\""},
    {BYTES("gr\xc3\xbcn"), "\"gr\xc3\xbcn\""},
    {BYTES("gr\xfcn"), "\"gr\\u00fcn\""}, /* not UTF-8: Latin-1 */
};

static void a_string_is_json_whatever_its_bytes_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        struct buf out;

        buf_init(&out, 100);
        assert_ok(json_put_string(&out, strings[i].text));
        assert_int_equal(out.len, strlen(strings[i].json));
        assert_memory_equal(out.ptr, strings[i].json, out.len);
        buf_fini(&out);
    }
}

static void a_string_that_does_not_fit_is_no_ok(void **state)
{
    struct buf out;

    (void)state;
    for (size_t max = 0; max < 6; max++) {
        buf_init(&out, max);
        assert_int_equal(json_put_string(&out, SPAN("a\"b")), ERR_LIMIT);
        buf_fini(&out);
    }
}

static void bytes_are_written_in_base64(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    assert_ok(json_put_base64(&out, SPAN("")));
    assert_ok(json_put_base64(&out, SPAN("a")));
    assert_ok(json_put_base64(&out, SPAN("ab\xff")));
    assert_int_equal(out.len, strlen("\"\"\"YQ==\"\"YWL/\""));
    assert_memory_equal(out.ptr, "\"\"\"YQ==\"\"YWL/\"", out.len);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_is_json_whatever_its_bytes_are),
        cmocka_unit_test(a_string_that_does_not_fit_is_no_ok),
        cmocka_unit_test(bytes_are_written_in_base64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
