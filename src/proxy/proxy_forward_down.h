/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The response's way: interim heads, the final head, its content; or the 101 that ends HTTP.
 */
#pragma once

#include "proxy/proxy_forward_inside.h"

/** Moves what can be moved. True when it stopped only to be fair to others. */
bool proxy_forward_down_pump(struct proxy_forward *forward);
