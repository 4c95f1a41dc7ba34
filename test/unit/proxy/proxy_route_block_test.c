/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_route_block.h"

#include "lib/oom.h"
#include "unit/io/fake_dns.h"
#include "unit/proxy/route_conf.h"

enum {
    PATIENCE = 20000
};

static struct fake_dns_row rows[] = {
    {.name = "evil.test",
     .family = AF_INET,
     .kind = FAKE_DNS_ADDRS,
     .addrs = "192.0.2.1 192.0.2.2 "},
    {.name = "evil.test", .family = AF_INET6, .kind = FAKE_DNS_ADDRS, .addrs = "2001:db8::1 "},
    {.name = "ads", .family = AF_INET, .kind = FAKE_DNS_ADDRS, .addrs = "192.0.2.9 "},
    {.name = NULL},
};

static struct loop *loop;
static struct resolver *resolver;
static struct fake_dns dns;
static struct route_conf read;

static int open_all(void **state)
{
    (void)state;
    fake_dns_begin(&dns, rows, &loop, &resolver);
    route_conf_read(&read, "ProxyBlock ads\nProxyBlock evil.test\nProxyBlock localhost\n"
                           "ProxyBlock 10.0.0.1 nowhere.test\n");
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    fake_dns_end(&dns, loop, resolver);
    route_conf_free(&read);
    return 0;
}

/* The line that blocks it; 0: none does. */
static unsigned blocked_by(const struct proxy_route_block *block, const char *address)
{
    struct addr addr;
    unsigned line = 0;
    bool is_blocked;

    assert_true(addr_parse(span_str(address), 443, &addr));
    is_blocked = proxy_route_block_has(block, &addr, &line);
    assert_int_equal(is_blocked, line != 0);
    return line;
}

static void addresses_of_blocked_hosts_are_blocked(void **state)
{
    struct proxy_route_block *block;

    (void)state;
    assert_ok(proxy_route_block_new(&block, loop, resolver, &read.conf));
    assert_int_equal(blocked_by(block, "10.0.0.1"), 4); /* needs no name server */
    for (int i = 0;
         i < 1000 && blocked_by(block, "2001:db8::1") + blocked_by(block, "192.0.2.2") < 4;
         i++) {
        assert_ok(loop_turn(loop, PATIENCE));
    }
    assert_int_equal(blocked_by(block, "192.0.2.1"), 2);
    assert_int_equal(blocked_by(block, "192.0.2.2"), 2);
    assert_int_equal(blocked_by(block, "::ffff:192.0.2.2"), 2);
    assert_int_equal(blocked_by(block, "2001:db8::1"), 2);
    assert_int_equal(blocked_by(block, "127.0.0.1"), 3);
    assert_int_equal(blocked_by(block, "::1"), 3);
    assert_int_equal(blocked_by(block, "192.0.2.9"), 0); /* a mere word is not looked up */
    assert_int_equal(blocked_by(block, "127.0.0.2"), 0);
    assert_int_equal(rows[2].asked, 0);
    proxy_route_block_free(block);
}

static void it_can_be_freed_while_it_asks(void **state)
{
    struct proxy_route_block *block;

    (void)state;
    assert_ok(proxy_route_block_new(&block, loop, resolver, &read.conf));
    assert_ok(loop_turn(loop, 0));
    proxy_route_block_free(block);
    proxy_route_block_free(NULL);
}

static void open_without_memory(void)
{
    struct proxy_route_block *block;

    if (proxy_route_block_new(&block, loop, resolver, &read.conf) == OK) {
        assert_ok(loop_turn(loop, 0));
        proxy_route_block_free(block);
    }
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(open_without_memory);
}

int main(void)
{
#define WITH_DNS(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)
    const struct CMUnitTest tests[] = {
        WITH_DNS(addresses_of_blocked_hosts_are_blocked),
        WITH_DNS(it_can_be_freed_while_it_asks),
        WITH_DNS(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
