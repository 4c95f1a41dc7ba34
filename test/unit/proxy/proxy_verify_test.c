/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_verify.h"

#include "lib/loopback.h"
#include "lib/oom.h"
#include "unit/io/fake_dns.h"

static struct fake_dns_row rows[] = {
    {.name = "two.test",
     .family = AF_INET,
     .kind = FAKE_DNS_ADDRS,
     .addrs = "192.0.2.6 192.0.2.7 "},
    {.name = "two.test", .family = AF_INET6, .kind = FAKE_DNS_ADDRS, .addrs = "2001:db8::7 "},
    {.name = "silent.test", .family = AF_INET, .kind = FAKE_DNS_SILENCE},
    {.name = NULL},
};

struct seen {
    int answers;
    enum proxy_verify_result result;
};

static void on_done(void *ctx, enum proxy_verify_result result)
{
    struct seen *seen = ctx;

    seen->answers++;
    seen->result = result;
}

static bool is_answered(void *ctx)
{
    const struct seen *seen = ctx;

    return seen->answers > 0;
}

/* With `cancels` it is forgotten at once. */
static struct seen verify(const char *name, const char *origin, msec timeout, bool cancels)
{
    struct seen seen = {0};
    struct loop *loop;
    struct resolver *resolver;
    struct fake_dns dns;
    struct proxy_verify *verify;
    struct addr addr;
    const struct proxy_verify_request request = {.name = span_str(name),
                                                 .origin = &addr,
                                                 .timeout = timeout,
                                                 .done = on_done,
                                                 .ctx = &seen};

    assert_true(addr_parse(span_str(origin), 443, &addr));
    fake_dns_begin(&dns, rows, &loop, &resolver);
    assert_ok(proxy_verify_start(loop, resolver, &request, &verify));
    assert_int_equal(seen.answers, 0); /* never from inside */
    if (cancels) {
        proxy_verify_cancel(verify);
        loopback_settle(loop);
    } else {
        loopback_turn_until(loop, is_answered, &seen);
    }
    fake_dns_end(&dns, loop, resolver);
    return seen;
}

static void a_name_leads_to_an_address_when_it_is_among_its_own(void **state)
{
    static const struct {
        const char *name, *origin;
        enum proxy_verify_result result;
    } rows_of[] = {
        {"two.test", "192.0.2.6", PROXY_VERIFY_LEADS},
        {"two.test", "192.0.2.7", PROXY_VERIFY_LEADS},
        {"two.test", "192.0.2.8", PROXY_VERIFY_ELSEWHERE},
        {"two.test", "2001:db8::7", PROXY_VERIFY_LEADS},
        {"two.test", "2001:db8::8", PROXY_VERIFY_ELSEWHERE},
        {"none.test", "192.0.2.6", PROXY_VERIFY_ELSEWHERE},
        {"192.0.2.9", "192.0.2.6", PROXY_VERIFY_ELSEWHERE}, /* claims another address */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows_of / sizeof rows_of[0]; i++) {
        struct seen seen = verify(rows_of[i].name, rows_of[i].origin, 20000, false);

        assert_int_equal(seen.answers, 1);
        if (seen.result != rows_of[i].result) {
            fail_msg("%s and %s: %d", rows_of[i].name, rows_of[i].origin, seen.result);
        }
    }
}

static void silence_of_name_servers_is_a_failure_in_time(void **state)
{
    struct seen seen = verify("silent.test", "192.0.2.6", 1, false);

    (void)state;
    assert_int_equal(seen.answers, 1);
    assert_int_equal(seen.result, PROXY_VERIFY_FAILED);
}

static void who_cancels_is_not_called(void **state)
{
    (void)state;
    assert_int_equal(verify("two.test", "192.0.2.6", 20000, true).answers, 0);
    assert_int_equal(verify("192.0.2.9", "192.0.2.6", 20000, true).answers, 0);
    proxy_verify_cancel(NULL);
}

static void begin_and_cancel(void)
{
    struct loop *loop = NULL;
    struct resolver *resolver = NULL;
    struct proxy_verify *verify = NULL;
    struct seen seen = {0};
    struct addr addr;
    const struct proxy_verify_request request = {.name = SPAN("localhost"),
                                                 .origin = &addr,
                                                 .timeout = 20000,
                                                 .done = on_done,
                                                 .ctx = &seen};

    if (addr_parse(SPAN("127.0.0.1"), 1, &addr) && loop_new(&loop) == OK &&
        resolver_new(&resolver, loop) == OK &&
        proxy_verify_start(loop, resolver, &request, &verify) == OK) {
        proxy_verify_cancel(verify);
    }
    resolver_free(resolver);
    loop_free(loop);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(begin_and_cancel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_leads_to_an_address_when_it_is_among_its_own),
        cmocka_unit_test(silence_of_name_servers_is_a_failure_in_time),
        cmocka_unit_test(who_cancels_is_not_called),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
