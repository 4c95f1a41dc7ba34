/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/resolver_cache.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <stdio.h>

enum {
    NOW = 5000000,
    HOUR = 3600 * 1000,
    MAX_AGE = 300 * 1000,
};

static struct resolver_cache cache;

static int open_cache(void **state)
{
    (void)state;
    resolver_cache_init(&cache, 3, MAX_AGE);
    return 0;
}

static int close_cache(void **state)
{
    (void)state;
    resolver_cache_fini(&cache);
    return 0;
}

static void put(const char *name, size_t count, msec age)
{
    struct resolver_cache_key key = resolver_cache_key_of(span_str(name), AF_INET);
    struct addr addrs[RESOLVER_ADDRS_MAX];

    for (size_t i = 0; i < count; i++) {
        char text[32];

        snprintf(text, sizeof text, "192.0.2.%zu", i + 1);
        assert_true(addr_parse(span_str(text), 0, &addrs[i]));
    }
    resolver_cache_put(&cache, &key, NOW, addrs, count, age);
}

/* "" for what is not known, "none" for a name that does not exist, or the addresses. */
static const char *find(const char *name, int family, msec now)
{
    static char room[RESOLVER_ADDRS_MAX * ADDR_TEXT_BYTES];
    struct resolver_cache_key key = resolver_cache_key_of(span_str(name), (uint8_t)family);
    struct addr addrs[RESOLVER_ADDRS_MAX];
    size_t count;
    size_t used = 0;

    if (!resolver_cache_find(&cache, &key, now, addrs, &count)) {
        return "";
    }
    room[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        char text[ADDR_TEXT_BYTES];

        assert_int_equal(addr_port(&addrs[i]), 0);
        used += (size_t)snprintf(room + used, sizeof room - used, "%s%s", i == 0 ? "" : " ",
                                 addr_host_text(&addrs[i], text));
    }
    return count == 0 ? "none" : room;
}

static void an_answer_holds_for_its_time_and_no_longer(void **state)
{
    (void)state;
    put("a.test", 1, 20000);
    assert_string_equal(find("a.test", AF_INET, NOW), "192.0.2.1");
    assert_string_equal(find("A.TEST", AF_INET, NOW + 19999), "192.0.2.1");
    assert_string_equal(find("a.test", AF_INET, NOW + 20000), "");
    assert_string_equal(find("a.test", AF_INET, NOW), ""); /* dropped for good */
}

static void ages_are_bounded_both_ways(void **state)
{
    (void)state;
    put("none.test", 1, 0);
    put("long.test", 1, 24 * (msec)HOUR);
    assert_string_equal(find("none.test", AF_INET, NOW + 999), "192.0.2.1");
    assert_string_equal(find("none.test", AF_INET, NOW + 1000), "");
    assert_string_equal(find("long.test", AF_INET, NOW + MAX_AGE - 1), "192.0.2.1");
    assert_string_equal(find("long.test", AF_INET, NOW + MAX_AGE), "");
}

static void that_a_name_does_not_exist_holds_five_seconds(void **state)
{
    (void)state;
    put("a.test", 0, HOUR);
    assert_string_equal(find("a.test", AF_INET, NOW + 4999), "none");
    assert_string_equal(find("a.test", AF_INET, NOW + 5000), "");
}

static void addresses_take_turns(void **state)
{
    (void)state;
    put("a.test", 3, HOUR);
    /* who asked the name server has begun with the first */
    assert_string_equal(find("a.test", AF_INET, NOW), "192.0.2.2 192.0.2.3 192.0.2.1");
    assert_string_equal(find("a.test", AF_INET, NOW), "192.0.2.3 192.0.2.1 192.0.2.2");
    assert_string_equal(find("a.test", AF_INET, NOW), "192.0.2.1 192.0.2.2 192.0.2.3");
}

static void names_families_and_final_dots_are_told_apart(void **state)
{
    (void)state;
    put("a.test", 1, HOUR);
    assert_string_equal(find("a.test", AF_INET6, NOW), "");
    assert_string_equal(find("a.test.", AF_INET, NOW), ""); /* no search list for this one */
    assert_string_equal(find("b.test", AF_INET, NOW), "");
    assert_string_equal(find("", AF_INET, NOW), "");
}

static void a_newer_answer_replaces_the_older(void **state)
{
    (void)state;
    put("a.test", 1, HOUR);
    put("a.test", 0, HOUR);
    assert_string_equal(find("a.test", AF_INET, NOW), "none");
}

static void who_was_not_used_for_longest_gives_way(void **state)
{
    (void)state;
    put("a.test", 1, HOUR);
    put("b.test", 1, HOUR);
    put("c.test", 1, HOUR);
    assert_string_equal(find("a.test", AF_INET, NOW), "192.0.2.1");
    put("d.test", 1, HOUR);
    assert_string_equal(find("a.test", AF_INET, NOW), "192.0.2.1");
    assert_string_equal(find("b.test", AF_INET, NOW), "");
    assert_string_equal(find("c.test", AF_INET, NOW), "192.0.2.1");
    assert_string_equal(find("d.test", AF_INET, NOW), "192.0.2.1");
    assert_int_equal(map_count(&cache.entries), 3);
}

static void a_cache_of_nothing_remembers_nothing(void **state)
{
    (void)state;
    resolver_cache_fini(&cache);
    resolver_cache_init(&cache, 0, MAX_AGE);
    put("a.test", 1, HOUR);
    assert_string_equal(find("a.test", AF_INET, NOW), "");
}

static void localhost_is_known_from_birth(void **state)
{
    (void)state;
    assert_string_equal(find("localhost", AF_INET, NOW), "127.0.0.1");
    assert_string_equal(find("LOCALHOST.", AF_INET6, NOW), "::1");
    assert_string_equal(find("a.localhost", AF_INET, NOW), "127.0.0.1");
    assert_string_equal(find("notlocalhost", AF_INET, NOW), "");
}

static void fill_without_memory(void)
{
    resolver_cache_init(&cache, 2, MAX_AGE);
    put("a.test", 2, HOUR);
    put("b.test", 0, HOUR);
    put("c.test", 1, HOUR);
    if (!oom_has_struck()) {
        assert_string_equal(find("c.test", AF_INET, NOW), "192.0.2.1");
    }
    resolver_cache_fini(&cache);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(fill_without_memory);
}

int main(void)
{
#define WITH_CACHE(test) cmocka_unit_test_setup_teardown(test, open_cache, close_cache)
    const struct CMUnitTest tests[] = {
        WITH_CACHE(an_answer_holds_for_its_time_and_no_longer),
        WITH_CACHE(ages_are_bounded_both_ways),
        WITH_CACHE(that_a_name_does_not_exist_holds_five_seconds),
        WITH_CACHE(addresses_take_turns),
        WITH_CACHE(names_families_and_final_dots_are_told_apart),
        WITH_CACHE(a_newer_answer_replaces_the_older),
        WITH_CACHE(who_was_not_used_for_longest_gives_way),
        WITH_CACHE(a_cache_of_nothing_remembers_nothing),
        WITH_CACHE(localhost_is_known_from_birth),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
