/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "auth/auth_basic.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include "base/digest.h"

#include <stdio.h>

static void credentials_are_read_as_they_are(void **state)
{
    static const struct {
        const char *value;
        const char *user, *password;
    } rows[] = {
        /* RFC 7617 2 and 2.1 */
        {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"},
        {"basic dGVzdDoxMjPCow==", "test", "123\xc2\xa3"},
        {"BASIC   YTo=", "a", ""},
        {"Basic YTpiOmM=", "a", "b:c"}, /* the first colon ends the name */
        {"Basic 6Tpi", "\xe9", "b"},    /* not UTF-8: nobody's business */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct auth_basic basic;

        assert_ok(auth_basic_read(span_str(rows[i].value), &basic));
        assert_bytes(basic.user, span_str(rows[i].user));
        assert_bytes(basic.password, span_str(rows[i].password));
        auth_basic_wipe(&basic);
    }
}

static void what_is_malformed_is_refused(void **state)
{
    static const char *const rows[] = {
        "Basic",
        "Basic ",
        "Basic YQ==",     /* no colon */
        "Basic OmI=",     /* no name */
        "Basic YTpi=",    /* padding that is none */
        "Basic YTpi ",    /* a blank */
        "Basic YTp\tiMQ", /* a tab */
        "Basic YT==pi",
        "Basic YTo",
        "Basic YTp=",     /* bits to spare that are not zero */
        "Basic YTo_",     /* another alphabet */
        "Basic YTpiAA==", /* a zero byte in the password */
        "Basic YQ06Yg==", /* a carriage return in the name */
        "Basic YTp/",     /* DEL */
        "Basic YTpi, Basic YTpi",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct auth_basic basic;

        if (auth_basic_read(span_str(rows[i]), &basic) != ERR_PROTO) {
            fail_msg("%s", rows[i]);
        }
    }
}

static void other_schemes_are_no_credentials(void **state)
{
    static const char *const rows[] = {"", "Negotiate YTpi", "BasicX YTpi", "Digest a=b",
                                       "Basic\tYTpi"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct auth_basic basic;

        assert_int_equal(auth_basic_read(span_str(rows[i]), &basic), ERR_AGAIN);
    }
}

static enum err read_lengths(size_t user, size_t password)
{
    uint8_t plain[2048];
    char value[4096] = "Basic ";
    struct auth_basic basic;
    enum err e;

    memset(plain, 'u', user);
    plain[user] = ':';
    memset(plain + user + 1, 'p', password);
    digest_base64(span_of(plain, user + 1 + password), value + 6);
    e = auth_basic_read(span_str(value), &basic);
    if (e == OK) {
        assert_int_equal(basic.user.len, user);
        assert_int_equal(basic.password.len, password);
    }
    return e;
}

static void there_is_a_longest_name_and_password(void **state)
{
    (void)state;
    assert_int_equal(read_lengths(255, 511), OK);
    assert_int_equal(read_lengths(256, 1), ERR_PROTO);
    assert_int_equal(read_lengths(256, 510), ERR_PROTO);
    assert_int_equal(read_lengths(1, 512), ERR_PROTO);
    assert_int_equal(read_lengths(255, 512), ERR_PROTO);
    assert_int_equal(read_lengths(1000, 1000), ERR_PROTO);
    for (size_t i = 0; i < 511; i++) {
        assert_int_equal(read_lengths(255, i), OK);
    }
}

static void two_fields_are_one_too_many(void **state)
{
    const struct http1_field fields[] = {
        {SPAN("Host"), SPAN("h")},
        {SPAN("proxy-AUTHORIZATION"), SPAN("Basic YTpi")},
        {SPAN("Proxy-Authorization"), SPAN("Basic YTpj")},
    };
    struct auth_basic basic;

    (void)state;
    assert_int_equal(auth_basic_find((struct http1_fields){fields, 1}, &basic), ERR_AGAIN);
    assert_ok(auth_basic_find((struct http1_fields){fields, 2}, &basic));
    assert_int_equal(auth_basic_find((struct http1_fields){fields, 3}, &basic), ERR_PROTO);
}

static void a_challenge_quotes_its_realm(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 30);
    assert_ok(auth_basic_challenge(SPAN("the \"lab\""), &out));
    assert_bytes(buf_span(&out), SPAN("Basic realm=\"the \\\"lab\\\"\""));
    assert_int_equal(auth_basic_challenge(SPAN("x"), &out), ERR_LIMIT);
    assert_bytes(buf_span(&out), SPAN("Basic realm=\"the \\\"lab\\\"\""));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_are_read_as_they_are),
        cmocka_unit_test(what_is_malformed_is_refused),
        cmocka_unit_test(other_schemes_are_no_credentials),
        cmocka_unit_test(there_is_a_longest_name_and_password),
        cmocka_unit_test(two_fields_are_one_too_many),
        cmocka_unit_test(a_challenge_quotes_its_realm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
