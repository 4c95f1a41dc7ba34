/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The locks of a shared store. Part of store_contract_shared.
 */
#pragma once

/** The tests; how many failed. */
int store_contract_lock_run(void);
