/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What stands between a selector's operators: names with their paths, and literals.
 */
#pragma once

#include "pubsub/selector_scan.h"

/** Whether the next token is a number, or any literal; NULL is none. */
bool selector_operand_is_number(const struct selector_scan *scan);
bool selector_operand_is_literal(const struct selector_scan *scan);

/** The next token, which is a literal. `has_minus`: a minus stands before it. */
must_check enum err selector_operand_literal(struct selector_scan *scan, bool has_minus,
                                             struct selector_node **ret_node);

/** A NAME or QUOTED is next, and what belongs to it: a.b[1].c[] */
must_check enum err selector_operand_path(struct selector_scan *scan,
                                          struct selector_node **ret_node);
