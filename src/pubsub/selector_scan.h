/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What reading a selector needs all the time: the next token, new nodes, refusals.
 */
#pragma once

#include "base/arena.h"
#include "pubsub/selector_fault.h"
#include "pubsub/selector_lex.h"
#include "pubsub/selector_node.h"

struct selector_scan {
    struct selector_lex lex;
    struct selector_lex_token token; /* the next one */
    struct selector_fault *fault;
    struct arena *arena;
    size_t node_count;
    unsigned depth;
    unsigned any_count; /* [] in the comparison being read */
};

/** Checks that the text is UTF-8 and reads the first token. The text and the arena are borrowed
 *  for as long as the nodes live. Errors as selector_parse(), with *ret_fault set. */
must_check enum err selector_scan_begin(struct selector_scan *scan, struct span text,
                                        struct arena *arena, struct selector_fault *ret_fault);

/** Sets the fault. ERR_LIMIT for the reasons that are limits, else ERR_PROTO. */
must_check enum err selector_scan_refuse(struct selector_scan *scan,
                                         enum selector_fault_reason reason, size_t at);

/** Something else was expected where the next token stands, which may be the end. */
must_check enum err selector_scan_refuse_token(struct selector_scan *scan,
                                               enum selector_fault_reason reason);

static inline bool selector_scan_is_next(const struct selector_scan *scan,
                                         enum selector_lex_type type)
{
    return scan->token.type == type;
}

must_check enum err selector_scan_advance(struct selector_scan *scan);

/** Goes past a token of this type, or refuses the one that is there. */
must_check enum err selector_scan_expect(struct selector_scan *scan,
                                         enum selector_lex_type type,
                                         enum selector_fault_reason reason);

/** What the next token, a STRING or QUOTED, stands for; in the arena. */
must_check enum err selector_scan_unquote(struct selector_scan *scan, struct span *ret_text);

/** One level deeper. The caller takes it off scan->depth again. */
must_check enum err selector_scan_enter(struct selector_scan *scan);

must_check enum err selector_scan_node(struct selector_scan *scan, enum selector_node_type type,
                                       size_t at, struct selector_node **ret_node);

/** A node above `child`, which begins where that begins. */
must_check enum err selector_scan_parent(struct selector_scan *scan,
                                         enum selector_node_type type,
                                         struct selector_node *child,
                                         struct selector_node **ret_node);

/** Refuses a condition. */
must_check enum err selector_scan_check_value(struct selector_scan *scan,
                                              const struct selector_node *node);

/** Refuses what cannot turn out to be a number, as far as the text says it. */
must_check enum err selector_scan_check_number(struct selector_scan *scan,
                                               const struct selector_node *node,
                                               enum selector_fault_reason reason);
