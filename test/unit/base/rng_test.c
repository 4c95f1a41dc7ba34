/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/rng.h"

#include "lib/testing.h"

static void the_same_seed_gives_the_same_bytes(void **state)
{
    struct rng one = rng_seeded(42), other = rng_seeded(42), third = rng_seeded(43);
    uint8_t a[13], b[13], c[13];

    (void)state;
    rng_fill(&one, mspan_of(a, sizeof a));
    rng_fill(&other, mspan_of(b, sizeof b));
    rng_fill(&third, mspan_of(c, sizeof c));
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);
    assert_int_not_equal(rng_u32(&one), rng_u32(&one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
