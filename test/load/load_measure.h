/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a stretch of work has taken: time, and CPU time and memory of the realm that was asked.
 */
#pragma once

#include <stddef.h>

struct load_measure {
    size_t pid; /* of the realm; 0: its CPU time and memory are not known */
    double at, cpu, memory;
};

/** Seconds, monotonic. */
double load_measure_now(void);

/** Now it begins. */
void load_measure_begin(struct load_measure *measure, size_t pid);

/** One line of JSON: what was done `count` times since then, and how often it was `refused`. */
void load_measure_tell(const struct load_measure *measure, const char *what, size_t count,
                       size_t refused);
