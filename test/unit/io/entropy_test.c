/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/entropy.h"

#include "lib/testing.h"

static void chance_fills_all_of_the_room_and_no_two_are_alike(void **state)
{
    static uint8_t first[1000], second[1000]; /* more than getrandom gives without a cut */
    struct rng rng = entropy_rng();
    size_t zeros = 0;

    (void)state;
    rng_fill(&rng, mspan_of(first, sizeof first));
    rng_fill(&rng, mspan_of(second, sizeof second));
    rng_fill(&rng, mspan_of(NULL, 0));
    assert_memory_not_equal(first, second, sizeof first);
    for (size_t i = 900; i < sizeof first; i++) {
        zeros += first[i] == 0;
    }
    assert_true(zeros < 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chance_fills_all_of_the_room_and_no_two_are_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
