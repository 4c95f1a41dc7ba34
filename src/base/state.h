/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A lifecycle as a table: for each state a name and the set of states that may follow. The one
 * function of a module that assigns a state asks state_may_move() in an assertion.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct state_rule {
    const char *name;
    uint32_t next; /* one bit for each state that may follow */
};

/** The set that holds state `n` alone. */
#define STATE_BIT(n) (1u << (n))

static inline bool state_may_move(const struct state_rule *rules, unsigned from, unsigned to)
{
    return (rules[from].next & STATE_BIT(to)) != 0;
}
