/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The promises about copies that are stored together with what they are made of.
 */
#pragma once

#include "contract/store_contract_rig.h"

/** For the kind whose turn it is. */
int store_contract_copy_run(void);

/** The same of a shared one. */
int store_contract_copy_run_shared(void);
