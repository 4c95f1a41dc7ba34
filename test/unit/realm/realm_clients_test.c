/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_clients.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <stdio.h>

static struct addr at(const char *host)
{
    struct addr addr;

    assert_true(addr_parse(span_str(host), 4711, &addr));
    return addr;
}

static enum err enter(struct realm_clients *clients, const char *host, size_t max,
                      struct realm_clients_client **ret_client)
{
    const struct addr addr = at(host);

    return realm_clients_enter(clients, &addr, max, ret_client);
}

static void an_address_has_as_many_connections_as_it_may(void **state)
{
    struct realm_clients_client *a[3], *b;
    struct realm_clients clients;

    (void)state;
    realm_clients_init(&clients);
    assert_ok(enter(&clients, "192.0.2.1", 2, &a[0]));
    assert_ok(enter(&clients, "::ffff:192.0.2.1", 2, &a[1]));
    assert_int_equal(enter(&clients, "192.0.2.1", 2, &a[2]), ERR_LIMIT);
    assert_ok(enter(&clients, "192.0.2.2", 2, &b));
    assert_ptr_equal(a[0], a[1]);
    realm_clients_leave(&clients, a[0]);
    assert_ok(enter(&clients, "192.0.2.1", 2, &a[2]));
    realm_clients_leave(&clients, a[1]);
    realm_clients_leave(&clients, a[2]);
    realm_clients_leave(&clients, b);
    assert_int_equal(map_count(&clients.map), 0);
    realm_clients_fini(&clients);
}

static void a_network_of_64_bits_is_one_client(void **state)
{
    struct realm_clients_client *a, *b, *c;
    struct realm_clients clients;

    (void)state;
    realm_clients_init(&clients);
    assert_ok(enter(&clients, "2001:db8:0:1::1", 1, &a));
    assert_int_equal(enter(&clients, "2001:db8:0:1:ffff::2", 1, &b), ERR_LIMIT);
    assert_ok(enter(&clients, "2001:db8:0:2::1", 1, &b));
    assert_ok(enter(&clients, "2001:db8:0:1::3", 0, &c)); /* no limit */
    realm_clients_leave(&clients, a);
    realm_clients_leave(&clients, b);
    realm_clients_leave(&clients, c);
    realm_clients_fini(&clients);
}

static void failures_are_counted_over_connections_and_forgiven_in_time(void **state)
{
    struct realm_clients_client *client;
    struct realm_clients clients;

    (void)state;
    realm_clients_init(&clients);
    for (int i = 0; i < 3; i++) {
        assert_ok(enter(&clients, "192.0.2.1", 0, &client));
        assert_true(realm_clients_may_try(client, 3, 1000));
        assert_int_equal(realm_clients_failed(client, 3, 1000), i == 2); /* said once */
        realm_clients_leave(&clients, client);
    }
    assert_ok(enter(&clients, "192.0.2.1", 0, &client));
    assert_int_equal(clients.remembered_count, 0);
    assert_false(realm_clients_may_try(client, 3, 1000));
    assert_false(realm_clients_failed(client, 3, 1000)); /* one that was on its way */
    assert_false(realm_clients_may_try(client, 3, 40999));
    assert_true(realm_clients_may_try(client, 3, 41000)); /* two twenty seconds later */
    assert_true(realm_clients_may_try(client, 0, 1000));  /* no limit */
    assert_false(realm_clients_failed(client, 0, 1000));
    realm_clients_leave(&clients, client);
    realm_clients_fini(&clients);
}

static void another_limit_does_not_forgive_what_has_failed(void **state)
{
    struct realm_clients_client *client;
    struct realm_clients clients;

    (void)state;
    realm_clients_init(&clients);
    assert_ok(enter(&clients, "192.0.2.1", 0, &client));
    for (int i = 0; i < 4; i++) { /* by turns, as before and after a reload */
        realm_clients_failed(client, i % 2 == 0 ? 2 : 3, 1000);
    }
    assert_false(realm_clients_may_try(client, 2, 1000));
    assert_false(realm_clients_may_try(client, 3, 1000));
    realm_clients_leave(&clients, client);
    realm_clients_fini(&clients);
}

static void the_longest_gone_is_forgotten_first(void **state)
{
    struct realm_clients_client *client;
    struct realm_clients clients;

    (void)state;
    realm_clients_init(&clients);
    for (int i = 0; i <= REALM_CLIENTS_REMEMBERED_MAX; i++) {
        char host[32];

        snprintf(host, sizeof host, "10.0.%d.%d", i / 256, i % 256);
        assert_ok(enter(&clients, host, 0, &client));
        realm_clients_failed(client, 1, 0);
        realm_clients_leave(&clients, client);
    }
    assert_int_equal(clients.remembered_count, REALM_CLIENTS_REMEMBERED_MAX);
    assert_int_equal(map_count(&clients.map), REALM_CLIENTS_REMEMBERED_MAX);
    assert_ok(enter(&clients, "10.0.0.0", 0, &client));
    assert_true(realm_clients_may_try(client, 1, 0)); /* forgotten */
    realm_clients_leave(&clients, client);
    assert_ok(enter(&clients, "10.0.0.1", 0, &client));
    assert_false(realm_clients_may_try(client, 1, 0));
    realm_clients_leave(&clients, client);
    realm_clients_fini(&clients);
}

static void come_and_go(void)
{
    struct realm_clients_client *client;
    struct realm_clients clients;
    enum err e;

    realm_clients_init(&clients);
    e = enter(&clients, "::1", 1, &client);
    assert_true(e == OK || (e == ERR_NOMEM && oom_has_struck()));
    if (e == OK) {
        realm_clients_failed(client, 1, 0);
        realm_clients_leave(&clients, client);
    }
    realm_clients_fini(&clients);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(come_and_go);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_as_many_connections_as_it_may),
        cmocka_unit_test(a_network_of_64_bits_is_one_client),
        cmocka_unit_test(failures_are_counted_over_connections_and_forgiven_in_time),
        cmocka_unit_test(another_limit_does_not_forgive_what_has_failed),
        cmocka_unit_test(the_longest_gone_is_forgotten_first),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
