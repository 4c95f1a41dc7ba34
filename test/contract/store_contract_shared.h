/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a shared store promises besides: two realms on one disk. For the kinds that have
 * open_second().
 */
#pragma once

/** The tests, those of the locks too; how many failed. */
int store_contract_shared_run(void);
