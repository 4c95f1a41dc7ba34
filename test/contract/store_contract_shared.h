/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a shared store promises besides: two realms on one disk. Run for the kinds that have
 * open_second().
 */
#pragma once

#include "contract/store_contract_rig.h"

/** The tests; how many failed. */
int store_contract_shared_run(void);
