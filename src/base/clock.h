/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Monotonic milliseconds. Sans-IO code is told what time it is; only io/ asks the system. Wall
 * time is for people to read and never decides anything.
 */
#pragma once

#include <stdint.h>

typedef uint64_t msec;

#define MSEC_NEVER UINT64_MAX

/** The earlier of two deadlines. */
static inline msec msec_min(msec a, msec b)
{
    return a < b ? a : b;
}
