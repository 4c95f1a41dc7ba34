/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_clientname.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/io/fake_dns.h"

static struct fake_dns_row rows[] = {
    {.name = "7.2.0.192.in-addr.arpa",
     .family = AF_INET,
     .kind = FAKE_DNS_PTR,
     .addrs = "desk.example.test"},
    {.name = "desk.example.test",
     .family = AF_INET,
     .kind = FAKE_DNS_ADDRS,
     .addrs = "192.0.2.6 192.0.2.7 "},
    {.name = "8.2.0.192.in-addr.arpa",
     .family = AF_INET,
     .kind = FAKE_DNS_PTR,
     .addrs = "trusted.example.test"},
    {.name = "trusted.example.test",
     .family = AF_INET,
     .kind = FAKE_DNS_ADDRS,
     .addrs = "192.0.2.1 "},
    {.name = "9.2.0.192.in-addr.arpa",
     .family = AF_INET,
     .kind = FAKE_DNS_PTR,
     .addrs = "gone.example.test"},
    {.name = NULL},
};

struct seen {
    int answers;
    char name[64];
};

static void on_done(void *ctx, struct span name)
{
    struct seen *seen = ctx;

    seen->answers++;
    if (name.len > 0) {
        memcpy(seen->name, name.ptr, name.len);
    }
}

static struct seen name_of(const char *address)
{
    struct seen seen = {0};
    struct loop *loop;
    struct resolver *resolver;
    struct fake_dns dns;
    struct proxy_clientname *lookup;
    struct addr addr;

    fake_dns_begin(&dns, rows, &loop, &resolver);
    assert_true(addr_parse(span_str(address), 50000, &addr));
    assert_ok(proxy_clientname_ask(resolver, &addr, on_done, &seen, &lookup));
    for (int i = 0; seen.answers == 0 && i < 1000; i++) {
        assert_ok(loop_turn(loop, 20000));
    }
    assert_int_equal(seen.answers, 1);
    fake_dns_end(&dns, loop, resolver);
    return seen;
}

static void a_name_counts_when_it_leads_back_to_the_address(void **state)
{
    (void)state;
    assert_string_equal(name_of("192.0.2.7").name, "desk.example.test");
    assert_string_equal(name_of("::ffff:192.0.2.7").name, "desk.example.test");
}

static void a_name_that_anybody_can_claim_does_not_count(void **state)
{
    (void)state;
    assert_string_equal(name_of("192.0.2.8").name, ""); /* leads to another address */
    assert_string_equal(name_of("192.0.2.9").name, ""); /* leads nowhere */
    assert_string_equal(name_of("192.0.2.10").name, "");
}

static void ask_and_cancel(void)
{
    struct loop *loop = NULL;
    struct resolver *resolver = NULL;
    struct proxy_clientname *lookup;
    struct seen seen = {0};
    struct addr addr;

    if (addr_parse(SPAN("127.0.0.1"), 1, &addr) && loop_new(&loop) == OK &&
        resolver_new(&resolver, loop) == OK &&
        proxy_clientname_ask(resolver, &addr, on_done, &seen, &lookup) == OK) {
        proxy_clientname_cancel(lookup);
    }
    resolver_free(resolver);
    loop_free(loop);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(ask_and_cancel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_counts_when_it_leads_back_to_the_address),
        cmocka_unit_test(a_name_that_anybody_can_claim_does_not_count),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
