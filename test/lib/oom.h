/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * An allocator may fail anywhere: every_oom() runs a scenario with the 1st, 2nd, 3rd ...
 * allocation of our own objects failing in turn, until a run sees no failure.
 */
#pragma once

#include <stdbool.h>

/** The scenario must release all it took, whether it could finish or not. */
void oom_every(void (*scenario)(void));

/** Whether the allocation that was to fail has failed in this run. */
bool oom_has_struck(void);

#define every_oom(scenario) oom_every(scenario)
