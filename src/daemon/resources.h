/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the system lets the process have: file descriptors and memory.
 */
#pragma once

#include "conf/diag.h"

/** As many descriptors as the system gives, or `wanted` if we may say; a warning in the diag
 * when they are fewer than `least`. */
void resources_raise_descriptors(uint64_t wanted, uint64_t least, struct diag *diag);

/** How many descriptors the process may have; UINT64_MAX when the system does not say. */
uint64_t resources_descriptors(void);

/** Bytes of the process that are in memory now; 0 when the system does not say. */
uint64_t resources_resident_bytes(void);

/** Gives back to the system what the allocator keeps. Takes a while. */
void resources_trim(void);
