/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Walks a compiled selector with one event before it. Allocates nothing.
 */
#pragma once

#include "pubsub/selector_node.h"

/** SELECTOR_UNKNOWN too when `steps` do not suffice. */
enum selector_truth selector_eval(const struct selector_node *root,
                                  const struct selector_source *source, size_t steps);
