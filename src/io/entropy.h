/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Chance from the system (getrandom), for masks, session ids and keys.
 */
#pragma once

#include "base/rng.h"

/** Ends the process with a sentence when the system has no entropy to give. */
struct rng entropy_rng(void);
