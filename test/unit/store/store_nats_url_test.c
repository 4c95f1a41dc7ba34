/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_url.h"

#include "lib/testing.h"

#include <stdio.h>

static void its_parts_are_found(void **state)
{
    struct store_nats_url url;
    const char *why;

    (void)state;
    assert_ok(
        store_nats_url_read(SPAN("tls://realm:a:word@one:4222,[::1]:4223,three"), &url, &why));
    assert_true(url.is_tls);
    assert_bytes(url.user, SPAN("realm"));
    assert_bytes(url.password, SPAN("a:word"));
    assert_int_equal(url.server_count, 3);
    assert_bytes(url.servers[0], SPAN("one:4222"));
    assert_bytes(url.servers[1], SPAN("[::1]:4223"));
    assert_bytes(url.servers[2], SPAN("three"));
    assert_ok(store_nats_url_read(SPAN("nats://host"), &url, &why));
    assert_false(url.is_tls);
    assert_int_equal(url.user.len, 0);
    assert_int_equal(url.server_count, 1);
}

static void every_fault_has_its_sentence(void **state)
{
    const struct {
        const char *text;
        const char *why;
    } faults[] = {
        {"http://host", "does not begin with nats:// or tls://"},
        {"", "does not begin with nats:// or tls://"},
        {"nats://", "has no host (write nats://host:4222)"},
        {"nats://a,,b", "has no host (write nats://host:4222)"},
        {"nats://:4222", "has no host (write nats://host:4222)"},
        {"nats://[::1", "has a [ without a ]"},
        {"nats://a:", "has a port that is none (write nats://host:4222)"},
        {"nats://a:0", "has a port that is none (write nats://host:4222)"},
        {"nats://a:65536", "has a port that is none (write nats://host:4222)"},
        {"nats://[::1]4222", "has a port that is none (write nats://host:4222)"},
        {"nats://user@host", "has no user or no password before the @"},
        {"nats://:word@host", "has no user or no password before the @"},
        {"nats://a b", "is too long, or has characters that do not belong there (write "
                       "nats://host:4222)"},
        {"nats://a/b", "is too long, or has characters that do not belong there (write "
                       "nats://host:4222)"},
        {"nats://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", "has more than 16 servers"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct store_nats_url url;
        const char *why = NULL;

        assert_int_equal(store_nats_url_read(span_str(faults[i].text), &url, &why), ERR_CONF);
        assert_string_equal(why, faults[i].why);
    }
}

static void one_that_is_too_long_is_refused(void **state)
{
    char text[STORE_NATS_URL_BYTES_MAX + 2];
    struct store_nats_url url;
    const char *why;

    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text, "nats://", 7);
    assert_ok(store_nats_url_read(span_of(text, STORE_NATS_URL_BYTES_MAX), &url, &why));
    assert_int_equal(
        store_nats_url_read(span_of(text, STORE_NATS_URL_BYTES_MAX + 1), &url, &why), ERR_CONF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_parts_are_found),
        cmocka_unit_test(every_fault_has_its_sentence),
        cmocka_unit_test(one_that_is_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
