/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Two realms with one queue, on a kind of store that is shared: what the promises are for. Part
 * of store_contract_shared; the long random runs are test/sim/store/queue_shared_sim.c.
 */
#pragma once

/** The tests; how many failed. */
int store_contract_queue_run(void);
