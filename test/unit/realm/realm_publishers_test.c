/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_publishers.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <stdio.h>

static enum err count(struct realm_publishers *publishers, const char *key, msec now)
{
    msec wait = 0;
    enum err e = realm_publishers_count(publishers, span_str(key), 10, 3, now, &wait);

    assert_int_equal(wait > 0, e == ERR_AGAIN);
    return e;
}

static void each_key_has_a_rate_of_its_own(void **state)
{
    struct realm_publishers publishers;
    msec wait;

    (void)state;
    realm_publishers_init(&publishers);
    for (int i = 0; i < 3; i++) {
        assert_ok(count(&publishers, "ualice", 5000));
    }
    assert_int_equal(realm_publishers_count(&publishers, SPAN("ualice"), 10, 3, 5000, &wait),
                     ERR_AGAIN);
    assert_int_equal(wait, 100);
    assert_ok(count(&publishers, "ubob", 5000));
    assert_int_equal(count(&publishers, "ualice", 5099), ERR_AGAIN);
    assert_ok(count(&publishers, "ualice", 5100));
    realm_publishers_fini(&publishers);
}

static void another_rate_counts_at_once(void **state)
{
    struct realm_publishers publishers;
    msec wait;

    (void)state;
    realm_publishers_init(&publishers);
    for (int i = 0; i < 3; i++) {
        assert_ok(count(&publishers, "ualice", 5000));
    }
    assert_ok(realm_publishers_count(&publishers, SPAN("ualice"), 1, 1, 5000, &wait));
    assert_int_equal(realm_publishers_count(&publishers, SPAN("ualice"), 1, 1, 5000, &wait),
                     ERR_AGAIN);
    assert_int_equal(wait, 1000);
    realm_publishers_fini(&publishers);
}

static void who_published_longest_ago_is_forgotten_first(void **state)
{
    struct realm_publishers publishers;
    char key[20];

    (void)state;
    realm_publishers_init(&publishers);
    for (int i = 0; i < 3; i++) {
        assert_ok(count(&publishers, "first", 1000));
        assert_ok(count(&publishers, "second", 1000));
    }
    for (int i = 0; i < REALM_PUBLISHERS_MAX - 2; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_ok(count(&publishers, key, 1000));
    }
    assert_int_equal(count(&publishers, "first", 1000), ERR_AGAIN); /* and it is the newest */
    assert_ok(count(&publishers, "one more", 1000));
    assert_int_equal(map_count(&publishers.map), REALM_PUBLISHERS_MAX);
    assert_int_equal(count(&publishers, "first", 1000), ERR_AGAIN);
    assert_ok(count(&publishers, "second", 1000));
    realm_publishers_fini(&publishers);
}

static void count_without_memory(void)
{
    struct realm_publishers publishers;
    enum err e;

    realm_publishers_init(&publishers);
    e = count(&publishers, "ualice", 1000);
    assert_true(e == OK || e == ERR_NOMEM);
    realm_publishers_fini(&publishers);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(count_without_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_has_a_rate_of_its_own),
        cmocka_unit_test(another_rate_counts_at_once),
        cmocka_unit_test(who_published_longest_ago_is_forgotten_first),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
