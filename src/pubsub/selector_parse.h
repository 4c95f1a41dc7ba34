/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A selector's text becomes a tree of nodes. What can be known of types here is refused here.
 */
#pragma once

#include "base/arena.h"
#include "pubsub/selector_fault.h"
#include "pubsub/selector_node.h"

/** The nodes come out of the arena and borrow from `text` too. ERR_PROTO and ERR_LIMIT with
 *  *ret_fault set, ERR_NOMEM. */
must_check enum err selector_parse_tree(struct span text, struct arena *arena,
                                        struct selector_fault *ret_fault,
                                        const struct selector_node **ret_root);
