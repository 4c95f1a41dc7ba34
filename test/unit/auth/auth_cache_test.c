/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "auth/auth_cache.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <stdio.h>

static struct auth_cache_key key_of(const struct auth_cache *cache, const char *hash,
                                    const char *user, const char *password)
{
    struct auth_cache_key key;

    assert_ok(
        auth_cache_digest(cache, span_str(hash), span_str(user), span_str(password), &key));
    return key;
}

static struct auth_cache *new_cache(msec ttl)
{
    struct rng rng = rng_seeded(1);
    struct auth_cache *cache;

    assert_ok(auth_cache_new(&cache, ttl, &rng));
    return cache;
}

static void what_was_right_is_remembered_for_a_while(void **state)
{
    struct auth_cache *cache = new_cache(1000);
    struct auth_cache_key key = key_of(cache, "h", "u", "p");

    (void)state;
    assert_false(auth_cache_has(cache, &key, 0));
    auth_cache_put(cache, &key, 5000);
    assert_true(auth_cache_has(cache, &key, 5999));
    assert_false(auth_cache_has(cache, &key, 6000));
    auth_cache_put(cache, &key, 7000);
    assert_true(auth_cache_has(cache, &key, 7999));
    auth_cache_set_ttl(cache, 0);
    auth_cache_put(cache, &key, 7000);
    assert_false(auth_cache_has(cache, &key, 7000));
    auth_cache_free(cache);
}

static void nothing_else_is_taken_for_it(void **state)
{
    static const char *const others[][3] = {
        {"h", "u", "q"}, {"h", "v", "p"}, {"g", "u", "p"}, {"h", "up", ""}, {"hu", "", "p"}};
    struct auth_cache *cache = new_cache(1000);
    struct auth_cache_key key = key_of(cache, "h", "u", "p");

    (void)state;
    auth_cache_put(cache, &key, 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct auth_cache_key other = key_of(cache, others[i][0], others[i][1], others[i][2]);

        assert_false(auth_cache_has(cache, &other, 1));
    }
    auth_cache_free(cache);
}

static void a_full_memory_forgets_the_oldest(void **state)
{
    struct auth_cache *cache = new_cache(1000000);
    struct auth_cache_key last;
    size_t found = 0;

    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        char user[16];

        snprintf(user, sizeof user, "%u", i);
        last = key_of(cache, "h", user, "p");
        auth_cache_put(cache, &last, i);
        assert_true(auth_cache_has(cache, &last, i));
    }
    for (unsigned i = 0; i < 5000; i++) {
        char user[16];
        struct auth_cache_key key;

        snprintf(user, sizeof user, "%u", i);
        key = key_of(cache, "h", user, "p");
        found += auth_cache_has(cache, &key, 5000) ? 1 : 0;
    }
    assert_in_range(found, 900, 1024);
    auth_cache_free(cache);
}

static void make_one(void)
{
    struct rng rng = rng_seeded(1);
    struct auth_cache *cache;

    if (auth_cache_new(&cache, 1000, &rng) == OK) {
        auth_cache_free(cache);
    }
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(make_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_right_is_remembered_for_a_while),
        cmocka_unit_test(nothing_else_is_taken_for_it),
        cmocka_unit_test(a_full_memory_forgets_the_oldest),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
